"""Ligands in PDB and PDBQT records: bond orders from the file's SMILES remarks, or perceived from the pose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from rdkit import Chem
from rdkit.Geometry import Point3D
from scipy.spatial import cKDTree

from binding.constants import FARTHEST
from binding.errors import LigandError
from binding.io.elements import element_of
from binding.io.perceive import perceive_bonds
from binding.io.vocabulary import AUTODOCK_TYPES, HALOGENS, METALS, STANDARD_AMINO_ACIDS, WATERS

_TABLE = Chem.GetPeriodicTable()
_MOST_RESIDUES = 40  # amino acids: a peptide of so many has more than 300 atoms, while pieces of a pocket have fewer
_MOST_ATOMS = 1000  # heavy atoms; well above the 300 that are scored, so that a large ligand still gets its row
_ATOM_LINE = re.compile(r"^(?:ATOM  |HETATM)", re.MULTILINE)
_MOL_BLOCK = re.compile(r"V[23]000\s*$|^@<TRIPOS>", re.MULTILINE)
_VINA_RESULT = re.compile(r"^REMARK VINA RESULT:\s+(\S+)", re.MULTILINE)
_MODEL_LINE = re.compile(r"MODEL\s+\d+\s*$")
_SAME_SPACE = 1.0  # Å; half of a part's atoms this near to another part's: both cannot be there at once
_LONGEST_LINK = 2.0  # Å, between residues of one ligand
_MOST_LINKS = 2
_FEWEST_REPEATED = 3  # atoms with names of their own that come again: another pose
_ATOM_RECORDS = ("ATOM  ", "HETATM")
_HEADERS = ("HEADER", "TITLE ", "COMPND", "AUTHOR")


class PdbFormat:
    """PDB and PDBQT; see ``binding.io.formats.LigandFormat``."""

    name = "PDB"
    suffixes: tuple[str, ...] = (".pdbqt", ".pdb", ".ent")
    folder_suffixes: tuple[str, ...] = (".pdbqt",)
    record_mark: bytes | None = b"ENDMDL"
    titled = False

    def recognises(self, text: str) -> bool:
        return _ATOM_LINE.search(text) is not None and _MOL_BLOCK.search(text) is None

    def split(self, lines: Iterable[str]) -> Iterator[str]:
        """A record is a model; without models it ends where another pose begins, see ``_Cutter``."""
        cutter = _Cutter()
        for line in lines:
            yield from cutter.feed(line)
        yield from cutter.finish()

    def title(self, text: str) -> str:
        found = re.search(r"^REMARK\s+Name\s*=\s*(.+)$", text, re.MULTILINE)
        return found.group(1) if found else ""

    def read(self, text: str, name: str) -> tuple[Chem.Mol, list[str]]:
        """See ``LigandFormat``.

        Raises:
            LigandError: ``bad_record``, ``no_atoms``, ``too_large``, ``unknown_element`` or ``nan_coordinates``.
        """
        return mol_from_pdb(text, name)

    def tags(self, text: str) -> dict[str, str]:
        found = _VINA_RESULT.search(text)
        return {} if found is None else {"dock_score": found[1]}


class _Cutter:
    """Cuts PDB and PDBQT lines into records.

    A record ends:

    - at ``ENDMDL``, or where the next ``MODEL`` begins;
    - at ``END``, where more atoms follow, and where a header follows atoms;
    - in PDBQT, where a second ``ROOT`` begins, or a remark after ``TORSDOF``; a ``ROOT`` without atoms is a record too.
      Flexible side chains between ``BEGIN_RES`` and ``END_RES`` are passed over;
    - where an atom follows ``CONECT`` or ``MASTER``, or repeats the serial and name of the record's first atom;
    - at ``TER``, where what follows has the same atoms again or lies in the same place, and where all atoms of a
      residue come again without anything between.
    """

    def __init__(self) -> None:
        self._before: list[str] = []  # lines before the first model: remarks such as the SMILES belong to every model
        self._block: list[str] = []
        self._in_model = False
        self._has_models = False
        self._records = 0
        self._clear()

    def _clear(self) -> None:
        self._atoms = 0
        self._roots = 0
        self._flexible = False
        self._ended = False  # after END
        self._closed = False  # after TORSDOF, CONECT or MASTER
        self._first = ""
        self._last_serial = ""

    def feed(self, line: str) -> Iterator[str]:
        """The records that end before a line."""
        if _MODEL_LINE.match(line):
            if not self._has_models and not self._atoms:
                self._before, self._block = self._block, []
            yield from self._take(even_empty=self._in_model)
            self._in_model = self._has_models = True
        elif line.startswith("ENDMDL"):
            yield from self._take(even_empty=self._in_model)
            self._in_model = False
        else:
            if not self._flexible and (self._atoms or self._roots) and self._begins_another(line):
                yield from self._take(keep=self._trailing_remarks() if line.startswith("ROOT") else 0, even_empty=True)
            self._note(line)
            if line.rstrip() != "END":
                self._block.append(line)

    def finish(self) -> Iterator[str]:
        """The record that ends with the file; an empty one where there was none at all."""
        if self._atoms or self._roots or self._in_model or not self._records:
            yield from self._take(even_empty=True)

    def _begins_another(self, line: str) -> bool:
        """Whether a line is the first of another record."""
        if line.startswith("ROOT"):
            return self._ended or self._roots > 0
        if line.startswith("REMARK"):
            return self._ended or (self._closed and self._roots > 0)
        if line.startswith(_HEADERS):
            return True
        if not line.startswith(_ATOM_RECORDS):
            return False
        again = line[6:27] == self._first and line[6:11] != self._last_serial
        return self._ended or again or (self._closed and not self._roots)

    def _note(self, line: str) -> None:
        if line.startswith("BEGIN_RES"):
            self._flexible = True
        elif line.startswith("END_RES"):
            self._flexible = False
        elif self._flexible:
            return
        elif line.startswith(_ATOM_RECORDS):
            self._first = self._first or line[6:27]
            self._last_serial = line[6:11]
            self._atoms += 1
        elif line.rstrip() == "END":
            self._ended = True
        else:
            self._roots += line.startswith("ROOT")
            self._closed = self._closed or line.startswith(("TORSDOF", "CONECT", "MASTER"))

    def _trailing_remarks(self) -> int:
        """How many lines at the end belong to the record that a ROOT begins."""
        rows = range(len(self._block), 0, -1)
        stop = next((row for row in rows if not self._block[row - 1].startswith("REMARK")), 0)
        return len(self._block) - stop

    def _take(self, *, even_empty: bool = False, keep: int = 0) -> Iterator[str]:
        """The record that ends here; ``keep`` lines at its end belong to the next one."""
        cut = len(self._block) - keep
        block, rest = self._block[:cut], self._block[cut:]
        if self._atoms or even_empty:
            for part in _parts_at_ter(block):
                self._records += 1
                yield "\n".join((*self._before, *part, ""))
            self._block = rest
        self._clear()


def _parts_at_ter(block: list[str]) -> list[list[str]]:
    """A record's lines cut at those ``TER`` after which the same atoms, or others in the same place, follow."""
    if not any(line.startswith("TER") for line in block):
        return _parts_that_repeat(block)
    parts: list[list[str]] = [[]]
    ended = False
    for line in block:
        ended = ended or line.startswith("TER")
        if ended and line.startswith(_ATOM_RECORDS):
            parts.append([])
            ended = False
        parts[-1].append(line)
    atoms = [[line for line in part if line.startswith(_ATOM_RECORDS)] for part in parts]
    if not atoms[0] or not all(len(part) <= _MOST_ATOMS for part in atoms):
        return [block]
    if not all(_same_atoms(atoms[0], other) or _same_place(atoms[0], other) for other in atoms[1:]):
        return [block]
    bonds = [line for line in parts[-1] if line.startswith("CONECT")]
    return [parts[0] if len(parts) == 1 else [*parts[0], *bonds], *parts[1:]]


