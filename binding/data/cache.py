"""The training cache: complexes in one ``.npz`` file, read without any chemistry toolkit.

See ``binding.data.encode`` for how they are held. Protein features are made from atoms when a complex is first asked
for, so that the cache stays small and has no feature settings but those of the ligand.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from binding.constants import FARTHEST
from binding.data.encode import CACHE_VERSION
from binding.data.store import GraphStore
from binding.domain.words import SITE_CUTOFF, Residues, residues_near
from binding.errors import CacheError, ConfigError
from binding.graph.fields import ATOM_CATEGORIES, BOND_CATEGORIES, DESCRIPTORS, ComplexGraph, LigandGraph
from binding.graph.pocket import build_pocket_graph
from binding.graph.vocabulary import difference, ligand_vocabulary
from binding.io.arrays import Layout, check_arrays, check_counts, check_range, read_arrays
from binding.structures import Protein, ResidueKind

_ABSENT: Final = frozenset({"NA", "N/A", "NaN", "nan", "None", "null", "NULL", "-"})  # in a column of numbers
# No leading zeros, and an exponent only with a point or a sign: 0012 and 1e66 are names.
_NUMBER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]*(?:[eE][-+]?[0-9]+)?|[eE][-+][0-9]+)?|[-+]?\.[0-9]+")
_WHOLE: Final = re.compile(r"[-+]?[0-9]{1,18}")
#: What a file raises that breaks off or was altered.
_DAMAGED: Final = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
)
_LAYOUT: Final[dict[str, Layout]] = {
    "protein_step": ("number", ("groups",)),
    "protein_atoms": ("integer", ("groups",)),
    "protein_residues": ("integer", ("groups",)),
    "protein_positions": ("integer", ("protein atoms", 3)),
    "protein_elements": ("integer", ("protein atoms",)),
    "protein_atom_names": ("integer", ("protein atoms",)),
    "residue_names": ("integer", ("residues",)),
    "residue_kinds": ("integer", ("residues",)),
    "residue_sizes": ("integer", ("residues",)),
    "ligand_step": ("number", ("rows",)),
    "ligand_group": ("integer", ("rows",)),
    "ligand_atoms": ("integer", ("rows",)),
    "ligand_bonds": ("integer", ("rows",)),
    "ligand_pocket": ("integer", ("rows",)),
    "positions": ("integer", ("atoms", 3)),
    "atom_categories": ("integer", ("atoms", len(ATOM_CATEGORIES))),
    "radii": ("integer", ("atoms",)),
    "bonds": ("integer", ("bonds", 2)),
    "bond_categories": ("integer", ("bonds", len(BOND_CATEGORIES))),
    "descriptors": ("number", ("rows", len(DESCRIPTORS))),
    "pocket_rows": ("integer", ("pocket rows",)),
}
_COUNTS: Final = {  # what counts the parts of an array, and the axis of that array
    "protein_atoms": "protein atoms",
    "protein_residues": "residues",
    "residue_sizes": "protein atoms",
    "ligand_atoms": "atoms",
    "ligand_bonds": "bonds",
    "ligand_pocket": "pocket rows",
}


class ComplexCache:
    """A cache file in memory: a table of rows and, for each row, a graph.

    Graphs are built on first use and kept on the disk; see ``GraphStore``.

    Args:
        path: A file made by ``binding.data.encode.write_cache``.

    Attributes:
        settings: What the features depend on.
        table: A row a complex. A column is of numbers where every cell that is filled is one, and of text exactly
            as it was given otherwise; ``id`` is always text. An empty cell is NaN.

    Raises:
        CacheError: It is missing, damaged, or of another version.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise CacheError(f"There is no cache {self.path}.", "Make it with `binding prepare`.")
        if not zipfile.is_zipfile(self.path):  # before NumPy takes it for a pickle and says how to load it unsafely
            raise CacheError(f"{self.path} is no cache of this package.", "Make one with `binding prepare`.")
        try:
            self._arrays = read_arrays(self.path)
            meta = json.loads(self._arrays["meta"].tobytes())
            table = self._arrays["table"].tobytes().decode()
            version, descriptors, features = meta["version"], meta["descriptors"], meta.get("features")
            self.settings: dict[str, Any] = dict(meta["settings"])
            if not isinstance(self.settings.get("pocket_cutoff", SITE_CUTOFF), int | float):
                raise ValueError("its pocket_cutoff is no number")
            names = [[str(name) for name in meta[key]] for key in ("atom_names", "residue_names")]
        # The zip errors: the file breaks off or was altered.
        except _DAMAGED as error:
            raise self._damaged(error) from None
        if version != CACHE_VERSION or descriptors != list(DESCRIPTORS):
            raise CacheError(
                f"{self.path} was made by another version of this package (cache {version}, now {CACHE_VERSION}).",
                "Make it again with `binding prepare`.",
            )
        differs = difference(features, ligand_vocabulary())
        if differs:
            raise CacheError(
                f"{self.path} was made with other features than those of this version: {differs}.",
                "Make it again with `binding prepare`.",
            )
        try:
            self.table = _read_table(table)
            if "id" not in self.table:
                raise ValueError("its table has no ids")
            _check(self._arrays, len(self.table), *map(len, names))
        except ValueError as error:
            raise self._damaged(error) from None
        self._atom_names = np.array(names[0], dtype="<U4")
        self._residue_names = np.array(names[1], dtype="<U8")
        arrays = self._arrays
        self._atom_start = _starts(arrays["protein_atoms"])
        self._residue_start = _starts(arrays["protein_residues"])
        self._ligand_atom_start = _starts(arrays["ligand_atoms"])
        self._ligand_bond_start = _starts(arrays["ligand_bonds"])
        self._pocket_start = _starts(arrays["ligand_pocket"])
        self._graphs = GraphStore()
        self._residues: dict[int, Residues] = {}

    def _damaged(self, error: Exception) -> CacheError:
        return CacheError(f"{self.path} is no cache of this package: {error}.", "Make it again with `binding prepare`.")

    def __len__(self) -> int:
        return len(self.table)

    def num_ligand_atoms(self) -> np.ndarray:
        """(complexes,) heavy atoms of each ligand, without building any graph."""
        return self._arrays["ligand_atoms"]

    def groups(self) -> np.ndarray:
        """(complexes,) number of the protein that each is on; those of one protein file share it."""
        return self._arrays["ligand_group"]

    def protein(self, group: int) -> Protein:
        """The protein of a group, about its own centre; chains and numbers are not kept."""
        arrays = self._arrays
        atoms = slice(self._atom_start[group], self._atom_start[group + 1])
        residues = slice(self._residue_start[group], self._residue_start[group + 1])
        sizes = arrays["residue_sizes"][residues]
        count = len(sizes)
        return Protein(
            name=str(group),
            positions=arrays["protein_positions"][atoms] * arrays["protein_step"][group],
            elements=arrays["protein_elements"][atoms].astype(np.int16),
            atom_names=self._atom_names[arrays["protein_atom_names"][atoms]],
            atom_residue=np.repeat(np.arange(count, dtype=np.int32), sizes),
            residue_names=self._residue_names[arrays["residue_names"][residues]],
            residue_kinds=arrays["residue_kinds"][residues].astype(np.int8),
            chain_ids=np.full(count, "A"),
            residue_numbers=np.arange(count, dtype=np.int32),
            insertion_codes=np.full(count, ""),
        )

    def graph(self, row: int) -> ComplexGraph:
        """The graph of one row of the table."""
        graph = self._graphs.get(row)
        if graph is None:
            graph = self._build(row)
            self._graphs.put(row, graph)
        return graph

    def ligand(self, row: int) -> LigandGraph:
        """The ligand of one row of the table, without its pocket."""
        arrays = self._arrays
        atoms = slice(self._ligand_atom_start[row], self._ligand_atom_start[row + 1])
        bonds = slice(self._ligand_bond_start[row], self._ligand_bond_start[row + 1])
        return LigandGraph(
            positions=arrays["positions"][atoms] * arrays["ligand_step"][row],
            atom_categories=arrays["atom_categories"][atoms],
            radii=arrays["radii"][atoms].astype(np.float32) / 100,
            bonds=arrays["bonds"][bonds].astype(np.int16),
            bond_categories=arrays["bond_categories"][bonds],
            descriptors=arrays["descriptors"][row],
        )

    def site_words(self, row: int) -> np.ndarray:
        """(words,) uint32, of the residues about the ligand of one row: what ``pocket_words`` says of its graph.

        The graph is not built: a few hundredths of a millisecond a row.
        """
        group = int(self.groups()[row])
        if group not in self._residues:
            self._residues[group] = Residues.of_protein(self.protein(group))
        residues = self._residues[group]
        keep = self._pocket(row, len(residues.codes))
        if self.settings.get("pocket_cutoff", SITE_CUTOFF) > SITE_CUTOFF:
            protein, positions = self.protein(group), self.ligand(row).positions
            keep &= residues_near(protein.positions, protein.atom_residue, protein.num_residues, positions)
        return residues.words(keep)

    def _pocket(self, row: int, residues: int) -> np.ndarray:
        """(residues,) bool, which of the protein's are in the row's pocket."""
        keep = np.zeros(residues, dtype=bool)
        keep[self._arrays["pocket_rows"][self._pocket_start[row] : self._pocket_start[row + 1]]] = True
        return keep

    def _build(self, row: int) -> ComplexGraph:
        protein = self.protein(int(self.groups()[row]))
        pocket = protein.select(self._pocket(row, protein.num_residues))
        return ComplexGraph(ligand=self.ligand(row), pocket=build_pocket_graph(pocket))


