"""One pass from a structure file to flat arrays: first model, no hydrogens, one alternate location a residue.

Everything here keeps every group (waters and buffers too); what a group is and whether it
stays is decided in ``structure.py``. Lengths in Å.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import gemmi
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from binding.constants import FARTHEST
from binding.errors import FileError, StructureError, reason_of
from binding.io.chains import chains_are_merged, end_chains
from binding.io.elements import element_of
from binding.io.files import read_structure_bytes, split_suffix
from binding.io.formats import structure_format
from binding.io.pdb_text import check_coordinates, mended_pdb
from binding.io.vocabulary import (
    BUFFERS,
    CNOS_RESIDUES,
    COFACTORS,
    HYDROGENS,
    METALS,
    WATERS,
    is_amino_acid_name,
    is_nucleotide_name,
)

#: Å, median distance of atoms that follow one another: 1.5 in proteins, 3.8 where there are CA atoms alone.
_USUAL_STEPS = (0.5, 10.0)
_FEWEST_STEPS = 20
_SHORTEST_BOND = 1.1  # Å; two atoms of one name that are closer are conformers
_NO_NUMBER = -(2**31)  # gemmi's residue number where a file gives none
_LONG_NAME = 8  # letters; gemmi flattens shorter names only
_DEFAULT_COLUMNS = {
    "_atom_site.id": "1",
    "_atom_site.type_symbol": "X",
    "_atom_site.label_alt_id": ".",
    "_atom_site.label_asym_id": ".",
    "_atom_site.occupancy": "1",
    "_atom_site.B_iso_or_equiv": "0",
    "_atom_site.auth_seq_id": ".",
}
_BACKBONE = frozenset(("N", "CA", "C"))
_SAME_PLACE = 0.5  # Å; a second atom of the same name closer than this is a copy
_SAME_CARBON = 2.0  # Å between alpha carbons of one residue in two states; in neighbours 2.8 or more
_SAME_RESIDUE = 1.0  # Å between alpha carbons (2.8 or more in neighbours), or middles of other groups of one name
_BOND_TOLERANCE = 0.4  # Å beyond the sum of covalent radii
_MODELS_TOUCH = 1.5  # Å; atoms of two parts of an assembly are farther apart
_MOST_TOUCHING = 0.05  # share of a model's atoms that lie on another's, where both are parts of an assembly
_CNOS = {"C": 6, "N": 7, "O": 8, "S": 16, "H": 1, "D": 1}


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
        notes: Decisions made while reading.
        warnings: Those of the notes that each result must show.
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
    warnings: tuple[str, ...] = ()
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
        path: The file; the format is recognised from the content.

    Raises:
        FileError: Missing, empty, damaged, or of another format.
        StructureError: ``nan_coordinates``, ``no_coordinates`` or ``not_angstrom``; ``no_protein`` where there is
            no atom at all.
    """
    path = Path(path)
    data = read_structure_bytes(path)
    structure, block, warnings = _parse(path, data)
    if not len(structure) or not structure[0].count_atom_sites():
        raise StructureError(f"{path} holds no atoms.", "Check that the file is complete.", "no_protein")
    warnings += _one_model(structure)
    notes = list(warnings)
    arrays = _flatten(structure)
    alpha = (arrays.atom_names == "CA") & (arrays.elements == 6) & (arrays.altlocs == 0)
    if chains_are_merged(arrays.positions, alpha, arrays.boundaries(with_name=True)):
        arrays = _in_file_order(structure, None if block is not None else mended_pdb(path, data))
    table, overlap = _without_overlap(_table(path, arrays, notes, block))
    warnings += overlap
    return replace(table, notes=(*table.notes, *overlap), warnings=tuple(warnings))


