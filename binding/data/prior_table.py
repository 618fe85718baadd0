"""A table of ligands with measured affinities -> the ligand prior that has a share in pk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from binding.data.cache import typed
from binding.data.encode import cannot_write
from binding.data.prepare import Rejected, rejected_csv, rejected_table
from binding.data.prior_file import FittedPrior
from binding.data.prior_fit import fit_prior
from binding.data.splits import fold_of, groups_of
from binding.errors import BindingError, TableError, UsageError
from binding.graph.fields import LigandGraph
from binding.graph.ligand import build_ligand_graph
from binding.io.files import make_folder, write_whole
from binding.io.index import BadEntry, IndexEntry, read_index_rows
from binding.io.series import compound_from_smiles
from binding.metrics import MIN_ROWS, pearson, rmse
from binding.structures import Ligand

_SMILES: Final = "smiles"
_EXACT: Final = ("=", "~")  # the others are bounds
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class PriorReport:
    """Counts that add up: ``asked == used + bounds + len(rejected)``.

    Attributes:
        path: The prior.
        asked: Rows of the table.
        used: Rows that were learned from; ``ligands`` of them are different.
        ligands: Different ligands, by fingerprint.
        bounds: Rows with a bound (``>``, ``<``), which are left out: only exact values are averaged.
        rejected: Rows that cannot be used.
        held_out: r and RMSE (pK) of all rows, each predicted without its fold; empty for a few rows.
    """

    path: Path
    asked: int
    used: int
    ligands: int
    bounds: int
    rejected: list[Rejected]
    held_out: dict[str, float]


def prepare_prior(
    table: str | Path,
    output: str | Path,
    *,
    column: str,
    folds: int,
    progress: Progress | None = None,
) -> PriorReport:
    """Fits a prior to the ligands of a table, and writes it and ``<stem>.rejected.csv``.

    Args:
        table: With ``id``, ``smiles``, an affinity as ``read_index`` takes it, and ``column``. An id may occur again.
        output: ``.npz``.
        column: By which training holds out; blank cells are read as training reads them, see ``groups_of``.
        folds: As training will hold out.
        progress: Called with what is done and what there is to do, first of the rows, then of the folds.

    Raises:
        FileError: The table is missing, empty or not text.
        TableError: A column is missing, or no row can be used.
        UsageError: Too few or too many ligands, fewer than two folds, or the output is the table.
        CacheError: ``cannot_write``, as on a full disk.
        TrainingError: The fit fails.
    """
    table, output = Path(table), Path(output)
    if output.resolve() == table.resolve():
        raise UsageError(f"{output} is the table itself", "name another output, such as prior.npz")
    rows = [row for _, row in read_index_rows(table, (_SMILES, column))]
    graphs: list[LigandGraph] = []
    entries: list[IndexEntry] = []
    rejected: list[Rejected] = []
    known: dict[str, LigandGraph] = {}
    bounds = 0
    for number, row in enumerate(rows):
        if progress is not None:
            progress(number, len(rows))
        if not isinstance(row, BadEntry) and row.affinity.relation not in _EXACT:
            bounds += 1
            continue
        try:
            graph = _graph(row, known)
        except BindingError as error:
            rejected.append(Rejected(row.id, error.code, error.message, error.hint))
            continue
        assert isinstance(row, IndexEntry)
        graphs.append(graph)
        entries.append(row)
    make_folder(output.parent)
    _write(rejected_table(output), lambda path: write_whole(path, rejected_csv(rejected)))
    if not graphs:
        raise TableError(f"no row of {table} can be used", f"see {rejected_table(output)}")
    pk = np.array([entry.affinity.pk for entry in entries])
    groups = _groups(entries, column)
    fitted = fit_prior(graphs, pk, groups, column, folds, progress)
    _write(output, fitted.save)
    return PriorReport(
        output, len(rows), len(graphs), len(fitted.prior), bounds, rejected, _figures(fitted, graphs, pk, groups)
    )


def _graph(row: IndexEntry | BadEntry, known: dict[str, LigandGraph]) -> LigandGraph:
    """The ligand of a row; one that occurs again is built once."""
    if isinstance(row, BadEntry):
        raise row.error
    smiles = row.extra[_SMILES]
    if smiles not in known:
        mol = compound_from_smiles(smiles, row.id).mol
        known[smiles] = build_ligand_graph(Ligand(row.id, mol, np.zeros((mol.GetNumAtoms(), 3))))
    return known[smiles]


def _groups(entries: list[IndexEntry], column: str) -> list[str]:
    """What is held out together, by the names that training gives: a cluster 12.0 of one table is 12 of another."""
    names = [name for name in (column, "protein") if name in entries[0].extra]
    cells = pd.DataFrame({name: [entry.extra[name] or None for entry in entries] for name in names}, dtype=object)
    table = cells.apply(typed).assign(id=[entry.id for entry in entries])
    return groups_of(table, column).tolist()


def _write(path: Path, write: Callable[[Path], None]) -> None:
    try:
        write(path)
    except OSError as error:
        raise cannot_write(path, error) from None


def _figures(fitted: FittedPrior, graphs: list[LigandGraph], pk: np.ndarray, groups: list[str]) -> dict[str, float]:
    if len(pk) < MIN_ROWS or len(Counter(groups)) == 1:
        return {}
    fold = np.array([fold_of(name, fitted.folds) for name in groups])
    found = np.empty(len(pk))
    for number in range(fitted.folds):
        rows = np.flatnonzero(fold == number)
        found[rows] = fitted.starts([graphs[row] for row in rows], number)
    return {"r": float(pearson(found, pk)), "rmse": float(rmse(found, pk))}