def _check(arrays: dict[str, np.ndarray], rows: int, atom_names: int, residue_names: int) -> None:
    """Whether the arrays belong together: a file from a stranger may hold any numbers.

    Args:
        arrays: Of the file.
        rows: Of its table.
        atom_names, residue_names: How many names there are.

    Raises:
        ValueError: They do not.
    """
    what = "the cache"
    lengths = check_arrays(arrays, _LAYOUT, what)
    if lengths["rows"] != rows:
        raise ValueError(f"{what} has {lengths['rows']} complexes and {rows} rows")
    check_counts(arrays, _COUNTS, lengths, what)
    residues = arrays["protein_residues"].astype(np.int64)
    ends = np.concatenate([[0], np.cumsum(arrays["residue_sizes"], dtype=np.int64)])
    if (np.diff(ends[_starts(residues)]) != arrays["protein_atoms"]).any():
        raise ValueError(f"the residues of {what} do not hold its atoms")
    for name, most in (
        ("ligand_group", lengths["groups"]),
        ("protein_elements", 119),
        ("protein_atom_names", atom_names),
        ("residue_names", residue_names),
        ("residue_kinds", len(ResidueKind)),
    ):
        check_range(arrays, name, 0, most, what)
    for name, sizes in (("atom_categories", ATOM_CATEGORIES), ("bond_categories", BOND_CATEGORIES)):
        if (arrays[name] < 0).any() or (arrays[name] >= np.array(list(sizes.values()))).any():
            raise ValueError(f"{what} has {name} that mean nothing")
    for name in ("protein_step", "ligand_step"):
        if (arrays[name] <= 0).any() or (arrays[name] > FARTHEST / 2**15).any():
            raise ValueError(f"{what} has {name} that are no lengths")
    own = {"bonds": arrays["ligand_atoms"], "pocket_rows": residues[arrays["ligand_group"]]}
    for name, counts in (("bonds", "ligand_bonds"), ("pocket_rows", "ligand_pocket")):
        above = np.repeat(own[name], arrays[counts])
        found = arrays[name].reshape(len(above), -1)
        if (found < 0).any() or (found >= above[:, None]).any():
            raise ValueError(f"{what} has {name} beyond those of a complex")


