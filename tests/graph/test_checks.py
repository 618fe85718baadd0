"""What is refused and what is warned about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from molecules import posed
from rdkit import Chem

from binding.errors import ContactError, LigandError, StructureError
from binding.graph.checks import check_complex
from binding.graph.site import select_pocket
from binding.io.ligand import prepare_ligand, read_ligands
from binding.io.structure import read_protein
from binding.structures import Complex, Ligand, ResidueKind


@pytest.fixture(scope="module")
def good(examples) -> Complex:
    protein = read_protein(examples / "1s2g_protein.pdb.gz")
    ligand = next(iter(read_ligands(examples / "1s2g_ligand.sdf")))
    return Complex("1s2g", select_pocket(protein, ligand), ligand)


def moved(cx: Complex, shift: np.ndarray) -> Complex:
    ligand = cx.ligand
    return Complex(cx.id, cx.pocket, Ligand(ligand.name, ligand.mol, ligand.positions + shift))


def test_a_crystal_pose_gets_no_warning(good):
    assert check_complex(good) == []


def test_a_ligand_far_away_is_no_contact(good):
    with pytest.raises(ContactError) as caught:
        check_complex(moved(good, np.array([200.0, 0.0, 0.0])))
    assert caught.value.code == "no_contact"
    assert "Å away" in caught.value.message


def test_the_limit_is_six_angstrom(good):
    direction = np.array([1.0, 0.0, 0.0])
    edge = good.pocket.positions[:, 0].max() - good.ligand.positions[:, 0].min()
    out = moved(good, direction * (edge + 6.5))
    with pytest.raises(ContactError):
        check_complex(out)
    nearest = lambda cx: np.linalg.norm(cx.ligand.positions[:, None] - cx.pocket.positions[None], axis=2).min()  # noqa: E731
    step = next(s for s in np.arange(edge + 6.5, 0.0, -0.25) if nearest(moved(good, direction * s)) < 5.9)
    warnings = check_complex(moved(good, direction * step))
    assert any("few contacts" in warning for warning in warnings)


def test_a_ligand_pushed_into_the_protein_is_warned_about(good):
    centre = good.pocket.positions[good.pocket.atom_residue == 5].mean(axis=0)
    warnings = check_complex(moved(good, centre - good.ligand.positions.mean(axis=0)))
    (overlap,) = [w for w in warnings if "overlaps" in w]
    distances = np.linalg.norm(
        (good.ligand.positions + centre - good.ligand.positions.mean(axis=0))[:, None] - good.pocket.positions[None],
        axis=2,
    )
    assert f"{(distances <= 2.0).sum()} heavy-atom pair" in overlap


def test_a_single_bond_length_is_a_covalent_contact(good):
    atom, partner = good.ligand.positions[0], good.pocket.positions[0]
    away = good.pocket.positions.copy() + 30.0  # nothing else near
    away[0] = atom + np.array([1.8, 0.0, 0.0])
    assert not np.allclose(partner, away[0])
    lone = Complex("x", replace(good.pocket, positions=away), prepare_ligand(_at(atom), "methane"))
    warnings = check_complex(lone)
    assert any(f"covalent contact with {good.pocket.residue_ids[0]} (1.80 Å)" in w for w in warnings)


def _at(point: np.ndarray) -> Chem.Mol:
    mol = Chem.Mol(posed("C", hydrogens=False))
    mol.GetConformer().SetAtomPosition(0, point.tolist())
    return mol


def test_metal_coordination_is_no_overlap(good):
    pocket = good.pocket
    kinds = pocket.residue_kinds.copy()
    kinds[0] = ResidueKind.METAL
    away = pocket.positions + 30.0
    away[pocket.atom_residue == 0] = good.ligand.positions[0] + np.array([1.9, 0.0, 0.0])
    cx = Complex(
        "x", replace(pocket, positions=away, residue_kinds=kinds), prepare_ligand(_at(good.ligand.positions[0]), "x")
    )
    assert not any("overlap" in w or "covalent" in w for w in check_complex(cx))


def zigzag(count: int, start: np.ndarray) -> Ligand:
    """An alkane stretched along x."""
    chain = Chem.RWMol()
    conformer = Chem.Conformer(count)
    for k in range(count):
        chain.AddAtom(Chem.Atom(6))
        conformer.SetAtomPosition(k, (start + np.array([1.25 * k, 0.87 * (k % 2), 0.01 * k])).tolist())
        if k:
            chain.AddBond(k - 1, k, Chem.BondType.SINGLE)
    chain.AddConformer(conformer)
    return prepare_ligand(chain, "polyethylene")


def test_five_hundred_atoms_are_too_many(good):
    with pytest.raises(LigandError) as caught:
        check_complex(Complex("x", good.pocket, zigzag(500, good.ligand.positions[0])))
    assert caught.value.code == "too_large"
    assert "500" in caught.value.message


def test_a_ligand_whose_atom_flew_off_is_warned_about(good):
    shift = np.zeros_like(good.ligand.positions)
    shift[0] = [1e4, 0.0, 0.0]
    (warning,) = [text for text in check_complex(moved(good, shift)) if "geometry" in text]
    assert warning.startswith("broken ligand geometry: 1 bond longer than 3.5 Å, up to 1000")


def test_large_ligands_are_warned_about(good):
    warnings = check_complex(Complex("x", good.pocket, zigzag(85, good.ligand.positions[0])))
    assert any("large ligand: 85 heavy atoms" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("smiles", "warning"),
    [
        ("CCO", "small ligand: 3 heavy atoms"),
        ("C[Si](C)(C)CCCO", "unusual element in the ligand: Si"),
    ],
)
def test_sizes_and_elements(good, smiles, warning):
    mol = Chem.Mol(posed(smiles, hydrogens=False))
    conformer = mol.GetConformer()
    shift = good.ligand.positions.mean(axis=0) - conformer.GetPositions().mean(axis=0)
    for k, position in enumerate(conformer.GetPositions() + shift):
        conformer.SetAtomPosition(k, position.tolist())
    assert any(warning in w for w in check_complex(Complex("x", good.pocket, prepare_ligand(mol, "x"))))


def test_small_and_incomplete_pockets(good):
    two = np.zeros(good.pocket.num_residues, dtype=bool)
    near = np.linalg.norm(good.pocket.positions - good.ligand.positions[0], axis=1).argsort()
    rows = list(dict.fromkeys(good.pocket.atom_residue[near].tolist()))[:2]
    two[rows] = True
    pocket = good.pocket.select(two)
    assert any("small pocket: 2 amino acids" in w for w in check_complex(Complex("x", pocket, good.ligand)))
    names = pocket.atom_names.copy()
    names[np.flatnonzero(names == "CA")[0]] = "CQ"
    warnings = check_complex(Complex("x", replace(pocket, atom_names=names), good.ligand))
    assert any("lacks backbone atoms in 1 residue" in w for w in warnings)


def test_casf_crystal_poses_are_quiet(shared_data):
    """Warnings that fire on most crystal complexes would be noise."""
    loud = 0
    folders = sorted(p for p in (shared_data / "casf2016").iterdir() if p.is_dir())[:60]
    for folder in folders:
        protein = read_protein(folder / f"{folder.name}_protein.pdb")
        ligand = next(iter(read_ligands(folder / f"{folder.name}_ligand.sdf")))
        loud += bool(check_complex(Complex(folder.name, select_pocket(protein, ligand), ligand)))
    assert loud <= 3


def scaled(cx: Complex, factor: float) -> Complex:
    ligand = cx.ligand
    return Complex(cx.id, cx.pocket, Ligand(ligand.name, ligand.mol, ligand.positions * factor))


@pytest.mark.parametrize("factor", [0.1, 100.0, 1 / 0.529177], ids=["nm", "pm", "bohr"])
def test_a_ligand_in_another_unit_is_refused(good, factor):
    with pytest.raises(LigandError) as caught:
        check_complex(scaled(good, factor))
    assert caught.value.code == "not_angstrom"
    assert "nm" in caught.value.hint


def test_a_collapsed_ligand_is_refused(good):
    ligand = good.ligand
    positions = ligand.positions.copy()
    positions[[3, 4, 5]] = positions[2] + [[0.3, 0.0, 0.0], [0.0, 0.3, 0.0], [0.0, 0.0, 0.3]]
    with pytest.raises(LigandError) as caught:
        check_complex(Complex("x", good.pocket, Ligand(ligand.name, ligand.mol, positions)))
    assert caught.value.code == "collapsed"
    assert "6 pairs" in caught.value.message


def without_side_chains(cx: Complex, share: float) -> Complex:
    """The complex with the side chains of the first residues cut off behind CB."""
    pocket = cx.pocket
    cut = pocket.atom_residue < share * pocket.num_residues
    keep = ~cut | np.isin(pocket.atom_names, ("N", "CA", "C", "O", "CB"))
    taken = replace(
        pocket,
        positions=pocket.positions[keep],
        elements=pocket.elements[keep],
        atom_names=pocket.atom_names[keep],
        atom_residue=pocket.atom_residue[keep],
    )
    return Complex(cx.id, taken, cx.ligand)


def test_pockets_without_side_chains(good):
    assert check_complex(without_side_chains(good, 0.1)) == []
    (warning,) = check_complex(without_side_chains(good, 0.5))
    assert warning.startswith("pocket lacks the side chains of ")
    with pytest.raises(StructureError) as caught:
        check_complex(without_side_chains(good, 1.0))
    assert caught.value.code == "no_side_chains"


def test_a_residue_with_an_atom_far_away_is_warned_about(good):
    pocket = good.pocket
    row = int(np.flatnonzero(pocket.residue_names == "VAL")[0])
    positions = pocket.positions.copy()
    positions[np.flatnonzero(pocket.atom_residue == row)[-1]] = 0.0
    (warning,) = check_complex(Complex("x", replace(pocket, positions=positions), good.ligand))
    assert warning == f"broken protein geometry: atoms more than 10 Å from the CA of {pocket.residue_ids[row]}"
