"""Plain functions: everything the command line can do, from Python; also importable from ``binding`` itself.

Examples:
    >>> import binding
    >>> rows = binding.predict("protein.pdb", "ligands.sdf")  # doctest: +SKIP
    >>> rows[["id", "pk", "pk_std", "dg_kcal_mol"]]  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from binding.callbacks import Advance, Announce
from binding.errors import TableError, UsageError
from binding.io.predictions import read_predictions
from binding.io.results import open_writer, to_frame
from binding.io.table import Request
from binding.poses.series import place as place
from binding.score.options import DEFAULT_BATCH_SIZE, PocketInput, ScoringOptions, resolve_pocket
from binding.score.pipeline import predict_rows as predict_rows
from binding.score.plausibility import PoseChecks
from binding.score.requests import LigandInput
from binding.score.requests import requests_from as requests_from
from binding.structures import Protein

if TYPE_CHECKING:
    import pandas as pd

    from binding.archive.collect import FetchReport
    from binding.config import TrainConfig
    from binding.data.ligand_table import PriorReport
    from binding.data.prepare import PrepareReport
    from binding.evaluation import Report
    from binding.explanation.rows import Explained, Explanation
    from binding.explanation.run import Asked
    from binding.model.weights import Scorer
    from binding.poses.poser import Posing
    from binding.pretraining.config import PretrainConfig
    from binding.pretraining.run import PretrainResult
    from binding.probes.rows import Probed
    from binding.probes.run import ProbePlan
    from binding.reports.view import View
    from binding.screening.ledger import Progress
    from binding.screening.plan import EngineOptions, Shard
    from binding.screening.run import ScreenResult
    from binding.splits.split import SplitResult
    from binding.training.finish import TrainResult


def load_model(name_or_path: str | Path | None = None, *, device: str = "auto", dtype: str = "float32") -> Scorer:
    """Load a model once, to hand it to ``predict`` again and again.

    Args:
        name_or_path: A shipped model's name or a ``.safetensors`` file; the shipped default if None.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``; ``auto`` takes a GPU if there is one.
        dtype: ``float32`` or ``float64``.

    Raises:
        WeightsError: The weights are missing, damaged or of another version.
    """
    from binding.model import weights as checkpoint

    return checkpoint.load_model(name_or_path, device=device, dtype=dtype)


def model_card(name_or_path: str | Path | None = None) -> dict[str, Any]:
    """The card of a model: data, splits, metrics with their intervals, settings.

    Args:
        name_or_path: A shipped model's name or a ``.safetensors`` file; the shipped default if None.

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
    checks: str | PoseChecks | None = None,
    experts: str = "all",
    evidence: int = 0,
    time_limit: float | None = None,
    output: str | Path | None = None,
) -> pd.DataFrame:
    """Score complexes.

    Args:
        source: With ``ligands``, the protein: a file or a ``Protein``. Without, a complex file that holds
            its ligand, a table of requests (``.csv``), a folder in PDBbind layout, or requests.
        ligands: Files (SDF, MOL2, PDBQT, PDB, mmCIF), RDKit molecules with 3D coordinates in Å in the protein's
            frame, or a list of them. A file may hold many records. Or what ``ligand`` takes.
        ligand: Which ligand of a complex file: ``auto``, ``LIG`` or ``A:LIG:301``.
        pocket: A ``PocketSpec``, the file of a reference ligand, or words such as ``"8"`` (Å about the
            ligand), ``"12.5, -3, 40.1, 10"`` (centre and radius, Å), ``"A:ASP:25, A:27"``. By default
            residues within 10 Å of each ligand.
        template: SMILES with the bond orders of a ligand that has none (PDB, PDBQT).
        model: From ``load_model``, or what it takes.
        device: Where a model is loaded to that is not loaded yet.
        workers: Processes that read files; by default 0 for few requests, else 2.
        batch_size: Complexes in one pass of the network.
        checks: ``fast`` or ``posebusters``: columns that say whether each pose is physically plausible.
        experts: What ``pk`` is made of: ``all``, ``network`` (networks and geometry, no prior) or ``prior``.
        evidence: Measurements behind the prior's part of ``pk`` to list in each row, in columns of their own; see
            ``binding.io.columns.evidence_columns``.
        time_limit: Seconds that a record may take in a worker process before it is a failed row; by default 30. What is
            read in this process has no limit: give ``workers=1`` for files that you do not trust.
        output: Also write the rows to this ``.csv``, ``.jsonl``, ``.sdf`` or ``.parquet``.

    Returns:
        One row a ligand record, in input order; see ``binding.io.results.ResultRow`` for the columns.
        ``pk`` = -log10(K / M), higher binds tighter. A row that could not be scored has ``status``
        ``failed``, NaN for numbers, and its ``error_code`` and ``message``.

    Raises:
        BindingError: The source itself is unusable: missing files, a protein that cannot be read, a bad
            table, options that do not fit. A bad ligand is a failed row instead.
    """
    options = ScoringOptions(
        pocket=resolve_pocket(pocket),
        template=template,
        model=model,
        device=device,
        workers=workers,
        batch_size=batch_size,
        checks=PoseChecks(checks) if isinstance(checks, str) else checks,
        experts=experts,
        evidence=evidence,
        time_limit=time_limit,
    )
    rows = predict_rows(requests_from(source, ligands, ligand=ligand), options)
    requested = options.requested_columns
    if output is None:
        return to_frame(rows, requested)
    kept = []
    with open_writer(output, requested) as writer:
        for row in rows:
            writer.write(row)
            kept.append(row)
    return to_frame(kept, requested)


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
    experts: str = "all",
    attention: bool = False,
    gradients: bool = False,
    occlusion: bool = False,
    evidence: int = 10,
    interactions: bool = False,
    output: str | Path | None = None,
) -> Explained:
    """Say what each pk is the sum of: its parts, and what each residue and each ligand atom contributes by contacts.

    Args:
        source: As for ``predict``, like all that follow down to ``batch_size``.
        ligands: Ligand files or molecules.
        ligand: Which ligand of a complex file.
        pocket: Which residues are the pocket.
        template: SMILES with the bond orders of a ligand that has none.
        model: From ``load_model``, or what it takes.
        device: Where a model is loaded to that is not loaded yet.
        workers: Processes that read files.
        batch_size: Complexes in one pass of the network.
        experts: What ``pk`` is made of: ``all``, ``network`` (networks and geometry, no prior) or ``prior``.
        attention: Also give the attention weights of each network, layer, direction and head.
        gradients: Also give integrated gradients by pair, atom and residue; needs the extra ``explain`` (captum).
        occlusion: Also delete each residue in reach and each piece of the ligand, and say what pk loses.
        evidence: How many measurements behind the prior's part to list; 0 for none.
        interactions: Also name hydrogen bonds, salt bridges and the like; needs the extra ``interactions`` (ProLIF).
        output: Also write a folder: tables, the ligands with the contributions of their atoms, and a report.

    Returns:
        Tables by complex, residue, atom and pair of both, in pK; above zero binds tighter. ``parts`` has one row a
        ligand record, in input order; a record that could not be scored says why there, and stands in no other table.

    Raises:
        BindingError: As for ``predict``; or the folder cannot be written; or ``missing_extra``.
    """
    from binding.explanation.rows import Explained
    from binding.explanation.run import Asked
    from binding.reports.explanation_folder import ExplanationFolder

    options = ScoringOptions(
        pocket=resolve_pocket(pocket),
        template=template,
        model=model,
        device=device,
        workers=workers,
        batch_size=batch_size,
        experts=experts,
    )
    asked = Asked(
        attention=attention,
        gradients=gradients,
        occlusion=occlusion,
        evidence=evidence,
        interactions=interactions,
    )
    found = explain_rows(requests_from(source, ligands, ligand=ligand), options, asked)
    if output is None:
        return Explained.of(found)
    with ExplanationFolder(output) as folder:
        return Explained.of(folder.write(explanation) for explanation in found)


