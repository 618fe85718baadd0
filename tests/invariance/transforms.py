"""Motions, permutations and mirror images of complexes, in memory and in files, and the check that they do nothing.

The tolerance is stated here and nowhere else: pK, and the same for the features of layers, which are of order one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations, product
from pathlib import Path

import gemmi
import numpy as np
import torch
from rdkit import Chem
from scipy.spatial.transform import Rotation
from torch import Tensor

from binding.graph.fields import ComplexGraph, LigandGraph, PocketGraph
from binding.structures import Complex, Ligand, Protein, ResidueKind

TOLERANCE = {"float32": 1e-4, "float64": 1e-9}
DTYPES = {"float32": torch.float32, "float64": torch.float64}
FAR_AWAY = 10_000.0  # Å
CLEARLY_DIFFERENT = 1e-3  # pK


@dataclass(frozen=True, eq=False)
class Motion:
    """x -> R x + t, lengths in Å. ``rotation`` may be improper, for mirror images."""

    rotation: np.ndarray
    shift: np.ndarray

    def points(self, positions: np.ndarray) -> np.ndarray:
        return positions @ self.rotation.T + self.shift

    def vectors(self, directions: np.ndarray) -> np.ndarray:
        return directions @ self.rotation.T


MIRROR = Motion(np.diag([1.0, 1.0, -1.0]), np.zeros(3))


def random_motions(count: int, seed: int) -> list[Motion]:
    """Rotations drawn evenly; half of them with a shift of some ten Å, half with one of 10,000 Å."""
    generator = np.random.default_rng(seed)
    turns = Rotation.random(count, random_state=seed).as_matrix()
    shifts = generator.normal(size=(count, 3))
    shifts /= np.linalg.norm(shifts, axis=1, keepdims=True)
    lengths = np.where(np.arange(count) % 2 == 0, 30.0, FAR_AWAY)
    return [Motion(turn, shift) for turn, shift in zip(turns, shifts * lengths[:, None], strict=True)]


def cube_motions() -> list[Motion]:
    """The 24 rotations that map the axes onto themselves, with whole-Å shifts: exact in any text format."""
    motions = []
    for axes, signs in product(permutations(range(3)), product((1.0, -1.0), repeat=3)):
        rotation = np.zeros((3, 3))
        rotation[range(3), axes] = signs
        if np.linalg.det(rotation) > 0:
            motions.append(Motion(rotation, np.array([7.0, -13.0, 29.0]) * len(motions)))
    return motions


# ---------------------------------------------------------------- the check


def deviation(copies: Tensor | np.ndarray) -> float:
    """Largest difference of any copy from the first; (copies, ...)."""
    values = torch.as_tensor(copies)
    assert torch.isfinite(values).all(), "not finite"
    return float((values - values[:1]).abs().max())


def assert_same(copies: Tensor | np.ndarray, dtype: str) -> None:
    """Fails where a copy differs from the first by more than the dtype's tolerance."""
    found = deviation(copies)
    assert found <= TOLERANCE[dtype], f"differs by {found:.2e}, allowed {TOLERANCE[dtype]:.0e} in {dtype}"


def turned(vectors: Tensor, motions: list[Motion]) -> Tensor:
    """Vectors (copies, ..., 3) of motions' copies turned back, so that equivariance reads as sameness."""
    turns = torch.as_tensor(np.stack([motion.rotation for motion in motions])).to(vectors)
    return torch.einsum("mji,m...j->m...i", turns, vectors)


# ---------------------------------------------------------------- graphs in memory


def moved_graph(graph: ComplexGraph, motion: Motion) -> ComplexGraph:
    """Every point and direction of a graph moved; nothing is built anew."""
    pocket = graph.pocket
    return ComplexGraph(
        ligand=replace(graph.ligand, positions=motion.points(graph.ligand.positions)),
        pocket=replace(
            pocket,
            anchors=motion.points(pocket.anchors),
            centroids=motion.points(pocket.centroids),
            frames=motion.vectors(pocket.frames),
            atom_positions=motion.points(pocket.atom_positions),
            atom_directions=motion.vectors(pocket.atom_directions),
            atom_normals=motion.vectors(pocket.atom_normals),
        ),
    )


