"""Which residues make the pocket."""

from __future__ import annotations

import numpy as np
import pytest
from molecules import posed
from rdkit import Chem

from binding.errors import ContactError, StructureError, UsageError
from binding.graph.site import PocketSpec, pocket_mask, select_pocket
from binding.io.ligand import prepare_ligand, read_ligands
from binding.io.structure import read_complex, read_protein
from binding.structures import Ligand, Protein


@pytest.fixture(scope="module")
def protein(examples) -> Protein:
    return read_protein(examples / "1s2g_protein.pdb.gz")


@pytest.fixture(scope="module")
def ligand(examples) -> Ligand:
    return next(iter(read_ligands(examples / "1s2g_ligand.sdf")))


def within(protein: Protein, points: np.ndarray, cutoff: float) -> list[str]:
    """Residues with any atom within the cutoff, the slow and plain way."""
    distances = np.linalg.norm(protein.positions[:, None] - points[None], axis=2).min(axis=1)
    rows = sorted(set(protein.atom_residue[distances <= cutoff].tolist()))
    return [protein.residue_ids[row] for row in rows]


@pytest.mark.parametrize("cutoff", [3.0, 6.0, 10.0, 15.0])
def test_whole_residues_within_the_cutoff(protein, ligand, cutoff):
    pocket = select_pocket(protein, ligand, PocketSpec(cutoff=cutoff))
    assert pocket.residue_ids == within(protein, ligand.positions, cutoff)
    sizes = dict(zip(protein.residue_ids, np.bincount(protein.atom_residue), strict=True))
    assert np.bincount(pocket.atom_residue).tolist() == [sizes[name] for name in pocket.residue_ids]


def test_default_is_ten_angstrom(protein, ligand):
    assert select_pocket(protein, ligand).residue_ids == within(protein, ligand.positions, 10.0)


def test_reference_ligand_in_the_scored_ones_place(protein, ligand):
    moved = ligand.positions + 4.0
    pocket = select_pocket(protein, ligand, PocketSpec(cutoff=6.0, reference=moved))
    assert pocket.residue_ids == within(protein, moved, 6.0)


def test_centre_and_radius(protein, ligand):
    centre = tuple(float(x) for x in ligand.positions.mean(axis=0))
    pocket = select_pocket(protein, ligand, PocketSpec(center=centre, radius=8.0))
    assert pocket.residue_ids == within(protein, np.array([centre]), 8.0)


def test_listed_residues(protein, ligand):
    names = within(protein, ligand.positions, 5.0)[:3]
    chain, _, number = names[0].split(":")
    pocket = select_pocket(protein, ligand, PocketSpec(residues=(f"{chain}:{number}", *names[1:])))
    assert pocket.residue_ids == names


def test_unknown_residue_is_named(protein, ligand):
    with pytest.raises(StructureError) as caught:
        select_pocket(protein, ligand, PocketSpec(residues=("A:99999",)))
    assert caught.value.code == "no_residue"
    assert "A:99999" in caught.value.message


@pytest.mark.parametrize("spec", [PocketSpec(), PocketSpec(center=(900.0, 0.0, 0.0), radius=5.0)])
def test_nothing_there_is_no_contact(protein, ligand, spec):
    away = Ligand(ligand.name, ligand.mol, ligand.positions + 500.0)
    with pytest.raises(ContactError) as caught:
        select_pocket(protein, away, spec)
    assert caught.value.code == "no_contact"


@pytest.mark.parametrize(
    "wrong",
    [
        {"cutoff": 0.0},
        {"cutoff": float("nan")},
        {"center": (0, 0, 0)},
        {"radius": 5.0},
        {"center": (0, 0, 0), "radius": -1.0},
        {"center": (0, float("inf"), 0), "radius": 5.0},
        {"center": (0, 0, 0), "radius": 5.0, "residues": ("A:1",)},
        {"reference": np.zeros((1, 3)), "residues": ("A:1",)},
    ],
)
def test_options_that_do_not_fit(wrong):
    with pytest.raises(UsageError):
        PocketSpec(**wrong)


def test_mask_and_selection_agree(protein, ligand):
    pocket = select_pocket(protein, ligand)
    assert pocket.residue_ids == [
        n for n, k in zip(protein.residue_ids, pocket_mask(protein, ligand), strict=True) if k
    ]


def test_the_crystal_ligand_left_in_the_receptor_is_left_out(examples):
    path = examples / "6wqa_complex.cif.gz"
    whole = read_protein(path)  # still holds ZMA
    receptor, (ligand,) = read_complex(path)
    assert "A:ZMA:1202" in whole.residue_ids
    pocket = select_pocket(whole, ligand)
    assert "A:ZMA:1202" not in pocket.residue_ids
    assert pocket.residue_ids == select_pocket(receptor, ligand).residue_ids
    assert "left out A:ZMA:1202, which lies where the ligand lies" in pocket.notes
    beside = Ligand(ligand.name, ligand.mol, ligand.positions + np.array([8.0, 0.0, 0.0]))
    assert "A:ZMA:1202" in select_pocket(whole, beside).residue_ids


def test_pocket_is_the_same_far_from_the_origin(protein, ligand):
    from dataclasses import replace

    far = replace(protein, positions=protein.positions + 1e4)
    moved = Ligand(ligand.name, ligand.mol, ligand.positions + 1e4)
    assert select_pocket(far, moved).residue_ids == select_pocket(protein, ligand).residue_ids


def test_single_atom_ligand(protein, ligand):
    mol = Chem.Mol(posed("O", hydrogens=False))
    mol.GetConformer().SetAtomPosition(0, ligand.positions[0].tolist())
    water = prepare_ligand(mol, "water")
    assert select_pocket(protein, water).residue_ids == within(protein, ligand.positions[:1], 10.0)
