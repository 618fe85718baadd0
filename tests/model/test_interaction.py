"""The interaction model: an exact sum, smooth where a pair ends, finite on the oddest complexes, honest ablations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import SMALL, example_complex, example_graph, random_member
from rdkit import Chem

from binding.config import ModelConfig
from binding.graph.batch import collate
from binding.graph.build import build_graph
from binding.graph.fields import ComplexGraph
from binding.graph.pocket import build_pocket_graph
from binding.io.ligand import prepare_ligand
from binding.model.weights import Member
from binding.structures import Complex, Ligand, Protein, ResidueKind

NAMES = ("1s2g", "1ia1", "4cup")


@pytest.fixture(scope="module")
def network():
    return random_member().double().interaction


def with_positions(graph: ComplexGraph, positions: np.ndarray) -> ComplexGraph:
    return replace(graph, ligand=replace(graph.ligand, positions=positions))


def small_molecule(smiles: str, positions: np.ndarray) -> Ligand:
    mol = Chem.MolFromSmiles(smiles)
    mol.AddConformer(Chem.Conformer(mol.GetNumAtoms()))
    mol.GetConformer().SetPositions(np.asarray(positions, dtype=float))
    return prepare_ligand(mol, smiles)


def ion(symbol: str, element: int, place: np.ndarray) -> Protein:
    return Protein(
        name=symbol,
        positions=np.array([place], dtype=float),
        elements=np.array([element], dtype=np.int16),
        atom_names=np.array([symbol], dtype="<U4"),
        atom_residue=np.zeros(1, dtype=np.int32),
        residue_names=np.array([symbol], dtype="<U8"),
        residue_kinds=np.array([ResidueKind.METAL], dtype=np.int8),
        chain_ids=np.array(["A"], dtype="<U8"),
        residue_numbers=np.array([1], dtype=np.int32),
        insertion_codes=np.array([""], dtype="<U1"),
    )


# ---------------------------------------------------------------- the sum


def test_pk_is_the_bias_the_ligand_and_the_pairs(network):
    batch = collate([example_graph(name) for name in NAMES], torch.float64)
    output = network(batch)
    owner = batch.atom_ligand[output.contacts.pair_atom]
    for row in range(3):
        parts = output.contributions[owner == row].sum()
        assert float(output.pk[row] - network.bias - output.ligand_term[row] - parts) == pytest.approx(0.0, abs=1e-12)
        assert float(parts.abs()) > 1e-3
    assert output.attention is None


def test_attention_only_on_request(network):
    output = network(collate([example_graph("4cup")], torch.float64), need_attention=True)
    assert len(output.attention) == SMALL.num_layers
    for weights in output.attention[0]:
        assert weights.shape == (len(output.contributions), SMALL.num_heads)


def test_encoded_halves_give_the_same_number(network):
    """What screening relies on: a pocket encoded once, ligands joined to it later."""
    batch = collate([example_graph(name) for name in NAMES], torch.float64)
    geometry = network.measure(batch)
    atoms, vectors = network.encode_ligand(batch, geometry)
    whole = network.encode_pocket(batch)
    output = network.interact(batch, geometry, atoms, vectors, whole)
    assert output.pk.tolist() == pytest.approx(network(batch).pk.tolist(), abs=1e-9)
    met = geometry.contacts.site_residue.unique()
    assert len(met) < len(whole) / 2
    some = network.encode_pocket(batch, geometry.reach)
    assert torch.allclose(some[met], whole[met], atol=1e-12)
    assert not some[~torch.isin(torch.arange(len(some)), met)].any(), "what no ligand meets is not computed"


# ---------------------------------------------------------------- the cutoff


def test_a_ligand_out_of_reach_has_no_interaction(network):
    graph = example_graph("4cup")
    away = with_positions(graph, graph.ligand.positions + [200.0, 0.0, 0.0])
    output = network(collate([away], torch.float64))
    assert len(output.contributions) == 0
    assert torch.equal(output.pk, network.bias + output.ligand_term)
    assert torch.isfinite(output.log_variance).all()
    assert torch.isfinite(output.pose_logit).all()


def test_the_last_pair_leaves_smoothly(network):
    """An atom drawn away from an ion: energy and slope are zero where the pair ends, on either side."""
    distances = np.array([5.5, 6.40, 6.48, 6.499, 6.4999, 6.5001, 6.6])
    pocket = build_pocket_graph(ion("ZN", 30, np.zeros(3)))
    graph = build_graph(Complex("x", ion("ZN", 30, np.zeros(3)), small_molecule("O", [[1.0, 0.0, 0.0]])))
    graphs = [ComplexGraph(replace(graph.ligand, positions=np.array([[d, 0.0, 0.0]])), pocket) for d in distances]
    batch = collate(graphs, torch.float64)
    output = network(batch)
    energy = (output.pk - network.bias - output.ligand_term).detach().numpy()
    assert abs(energy[0]) > 1e-4, "nothing there to vanish"
    assert np.abs(energy[2:]).max() < 1e-4
    assert np.abs(energy[3:5]).max() < 1e-8
    assert np.abs(energy[5:]).max() < 1e-14


@pytest.mark.parametrize("name", NAMES)
def test_contacts_come_and_go_without_a_step(network, name):
    """A pose moved by 0.0001 Å at a time crosses the cutoff of many contacts: the slope itself changes smoothly."""
    graph = example_graph(name)
    direction = np.array([0.6, -0.48, 0.64])
    steps = [with_positions(graph, graph.ligand.positions + k * 1e-4 * direction) for k in range(200)]
    pk = network(collate(steps, torch.float64)).pk.detach().numpy()
    assert np.ptp(pk) > 1e-4
    assert np.abs(np.diff(pk, n=2)).max() < 1e-5


# ---------------------------------------------------------------- odd complexes


def odd_complexes() -> dict[str, ComplexGraph]:
    cx = example_complex("4cup")
    centre = cx.ligand.positions.mean(axis=0)
    near = small_molecule("O", [centre])
    keep = np.zeros(cx.pocket.num_residues, dtype=bool)
    keep[cx.pocket.atom_residue[np.argmin(np.linalg.norm(cx.pocket.positions - centre, axis=1))]] = True
    beside = cx.pocket.positions[0] + [1.5, 1.5, 1.5]
    anchor = build_graph(cx).pocket.anchors[0]
    zinc = ion("ZN", 30, centre + [2.1, 0.0, 0.0])
    nitrile = small_molecule("CC#N", beside + np.array([[0, 0, 0], [1.46, 0, 0], [2.62, 0, 0]]))
    return {
        "one-atom ligand": build_graph(Complex("x", cx.pocket, near)),
        "one-residue pocket": build_graph(Complex("x", cx.pocket.select(keep), cx.ligand)),
        "one atom, one ion": build_graph(Complex("x", zinc, near)),
        "only a metal": build_graph(Complex("x", zinc, cx.ligand)),
        "linear ligand": build_graph(Complex("x", cx.pocket, nitrile)),
        "atom on an anchor": build_graph(Complex("x", cx.pocket, small_molecule("O", [anchor]))),
        "out of reach": with_positions(build_graph(cx), cx.ligand.positions + 100.0),
    }


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")  # no layers, no attention heads
@pytest.mark.parametrize("name", list(odd_complexes()))
@pytest.mark.parametrize("layers", [0, 2])
def test_odd_complexes_have_finite_numbers_and_gradients(name, layers):
    """Also the slopes, for training and for explanations by gradient."""
    member = random_member(SMALL.model_copy(update={"num_layers": layers})).requires_grad_(True)
    batch = collate([odd_complexes()[name]])
    positions = batch.atom_positions.clone().requires_grad_(True)
    output = member.interaction(replace(batch, atom_positions=positions))
    total = output.pk.sum() + output.log_variance.sum() + output.pose_logit.sum()
    total = total + member.ligand_only(batch).sum()
    assert torch.isfinite(total)
    total.backward()
    assert torch.isfinite(positions.grad).all()
    for key, parameter in member.named_parameters():
        assert parameter.grad is None or torch.isfinite(parameter.grad).all(), key


def test_odd_complexes_do_not_disturb_their_neighbours(network):
    graphs = [example_graph("1s2g"), *odd_complexes().values(), example_graph("1ia1")]
    together = network(collate(graphs, torch.float64)).pk
    alone = torch.cat([network(collate([graph], torch.float64)).pk for graph in graphs])
    assert float((together - alone).abs().max()) < 1e-9


# ---------------------------------------------------------------- ablations


def test_without_the_protein_nothing_of_it_is_seen():
    member = random_member(SMALL.model_copy(update={"protein": False})).double()
    graphs = [example_graph("1s2g"), ComplexGraph(example_graph("1s2g").ligand, example_graph("4cup").pocket)]
    output = member.interaction(collate(graphs, torch.float64))
    assert len(output.contributions) == 0
    assert float((output.pk[0] - output.pk[1]).abs()) < 1e-12


def test_without_angles_a_mirror_image_is_the_same():
    """The distances of a mirror image are the same; all that tells the two apart are angles and dihedrals."""
    config = SMALL.model_copy(update={"angles": False})
    member = random_member(config).double()
    assert member.interaction.directions is None
    cx = example_complex("4cup")  # the ligand is achiral
    mirrored = replace(cx.pocket, positions=cx.pocket.positions * [1.0, 1.0, -1.0])
    graph = build_graph(cx)
    pocket = build_pocket_graph(mirrored)
    flat = replace(pocket, residue_scalars=graph.pocket.residue_scalars)
    image = ComplexGraph(replace(graph.ligand, positions=graph.ligand.positions * [1.0, 1.0, -1.0]), flat)
    pk = member.interaction(collate([graph, image], torch.float64)).pk
    assert float((pk[0] - pk[1]).abs()) < 1e-9
    whole = random_member().double().interaction(collate([graph, image], torch.float64)).pk
    assert float((whole[0] - whole[1]).abs()) > 1e-3


def test_without_physics_there_is_no_prior():
    member = random_member(SMALL.model_copy(update={"physics": False}))
    assert member.interaction.physics is None
    assert not any("physics" in name for name in member.state_dict())


def test_a_new_network_starts_near_the_mean():
    """Before training, no complex is far from the labels' mean."""
    torch.manual_seed(0)
    member = Member(ModelConfig()).eval()
    batch = collate([example_graph(name) for name in NAMES])
    assert member.interaction(batch).pk.tolist() == pytest.approx([6.5] * 3, abs=3.5)  # Vina's terms vary
    assert member.ligand_only(batch).tolist() == pytest.approx([6.5] * 3, abs=1.0)


