"""Scoring with an ensemble: what is shared changes no number."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from networks import example_graph, random_member

from binding.graph.batch import collate
from binding.graph.fields import ComplexGraph
from binding.model.ensemble import _ATOMS_AT_ONCE, _KEPT_POCKETS, Scorer, Scores
from binding.model.weights import load_model

NAMES = ("1s2g", "1ia1", "4cup", "6wqa")
FIELDS = ("pk", "pk_std", "pk_ligand_only", "pose")


@pytest.fixture
def scorer() -> Scorer:
    return Scorer("random", {"calibration": {"std_scale": 1.5}}, [random_member(seed=seed) for seed in range(3)])


def poses(count: int) -> list[ComplexGraph]:
    """Poses of one compound in one pocket: one object of each."""
    graph = example_graph("1s2g")
    shifts = np.random.default_rng(0).normal(scale=0.3, size=(count, 3))
    return [replace(graph, ligand=replace(graph.ligand, positions=graph.ligand.positions + shift)) for shift in shifts]


def table(scores: Scores) -> np.ndarray:
    return np.stack([getattr(scores, name) for name in FIELDS], axis=1)


def plainly(scorer: Scorer, graph: ComplexGraph) -> list[float]:
    """One complex through each network as it is trained, nothing shared."""
    batch = collate([graph])
    outputs = [member.interaction(batch) for member in scorer.members]
    pk = torch.cat([output.pk for output in outputs])
    variance = torch.cat([output.log_variance for output in outputs]).exp().mean() + pk.var(correction=0)
    alone = torch.cat([member.ligand_only(batch) for member in scorer.members]).mean()
    pose = torch.cat([output.pose_logit for output in outputs]).sigmoid().mean()
    return [float(pk.mean()), float(variance.sqrt() * 1.5), float(alone), float(pose)]


def test_sharing_changes_no_number(scorer):
    graphs = [*poses(3), *(example_graph(name) for name in NAMES), *poses(2)]
    expected = np.array([plainly(scorer, graph) for graph in graphs])
    assert np.abs(table(scorer.score(graphs)) - expected).max() < 1e-5
    assert np.ptp(expected[:3, 0]) > 1e-3, "poses that differ in nothing would show nothing"


def test_one_network_judges_the_pose_and_leaves_the_rest():
    """Of the shipped weights, whose networks say nothing of pk."""
    whole = load_model(device="cpu")
    graphs = [example_graph(name) for name in NAMES]
    one, all_of_them = whole.with_one_network().score(graphs), whole.score(graphs)
    for name in ("pk", "pk_std", "pk_ligand_only", "pk_network", "pk_prior"):
        assert getattr(one, name) == pytest.approx(getattr(all_of_them, name), abs=1e-6)
    assert 0 < np.abs(one.pose - all_of_them.pose).max() < 0.1
    each = [whole.with_parts(members=[member]).score(graphs).pose for member in whole.members]
    assert one.pose == pytest.approx(each[0], abs=1e-6)
    assert all_of_them.pose == pytest.approx(np.mean(each, axis=0), abs=1e-6)


def test_networks_that_say_pk_are_all_asked(scorer):
    assert scorer.with_one_network() is scorer


def test_more_atoms_than_go_through_at_once_come_back_in_order(scorer, monkeypatch):
    monkeypatch.setitem(_ATOMS_AT_ONCE, "cpu", 256)
    graphs = [graph for pair in zip(poses(20), [example_graph("4cup")] * 20, strict=True) for graph in pair]
    assert sum(graph.ligand.num_atoms for graph in graphs) > 2 * _ATOMS_AT_ONCE["cpu"]
    single = np.concatenate([table(scorer.score([graph])) for graph in graphs])
    assert np.abs(table(scorer.score(graphs)) - single).max() < 1e-5


def test_a_pocket_is_encoded_once_for_all_calls(scorer, monkeypatch):
    counts = []
    for member in scorer.members:
        network, encode = member.interaction, member.interaction.encode_pocket
        monkeypatch.setattr(network, "encode_pocket", lambda batch, encode=encode: counts.append(1) or encode(batch))
    first = table(scorer.score(poses(2)))
    again = table(scorer.score(poses(2)))
    assert len(counts) == 3
    assert np.array_equal(first, again)
    copied = [replace(graph, pocket=replace(graph.pocket)) for graph in poses(2)]  # as a worker process sends them
    assert np.array_equal(table(scorer.score(copied)), first)
    assert len(counts) == 3
    other = [replace(graph, pocket=replace(graph.pocket, frames=-graph.pocket.frames)) for graph in poses(2)]
    assert not np.allclose(table(scorer.score(other)), first)
    assert len(counts) == 6


def test_what_was_scored_before_changes_no_bit(scorer):
    mixed = [*poses(2), example_graph("4cup")]
    fresh = table(scorer.score(mixed))
    scorer.score(poses(5))
    assert np.array_equal(table(scorer.score(mixed)), fresh)


def test_few_pockets_are_kept(scorer):
    graph = example_graph("4cup")
    for shift in range(_KEPT_POCKETS + 3):
        pocket = replace(graph.pocket, centroids=graph.pocket.centroids + shift)
        scorer.score([replace(graph, pocket=pocket)])
    assert len(scorer._kept) == _KEPT_POCKETS


_HUGE = """
import sys
sys.path.insert(0, {helpers!r})
from dataclasses import replace
import numpy as np
from networks import ModelConfig, example, random_member
from binding.model.ensemble import Scorer
from binding.graph.fields import ComplexGraph
from binding.graph.ligand import build_ligand_graph
from binding.graph.pocket import build_pocket_graph
from binding.io.ligand import prepare_ligand
from rdkit import Chem