def view(explained: Explained | Explanation | Iterable[Explanation], *, height: int = 760) -> View:
    """Shows explanations in a notebook, with the pocket in 3D; nothing is asked of the network.

    Args:
        explained: What ``explain`` returned, one of its ``complexes``, or several.
        height: Pixels that the view takes in the notebook.

    Returns:
        The page of ``binding explain``, which a notebook shows in place; ``save("page.html")`` writes it.
    """
    from binding.reports.view import view_of

    return view_of(explained, height)


def explain_rows(
    requests: Iterable[Request], options: ScoringOptions | None = None, asked: Asked | None = None
) -> Iterator[Explanation]:
    """Like ``explain``, one by one as they are ready; ``requests_from`` makes the requests.

    Args:
        requests: What to explain.
        options: How to score.
        asked: What to find beside the contributions.

    Raises:
        BindingError: Before the first one, where the model cannot be loaded.
    """
    from binding.explanation import run

    return run.explain_rows(requests, options, asked)


def probe(
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
    plan: ProbePlan | None = None,
    output: str | Path | None = None,
) -> pd.DataFrame:
    """Change a part of the model or of its input, without training, and say what follows.

    Args:
        source: As for ``predict``, like all that follow down to ``batch_size``.
        ligands: Ligand files or molecules.
        ligand: Which ligand of a complex file.
        pocket: Which residues are the pocket.
        template: SMILES with the bond orders of a ligand that has none.
        model: From ``load_model``, or what it takes.
        device: Where a model is loaded to that is not loaded yet.
        workers: Processes that read files.
        batch_size: Complexes in one pass of the network.
        plan: What to change, a ``binding.probes.run.ProbePlan``; everything if None.
        output: Also write the rows to this ``.csv``.

    Returns:
        Rows of ``binding.probes.rows.PROBE_COLUMNS``, those of one record together, the unchanged one first. A record
        that could not be scored has none.

    Raises:
        BindingError: As for ``predict``.
    """
    from binding.files import atomic
    from binding.probes.rows import to_table

    options = ScoringOptions(
        pocket=resolve_pocket(pocket),
        template=template,
        model=model,
        device=device,
        workers=workers,
        batch_size=batch_size,
    )
    table = to_table(probe_rows(requests_from(source, ligands, ligand=ligand), options, plan))
    if output is not None:
        with atomic(Path(output)) as partial:
            table.to_csv(partial, index=False, float_format="%.4f")
    return table


