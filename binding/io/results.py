"""The row that every request ends in, and the files it is written to.

``binding.io.columns`` says what the columns are, for the API, the command line and every file format. A file
is written beside its final name as ``<name>.partial`` and renamed when it is complete.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Protocol, Self

from rdkit import Chem

from binding.errors import BindingError, UsageError
from binding.files import atomic, check_writable
from binding.io.columns import ON_REQUEST, PREDICTION, ColumnKind, OutputColumn, names
from binding.io.spreadsheet import SPREADSHEET, require_spreadsheets, write_spreadsheet
from binding.structures import Ligand
from binding.units import dg_from_pk

if TYPE_CHECKING:
    import pandas as pd

OK: Final = "ok"
FAILED: Final = "failed"
_NAN: Final = float("nan")
_CSV_DECIMALS: Final = 4
_FORMATS: Final = (".csv", ".tsv", ".jsonl", ".sdf", ".parquet", SPREADSHEET)
SDF_PREFIX: Final = "binding_"  # of the tags that are ours


@dataclass(frozen=True)
class ResultRow:
    """What became of one pose; failed rows carry the reason instead of numbers.

    The meaning of each column stands in ``binding.io.columns.PREDICTION``.

    Attributes:
        record: The pose itself, which the SDF writer needs; not a column.
        more: Values of columns that have no attribute of their own.
    """

    id: str
    protein: str
    ligand: str
    pose: float = _NAN
    pk: float = _NAN
    pk_std: float = _NAN
    pk_low: float = _NAN
    pk_high: float = _NAN
    dg_kcal_mol: float = _NAN
    pk_ligand_only: float = _NAN
    pk_network: float = _NAN
    pk_prior: float = _NAN
    ligand_efficiency: float = _NAN
    heavy_atoms: int | None = None
    binder: float = _NAN
    rank_score: float = _NAN
    in_domain: bool | None = None
    nearest_ligand: float = _NAN
    nearest_protein: float = _NAN
    warnings: str = ""
    model: str = ""
    status: str = OK
    error_code: str = ""
    message: str = ""
    record: Ligand | None = field(default=None, compare=False, repr=False)
    more: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def scored(
        cls,
        id: str,
        protein: str,
        ligand: Ligand,
        *,
        pk: float,
        pk_std: float,
        pk_ligand_only: float,
        pose: float,
        model: str,
        pk_low: float = _NAN,
        pk_high: float = _NAN,
        pk_network: float = _NAN,
        pk_prior: float = _NAN,
        binder: float = _NAN,
        rank_score: float = _NAN,
        in_domain: bool | None = None,
        nearest_ligand: float = _NAN,
        nearest_protein: float = _NAN,
        warnings: Iterable[str] = (),
        **more: Any,
    ) -> Self:
        """A row with its derived columns: ``dg_kcal_mol``, ``ligand_efficiency`` and ``heavy_atoms``.

        Args:
            id: As the column, like all up to ``nearest_protein``.
            protein: The protein's file name.
            ligand: The pose.
            pk: Predicted affinity, pK.
            pk_std: Standard deviation of its error, pK.
            pk_ligand_only: Prediction from the ligand alone, pK.
            pose: Probability that the pose is near-native.
            model: Name of the weights.
            pk_low: Lower bound of the 90 % interval, pK.
            pk_high: Upper bound of it, pK.
            pk_network: Prediction from the structure alone, pK.
            pk_prior: Prediction of the prior for the ligand at its site, pK.
            binder: Probability that the compound binds.
            rank_score: log10 of its odds.
            in_domain: Whether the complex resembles the training set.
            nearest_ligand: Similarity to the nearest training ligand.
            nearest_protein: Similarity to the nearest training protein.
            warnings: Sentences.
            more: Values of further columns of ``binding.io.columns``, by name.
        """
        unknown = set(more).difference(COLUMNS, names(ON_REQUEST))
        if unknown:
            raise TypeError(f"binding.io.columns has no column {', '.join(sorted(unknown))}.")
        dg = dg_from_pk(pk)
        return cls(
            id=id,
            protein=protein,
            ligand=ligand.name,
            pose=pose,
            pk=pk,
            pk_std=pk_std,
            pk_low=pk_low,
            pk_high=pk_high,
            dg_kcal_mol=dg,
            pk_ligand_only=pk_ligand_only,
            pk_network=pk_network,
            pk_prior=pk_prior,
            binder=binder,
            rank_score=rank_score,
            ligand_efficiency=-dg / ligand.num_atoms,
            heavy_atoms=ligand.num_atoms,
            in_domain=in_domain,
            nearest_ligand=nearest_ligand,
            nearest_protein=nearest_protein,
            warnings="; ".join(warnings),
            model=model,
            record=ligand,
            more=more,
        )

    @classmethod
    def failed(
        cls, id: str, protein: str, ligand: str, error: BindingError, *, model: str = "", heavy_atoms: int | None = None
    ) -> Self:
        """A failed row, with the reason."""
        message = f"{error.message} ({error.hint})" if error.hint else error.message
        return cls(
            id=id,
            protein=protein,
            ligand=ligand,
            heavy_atoms=heavy_atoms,
            model=model,
            status=FAILED,
            error_code=error.code,
            message=message,
        )

    def as_failed(self, error: BindingError) -> ResultRow:
        """The row of the same pose, failed for a reason that was found after it was scored."""
        return ResultRow.failed(
            self.id, self.protein, self.ligand, error, model=self.model, heavy_atoms=self.heavy_atoms
        )

    def as_dict(self, requested: Sequence[OutputColumn] = ()) -> dict[str, Any]:
        """The columns in order and those that were asked for, numbers at full precision, missing numbers as NaN."""
        return {column.name: self.value(column) for column in (*PREDICTION, *requested)}

    def value(self, column: OutputColumn) -> Any:
        """The value of a column."""
        if column.name in _ATTRIBUTES:
            return getattr(self, column.name)
        return self.more.get(column.name, column.missing)


COLUMNS: Final = names(PREDICTION)
_ATTRIBUTES: Final = frozenset(f.name for f in fields(ResultRow))
_PANDAS: Final = {
    ColumnKind.TEXT: "str",
    ColumnKind.NUMBER: "float64",
    ColumnKind.INTEGER: "Int64",
    ColumnKind.PLACE: "Int64",
    ColumnKind.FLAG: "boolean",
}


def to_frame(rows: Iterable[ResultRow], requested: Sequence[OutputColumn] = ()) -> pd.DataFrame:
    """The rows as a table: floats at full precision with NaN, integers and flags as nullable types.

    Args:
        rows: Any number.
        requested: Columns of ``ON_REQUEST`` that it has behind all others.
    """
    import pandas as pd

    columns = (*PREDICTION, *requested)
    frame = pd.DataFrame([row.as_dict(requested) for row in rows], columns=list(names(columns)))
    return frame.astype({column.name: _PANDAS[column.kind] for column in columns})


class ResultWriter(Protocol):
    """Takes rows one by one; use it as a context manager.

    Leaving the block normally puts the file in its place. Leaving it by an exception, Ctrl-C
    included, keeps what was written as ``<name>.partial`` and leaves an older file untouched.
    """

    def write(self, row: ResultRow) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *rest: object) -> None: ...


def open_writer(path: str | Path, requested: Sequence[OutputColumn] = ()) -> ResultWriter:
    """A writer for the format that the ending names.

    Args:
        path: ``.csv``, ``.tsv``, ``.jsonl``, ``.sdf``, ``.parquet``, ``.xlsx``, or ``-`` for CSV on standard output.
            SDF cannot hold a record that could not be read: failed rows go to ``<stem>.failures.csv`` beside it.
        requested: Columns of ``ON_REQUEST`` that it has behind all others.

    Raises:
        UsageError: Unknown ending.
        WriteError: It cannot be written; raised before anything is computed.
    """
    if str(path) == "-":
        return _StreamWriter(sys.stdout, requested)
    path = Path(path)
    if path.suffix.lower() not in _FORMATS:
        raise UsageError(
            f"{path.name} has no ending that names a format.", f"Use one of {', '.join(_FORMATS)}, or - for CSV."
        )
    check_writable(path)
    if path.suffix.lower() == SPREADSHEET:
        require_spreadsheets()
    return _WRITERS[path.suffix.lower()](path, requested)


def write_results(rows: Iterable[ResultRow], path: str | Path) -> None:
    """Writes all rows at once; see ``open_writer``."""
    with open_writer(path) as writer:
        for row in rows:
            writer.write(row)


# ---------------------------------------------------------------- the formats


def csv_cells(row: ResultRow, requested: Sequence[OutputColumn] = ()) -> dict[str, str]:
    """The row as text: floats with four decimals, missing numbers empty."""
    return {name: cell_text(value) for name, value in row.as_dict(requested).items()}


def cell_text(value: Any) -> str:
    """A value as it stands in CSV files and SD tags."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.{_CSV_DECIMALS}f}" if math.isfinite(value) else ""
    return str(value)


