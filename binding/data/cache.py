"""The training cache: complexes as compact arrays in one ``.npz`` file, read without any chemistry toolkit.

Positions are integers of 0.001 Å about each pocket's centre, as precise as a PDB file. A protein file that
serves many ligands is held once; each complex lists its pocket's residues. Protein features are made
from atoms when a complex is first asked for, so that the cache stays small and has no feature settings
but those of the ligand.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from binding.errors import CacheError, ConfigError
from binding.graph.fields import DESCRIPTORS, ComplexGraph, LigandGraph
from binding.graph.pocket import build_pocket_graph
from binding.structures import Protein

CACHE_VERSION = 1
_RESOLUTION = 0.001  # Å


@dataclass(frozen=True, eq=False)
class CachedComplex:
    """One complex on its way into the cache.

    Attributes:
        ligand: Its features.
        residues: (pocket residues,) rows of the group's protein.
        row: Columns of the table: ``id``, ``pk``, ``relation``, ``source`` and what the index holds.
    """

    ligand: LigandGraph
    residues: np.ndarray
    row: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class CachedGroup:
    """Complexes that share a protein file.

    Attributes:
        protein: All residues that any of the pockets needs.
        complexes: At least one.
    """

    protein: Protein
    complexes: list[CachedComplex]


class _Columns:
    """Lists of arrays of unequal length, saved as one array and its lengths."""

    def __init__(self) -> None:
        self.parts: dict[str, list[np.ndarray]] = {}

    def add(self, name: str, values: np.ndarray) -> None:
        self.parts.setdefault(name, []).append(values)

    def arrays(self) -> dict[str, np.ndarray]:
        return {name: np.concatenate(parts) for name, parts in self.parts.items()}


def _quantise(positions: np.ndarray, origin: np.ndarray) -> tuple[np.ndarray, float]:
    """Positions as int16 about an origin, and the size of a step, Å."""
    shifted = positions - origin
    step = max(_RESOLUTION, float(np.abs(shifted).max(initial=0.0)) / 32766.0)
    return np.round(shifted / step).astype(np.int16), step


def _codes(values: Iterable[str], vocabulary: dict[str, int]) -> np.ndarray:
    return np.array([vocabulary.setdefault(str(value), len(vocabulary)) for value in values], dtype=np.uint16)


def write_cache(path: str | Path, groups: Iterable[CachedGroup], settings: Mapping[str, Any]) -> int:
    """Writes groups to a cache file, atomically.

    Args:
        path: The ``.npz`` file to make.
        groups: In the order in which they are to stand.
        settings: What the features depend on; kept with the file, the same in all caches of a training run.

    Returns:
        The number of complexes.
    """
    columns, rows = _Columns(), []
    atom_names: dict[str, int] = {}
    residue_names: dict[str, int] = {}
    for group_row, group in enumerate(groups):
        protein = group.protein
        origin = protein.positions.mean(axis=0)
        positions, step = _quantise(protein.positions, origin)
        columns.add("protein_step", np.array([step]))
        columns.add("protein_atoms", np.array([protein.num_atoms], dtype=np.int32))
        columns.add("protein_residues", np.array([protein.num_residues], dtype=np.int32))
        columns.add("protein_positions", positions)
        columns.add("protein_elements", protein.elements.astype(np.uint8))
        columns.add("protein_atom_names", _codes(protein.atom_names, atom_names))
        columns.add("residue_names", _codes(protein.residue_names, residue_names))
        columns.add("residue_kinds", protein.residue_kinds.astype(np.uint8))
        columns.add(
            "residue_sizes", np.bincount(protein.atom_residue, minlength=protein.num_residues).astype(np.uint16)
        )
        for complex_ in group.complexes:
            ligand = complex_.ligand
            positions, step = _quantise(ligand.positions, origin)
            columns.add("ligand_step", np.array([step]))
            columns.add("ligand_group", np.array([group_row], dtype=np.int32))
            columns.add("ligand_atoms", np.array([ligand.num_atoms], dtype=np.int32))
            columns.add("ligand_bonds", np.array([len(ligand.bonds)], dtype=np.int32))
            columns.add("ligand_pocket", np.array([len(complex_.residues)], dtype=np.int32))
            columns.add("positions", positions)
            columns.add("atom_categories", ligand.atom_categories)
            columns.add("radii", np.round(ligand.radii * 100).astype(np.uint8))
            columns.add("bonds", ligand.bonds.astype(np.uint16))
            columns.add("bond_categories", ligand.bond_categories)
            columns.add("descriptors", ligand.descriptors[None])
            columns.add("pocket_rows", complex_.residues.astype(np.uint16))
            rows.append(dict(complex_.row))
    if not rows:
        raise CacheError("no complex was left to cache", "see the table of rejected rows beside the output")
    meta = {
        "version": CACHE_VERSION,
        "settings": dict(settings),
        "atom_names": list(atom_names),
        "residue_names": list(residue_names),
        "descriptors": list(DESCRIPTORS),
    }
    arrays = columns.arrays()
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)
    arrays["table"] = np.frombuffer(pd.DataFrame(rows).to_csv(index=False).encode(), dtype=np.uint8)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CacheError(f"cannot write {path}: {error}", "free some disk space or name another folder") from None
    return len(rows)


class ComplexCache:
    """A cache file in memory: a table of rows and, for each row, a graph.

    Graphs are built on first use and kept, about 100 kB each.

    Args:
        path: A file made by ``write_cache``.

    Raises:
        CacheError: It is missing, damaged, or of another version.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise CacheError(f"no cache {self.path}", "make it with `binding prepare`")
        try:
            with np.load(self.path, allow_pickle=False) as file:
                self._arrays = {name: file[name] for name in file.files}
            meta = json.loads(self._arrays["meta"].tobytes())
            table = self._arrays["table"].tobytes().decode()
            version, descriptors = meta["version"], meta["descriptors"]
        # TypeError: np.load gave a bare array; the zip errors: the file breaks off or was altered.
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise CacheError(f"{self.path} is no cache of this package: {error}", "make it anew") from None
        if version != CACHE_VERSION or descriptors != list(DESCRIPTORS):
            raise CacheError(
                f"{self.path} was made by another version of this package (cache {version}, now {CACHE_VERSION})",
                "make it anew with `binding prepare`",
            )
        self.settings: dict[str, Any] = meta["settings"]
        self.table = pd.read_csv(io.StringIO(table), dtype={"id": str}, low_memory=False)
        self._atom_names = np.array(meta["atom_names"], dtype="<U4")
        self._residue_names = np.array(meta["residue_names"], dtype="<U8")
        arrays = self._arrays
        self._atom_start = _starts(arrays["protein_atoms"])
        self._residue_start = _starts(arrays["protein_residues"])
        self._ligand_atom_start = _starts(arrays["ligand_atoms"])
        self._ligand_bond_start = _starts(arrays["ligand_bonds"])
        self._pocket_start = _starts(arrays["ligand_pocket"])
        self._graphs: dict[int, ComplexGraph] = {}

    def __len__(self) -> int:
        return len(self.table)

    def num_ligand_atoms(self) -> np.ndarray:
        """(complexes,) heavy atoms of each ligand, without building any graph."""
        return self._arrays["ligand_atoms"]

    def num_pocket_residues(self) -> np.ndarray:
        """(complexes,) residues of each pocket, without building any graph."""
        return self._arrays["ligand_pocket"]

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
        if row not in self._graphs:
            arrays = self._arrays
            atoms = slice(self._ligand_atom_start[row], self._ligand_atom_start[row + 1])
            bonds = slice(self._ligand_bond_start[row], self._ligand_bond_start[row + 1])
            group = int(arrays["ligand_group"][row])
            protein = self.protein(group)
            keep = np.zeros(protein.num_residues, dtype=bool)
            keep[arrays["pocket_rows"][self._pocket_start[row] : self._pocket_start[row + 1]]] = True
            ligand = LigandGraph(
                positions=arrays["positions"][atoms] * arrays["ligand_step"][row],
                atom_categories=arrays["atom_categories"][atoms],
                radii=arrays["radii"][atoms].astype(np.float32) / 100,
                bonds=arrays["bonds"][bonds].astype(np.int16),
                bond_categories=arrays["bond_categories"][bonds],
                descriptors=arrays["descriptors"][row],
            )
            self._graphs[row] = ComplexGraph(ligand=ligand, pocket=build_pocket_graph(protein.select(keep)))
        return self._graphs[row]


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
                    f"{name} {first.get(name, 'unknown')} and {other.get(name, 'unknown')}",
                    "prepare one of them anew with the settings of the other",
                )


def _starts(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts.astype(np.int64))])
