"""One pass from a structure file to flat arrays: first model, no hydrogens, one alternate location a residue.

Every group is kept, waters and buffers too; what a group is and whether it stays is decided in ``receptor.py``.
Lengths in Å.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import gemmi
import numpy as np
from scipy.spatial import cKDTree

from binding.constants import FARTHEST
from binding.errors import FileError, StructureError, reason_of
from binding.io.chains import chains_are_merged, end_chains
from binding.io.elements import element_of
from binding.io.files import read_structure_bytes, split_suffix
from binding.io.flat import Flat, flat_of, flatten
from binding.io.formats import structure_format
from binding.io.pdb_text import mended_pdb
from binding.io.repeats import drop_copies, one_altloc, resolve_duplicates
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
_DEFAULT_COLUMNS = {
    "_atom_site.id": "1",
    "_atom_site.type_symbol": "X",
    "_atom_site.label_alt_id": ".",
    "_atom_site.label_asym_id": ".",
    "_atom_site.occupancy": "1",
    "_atom_site.B_iso_or_equiv": "0",
    "_atom_site.auth_seq_id": ".",
}
_SAME_RESIDUE = 1.0  # Å between alpha carbons (2.8 or more in neighbours), or middles of other groups of one name
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
    arrays = flatten(structure)
    alpha = (arrays.atom_names == "CA") & (arrays.elements == 6) & (arrays.altlocs == 0)
    if chains_are_merged(arrays.positions, alpha, arrays.boundaries(with_name=True)):
        arrays = _in_file_order(structure, None if block is not None else mended_pdb(path, data))
    table, overlap = _without_overlap(_table(path, arrays, notes, block))
    warnings += overlap
    return replace(table, notes=(*table.notes, *overlap), warnings=tuple(warnings))


def _in_file_order(structure: gemmi.Structure, data: bytes | None) -> Flat:
    """The atoms of a file whose chains share a name, one chain after the other; see ``binding.io.chains``.

    Args:
        structure: As read, with one model.
        data: Content of the PDB file; None for mmCIF, whose atoms are numbered throughout.
    """
    if data is None:
        serials = np.array(flat_of(structure)[0].serials)
        return flatten(structure).take(np.argsort(serials, kind="stable"))
    ended = end_chains(data)
    if ended is None:
        return flatten(structure)
    structure = gemmi.read_pdb_string(ended.decode("utf-8", errors="replace"), split_chain_on_ter=True)
    _one_model(structure)
    return flatten(structure)


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


def _table(path: Path, flat: Flat, notes: list[str], block: gemmi.cif.Block | None) -> AtomTable:
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
    flat = one_altloc(flat, notes)
    _check_places(path, flat.positions)  # not before: alternate locations of one atom are closer than any bond
    flat = drop_copies(flat, notes)
    start = flat.boundaries(with_name=True)
    flat, start = resolve_duplicates(flat, start, notes)
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


def _standard_case(flat: Flat) -> None:
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


def _without_lone_pairs(flat: Flat, notes: list[str]) -> Flat:
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


def _mend_elements(flat: Flat, *, by_name: bool) -> None:
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
