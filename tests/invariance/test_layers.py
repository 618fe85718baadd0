"""Every layer, 100 motions each: scalars stay, vectors turn with the complex."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch
from networks import example_complex, example_graph, random_member
from transforms import (
    DTYPES,
    MIRROR,
    TOLERANCE,
    Motion,
    assert_same,
    deviation,
    moved_complex,
    moved_graph,
    other_hand,
    permuted_ligand_graph,
    permuted_pocket_graph,
    random_motions,
    turned,
)

from binding.graph.batch import Batch, collate
from binding.graph.build import build_graph
from binding.model.interaction import Geometry
from binding.model.layers.contacts import Contacts, find_contacts
from binding.model.layers.geometry import ligand_axes, read_vectors

NAME = "1ia1"  # its pocket holds a cofactor, which has no frame
CUTOFF = 6.5
STILL = Motion(np.eye(3), np.zeros(3))
MOTIONS = [STILL, *random_motions(100, seed=1)]
COPIES = len(MOTIONS)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


@lru_cache(maxsize=2)
def moved_batch(dtype: str) -> Batch:
    return collate([moved_graph(example_graph(NAME), motion) for motion in MOTIONS], DTYPES[dtype])


@lru_cache(maxsize=2)
def network(dtype: str):
    return random_member().to(DTYPES[dtype]).interaction


@lru_cache(maxsize=2)
def moved_contacts(dtype: str) -> Contacts:
    contacts = find_contacts(moved_batch(dtype), CUTOFF)
    assert len(contacts.pair_atom) % COPIES == 0
    assert len(contacts.atom) % COPIES == 0
    return contacts


@lru_cache(maxsize=2)
def measured(dtype: str) -> Geometry:
    return network(dtype).measure(moved_batch(dtype))


@lru_cache(maxsize=2)
def states(dtype: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Atoms, vectors, residues, pair features and Vina's terms of all copies."""
    batch, net = moved_batch(dtype), network(dtype)
    atoms, vectors = net.encode_ligand(batch, measured(dtype))
    residues = net.encode_pocket(batch)
    pairs = measured(dtype).pairs
    read = read_vectors(pairs.lines, vectors[moved_contacts(dtype).pair_atom])
    return atoms, vectors, residues, torch.cat([pairs.scalars, read], dim=-1), pairs.vina


def by_copy(values: torch.Tensor) -> torch.Tensor:
    return values.reshape(COPIES, -1, *values.shape[1:])


def test_pocket_encoder(dtype):
    assert_same(by_copy(states(dtype)[2]), dtype)


def test_pocket_encoder_tells_a_mirror_image():
    net = network("float64")
    cx = example_complex(NAME)
    batch = collate([build_graph(cx), build_graph(moved_complex(cx, MIRROR))], torch.float64)
    assert deviation(net.encode_pocket(batch).reshape(2, -1)) > 1e-2


def test_pocket_encoder_reads_the_hand_of_the_frames():
    """Not of the dihedrals alone, which would hide it where frames lose theirs."""
    net, graph = network("float64"), example_graph(NAME)
    batch = collate([graph, other_hand(graph)], torch.float64)
    assert deviation(net.encode_pocket(batch).reshape(2, -1)) > 1e-2


def test_pair_geometry_reads_the_hand_of_the_frames():
    net, graph = network("float64"), example_graph(NAME)
    pairs = net.measure(collate([graph, other_hand(graph)], torch.float64)).pairs
    assert deviation(pairs.scalars.reshape(2, -1)) > 0.1


def test_direction_encoder(dtype):
    atoms, vectors = states(dtype)[:2]
    assert_same(by_copy(atoms), dtype)
    assert_same(turned(by_copy(vectors), MOTIONS), dtype)
    assert float(vectors.norm(dim=-1).mean()) > 0.1, "vectors that vanish are equivariant for nothing"
    assert deviation(by_copy(vectors)) > 0.1, "vectors that do not turn"


