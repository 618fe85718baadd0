"""The scripts on wrong ligands and wrong poses: foreign ligands docked, and what is read off held-out ones."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from binding.data.cache import ComplexCache
from binding.data.prepare import prepare_dataset
from binding.io.ligand import read_ligands
from binding.poses import dock
from scripts.release import crossed, pose_odds

docking = pytest.mark.skipif(
    any(dock.find_spec(name) is None for name in ("vina", "meeko")),
    reason="the docking engine is not installed: pip install 'binding[dock]'",
)


def complexes(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["id", "ligand_smiles", "protein_cluster"])


def test_guests_are_of_other_families_alike_in_size_and_unlike_what_the_family_binds():
    index = complexes(
        ("own", "CC(=O)Oc1ccccc1C(=O)O", "A"),  # aspirin, 13 heavy atoms
        ("family", "O=C(O)c1ccccc1Oc1ccccc1", "A"),
        ("analogue", "CCC(=O)Oc1ccccc1C(=O)O", "B"),  # propionylsalicylic acid
        ("large", "CC(C)NCC(O)COc1cccc2ccccc12", "C"),  # propranolol, 19
        ("guest", "Cn1cnc2c1c(=O)n(C)c(=O)n2C", "D"),  # caffeine, 14
        ("fragment", "NC(=N)c1ccccc1", "E"),  # benzamidine, 9: below what is asked
    )
    known = pd.DataFrame({"smiles": ["CC(=O)Oc1ccccc1C(=O)O"], "protein_cluster": ["A"]})
    guests = crossed.Guests
    assert guests(index, known).of("own") == ["guest"]
    assert guests(index.iloc[::-1], known).of("own") == ["guest"]
    assert guests(index, known).of("fragment") == []
    of_family = pd.concat([known, pd.DataFrame({"smiles": ["Cn1c2nc[nH]c2c(=O)n(C)c1=O"], "protein_cluster": ["A"]})])
    assert guests(index, of_family).of("own") == [], "its family is known to bind theophylline"


@docking
def test_foreign_ligands_are_bounds_from_above(program, examples, tmp_path):
    data, work, index = tmp_path / "data", tmp_path / "work", tmp_path / "index.csv"
    smiles = {}
    for name in ("1s2g", "1ia1"):
        folder = data / "crystal" / name
        folder.mkdir(parents=True)
        (folder / f"{name}_pocket.pdb.gz").write_bytes((examples / f"{name}_protein.pdb.gz").read_bytes())
        ligand = next(read_ligands(examples / f"{name}_ligand.sdf"))
        smiles[name] = Chem.MolToSmiles(ligand.mol)
        (folder / f"{name}_ligand.sdf.gz").write_bytes(
            gzip.compress(f"{Chem.MolToMolBlock(ligand.mol)}$$$$\n".encode())
        )
    rows = [("1s2g", smiles["1s2g"], "A"), ("1ia1", smiles["1ia1"], "B")]
    complexes(*rows).assign(pk=["4.4", "6.7"], relation="=", cleansplit_train=["1", "0"]).to_csv(index, index=False)
    known = tmp_path / "known.csv"
    pd.DataFrame({"smiles": list(smiles.values()), "protein_cluster": ["A", "B"]}).to_csv(known, index=False)

    program("release.crossed", "dock", data, work, "--index", index, "--priors", known)
    program("release.crossed", "collect", data, work, "--index", index)
    table = pd.read_csv(work / "index.csv")
    assert set(zip(table["native"], table["guest"], strict=True)) == {("1s2g", "1ia1"), ("1ia1", "1s2g")}
    assert (table.groupby("native").size() <= 3).all()
    assert set(table["cleansplit_train"]) == {0}, "both the pocket and the ligand have to be allowed"
    assert (table["reach"] <= 5.0).all()
    report = prepare_dataset(work, None, tmp_path / "crossed.npz", source="crossed", workers=0)
    prepared = ComplexCache(report.path).table
    assert set(zip(prepared["relation"], prepared["pk"], strict=True)) == {("<", 5.0)}
    assert report.asked == len(table)


def test_a_line_of_log_odds_is_found_again_with_right_and_wrong_poses_as_many():
    """One pose in five is right: the offset is that of even odds, by ln 4 above the one of the poses as they come."""
    generator = np.random.default_rng(1)
    right = generator.random(100_000) < 0.2
    # Two normals whose log odds are a line: shift / variance times the value.
    logit, noise = generator.normal(np.where(right, 2.0, 0.0), 2.0), generator.normal(size=100_000)
    poses = pd.DataFrame({"logit": logit, "noise": noise})
    poses = poses.assign(right=right, native=np.arange(len(right)) // 100)
    line = pose_odds.fitted(poses, ["logit", "noise"])
    assert line == pytest.approx([0.5, 0.0, -0.5], abs=0.05)
    assert pose_odds.fitted(poses.sample(frac=1.0, random_state=0), ["logit", "noise"]) == pytest.approx(line, abs=1e-3)


def test_what_differs_between_ligands_alone_does_not_rank_their_poses():
    generator = np.random.default_rng(1)
    right = generator.random(20_000) < 0.3
    native = np.arange(len(right)) // 20
    ease = generator.normal(size=native.max() + 1)[native]  # of a complex: right poses of easy ones score lower
    poses = pd.DataFrame(
        {"score": generator.normal(np.where(right, 1.0, 0.0)) - ease, "right": right, "native": native}
    )
    poses["ease"] = ease + generator.normal(size=len(right))
    apart = {share: pose_odds.fitted(poses, ["score", "ease"], share) for share in (0.0, 1.0)}
    assert abs(apart[1.0][1]) < 0.1 * apart[1.0][0]
    assert apart[0.0][1] > 0.2 * apart[0.0][0]


def test_slopes_of_the_losses_of_poses():
    generator = np.random.default_rng(2)
    odds, complexes = generator.normal(size=12), np.repeat([0, 1, 2], 4)
    right = np.tile([True, False, True, False], 3)
    for loss in (pose_odds.by_themselves, lambda *given: pose_odds.within_complexes(*given, complexes)):
        _, slope = loss(odds, right)
        found = [(loss(odds + step, right)[0] - loss(odds - step, right)[0]) / 2e-5 for step in np.eye(12) * 1e-5]
        assert slope == pytest.approx(found, abs=1e-6)
