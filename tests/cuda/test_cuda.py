"""A GPU gives the numbers of the CPU, within 1e-3 pK in 32 bits."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from networks import example_graph, random_member
from train_runs import assert_same_logs, assert_same_weights, killed_at, log_of, run

import binding
from binding.data.datamodule import ComplexDataModule
from binding.data.dataset import make_resident
from binding.graph.batch import collate
from binding.model.weights import load_model
from binding.training.largest import largest_batch
from binding.training.module import TrainingModule
from scripts.bench.gpu import waits_of

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "data" / "examples"
NAMES = ("1s2g", "1ia1", "4cup", "6wqa")
CLOSE = 1e-3  # pK


def test_scores_are_those_of_the_cpu(device):
    graphs = [example_graph(name) for name in NAMES] + [example_graph("5ht1b", pose) for pose in range(9)]
    here, there = (load_model(device=kind).score(graphs) for kind in ("cpu", device))
    for name in ("pk", "pk_std", "pk_ligand_only", "pk_network", "pk_prior", "pose", "known"):
        assert getattr(there, name) == pytest.approx(getattr(here, name), abs=CLOSE), name


def test_a_batch_of_poses_waits_four_times(device):
    """Three reads of counts, of which shapes follow, and one of all numbers; the pocket and the prior lie there."""
    if device != "cuda":
        pytest.skip("a CPU does not wait for itself; tests/training/test_simulated_device.py counts operations")
    first = example_graph("5ht1b")
    graphs = [replace(example_graph("5ht1b", pose), pocket=first.pocket) for pose in range(9)]
    scorer = load_model(device=device)
    for _ in range(2):
        scorer.score(graphs)
    waits = waits_of(lambda: scorer.score(graphs))
    assert len(waits) <= 4, waits


def test_gradients_are_those_of_the_cpu(device):
    batch = collate([example_graph(name) for name in NAMES])
    found = []
    for kind in ("cpu", device):
        member = random_member().train(False).requires_grad_(True).to(kind)
        output = member.interaction(batch.to(kind))
        (output.pk + output.log_variance + output.pose_logit).sum().backward()
        found.append({name: p.grad.cpu() for name, p in member.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        assert torch.allclose(found[1][name], gradient, rtol=CLOSE, atol=CLOSE * float(gradient.abs().max())), name


@pytest.mark.parametrize("graphs", ["device", "host"])
def test_a_run_is_that_of_the_cpu(settings, device, graphs):
    here, there = settings("cpu"), settings("gpu", device=device, graphs=graphs, workers=2)
    for config in (here, there):
        run(config)
    assert_same_logs(here, there, CLOSE)
    assert_same_weights(here, there, CLOSE)


def test_bf16_learns_what_32_bits_learn(settings, device):
    if device == "cuda" and not torch.cuda.is_bf16_supported():
        pytest.skip("this GPU has no bf16")
    whole, half = settings("fp32", device=device), settings("bf16", device=device, precision="bf16")
    for config in (whole, half):
        run(config)
    columns = ["train_affinity", "val_rmse"]
    assert log_of(half)[columns].to_numpy() == pytest.approx(log_of(whole)[columns].to_numpy(), abs=0.05)


def test_deterministic_runs_have_the_same_weights(settings, device):
    model = settings("x").model.model_dump() | {"dropout": 0.2}
    configs = [settings(name, device=device, deterministic=True, model=model) for name in ("one", "two")]
    for config in configs:
        run(config)
    assert_same_weights(*configs, 0.0)


def test_a_deterministic_run_that_was_stopped_ends_with_the_weights_of_the_other(settings, device, monkeypatch):
    model = settings("x").model.model_dump() | {"dropout": 0.2}
    whole, broken = (settings(name, device=device, deterministic=True, model=model) for name in ("whole", "broken"))
    run(whole)
    with monkeypatch.context() as patch:
        killed_at(patch, 1, 1, KeyboardInterrupt())
        assert run(broken).interrupted
    assert not run(broken).interrupted
    assert_same_weights(whole, broken, 0.0)


def test_auto_fills_the_device(settings, device):
    config = settings("auto", device=device, batch_atoms="auto", epochs=1)
    run(config)
    kept = yaml.safe_load((config.output / "config.yaml").read_text())["batch_atoms"]
    assert kept == largest_batch(config, ComplexDataModule(config).train_set, on_gpu=device == "cuda")


def test_a_step_waits_twice_for_the_device(settings, device):
    """Torch itself counts the waits."""
    if device != "cuda":
        pytest.skip("a CPU does not wait for itself; tests/training/test_waits.py counts operations")
    config = settings("waits", device=device, validation=None, batch_size=13)
    data = ComplexDataModule(config)
    module = TrainingModule(config, 10).to(device).train()
    module.resident = make_resident([data.train_set], device)
    (batch,) = list(data.train_dataloader())
    optimizer = module.configure_optimizers()["optimizer"]

    def step() -> None:
        shared = module.transfer_batch_to_device(batch, torch.device(device), 0)
        terms = module.losses(module.predict(module.member, shared), shared)
        torch.stack(list(terms.values())).sum().backward()
        module.clip()
        optimizer.step()

    step()
    waits = waits_of(step)
    assert len(waits) <= 2, waits


def test_a_screen_is_that_of_the_cpu(tmp_path, device):
    protein, poses = EXAMPLES / "5ht1b_protein.pdb.gz", EXAMPLES / "5ht1b_poses.sdf.gz"
    tables = []
    for kind in ("cpu", device):
        binding.screen(poses, tmp_path / f"run_{len(tables)}", protein=protein, device=kind, workers=1)
        tables.append(pd.read_parquet(tmp_path / f"run_{len(tables)}" / "results.parquet").sort_values("id"))
    assert tables[1]["pk"].to_numpy() == pytest.approx(tables[0]["pk"].to_numpy(), abs=CLOSE)


def test_an_explanation_is_that_of_the_cpu(device):
    protein, ligand = EXAMPLES / "1s2g_protein.pdb.gz", EXAMPLES / "1s2g_ligand.sdf"
    here, there = (binding.explain(protein, ligand, device=kind).parts for kind in ("cpu", device))
    numbers = here.select_dtypes("number").columns
    one, two = (np.nan_to_num(table[numbers].to_numpy(dtype=float)) for table in (here, there))
    assert two == pytest.approx(one, abs=CLOSE)


def test_two_gpus_are_one(settings, device, tmp_path):
    if device == "cuda" and torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs; tests/training/test_devices.py shares batches between processes of a CPU")
    one, two = settings("one", device=device, batch_size=7), settings("two", device=device, batch_size=7, devices=2)
    run(one)
    path = tmp_path / "two.yaml"
    path.write_text(yaml.safe_dump(two.model_dump(mode="json")))
    subprocess.run([sys.executable, "-m", "binding", "train", str(path), "--quiet"], check=True, cwd=ROOT, timeout=600)
    assert_same_weights(one, two, CLOSE)