def test_direction_encoder_reflects():
    net = network("float64")
    graph = example_graph(NAME)
    batch = collate([graph, moved_graph(graph, MIRROR)], torch.float64)
    atoms, vectors = net.encode_ligand(batch, net.measure(batch))
    assert_same(atoms.reshape(2, -1), "float64")
    assert_same(turned(vectors.reshape(2, -1, *vectors.shape[1:]), [STILL, MIRROR]), "float64")


def test_ligand_axes(dtype):
    axes, planes = ligand_axes(moved_batch(dtype))
    assert_same(turned(by_copy(axes), MOTIONS), dtype)
    half = turned(by_copy(planes), MOTIONS)
    assert_same(turned(half.transpose(-1, -2), MOTIONS), dtype)
    assert float(planes.diagonal(dim1=1, dim2=2).sum(-1).max()) == pytest.approx(1.0)


def test_contacts(dtype):
    contacts, batch = moved_contacts(dtype), moved_batch(dtype)
    assert_same(by_copy(contacts.distance), dtype)
    assert_same(by_copy(contacts.pair_distance), dtype)
    assert_same(turned(by_copy(contacts.vector), MOTIONS), dtype)
    atoms, proteins = len(batch.atom_ligand) // COPIES, len(batch.protein_classes) // COPIES
    assert deviation(by_copy(contacts.atom) % atoms) == 0
    assert deviation(by_copy(contacts.protein) % proteins) == 0


def test_contacts_are_all_that_lie_within_the_cutoff():
    graph = example_graph(NAME)
    contacts = find_contacts(collate([graph], torch.float64), CUTOFF)
    distances = np.linalg.norm(graph.ligand.positions[:, None] - graph.pocket.atom_positions[None], axis=-1)
    atom, protein = np.nonzero(distances < CUTOFF)
    assert set(zip(contacts.atom.tolist(), contacts.protein.tolist(), strict=True)) == set(
        zip(atom.tolist(), protein.tolist(), strict=True)
    )
    pairs = {(a, int(graph.pocket.atom_residue[p])) for a, p in zip(atom.tolist(), protein.tolist(), strict=True)}
    assert set(zip(contacts.pair_atom.tolist(), contacts.pair_residue.tolist(), strict=True)) == pairs
    least = [distances[a, graph.pocket.atom_residue == r].min()
             for a, r in zip(contacts.pair_atom.tolist(), contacts.pair_residue.tolist(), strict=True)]  # fmt: skip
    assert np.abs(contacts.pair_distance.numpy() - least).max() < 1e-12


def test_pair_geometry(dtype):
    features, vina = states(dtype)[3:]
    assert_same(by_copy(features), dtype)
    assert_same(by_copy(vina), dtype)
    silent = (features == 0).all(dim=0)
    assert int(silent.sum()) <= 24, "columns of classes that this pocket lacks may be zero, no others"


def test_cross_attention(dtype):
    net, contacts = network(dtype), moved_contacts(dtype)
    atoms, _, residues, features, _ = states(dtype)
    sites = residues[contacts.site_residue]
    heads = 2 * net.config.num_heads
    generator = torch.Generator().manual_seed(0)
    project = torch.randn(features.shape[1], 2 * heads, generator=generator, dtype=torch.float64).to(features) * 0.1
    bias, gate = (features @ project).t().chunk(2)
    new_atoms, new_sites, weights = net.blocks[0](atoms, sites, measured(dtype), bias, torch.sigmoid(gate), True)
    assert_same(by_copy(new_atoms), dtype)
    assert_same(by_copy(new_sites), dtype)
    for weight, row in zip(weights, (contacts.pair_atom, contacts.pair_site), strict=True):
        assert_same(by_copy(weight), dtype)
        total = torch.zeros(int(row.max()) + 1, weight.shape[1], dtype=weight.dtype).index_add_(0, row, weight)
        met = torch.bincount(row) > 0
        assert float((total[met] - 1).abs().max()) < TOLERANCE[dtype]


