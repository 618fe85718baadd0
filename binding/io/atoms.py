"""One pass from a structure file to flat arrays: first model, no hydrogens, one alternate location a residue.

Everything here keeps every group (waters and buffers too); what a group is and whether it
stays is decided in ``structure.py``. Lengths in Å.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import gemmi
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from binding.errors import FileError, StructureError
from binding.graph.directions import bonds_by_distance
from binding.io.chains import chains_are_merged, end_chains
from binding.io.files import read_structure_bytes, split_suffix
from binding.io.formats import structure_format
from binding.io.vocabulary import AUTODOCK_TYPES, CNOS_RESIDUES, HYDROGENS, METALS

# Columns 31 to 54 must hold three numbers. gemmi reads "********" and words as 0.0, and "2  52.24" as 2, silently.
_ATOM_LINE = rb"^(?:ATOM  |HETATM).{24}"
_FIELD = rb"(?= {0,7}[-+]?\.?\d)[ \d.+-]{8}"
_GAP = b"|".join(rb".{%d}[^ ](?: {1,%d}[^ ]|[-+])" % (place, 6 - place) for place in range(6)) + rb"|.{6}[^ ][-+]"
_USUAL = rb"(?=.{4}\.\d{3}) *-?\d+\.\d{3}"  # what nearly all files hold, and quick to check
_UNUSUAL_COORDINATES = re.compile(_ATOM_LINE + rb"(?!" + _USUAL * 3 + rb")", re.MULTILINE)
_BAD_COORDINATES = re.compile(
    _ATOM_LINE + rb"(?:(?!" + _FIELD * 3 + rb")|(?:.{8}){0,2}(?:" + _GAP + rb"))[^\r\n]*", re.MULTILINE
)
_FOUR_LETTER_WATER = re.compile(rb"^((?:ATOM  |HETATM).{11})(TIP[2-5]|SPCE)", re.MULTILINE)
_PDBQT_TYPE = re.compile(rb"^((?:ATOM  |HETATM)[^\r\n]{70}) (\S{1,2})[^\r\n]*", re.MULTILINE)
_CNOS = {"C": 6, "N": 7, "O": 8, "S": 16, "H": 1, "D": 1}
#: Å, median distance of atoms that follow one another: 1.5 in proteins, 3.8 where there are CA atoms alone.
_USUAL_STEPS = (0.5, 10.0)
_FEWEST_STEPS = 20
_SHORTEST_BOND = 1.1  # Å; two atoms of one name that are closer are conformers
_SAME_PLACE = 0.5  # Å; a second atom of the same name closer than this is a copy, farther a second group


@dataclass(frozen=True, eq=False)
class AtomTable:
    """Heavy atoms of one model, in file order, with the group each belongs to.

    Attributes:
        name: File stem.
        positions: (atoms, 3) float64, Å.
        elements: (atoms,) int16, atomic numbers; 0 is an atom of no known element.
        atom_names: (atoms,) ``<U4``.
        groups: (atoms,) int32, row of the group (residue), non-decreasing.
        group_names: (groups,) ``<U8``.
        chain_ids: (groups,) ``<U8``.
        numbers: (groups,) int32.
        insertion_codes: (groups,) ``<U1``.
        hetero: (groups,) bool, HETATM in the file.
        notes: What was decided.
        block: The mmCIF block, where the file was one (bond orders may be in it).
    """

    name: str
    positions: np.ndarray
    elements: np.ndarray
    atom_names: np.ndarray
    groups: np.ndarray
    group_names: np.ndarray
    chain_ids: np.ndarray
    numbers: np.ndarray
    insertion_codes: np.ndarray
    hetero: np.ndarray
    notes: tuple[str, ...] = ()
    block: gemmi.cif.Block | None = field(default=None, repr=False)

    @property
    def num_groups(self) -> int:
        return len(self.group_names)

    def keep_groups(self, keep: np.ndarray) -> AtomTable:
        """The table with only some groups.

        Args:
            keep: (groups,) bool.
        """
        atoms = keep[self.groups]
        rows = np.cumsum(keep) - 1
        return replace(
            self,
            positions=self.positions[atoms],
            elements=self.elements[atoms],
            atom_names=self.atom_names[atoms],
            groups=rows[self.groups[atoms]].astype(np.int32),
            group_names=self.group_names[keep],
            chain_ids=self.chain_ids[keep],
            numbers=self.numbers[keep],
            insertion_codes=self.insertion_codes[keep],
            hetero=self.hetero[keep],
        )

    def group_id(self, row: int) -> str:
        """``chain:name:number`` of a group, such as ``A:LIG:301``."""
        return f"{self.chain_ids[row]}:{self.group_names[row]}:{self.numbers[row]}{self.insertion_codes[row]}"


def read_atoms(path: str | Path) -> AtomTable:
    """Read the first model of a PDB or mmCIF file (also gzipped).

    Args:
        path: The file; the format is told from the content.

    Raises:
        FileError: Missing, empty, damaged, or of another format.
        StructureError: ``nan_coordinates``, ``no_coordinates`` or ``not_angstrom``; ``no_protein`` where there is
            no atom at all.
    """
    path = Path(path)
    data = read_structure_bytes(path)
    structure, block, notes = _parse(path, data)
    if not len(structure) or not structure[0].count_atom_sites():
        raise StructureError(f"{path} holds no atoms.", "Check that the file is complete.", "no_protein")
    if len(structure) > 1:
        notes.append(f"took the first of {len(structure)} models")
        del structure[1:]
    arrays = _flatten(structure)
    alpha = (arrays.atom_names == "CA") & (arrays.elements == 6) & (arrays.altlocs == 0)
    if chains_are_merged(arrays.positions, alpha, arrays.boundaries(with_name=True)):
        arrays = _in_file_order(structure, None if block is not None else _pdb_text(path, data))
    return _table(path, arrays, notes, block)


def _flatten(structure: gemmi.Structure) -> _Flat:
    flat = gemmi.FlatStructure(structure)
    return _Flat(
        positions=np.array(flat.pos, dtype=np.float64),
        elements=np.array(flat.elements, dtype=np.int16),
        atom_names=_strings(np.asarray(flat.atom_names), "<U4"),
        residue_names=_strings(np.asarray(flat.residue_names), "<U8"),
        chain_ids=_strings(np.asarray(flat.chain_ids), "<U8"),
        numbers=np.array(flat.resnums, dtype=np.int32),
        insertion_codes=np.char.strip(np.array(flat.icodes).view("S1").astype("<U1")),
        altlocs=np.array(flat.altlocs),
        occupancies=np.array(flat.occ),
        hetero=np.array(flat.het_flags) == ord("H"),
    )


def _in_file_order(structure: gemmi.Structure, data: bytes | None) -> _Flat:
    """The atoms of a file whose chains share a name, one chain after the other; see ``binding.io.chains``.

    Args:
        structure: As read, with one model.
        data: Of the PDB file; None for mmCIF, whose atoms are numbered throughout.
    """
    if data is None:
        serials = np.array(gemmi.FlatStructure(structure).serials)
        return _flatten(structure).take(np.argsort(serials, kind="stable"))
    ended = end_chains(data)
    if ended is None:
        return _flatten(structure)
    structure = gemmi.read_pdb_string(ended.decode("utf-8", errors="replace"), split_chain_on_ter=True)
    del structure[1:]
    return _flatten(structure)


@dataclass(eq=False)
class _Flat:
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

    def take(self, keep: np.ndarray) -> _Flat:
        return _Flat(**{name: value[keep] for name, value in vars(self).items()})

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


def _parse(path: Path, data: bytes) -> tuple[gemmi.Structure, gemmi.cif.Block | None, list[str]]:
    """The structure, the mmCIF block where there is one, and an empty list of notes to fill."""
    kind = structure_format(path, data)
    try:
        if kind == "cif":
            document = gemmi.cif.read_string(data.decode("utf-8", errors="replace"))
            block = next((b for b in document if b.find_loop("_atom_site.Cartn_x")), None)
            if block is None:
                raise FileError(
                    f"{path} is a CIF file without coordinates (_atom_site).",
                    "Fetch the mmCIF of the entry, not its dictionary or reflections.",
                    "wrong_format",
                )
            return gemmi.make_structure_from_block(block), block, []
        bad = _BAD_COORDINATES.search(data) if _UNUSUAL_COORDINATES.search(data) else None
        if bad:
            line = bad.group().decode("ascii", errors="replace")
            raise StructureError(
                f"{path} has an atom whose coordinates are no numbers: {line[:60].strip()!r}.",
                "Remove or mend the atom; its columns may have slipped.",
                "nan_coordinates",
            )
        return gemmi.read_pdb_string(_pdb_text(path, data).decode("utf-8", errors="replace")), None, []
    except (RuntimeError, ValueError, IndexError) as error:
        raise FileError(
            f"{path} cannot be read as {'mmCIF' if kind == 'cif' else 'PDB'}: {str(error).splitlines()[0]}",
            "Check that the file is complete and unaltered.",
            "unreadable",
        ) from None


def _pdb_text(path: Path, data: bytes) -> bytes:
    """A PDB or PDBQT file as gemmi reads it right."""
    if b"TIP" in data or b"SPCE" in data:
        # CHARMM and Amber write four-letter water names into the column of the chain's first letter.
        data = _FOUR_LETTER_WATER.sub(rb"\1HOH ", data)
    if split_suffix(path)[1] == ".pdbqt":
        data = _PDBQT_TYPE.sub(_with_element, data)
    return data


def _with_element(line: re.Match[bytes]) -> bytes:
    """A PDBQT atom line with its AutoDock type replaced by the element, where PDB has it."""
    kind = line.group(2).decode("ascii", errors="replace")
    return line.group(1) + AUTODOCK_TYPES.get(kind.upper(), kind).upper().rjust(2).encode()


def _strings(rows: np.ndarray, dtype: str) -> np.ndarray:
    """(n,) strings from gemmi's (n, 8) zero-padded characters."""
    return np.ascontiguousarray(rows).view("S8")[:, 0].astype(dtype)