def _read_table(text: str) -> pd.DataFrame:
    table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, na_values=[""])
    for name in table.columns:
        if name != "id":
            table[name] = typed(table[name])
    return table


def typed(column: pd.Series) -> pd.Series:
    """Numbers where all that is filled in is numbers; pandas would also turn the names NA, 0012 and 1e66 into some."""
    filled = column.dropna()
    known = filled[~filled.isin(_ABSENT)]
    if known.empty:
        return column.astype("float64") if filled.empty else column
    if set(known) <= {"True", "False"} and len(known) == len(column):
        return column == "True"
    if not all(map(_NUMBER.fullmatch, known)):
        return column
    if len(known) == len(column) and all(map(_WHOLE.fullmatch, known)):
        return column.astype("int64")
    return column.where(column.isin(known)).astype("float64")


def refuse_mixed(caches: Sequence[ComplexCache]) -> None:
    """Refuses caches whose features differ in meaning: one network cannot learn from both.

    Raises:
        ConfigError: Naming the first two that differ, and in what.
    """
    for cache in caches[1:]:
        first, other = caches[0].settings, cache.settings
        for name in sorted({*first, *other}):
            if first.get(name) != other.get(name):
                raise ConfigError(
                    f"{caches[0].path} and {cache.path} were prepared with different settings: "
                    f"{name} {first.get(name, 'unknown')} and {other.get(name, 'unknown')}.",
                    "Prepare one of them again with the settings of the other.",
                )


def _starts(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts.astype(np.int64))])
