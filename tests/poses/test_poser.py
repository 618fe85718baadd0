"""The registry of posers, what they owe, and the page that says how to add one."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from binding.errors import LigandError, UsageError
from binding.graph.site import PocketSpec
from binding.io.ligand import read_ligands
from binding.io.series import compound_from_smiles
from binding.io.structure import read_protein
from binding.poses import poser as posers
from binding.poses.place import PlacePoser
from binding.poses.poser import (
    Pose,
    Poser,
    Posing,
    check_posing,
    pose_compound,
    poser_class,
    poser_names,
    register_poser,
)
from binding.structures import Ligand

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "developing" / "poser.md"


class Fussy(Poser):
    """Poses no chlorine, and one enantiomer only."""

    options = ("mood",)

    def __init__(self, protein, pocket, posing):
        self.seen = []

    def pose(self, state, name):
        smiles = Chem.MolToSmiles(state.mol)
        self.seen.append(smiles)
        if "Cl" in smiles:
            raise LigandError(f"{name} has chlorine.", "Leave it out.", "docking_failed")
        if "@@" in smiles:
            raise LigandError("This hand does not fit.", "", "docking_failed")
        if "Br" in smiles:
            return []
        mol = Chem.Mol(state.mol)
        conformer = Chem.Conformer(mol.GetNumAtoms())
        conformer.SetPositions(np.arange(3.0 * mol.GetNumAtoms()).reshape(-1, 3) % 7.0)
        mol.AddConformer(conformer)
        return [Pose(mol, {"fussy_score": "1.5"}, ("posed with care",))]


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setattr(posers, "_known", dict(posers._known))
    register_poser("fussy", Fussy)


def test_the_posers_that_come_with_the_package():
    assert {"place", "dock", "command", "fussy"} <= set(poser_names())
    assert poser_class("place") is PlacePoser
    assert poser_class("binding.poses.place:PlacePoser") is PlacePoser
    assert (Posing("dock").part_size, Posing("command").part_size, Posing("place").part_size) == (4, 16, 32)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("glide", "There is no poser 'glide'"),
        ("no_such_module:Poser", "cannot be loaded"),
        ("binding.poses.place:NoSuchPoser", "cannot be loaded"),
    ],
)
def test_a_poser_that_is_not_there(name, says):
    with pytest.raises(UsageError, match=says):
        poser_class(name)


def test_an_installed_package_may_bring_one(monkeypatch):
    class Entry:
        name, value = "theirs", "binding.poses.place:PlacePoser"

    monkeypatch.setattr(posers, "entry_points", lambda group: [Entry] if group == "binding.posers" else [])
    assert "theirs" in poser_names()
    assert poser_class("theirs") is PlacePoser


def test_an_option_that_the_poser_does_not_know_is_refused():
    check_posing(Posing("fussy", options={"mood": "good"}), PocketSpec())
    with pytest.raises(UsageError, match="no option colour") as caught:
        check_posing(Posing("fussy", options={"colour": "red"}), PocketSpec())
    assert "mood" in caught.value.hint


def posed(smiles, **settings):
    posing = Posing("fussy", **settings)
    poser = Fussy(None, PocketSpec(), posing)
    return pose_compound(compound_from_smiles(smiles, "x"), poser, posing), poser


def test_each_stereoisomer_is_posed_and_one_that_cannot_be_costs_no_other():
    (ligand,), poser = posed("CC(F)C=O")
    assert len(poser.seen) == 2
    assert isinstance(ligand, Ligand)
    assert ligand.name == "x"
    assert ligand.properties["fussy_score"] == "1.5"
    assert "posed with care" in ligand.notes
    assert any("1 stereoisomer could not be posed (docking_failed)" in note for note in ligand.notes)


def test_a_compound_that_cannot_be_posed_says_why():
    with pytest.raises(LigandError, match="has chlorine"):
        posed("CCCl")
    with pytest.raises(LigandError, match="No pose of x"):
        posed("CCBr")


def test_a_placed_pose_is_the_compound_and_lies_on_its_reference(examples):
    reference = examples / "1ia1_ligand.sdf"
    posing = Posing("place", reference)
    poser = PlacePoser(read_protein(examples / "1ia1_protein.pdb.gz"), PocketSpec(), posing)
    compound = compound_from_smiles("Nc1nc(N)c2c(SC(C)F)cccc2n1", "racemate")
    first, second = pose_compound(compound, poser, posing), pose_compound(compound, poser, posing)
    assert len(first) == 2
    for one, again in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.positions, again.positions)
        away = np.linalg.norm(one.positions.mean(axis=0) - next(iter(read_ligands(reference))).positions.mean(axis=0))
        assert away < 2.0
        assert float(one.properties["place_core_coverage"]) > 0.5
    assert len({Chem.MolToSmiles(ligand.mol) for ligand in first}) == 2


# ---------------------------------------------------------------- the page


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_page_builds_a_poser_that_gives_rows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(ROOT / "data")
    (tmp_path / "series.smi").write_text("CCO ethanol\nCC(F)C=O open centre\nc1ccccc unclosed\n")
    made, used = blocks("python")
    names: dict = {}
    exec(compile(made, str(PAGE), "exec"), names)
    assert poser_class("centred") is names["Centred"]
    exec(compile(used, str(PAGE), "exec"), names)
    table = pd.read_csv("run/results.csv")
    assert set(table["compound"]) == {"ethanol", "open centre"}
    assert table["warnings"].str.contains("not fitted to the pocket").all()
    assert "ethanol" in capsys.readouterr().out
    assert (tmp_path / "run" / "top.sdf").read_text().count("<centred_size>") == 2
    assert pd.read_csv("run/failures.csv")["error_code"].tolist() == ["bad_smiles"]


def test_the_page_names_what_is_there():
    (entry,) = blocks("toml")
    assert f'"{posers.ENTRY_POINTS}"' in entry