def _table(path: Path, flat: _Flat, notes: list[str], block: gemmi.cif.Block | None) -> AtomTable:
    _mend_elements(flat)
    flat = flat.take(~HYDROGENS[flat.elements])
    if not len(flat.numbers):
        raise StructureError(f"{path} holds hydrogens only.", "Check that the file is complete.", "no_protein")
    if not np.isfinite(flat.positions).all():
        bad = int(np.flatnonzero(~np.isfinite(flat.positions).all(axis=1))[0])
        raise StructureError(
            f"{path} has coordinates that are no numbers: atom {flat.atom_names[bad]} of "
            f"{flat.chain_ids[bad]}:{flat.residue_names[bad]}:{flat.numbers[bad]}.",
            "Remove or mend the atom.",
            "nan_coordinates",
        )
    _check_places(path, flat.positions)
    flat = _drop_copies(_one_altloc(flat, notes), notes)
    start = flat.boundaries(with_name=True)
    flat, start = _resolve_duplicates(flat, start, notes)
    groups = np.cumsum(start) - 1
    # Several metal ions under one residue id are still single ions.
    all_metal = np.bincount(groups, weights=~METALS[flat.elements]) == 0
    start |= all_metal[groups]
    groups = (np.cumsum(start) - 1).astype(np.int32)
    return AtomTable(
        name=split_suffix(path)[0],
        positions=flat.positions,
        elements=flat.elements,
        atom_names=flat.atom_names,
        groups=groups,
        group_names=flat.residue_names[start],
        chain_ids=flat.chain_ids[start],
        numbers=flat.numbers[start],
        insertion_codes=flat.insertion_codes[start],
        hetero=flat.hetero[start],
        notes=tuple(notes),
        block=block,
    )


