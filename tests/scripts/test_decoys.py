"""The scripts that dock crystal ligands back: poses to train on, and the docking power on a test set."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from networks import SMALL, random_member
from rdkit import Chem

from binding.data.cache import ComplexCache
from binding.data.prepare import prepare_dataset
from binding.io.ligand import read_ligands
from binding.io.structure import read_complex
from binding.model.weights import save_weights
from binding.poses import dock
from scripts.measure import redocking

docking = pytest.mark.skipif(
    any(dock.find_spec(name) is None for name in ("vina", "meeko")),
    reason="the docking engine is not installed: pip install 'binding[dock]'",
)


@pytest.fixture(scope="module")
def crystal_ligand(examples):
    """The ligand of 1s2g as it lies in the crystal."""
    return next(read_ligands(examples / "1s2g_ligand.sdf"))


def chain_of(atoms: int) -> Chem.Mol:
    mol = Chem.MolFromSmiles("C" * atoms)
    conformer = Chem.Conformer(atoms)
    conformer.SetPositions(np.arange(3.0 * atoms).reshape(atoms, 3))
    mol.AddConformer(conformer)
    return mol


@docking
def test_poses_to_train_on(program, examples, crystal_ligand, tmp_path):
    crystal, work = tmp_path / "data" / "crystal", tmp_path / "work"
    for name, mol in (("1s2g", crystal_ligand.mol), ("long", chain_of(60))):
        (crystal / name).mkdir(parents=True)
        pocket = gzip.decompress((examples / "1s2g_protein.pdb.gz").read_bytes())
        (crystal / name / f"{name}_pocket.pdb.gz").write_bytes(gzip.compress(pocket))
        text = Chem.MolToMolBlock(mol) + "$$$$\n"
        (crystal / name / f"{name}_ligand.sdf.gz").write_bytes(gzip.compress(text.encode()))
    (crystal / "index.csv").write_text("id,pk,uniprot,cleansplit_train\n1s2g,4.4,P22887,1\nlong,5.0,P00001,0\n")

    program("release.decoys", "dock", tmp_path / "data", work)
    done = (work / "done" / "docked" / "1s2g.csv").read_bytes()
    (work / "done" / "docked" / "long.csv").unlink()
    program("release.decoys", "dock", tmp_path / "data", work)
    assert (work / "done" / "docked" / "1s2g.csv").read_bytes() == done, "what is done is kept"
    program("release.decoys", "collect", tmp_path / "data", work)

    index = pd.read_csv(work / "index.csv")
    assert index["origin"].tolist()[:3] == ["native", "minimized", "docked"]
    assert index["rmsd"][0] == 0.0
    assert index["rmsd"].max() > 2.0
    assert (index["reach"] <= 5.0).all()
    assert set(index["native"]) == {"1s2g"}
    assert set(index["cleansplit_train"]) == {1}
    assert index["energy"].iloc[2:].is_monotonic_increasing
    left_out = pd.read_csv(work / "left_out.csv")
    assert left_out[["native", "error_code"]].to_numpy().tolist() == [["long", "too_large"]]

    report = prepare_dataset(work, None, tmp_path / "docked.npz", source="docked", workers=0)
    cache = ComplexCache(report.path)
    assert len(cache) == len(index)
    native, other = cache.graph(0).ligand, cache.graph(2).ligand
    assert (native.atom_categories == other.atom_categories).all(), "a docked pose is told by its place alone"
    apart = np.sqrt(((native.positions - other.positions) ** 2).sum(axis=1).mean())
    assert apart >= cache.table["rmsd"][2] - 0.05  # that of equal atoms on each other is the least


def test_fresh_conformers_are_laid_about_the_crystal_ligand(examples):
    """In its torsions, near it, and with bond lengths of their own; farther the wider the displacement."""
    laid_on, rmsd = redocking.laid_on, redocking.rmsd
    _, (ligand,) = read_complex(examples / "6wqa_complex.cif.gz", "A:ZMA:1202")
    near, far = (Chem.RemoveHs(laid_on(ligand, 3, width, np.random.default_rng(0))) for width in (0.0, 1.0))
    assert 0.05 < rmsd(near, ligand.mol) < 1.5 < rmsd(far, ligand.mol)
    lengths = Chem.Get3DDistanceMatrix(near) - Chem.Get3DDistanceMatrix(ligand.mol)
    bonded = Chem.GetAdjacencyMatrix(ligand.mol) > 0
    assert np.abs(lengths[bonded]).max() > 0.005


def test_of_poses_that_are_nearly_one_the_lower_energy_stays(crystal_ligand):
    module = vars(redocking)

    def kept(**energies: float) -> list[str]:
        poses = []
        for (name, energy), shift in zip(energies.items(), (0.0, 0.4, 0.8, 10.5), strict=True):
            mol = Chem.Mol(crystal_ligand.mol)
            mol.GetConformer().SetPositions(crystal_ligand.positions + [shift, 0.0, 0.0])
            poses.append(module["Pose"](name, mol, energy, shift))
        return [pose.origin for pose in module["distinct"](poses)]

    assert kept(a=-3.0, b=-5.0, c=-4.0, far=-9.0) == ["b"]
    assert kept(a=-5.0, b=-4.0, c=-3.0, far=-9.0) == ["a", "c"]


@docking
def test_docking_power_of_poses_of_our_own(program, examples, crystal_ligand, tmp_path):
    data, work, found = tmp_path / "casf", tmp_path / "work", tmp_path / "redocking.json"
    (data / "1s2g").mkdir(parents=True)
    (data / "1s2g" / "1s2g_protein.pdb").write_bytes(gzip.decompress((examples / "1s2g_protein.pdb.gz").read_bytes()))
    (data / "1s2g" / "1s2g_ligand.sdf").write_text(Chem.MolToMolBlock(crystal_ligand.mol) + "$$$$\n")
    (data / "index.csv").write_text("id,pk\n1s2g,4.4\ngone,5.0\n")
    weights = tmp_path / "weights.safetensors"
    member = random_member(SMALL)
    save_weights(weights, [member.state_dict()], {"name": "random", "config": SMALL.model_dump()})

    program("measure.redocking", data, "--work", work, "--model", weights, "-o", found)
    report = json.loads(found.read_text())
    assert report["targets"] == {"asked": 2, "docked": 1, "failed": 1}
    assert report["errors"] == {"file_not_found": 1}
    assert report["poses"]["total"] == sum(report["poses"]["by_rmsd"]) >= 30
    assert report["poses"]["unscored"] == 0
    poses = pd.read_csv(work / "1s2g.csv")
    assert poses["rmsd"][0] == 0.0
    assert poses["origin"].tolist().count("native") == 1
    assert poses["energy"].iloc[1:].is_monotonic_increasing
    assert (poses["rmsd"] < 2.0).sum() >= 2, "right poses besides the crystal's"
    assert report["with_native"]["all"]["targets"] == report["without_native"]["all"]["targets"] == 1

    before = (work / "1s2g.sdf").stat().st_mtime_ns
    found.unlink()
    program("measure.redocking", data, "--work", work, "--model", weights, "-o", found, "--only", "score")
    assert json.loads(found.read_text()) == report
    assert (work / "1s2g.sdf").stat().st_mtime_ns == before


def test_figures_count_targets():
    """Two targets with a right pose, which `pose` finds in both and Vina in one; the third has none."""
    module = vars(redocking)
    rows = pd.DataFrame(
        [(target, rmsd, pose, 5.0, vina) for target, poses in {
            "a": [(0.5, 0.9, 9.0), (4.0, 0.2, 8.0)],
            "b": [(1.5, 0.8, 6.0), (6.0, 0.1, 7.0)],
            "c": [(3.0, 0.7, 6.0), (6.0, 0.1, 7.0)],
        }.items() for rmsd, pose, vina in poses],
        columns=["target", "rmsd", "pose", "pk", "vina"],
    )  # fmt: skip
    found = module["figures"](rows)
    scores = found["all"]["scores"]
    assert found["all"]["targets"] == 3
    assert found["with_near_native"]["targets"] == 2
    assert scores["pose"]["top1"]["value"] == pytest.approx(2 / 3, abs=1e-3)
    assert scores["vina"]["top1"]["value"] == pytest.approx(1 / 3, abs=1e-3)
    assert scores["pose"]["top1_minus_vina"]["value"] == pytest.approx(1 / 3, abs=1e-3)
    assert scores["random"]["top1"]["value"] == scores["pk"]["top1"]["value"] == pytest.approx(1 / 3, abs=1e-3)
    assert scores["vina"]["top2"]["value"] == pytest.approx(2 / 3, abs=1e-3)
    assert found["with_near_native"]["scores"]["pose"]["top1"]["value"] == 1.0