class _StreamWriter:
    """CSV on an open stream, flushed row by row so that a pipe sees each result."""

    def __init__(self, stream: IO[str], requested: Sequence[OutputColumn]) -> None:
        self._stream = stream
        self._requested = requested
        self._csv = csv.DictWriter(stream, names((*PREDICTION, *requested)), lineterminator="\n")

    def write(self, row: ResultRow) -> None:
        self._csv.writerow(csv_cells(row, self._requested))
        self._stream.flush()

    def __enter__(self) -> Self:
        self._csv.writeheader()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *rest: object) -> None:
        self._stream.flush()


class _FileWriter:
    """Writes ``<name>.partial``, which gets its name when the block ends well and is kept when it does not."""

    def __init__(self, path: Path, requested: Sequence[OutputColumn]) -> None:
        self.path = path
        self._requested = requested
        self._whole = atomic(path, keep=True)
        self._partial = self._whole.partial
        self._stream: IO[str]

    def write(self, row: ResultRow) -> None:
        raise NotImplementedError

    def _start(self) -> None:
        """Writes what stands before the first row."""

    def __enter__(self) -> Self:
        self._stream = open(self._whole.__enter__(), "w", encoding="utf-8", newline="")
        self._start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *rest: object) -> None:
        try:
            self._finish()
        except OSError as failure:
            error = error or failure
        self._whole.__exit__(None if error is None else type(error), error)

    def _finish(self) -> None:
        """Writes what stands after the last row."""
        self._stream.close()