def other_hand(graph: ComplexGraph) -> ComplexGraph:
    """A graph mirrored, with right-handed frames, whose dihedrals and chirality tags stay as they were.

    It differs from the graph by nothing but the hand of the frames: what tells the two apart reads that hand.
    """
    image = moved_graph(graph, MIRROR)
    return replace(image, pocket=replace(image.pocket, frames=image.pocket.frames * [[1.0], [1.0], [-1.0]]))


def permuted_ligand_graph(graph: LigandGraph, generator: np.random.Generator) -> LigandGraph:
    """Atoms and bonds in another order, each bond in a random direction."""
    order = generator.permutation(graph.num_atoms)
    place = np.argsort(order)
    bonds = place[graph.bonds]
    flip = generator.random(len(bonds)) < 0.5
    bonds[flip] = bonds[flip][:, ::-1]
    bond_order = generator.permutation(len(bonds))
    return replace(
        graph,
        positions=graph.positions[order],
        atom_categories=graph.atom_categories[order],
        radii=graph.radii[order],
        bonds=bonds[bond_order],
        bond_categories=graph.bond_categories[bond_order],
    )


def permuted_pocket_graph(graph: PocketGraph, generator: np.random.Generator) -> PocketGraph:
    """Residues, their atoms and their edges in another order."""
    order = generator.permutation(graph.num_residues)
    place = np.argsort(order)
    atoms = np.lexsort([generator.random(graph.num_atoms), place[graph.atom_residue]])
    edges = generator.permutation(graph.edge_index.shape[1])
    return replace(
        graph,
        residue_types=graph.residue_types[order],
        residue_scalars=graph.residue_scalars[order],
        anchors=graph.anchors[order],
        centroids=graph.centroids[order],
        frames=graph.frames[order],
        edge_index=place[graph.edge_index][:, edges],
        edge_offset=graph.edge_offset[edges],
        atom_positions=graph.atom_positions[atoms],
        atom_classes=graph.atom_classes[atoms],
        atom_residue=place[graph.atom_residue][atoms],
        atom_directions=graph.atom_directions[atoms],
        atom_normals=graph.atom_normals[atoms],
    )


# ---------------------------------------------------------------- things in memory


def moved_protein(protein: Protein, motion: Motion) -> Protein:
    return replace(protein, positions=motion.points(protein.positions))


def moved_ligand(ligand: Ligand, motion: Motion) -> Ligand:
    """The pose moved; stereo tags stay as they are, so not for mirror images."""
    mol = Chem.Mol(ligand.mol)
    positions = motion.points(ligand.positions)
    mol.GetConformer().SetPositions(positions)
    return replace(ligand, mol=mol, positions=positions)


def moved_complex(cx: Complex, motion: Motion) -> Complex:
    return replace(cx, pocket=moved_protein(cx.pocket, motion), ligand=moved_ligand(cx.ligand, motion))


def permuted_protein(protein: Protein, generator: np.random.Generator) -> Protein:
    """Residues in another order, and the atoms of each residue too."""
    order = generator.permutation(protein.num_residues)
    place = np.argsort(order)
    atoms = np.lexsort([generator.random(protein.num_atoms), place[protein.atom_residue]])
    return replace(
        protein,
        positions=protein.positions[atoms],
        elements=protein.elements[atoms],
        atom_names=protein.atom_names[atoms],
        atom_residue=place[protein.atom_residue][atoms].astype(np.int32),
        residue_names=protein.residue_names[order],
        residue_kinds=protein.residue_kinds[order],
        chain_ids=protein.chain_ids[order],
        residue_numbers=protein.residue_numbers[order],
        insertion_codes=protein.insertion_codes[order],
    )


# ---------------------------------------------------------------- files that keep every digit


def write_cif(path: Path, protein: Protein) -> Path:
    """mmCIF with coordinates in full double precision (files of the wwPDB hold three decimals)."""
    tags = ("group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id label_seq_id "
            "pdbx_PDB_ins_code Cartn_x Cartn_y Cartn_z occupancy B_iso_or_equiv auth_seq_id auth_asym_id "
            "pdbx_PDB_model_num").split()  # fmt: skip
    lines = ["data_moved", "loop_", *(f"_atom_site.{tag}" for tag in tags)]
    for atom, row in enumerate(protein.atom_residue.tolist()):
        group = "ATOM" if protein.residue_kinds[row] == ResidueKind.AMINO_ACID else "HETATM"
        number, chain = protein.residue_numbers[row], protein.chain_ids[row]
        x, y, z = protein.positions[atom].tolist()
        lines.append(
            f"{group} {atom + 1} {gemmi.Element(int(protein.elements[atom])).name} "
            f"{gemmi.cif.quote(str(protein.atom_names[atom]))} . {protein.residue_names[row]} {chain} {number} "
            f"{protein.insertion_codes[row] or '?'} {x!r} {y!r} {z!r} 1 20 {number} {chain} 1"
        )
    path.write_text("\n".join([*lines, ""]))
    return path


