"""Fits the prior, which contributes to pK, from a table of ligands with measured affinities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from binding.callbacks import Advance
from binding.data.cache import ComplexCache, typed
from binding.data.prepare import Rejected, rejected_csv, rejected_table
from binding.errors import BindingError, TableError, UsageError
from binding.files import check_name, make_folder, write_bytes
from binding.folds import fold_of, groups_of
from binding.graph.fields import LigandGraph
from binding.graph.ligand import build_ligand_graph
from binding.io.index import BadEntry, IndexEntry, read_index_rows
from binding.io.series import compound_from_smiles
from binding.metrics import MIN_ROWS, pearson, rmse
from binding.prior.fit import fit_prior
from binding.prior.held_out import FittedPrior
from binding.structures import Ligand

_SMILES: Final = "smiles"
_SITE: Final = "site"
_EXACT: Final = ("=", "~")  # the others are bounds


@dataclass(frozen=True)
class PriorReport:
    """Counts that add up: ``asked == used + bounds + len(rejected)``.

    Attributes:
        path: The prior.
        asked: Rows of the table.
        used: Rows that were learned from; ``ligands`` of them are different.
        ligands: Different ligands, by fingerprint.
        sited: Rows whose site is known; ``sites`` of these are different.
        sites: Different sites, by their words.
        bounds: Rows with a bound (``>``, ``<``), which are left out: only exact values are averaged.
        rejected: Rows that cannot be used.
        held_out: r and RMSE (pK) of all rows, each predicted without its fold, by prediction: for the ``ligand``
            alone and for the ligand at its ``site``; empty where there are only a few rows.
    """

    path: Path
    asked: int
    used: int
    ligands: int
    sited: int
    sites: int
    bounds: int
    rejected: list[Rejected]
    held_out: dict[str, dict[str, float]]


@dataclass(frozen=True)
class _Used:
    """Rows that are learned from: their graphs, and the words of their sites."""

    entries: list[IndexEntry]
    graphs: list[LigandGraph]
    words: list[np.ndarray]


def prior_from_table(
    table: str | Path,
    output: str | Path,
    *,
    column: str,
    folds: int,
    sites: Sequence[str | Path] = (),
    progress: Advance | None = None,
) -> PriorReport:
    """Fits a prior to the ligands of a table, and writes it and ``<stem>.rejected.csv``.

    Args:
        table: Table with ``id``, ``smiles``, an affinity as ``read_index`` takes it, and ``column``; ids may repeat.
            With ``sites`` also ``site``: the id of a complex of a cache in whose pocket the ligand binds, or blank.
        output: ``.npz``.
        column: Column by which training holds out; blank cells are read as training reads them, see ``groups_of``.
        folds: Number of folds, as training will hold out.
        sites: Caches of ``binding prepare``; the first that has an id counts.
        progress: Called with the numbers done and to do, first for the rows, then for the folds.

    Raises:
        FileError: The table is missing, empty or not text.
        TableError: A column is missing, or no row can be used.
        UsageError: Too few or too many ligands, fewer than two folds, the output is the table, or only one of
            ``sites`` and the column ``site`` is there.
        CacheError: One of ``sites`` cannot be read.
        WriteError: ``disk_full`` or ``not_writable``.
        TrainingError: The fit fails.
    """
    table, output = Path(table), Path(output)
    check_name(output)
    if output.resolve() == table.resolve():
        raise UsageError(f"{output} is the table itself.", "Name another output, such as prior.npz.")
    rows = [row for _, row in read_index_rows(table, (_SMILES, column))]
    _refuse_half_told_sites(table, _SITE in rows[0].extra, bool(sites))
    rejected: list[Rejected] = []
    used, bounds = _read(rows, SitesByComplex(sites), rejected, progress)
    make_folder(output.parent)
    write_bytes(rejected_table(output), rejected_csv(rejected))
    if not used.graphs:
        raise TableError(f"No row of {table} can be used.", f"See {rejected_table(output)}.")
    pk = np.array([entry.affinity.pk for entry in used.entries])
    groups = _groups(used.entries, column)
    names = [entry.id for entry in used.entries]
    fitted = fit_prior(used.graphs, pk, groups, column, folds, progress, sites=used.words, names=names)
    fitted.save(output)
    return PriorReport(
        path=output,
        asked=len(rows),
        used=len(pk),
        ligands=len(fitted.prior),
        sited=sum(len(words) > 0 for words in used.words),
        sites=len(fitted.prior.at_site.sites),
        bounds=bounds,
        rejected=rejected,
        held_out=_figures(fitted, used, pk, groups),
    )


def _refuse_half_told_sites(table: Path, column: bool, caches: bool) -> None:
    if column and not caches:
        raise UsageError(
            f"{table} has a column {_SITE}, and no cache to look its complexes up in.",
            "Give the caches with --sites, or rename the column where it means something else.",
        )
    if caches and not column:
        raise UsageError(
            f"{table} has no column {_SITE} that says which complexes of the caches to take.",
            f"Add a column {_SITE} with the id of the complex in whose pocket each ligand binds, or leave out --sites.",
        )


def _read(
    rows: list[IndexEntry | BadEntry], sites: SitesByComplex, rejected: list[Rejected], progress: Advance | None
) -> tuple[_Used, int]:
    """The rows that can be used, and how many are bounds; those that cannot be are appended to ``rejected``."""
    used, bounds, ligands = _Used([], [], []), 0, LigandsBySmiles()
    for number, row in enumerate(rows):
        if progress is not None:
            progress(number, len(rows))
        if not isinstance(row, BadEntry) and row.affinity.relation not in _EXACT:
            bounds += 1
            continue
        try:
            if isinstance(row, BadEntry):
                raise row.error
            graph = ligands.graph(row.extra[_SMILES], row.id)
            words = sites.words(row.extra.get(_SITE, ""), row.id)
        except BindingError as error:
            rejected.append(Rejected(row.id, error.code, error.message, error.hint))
            continue
        used.entries.append(row)
        used.graphs.append(graph)
        used.words.append(words)
    return used, bounds


def _groups(entries: list[IndexEntry], column: str) -> list[str]:
    """What is held out together, by the names that training gives: a cluster 12.0 of one table is 12 of another."""
    names = [name for name in (column, "protein") if name in entries[0].extra]
    cells = pd.DataFrame({name: [entry.extra[name] or None for entry in entries] for name in names}, dtype=object)
    table = cells.apply(typed).assign(id=[entry.id for entry in entries])
    return groups_of(table, column).tolist()


def _figures(fitted: FittedPrior, used: _Used, pk: np.ndarray, groups: list[str]) -> dict[str, dict[str, float]]:
    if len(pk) < MIN_ROWS or len(Counter(groups)) == 1:
        return {}
    fold = np.array([fold_of(name, fitted.folds) for name in groups])
    found = {"ligand": np.empty(len(pk)), "site": np.empty(len(pk))}
    for number in range(fitted.folds):
        rows = np.flatnonzero(fold == number)
        said = fitted.starts([used.graphs[row] for row in rows], [used.words[row] for row in rows], number)
        found["ligand"][rows], found["site"][rows] = said.alone, said.at_site
    return {name: {"r": float(pearson(said, pk)), "rmse": float(rmse(said, pk))} for name, said in found.items()}


# ---------------------------------------------------------------- what a row names


class LigandsBySmiles:
    """Ligands without a pose; a repeated ligand is built once."""

    def __init__(self) -> None:
        self._known: dict[str, LigandGraph] = {}

    def graph(self, smiles: str, name: str) -> LigandGraph:
        """The graph of a SMILES, all atoms at the origin.

        Args:
            smiles: SMILES of one compound.
            name: Name used in messages.

        Raises:
            LigandError: The molecule cannot be used.
        """
        if smiles not in self._known:
            mol = compound_from_smiles(smiles, name).mol
            self._known[smiles] = build_ligand_graph(Ligand(name, mol, np.zeros((mol.GetNumAtoms(), 3))))
        return self._known[smiles]


class SitesByComplex:
    """The sites of the complexes of some caches, by their ids.

    Args:
        paths: Caches of ``binding prepare``; the first that has an id counts.

    Raises:
        CacheError: One cannot be read.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self._caches = [ComplexCache(path) for path in paths]
        self._place: dict[str, tuple[ComplexCache, int]] = {}
        for cache in reversed(self._caches):
            self._place |= {name: (cache, row) for row, name in enumerate(cache.table["id"].tolist())}

    def words(self, complex_id: str, row: str) -> np.ndarray:
        """The words of a complex's site, see ``binding.domain.words.pocket_words``.

        Args:
            complex_id: Blank where the site is not known: it has no words.
            row: Name of the row that asks, for messages.

        Raises:
            TableError: ``unknown_site``, no cache has the complex.
        """
        if not complex_id:
            return np.zeros(0, dtype=np.uint32)
        if complex_id not in self._place:
            listed = ", ".join(str(cache.path) for cache in self._caches)
            raise TableError(
                f"{row}: there is no complex {complex_id!r} in {listed}.",
                "Leave the cell under 'site' blank where no complex is known.",
                "unknown_site",
            )
        cache, place = self._place[complex_id]
        return cache.site_words(place)
