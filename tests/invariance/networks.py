"""Networks with random weights and the example complexes, for tests that need no training."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from binding.config import GeometryConfig, JoiningConfig, ModelConfig, StructureLine
from binding.constants import ATOM_CLASSES, RESIDUE_TYPES
from binding.graph.build import build_graph
from binding.graph.fields import ComplexGraph
from binding.graph.site import PocketSpec, select_pocket
from binding.io.ligand import read_ligands
from binding.io.structure import read_complex, read_protein
from binding.model.contact_potential import ContactPotential, table_shapes
from binding.model.geometric_sums import Sums, sums_of
from binding.model.kernel_readout import KernelReadout
from binding.model.layers.readout import MEAN_PK
from binding.model.weights import Member, Scorer, save_weights
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


#: Each protein atom's kind is its class.
BY_CLASS = torch.arange(len(ATOM_CLASSES)).repeat(len(RESIDUE_TYPES), 1)


def made_potential(seed: int = 0) -> ContactPotential:
    """Tables of native contacts that are random numbers."""
    generator = torch.Generator().manual_seed(seed)
    shapes = table_shapes(len(ATOM_CLASSES)).values()
    return ContactPotential(BY_CLASS, *(torch.randn(shape, generator=generator) for shape in shapes))


@lru_cache(maxsize=2)
def made_readout(config: GeometryConfig | None = None) -> KernelReadout:
    """A readout of geometric sums, fitted to made-up pK of shaken examples, by contacts, angles and handedness."""
    generator = np.random.default_rng(0)
    graphs = []
    for name in (*_FILES, *_FILES):
        graph = example_graph(name)
        for size in (0.0, 0.3, 0.6):
            noise = generator.normal(scale=size, size=graph.ligand.positions.shape)
            graphs.append(replace(graph, ligand=replace(graph.ligand, positions=graph.ligand.positions + noise)))
    sums = Sums.joined([sums_of([graph]) for graph in graphs])
    groups = sums.double().groups()
    pk = 6.0 + 0.02 * groups["shells"].sum(1) + groups["angles"][:, 12] / 40 + groups["handedness"].sum(1) / 10
    noise = np.full(len(graphs), 0.01)
    return KernelReadout.fit(config or GeometryConfig(), sums, pk.numpy(), [""] * len(graphs), noise)


#: How the made-up geometry expert is joined with random networks.
JOINED = JoiningConfig(
    offset=0.25, network=0.5, geometry=0.75, structure=StructureLine(offset=0.5, network=0.25, geometry=0.7)
)


def joined_scorer(
    config: ModelConfig = SMALL, members: int = 2, dtype: str = "float64", card: dict[str, Any] | None = None
) -> Scorer:
    """Random networks joined with the made-up geometry expert."""
    joined = config.model_copy(update={"joining": JOINED})
    networks = [random_member(joined, seed) for seed in range(members)]
    return Scorer("joined", card or {}, networks, dtype=dtype, geometry=made_readout())


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
