"""The ligand inside a complex file: which groups it is made of, and its bonds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rdkit import Chem, rdBase
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from binding.errors import LigandError
from binding.graph.checks import MOST_ATOMS
from binding.io.atoms import AtomTable
from binding.io.component import component_molecule
from binding.io.ligand import prepare_ligand
from binding.io.perceive import perceive_bonds
from binding.io.receptor import WATER
from binding.io.template import apply_template
from binding.io.vocabulary import COFACTORS
from binding.structures import Ligand, ResidueKind

_LINK = 1.95  # Å between atoms of groups that make one molecule (a disulfide is 2.05, a C-S bond 1.82)
_TOUCH = 4.5  # Å
_LEAST_ATOMS = 6  # of an automatic choice
_CLEARLY_SMALLER = 0.75  # of the largest candidate's heavy atoms: such a second one is no rival
_PEPTIDE = 30  # residues of a chain that may be the ligand
_SPELLED_OUT = 4  # groups of a ligand that its name lists


def choose_groups(table: AtomTable, kinds: np.ndarray, wanted: str, path: Path) -> tuple[list[np.ndarray], list[str]]:
    """The rows of the groups that make the ligand or ligands.

    Args:
        table: All groups of the file.
        kinds: (groups,) as ``classify_groups`` gives them.
        wanted: ``auto``, ``LIG``, ``A:LIG:301`` or several of the last joined by ``+``, or ``P:``, a chain.
        path: For messages.

    Returns:
        One array of group rows for each ligand, and notes on the choice.

    Raises:
        LigandError: ``ligand_not_found``, ``several_ligands`` or, of a chain, ``too_large``.
    """
    wanted = wanted.strip()
    if wanted.lower() == "auto":
        return _automatic(table, kinds, path)
    if wanted.endswith(":") and wanted.count(":") == 1:
        chosen = [_chain(table, kinds, wanted[:-1], path)]
    else:
        chosen = _listed(table, kinds, wanted, path)
    return chosen, [note for rows in chosen for note in _bonded_beside(table, kinds, rows)]


def _listed(table: AtomTable, kinds: np.ndarray, wanted: str, path: Path) -> list[np.ndarray]:
    """Each group of a name, or the one ligand that several names joined by ``+`` make."""
    parts = [_named(table, kinds, part.strip(), path) for part in wanted.split("+")]
    if len(parts) == 1:
        return [np.array([row]) for row in parts[0]]
    for part, rows in zip(wanted.split("+"), parts, strict=True):
        if len(rows) > 1:
            raise LigandError(
                f"{part.strip()} stands for {len(rows)} groups of {path.name}.",
                "Name each part of a joined ligand as chain:NAME:number.",
                "several_ligands",
            )
    return [np.array([rows[0] for rows in parts])]


def _chain(table: AtomTable, kinds: np.ndarray, name: str, path: Path) -> np.ndarray:
    """Rows of the residues and other groups of a chain: a peptide, an oligonucleotide, a glycan."""
    mine = (table.chain_ids == name) & np.isin(
        kinds, (ResidueKind.AMINO_ACID, ResidueKind.NUCLEOTIDE, ResidueKind.COFACTOR)
    )
    rows = np.flatnonzero(mine)
    if not len(rows):
        raise LigandError(f"There is no chain {name!r} in {path.name}.", _inventory(table, kinds), "ligand_not_found")
    if (size := _size(table, rows)) > MOST_ATOMS:
        raise LigandError(
            f"Chain {name} of {path.name} has {size} heavy atoms; at most {MOST_ATOMS} are scored.",
            "Name a shorter chain, or the ligand as chain:NAME:number.",
            "too_large",
        )
    return rows


def _bonded_beside(table: AtomTable, kinds: np.ndarray, rows: np.ndarray) -> list[str]:
    """A note where a named group is one link of a longer molecule: a sugar of a glycan, a residue of a peptide.

    A bond to the protein's chain is told of by the checks of the pose, as a covalent contact.
    """
    amino = kinds == ResidueKind.AMINO_ACID
    along = amino & np.isin(table.chain_ids, table.chain_ids[rows[amino[rows]]])
    others = (kinds == ResidueKind.COFACTOR) | (kinds == ResidueKind.NUCLEOTIDE) | along
    others[rows] = False
    mine, theirs = np.isin(table.groups, rows), np.flatnonzero(others[table.groups])
    pairs = cdist(table.positions[theirs], table.positions[mine]) < _LINK
    touched, counts = np.unique(np.repeat(table.groups[theirs], pairs.sum(axis=1)), return_counts=True)
    bonded = touched[counts == 1]  # more of them are an overlap, which the checks tell of
    if not len(bonded):
        return []
    listed = ", ".join(table.group_id(int(row)) for row in bonded)
    return [f"{_identity(table, rows)} is bonded to {listed}, which the ligand leaves out"]


def _named(table: AtomTable, kinds: np.ndarray, wanted: str, path: Path) -> list[int]:
    """Rows of the groups that a name such as ``LIG``, ``LIG:301`` or ``A:LIG:301`` stands for."""
    fields = wanted.split(":")
    rows = []
    for row in np.flatnonzero(kinds != WATER).tolist():
        chain, name, number = table.group_id(row).rsplit(":", 2)
        mine = {1: [name], 2: [name, number], 3: [chain, name, number]}.get(len(fields))
        if mine == fields:
            rows.append(row)
    if rows:
        return rows
    raise LigandError(f"There is no group {wanted} in {path.name}.", _inventory(table, kinds), "ligand_not_found")


def _inventory(table: AtomTable, kinds: np.ndarray) -> str:
    others = np.flatnonzero((kinds != WATER) & (kinds != ResidueKind.AMINO_ACID))
    chains = _short_chains(table, kinds)
    peptides = f" A chain by itself is named {' or '.join(f'{name}:' for name in chains)}." if chains else ""
    if not len(others):
        return peptides.strip() or ("The file holds amino acids and waters only; give the ligand as a file of its own.")
    listed = ", ".join(table.group_id(int(row)) for row in others[:12])
    more = ", ..." if len(others) > 12 else ""
    return f"Name the ligand as chain:NAME:number. The file holds {listed}{more}.{peptides}"


def _short_chains(table: AtomTable, kinds: np.ndarray) -> list[str]:
    """Names of chains of a few amino acids beside longer ones."""
    names, counts = np.unique(table.chain_ids[kinds == ResidueKind.AMINO_ACID], return_counts=True)
    short = (counts <= _PEPTIDE) & (counts < counts.max(initial=0)) & (names != "")
    return names[short].tolist()


def _automatic(table: AtomTable, kinds: np.ndarray, path: Path) -> tuple[list[np.ndarray], list[str]]:
    candidates = _candidates(table, kinds)
    if not candidates:
        raise LigandError(
            f"No ligand was found in {path.name} (buffers, ions, glycans and known cofactors are not taken).",
            _inventory(table, kinds),
            "ligand_not_found",
        )
    sizes = [_size(table, rows) for rows in candidates]
    best = int(np.argmax(sizes))
    name = _label(table, candidates[best])
    rivals = [
        rows
        for rows, size in zip(candidates, sizes, strict=True)
        if size > _CLEARLY_SMALLER * sizes[best] and _label(table, rows) != name
    ]
    if rivals:
        listed = ", ".join(_identity(table, rows) for rows in [candidates[best], *rivals])
        raise LigandError(
            f"{path.name} holds several ligands of similar size.", f"Name one of {listed}.", "several_ligands"
        )
    copies = [rows for rows in candidates if _label(table, rows) == name]
    notes = [f"took {_identity(table, candidates[best])} as the ligand"]
    if len(copies) > 1:
        notes[0] += f", the first of {len(copies)} copies"
    return [candidates[best]], notes


def _candidates(table: AtomTable, kinds: np.ndarray) -> list[np.ndarray]:
    """Molecules of hetero groups, joined where bonded, that may be the ligand, in file order."""
    sizes = np.bincount(table.groups, minlength=table.num_groups)
    residue = (kinds == ResidueKind.AMINO_ACID) | (kinds == ResidueKind.NUCLEOTIDE)
    free = (kinds == ResidueKind.COFACTOR) | (residue & table.hetero)
    links = _links(table, free | residue)
    # An amino acid or nucleotide written as HETATM is a modified residue unless nothing holds it.
    held = np.zeros(table.num_groups, dtype=bool)
    for a, b in links:
        held[a] |= residue[b]
        held[b] |= residue[a]
    free &= ~(residue & held)
    inside = [(a, b) for a, b in links if free[a] and free[b]]
    ends = np.array(inside, dtype=int).reshape(-1, 2)
    graph = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(table.num_groups,) * 2)
    _, label = connected_components(graph, directed=False)
    near = _touching(table, kinds)
    found = []
    for row in np.flatnonzero(free):
        members = np.flatnonzero(free & (label == label[row]))
        if members[0] != row:
            continue
        known = all(table.group_names[m] in COFACTORS for m in members)
        if not known and sizes[members].sum() >= _LEAST_ATOMS and near[members].any():
            found.append(members)
    return found


def _links(table: AtomTable, groups: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of groups with atoms in bonding distance, where at least one is written as HETATM."""
    atoms = np.flatnonzero(groups[table.groups])
    pairs = cKDTree(table.positions[atoms]).query_pairs(_LINK, output_type="ndarray")
    ends = np.sort(table.groups[atoms[pairs]].reshape(-1, 2), axis=1)
    hetero = table.hetero[ends].any(axis=1)
    ends = np.unique(ends[(ends[:, 0] != ends[:, 1]) & hetero], axis=0)
    return [(int(a), int(b)) for a, b in ends]