def write_pdb(path: Path, protein: Protein) -> Path:
    """An ordinary PDB file, three decimals."""
    lines = []
    for atom, row in enumerate(protein.atom_residue.tolist()):
        group = "ATOM" if protein.residue_kinds[row] == ResidueKind.AMINO_ACID else "HETATM"
        name, element = str(protein.atom_names[atom]), gemmi.Element(int(protein.elements[atom])).name
        name = name if len(name) == 4 or len(element) == 2 else f" {name}"
        x, y, z = protein.positions[atom].tolist()
        lines.append(
            f"{group:<6}{(atom + 1) % 100000:>5} {name:<4} {protein.residue_names[row]:>3} {protein.chain_ids[row]:1}"
            f"{protein.residue_numbers[row]:>4}{protein.insertion_codes[row]:1}   {x:8.3f}{y:8.3f}{z:8.3f}"
            f"{1:6.2f}{20:6.2f}          {element.upper():>2}"
        )
    path.write_text("\n".join([*lines, "END", ""]))
    return path


def v3000_record(ligand: Ligand, generator: np.random.Generator | None = None) -> str:
    """An SDF record with coordinates in full double precision; with a generator, atoms and bonds in random order."""
    mol = Chem.Mol(ligand.mol)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    atoms, bonds = np.arange(mol.GetNumAtoms()), np.arange(mol.GetNumBonds())
    if generator is not None:
        atoms, bonds = generator.permutation(atoms), generator.permutation(bonds)
    number = {int(atom): place + 1 for place, atom in enumerate(atoms)}
    lines = [ligand.name, "  made by the tests", "", "  0  0  0     0  0            999 V3000", "M  V30 BEGIN CTAB"]
    lines += [f"M  V30 COUNTS {len(atoms)} {len(bonds)} 0 0 0", "M  V30 BEGIN ATOM"]
    for index in atoms.tolist():
        atom = mol.GetAtomWithIdx(index)
        x, y, z = ligand.positions[index].tolist()
        charge = f" CHG={atom.GetFormalCharge()}" if atom.GetFormalCharge() else ""
        lines.append(f"M  V30 {number[index]} {atom.GetSymbol()} {x!r} {y!r} {z!r} 0{charge}")
    lines += ["M  V30 END ATOM", "M  V30 BEGIN BOND"]
    for place, index in enumerate(bonds.tolist()):
        bond = mol.GetBondWithIdx(index)
        ends = [number[bond.GetBeginAtomIdx()], number[bond.GetEndAtomIdx()]]
        if generator is not None and generator.random() < 0.5:
            ends.reverse()
        lines.append(f"M  V30 {place + 1} {int(bond.GetBondTypeAsDouble())} {ends[0]} {ends[1]}")
    lines += ["M  V30 END BOND", "M  V30 END CTAB", "M  END", "$$$$", ""]
    return "\n".join(lines)


def v2000_record(ligand: Ligand) -> str:
    """An ordinary SDF record, four decimals."""
    mol = Chem.Mol(ligand.mol)
    mol.GetConformer().SetPositions(ligand.positions)
    mol.SetProp("_Name", ligand.name)
    return Chem.MolToMolBlock(mol) + "$$$$\n"


def rounded(cx: Complex, decimals: int) -> Complex:
    """The complex on a grid, so that ordinary files lose nothing of it."""
    positions = np.round(cx.ligand.positions, decimals)
    mol = Chem.Mol(cx.ligand.mol)
    mol.GetConformer().SetPositions(positions)
    return replace(
        cx,
        pocket=replace(cx.pocket, positions=np.round(cx.pocket.positions, decimals)),
        ligand=replace(cx.ligand, mol=mol, positions=positions),
    )