def probe_rows(
    requests: Iterable[Request], options: ScoringOptions | None = None, plan: ProbePlan | None = None
) -> Iterator[Probed]:
    """Like ``probe``, one complex after the other as they are ready; ``requests_from`` makes the requests.

    Raises:
        BindingError: Before the first one, where the model cannot be loaded.
    """
    from binding.probes import run

    return run.probe_rows(requests, options, plan)


def screen(
    library: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    protein: str | Path | None = None,
    pocket: PocketInput | None = None,
    template: str | None = None,
    compound_tag: str | None = None,
    model: str | Path | None = None,
    device: str = "auto",
    workers: int | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    experts: str = "all",
    part_size: int | None = None,
    posing: Posing | None = None,
    prefilter: int | None = None,
    engine: EngineOptions | None = None,
    shard: Shard | str | None = None,
    top: int = 100,
    checks: str | PoseChecks | None = None,
    time_limit: float | None = None,
    all_networks: bool = False,
    restart: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> ScreenResult:
    """Screen a library into a folder, or continue a screen that was stopped.

    Args:
        library: Ligand files, folders, globs, lists of files, tables of mol blocks, SMILES or pairs.
        output: Folder of the run.
        protein: The receptor; None where the library is a table of pairs.
        pocket: As for ``predict``; by default residues within 10 Å of each pose.
        template: SMILES with the bond orders of ligands that have none.
        compound_tag: SD tag that groups the poses of a compound; by default the record's title does.
        model: Weights by name or path; the shipped default if None.
        device: ``auto``, ``cpu``, ``cuda`` ...
        workers: Processes; all cores by default, 0 for none but this one.
        batch_size: Complexes in one pass of the network.
        experts: What ``pk`` is made of: ``all``, ``network`` (networks and geometry, no prior) or ``prior``.
        part_size: Most records of a part, the unit that is written at once; by default 1,024 poses, or fewer SMILES.
        posing: How SMILES get poses: placed on a reference ligand or docked.
        prefilter: How many compounds get poses: those nearest to a measurement at the site. The others are rows of
            ``prefilter.parquet``. None poses all.
        engine: Where the work is done: processes on this machine, or Ray.
        shard: Which share of the parts this process does, such as ``"3/20"``.
        top: Compounds in ``top.sdf``.
        checks: ``fast`` or ``posebusters``: columns that say whether each pose is physically plausible.
        time_limit: Seconds that a record may take in a worker process before it is a failed row; by default 30, placed
            120, docked 1,800.
        all_networks: Judge ``pose`` by all networks of the weights, as ``predict`` does; by default by the first.
        restart: Discard what the folder holds.
        progress: Called after each part.

    Returns:
        Counts and where the results are. A record that cannot be scored is a row of ``failures.csv``.

    Raises:
        BindingError: What was asked for is unusable, the folder is taken, or the disk is full.
    """
    from binding.screening import run
    from binding.screening.plan import EngineOptions, ScreenPlan, Shard

    plan = ScreenPlan(
        library=[library] if isinstance(library, str | Path) else library,
        output=Path(output),
        protein=None if protein is None else Path(protein),
        scoring=ScoringOptions(
            pocket=resolve_pocket(pocket),
            template=template,
            model=model,
            device=device,
            workers=workers,
            batch_size=batch_size,
            experts=experts,
            checks=PoseChecks(checks) if isinstance(checks, str) else checks,
            time_limit=time_limit,
            one_network=not all_networks,
        ),
        compound_tag=compound_tag,
        part_size=part_size,
        posing=posing,
        prefilter=prefilter,
        engine=engine or EngineOptions(),
        shard=Shard.parse(shard) if isinstance(shard, str) else shard or Shard(),
        top=top,
        restart=restart,
    )
    return run.screen(plan, progress=progress or (lambda _: None))


def top(
    run: str | Path,
    n: int = 100,
    *,
    by: str | None = None,
    where: str | None = None,
    sort_by: str | None = None,
    smarts: Sequence[str] = (),
    diverse: int | None = None,
    properties: bool = False,
    output: str | Path | None = None,
) -> pd.DataFrame:
    """The best compounds of a screen, finished or under way.

    Args:
        run: Folder of the run.
        n: How many at most.
        by: Column to rank by, such as ``"dock_score"``; each compound is represented by its best pose by it.
        where: An SQL condition on the columns of the results, such as ``"pk_ligand_only < 7"``.
        sort_by: An SQL expression to sort by, greatest first, instead of ``rank``.
        smarts: Substructures that a compound must have; after ``!`` one that it must not have.
        diverse: Choose so many of the ``n`` that differ, the best of each group.
        properties: Add weight, logP, TPSA, donors, acceptors, rotatable bonds, QED, alerts and scaffold.
        output: Also write them to this ``.csv``, ``.parquet`` or ``.sdf``.

    Returns:
        One row a compound, best first; ``rank`` is that among all compounds of the run.

    Raises:
        BindingError: There is no such run, an expression cannot be used, or a file cannot be written.
    """
    from binding.screening.store import RANKED_BY
    from binding.screening.top import find_top, write_top

    found = find_top(
        run,
        n,
        by=by or RANKED_BY,
        where=where,
        sort_by=sort_by,
        smarts=smarts,
        diverse=diverse,
        properties=properties,
    )
    if output is not None:
        write_top(found, output)
    return found.rows.to_pandas()


def report(
    run: str | Path,
    output: str | Path | None = None,
    *,
    labels: str | Path | None = None,
    label: str = "label",
    top: int = 100,
) -> Path:
    """Write the report of a screen as one HTML file, which opens without a network.

    Args:
        run: Folder of the run, finished or under way.
        output: The file; ``report.html`` in the folder by default.
        labels: A table with ``id`` (the compound) and a column of labels: adds the enrichment.
        label: That column: 1 or ``active``; 0, ``inactive`` or ``decoy``; or empty.
        top: Compounds that are listed and drawn.

    Returns:
        The file.

    Raises:
        BindingError: There is no such run, or the labels cannot be used.
    """
    from binding.reports.screening import write_report

    return write_report(run, output, labels=labels, label=label, top=top)


def evaluate(
    source: str | Path | pd.DataFrame,
    truth: str | Path,
    *,
    column: str = "pk",
    id_column: str = "id",
    truth_id: str = "id",
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
        truth_id: The truth's column that is taken for its ``id``, such as ``compound``.
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
        read_truth(truth, list(columns.asked.values()), affinities=columns.needs_affinities, id_column=truth_id),
        column=column,
        columns=columns,
        peers=None if peers is None else read_predictions(peers),
        resamples=resamples,
        seed=seed,
        truth_name=Path(truth).name,
    )


def fetch(
    ids: str | Path,
    output: str | Path,
    *,
    jobs: int = 4,
    attempts: int = 5,
    timeout: float = 30.0,
    entry_url: str | None = None,
    component_url: str | None = None,
    progress: Advance | None = None,
) -> FetchReport:
    """Download PDB entries, take the named ligands out, and write a folder that ``prepare`` reads.

    Args:
        ids: Table with ``id`` or ``pdb_id`` and, as needed, ``ligand_code``, ``chain``, ``number``, ``smiles`` and an
            affinity; or a PDBbind index file.
        output: The folder to fill; what is there from an earlier run is kept.
        jobs: Downloads at a time, 1 to 16.
        attempts: Tries of each file.
        timeout: Seconds without a byte after which a try is given up.
        entry_url: Address of an entry in a mirror, with ``{id}``, ``{ID}`` or ``{middle}``.
        component_url: Address of a chemical component in a mirror, with ``{code}`` or ``{last}``.
        progress: Called with the numbers of rows done and to do.

    Returns:
        What became of each row.

    Raises:
        BindingError: The table cannot be read, an option does not fit, or the folder cannot be written.
    """
    from binding.archive.collect import collect
    from binding.archive.download import Manners

    return collect(
        ids,
        output,
        entry_url=entry_url,
        component_url=component_url,
        jobs=jobs,
        manners=Manners(attempts=attempts, timeout=timeout),
        progress=progress,
    )


def prepare(
    data: str | Path | None,
    output: str | Path,
    *,
    protein: str | Path | None = None,
    ligands: str | Path | Sequence[str | Path] | None = None,
    index: str | Path | None = None,
    source: str | None = None,
    pocket_cutoff: float = 10.0,
    workers: int | None = None,
    time_limit: float | None = None,
    progress: Advance | None = None,
) -> PrepareReport:
    """Read complexes and their measured affinities into a training cache.

    Args:
        data: Folder in PDBbind layout, or a table with ``id``, ``protein``, ``ligand`` and an affinity; None where
            ``protein`` and ``ligands`` are given.
        output: The cache, ``.npz``.
        protein: One structure file, with ``ligands``.
        ligands: Files of its posed ligands, titled by the index's ids.
        index: Measured affinities by id; ``<data>/index.csv`` by default.
        source: Name of this data in the column ``source``; that of the folder, table or protein by default.
        pocket_cutoff: Residues with a heavy atom this close to the ligand are kept, Å.
        workers: Processes; all cores by default, 0 for none but this one.
        time_limit: Seconds that a row may take in a worker process before it is refused; by default 30.
        progress: Called with how many rows are done and how many there are.

    Returns:
        How many rows there are, and which were rejected and why.

    Raises:
        BindingError: The data or the index cannot be read, or nothing in them can be used.
    """
    from binding.data import prepare as preparing

    return preparing.prepare(
        data,
        output,
        protein=protein,
        ligands=ligands,
        index=index,
        source=source,
        pocket_cutoff=pocket_cutoff,
        workers=workers,
        time_limit=time_limit,
        progress=progress,
    )


def split(
    folders: Sequence[str | Path],
    *,
    by: str = "random",
    indexes: Sequence[str | Path] | None = None,
    test: float = 0.1,
    validation: float = 0.1,
    seed: int = 0,
    identity: float = 0.3,
    similarity: float = 0.5,
    column: str | None = None,
    test_values: Sequence[str] = (),
    validation_values: Sequence[str] = (),
    report: bool = False,
    progress: Announce | None = None,
) -> SplitResult:
    """Split complexes into training, validation and test rows.

    Args:
        folders: In PDBbind layout; several are split as one.
        by: ``random``, ``time``, ``protein``, ``scaffold``, ``both`` or ``column``.
        indexes: Measured affinities, one file a folder; ``<folder>/index.csv`` by default.
        test: Share of the rows to test on.
        validation: Share of the rows to validate on.
        seed: Of the draw.
        identity: Sequence identity from which two proteins count as related.
        similarity: Tanimoto similarity (ECFP4) from which two ligands count as similar.
        column: Column of the index with the dates (``time``) or the sides (``column``).
        test_values: Values of that column that mean test, by ``column``.
        validation_values: Values of that column that mean validation, by ``column``.
        report: Whether to find the nearest training protein and ligand of each held-out row.
        progress: Called with what is being done; returns a function of the numbers done and to do.

    Returns:
        The side of each row, the rule and the counts.

    Raises:
        BindingError: A folder or an index cannot be read, or the rule does not fit the data.
    """
    from binding.splits.split import SplitRule, split_dataset

    rule = SplitRule(
        by=by,
        test=test,
        validation=validation,
        seed=seed,
        identity=identity,
        similarity=similarity,
        column=column,
        test_values=tuple(test_values),
        validation_values=tuple(validation_values),
    )
    return split_dataset(folders, rule, indexes=indexes, report=report, progress=progress)


def train(
    config: str | Path | TrainConfig,
    overrides: dict[str, Any] | None = None,
    *,
    progress: bool = False,
    restart: bool = False,
) -> TrainResult:
    """Train a model, or continue a run that was stopped.

    Args:
        config: Settings, or their YAML file.
        overrides: Dotted names and values that replace those of the file.
        progress: Whether to draw a progress bar.
        restart: Start over even where the output folder holds a run.

    Returns:
        Where the weights and the held-out predictions are.

    Raises:
        BindingError: A setting or a cache cannot be used, or the folder holds a run with other settings.
    """
    from binding.config import TrainConfig
    from binding.training import run

    if isinstance(config, TrainConfig):
        if overrides:
            raise UsageError("Overrides go with a settings file.", "Change the settings object itself instead.")
        settings = config
    else:
        settings = TrainConfig.from_yaml(config, overrides)
    return run.train(settings, progress=progress, restart=restart)


def fit_prior(
    table: str | Path,
    output: str | Path,
    *,
    column: str = "uniprot",
    folds: int = 5,
    sites: Sequence[str | Path] = (),
    progress: Advance | None = None,
) -> PriorReport:
    """Fit a prior, which contributes to pk, to ligands with measured affinities, posed or not.

    Args:
        table: With the columns ``id``, ``smiles``, an affinity, and ``column``.
        output: The prior, ``.npz``.
        column: What training holds out together, as its ``validation.column``.
        folds: As training's ``validation.folds``.
        sites: Caches of ``prepare`` with the complexes that the column ``site`` names.
        progress: Called with how many are done and how many there are, first of the rows, then of the folds.

    Returns:
        Counts, rejected rows with their reasons, and how well held-out rows are predicted.

    Raises:
        BindingError: The table or a cache cannot be used, or the fit fails.
    """
    from binding.data import ligand_table

    return ligand_table.prior_from_table(table, output, column=column, folds=folds, sites=sites, progress=progress)


def pretrain(
    config: str | Path | PretrainConfig,
    overrides: dict[str, Any] | None = None,
    *,
    device: str = "auto",
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    restart: bool = False,
) -> PretrainResult:
    """Pre-train encoders that training can start from.

    Args:
        config: Settings, or their YAML file.
        overrides: Dotted names and values that replace those of the file.
        device: ``auto`` (a GPU where there is one), ``cpu``, ``cuda`` ...
        workers: Processes that read molecules; all cores by default.
        progress: Called with what is being done and the numbers done and to do.
        restart: Start over: what an earlier run left in the folder is removed.

    Returns:
        The files of the encoders, with what they learned from.

    Raises:
        BindingError: A file, a cache or a setting cannot be used, or the folder holds a run with other settings.
    """
    from binding.pretraining import run

    return run.pretrain(config, overrides, device=device, workers=workers, progress=progress, restart=restart)
