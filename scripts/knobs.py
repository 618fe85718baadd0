"""What faster arithmetic would bring a screen and what it would cost, each measured alone; see benchmark_screen.py.

Every knob is compared with the network as it is: CPU milliseconds for a pose on one thread, and the largest change
of pk. What does not pay is not in the package.
"""

from __future__ import annotations

import copy
import ctypes
import math
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.utils import prune

import binding.model.ensemble as ensemble
from binding.graph.batch import Batch, collate
from binding.graph.fields import ComplexGraph
from binding.model.interaction import Geometry, InteractionModel
from binding.model.layers.cross_attention import GeometricCrossAttention
from binding.model.layers.radial import GaussianBasis
from binding.model.weights import Scorer, load_model

BATCH = 32
_REPEATS = 3
_TABLE_ROWS = 4096
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt


def knobs(graphs: Sequence[ComplexGraph]) -> list[dict[str, Any]]:
    """Rows of name, milliseconds of a pose, largest change of pk; the first is the network as it is."""
    torch.set_num_threads(1)
    plain = load_model(device="cpu")
    reference, base = scored(plain, graphs)
    rows = [{"knob": "as it is", "ms": base, "max_dpk": 0.0}]

    def add(name: str, scorer: Scorer) -> None:
        pk, milliseconds = scored(scorer, graphs)
        rows.append({"knob": name, "ms": milliseconds, "max_dpk": float(np.abs(pk - reference).max())})

    add("float64", load_model(device="cpu", dtype="float64"))
    with torch.autocast("cpu", torch.bfloat16):
        add("bf16 by autocast", plain)
    with matmul_precision("medium"):
        add("bf16 inside float32 matrix products", plain)
    if shutil.which("c++") or shutil.which("g++"):
        changed, start = compiled(plain), time.perf_counter()
        scored(changed, graphs)
        add(f"torch.compile, after {time.perf_counter() - start:.0f} s of compiling in each process", changed)
    add("int8 weights of the linear layers, dynamic", quantised(plain))
    add("30 % of the weights pruned", pruned(plain, 0.3))
    usual = ensemble._ATOMS_AT_ONCE["cpu"]
    for atoms in (64, 1024):
        with atoms_at_once(atoms):
            add(f"{atoms} ligand atoms at once instead of {usual}", plain)
    if keep_memory():
        add("freed memory kept by the process (mallopt)", plain)
    return [*rows, *stacking_rows(plain, graphs), *attention_rows(plain, graphs), *matrix_rows(), *radial_rows()]


def scored(scorer: Scorer, graphs: Sequence[ComplexGraph]) -> tuple[np.ndarray, float]:
    """pk of all, and the least CPU milliseconds that a pose took."""
    times = []
    for _ in range(1 + _REPEATS):
        start = time.process_time()
        pk = [scorer.score(graphs[first : first + BATCH]).pk for first in range(0, len(graphs), BATCH)]
        times.append(time.process_time() - start)
    return np.concatenate(pk), round(1000 * min(times[1:]) / len(graphs), 3)


@contextmanager
def matmul_precision(name: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextmanager
def atoms_at_once(atoms: int) -> Iterator[None]:
    before = ensemble._ATOMS_AT_ONCE["cpu"]
    ensemble._ATOMS_AT_ONCE["cpu"] = atoms
    try:
        yield
    finally:
        ensemble._ATOMS_AT_ONCE["cpu"] = before


def keep_memory() -> bool:
    """Tells glibc to keep what is freed instead of giving it back to the system; false elsewhere."""
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, 1 << 30) and mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1))


def _copied(scorer: Scorer) -> Scorer:
    return Scorer(scorer.name, scorer.card, copy.deepcopy(scorer.members), prior=scorer.prior)


