"""Complexes as compact arrays, and the cache file that they are joined into.

Positions are integers of 0.001 Å about each pocket's centre, as precise as a PDB file. A protein file that serves many
ligands is held once for each group of them; each complex lists its pocket's residues.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from safetensors import SafetensorError
from safetensors.numpy import load, save

from binding.errors import CacheError
from binding.files import atomic, make_folder
from binding.graph.fields import DESCRIPTORS, LigandGraph
from binding.graph.vocabulary import ligand_vocabulary
from binding.structures import Protein

CACHE_VERSION: Final = 1
_RESOLUTION: Final = 0.001  # Å
_META: Final = "meta"
_NAMES: Final = {"protein_atom_names": "atom_names", "residue_names": "residue_names"}  # codes and their vocabulary


@dataclass(frozen=True, eq=False)
class EncodedGroup:
    """Complexes that share a protein.

    Attributes:
        arrays: The columns of the cache file, of this group alone.
        atom_names, residue_names: What the codes of ``arrays`` stand for.
    """

    arrays: dict[str, np.ndarray]
    atom_names: tuple[str, ...]
    residue_names: tuple[str, ...]

    def __len__(self) -> int:
        """Number of complexes."""
        return len(self.arrays["ligand_atoms"])


def encode_group(protein: Protein, complexes: Sequence[tuple[LigandGraph, np.ndarray]]) -> EncodedGroup:
    """Encodes complexes as arrays.

    Args:
        protein: All residues that any of the pockets needs.
        complexes: Each ligand's features and its (pocket residues,) rows of the protein; at least one.
    """
    origin = protein.positions.mean(axis=0)
    positions, step = _quantise(protein.positions, origin)
    atom_names, atom_codes = np.unique(protein.atom_names, return_inverse=True)
    residue_names, residue_codes = np.unique(protein.residue_names, return_inverse=True)
    arrays = {
        "protein_step": np.array([step]),
        "protein_atoms": np.array([protein.num_atoms], dtype=np.int32),
        "protein_residues": np.array([protein.num_residues], dtype=np.int32),
        "protein_positions": positions,
        "protein_elements": protein.elements.astype(np.uint8),
        "protein_atom_names": atom_codes.astype(np.uint16),
        "residue_names": residue_codes.astype(np.uint16),
        "residue_kinds": protein.residue_kinds.astype(np.uint8),
        "residue_sizes": np.bincount(protein.atom_residue, minlength=protein.num_residues).astype(np.uint16),
    }
    ligands = [ligand for ligand, _ in complexes]
    quantised = [_quantise(ligand.positions, origin) for ligand in ligands]
    arrays |= {
        "ligand_step": np.array([step for _, step in quantised]),
        "ligand_group": np.zeros(len(ligands), dtype=np.int32),
        "ligand_atoms": np.array([ligand.num_atoms for ligand in ligands], dtype=np.int32),
        "ligand_bonds": np.array([len(ligand.bonds) for ligand in ligands], dtype=np.int32),
        "ligand_pocket": np.array([len(residues) for _, residues in complexes], dtype=np.int32),
        "positions": np.concatenate([steps for steps, _ in quantised]),
        "atom_categories": np.concatenate([ligand.atom_categories for ligand in ligands]),
        "radii": np.concatenate([np.round(ligand.radii * 100).astype(np.uint8) for ligand in ligands]),
        "bonds": np.concatenate([ligand.bonds.astype(np.uint16) for ligand in ligands]),
        "bond_categories": np.concatenate([ligand.bond_categories for ligand in ligands]),
        "descriptors": np.stack([ligand.descriptors for ligand in ligands]),
        "pocket_rows": np.concatenate([residues.astype(np.uint16) for _, residues in complexes]),
    }
    return EncodedGroup(arrays, tuple(atom_names.tolist()), tuple(residue_names.tolist()))


def _quantise(positions: np.ndarray, origin: np.ndarray) -> tuple[np.ndarray, float]:
    """Positions as int16 about an origin, and the size of a step, Å."""
    shifted = positions - origin
    step = max(_RESOLUTION, float(np.abs(shifted).max(initial=0.0)) / 32766.0)
    return np.round(shifted / step).astype(np.int16), step


def to_bytes(group: EncodedGroup) -> bytes:
    """A group as bytes; ``from_bytes`` gives it back."""
    meta = json.dumps([group.atom_names, group.residue_names]).encode()
    arrays = {name: np.ascontiguousarray(array) for name, array in group.arrays.items()}
    return zlib.compress(save(arrays | {_META: np.frombuffer(meta, dtype=np.uint8)}), 1)


def from_bytes(data: bytes) -> EncodedGroup:
    """The group that ``to_bytes`` encoded.

    Raises:
        CacheError: The bytes are damaged.
    """
    try:
        arrays = load(zlib.decompress(data))
        atom_names, residue_names = json.loads(arrays.pop(_META).tobytes())
    except (zlib.error, SafetensorError, KeyError, ValueError) as error:
        raise CacheError(f"A piece of the cache is damaged: {error}.", "Remove the file of pieces.") from None
    return EncodedGroup(arrays, tuple(atom_names), tuple(residue_names))


def _join(groups: Iterable[EncodedGroup]) -> tuple[dict[str, np.ndarray], dict[str, list[str]]]:
    """The columns of all groups, and what the codes of names stand for now."""
    parts: dict[str, list[np.ndarray]] = {}
    vocabularies: dict[str, dict[str, int]] = {name: {} for name in _NAMES.values()}
    for place, group in enumerate(groups):
        for name, array in sorted(group.arrays.items()):  # bytes give them back in no order
            if name in _NAMES:
                vocabulary = vocabularies[_NAMES[name]]
                names = getattr(group, _NAMES[name])
                codes = np.array([vocabulary.setdefault(text, len(vocabulary)) for text in names], dtype=np.uint16)
                array = codes[array]
            elif name == "ligand_group":
                array = array + np.int32(place)
            parts.setdefault(name, []).append(array)
    joined = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    return joined, {name: list(vocabulary) for name, vocabulary in vocabularies.items()}


def write_cache(
    path: str | Path, groups: Iterable[EncodedGroup], rows: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]
) -> int:
    """Writes a cache file, whole or not at all; the same groups and rows give the same bytes.

    Args:
        path: The ``.npz`` file to make.
        groups: Groups in the order in which they are stored.
        rows: Columns of the table for each complex of the groups, in their order.
        settings: What the features depend on; kept with the file, the same in all caches of a training run.

    Returns:
        The number of complexes.

    Raises:
        CacheError: There is no complex.
        WriteError: ``disk_full`` or ``not_writable``.
    """
    if not rows:
        raise CacheError("No complex is left to cache.", "See the table of rejected rows beside the output.")
    arrays, vocabularies = _join(groups)
    if len(arrays["ligand_atoms"]) != len(rows):
        raise ValueError(f"{len(rows)} rows for {len(arrays['ligand_atoms'])} complexes")
    meta = {
        "version": CACHE_VERSION,
        "settings": dict(settings),
        **vocabularies,
        "descriptors": list(DESCRIPTORS),
        "features": ligand_vocabulary(),
    }
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)
    arrays["table"] = np.frombuffer(pd.DataFrame(rows).to_csv(index=False).encode(), dtype=np.uint8)
    path = Path(path)
    make_folder(path.parent, resumes=True)
    with atomic(path, resumes=True) as partial, partial.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)
    return len(rows)