def _parts_that_repeat(block: list[str]) -> list[list[str]]:
    """A record's lines cut where all its atoms come again, with the same names in the same residue or not linked."""
    rows = [row for row, line in enumerate(block) if line.startswith(_ATOM_RECORDS)]
    names = [block[row][12:16] for row in rows]
    size = names.index(names[0], 1) if names and names[0] in names[1:] else 0
    copies = len(names) // size if size else 0
    if size < _FEWEST_REPEATED or names != names[:size] * copies or len(set(names[:size])) < size:
        return [block]
    atoms = [[block[row] for row in rows[k * size : (k + 1) * size]] for k in range(copies)]
    residues = [{line[17:27] for line in part} for part in atoms]
    same = all(other == residues[0] and len(other) == 1 for other in residues[1:])
    if any(line[16:17].strip() for line in atoms[0]) or not (same or not _linked(atoms)):
        return [block]
    cuts = [0, *(rows[k * size] for k in range(1, copies)), len(block)]
    return [block[begin:end] for begin, end in pairwise(cuts)]


def _linked(parts: list[list[str]]) -> bool:
    """Whether copies of a residue make one molecule: two of them are joined by a bond, and do not lie on each other."""
    try:
        places = [np.array([_position(line) for line in part]) for part in parts]
    except ValueError:
        return True
    for one, other in combinations(places, 2):
        pairs = cKDTree(one).query_ball_point(other, _LONGEST_LINK, return_length=True).sum()
        nearest = cKDTree(one).query(other)[0].min()
        if 0 < pairs <= _MOST_LINKS and nearest > _SAME_SPACE:
            return True
    return False


