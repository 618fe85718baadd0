"""What deleting costs: the number of the file without it; pieces of a ligand, and ligands without a piece."""

from __future__ import annotations

import numpy as np
import pytest
from networks import example_complex, joined_scorer
from rdkit import Chem
from rdkit.Chem import AllChem

from binding.explanation.fragments import pieces_of, without
from binding.explanation.occlusion import occlude
from binding.graph.build import build_graph
from binding.graph.site import PocketSpec
from binding.score.featurize import featurize
from binding.score.jobs import Job
from binding.structures import Ligand

LABELS = ("A:PHE:45", "A:ASP:90")
DRUG = "Cc1ccc(cc1)S(=O)(=O)NCCN1CCC(CC1)=C1C(=O)Nc2ccccc12"


def ligand_of(smiles: str) -> Ligand:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(mol, randomSeed=7)
    mol = Chem.RemoveHs(mol)
    return Ligand("made", mol, mol.GetConformer().GetPositions())


def test_a_deleted_residue_costs_what_predicting_without_it_says(shipped):
    cx = example_complex("1s2g")
    (item,) = featurize(Job(cx.pocket, (cx.ligand,), PocketSpec()))
    rows = [cx.pocket.residue_ids.index(label) for label in LABELS]
    found = occlude(item.pocket, item.ligand, item.graph, shipped, rows)
    assert found.residue_labels == LABELS
    judged = shipped.at(item.graph)  # with the weights of the whole complex
    whole = judged.score([item.graph])
    assert whole.pk[0] == pytest.approx(shipped.score([item.graph]).pk[0], abs=1e-9)
    for place, row in enumerate(rows):
        keep = np.arange(cx.pocket.num_residues) != row
        (less,) = featurize(Job(cx.pocket.select(keep), (cx.ligand,), PocketSpec()))
        scores = judged.score([less.graph])
        assert found.residues[place] == pytest.approx(float(whole.pk[0] - scores.pk[0]), abs=1e-4)
        prior = judged.line.prior * float(whole.pk_prior[0] - scores.pk_prior[0])
        assert found.residues_network[place] == pytest.approx(found.residues[place] - prior, abs=1e-4)
    assert found.residues.max() > 0.05


def test_every_atom_is_in_one_piece_of_the_kind_that_a_chemist_would_say():
    mol = Chem.MolFromSmiles(DRUG)
    pieces = pieces_of(mol)
    assert sorted(atom for piece in pieces for atom in piece.atoms) == list(range(mol.GetNumAtoms()))
    assert sorted((piece.kind, len(piece.atoms)) for piece in pieces) == [
        ("linker", 6),  # SO2NHCH2CH2
        ("ring", 6),
        ("ring", 6),
        ("ring", 10),  # of the oxindole, with the oxygen on its double bond
        ("substituent", 1),
    ]


def test_pieces_do_not_depend_on_the_order_of_the_atoms():
    mol = Chem.MolFromSmiles(DRUG)
    order = np.random.default_rng(3).permutation(mol.GetNumAtoms()).tolist()
    shuffled = Chem.RenumberAtoms(mol, order)
    expected = {frozenset(piece.atoms): piece.kind for piece in pieces_of(mol)}
    found = {frozenset(order[atom] for atom in piece.atoms): piece.kind for piece in pieces_of(shuffled)}
    assert found == expected


def test_a_long_chain_is_cut_where_a_peptide_is():
    pieces = pieces_of(Chem.MolFromSmiles("CC(N)C(=O)NC(CO)C(=O)NCC(=O)O"))
    assert len(pieces) > 2
    assert max(len(piece.atoms) for piece in pieces) <= 8


def test_without_a_piece_open_valences_are_filled_and_positions_stay():
    ligand = ligand_of(DRUG)
    for piece in pieces_of(ligand.mol):
        rest = without(ligand, piece.atoms)
        assert rest is not None, piece
        assert rest.num_atoms == ligand.num_atoms - len(piece.atoms) == len(rest.positions)
        kept = np.setdiff1d(np.arange(ligand.num_atoms), piece.atoms)
        assert np.array_equal(rest.positions, ligand.positions[kept])
        assert rest.mol.GetConformer().GetPositions() == pytest.approx(rest.positions, abs=1e-3)
        assert all(atom.GetNumRadicalElectrons() == 0 for atom in rest.mol.GetAtoms())
        assert [a.GetAtomicNum() for a in rest.mol.GetAtoms()] == [
            ligand.mol.GetAtomWithIdx(int(place)).GetAtomicNum() for place in kept
        ]


@pytest.mark.parametrize(("smiles", "left"), [("Cn1cccc1", "c1cc[nH]c1"), ("C[n+]1ccccc1", "c1cc[nH+]cc1")])
def test_an_aromatic_nitrogen_keeps_its_ring(smiles, left):
    ligand = ligand_of(smiles)
    (piece,) = (piece for piece in pieces_of(ligand.mol) if piece.kind == "substituent")
    rest = without(ligand, piece.atoms)
    assert rest is not None
    assert Chem.MolToSmiles(rest.mol) == Chem.CanonSmiles(left)


def test_a_ligand_of_one_piece_has_no_rest():
    ligand = ligand_of("c1ccccc1")
    (piece,) = pieces_of(ligand.mol)
    assert without(ligand, piece.atoms) is None


def test_all_examples_lose_pieces_by_whatever_pk_is_joined_of():
    scorer = joined_scorer(dtype="float32")
    for name in ("1s2g", "5ht1b"):
        cx = example_complex(name)
        found = occlude(cx.pocket, cx.ligand, build_graph(cx), scorer, [0])
        costs = [fragment.pk for fragment in found.fragments]
        assert np.isfinite(costs).all()
        assert np.ptp(costs) > 1e-3
