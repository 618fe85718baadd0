"""A tiny model, a small library beside a real protein, and screens run in forked processes that can be killed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from rdkit import Chem

from binding.config import ModelConfig
from binding.model.weights import Member, save_weights
from binding.score.options import ScoringOptions, resolve_pocket
from binding.screening.plan import ScreenPlan

sys.path.insert(0, str(Path(__file__).parent))

from screen_runs import write

SCORING = ("pocket", "template", "model", "device", "workers", "batch_size", "time_limit", "checks")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    """Random weights of the smallest model."""
    config = ModelConfig(
        hidden_channels=8, num_heads=2, num_layers=1, ligand_layers=1, pocket_layers=1, vector_channels=1
    )
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("tiny") / "model.safetensors"
    save_weights(path, [Member(config).state_dict() for _ in range(2)], {"name": "tiny", "config": config.model_dump()})
    return path


@pytest.fixture(scope="session")
def receptor(examples) -> Path:
    """Of the library."""
    return examples / "1s2g_protein.pdb.gz"


@pytest.fixture(scope="session")
def reference(examples) -> Path:
    """The crystal ligand, from which the pocket is taken."""
    return examples / "1s2g_ligand.sdf"


@pytest.fixture(scope="session")
def poses(reference) -> list[str]:
    """Forty SDF records: twenty compounds by title, two poses each, moved by some tenths of an Å; tags."""
    mol = next(iter(Chem.SDMolSupplier(str(reference))))
    rng = np.random.default_rng(3)
    records = []
    for number in range(40):
        moved = Chem.Mol(mol)
        conformer = moved.GetConformer()
        conformer.SetPositions(conformer.GetPositions() + rng.normal(0, 0.3, 3))
        moved.SetProp("_Name", f"compound {number // 2}")
        records.append(Chem.MolToMolBlock(moved) + f">  <supplier>\nshelf {number % 3}\n\n$$$$\n")
    return records


@pytest.fixture
def library(poses, tmp_path) -> Path:
    """The records in one file."""
    return write(tmp_path / "library.sdf", poses)


@pytest.fixture(scope="session")
def make_plan(tiny_model, receptor, reference) -> Callable[..., ScreenPlan]:
    """A plan in parts of four records, in this process, into ``run/`` of a folder; keywords change it."""

    def make(folder: Path, library: str | Path | list[Path], **changes) -> ScreenPlan:
        settings = {
            "protein": receptor,
            "model": str(tiny_model),
            "device": "cpu",
            "pocket": resolve_pocket(reference),
            "output": folder / "run",
            "part_size": 4,
            "workers": 0,
            "top": 5,
        } | changes
        scoring = ScoringOptions(**{name: settings.pop(name) for name in SCORING if name in settings})
        sources = [library] if isinstance(library, str | Path) else library
        return ScreenPlan(library=sources, scoring=scoring, **settings)

    return make


@pytest.fixture
def plan(make_plan, tmp_path) -> Callable[..., ScreenPlan]:
    """``make_plan`` in the folder of the test."""
    return partial(make_plan, tmp_path)
