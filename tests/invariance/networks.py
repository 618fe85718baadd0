"""Networks with random weights and the example complexes, for tests that need no training."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch

from binding.config import ModelConfig
from binding.graph.build import build_graph
from binding.graph.fields import ComplexGraph
from binding.graph.site import PocketSpec, select_pocket
from binding.io.ligand import read_ligands
from binding.io.structure import read_complex, read_protein
from binding.model.layers.readout import MEAN_PK
from binding.model.weights import Member, save_weights
from binding.structures import Complex, Ligand, Protein

EXAMPLES = Path(__file__).resolve().parents[2] / "data" / "examples"
SMALL = ModelConfig(hidden_channels=32, num_heads=4, vector_channels=4)
CHIRAL, ACHIRAL = "1s2g", "4cup"  # a nucleoside; a flat benzamidoxime
#: A constant term with which random weights say a pK that there is of most examples, so that rows are not at the bound.
IN_RANGE = -24.0
_FILES = {
    "1s2g": ("1s2g_protein.pdb.gz", "1s2g_ligand.sdf"),
    "1ia1": ("1ia1_protein.pdb.gz", "1ia1_ligand.sdf"),
    "4cup": ("4cup_complex.cif.gz", "A:ZYB:2971"),
    "6wqa": ("6wqa_complex.cif.gz", "A:ZMA:1202"),
    "5ht1b": ("5ht1b_protein.pdb.gz", "5ht1b_poses.sdf.gz"),
}


@lru_cache(maxsize=8)
def example(name: str) -> tuple[Protein, list[Ligand]]:
    """Receptor and poses of an example."""
    protein, ligand = _FILES[name]
    if ":" in ligand:
        return read_complex(EXAMPLES / protein, ligand)
    poses = list(read_ligands(EXAMPLES / ligand))
    assert all(isinstance(pose, Ligand) for pose in poses)
    return read_protein(EXAMPLES / protein), poses  # type: ignore[return-value]


@lru_cache(maxsize=32)
def example_complex(name: str, pose: int = 0, cutoff: float = 10.0) -> Complex:
    """One pose in its pocket."""
    protein, poses = example(name)
    ligand = poses[pose]
    return Complex(name, select_pocket(protein, ligand, PocketSpec(cutoff=cutoff)), ligand)


@lru_cache(maxsize=32)
def example_graph(name: str, pose: int = 0) -> ComplexGraph:
    return build_graph(example_complex(name, pose))


def random_member(config: ModelConfig = SMALL, seed: int = 0) -> Member:
    """A pair of networks, every parameter moved off its start, so that no path is silent."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    member = Member(config)
    with torch.no_grad():
        for parameter in member.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
        last = member.interaction.readout.contribution[-1].weight
        last.copy_(0.03 * torch.randn(last.shape, generator=generator))
    return member.eval().requires_grad_(False)


def write_random_weights(
    path: Path, config: ModelConfig | None = None, members: int = 2, mean_pk: float | None = None
) -> Path:
    """A set of weights as a training run leaves it; their constant term is ``mean_pk`` less Vina's mean."""
    if mean_pk is None:
        mean_pk = IN_RANGE if config is None else MEAN_PK
    config = config or SMALL
    states = []
    for seed in range(members):
        state = random_member(config, seed).state_dict()
        for name in ("interaction.bias", "ligand_only.bias"):
            if name in state:
                state[name] += mean_pk - MEAN_PK
        states.append(state)
    card = {"name": path.stem, "config": config.model_dump(mode="json"), "calibration": {"std_scale": 1.25}}
    save_weights(path, states, card)
    return path