def _check_places(path: Path, positions: np.ndarray) -> None:
    """Refuse coordinates in another unit, and zeros that stand for coordinates that nobody knows.

    Args:
        path: Named in messages.
        positions: (atoms, 3) Å, in the file's order.

    Raises:
        StructureError: ``not_angstrom`` or ``no_coordinates``.
    """
    nowhere = int((positions == 0.0).all(axis=1).sum())
    if nowhere > 1:
        raise StructureError(f"{path} has {nowhere} atoms at 0, 0, 0.", "Build them or remove them.", "no_coordinates")
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    middle = float(np.median(steps)) if len(steps) >= _FEWEST_STEPS else float(np.mean(_USUAL_STEPS))
    if not _USUAL_STEPS[0] <= middle <= _USUAL_STEPS[1]:
        raise StructureError(
            f"{path} has coordinates that cannot be Å: neighbouring atoms are {middle:.2g} apart.",
            "Multiply coordinates in nm by 10, those in pm by 0.01.",
            "not_angstrom",
        )


def _mend_elements(flat: _Flat) -> None:
    """Mend elements that names settle: C, N, O, S of amino acids ("CA" read as calcium), ions named after a metal."""
    for atom in np.flatnonzero(flat.atom_names == flat.residue_names):  # such as PT of residue PT, element P
        number = gemmi.Element(str(flat.atom_names[atom])).atomic_number
        if METALS[number]:
            flat.elements[atom] = number
    odd = ~np.isin(flat.elements, (1, 6, 7, 8, 16, 119))
    if not odd.any():
        return
    for atom in np.flatnonzero(odd):
        if flat.residue_names[atom] in CNOS_RESIDUES:
            letters = str(flat.atom_names[atom]).lstrip("0123456789'\"*")
            flat.elements[atom] = _CNOS.get(letters[:1].upper(), flat.elements[atom])