def test_readouts(dtype):
    net, contacts, batch = network(dtype), moved_contacts(dtype), moved_batch(dtype)
    atoms, _, residues, features, vina = states(dtype)
    pairs, contributions = net.readout(net.pair(features), atoms, residues, contacts.pair_atom, contacts.pair_residue)
    assert_same(by_copy(pairs), dtype)
    assert_same(by_copy(contributions), dtype)
    rotors = torch.full((len(vina),), 3.0, dtype=vina.dtype)
    owner = batch.atom_ligand[contacts.pair_atom]
    assert_same(by_copy(net.physics(vina, rotors, owner, batch.num_ligands)), dtype)
    assert batch.num_ligands == COPIES


def test_whole_network(dtype):
    output = network(dtype)(moved_batch(dtype), need_attention=True)
    for name in ("pk", "log_variance", "pose_logit", "ligand_term"):
        assert_same(getattr(output, name), dtype)
    assert_same(by_copy(output.contributions), dtype)
    for to_protein, to_ligand in output.attention:
        assert_same(by_copy(to_protein), dtype)
        assert_same(by_copy(to_ligand), dtype)


def test_whole_network_under_permutation(dtype):
    graph = example_graph(NAME)
    generator = np.random.default_rng(3)
    copies = [graph]
    for _ in range(20):
        ligand = permuted_ligand_graph(graph.ligand, generator)
        copies.append(type(graph)(ligand, permuted_pocket_graph(graph.pocket, generator)))
    output = network(dtype)(collate(copies, DTYPES[dtype]))
    for name in ("pk", "log_variance", "pose_logit", "ligand_term"):
        assert_same(getattr(output, name), dtype)


# ---------------------------------------------------------------- the checks bite


@pytest.mark.parametrize("size", [1e-3, 1.0])
def test_a_raw_coordinate_is_found_out(dtype, size):
    """Adds the x of one atom, a thousandth of it even, to a number that is invariant."""
    batch = moved_batch(dtype)
    first_x = by_copy(batch.atom_positions)[:, 0, 0]
    pk = network(dtype)(batch).pk
    assert_same(pk, dtype)
    with pytest.raises(AssertionError, match="differs by"):
        assert_same(pk + size * first_x, dtype)


def test_a_frame_that_does_not_turn_is_found_out(dtype):
    from dataclasses import replace

    batch = moved_batch(dtype)
    frozen = by_copy(batch.frames)[:1].expand(COPIES, -1, -1, -1).reshape(batch.frames.shape)
    with pytest.raises(AssertionError, match="differs by"):
        assert_same(network(dtype)(replace(batch, frames=frozen)).pk, dtype)


def test_a_vector_that_does_not_turn_is_found_out(dtype):
    vectors = by_copy(states(dtype)[1])
    with pytest.raises(AssertionError, match="differs by"):
        assert_same(turned(vectors[:1].expand_as(vectors), MOTIONS), dtype)


def test_a_number_that_depends_on_the_order_is_found_out(dtype):
    graph = example_graph(NAME)
    generator = np.random.default_rng(4)
    copies = [graph, *(type(graph)(permuted_ligand_graph(graph.ligand, generator), graph.pocket) for _ in range(4))]
    batch = collate(copies, DTYPES[dtype])
    net = network(dtype)
    first = net.encode_ligand(batch, net.measure(batch))[0].reshape(5, graph.ligand.num_atoms, -1)[:, 0]
    with pytest.raises(AssertionError, match="differs by"):
        assert_same(first, dtype)


def test_nothing_that_is_not_finite_passes(dtype):
    with pytest.raises(AssertionError, match="not finite"):
        assert_same(torch.tensor([1.0, float("nan")]), dtype)
