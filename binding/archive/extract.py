"""One downloaded entry -> the protein and the ligand of one complex, ready to be written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rdkit import Chem
from scipy.spatial import cKDTree

from binding.archive.component import ligand_of_components, read_component
from binding.archive.entry import EntryInfo, read_entry_info, receptor_file
from binding.archive.ids import Wanted
from binding.archive.store import Archive
from binding.errors import BindingError, ContactError, FetchError, LigandError
from binding.graph.checks import check_complex
from binding.graph.site import select_pocket
from binding.io.atoms import AtomTable, read_atoms
from binding.io.hetero import choose_groups, ligand_of_groups
from binding.io.perceive import NOTE as PERCEIVED
from binding.io.receptor import classify_groups, to_protein
from binding.io.results import sdf_record
from binding.io.vocabulary import METALS
from binding.structures import Complex, Ligand, Protein, ResidueKind

_TOUCH = 4.5  # Å
_BONDED = 2.1  # Å; a disulfide is 2.05, no two heavy atoms that are not bonded come so close


@dataclass(frozen=True, eq=False)
class Extracted:
    """What one complex is written from.

    Attributes:
        protein: Content of ``<id>_protein.cif.gz``.
        ligand: Content of ``<id>_ligand.sdf``.
        group: ``chain:NAME:number`` of the ligand, several joined by ``+``.
        code: The code of the ligand's component, likewise.
        smiles: What the SDF holds.
        bond_orders: ``smiles``, ``component`` or ``entry``: where they come from.
        notes: Decisions and warnings, one sentence each.
        info: The entry's figures; ``uniprot`` of the chain that the ligand touches most.
    """

    protein: bytes
    ligand: bytes
    group: str
    code: str
    smiles: str
    bond_orders: str
    notes: tuple[str, ...]
    info: dict[str, str]


def extract(path: Path, wanted: Wanted, archive: Archive) -> Extracted:
    """Find the ligand in the entry, give it its bond orders, and take it out of the protein.

    Args:
        path: The entry's mmCIF file.
        wanted: Which ligand.
        archive: Gives the components.

    Raises:
        FileError, StructureError: The entry cannot be read or holds no protein.
        LigandError: ``ligand_not_found``, ``several_ligands``, ``incomplete_ligand``, ``covalent_ligand``,
            ``no_bond_orders``, ``template_mismatch`` or what the readers find.
        ContactError: The ligand touches no residue.
        FetchError: ``download_failed`` of a component.
    """
    table = read_atoms(path)
    block = table.block
    if block is None:
        raise BindingError(f"{path} is not mmCIF.", "Give an address of mmCIF files.", "wrong_format")
    table = replace(table, name=wanted.pdb_id)
    kinds = classify_groups(table)
    choices, notes = _choose(table, kinds, wanted)
    errors: list[BindingError] = []
    for rows in choices:
        try:
            _refuse_bonded(table, kinds, rows)
            ligand, source = _ligand(table, rows, wanted, archive, notes)
        except LigandError as error:
            if error.code != "incomplete_ligand":
                raise
            errors.append(error)  # another copy may be whole
            continue
        if errors:
            notes.append(f"took {ligand.name}, since the copies before it are not whole")
        break
    else:
        raise errors[0]
    without = np.zeros(table.num_groups, dtype=bool)
    without[rows] = True
    protein = to_protein(table, kinds, Path(wanted.pdb_id), without=without)
    warnings = check_complex(Complex(wanted.id, select_pocket(protein, ligand), ligand))
    info = read_entry_info(block)
    groups = [table.group_id(int(row)) for row in rows]
    return Extracted(
        protein=receptor_file(block, groups),
        ligand=_sdf_record(ligand, wanted.id),
        group=ligand.name,
        code="+".join(table.group_names[rows].tolist()),
        smiles=Chem.MolToSmiles(ligand.mol),
        bond_orders=source,
        notes=tuple(dict.fromkeys((*notes, *ligand.notes, *warnings))),
        info=_figures(info, protein, ligand),
    )


def _choose(table: AtomTable, kinds: np.ndarray, wanted: Wanted) -> tuple[list[np.ndarray], list[str]]:
    """The copies of the ligand that touch the protein, in file order, and notes on the choice."""
    choices, notes = choose_groups(table, kinds, wanted.ligand, Path(wanted.pdb_id))
    if len(choices) > 1:
        free = [rows for rows in choices if table.hetero[rows].all()]  # GLU as a ligand is not GLU of a chain
        choices = free or choices
    if wanted.chain or wanted.number:
        choices = [rows for rows in choices if _is_at(table, int(rows[0]), wanted.chain, wanted.number)]
        if not choices:
            where = f"{wanted.chain or '*'}:{wanted.ligand}:{wanted.number or '*'}"
            there = ", ".join(table.group_id(int(row)) for row in np.flatnonzero(table.group_names == wanted.ligand))
            raise LigandError(
                f"There is no group {where} in {wanted.pdb_id}.", f"The entry has {there}.", "ligand_not_found"
            )
    residues = kinds == ResidueKind.AMINO_ACID
    residues[np.concatenate(choices)] = False
    protein = table.positions[residues[table.groups]]
    near = cKDTree(protein).query(table.positions, distance_upper_bound=_TOUCH)[0] if len(protein) else np.array([])
    touching = [rows for rows in choices if len(near) and np.isfinite(near[np.isin(table.groups, rows)]).any()]
    if not touching:
        raise ContactError(
            f"{wanted.ligand} touches no amino acid in {wanted.pdb_id} (within {_TOUCH} Å).", "Name another ligand."
        )
    if len(choices) > 1:
        notes = [*notes, f"took the first whole one of {len(choices)} copies of {wanted.ligand}"]
    return touching, list(notes)


def _is_at(table: AtomTable, row: int, chain: str, number: str) -> bool:
    here = f"{table.numbers[row]}{table.insertion_codes[row]}"
    return (not chain or table.chain_ids[row] == chain) and (not number or here == number)


def _refuse_bonded(table: AtomTable, kinds: np.ndarray, rows: np.ndarray) -> None:
    """A ligand bonded to what stays behind is another molecule than the one measured free."""
    bondable = ~METALS[table.elements]
    mine = np.isin(table.groups, rows)
    others = np.flatnonzero(~mine & bondable & (kinds >= 0)[table.groups])
    own = table.positions[mine & bondable]
    if not len(others) or not len(own):
        return
    distances, nearest = cKDTree(table.positions[others]).query(own)
    best = int(np.argmin(distances))
    if distances[best] < _BONDED:
        name = "+".join(table.group_id(int(row)) for row in rows)
        other = table.group_id(int(table.groups[others[nearest[best]]]))
        raise LigandError(
            f"Ligand {name} is bonded to {other}, or overlaps it ({distances[best]:.2f} Å).",
            "If both are parts of the ligand, name them as A:AAA:1+A:BBB:2; bonds to the protein are not modelled.",
            "covalent_ligand",
        )


def _ligand(
    table: AtomTable, rows: np.ndarray, wanted: Wanted, archive: Archive, notes: list[str]
) -> tuple[Ligand, str]:
    """The ligand and where its bond orders come from: the SMILES, the dictionary, or else the entry itself."""
    if wanted.smiles:
        return ligand_of_groups(table, rows, wanted.smiles, notes), "smiles"
    codes = dict.fromkeys(table.group_names[rows].tolist())
    try:
        components = {code: read_component(archive.component(code)) for code in codes}
    except FetchError as error:
        if error.code != "not_in_archive":
            raise
        ligand = ligand_of_groups(table, rows, None, notes)
        if PERCEIVED in ligand.notes:
            raise LigandError(
                f"The bond orders of {ligand.name} are not known: its component is not in the dictionary.",
                "Give its SMILES in a column smiles.",
                "no_bond_orders",
            ) from None
        return ligand, "entry"
    return ligand_of_components(table, rows, components, notes), "component"


def _sdf_record(ligand: Ligand, title: str) -> bytes:
    mol = Chem.Mol(ligand.mol)
    mol.SetProp("_Name", title)
    tags = {"group": ligand.name, "smiles": Chem.MolToSmiles(ligand.mol)}
    return sdf_record(Chem.MolToMolBlock(mol), tags).encode()


def _figures(info: EntryInfo, protein: Protein, ligand: Ligand) -> dict[str, str]:
    """The entry's figures; UniProt's of the chain with most atoms near the ligand."""
    near = cKDTree(protein.positions).query_ball_point(ligand.positions, _TOUCH)
    atoms = np.unique(np.concatenate([np.asarray(found, dtype=int) for found in near]))
    chains = protein.chain_ids[protein.atom_residue[atoms]]
    chains = chains[np.isin(chains, list(info.uniprot))]
    names, counts = np.unique(chains, return_counts=True)
    uniprot = info.uniprot[str(names[np.argmax(counts)])] if len(names) else ""
    return {"resolution": info.resolution, "method": info.method, "year": info.year, "uniprot": uniprot}