def _one_altloc(flat: _Flat, notes: list[str]) -> _Flat:
    """Keep, at each residue number, the alternate location with the highest total occupancy (ties: the first)."""
    labelled = flat.altlocs != 0
    if not labelled.any():
        return flat
    sites = np.cumsum(flat.boundaries(with_name=False)) - 1
    keep = ~labelled
    chosen: dict[str, int] = {}
    for site in np.unique(sites[labelled]):
        atoms = np.flatnonzero((sites == site) & labelled)
        labels = list(dict.fromkeys(flat.altlocs[atoms].tolist()))  # in order of appearance
        totals = [flat.occupancies[atoms][flat.altlocs[atoms] == label].sum() for label in labels]
        best = labels[int(np.argmax(np.round(totals, 4)))]
        keep[atoms[flat.altlocs[atoms] == best]] = True
        if len(labels) > 1:
            chosen[chr(best)] = chosen.get(chr(best), 0) + 1
    for label, count in sorted(chosen.items()):
        notes.append(f"kept altloc {label} of {count} residue{'s' if count > 1 else ''}")
    return flat.take(keep)


def _drop_copies(flat: _Flat, notes: list[str]) -> _Flat:
    """Drop what a file holds twice, such as a chain that was appended to itself: it would bind twice as tightly."""
    place = np.round(flat.positions * 1000.0).astype(np.int64) @ np.array([1, 1 << 21, 1 << 42])
    order = np.argsort(place, kind="stable")
    same = np.zeros(len(order), dtype=bool)
    one, next_one = order[:-1], order[1:]
    same[next_one] = (
        (place[one] == place[next_one])
        & (flat.atom_names[one] == flat.atom_names[next_one])
        & (flat.residue_names[one] == flat.residue_names[next_one])
        & (flat.numbers[one] == flat.numbers[next_one])
    )
    if not same.any():
        return flat
    count = int(same.sum())
    notes.append(f"dropped {count} atom{'s' if count > 1 else ''} of a name and place that the file has twice")
    return flat.take(~same)


def _resolve_duplicates(flat: _Flat, start: np.ndarray, notes: list[str]) -> tuple[_Flat, np.ndarray]:
    """Atoms of one name in one residue: a copy in the same place is dropped, a second molecule begins another group.

    Ligands whose atoms are all named C, N or O stay whole: what is bonded to the group is part of it.
    """
    groups = np.cumsum(start) - 1
    keys = np.char.add(np.char.add(groups.astype("<U10"), ":"), flat.atom_names)
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    if (counts == 1).all():
        return flat, start
    start = start.copy()
    keep = np.ones(len(keys), dtype=bool)
    doubled = np.unique(groups[first[counts > 1]])
    for group in doubled:
        atoms = np.flatnonzero(groups == group)
        molecule = _molecules(flat, atoms)
        seen: dict[str, list[int]] = {}
        joined: set[int] = set()  # molecules of the group so far
        for atom, part in zip(atoms.tolist(), molecule.tolist(), strict=True):
            name = str(flat.atom_names[atom])
            away = [np.linalg.norm(flat.positions[atom] - flat.positions[other]) for other in seen.get(name, ())]
            if away and min(away) < _SAME_PLACE:
                keep[atom] = False
                continue
            if away and (min(away) < _SHORTEST_BOND or part not in joined):
                start[atom] = True
                seen, joined = {}, set()
            seen.setdefault(name, []).append(atom)
            joined.add(part)
    if not keep.all():
        notes.append(f"dropped {int((~keep).sum())} atoms that repeat another of the same name and place")
    return flat.take(keep), start[keep]


def _molecules(flat: _Flat, atoms: np.ndarray) -> np.ndarray:
    """(n,) number of the molecule that each of some atoms is part of, by the distances between them."""
    bonds = bonds_by_distance(flat.positions[atoms], flat.elements[atoms])
    graph = coo_matrix((np.ones(len(bonds)), (bonds[:, 0], bonds[:, 1])), shape=(len(atoms), len(atoms)))
    return connected_components(graph, directed=False)[1]