def quantised(scorer: Scorer) -> Scorer:
    """Encoders, attention and readouts with 8-bit weights; the pair embedding reads its weights itself and stays."""
    changed = _copied(scorer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated in favour of torchao, which the package does not need
        for member in changed.members:
            for part in (member.interaction.molecule, member.interaction.pocket, member.interaction.blocks,
                         member.interaction.readout, member.interaction.pair_update, member.ligand_only):  # fmt: skip
                torch.ao.quantization.quantize_dynamic(part, {nn.Linear}, dtype=torch.qint8, inplace=True)
    return changed


def compiled(scorer: Scorer) -> Scorer:
    """What each network does after its encoders as one compiled function, for any number of atoms and pairs."""
    changed = _copied(scorer)
    for member in changed.members:
        network = member.interaction
        network.interact = torch.compile(network.interact, dynamic=True)  # type: ignore[method-assign]
    return changed


def pruned(scorer: Scorer, share: float) -> Scorer:
    """The smallest weights of each linear layer set to zero."""
    changed = _copied(scorer)
    for member in changed.members:
        for layer in member.modules():
            if isinstance(layer, nn.Linear):
                prune.l1_unstructured(layer, "weight", share)
                prune.remove(layer, "weight")
    return changed


# ---------------------------------------------------------------- attention over a list of pairs


def pair_list_attention(
    layer: GeometricCrossAttention,
    queries: Tensor,
    keys: Tensor,
    row: Tensor,
    column: Tensor,
    bias: Tensor,
    gate: Tensor,
) -> Tensor:
    """The same layer over a list of pairs, as an alternative to padded blocks; bias and gate (E, heads)."""
    heads, size = layer.num_heads, queries.shape[1] // layer.num_heads
    query = layer.query(layer.query_norm(queries)).index_select(0, row).view(-1, heads, size)
    pair_key = layer.key_value(layer.key_norm(keys)).index_select(0, column).view(-1, heads, 2 * size)
    key, value = pair_key.chunk(2, dim=-1)
    scores = (query * key).sum(-1) / math.sqrt(size) + bias
    index = row.unsqueeze(-1).expand_as(scores)
    largest = scores.new_full((len(queries), heads), float("-inf")).scatter_reduce(0, index, scores, "amax")
    weights = (scores - largest.index_select(0, row)).exp()
    total = weights.new_zeros(len(queries), heads).index_add_(0, row, weights)
    weights = weights / total.index_select(0, row) * gate
    mixed = torch.zeros_like(queries).index_add_(0, row, (weights.unsqueeze(-1) * value).flatten(1))
    queries = queries + layer.out(mixed)
    return queries + layer.feed_forward(queries)


def attention_rows(scorer: Scorer, graphs: Sequence[ComplexGraph]) -> list[dict[str, Any]]:
    """One layer's ligand direction, both ways, for ligands of three sizes."""
    ordered = sorted(graphs, key=lambda graph: graph.ligand.num_atoms)
    parts = (ordered[:8], ordered[len(ordered) // 2 :][:8], ordered[-8:])
    return [row for part in parts for row in _attention_of(scorer.members[0].interaction, part)]


@torch.inference_mode()
def _attention_of(network: InteractionModel, graphs: Sequence[ComplexGraph]) -> list[dict[str, Any]]:
    layer, batch = network.blocks[0].ligand, collate(graphs)
    assert isinstance(layer, GeometricCrossAttention)
    geometry = network.measure(batch)
    contacts = geometry.contacts
    generator = torch.Generator().manual_seed(0)
    atoms = torch.randn(len(batch.atom_slot), network.config.hidden_channels, generator=generator)
    sites = torch.randn(len(contacts.site_residue), network.config.hidden_channels, generator=generator)
    bias, gate = torch.rand(2, layer.num_heads, len(contacts.pair_atom), generator=generator)
    flat = bias.t().contiguous(), gate.t().contiguous()

    def blocks() -> Tensor:
        return layer(atoms, sites, geometry.to_sites, bias, gate)[0]

    def listed() -> Tensor:
        return pair_list_attention(layer, atoms, sites, contacts.pair_atom, contacts.pair_site, *flat)

    off, size = float((blocks() - listed()).abs().max()), graphs[-1].ligand.num_atoms
    return [
        {"knob": f"one attention layer, {size} atoms: padded blocks", "ms": _milliseconds(blocks, len(graphs))},
        {"knob": f"the same over a list of pairs (states off by {off:.0e})", "ms": _milliseconds(listed, len(graphs))},
    ]


# ---------------------------------------------------------------- all networks in one


class _Posed(nn.Module):
    """The part of a network that sees the pose, as a function of encodings."""

    def __init__(self, network: InteractionModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Batch, geometry: Geometry, atoms: Tensor, residues: Tensor) -> Tensor:
        states, vectors = self.network.orient(atoms, geometry)
        return self.network.interact(batch, geometry, states, vectors, residues).pk


@torch.inference_mode()
def stacking_rows(scorer: Scorer, graphs: Sequence[ComplexGraph]) -> list[dict[str, Any]]:
    """The networks one after the other, and with their weights stacked and every operation done for all."""
    batch = collate(graphs[:8])
    networks = [member.interaction for member in scorer.members]
    geometry = networks[0].measure(batch)
    atoms = torch.stack([network.molecule(batch) for network in networks])
    residues = torch.stack([network.encode_pocket(batch) for network in networks])
    parts = [_Posed(network) for network in networks]
    weights, buffers = stack_module_state(parts)

    def one(weight: dict[str, Tensor], buffer: dict[str, Tensor], atom: Tensor, residue: Tensor) -> Tensor:
        return functional_call(parts[0], (weight, buffer), (batch, geometry, atom, residue))

    def stacked() -> Tensor:
        return vmap(one)(weights, buffers, atoms, residues)

    def in_turn() -> Tensor:
        return torch.stack([part(batch, geometry, a, r) for part, a, r in zip(parts, atoms, residues, strict=True)])

    off = float((stacked() - in_turn()).abs().max())
    return [
        {"knob": f"{len(parts)} networks on encoded graphs, in turn", "ms": _milliseconds(in_turn, 8)},
        {"knob": "the same with stacked weights (torch.func.vmap)", "ms": _milliseconds(stacked, 8), "max_dpk": off},
    ]


def _milliseconds(work: Callable[[], object], poses: int, repeats: int = 10) -> float:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return round(1000 * min(times) / poses, 4)


# ---------------------------------------------------------------- tabulated radial functions


@torch.inference_mode()
def matrix_rows(rows: int = 1600) -> list[dict[str, Any]]:
    """One linear layer over the pairs of some eight poses, in 32 and in 16 bits, with and without the casts."""
    found = []
    for channels in (64, 96):
        layer, pairs = nn.Linear(channels, channels), torch.randn(rows, channels)
        half, pairs16 = copy.deepcopy(layer).bfloat16(), pairs.bfloat16()

        def cast(half: nn.Linear = half, pairs: Tensor = pairs) -> Tensor:
            return half(pairs.bfloat16()).float()

        name = f"one linear layer of {channels} channels over {rows:,} pairs"
        for what, work in (
            (f"{name}: float32", lambda layer=layer, pairs=pairs: layer(pairs)),
            ("the same, states and weights in bf16", lambda half=half, pairs16=pairs16: half(pairs16)),
            ("the same with float32 states, cast to bf16 and back", cast),
        ):
            found.append({"knob": what, "ms": _milliseconds(work, 8, repeats=100)})
    return found


@torch.inference_mode()
def radial_rows(pairs: int = 1600) -> list[dict[str, Any]]:
    """The Gaussians of the pairs of some eight poses: computed, and looked up in a table with linear interpolation."""
    basis = GaussianBasis(2.0, 16.0, 12)
    grid = torch.linspace(0.0, 20.0, _TABLE_ROWS)
    table, step = basis(grid), float(grid[1])
    distance = torch.rand(pairs, generator=torch.Generator().manual_seed(0)) * 15.0 + 1.0

    def looked_up() -> Tensor:
        place = distance / step
        row = place.long()
        return torch.lerp(table.index_select(0, row), table.index_select(0, row + 1), (place - row).unsqueeze(-1))

    error = float((looked_up() - basis(distance)).abs().max())
    computed = _milliseconds(lambda: basis(distance), 8)
    read = _milliseconds(looked_up, 8)
    return [
        {"knob": "one radial basis of the pairs: computed", "ms": computed},
        {"knob": f"the same from a table of {_TABLE_ROWS} rows (off by {error:.0e})", "ms": read},
    ]