def _same_atoms(first: list[str], second: list[str]) -> bool:
    return [line[12:16] for line in first] == [line[12:16] for line in second]


def _same_place(first: list[str], second: list[str]) -> bool:
    try:
        a, b = (np.array([_position(line) for line in part]) for part in (first, second))
    except ValueError:
        return False
    few, many = (a, b) if len(a) <= len(b) else (b, a)
    distances, _ = cKDTree(many).query(few, distance_upper_bound=_SAME_SPACE)
    return bool(np.isfinite(distances).mean() >= 0.5)


# ---------------------------------------------------------------- one record


@dataclass(frozen=True)
class PdbAtom:
    """An atom line.

    Attributes:
        serial: The serial field, as text.
        symbol: Element; empty for a pseudo-atom.
        position: Å.
        name: Without blanks.
        residue: Chain, number and insertion code, as the columns hold them.
        altloc: Label of the alternate location, or empty.
        occupancy: 1 where the field cannot be read.
        component: Name of the residue.
    """

    serial: str
    symbol: str
    position: tuple[float, float, float]
    name: str
    residue: str
    altloc: str
    occupancy: float
    component: str


def mol_from_pdb(text: str, name: str) -> tuple[Chem.Mol, list[str]]:
    """Unsanitized molecule of one model of a PDB or PDBQT file.

    Args:
        text: The model's lines with the remarks before it.
        name: For messages.

    Raises:
        LigandError: ``bad_record``, ``no_atoms``, ``too_large``, ``unknown_element`` or ``nan_coordinates``.
    """
    lines = _without_flexible_residues(text.split("\n"))
    docked = any(line.startswith(("ROOT", "TORSDOF", "REMARK SMILES")) for line in lines)
    atoms = [_atom(line, name, docked=docked) for line in lines if line.startswith(_ATOM_RECORDS)]
    atoms, notes = without_solvent([atom for atom in atoms if atom.symbol])
    atoms, chosen = one_altloc(atoms)
    notes += chosen
    refuse_protein(atoms, name)
    if docked:
        mol = _from_remarks(lines, atoms)
        if mol is not None:
            return mol, notes
    mol, how = perceive_bonds(
        [atom.symbol for atom in atoms], [atom.position for atom in atoms], name, _connect(lines, atoms)
    )
    return mol, [*notes, *how]


def _without_flexible_residues(lines: list[str]) -> list[str]:
    """The lines without those of flexible side chains, which belong to the receptor."""
    kept, flexible = [], False
    for line in lines:
        flexible = flexible or line.startswith("BEGIN_RES")
        if not flexible:
            kept.append(line)
        flexible = flexible and not line.startswith("END_RES")
    return kept


