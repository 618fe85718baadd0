"""Interactions by name: what a crystallographer sees in the examples, whatever the frame and order of the files."""

from __future__ import annotations

import builtins

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem
from scipy.spatial.transform import Rotation

import binding
from binding.api import requests_from
from binding.errors import UsageError
from binding.explanation.interactions import INTERACTION_COLUMNS, KINDS, check_prolif, interactions_of
from binding.score.featurize import featurize
from binding.score.jobs import jobs_of
from binding.score.options import ScoringOptions

pytest.importorskip("prolif")


def item_of(*named, **more):
    (found,) = (one for job in jobs_of(requests_from(*named, **more), ScoringOptions()) for one in featurize(job))
    return found


@pytest.fixture(scope="module")
def antifolate(examples):
    return item_of(examples / "1ia1_protein.pdb.gz", [examples / "1ia1_ligand.sdf"])


def named(item):
    return {(one.kind, item.pocket.residue_ids[one.pocket_row]) for one in interactions_of(item.pocket, item.ligand)}


def test_an_antifolate_gives_hydrogen_bonds_and_stacks(antifolate):
    found = named(antifolate)
    assert ("hydrogen bond, ligand gives", "B:GLU:32") in found
    assert ("hydrogen bond, ligand gives", "B:ILE:9") in found
    assert ("pi stacking, parallel", "B:PHE:36") in found
    for one in interactions_of(antifolate.pocket, antifolate.ligand):
        assert one.distance < 6.0
        assert 0.0 <= one.angle <= 180.0
        assert set(one.kind.split(",")) & {"hydrogen bond", "pi stacking"}


def test_an_adenosine_antagonist_holds_its_asparagine(examples):
    item = item_of(examples / "6wqa_complex.cif.gz", ligand="A:ZMA:1202")
    found = named(item)
    assert ("hydrogen bond, ligand gives", "A:ASN:253") in found
    assert ("pi stacking, parallel", "A:PHE:168") in found


def test_turned_and_renumbered_they_are_the_same(antifolate):
    from dataclasses import replace

    turn = Rotation.random(random_state=3).as_matrix()
    order = np.random.default_rng(0).permutation(antifolate.ligand.num_atoms)
    ligand, pocket = antifolate.ligand, antifolate.pocket
    mol = Chem.RenumberAtoms(ligand.mol, order.tolist())
    moved = replace(ligand, mol=mol, positions=(ligand.positions @ turn.T + 5.0)[order])
    other = interactions_of(replace(pocket, positions=pocket.positions @ turn.T + 5.0), moved)
    here = interactions_of(pocket, ligand)
    assert [(one.kind, one.pocket_row) for one in other] == [(one.kind, one.pocket_row) for one in here]
    assert [sorted(int(order[atom]) for atom in one.atoms) for one in other] == [sorted(one.atoms) for one in here]
    assert [one.distance for one in other] == pytest.approx([one.distance for one in here], abs=2e-3)


def test_a_salt_bridge_and_a_metal(antifolate):
    """A made-up pair: an acid of the ligand at a lysine, and at a zinc ion that is added to the pocket."""
    from dataclasses import replace

    from binding.structures import Ligand, ResidueKind

    pocket = antifolate.pocket
    lysine = next(row for row, name in enumerate(pocket.residue_names) if name == "LYS" and "NZ" in _atoms(pocket, row))
    nitrogen = pocket.positions[(pocket.atom_residue == lysine) & (pocket.atom_names == "NZ")][0]
    away = nitrogen - pocket.positions[pocket.atom_residue == lysine].mean(axis=0)
    away /= np.linalg.norm(away)
    acid = Chem.MolFromSmiles("CC(=O)O")
    flat = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.5], [1.1, 0.0, 2.1], [-1.1, 0.0, 2.1]])
    positions = nitrogen + 3.0 * away + flat - flat[2]
    conformer = Chem.Conformer(4)
    for atom, place in enumerate(positions.tolist()):
        conformer.SetAtomPosition(atom, place)
    acid.AddConformer(conformer)
    zinc = replace(
        pocket,
        positions=np.vstack([pocket.positions, positions[3] + [-1.4, 0.0, 1.4]]),
        elements=np.append(pocket.elements, 30).astype(pocket.elements.dtype),
        atom_names=np.append(pocket.atom_names, "ZN"),
        atom_residue=np.append(pocket.atom_residue, pocket.num_residues).astype(np.int32),
        residue_names=np.append(pocket.residue_names, "ZN"),
        residue_kinds=np.append(pocket.residue_kinds, ResidueKind.METAL).astype(pocket.residue_kinds.dtype),
        chain_ids=np.append(pocket.chain_ids, "Z"),
        residue_numbers=np.append(pocket.residue_numbers, 1).astype(np.int32),
        insertion_codes=np.append(pocket.insertion_codes, ""),
    )
    found = interactions_of(zinc, Ligand("acid", acid, positions))
    kinds = {(one.kind, one.pocket_row) for one in found}
    assert ("salt bridge", lysine) in kinds
    assert ("metal", pocket.num_residues) in kinds


def _atoms(pocket, row):
    return set(pocket.atom_names[pocket.atom_residue == row].tolist())


def test_they_stand_beside_contributions(examples, tmp_path):
    found = binding.explain(
        examples / "1ia1_protein.pdb.gz", examples / "1ia1_ligand.sdf", interactions=True, output=tmp_path / "why"
    )
    table = pd.read_csv(tmp_path / "why" / "interactions.csv")
    assert tuple(table.columns) == INTERACTION_COLUMNS
    assert set(table["kind"]) <= set(KINDS.values())
    residues = found.residues
    labels = residues["chain"] + ":" + residues["residue"] + ":" + residues["number"].astype(str)
    shares = dict(zip(labels, residues["pk"], strict=True))
    assert table["pk"].tolist() == pytest.approx([shares[name] for name in table["residue_label"]], abs=1e-3)
    assert "hydrogen bond, ligand gives" in (tmp_path / "why" / "report.html").read_text()


def test_without_prolif_the_hint_names_the_extra(monkeypatch):
    real = builtins.__import__

    def missing(name, *rest, **more):
        if name.startswith("prolif"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UsageError, match="ProLIF, which is not installed") as caught:
        check_prolif()
    assert "binding[interactions]" in caught.value.hint