def test_dropout_is_silent_in_evaluation_only():
    member = random_member(SMALL.model_copy(update={"dropout": 0.5}))
    batch = collate([example_graph("1s2g")])
    assert torch.equal(member.interaction(batch).pk, member.interaction(batch).pk)
    member.train()
    assert not torch.equal(member.interaction(batch).pk, member.interaction(batch).pk)


# ---------------------------------------------------------------- the pose


def test_one_wrong_contact_moves_the_pose_more_where_pairs_are_summed():
    """What is summed is exactly the readout of each pair, faded, over the root of the number of atoms."""
    member = random_member(SMALL.model_copy(update={"pose_readout": "pairs"})).double()
    network = member.interaction
    batch = collate([example_graph(name) for name in NAMES], torch.float64)
    whole = network(batch).pose_logit
    heard: list[torch.Tensor] = []
    handle = network.pose.register_forward_hook(lambda _module, _inputs, marks: heard.append(marks))
    output = network(batch)
    handle.remove()
    assert torch.equal(output.pose_logit, whole)
    marks = heard[0].squeeze(-1) * network.measure(batch).pairs.smooth
    owner = batch.atom_ligand[output.contacts.pair_atom]
    summed = torch.stack([marks[owner == row].sum() for row in range(3)])
    sizes = torch.bincount(batch.atom_ligand).sqrt()
    network.pose = None
    assert torch.allclose(whole - network(batch).pose_logit, summed / sizes)
    assert torch.equal(network(batch).pk, output.pk), "the affinity does not read it"
    assert float(summed.abs().min()) > 1e-3


def test_pose_of_a_ligand_out_of_reach_is_a_number():
    network = random_member(SMALL.model_copy(update={"pose_readout": "pairs"})).double().interaction
    graph = example_graph("4cup")
    away = with_positions(graph, graph.ligand.positions + [200.0, 0.0, 0.0])
    assert torch.isfinite(network(collate([away], torch.float64)).pose_logit).all()