def _flatten(structure: gemmi.Structure) -> _Flat:
    flat, full = _flat_of(structure)
    numbers = np.array(flat.resnums, dtype=np.int32)
    if (numbers == _NO_NUMBER).any():
        return _flatten(_numbered(structure))
    arrays = _Flat(
        positions=np.array(flat.pos, dtype=np.float64),
        elements=np.array(flat.elements, dtype=np.int16),
        atom_names=_strings(np.asarray(flat.atom_names), "<U4"),
        residue_names=_strings(np.asarray(flat.residue_names), "<U8"),
        chain_ids=_strings(np.asarray(flat.chain_ids), "<U8"),
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


def _flat_of(structure: gemmi.Structure) -> tuple[gemmi.FlatStructure, dict[str, str]]:
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


def _in_file_order(structure: gemmi.Structure, data: bytes | None) -> _Flat:
    """The atoms of a file whose chains share a name, one chain after the other; see ``binding.io.chains``.

    Args:
        structure: As read, with one model.
        data: Content of the PDB file; None for mmCIF, whose atoms are numbered throughout.
    """
    if data is None:
        serials = np.array(_flat_of(structure)[0].serials)
        return _flatten(structure).take(np.argsort(serials, kind="stable"))
    ended = end_chains(data)
    if ended is None:
        return _flatten(structure)
    structure = gemmi.read_pdb_string(ended.decode("utf-8", errors="replace"), split_chain_on_ter=True)
    _one_model(structure)
    return _flatten(structure)


def _one_model(structure: gemmi.Structure) -> list[str]:
    """Leave one model, and note what was done with the others.

    Models that lie on each other are states of one structure: the first is taken. Models that lie beside each other
    are the parts of an assembly: all are taken, in one.
    """
    count = len(structure)
    if count < 2:
        return []
    places = [np.array([site.atom.pos.tolist() for site in model.all()]).reshape(-1, 3) for model in structure]
    places = [held[np.isfinite(held).all(axis=1)] for held in places]  # others are refused where they matter
    first = cKDTree(places[0])
    beside = all(
        len(other) > 0
        and np.isfinite(first.query(other, distance_upper_bound=_MODELS_TOUCH)[0]).mean() < _MOST_TOUCHING
        for other in places[1:]
    )
    if beside:
        names = {chain.name for chain in structure[0]}
        for number in range(1, count):
            for chain in structure[number]:
                if chain.name in names:
                    chain.name = f"{chain.name}-{number + 1}"
                structure[0].add_chain(chain)
    del structure[1:]
    if beside:
        return [f"took all {count} models as one assembly"]
    return [f"took the first of {count} models"]


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
    """The structure, the mmCIF block where there is one, and warnings about the choice of it."""
    kind = structure_format(path, data)
    try:
        if kind == "cif":
            document = gemmi.cif.read_string(data.decode("utf-8", errors="replace"))
            blocks = [block for block in document if block.find_loop("_atom_site.Cartn_x")]
            if not blocks:
                raise FileError(
                    f"{path} is a CIF file without coordinates (_atom_site).",
                    "Fetch the mmCIF of the entry, not its dictionary or reflections.",
                    "wrong_format",
                )
            block = max(blocks, key=lambda block: len(block.find_loop("_atom_site.Cartn_x")))
            warnings = [f"took the largest of {len(blocks)} data blocks, {block.name}"] if len(blocks) > 1 else []
            return gemmi.make_structure_from_block(_with_all_columns(block)), block, warnings
        check_coordinates(path, data)
        return gemmi.read_pdb_string(mended_pdb(path, data).decode("utf-8", errors="replace")), None, []
    except (RuntimeError, ValueError, IndexError) as error:
        raise FileError(
            f"{path} cannot be read as {'mmCIF' if kind == 'cif' else 'PDB'}: {reason_of(error)}.",
            "Check that the file is complete and unaltered.",
            "unreadable",
        ) from None


def _with_all_columns(block: gemmi.cif.Block) -> gemmi.cif.Block:
    """An mmCIF block with the columns that gemmi asks for; without them it finds no atom."""
    loop = block.find_loop("_atom_site.Cartn_x").get_loop()
    for tag, value in _DEFAULT_COLUMNS.items():
        if tag not in loop.tags:
            loop.add_columns([tag], value)
            twin = tag.replace("auth_", "label_")
            if twin != tag and twin in loop.tags:
                for row in range(loop.length()):
                    loop[row, loop.tags.index(tag)] = loop[row, loop.tags.index(twin)]
    return block


def _strings(rows: np.ndarray, dtype: str) -> np.ndarray:
    """(n,) strings from gemmi's (n, 8) zero-padded characters; longer than ``dtype`` where a name is."""
    letters = np.ascontiguousarray(rows).view(np.uint8)
    if (letters >= 0x80).any():  # rare, and slow
        names = np.char.decode(letters.view(f"S{letters.shape[1]}")[:, 0], "utf-8", "replace")
        longest = int(np.char.str_len(names).max(initial=0))
    else:  # a letter of numpy's strings has four bytes
        names = letters.astype(np.uint32).view(f"<U{letters.shape[1]}")[:, 0]
        longest = int(np.flatnonzero(letters.any(axis=0)).max(initial=-1)) + 1
    return names.astype(dtype) if longest <= int(dtype[2:]) else names


def _table(path: Path, flat: _Flat, notes: list[str], block: gemmi.cif.Block | None) -> AtomTable:
    _standard_case(flat)
    _mend_elements(flat, by_name=block is not None)
    flat = _without_lone_pairs(flat, notes)
    flat = flat.take(~HYDROGENS[flat.elements])
    if not len(flat.numbers):
        raise StructureError(f"{path} holds hydrogens only.", "Check that the file is complete.", "no_protein")
    good = (np.abs(flat.positions) < FARTHEST).all(axis=1)  # not so for nan
    if not good.all():
        bad = int(np.flatnonzero(~good)[0])
        raise StructureError(
            f"{path} has coordinates that are not numbers: atom {flat.atom_names[bad]} of "
            f"{flat.chain_ids[bad]}:{flat.residue_names[bad]}:{flat.numbers[bad]}.",
            "Remove or mend the atom.",
            "nan_coordinates",
        )
    flat = _one_altloc(flat, notes)
    _check_places(path, flat.positions)  # not before: alternate locations of one atom are closer than any bond
    flat = _drop_copies(flat, notes)
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


def _without_overlap(table: AtomTable) -> tuple[AtomTable, list[str]]:
    """The table without amino acids that lie on others, and groups that lie on others of their name; with a warning.

    Two structures that were put on each other and saved as one would bind a ligand twice.
    """
    sizes = np.bincount(table.groups, minlength=table.num_groups)
    sums = [np.bincount(table.groups, weights=axis, minlength=table.num_groups) for axis in table.positions.T]
    places, kinds = np.stack(sums, axis=1) / sizes[:, None], table.group_names.copy()
    alpha = (table.atom_names == "CA") & (table.elements == 6)  # at most one in a group
    places[table.groups[alpha]], kinds[table.groups[alpha]] = table.positions[alpha], ""
    pairs = np.sort(cKDTree(places).query_pairs(_SAME_RESIDUE, output_type="ndarray"), axis=1)
    later = np.unique(pairs[kinds[pairs[:, 0]] == kinds[pairs[:, 1]], 1])
    later = later[~np.isin(kinds[later], tuple(WATERS))]
    if not len(later):
        return table, []
    keep = np.ones(table.num_groups, dtype=bool)
    keep[later] = False
    what = "residue that lies on another" if len(later) == 1 else "residues that lie on others"
    return table.keep_groups(keep), [f"left out {len(later)} {what} (two structures in one file?)"]


def _check_places(path: Path, positions: np.ndarray) -> None:
    """Refuse coordinates in another unit, and zeros in place of unknown coordinates.

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


def _standard_case(flat: _Flat) -> None:
    """Write names of residues that are known in capitals, and so their atoms."""
    if not (_has_small_letters(flat.residue_names) or _has_small_letters(flat.atom_names)):
        return
    for name in np.unique(flat.residue_names).tolist():
        residue = name.upper()
        if not (residue in WATERS or residue in BUFFERS or residue in COFACTORS) and not (
            is_amino_acid_name(residue) or is_nucleotide_name(residue)
        ):
            continue
        if residue != name:
            flat.residue_names[flat.residue_names == name] = residue
        atoms = flat.residue_names == residue
        flat.atom_names[atoms] = np.char.upper(flat.atom_names[atoms])


def _has_small_letters(names: np.ndarray) -> bool:
    letters = np.ascontiguousarray(names).view(np.uint32)
    return bool(((letters >= ord("a")) & (letters <= ord("z"))).any())


def _without_lone_pairs(flat: _Flat, notes: list[str]) -> _Flat:
    """The atoms without lone pairs and extra points, which some force fields write as atoms."""
    unknown = np.flatnonzero(flat.elements == 0)
    names = flat.atom_names[unknown].tolist()
    points = [row for row, name in zip(unknown, names, strict=True) if name[:2].upper() in ("LP", "EP")]
    if not points:
        return flat
    notes.append(f"left out {len(points)} lone pair{'s' if len(points) > 1 else ''} that the file has as atoms")
    keep = np.ones(len(flat.elements), dtype=bool)
    keep[points] = False
    return flat.take(keep)


def _mend_elements(flat: _Flat, *, by_name: bool) -> None:
    """Mend elements that names settle: C, N, O, S of amino acids ("CA" read as calcium), ions named after a metal.

    Args:
        flat: Changed in place.
        by_name: Whether elements that the file does not give are read off the atoms' names.
    """
    for atom in np.flatnonzero(flat.elements == 0) if by_name else ():
        symbol = element_of("", str(flat.atom_names[atom]), str(flat.residue_names[atom]))
        flat.elements[atom] = gemmi.Element(symbol or "X").atomic_number
    for atom in np.flatnonzero(flat.atom_names == flat.residue_names):  # such as PT of residue PT, element P
        column = gemmi.Element(int(flat.elements[atom])).name if flat.elements[atom] else ""
        name = str(flat.atom_names[atom])
        flat.elements[atom] = gemmi.Element(element_of(column, name, name) or "X").atomic_number
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
    """Atoms of one name in one residue: a copy in the same place is dropped, another may begin another group.

    Amino acids under one number, and conformers without a label, are told apart by the names that repeat.
    Atoms of another molecule may all have one name: there a group begins only where what repeats names is not bonded to
    what came before.
    """
    groups = np.cumsum(start) - 1
    keys = np.char.add(np.char.add(groups.astype("<U10"), ":"), flat.atom_names)
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    if (counts == 1).all():
        return flat, start
    start = start.copy()
    keep = np.ones(len(keys), dtype=bool)
    order, states = np.arange(len(keys)), 0
    for group in np.unique(groups[first[counts > 1]]):
        atoms = np.flatnonzero(groups == group)
        conformers = _drop_repeated(flat, atoms, keep)
        atoms = atoms[keep[atoms]]
        names = flat.atom_names[atoms].tolist()
        chain = _BACKBONE <= set(names) or is_amino_acid_name(str(flat.residue_names[atoms[0]]))
        if chain and _is_one_residue(flat, atoms):
            firsts = np.unique(flat.atom_names[atoms], return_index=True)[1]
            states += len(atoms) - len(firsts)
            keep[np.delete(atoms, firsts)] = False
            starts = []
        elif chain or conformers:
            starts = _where_names_repeat(names)
        else:
            molecules = _molecules(flat, atoms)
            order[atoms] = atoms = atoms[np.argsort(molecules, kind="stable")]
            starts = _where_molecules_repeat(flat.atom_names[atoms].tolist(), np.sort(molecules))
        start[np.flatnonzero(groups == group)] = False
        start[np.flatnonzero((groups == group) & keep)[[0, *starts]]] = True
    if copies := int((~keep).sum()) - states:
        notes.append(f"dropped {copies} atoms that repeat another of the same name and place")
    if states:
        notes.append(f"kept the first place of {states} atoms that have two of them without a label")
    return flat.take(order).take(keep), start[keep]


def _is_one_residue(flat: _Flat, atoms: np.ndarray) -> bool:
    """Whether atoms of an amino acid with names that repeat are one residue: its alpha carbons are near each other."""
    alpha = flat.positions[atoms[flat.atom_names[atoms] == "CA"]]
    return len(alpha) > 0 and bool((np.linalg.norm(alpha - alpha[0], axis=1) < _SAME_CARBON).all())


def _drop_repeated(flat: _Flat, atoms: np.ndarray, keep: np.ndarray) -> bool:
    """Mark the atoms that lie where another of the same name lies; whether any is a conformer of another."""
    seen: dict[str, list[int]] = {}
    conformers = False
    for atom in atoms.tolist():
        others = seen.setdefault(str(flat.atom_names[atom]), [])
        away = np.linalg.norm(flat.positions[others] - flat.positions[atom], axis=1).min(initial=np.inf)
        if away < _SAME_PLACE:
            keep[atom] = False
        else:
            others.append(atom)
            conformers |= bool(away < _SHORTEST_BOND)
    return conformers


def _where_names_repeat(names: list[str]) -> list[int]:
    """Rows at which a name comes that the group before has."""
    starts, seen = [], set[str]()
    for row, name in enumerate(names):
        if name in seen:
            starts.append(row)
            seen = set()
        seen.add(name)
    return starts


def _where_molecules_repeat(names: list[str], molecules: np.ndarray) -> list[int]:
    """Rows at which a molecule begins that shares a name with the group before."""
    starts, seen = [], set[str]()
    for row in np.flatnonzero(np.diff(molecules, prepend=-1)).tolist():
        mine = {name for name, molecule in zip(names, molecules, strict=True) if molecule == molecules[row]}
        if mine & seen:
            starts.append(row)
            seen = set()
        seen |= mine
    return starts


def _molecules(flat: _Flat, atoms: np.ndarray) -> np.ndarray:
    """(n,) which molecule each atom belongs to, by bonding distance, numbered in the order of their first atoms."""
    radii = np.array([gemmi.Element(int(number)).covalent_r for number in flat.elements[atoms]])
    pairs = cKDTree(flat.positions[atoms]).query_pairs(2 * radii.max() + _BOND_TOLERANCE, output_type="ndarray")
    lengths = np.linalg.norm(flat.positions[atoms[pairs[:, 0]]] - flat.positions[atoms[pairs[:, 1]]], axis=1)
    pairs = pairs[lengths < radii[pairs[:, 0]] + radii[pairs[:, 1]] + _BOND_TOLERANCE]
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(atoms),) * 2)
    _, label = connected_components(graph, directed=False)
    _, firsts, rows = np.unique(label, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(firsts))[rows]