def _position(line: str) -> tuple[float, float, float]:
    """x, y, z in Å.

    Raises:
        ValueError: A field is not one number: the columns slipped.
    """
    if line[29:30].strip():
        raise ValueError(line)
    return float(line[30:38]), float(line[38:46]), float(line[46:54])


def _atom(line: str, name: str, *, docked: bool) -> PdbAtom:
    try:
        wide = line[:6] == "HETATM" and line[11:12].isdigit() and line[6:12].isdigit()  # a serial of six digits
        position = _position(line)
    except ValueError:
        # Not a word of the number is believed: a slipped column turns "-12.3" into "2.3".
        code = "bad_record" if re.search(r"[A-Za-z]{2}", line[30:54]) else "nan_coordinates"
        raise LigandError(
            f"Ligand {name} has an atom line whose coordinates cannot be read: {line[:60].strip()!r}.",
            "Mend the columns of the line (x, y and z stand in columns 31-54).",
            code,
        ) from None
    if not all(abs(value) < FARTHEST for value in position):  # nan is not less either
        raise LigandError(
            f"Ligand {name} has coordinates that are not numbers.", "Mend or remove the record.", "nan_coordinates"
        )
    label = line[76:].strip() if docked else line[76:78].strip()
    if docked and label:
        symbol = AUTODOCK_TYPES.get(label.upper(), label.capitalize())
    elif _is_lone_pair(label, line[12:16]):
        symbol = ""
    else:
        symbol = element_of(label, line[12:16], line[17:21])
    if symbol == "D":
        symbol = "H"
    if symbol or not (docked or _is_lone_pair(label, line[12:16])):
        try:
            _TABLE.GetAtomicNumber(symbol or "?")
        except RuntimeError:
            raise LigandError(
                f"Ligand {name} has an atom of no known element: {line[12:16].strip()} ({label or 'blank'}).",
                "Fill in the element column (77-78).",
                "unknown_element",
            ) from None
    try:
        occupancy = float(line[54:60])
    except ValueError:
        occupancy = 1.0
    serial = line[6 : 12 if wide else 11].strip()
    return PdbAtom(
        serial,
        symbol,
        position,
        line[12:16].strip(),
        line[21:27],
        line[16:17].strip(),
        occupancy,
        line[17:20].strip(),
    )


def _is_lone_pair(label: str, name: str) -> bool:
    """Whether an atom is a lone pair or an extra point of a force field, which is no atom."""
    return label.upper() in ("LP", "EP") or (not label and re.fullmatch(r"(?:LP|EP)\w{0,2}", name.strip()) is not None)


def without_solvent(atoms: list[PdbAtom]) -> tuple[list[PdbAtom], list[str]]:
    """The atoms without waters and ions that stand beside the ligand, and a note about each of both.

    An ion is a metal or a halogen that is a residue by itself: by its distance it could be bonded to the ligand.
    """
    held: dict[str, list[PdbAtom]] = {}
    for atom in atoms:
        held.setdefault(atom.residue, []).append(atom)
    waters = {residue for residue, own in held.items() if own[0].component.upper() in WATERS}
    ions = {residue: own[0].symbol for residue, own in held.items() if len(own) == 1 and _is_ion(own[0])}
    left = [atom for atom in atoms if atom.residue not in waters and atom.residue not in ions]
    if len(left) == len(atoms) or not left:
        return atoms, []
    notes = []
    if waters:
        notes.append(f"left out {len(waters)} water{'s' if len(waters) > 1 else ''} of the ligand's file")
    if ions:
        kinds = ", ".join(sorted(set(ions.values())))
        notes.append(f"left out {len(ions)} ion{'s' if len(ions) > 1 else ''} of the ligand's file ({kinds})")
    return left, notes


def _is_ion(atom: PdbAtom) -> bool:
    number = _TABLE.GetAtomicNumber(atom.symbol)
    return bool(METALS[number] or HALOGENS[number])