protein, _ = example("5ht1b")
def tiled(array, shift=None):
    return np.concatenate([array if shift is None else array + copy * shift for copy in range(5)])
copies = replace(protein, **{{name: tiled(getattr(protein, name)) for name in (
    "elements", "atom_names", "residue_names", "residue_kinds", "chain_ids", "residue_numbers", "insertion_codes")}},
    positions=tiled(protein.positions, np.array([45.0, 0.0, 0.0])),
    atom_residue=tiled(protein.atom_residue, protein.num_residues).astype(np.int32))
assert copies.num_residues > 1500
mol = Chem.MolFromSmiles("N1CC(=O)" + "NCC(=O)" * 73 + "NCC1=O")
mol.AddConformer(Chem.Conformer(mol.GetNumAtoms()))
grid = np.stack(np.meshgrid(*[np.arange(7)] * 3), axis=-1).reshape(-1, 3)[: mol.GetNumAtoms()] * 1.5
mol.GetConformer().SetPositions(grid + protein.positions.mean(axis=0))
ligand = prepare_ligand(mol, "cyclic glycine")
assert ligand.num_atoms == 300
graph = ComplexGraph(build_ligand_graph(ligand), build_pocket_graph(copies))
scores = Scorer("random", {{}}, [random_member(ModelConfig())] * 2).score([graph])
assert np.isfinite(scores.pk).all()
# Not getrusage, whose peak begins with that of the process that started this one.
(peak,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(peak.split()[1]) // 1024)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="memory is read as POSIX gives it")
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_a_macrocycle_of_300_atoms_in_1500_residues_stays_below_2_gb():
    helpers = str(Path(__file__).resolve().parents[1] / "invariance")
    done = subprocess.run([sys.executable, "-c", _HUGE.format(helpers=helpers)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 2000, "MB"


def test_scoring_needs_no_compiler_stack():
    """``torch._dynamo`` takes nearly a second to import, which one prediction would wait for."""
    code = "import sys, binding; binding.load_model(device='cpu'); sys.exit('torch._dynamo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
