"""MOL2 records, as Sybyl, Open Babel, Corina, antechamber and PDBbind write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rdkit import Chem
from rdkit.Geometry import Point3D

from binding.constants import FARTHEST
from binding.errors import LigandError
from binding.io.perceive import with_perceived_bonds

_BONDS = {
    "1": Chem.BondType.SINGLE,
    "2": Chem.BondType.DOUBLE,
    "3": Chem.BondType.TRIPLE,
    "ar": Chem.BondType.AROMATIC,
    "am": Chem.BondType.SINGLE,
    "un": Chem.BondType.UNSPECIFIED,
    "du": Chem.BondType.UNSPECIFIED,
}
_TABLE = Chem.GetPeriodicTable()
_MOLECULE = re.compile(r"^\s*@<TRIPOS>", re.MULTILINE | re.IGNORECASE)
_RECORD = re.compile(r"\s*@<TRIPOS>MOLECULE", re.IGNORECASE)
_SECTION = re.compile(r"\s*@<TRIPOS>(\w+)", re.IGNORECASE)
_CONTINUED = re.compile(r"\\[ \t]*\n")  # a line that goes on in the next one
_LONE_PAIR = "LP"
_TYPES_NOTE = "read the elements off the atom types of a force field"
_ELEMENT = re.compile(r"[A-Z][a-z]?")
_HALOGENS = ("cl", "br")  # force fields' types of other elements begin with the one letter of the element
_FIRST_LETTERS = "hcnofpsib"
_METAL_TYPES = frozenset(("ZN", "MG", "MN", "FE", "LI"))


class Mol2Format:
    """MOL2; see ``binding.io.formats.LigandFormat``."""

    name = "MOL2"
    suffixes: tuple[str, ...] = (".mol2",)
    folder_suffixes: tuple[str, ...] = suffixes
    record_mark: bytes | None = b"@<TRIPOS>MOLECULE"
    titled = True

    def recognises(self, text: str) -> bool:
        return _MOLECULE.search(text) is not None

    def split(self, lines: Iterable[str]) -> Iterator[str]:
        """A record ends where the next ``@<TRIPOS>MOLECULE`` begins; comments are passed over."""
        block: list[str] | None = None
        for line in lines:
            if _RECORD.match(line):
                if block is not None:
                    yield "\n".join((*block, ""))
                block = []
            if block is not None and not line.startswith("#"):
                block.append(line)
        if block is not None:
            yield "\n".join((*block, ""))

    def title(self, text: str) -> str:
        lines = text.split("\n", 2)
        return lines[1] if len(lines) > 1 else ""

    def read(self, text: str, name: str) -> tuple[Chem.Mol, list[str]]:
        """See ``LigandFormat``.

        Raises:
            LigandError: ``bad_record``, ``no_atoms``, ``unknown_element`` or ``nan_coordinates``.
        """
        mol, notes = mol_from_mol2(text, name)
        mol, how = with_perceived_bonds(mol, name)
        return mol, [*notes, *how]

    def tags(self, text: str) -> dict[str, str]:
        return {}


def mol_from_mol2(text: str, name: str) -> tuple[Chem.Mol, list[str]]:
    """Unsanitized molecule of one record, and notes; charges are left to the repairs, which read them off the bonds.

    Partial charges in the file are ignored. Sybyl types ``C.cat``, ``O.co2``, ``N.4`` carry no more
    than the bonds do.

    Args:
        text: From ``@<TRIPOS>MOLECULE`` on.
        name: For messages.

    Raises:
        LigandError: ``bad_record``, ``no_atoms``, ``unknown_element`` or ``nan_coordinates``.
    """
    sections = _sections(_CONTINUED.sub(" ", text))
    rows = [line.split() for line in sections.get("ATOM", [])]
    lone_pairs = {row[0] for row in rows if len(row) > 5 and row[5].upper() == _LONE_PAIR}  # which GOLD writes as atoms
    rows = [row for row in rows if row[0] not in lone_pairs]
    if not rows:
        raise LigandError(f"Ligand {name} has no atoms.", "Check the record.", "no_atoms")
    typed = _of_force_field([row[5] for row in rows if len(row) > 5])
    mol = Chem.RWMol()
    conformer = Chem.Conformer(len(rows))
    index_of: dict[str, int] = {}
    try:
        for index, row in enumerate(rows):
            position = [float(value) for value in row[2:5]]
            if not all(abs(value) < FARTHEST for value in position):  # nan is not less either
                raise LigandError(
                    f"Ligand {name} has coordinates that are not numbers.",
                    "Mend or remove the record.",
                    "nan_coordinates",
                )
            mol.AddAtom((_force_field_atom if typed else _atom)(row[5], row[1], name))
            conformer.SetAtomPosition(index, Point3D(*position))
            index_of[row[0]] = index
        for row in map(str.split, sections.get("BOND", [])):
            _, begin, end, kind, *_ = row
            if kind.lower() != "nc" and begin not in lone_pairs and end not in lone_pairs:
                mol.AddBond(index_of[begin], index_of[end], _BONDS[kind.lower()])
    except (ValueError, IndexError, KeyError, RuntimeError):
        raise LigandError(
            f"Ligand {name} has an atom or bond line that cannot be read: {' '.join(row)[:60]!r}.",
            "Check the record's ATOM and BOND sections.",
            "bad_record",
        ) from None
    for bond in mol.GetBonds():
        if bond.GetBondType() == Chem.BondType.AROMATIC:
            bond.SetIsAromatic(True)
            bond.GetBeginAtom().SetIsAromatic(True)
            bond.GetEndAtom().SetIsAromatic(True)
    conformer.Set3D(any(conformer.GetAtomPosition(i).z for i in range(len(rows))))
    mol.AddConformer(conformer)
    return mol.GetMol(), [_TYPES_NOTE] if typed else []


def _of_force_field(kinds: list[str]) -> bool:
    """Whether atom types are those of a force field and not of Sybyl: ``ca`` is then a carbon and no calcium."""
    if any("." in kind for kind in kinds):
        return False
    return not all(_ELEMENT.fullmatch(kind) or kind in ("LP", "CL", "BR") for kind in kinds)


def _sections(text: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.split("\n"):
        found = _SECTION.match(line)
        if found:
            current = sections.setdefault(found[1].upper(), [])
        elif line.strip():
            current.append(line)
    return sections


def _atom(sybyl: str, label: str, name: str) -> Chem.Atom:
    symbol = sybyl.split(".")[0].capitalize()
    if symbol in ("Du", "Lp", "Any", "Hal", "Het", "Hev"):
        raise LigandError(
            f"Ligand {name} has an atom of no known element: {label} of type {sybyl}.",
            "Replace dummy atoms with real ones.",
            "unknown_element",
        )
    try:
        return Chem.Atom(_TABLE.GetAtomicNumber(symbol))
    except RuntimeError:
        raise LigandError(
            f"Ligand {name} has an atom of no known element: {label} of type {sybyl}.",
            "Check the atom types.",
            "unknown_element",
        ) from None


def _force_field_atom(kind: str, label: str, name: str) -> Chem.Atom:
    """An atom by its type in GAFF, Amber, CHARMM or OPLS, which has to agree with the atom's name."""
    letters = re.sub(r"[^A-Za-z]", "", kind)
    symbol = kind[:2] if kind.lower().startswith(_HALOGENS) else letters[:1]
    if letters.upper() in _METAL_TYPES and label.upper().startswith(letters.upper()):
        symbol = letters
    elif letters.lower().startswith("opls") or symbol.lower() not in (*_FIRST_LETTERS, *_HALOGENS):  # a number
        symbol = label[:2] if label.lower().startswith(_HALOGENS) else label[:1]
    if not symbol.isalpha() or not label.upper().startswith(symbol.upper()):
        raise LigandError(
            f"Ligand {name} has an atom of no known element: {label} of type {kind}.",
            "Write Sybyl atom types, such as C.ar: antechamber -at sybyl, or Open Babel.",
            "unknown_element",
        )
    return _atom(symbol, label, name)
