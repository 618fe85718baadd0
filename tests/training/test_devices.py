"""Two processes that share each batch are one process; bf16 is 32-bit but for the rounding."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from networks import example_graph, random_member
from train_runs import assert_same_logs, assert_same_weights, log_of, run, weights_of

from binding.data.datamodule import ComplexDataModule
from binding.errors import UsageError
from binding.graph.batch import collate
from binding.training.largest import bytes_kept, largest_batch
from binding.training.run import processes

ROOT = Path(__file__).resolve().parents[2]
DETERMINISTIC = {"hidden_channels": 16, "num_heads": 2, "num_layers": 1, "ligand_layers": 1, "pocket_layers": 1,
                 "vector_channels": 2, "dropout": 0.0}  # fmt: skip


def command_line(config, *arguments: str) -> tuple[int, str]:
    """Exit code and stderr of a run; its processes end with it."""
    path = Path(f"{config.output}.yaml")
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "binding", "train", str(path), *arguments]
    with subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            _, said = process.communicate(timeout=900)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, said


@pytest.mark.slow
def test_two_processes_are_one(settings):
    """The same losses, gradient norms, entropies of attention and validation figures in every epoch; the same weights.

    Batches of 7, 7 and 1 rows with decoys, so that one process lacks a row; weights of sources, bounds, rows of one
    group in both processes, poses that are known in one process only.
    """
    changes = {
        "model": DETERMINISTIC,
        "batch_size": 7,
        "epochs": 3,
        "pair_weight": 0.5,
        "sources": [
            {"cache": str(settings().sources[0].cache), "weight": 2.0, "decoys": 0.5, "where": "uniprot != 'P28222'"},
            {"cache": str(settings().sources[0].cache), "repeat": 1.5, "from_epoch": 1, "where": "uniprot == 'P28222'"},
        ],
    }
    one, two = settings("one", **changes), settings("two", **changes)
    run(one)
    code, said = command_line(two, "--devices", "2", "--quiet")
    assert code == 0, said
    assert said.count("weights:") == 1, "one process speaks"
    logs = [log_of(config) for config in (one, two)]
    assert list(logs[0].columns) == list(logs[1].columns)
    assert logs[1].to_numpy() == pytest.approx(logs[0].to_numpy(), rel=1e-5, abs=1e-6)
    first, second = weights_of(one), weights_of(two)
    assert max(float((first[name] - second[name]).abs().max()) for name in first if first[name].numel()) < 1e-4
    held = [np.genfromtxt(config.output / "validation.csv", delimiter=",", names=True)["pk"] for config in (one, two)]
    assert held[0] == pytest.approx(held[1], abs=1e-3)


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


@pytest.mark.slow
def test_two_machines_are_one(settings):
    """torchrun starts one process on each of two machines, which here are one; the weights are those of one process."""
    changes = {"model": DETERMINISTIC, "batch_size": 7, "epochs": 1}
    one, two = settings("one", **changes), settings("two", **changes)
    run(one)
    path = Path(f"{two.output}.yaml")
    path.write_text(yaml.safe_dump(two.model_dump(mode="json")))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1"]
    torchrun += ["--master-addr", "127.0.0.1", "--master-port", str(free_port())]
    started = [
        subprocess.Popen(
            [*torchrun, "--node-rank", str(rank), "-m", "binding", "train", str(path), "--quiet"],
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for rank in range(2)
    ]
    try:
        said = [process.communicate(timeout=900)[1] for process in started]
    finally:
        for process in started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert [process.returncode for process in started] == [0, 0], said
    assert "".join(said).count("weights:") == 1, "one process speaks"
    assert_same_weights(one, two, 1e-4)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (3, 1)),
        ({"TORCHELASTIC_RUN_ID": "x", "LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8"}, (4, 2)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "16", "SLURM_NNODES": "2"}, (8, 2)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "1", "SLURM_NNODES": "1"}, (3, 1)),
    ],
)
def test_processes_are_those_that_were_started(monkeypatch, environment, expected):
    for name in ("TORCHELASTIC_RUN_ID", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_NNODES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert processes(3) == expected
    monkeypatch.setenv("SLURM_PROCID", "0")
    monkeypatch.setenv("SLURM_NTASKS", "3")
    monkeypatch.setenv("SLURM_NNODES", "2")
    if "TORCHELASTIC_RUN_ID" not in environment:
        with pytest.raises(UsageError, match="3 tasks on 2 machines"):
            processes(3)


def test_where_graphs_lie_and_who_draws_poses_changes_no_weight(settings):
    """Graphs on the device and on the host, with and without processes that draw: one run."""
    host, device = settings("host", graphs="host", workers=2), settings("device", graphs="device")
    for config in (host, device):
        run(config)
    assert_same_weights(host, device, 1e-6)  # equal pockets are shared on the device
    assert_same_logs(host, device, 1e-5)


def test_batches_by_atoms_scale_the_learning_rate(settings):
    by_size = settings("size")
    atoms = settings("atoms", batch_atoms="auto", epochs=1)
    run(atoms)
    kept = yaml.safe_load((atoms.output / "config.yaml").read_text())
    data = ComplexDataModule(atoms.model_copy(update={"batch_atoms": kept["batch_atoms"]}))
    assert kept["batch_atoms"] >= 4 * data.train_set.sizes.mean() - 1, "never less than batch_size complexes"
    assert data.peak_rate() != by_size.learning_rate
    each = sum(map(len, data.batches(0))) / len(data.batches(0))
    assert data.peak_rate() == pytest.approx(by_size.learning_rate * (each / 4) ** 0.5)
    assert log_of(atoms)["step"].tolist() == [len(data.batches(0))]
    run(atoms)  # finished: the number that `auto` stood for is not another setting


def test_what_a_batch_keeps_is_measured(settings):
    """In proportion to the sizes of the model; a device with more room takes more, up to a hundred steps an epoch."""
    small, large = settings(), settings(model=DETERMINISTIC | {"hidden_channels": 64})
    rows = ComplexDataModule(small).train_set
    kept = [bytes_kept(config, rows) for config in (small, large)]
    assert 2.0 < kept[1] / kept[0] < 4.5
    assert largest_batch(small, rows, on_gpu=False) == round(4 * rows.sizes.mean()), "thirteen rows are few"


def test_gpus_that_are_not_there(settings):
    with pytest.raises(UsageError, match=r"there are \d+ GPUs"):
        run(settings(device="cuda", devices=torch.cuda.device_count() + 1, batch_size=64))


def test_an_interactive_session_has_one_device(settings, monkeypatch):
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    with pytest.raises(UsageError, match="interactive") as caught:
        run(settings(devices=2))
    assert "--devices 2" in caught.value.hint


# ---------------------------------------------------------------- bf16


def test_bf16_leaves_geometry_and_sums_in_32_bits():
    """Random networks: positions in 16 bits would be off by 0.04 Å, a pK by 0.03."""
    batch = collate([example_graph("1s2g"), example_graph("4cup"), example_graph("1ia1")])
    member = random_member().requires_grad_(True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, twin = member.interaction(batch), member.ligand_only(batch)
    assert output.pk.dtype == twin.dtype == output.contributions.dtype == torch.float32
    whole = member.interaction(batch)
    assert output.pk.tolist() == pytest.approx(whole.pk.tolist(), abs=0.05)
    assert twin.tolist() == pytest.approx(member.ligand_only(batch).tolist(), abs=0.02)
    assert not torch.equal(output.pk, whole.pk), "16 bits were used"
    (output.pk + output.log_variance + output.pose_logit + twin).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in member.parameters() if p.grad is not None)


def test_bf16_learns_what_32_bits_learn(settings):
    """Matrices in 16 bits: losses and predictions within a few hundredths of a pK, weights kept in 32 bits."""
    runs = [settings(kind, precision=kind, model=DETERMINISTIC) for kind in ("fp32", "bf16")]
    for config in runs:
        run(config)
    logs = [log_of(config) for config in runs]
    assert not np.array_equal(logs[0]["train_affinity"], logs[1]["train_affinity"]), "16 bits were used"
    for name in ("train_affinity", "train_ligand_only", "val_rmse", "val_rmse_ligand_only"):
        assert logs[1][name].to_numpy() == pytest.approx(logs[0][name].to_numpy(), abs=0.05), name
    assert all(tensor.dtype == torch.float32 for tensor in weights_of(runs[1]).values())


# ---------------------------------------------------------------- memory


def test_settings_of_memory_change_no_weight(settings, whole):
    """A run that keeps little, and computes attention in chunks, is the run that keeps all; dropout is on in both."""
    kept, _ = whole
    again = settings("again", checkpointing=True, attention_chunk=5)
    run(again)
    assert_same_weights(kept, again, 1e-5)
    assert_same_logs(kept, again, 1e-4)


def test_a_batch_that_keeps_less_may_be_larger(settings):
    rows = ComplexDataModule(settings()).train_set
    assert bytes_kept(settings(checkpointing=True), rows) < 0.5 * bytes_kept(settings(), rows)