def _touching(table: AtomTable, kinds: np.ndarray) -> np.ndarray:
    """(groups,) bool, whether any atom is in contact with an amino acid of the protein's chains."""
    chain = (kinds == ResidueKind.AMINO_ACID) & ~table.hetero
    protein = table.positions[chain[table.groups]]
    near = np.zeros(table.num_groups, dtype=bool)
    if len(protein):
        distances, _ = cKDTree(protein).query(table.positions, distance_upper_bound=_TOUCH)
        near[table.groups[np.isfinite(distances)]] = True
    return near


def _size(table: AtomTable, rows: np.ndarray) -> int:
    return int(np.isin(table.groups, rows).sum())


def _label(table: AtomTable, rows: np.ndarray) -> str:
    return "+".join(table.group_names[rows].tolist())


def _identity(table: AtomTable, rows: np.ndarray) -> str:
    names = [table.group_id(int(row)) for row in rows]
    return "+".join(names) if len(names) <= _SPELLED_OUT else f"{names[0]} to {names[-1]}"


def ligand_of_groups(table: AtomTable, rows: np.ndarray, template: Chem.Mol | str | None, notes: list[str]) -> Ligand:
    """The ligand that some groups make, bond orders from the template, the file's dictionary or the pose.

    Args:
        table: All groups of the file.
        rows: (n,) rows of the ligand's groups.
        template: SMILES or molecule, or None.
        notes: To carry along.

    Raises:
        LigandError: ``template_mismatch``, ``unknown_element`` or what ``prepare_ligand`` finds.
    """
    name = _identity(table, rows)
    atoms = np.flatnonzero(np.isin(table.groups, rows))
    if (table.elements[atoms] == 0).any():
        raise LigandError(
            f"Ligand {name} has atoms of no known element.", "Fill in the element column.", "unknown_element"
        )
    with rdBase.BlockLogs():
        mol = None
        if template is None and len(rows) == 1 and table.block is not None:
            names, numbers = table.atom_names[atoms].tolist(), table.elements[atoms].tolist()
            component = str(table.group_names[rows[0]])
            mol = component_molecule(table.block, component, names, numbers, table.positions[atoms])
        how: list[str] = []
        if mol is None:
            periodic = Chem.GetPeriodicTable()
            symbols = [periodic.GetElementSymbol(int(number)) for number in table.elements[atoms]]
            mol, how = perceive_bonds(symbols, table.positions[atoms].tolist(), name)
        if template is not None:
            mol, how = apply_template(mol, template, name), []
    return prepare_ligand(mol, name, notes=(*notes, *how))
