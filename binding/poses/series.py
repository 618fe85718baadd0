"""``binding place``: a series of compounds to rows with poses, and the files they are written to.

One row for each compound, in input order; a compound that cannot be placed has a row that says why.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self

from rdkit import Chem

from binding.errors import BindingError, UsageError
from binding.files import atomic, check_writable
from binding.io.columns import OutputColumn, names
from binding.io.ligand import BadRecord, prepare_ligand
from binding.io.results import sdf_record
from binding.io.series import Compound, compounds_from, read_series
from binding.io.structure import read_complex
from binding.io.table import is_selection
from binding.pool import Rescue, WorkerPool, lost_item
from binding.poses.place import Placed, Placer, read_references
from binding.score import limits
from binding.score.featurize import as_binding_error, load_protein
from binding.score.plausibility import PoseChecks
from binding.structures import Ligand, Protein
from binding.worker import begin

if TYPE_CHECKING:
    import pandas as pd

OK: Final = "ok"
FAILED: Final = "failed"
_NAN: Final = float("nan")
_PLACER: Final = "binding.poses.series:place_in_worker"
_LOOKAHEAD: Final = 8  # compounds in progress for each worker


@dataclass(frozen=True)
class PlacementRow:
    """The result for one compound.

    Attributes:
        id: Unique in a run: the compound's name, followed by ``~2`` if the name occurs for the second time.
        reference: Name of the reference ligand that the pose was built on.
        heavy_atoms: Number of heavy atoms; None if the compound could not be read.
        core_atoms: Number of heavy atoms shared with the reference.
        core_coverage: Share of the compound's heavy atoms in the core, 0 to 1.
        core_rmsd: RMSD of the core from the reference, Å.
        clashes: Number of pairs of ligand and protein atoms that are too close.
        score: Vina's affinity of the pose, kcal/mol; lower is better. Compare poses by it, not affinities.
        conformers: Number of conformers tried.
        good: Whether the pose is good enough to train on, by the thresholds of ``binding.poses.place``.
        warnings: Sentences joined by ``"; "``.
        status: ``ok`` or ``failed``.
        error_code: Stable code of the failure, empty for ``ok``.
        message: The failure and what to do about it.
        mol: The pose; not a column.
        properties: SD tags of the compound, written with its pose; not a column.
        checks: Values of ``binding.io.columns.CHECK_COLUMNS`` that were asked for, by name.
    """

    id: str
    reference: str = ""
    heavy_atoms: int | None = None
    core_atoms: int | None = None
    core_coverage: float = _NAN
    core_rmsd: float = _NAN
    clashes: int | None = None
    score: float = _NAN
    conformers: int | None = None
    good: bool = False
    warnings: str = ""
    status: str = OK
    error_code: str = ""
    message: str = ""
    mol: Chem.Mol | None = field(default=None, compare=False, repr=False)
    properties: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    checks: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self, requested: Sequence[OutputColumn] = ()) -> dict[str, Any]:
        """The columns in order and those that were asked for."""
        return {name: getattr(self, name) for name in COLUMNS} | {c.name: self.checks.get(c.name) for c in requested}


COLUMNS: Final = tuple(f.name for f in fields(PlacementRow) if f.name not in ("mol", "properties", "checks"))


def place(
    protein: str | Path | Protein,
    reference: str | Path | Chem.Mol | Ligand | Sequence[Ligand],
    series: str | Path | Sequence[str | Chem.Mol],
    *,
    seed: int = 0,
    workers: int = 0,
    time_limit: float | None = None,
    checks: str | PoseChecks | None = None,
    output: str | Path | None = None,
) -> pd.DataFrame:
    """Build poses of a series on a posed reference ligand.

    Args:
        protein: Structure file, or a ``Protein``.
        reference: A file of posed ligands in the protein's frame, the name of a ligand in the protein's own file
            (``auto``, ``A:LIG:301``), or posed molecules. Each compound uses the one with the largest common core.
        series: A file (``.smi``, ``.csv`` with a column ``smiles``, ``.sdf``), or a list of SMILES or molecules.
        seed: Random seed of the conformers.
        workers: Number of worker processes; 0 for none.
        time_limit: Seconds that a compound may take in a worker process; by default 120.
        checks: ``fast`` or ``posebusters``: columns that say whether each pose is physically plausible.
        output: Also write the poses to this ``.sdf`` and the rows to the ``.csv`` beside it.

    Returns:
        One row for each compound, in order; see ``PlacementRow`` for the columns. ``mol`` is the pose, heavy atoms
        only, or None where ``status`` is ``failed``.

    Raises:
        BindingError: The protein, the reference or the series itself is unusable. A bad compound is a failed row.
    """
    import pandas as pd

    tests = PoseChecks(checks) if isinstance(checks, str) else checks
    asked = () if tests is None else tests.columns
    placer, compounds = plan_placement(protein, reference, series, seed=seed, checks=tests)
    inputs = [Path(item) for item in (protein, reference, series) if isinstance(item, str | Path)]
    with nullcontext() if output is None else PoseWriter(output, table_beside(Path(output), inputs), asked) as writer:
        rows = []
        for row in place_series(placer, compounds, workers=workers, time_limit=time_limit):
            if writer is not None:
                writer.write(row)
            rows.append(row)
    frame = pd.DataFrame([row.as_dict(asked) for row in rows], columns=[*COLUMNS, *names(asked)])
    frame = frame.astype({"heavy_atoms": "Int64", "core_atoms": "Int64", "clashes": "Int64", "conformers": "Int64"})
    return frame.assign(mol=[row.mol for row in rows])


def plan_placement(
    protein: str | Path | Protein,
    reference: str | Path | Chem.Mol | Ligand | Sequence[Ligand],
    series: str | Path | Sequence[str | Chem.Mol],
    *,
    seed: int = 0,
    checks: PoseChecks | None = None,
) -> tuple[Placer, list[Compound | BadRecord]]:
    """The placer and the compounds of ``place``, with all named files read and checked.

    Args:
        protein: See ``place``.
        reference: See ``place``.
        series: See ``place``.
        seed: See ``place``.
        checks: The tests that each pose goes through.

    Raises:
        BindingError: See ``place``.
    """
    if isinstance(reference, str) and is_selection(reference) and not Path(reference).is_file():
        if isinstance(protein, Protein):
            raise UsageError("A ligand can be named in a structure file only.", "Give the reference as a file.")
        receptor, references = read_complex(protein, reference)
    else:
        receptor = protein if isinstance(protein, Protein) else load_protein(Path(protein))
        references = _references(reference)
    compounds = list(read_series(series) if isinstance(series, str | Path) else compounds_from(series))
    if not compounds:
        raise UsageError("There is no compound to place.", "Give at least one.")
    return Placer(receptor, references, seed=seed, checks=checks), compounds


def _references(reference: str | Path | Chem.Mol | Ligand | Sequence[Ligand]) -> list[Ligand]:
    if isinstance(reference, Ligand):
        return [reference]
    if isinstance(reference, Chem.Mol):
        return [prepare_ligand(reference, "reference")]
    return read_references(reference) if isinstance(reference, str | Path) else list(reference)


def place_series(
    placer: Placer, series: Iterable[Compound | BadRecord], *, workers: int = 0, time_limit: float | None = None
) -> Iterator[PlacementRow]:
    """Place the compounds one by one.

    Args:
        placer: Protein and references.
        series: As ``read_series`` gives it.
        workers: Number of worker processes; 0 for none.
        time_limit: Seconds that a compound may take in a worker process; by default 120.

    Yields:
        One row for each compound, in order. The poses do not depend on the number of workers.
    """
    seen: dict[str, int] = {}
    limits.check_seconds(time_limit)
    for compound, placed in _results(placer, series, workers, time_limit):
        seen[compound.name] = seen.get(compound.name, 0) + 1
        count = seen[compound.name]
        yield _row(f"{compound.name}~{count}" if count > 1 else compound.name, compound, placed)


def place_in_worker(placer: Placer) -> Callable[[Compound | BadRecord], Placed | BindingError]:
    """Places compounds in a process whose answers are pickled: RDKit would round coordinates to single precision."""
    options = Chem.PropertyPickleOptions
    Chem.SetDefaultPickleProperties(options.AllProps | options.CoordsAsDouble)
    return partial(_place, placer)


def _place(placer: Placer, compound: Compound | BadRecord) -> Placed | BindingError:
    if isinstance(compound, BadRecord):
        return compound.error
    begin(0)
    try:
        return placer.place(compound.mol, compound.name)
    except Exception as error:  # noqa: BLE001 - becomes the row of the compound
        return as_binding_error(error)


def _results(
    placer: Placer, series: Iterable[Compound | BadRecord], workers: int, time_limit: float | None
) -> Iterator[tuple[Compound | BadRecord, Placed | BindingError]]:
    if not workers:
        yield from ((item, _place(placer, item)) for item in series)
        return
    rescue: Rescue[Compound | BadRecord, Placed | BindingError] = Rescue.single(
        lambda item, error: lost_item(error, item.name, "place it alone with --workers 0")
    )
    limit = limits.time_limit(limits.PLACE_SECONDS, time_limit)
    with WorkerPool(_PLACER, workers, placer, time_limit=limit) as pool:
        yield from pool.run(series, rescue, ahead=_LOOKAHEAD * workers)


def _row(identifier: str, compound: Compound | BadRecord, placed: Placed | BindingError) -> PlacementRow:
    notes = () if isinstance(compound, BadRecord) else compound.notes
    size = None if isinstance(compound, BadRecord) else compound.mol.GetNumHeavyAtoms()
    if isinstance(placed, BindingError):
        message = f"{placed.message} ({placed.hint})" if placed.hint else placed.message
        return PlacementRow(
            identifier,
            heavy_atoms=size,
            warnings="; ".join(notes),
            status=FAILED,
            error_code=placed.code,
            message=message,
        )
    placed.mol.SetProp("_Name", identifier)
    return PlacementRow(
        identifier,
        reference=placed.reference,
        heavy_atoms=size,
        core_atoms=placed.core_atoms,
        core_coverage=placed.core_coverage,
        core_rmsd=placed.core_rmsd,
        clashes=placed.clashes,
        score=placed.score,
        conformers=placed.conformers,
        good=placed.good,
        warnings="; ".join((*notes, *placed.notes)),
        mol=placed.mol,
        properties={} if isinstance(compound, BadRecord) else compound.properties,
        checks=placed.checks,
    )


def table_beside(poses: Path, inputs: Iterable[Path]) -> Path:
    """Where the table of a file of poses goes: ``<stem>.csv``, or ``<stem>.placed.csv`` where that is an input."""
    table = poses.with_suffix(".csv")
    taken = any(table.resolve() == path.resolve() for path in inputs)
    return poses.with_suffix(".placed.csv") if taken else table


class PoseWriter:
    """Writes poses as SDF and all rows as CSV beside it; both appear under their names when the block succeeds.

    Args:
        path: ``.sdf``.
        table: The table; ``<stem>.csv`` beside the poses if None.
        requested: Columns that were asked for.

    Raises:
        UsageError: Another ending.
        WriteError: It cannot be written; raised before anything is computed.
    """

    def __init__(self, path: str | Path, table: Path | None = None, requested: Sequence[OutputColumn] = ()) -> None:
        self._requested = requested
        self.path = Path(path)
        self.table_path = table or self.path.with_suffix(".csv")
        if self.path.suffix.lower() != ".sdf":
            raise UsageError(f"{self.path.name} does not end in .sdf.", "Poses are written as SDF.")
        check_writable(self.path)
        self._poses: IO[str]
        self._table: IO[str]

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._table, self._poses = (self._open(stack, path) for path in (self.table_path, self.path))
            self._files = stack.pop_all()
        self._csv = csv.DictWriter(self._table, [*COLUMNS, *names(self._requested)], lineterminator="\n")
        self._csv.writeheader()
        return self

    def write(self, row: PlacementRow) -> None:
        """Append one row."""
        self._csv.writerow(_cells(row, self._requested))
        self._table.flush()
        if row.mol is not None:
            self._poses.write(_sdf_record(row, row.mol, self._requested))
            self._poses.flush()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        self._files.__exit__(kind, error, trace)

    @staticmethod
    def _open(stack: ExitStack, path: Path) -> IO[str]:
        partial = stack.enter_context(atomic(path, keep=True))
        return stack.enter_context(open(partial, "w", encoding="utf-8", newline=""))


def _cells(row: PlacementRow, requested: Sequence[OutputColumn]) -> dict[str, str]:
    return {name: _cell(value) for name, value in row.as_dict(requested).items()}


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _sdf_record(row: PlacementRow, mol: Chem.Mol, requested: Sequence[OutputColumn]) -> str:
    tags = {f"place_{name}": text for name, text in _cells(row, requested).items() if name not in ("id", "status")}
    return sdf_record(Chem.MolToMolBlock(mol), row.properties | tags)
