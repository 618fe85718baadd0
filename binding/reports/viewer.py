"""Ligands in their pockets in 3D on a page: plain data for ``static/viewer.js``, and the scripts that draw them.

A panel needs three things on its page: ``library()`` and ``script("viewer.js")``, in this order, and a scene, as JSON.
Nothing is asked of the network.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
from markupsafe import Markup
from rdkit import Chem
from scipy.spatial.distance import pdist

from binding.structures import Ligand, Protein, ResidueKind

#: Of 3Dmol.js, whose licence lies beside it.
LIBRARY: Final = "3Dmol-2.5.5.min.js"
_BACKBONE: Final = ("N", "CA", "C", "O")
_BOND: Final = 0.4  # Å beyond the sum of two covalent radii
_AROMATIC: Final = 4  # order of a bond, as in a mol block
_KINDS: Final = {kind: kind.name.lower().replace("_", " ") for kind in ResidueKind}


@dataclass(frozen=True)
class Script:
    """A script that stands in a page.

    Attributes:
        text: The code.
        source: What a Content-Security-Policy calls it by, so that nothing else may run.
    """

    text: Markup
    source: Markup


@cache
def script(name: str) -> Script:
    """A script of the folder ``static``."""
    text = static(name)
    assert "</script" not in text.lower(), "it would end its own element"
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Script(Markup(text), Markup(f"'sha256-{digest}'"))


def library() -> Script:
    """3Dmol.js."""
    return script(LIBRARY)


@cache
def static(name: str) -> Markup:
    """The text of a file of ours that a page includes as it is."""
    text = files("binding.reports").joinpath("static", name).read_text(encoding="utf-8")
    return Markup(text.replace("\r\n", "\n"))


def as_json(data: Any) -> Markup:
    """Data for an element of type ``application/json``: no text in it can end the element or begin a comment.

    Raises:
        ValueError: There is a number that JSON has not, such as NaN.
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


def finite(value: float | None, decimals: int = 4) -> float | None:
    """A number for a page; None where there is none."""
    return None if value is None or not np.isfinite(value) else round(float(value), decimals)


def finites(values: Iterable[float], decimals: int = 4) -> list[float | None]:
    """Numbers for a page."""
    return [finite(value, decimals) for value in values]


@dataclass
class Pool:
    """Residues of a page, each once however many complexes have it.

    Attributes:
        residues: What a scene holds of each.
    """

    residues: list[dict[str, Any]] = field(default_factory=list)
    _rows: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def places(self, pocket: Protein, near: Sequence[int]) -> list[tuple[int, int | None]]:
        """The residues of a pocket: the row of each in the pool, and its place among those that are near, if it is.

        Args:
            pocket: Whose residues go into the pool.
            near: Rows of the residues that are drawn whole; of the others only the backbone is.
        """
        place = {row: k for k, row in enumerate(near)}
        starts = np.searchsorted(pocket.atom_residue, np.arange(pocket.num_residues + 1))
        found = []
        for row in range(pocket.num_residues):
            atoms = np.arange(starts[row], starts[row + 1])
            if row not in place:
                atoms = atoms[np.isin(pocket.atom_names[atoms], _BACKBONE)]
                if not len(atoms) or pocket.residue_kinds[row] != ResidueKind.AMINO_ACID:
                    continue
            found.append((self._row(pocket, row, atoms), place.get(row)))
        return found

    def _row(self, pocket: Protein, row: int, atoms: np.ndarray) -> int:
        xyz = pocket.positions[atoms]
        label = pocket.residue_ids[row]
        key = (label, len(atoms), xyz.round(2).tobytes())
        if key not in self._rows:
            self._rows[key] = len(self.residues)
            numbers = pocket.elements[atoms]
            self.residues.append(
                {
                    "label": label,
                    "chain": str(pocket.chain_ids[row]),
                    "name": str(pocket.residue_names[row]),
                    "number": int(pocket.residue_numbers[row]),
                    "kind": _KINDS[ResidueKind(pocket.residue_kinds[row])],
                    "names": [str(name) for name in pocket.atom_names[atoms]],
                    "elements": [_symbol(number) for number in numbers.tolist()],
                    "xyz": _flat(xyz),
                    "bonds": _bonds(numbers, xyz),
                }
            )
        return self._rows[key]


def ligand_scene(ligand: Ligand) -> dict[str, Any]:
    """The ligand of a scene: elements, places in Å, and bonds with their orders."""
    mol = ligand.mol
    bonds = [
        (
            bond.GetBeginAtomIdx(),
            bond.GetEndAtomIdx(),
            _AROMATIC if bond.GetIsAromatic() else int(bond.GetBondTypeAsDouble() or 1),
        )
        for bond in mol.GetBonds()
    ]
    return {
        "elements": [atom.GetSymbol() for atom in mol.GetAtoms()],
        "xyz": _flat(ligand.positions),
        "bonds": [number for bond in bonds for number in bond],
    }


def line(ligand: Ligand, atom: int, pocket: Protein, row: int, place: int, text: str) -> dict[str, Any]:
    """A dashed line from an atom of the ligand to the nearest atom of a residue.

    Args:
        ligand: The pose.
        atom: Row of its atom.
        pocket: Whose residue it is.
        row: Row of the residue in the pocket.
        place: Its place among the residues that are near.
        text: Stands beside the residue.
    """
    own = pocket.positions[pocket.atom_residue == row]
    nearest = own[np.argmin(np.linalg.norm(own - ligand.positions[atom], axis=1))]
    return {"atom": atom, "residue": place, "text": text, "end": _flat(nearest[None])}


def _bonds(numbers: np.ndarray, xyz: np.ndarray) -> list[int]:
    """Pairs of atoms of a residue that are as near as bonded atoms are, as one list."""
    if len(xyz) < 2:
        return []
    table = Chem.GetPeriodicTable()
    radii = np.array([table.GetRcovalent(int(number)) for number in numbers])
    first, second = np.triu_indices(len(xyz), 1)
    bonded = pdist(xyz) < radii[first] + radii[second] + _BOND
    return np.stack([first[bonded], second[bonded]], axis=1).reshape(-1).tolist()


def _symbol(number: int) -> str:
    return Chem.GetPeriodicTable().GetElementSymbol(int(number))


def _flat(xyz: Iterable[Any]) -> list[float]:
    return [round(float(value), 2) for value in np.asarray(xyz).reshape(-1)]