def refuse_protein(atoms: list[PdbAtom], name: str) -> None:
    """Refuse what is no ligand, before minutes go into the bond orders of a whole protein.

    Raises:
        LigandError: ``no_atoms`` or ``too_large``.
    """
    count = sum(atom.symbol != "H" for atom in atoms)
    if not count:
        raise LigandError(f"Ligand {name} has no heavy atoms.", "Check the record.", "no_atoms")
    residues = {atom.residue for atom in atoms if atom.name == "CA" and atom.component in STANDARD_AMINO_ACIDS}
    if count > _MOST_ATOMS or len(residues) > _MOST_RESIDUES:
        raise LigandError(
            f"Ligand {name} has {count} heavy atoms: this seems to be a protein.",
            "Give the ligand alone; for one inside the protein's file, -l auto or -l A:LIG:301.",
            "too_large",
        )


def one_altloc(atoms: list[PdbAtom]) -> tuple[list[PdbAtom], list[str]]:
    """Keep, in each residue, the alternate location with the highest total occupancy (ties: the first)."""
    places: dict[str, dict[str, list[PdbAtom]]] = {}
    for atom in atoms:
        if atom.altloc:
            places.setdefault(atom.residue, {}).setdefault(atom.altloc, []).append(atom)
    dropped: set[int] = set()
    chosen: dict[str, int] = {}
    for labels in places.values():
        if len(labels) < 2 or _are_names(labels):
            continue
        best = max(labels, key=lambda label: round(sum(atom.occupancy for atom in labels[label]), 4))
        chosen[best] = chosen.get(best, 0) + 1
        dropped.update(id(atom) for label, held in labels.items() if label != best for atom in held)
    notes = [
        f"kept altloc {label} of {count} residue{'s' if count > 1 else ''}" for label, count in sorted(chosen.items())
    ]
    return [atom for atom in atoms if id(atom) not in dropped], notes


def _are_names(labels: dict[str, list[PdbAtom]]) -> bool:
    """Whether column 17 holds the fifth letter of atom names ("C1000", "C1001") and no alternate location."""
    return all(label.isdigit() and all(len(atom.name) == 4 for atom in held) for label, held in labels.items())


def _from_remarks(lines: list[str], atoms: list[PdbAtom]) -> Chem.Mol | None:
    """Molecule from ``REMARK SMILES`` and ``REMARK SMILES IDX`` (Meeko), or None where they do not fit."""
    smiles = ""
    pairs: list[int] = []
    for line in lines:
        if line.startswith("REMARK SMILES IDX"):
            pairs.extend(int(word) for word in line[17:].split() if word.isdigit())
        elif line.startswith("REMARK SMILES") and not smiles:
            smiles = line[13:].strip()
    mol = Chem.MolFromSmiles(smiles) if smiles else None
    if mol is None or len(pairs) != 2 * mol.GetNumAtoms():
        return None
    by_serial = {atom.serial: atom for atom in atoms}
    conformer = Chem.Conformer(mol.GetNumAtoms())
    for row, serial in zip(pairs[::2], pairs[1::2], strict=True):
        atom = by_serial.get(str(serial))
        if atom is None or not 1 <= row <= mol.GetNumAtoms() or mol.GetAtomWithIdx(row - 1).GetSymbol() != atom.symbol:
            return None
        conformer.SetAtomPosition(row - 1, Point3D(*atom.position))
    mol.AddConformer(conformer)
    return mol


def _connect(lines: list[str], atoms: list[PdbAtom]) -> dict[tuple[int, int], int]:
    """Pairs of atom rows that CONECT lines join, and how often; serials that stand for several atoms join nothing.

    RDKit, Open Babel and PyMOL list a neighbour twice for a double bond, and three times for a triple one.
    """
    serials = [atom.serial for atom in atoms]
    row_of = {serial: row for row, serial in enumerate(serials) if serials.count(serial) == 1}
    listed: dict[tuple[int, int], int] = {}
    for line in lines:
        if line.startswith("CONECT"):
            fields = [line[k : k + 5].strip() for k in range(6, min(len(line), 31), 5)]
            if fields and fields[0] in row_of:
                first = row_of[fields[0]]
                for other in (row_of[field] for field in fields[1:] if field in row_of):
                    if other != first:
                        listed[first, other] = listed.get((first, other), 0) + 1
    pairs: dict[tuple[int, int], int] = {}
    for (one, other), count in listed.items():
        pair = (min(one, other), max(one, other))
        pairs[pair] = max(pairs.get(pair, 0), count)
    return pairs