class _CsvWriter(_FileWriter):
    separator = ","

    def _start(self) -> None:
        columns = names((*PREDICTION, *self._requested))
        self._csv = csv.DictWriter(self._stream, columns, delimiter=self.separator, lineterminator="\n")
        self._csv.writeheader()

    def write(self, row: ResultRow) -> None:
        self._csv.writerow(csv_cells(row, self._requested))
        self._stream.flush()


class _TsvWriter(_CsvWriter):
    separator = "\t"


class _JsonWriter(_FileWriter):
    """One JSON object a line; a missing number is null."""

    def write(self, row: ResultRow) -> None:
        found = row.as_dict(self._requested).items()
        values = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in found}
        self._stream.write(json.dumps(values, ensure_ascii=False) + "\n")
        self._stream.flush()


class _SdfWriter(_FileWriter):
    """The poses with their own tags and one ``binding_<column>`` tag a column."""

    def __init__(self, path: Path, requested: Sequence[OutputColumn]) -> None:
        super().__init__(path, requested)
        self.failures_path = path.with_name(f"{path.stem}.failures.csv")
        self._failures: list[ResultRow] = []

    def write(self, row: ResultRow) -> None:
        if row.status != OK:
            self._failures.append(row)
            return
        if row.record is None:
            raise ValueError(f"Row {row.id!r} is scored but holds no pose to write.")
        self._stream.write(_sdf_record(row, row.record, self._requested))
        self._stream.flush()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *rest: object) -> None:
        super().__exit__(kind, error, *rest)
        if self._failures:
            write_results(self._failures, self.failures_path)
        elif kind is None:  # a list left by an earlier run would speak of this one
            with suppress(FileNotFoundError):
                self.failures_path.unlink()


def _sdf_record(row: ResultRow, ligand: Ligand, requested: Sequence[OutputColumn]) -> str:
    tags = {k: v for k, v in ligand.properties.items() if not k.startswith(SDF_PREFIX)}
    tags |= {f"{SDF_PREFIX}{name}": value for name, value in csv_cells(row, requested).items()}
    return sdf_record(mol_block(ligand), tags)


def mol_block(ligand: Ligand) -> str:
    """The pose as a mol block, heavy atoms only, with the record's title."""
    mol = Chem.Mol(ligand.mol)
    mol.SetProp("_Name", ligand.name.replace("\n", " "))
    try:
        return Chem.MolToMolBlock(mol)
    except Chem.KekulizeException:  # a pose that was read with aromatic bonds only
        return Chem.MolToMolBlock(mol, kekulize=False)


RECORD_END: Final = "$$$$\n"  # of an SDF file; no part of the record that a reader hands on


def sdf_record(block: str, tags: dict[str, str]) -> str:
    """A record of an SDF file.

    Args:
        block: The mol block, up to ``M  END`` and its line end.
        tags: In order; one that is blank is left out.
    """
    cleaned = {name: _tag_value(value) for name, value in tags.items()}
    lines = [f">  <{name}>\n{value}\n\n" for name, value in cleaned.items() if value]
    return f"{block}{''.join(lines)}{RECORD_END}"


def _tag_value(value: str) -> str:
    """A tag's text without blank lines and record ends, which would cut the record."""
    lines = [line for line in str(value).splitlines() if line.strip()]
    return "\n".join(line.replace("$$$$", "$$$") for line in lines)


class _ParquetWriter(_FileWriter):
    """Columns at full precision; the rows are kept until the end, as the format wants."""

    def __enter__(self) -> Self:
        super().__enter__()
        self._stream.close()  # opened only to learn now, not after hours, whether it can be
        self._rows: list[ResultRow] = []
        return self

    def write(self, row: ResultRow) -> None:
        self._rows.append(row if row.record is None else _without_pose(row))

    def _finish(self) -> None:
        to_frame(self._rows, self._requested).to_parquet(self._partial, index=False)


class _SpreadsheetWriter(_ParquetWriter):
    """The same as a spreadsheet."""

    def _finish(self) -> None:
        with self._partial.open("wb") as stream:
            write_spreadsheet(to_frame(self._rows, self._requested), stream)


_WRITERS: Final[dict[str, type[_FileWriter]]] = {
    ".csv": _CsvWriter,
    ".tsv": _TsvWriter,
    ".jsonl": _JsonWriter,
    ".sdf": _SdfWriter,
    ".parquet": _ParquetWriter,
    SPREADSHEET: _SpreadsheetWriter,
}


def _without_pose(row: ResultRow) -> ResultRow:
    return replace(row, record=None)
