"""Plain functions: everything the command line can do, from Python.

Example:
    >>> import binding
    >>> rows = binding.predict("protein.pdb", "ligands.sdf")  # doctest: +SKIP
    >>> rows[["id", "pk", "pk_std", "dg_kcal_mol"]]  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from binding.errors import TableError, UsageError
from binding.graph.site import PocketSpec
from binding.io.predictions import read_predictions
from binding.io.results import ResultRow, open_writer, to_frame
from binding.io.table import Request
from binding.poses.series import place as place
from binding.score.featurize import resolve_pocket
from binding.score.options import Setup
from binding.score.pipeline import DEFAULT_BATCH_SIZE, predict_requests
from binding.score.requests import LigandInput
from binding.score.requests import plan as plan
from binding.structures import Protein

if TYPE_CHECKING:
    import pandas as pd

    from binding.config import TrainConfig
    from binding.data.ligand_table import PriorReport
    from binding.data.prepare import PrepareReport
    from binding.evaluation import Report
    from binding.explanation.rows import Explained, Explanation
    from binding.model.weights import Scorer
    from binding.pretraining.config import PretrainConfig
    from binding.pretraining.run import PretrainResult
    from binding.screening.run import ScreenResult
    from binding.splits.split import SplitResult
    from binding.training.finish import TrainResult

PocketInput = PocketSpec | Path | str


def load_model(name_or_path: str | Path | None = None, *, device: str = "auto", dtype: str = "float32") -> Scorer:
    """Load a model once, to hand it to ``predict`` again and again.

    Args:
        name_or_path: A shipped model's name or a ``.safetensors`` file; the shipped default if None.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; ``auto`` takes a GPU if there is one.
        dtype: ``float32`` or ``float64``.

    Raises:
        WeightsError: The weights are missing, damaged or of another version.
    """
    from binding.model import weights as checkpoint

    return checkpoint.load_model(name_or_path, device=device, dtype=dtype)


def model_card(name_or_path: str | Path | None = None) -> dict[str, Any]:
    """The card of a model: data, splits, metrics with their intervals, settings.

    Raises:
        WeightsError: There is no such model, or it has no card.
    """
    from binding.model import weights as checkpoint

    return checkpoint.load_card(name_or_path)


def predict(
    source: str | Path | Protein | Sequence[Request],
    ligands: LigandInput | Sequence[LigandInput] | None = None,
    *,
    ligand: str = "auto",
    pocket: PocketInput | None = None,
    template: str | None = None,
    model: Scorer | str | Path | None = None,
    device: str = "auto",
    workers: int | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    output: str | Path | None = None,
) -> pd.DataFrame:
    """Score complexes.

    Args:
        source: With ``ligands``, the protein: a file or a ``Protein``. Without, a complex file that holds
            its ligand, a table of requests (``.csv``), a folder in PDBbind layout, or requests.
        ligands: Files (SDF, MOL2, PDBQT, PDB), RDKit molecules with 3D coordinates in Å in the protein's
            frame, or a list of them. A file may hold many records.
        ligand: Which ligand of a complex file: ``auto``, ``LIG`` or ``A:LIG:301``.
        pocket: A ``PocketSpec``, the file of a reference ligand, or words such as ``"8"`` (Å about the
            ligand), ``"12.5, -3, 40.1, 10"`` (centre and radius, Å), ``"A:ASP:25, A:27"``. By default
            residues within 10 Å of each ligand.
        template: SMILES with the bond orders of a ligand that has none (PDB, PDBQT).
        model: From ``load_model``, or what it takes.
        device: Where a model is loaded to that is not loaded yet.
        workers: Processes that read files; by default 0 for few requests, else 2.
        batch_size: Complexes in one pass of the network.
        output: Also write the rows to this ``.csv``, ``.jsonl``, ``.sdf`` or ``.parquet``.

    Returns:
        One row a ligand record, in input order; see ``binding.io.results.ResultRow`` for the columns.
        ``pk`` = -log10(K / M), higher binds tighter. A row that could not be scored has ``status``
        ``failed``, NaN for numbers, and its ``error_code`` and ``message``.

    Raises:
        BindingError: The source itself is unusable: missing files, a protein that cannot be read, a bad
            table, options that do not fit. A bad ligand is a failed row instead.
    """
    requests = plan(source, ligands, ligand=ligand)
    rows = predict_rows(
        requests,
        pocket=pocket,
        template=template,
        model=model,
        device=device,
        workers=workers,
        batch_size=batch_size,
    )
    if output is None:
        return to_frame(rows)
    kept = []
    with open_writer(output) as writer:
        for row in rows:
            writer.write(row)
            kept.append(row)
    return to_frame(kept)


def predict_rows(
    requests: Iterable[Request],
    *,
    pocket: PocketInput | None = None,
    template: str | None = None,
    model: Scorer | str | Path | None = None,
    device: str = "auto",
    workers: int | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
) -> Iterator[ResultRow]:
    """Like ``predict``, row by row as they are ready; ``plan`` makes the requests.

    Raises:
        BindingError: Before the first row, where the model or the pocket cannot be read.
    """
    setup = Setup.of(pocket, template, model, device, workers, batch_size)  # refused before anything is read
    return predict_requests(requests, setup.scorer, **setup.options())


def explain(
    source: str | Path | Protein | Sequence[Request],
    ligands: LigandInput | Sequence[LigandInput] | None = None,
    *,
    ligand: str = "auto",
    pocket: PocketInput | None = None,
    template: str | None = None,
    model: Scorer | str | Path | None = None,
    device: str = "auto",
    workers: int | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    output: str | Path | None = None,
) -> Explained:
    """Say what each pk is the sum of: its parts, each residue's share of the contacts and each ligand atom's.

    Args:
        source, ligands, ligand, pocket, template, model, device, workers, batch_size: As for ``binding.predict``.
        output: Also write a folder: three tables, the ligands with their atoms' shares, and a report.

    Returns:
        Tables by complex, residue and atom, pK each, above zero binds tighter. ``parts`` has one row a ligand record,
        in input order; what could not be scored says why there, and has no residues and atoms.

    Raises:
        BindingError: As for ``binding.predict``; or the folder cannot be written.
    """
    found = explain_rows(
        plan(source, ligands, ligand=ligand),
        pocket=pocket,
        template=template,
        model=model,
        device=device,
        workers=workers,
        batch_size=batch_size,
    )
    from binding.explanation.rows import Explained
    from binding.reports.explanation_folder import ExplanationFolder

    if output is None:
        return Explained.of(found)
    with ExplanationFolder(output) as folder:
        return Explained.of(folder.write(explanation) for explanation in found)


def explain_rows(
    requests: Iterable[Request],
    *,
    pocket: PocketInput | None = None,
    template: str | None = None,
    model: Scorer | str | Path | None = None,
    device: str = "auto",
    workers: int | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
) -> Iterator[Explanation]:
    """Like ``explain``, one by one as they are ready; ``binding.api.plan`` makes the requests.

    Raises:
        BindingError: Before the first one, see ``binding.score.options.Setup``.
    """
    from binding.explanation.run import explain_requests

    setup = Setup.of(pocket, template, model, device, workers, batch_size)  # refused before anything is read
    return explain_requests(requests, setup.scorer, **setup.options())


def screen(
    library: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    protein: str | Path | None = None,
    pocket: PocketInput | None = None,
    **settings: Any,
) -> ScreenResult:
    """Screen a library into a folder, or go on with a screen that was stopped; see ``binding.screening.run``.

    Args:
        library: Ligand files, folders, globs, lists of files, tables of mol blocks, SMILES or pairs.
        output: Folder of the run.
        protein: The receptor; None where the library is a table of pairs.
        pocket: As for ``predict``; by default residues within 10 Å of each pose.
        settings: Further fields of ``binding.screening.run.ScreenPlan``, such as ``model``, ``top`` and ``engine``.

    Returns:
        Counts and where the results are. A record that cannot be scored is a row of ``failures.csv``.

    Raises:
        BindingError: What was asked for is unusable, the folder is taken, or the disk is full.
    """
    from binding.screening import run

    plan = run.ScreenPlan(
        library=[library] if isinstance(library, str | Path) else library,
        output=Path(output),
        protein=None if protein is None else Path(protein),
        pocket=PocketSpec() if pocket is None else resolve_pocket(pocket),
        **settings,
    )
    return run.screen(plan)


def top(
    run: str | Path,
    n: int = 100,
    *,
    where: str | None = None,
    sort_by: str | None = None,
    output: str | Path | None = None,
) -> pd.DataFrame:
    """The best compounds of a screen, finished or under way; see ``binding.screening.top``.

    Args:
        run: Folder of the run.
        n: How many at most.
        where: An SQL condition on the columns of the results, such as ``"pk_ligand_only < 7"``.
        sort_by: An SQL expression to sort by, greatest first, instead of ``rank``.
        output: Also write them to this ``.csv``, ``.parquet`` or ``.sdf``.

    Raises:
        BindingError: There is no such run, an expression cannot be used, or a file cannot be written.
    """
    from binding.screening.top import find_top, write_top

    found = find_top(run, n, where=where, sort_by=sort_by)
    if output is not None:
        write_top(found, output)
    return found.rows.to_pandas()


def report(run: str | Path, output: str | Path | None = None, **settings: Any) -> Path:
    """Write the report of a screen as one HTML file; see ``binding.reports.screening.write_report``.

    Args:
        run: Folder of the run.
        output: The file; ``report.html`` in the folder by default.
        settings: ``labels``, ``label`` and ``top``.

    Raises:
        BindingError: There is no such run, or the labels cannot be used.
    """
    from binding.reports.screening import write_report

    return write_report(run, output, **settings)


def evaluate(
    source: str | Path | pd.DataFrame,
    truth: str | Path,
    *,
    column: str = "pk",
    id_column: str = "id",
    peers: str | Path | None = None,
    group: str | None = None,
    series: str | None = None,
    compound: str | None = None,
    label: str | None = None,
    rmsd: str | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> Report:
    """Compare predictions with measured affinities, and with labels of actives and RMSDs of poses.

    Args:
        source: What ``predict`` returned or wrote (``.csv``, ``.jsonl``, ``.parquet``).
        truth: A table with ``id`` and ``pk`` (or ``affinity``), or a PDBbind index file. With ``label`` or
            ``rmsd``, a row may lack the affinity.
        column: The predictions to judge.
        id_column: What of the predictions is matched with the truth's ``id``, such as ``ligand``.
        peers: A table of other methods' predictions by ``id``, for paired comparison.
        group: The truth's column of targets: ranking inside each, and what ``label`` and ``rmsd`` go by.
        series: The truth's column of congeneric series: correlations inside each, weighted by compounds.
        compound: The truth's column that names the compound of each pose or protomer; the best one counts.
        label: The truth's column that marks actives with 1 and inactives with 0: enrichment.
        rmsd: The truth's column of RMSDs to the native pose, Å: docking power; needs ``group``.
        resamples: Of the bootstrap behind the intervals.
        seed: Of the bootstrap.

    Returns:
        Figures with 95 % intervals, beside those of heavy-atom counting and of what the ligand alone predicts.

    Raises:
        FileError: A table cannot be read.
        TableError: A column is missing, an id occurs twice, a cell cannot be read, or no id is in both.
        UsageError: ``rmsd`` without ``group``.
    """
    from binding import evaluation
    from binding.io.truth import read_truth

    columns = evaluation.TruthColumns(group=group, series=series, compound=compound, label=label, rmsd=rmsd)
    predictions = source if not isinstance(source, str | Path) else read_predictions(source)
    if id_column != "id":
        if id_column not in predictions.columns:
            raise TableError(
                f"The predictions have no column {id_column!r}.", f"Columns found: {', '.join(predictions.columns)}."
            )
        predictions = predictions.assign(id=predictions[id_column])
    return evaluation.evaluate(
        predictions,
        read_truth(truth, list(columns.asked.values()), affinities=columns.needs_affinities),
        column=column,
        columns=columns,
        peers=None if peers is None else read_predictions(peers),
        resamples=resamples,
        seed=seed,
        truth_name=Path(truth).name,
    )


def prepare(
    data: str | Path | None,
    output: str | Path,
    *,
    protein: str | Path | None = None,
    ligands: str | Path | Sequence[str | Path] | None = None,
    index: str | Path | None = None,
    **settings: Any,
) -> PrepareReport:
    """Read complexes and their measured affinities into a training cache; see ``binding.data.prepare``.

    Args:
        data: Folder in PDBbind layout, or a table with ``id``, ``protein``, ``ligand`` and an affinity; None where
            ``protein`` and ``ligands`` are given.
        output: The cache, ``.npz``.
        protein, ligands: One structure file, and files of its posed ligands, titled by the index's ids.
        index: Measured affinities by id; ``<data>/index.csv`` by default.
        settings: ``source``, ``pocket_cutoff`` (Å), ``workers`` and ``progress`` of ``binding.data.prepare``.

    Raises:
        BindingError: The data or the index cannot be read, or nothing in them can be used.
    """
    from binding.data import prepare as preparing

    return preparing.prepare(data, output, protein=protein, ligands=ligands, index=index, **settings)


def split(
    folders: Sequence[str | Path],
    *,
    by: str = "random",
    indexes: Sequence[str | Path] | None = None,
    report: bool = False,
    progress: Callable[[str], Callable[[int, int], None] | None] | None = None,
    **settings: Any,
) -> SplitResult:
    """Split complexes into training, validation and test rows; see ``binding.splits.split``.

    Args:
        folders: In PDBbind layout; several are split as one.
        by: ``random``, ``time``, ``protein``, ``scaffold``, ``both`` or ``column``.
        indexes: Measured affinities, one a folder; ``<folder>/index.csv`` by default.
        report: Whether to find the nearest training protein and ligand of each held-out row.
        progress: Called with what is being done; returns a function of the numbers done and to do.
        settings: ``test``, ``validation``, ``seed``, ``identity``, ``similarity``, ``column``, ``test_values`` and
            ``validation_values`` of ``binding.splits.split.SplitRule``.

    Raises:
        BindingError: A folder or an index cannot be read, or the rule does not fit the data.
    """
    from binding.splits.split import SplitRule, split_dataset

    return split_dataset(folders, SplitRule(by=by, **settings), indexes=indexes, report=report, progress=progress)


def train(
    config: str | Path | TrainConfig,
    overrides: dict[str, Any] | None = None,
    *,
    progress: bool = False,
    restart: bool = False,
) -> TrainResult:
    """Train a model, or go on with a run that was stopped; see ``binding.training.run``.

    Args:
        config: Settings, or their YAML file.
        overrides: Dotted names and values that replace those of the file.
        progress: Whether to draw a progress bar.
        restart: Start anew even where the output folder holds a run.

    Raises:
        BindingError: A setting or a cache cannot be used, or the folder holds a run with other settings.
    """
    from binding.config import TrainConfig
    from binding.training import run

    if isinstance(config, TrainConfig):
        if overrides:
            raise UsageError("Overrides go with a settings file; change the settings object itself instead.")
        settings = config
    else:
        settings = TrainConfig.from_yaml(config, overrides)
    return run.train(settings, progress=progress, restart=restart)


def prior(table: str | Path, output: str | Path, **how: Any) -> PriorReport:
    """Fit a prior to have a share in pk; see ``binding.data.ligand_table.prior_from_table``."""
    from binding.data import ligand_table

    return ligand_table.prior_from_table(table, output, **how)


def pretrain(config: str | Path | PretrainConfig, **how: Any) -> PretrainResult:
    """Pre-train encoders that training can begin with; see ``binding.pretraining.run.run`` for the arguments."""
    from binding.pretraining import run as pretraining

    return pretraining.run(config, **how)
