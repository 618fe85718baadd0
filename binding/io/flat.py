"""gemmi's structures as flat arrays, whatever names and numbers a file has."""

from __future__ import annotations

from dataclasses import dataclass

import gemmi
import numpy as np

_NO_NUMBER = -(2**31)  # gemmi's residue number where a file gives none
_LONG_NAME = 8  # letters; gemmi flattens shorter names only


@dataclass(eq=False)
class Flat:
    """Per-atom arrays as read, (atoms,) each; positions (atoms, 3) Å."""

    positions: np.ndarray
    elements: np.ndarray
    atom_names: np.ndarray
    residue_names: np.ndarray
    chain_ids: np.ndarray
    numbers: np.ndarray
    insertion_codes: np.ndarray
    altlocs: np.ndarray
    occupancies: np.ndarray
    hetero: np.ndarray

    def take(self, keep: np.ndarray) -> Flat:
        return Flat(**{name: value[keep] for name, value in vars(self).items()})

    def boundaries(self, *, with_name: bool) -> np.ndarray:
        """(atoms,) bool, whether an atom begins another residue (or site, where the name does not count)."""
        start = np.ones(len(self.numbers), dtype=bool)
        start[1:] = (
            (self.chain_ids[1:] != self.chain_ids[:-1])
            | (self.numbers[1:] != self.numbers[:-1])
            | (self.insertion_codes[1:] != self.insertion_codes[:-1])
        )
        if with_name:
            start[1:] |= self.residue_names[1:] != self.residue_names[:-1]
        return start


def flatten(structure: gemmi.Structure) -> Flat:
    """The atoms of a structure's one model, in its order."""
    flat, full = flat_of(structure)
    numbers = np.array(flat.resnums, dtype=np.int32)
    if (numbers == _NO_NUMBER).any():
        return flatten(_numbered(structure))
    arrays = Flat(
        positions=np.array(flat.pos, dtype=np.float64),
        elements=np.array(flat.elements, dtype=np.int16),
        atom_names=strings(np.asarray(flat.atom_names), "<U4"),
        residue_names=strings(np.asarray(flat.residue_names), "<U8"),
        chain_ids=strings(np.asarray(flat.chain_ids), "<U8"),
        numbers=numbers,
        insertion_codes=np.char.strip(np.char.decode(np.array(flat.icodes).view("S1"), "latin-1")),
        altlocs=np.array(flat.altlocs),
        occupancies=np.array(flat.occ),
        hetero=np.array(flat.het_flags) == ord("H"),
    )
    if full:
        for field_name in ("atom_names", "residue_names", "chain_ids"):
            names, rows = np.unique(getattr(arrays, field_name), return_inverse=True)
            setattr(arrays, field_name, np.array([full.get(name, name) for name in names.tolist()])[rows])
    return arrays


def flat_of(structure: gemmi.Structure) -> tuple[gemmi.FlatStructure, dict[str, str]]:
    """gemmi's arrays, and the full names of those that were too long for them."""
    try:
        return gemmi.FlatStructure(structure), {}
    except RuntimeError:
        short, full = _with_short_names(structure)
        return gemmi.FlatStructure(short), full


def _with_short_names(structure: gemmi.Structure) -> tuple[gemmi.Structure, dict[str, str]]:
    """A copy whose names have at most seven letters, and the full name of each that was cut."""
    full: dict[str, str] = {}
    given: dict[str, str] = {}

    def short(name: str) -> str:
        if len(name) < _LONG_NAME:
            return name
        if name not in given:
            given[name] = f"\x01{len(given)}"
            full[given[name]] = name
        return given[name]

    copy = structure.clone()
    for chain in copy[0]:
        chain.name = short(chain.name)
        for residue in chain:
            residue.name, residue.subchain, residue.entity_id, residue.segment = short(residue.name), "", "", ""
            for atom in residue:
                atom.name = short(atom.name)
    return copy, full


def _numbered(structure: gemmi.Structure) -> gemmi.Structure:
    """A copy in which residues without a number have the next one that their chain has free."""
    copy = structure.clone()
    for chain in copy[0]:
        known = [residue.seqid.num for residue in chain if residue.seqid.num is not None]
        last = max((number for number in known if number != _NO_NUMBER), default=0)
        for residue in chain:
            if residue.seqid.num is None or residue.seqid.num == _NO_NUMBER:
                last += 1
                residue.seqid = gemmi.SeqId(str(last))
    return copy


def strings(rows: np.ndarray, dtype: str) -> np.ndarray:
    """(n,) strings from gemmi's (n, 8) zero-padded characters; longer than ``dtype`` where a name is."""
    letters = np.ascontiguousarray(rows).view(np.uint8)
    if (letters >= 0x80).any():  # rare, and slow
        names = np.char.decode(letters.view(f"S{letters.shape[1]}")[:, 0], "utf-8", "replace")
        longest = int(np.char.str_len(names).max(initial=0))
    else:  # a letter of numpy's strings has four bytes
        names = letters.astype(np.uint32).view(f"<U{letters.shape[1]}")[:, 0]
        longest = int(np.flatnonzero(letters.any(axis=0)).max(initial=-1)) + 1
    return names.astype(dtype) if longest <= int(dtype[2:]) else names
