"""Vina's function: its terms where they can be worked out by hand, and its gradient."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from binding.io.ligand import read_ligands
from binding.io.structure import read_protein
from binding.poses.vina import CUTOFF, AtomTypes, PairTable, affinity, ligand_types, protein_types


def types(radius: float, hydrophobic: bool = False, donor: bool = False, acceptor: bool = False) -> AtomTypes:
    return AtomTypes(*(np.array([value]) for value in (radius, hydrophobic, donor, acceptor)))


def energy(first: AtomTypes, second: AtomTypes, distance: float) -> float:
    return PairTable(first, second).energy(np.zeros((1, 3)), np.array([[distance, 0.0, 0.0]]))[0]


def test_two_carbons_at_contact():
    greasy = types(1.9, hydrophobic=True)
    gauss2 = -0.005156 * np.exp(-((3.0 / 2.0) ** 2))
    assert energy(greasy, greasy, 3.8) == pytest.approx(-0.035579 + gauss2 - 0.035069)
    assert energy(greasy, types(1.9), 3.8) == pytest.approx(-0.035579 + gauss2)


def test_a_hydrogen_bond_needs_one_to_give_and_one_to_take():
    donor, acceptor = types(1.8, donor=True), types(1.7, acceptor=True)
    bond = energy(donor, acceptor, 2.8) - energy(types(1.8), types(1.7), 2.8)
    assert bond == pytest.approx(-0.587439)
    assert energy(donor, donor, 2.8) == pytest.approx(energy(types(1.8), types(1.8), 2.8))


def test_overlap_is_repelled_by_its_square():
    deep, less = energy(types(1.9), types(1.9), 1.8), energy(types(1.9), types(1.9), 2.8)
    assert deep == pytest.approx(0.840245 * 4.0, abs=0.01)
    assert less == pytest.approx(0.840245 * 1.0, abs=0.01)


def test_nothing_beyond_the_cutoff():
    assert energy(types(1.9), types(1.9), CUTOFF + 0.01) == 0.0


def test_rotors_damp_the_affinity():
    assert affinity(-10.0, 0) == -10.0
    assert affinity(-10.0, 5) == pytest.approx(-10.0 / 1.2923)


@pytest.mark.parametrize(
    ("smiles", "atom", "donor", "acceptor", "hydrophobic"),
    [
        ("CO", 1, True, True, False),
        ("CN", 1, True, True, False),
        ("C[NH3+]", 1, True, False, False),
        ("CC(=O)NC", 3, True, False, False),  # an amide gives, its lone pair is taken
        ("CC(=O)NC", 2, False, True, False),
        ("c1ccncc1", 3, False, True, False),
        ("c1cc[nH]c1", 3, True, False, False),
        ("c1ccoc1", 3, False, False, False),
        ("CC", 0, False, False, True),
        ("CO", 0, False, False, False),
        ("CCl", 1, False, False, True),
    ],
)
def test_types_of_ligand_atoms(smiles, atom, donor, acceptor, hydrophobic):
    found = ligand_types(Chem.MolFromSmiles(smiles))
    assert (found.donor[atom], found.acceptor[atom], found.hydrophobic[atom]) == (donor, acceptor, hydrophobic)


def test_types_of_protein_atoms(examples):
    protein = read_protein(examples / "1ia1_protein.pdb.gz")
    found = protein_types(protein)
    names = protein.residue_ids
    rows = {
        f"{names[residue]}:{name}": row
        for row, (residue, name) in enumerate(zip(protein.atom_residue, protein.atom_names, strict=True))
    }
    lysine = next(row for name, row in rows.items() if ":LYS:" in name and name.endswith(":NZ"))
    leucine = next(row for name, row in rows.items() if ":LEU:" in name and name.endswith(":CD1"))
    oxygen = next(row for name, row in rows.items() if ":GLY:" in name and name.endswith(":O"))
    assert found.donor[lysine]
    assert not found.acceptor[lysine]
    assert found.hydrophobic[leucine]
    assert found.acceptor[oxygen]
    assert not found.donor[oxygen]


def test_gradient_is_that_of_the_energy(examples):
    protein = read_protein(examples / "1ia1_protein.pdb.gz")
    ligand = next(iter(read_ligands(examples / "1ia1_ligand.sdf")))
    table = PairTable(ligand_types(ligand.mol), protein_types(protein))
    positions = ligand.positions + 0.3  # off the crystal pose, where every term has a slope
    _, gradient = table.energy(positions, protein.positions)
    step = 1e-5
    for atom in range(0, len(positions), 4):
        for axis in range(3):
            up, down = positions.copy(), positions.copy()
            up[atom, axis] += step
            down[atom, axis] -= step
            slope = (table.energy(up, protein.positions)[0] - table.energy(down, protein.positions)[0]) / (2 * step)
            assert gradient[atom, axis] == pytest.approx(slope, abs=2e-3)


def test_a_crystal_pose_scores_better_than_one_moved(examples):
    protein = read_protein(examples / "1ia1_protein.pdb.gz")
    ligand = next(iter(read_ligands(examples / "1ia1_ligand.sdf")))
    table = PairTable(ligand_types(ligand.mol), protein_types(protein))
    here = table.energy(ligand.positions, protein.positions)[0]
    assert here < -5.0
    assert all(table.energy(ligand.positions + shift, protein.positions)[0] > here + 2.0 for shift in 1.5 * np.eye(3))
