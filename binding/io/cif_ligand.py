"""Ligands in mmCIF files of their own: the PDB's downloads of one ligand, and what prediction programs cut out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import gemmi
import numpy as np
from rdkit import Chem
from scipy.spatial.distance import cdist

from binding.errors import LigandError
from binding.io.component import component_molecule
from binding.io.elements import element_of
from binding.io.pdb_ligand import PdbAtom, one_altloc, refuse_protein, without_solvent
from binding.io.perceive import perceive_bonds

_TABLE = Chem.GetPeriodicTable()
_SITE = "_atom_site."
_COLUMNS = (
    "Cartn_x", "Cartn_y", "Cartn_z", "?type_symbol", "?label_atom_id", "?auth_atom_id", "?label_comp_id",
    "?auth_comp_id", "?label_asym_id", "?auth_asym_id", "?auth_seq_id", "?label_seq_id", "?label_alt_id",
    "?occupancy", "?pdbx_PDB_model_num",
)  # fmt: skip
_BONDED = 2.0  # Å; copies of a ligand that come nearer to each other are one molecule
_FEWEST = 3  # atoms of a copy
_AMINO = frozenset(("N", "CA", "C"))


class CifFormat:
    """mmCIF; see ``binding.io.formats.LigandFormat``."""

    name = "mmCIF"
    suffixes: tuple[str, ...] = (".cif", ".mmcif")
    folder_suffixes: tuple[str, ...] = ()
    record_mark: bytes | None = None
    titled = False

    def recognises(self, text: str) -> bool:
        # The search for a line reads all of a text that is none, so it comes second.
        return f"{_SITE}Cartn_x" in text and re.search(r"^data_", text, re.MULTILINE) is not None

    def split(self, lines: Iterable[str]) -> Iterator[str]:
        """A record is a data block with atoms, a model of it, or one of several equal residues in it."""
        blocks: list[list[str]] = [[]]
        for line in lines:
            if line.startswith("data_"):
                blocks.append([])
            blocks[-1].append(line)
        texts = ["\n".join((*block, "")) for block in blocks]
        sites = [text for text in texts if _SITE in text]
        for text in sites or ["".join(texts)]:
            yield from _parts(text)

    def title(self, text: str) -> str:
        return ""

    def read(self, text: str, name: str) -> tuple[Chem.Mol, list[str]]:
        """See ``LigandFormat``.

        Raises:
            LigandError: ``bad_record``, ``no_coordinates``, ``no_atoms``, ``too_large``, ``unknown_element`` or
                ``nan_coordinates``.
        """
        block = _block(text)
        if block is None:
            raise LigandError(
                f"Ligand {name} is no CIF data block.", "Check that the file is complete and unaltered.", "bad_record"
            )
        table = block.find(_SITE, list(_COLUMNS))
        if not len(table):
            raise LigandError(
                f"Ligand {name} has no coordinates (_atom_site).",
                "A component's dictionary holds no pose: give the ligand's own atoms, or PDB, SDF or MOL2.",
                "no_coordinates",
            )
        atoms = [_atom(row, name) for row in table]
        atoms, notes = without_solvent([atom for atom in atoms if atom.symbol != "H"])
        atoms, chosen = one_altloc(atoms)
        refuse_protein(atoms, name)
        symbols = [atom.symbol for atom in atoms]
        positions = np.array([atom.position for atom in atoms])
        if len({(atom.residue, atom.component) for atom in atoms}) == 1:
            numbers = [_TABLE.GetAtomicNumber(symbol) for symbol in symbols]
            mol = component_molecule(block, atoms[0].component, [atom.name for atom in atoms], numbers, positions)
            if mol is not None:
                return mol, [*notes, *chosen]
        mol, how = perceive_bonds(symbols, positions.tolist(), name)
        return mol, [*notes, *chosen, *how]

    def tags(self, text: str) -> dict[str, str]:
        return {}


def _block(text: str) -> gemmi.cif.Block | None:
    try:
        document = gemmi.cif.read_string(text)
    except (RuntimeError, ValueError):
        return None
    return document[0] if len(document) else None


def _parts(text: str) -> Iterator[str]:
    """A block's text, or one text for each model and each copy of the ligand."""
    block = _block(text)
    rows = [_cells(row) for row in block.find(_SITE, list(_COLUMNS))] if block is not None else []
    models = list(dict.fromkeys(row["pdbx_PDB_model_num"] for row in rows))
    wanted: list[list[int]] = []
    for model in models:
        wanted += _copies([number for number, row in enumerate(rows) if row["pdbx_PDB_model_num"] == model], rows)
    if len(wanted) < 2:
        yield text
        return
    for part in wanted:
        document = gemmi.cif.read_string(text)
        loop = document[0].find(_SITE, list(_COLUMNS))
        for row in sorted(set(range(len(rows))) - set(part), reverse=True):
            loop.remove_row(row)
        yield document.as_string()


def _copies(part: list[int], rows: list[dict[str, str]]) -> list[list[int]]:
    """The rows of a model, parted where it holds several equal residues that are not bonded to each other."""
    residues: dict[tuple[str, ...], list[int]] = {}
    for number in part:
        row = rows[number]
        residues.setdefault((row["asym"], row["seq"], row["comp"]), []).append(number)
    copies = list(residues.values())
    names = [[rows[number]["atom"] for number in copy] for copy in copies]
    if len(copies) < 2 or len(names[0]) < _FEWEST or any(other != names[0] for other in names[1:]):
        return [part]
    places = [np.array([[float(rows[n][c]) for c in ("Cartn_x", "Cartn_y", "Cartn_z")] for n in c_]) for c_ in copies]
    near = any(cdist(places[0], other).min() < _BONDED for other in places[1:])
    return [part] if near else copies


def _cells(row: gemmi.cif.Table.Row) -> dict[str, str]:
    """The cells of an atom; ``atom``, ``comp``, ``asym`` and ``seq`` as authors give them, else the labels."""
    cells = {
        column.lstrip("?"): gemmi.cif.as_string(row[place]) if row.has(place) else ""
        for place, column in enumerate(_COLUMNS)
    }
    for short, column in (("atom", "atom_id"), ("comp", "comp_id"), ("asym", "asym_id"), ("seq", "seq_id")):
        cells[short] = cells[f"auth_{column}"] or cells[f"label_{column}"]
    return cells


def _atom(row: gemmi.cif.Table.Row, name: str) -> PdbAtom:
    cells = _cells(row)
    values = [gemmi.cif.as_number(row[place]) for place in range(3)]
    x, y, z = values
    if not np.isfinite(values).all():
        raise LigandError(
            f"Ligand {name} has coordinates that are not numbers: atom {cells['atom']}.",
            "Mend or remove the record.",
            "nan_coordinates",
        )
    column = "" if cells["type_symbol"] in ("X", "Xx") else re.sub(r"[0-9+-]", "", cells["type_symbol"])
    symbol = element_of(column, cells["atom"], cells["comp"])
    if not symbol:
        raise LigandError(
            f"Ligand {name} has an atom of no known element: {cells['atom']} ({cells['type_symbol'] or 'blank'}).",
            "Fill in _atom_site.type_symbol.",
            "unknown_element",
        )
    occupancy = gemmi.cif.as_number(cells["occupancy"]) if cells["occupancy"] else 1.0
    return PdbAtom(
        serial="",
        symbol=symbol,
        position=(x, y, z),
        name=cells["atom"],
        residue=f"{cells['asym']}:{cells['seq']}",
        component=cells["comp"],
        altloc=cells["label_alt_id"],
        occupancy=occupancy if np.isfinite(occupancy) else 1.0,
    )
