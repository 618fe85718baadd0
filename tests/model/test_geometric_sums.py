"""Geometric sums and their readout: symmetry, smoothness, the pocket's cut, odd ligands, files."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import (
    JOINED,
    SMALL,
    example,
    example_complex,
    example_graph,
    joined_scorer,
    made_readout,
    random_member,
)
from transforms import (
    CLEARLY_DIFFERENT,
    MIRROR,
    moved_complex,
    moved_graph,
    permuted_ligand_graph,
    permuted_pocket_graph,
    random_motions,
)

from binding.config import GeometryConfig, KernelBlock, StructureLine
from binding.constants import Experts
from binding.errors import UsageError, WeightsError
from binding.graph.build import build_graph
from binding.graph.fields import ATOM_CATEGORIES, BOND_CATEGORIES, ComplexGraph
from binding.graph.site import PocketSpec, select_pocket
from binding.model.calibration import ErrorScale
from binding.model.ensemble import Scorer
from binding.model.geometric_sums import GROUPS, NEAR_RADII, PAIR_SUMS, TOPOLOGY, Sums, sums_of
from binding.model.kernel_readout import KernelReadout
from binding.model.weights import load_model, save_weights

NAMES = ("1s2g", "1ia1", "4cup", "6wqa")
EXACT = 1e-5  # pK, of sums in 32 bits


def said(graphs: list[ComplexGraph]) -> np.ndarray:
    """pK by the made-up geometry expert, each complex by itself."""
    return np.array([float(made_readout()(sums_of([graph]))[0]) for graph in graphs])


def shifted(graph: ComplexGraph, by: np.ndarray | float) -> ComplexGraph:
    return replace(graph, ligand=replace(graph.ligand, positions=graph.ligand.positions + by))


def saved(tmp_path, half: bool = False):
    config = SMALL.model_copy(update={"joining": JOINED})
    path = tmp_path / "joined.safetensors"
    states = [random_member(config, seed).state_dict() for seed in range(2)]
    card = {"name": "joined", "config": config.model_dump(mode="json")}
    save_weights(path, states, card, half=half, geometry=made_readout())
    return path


@pytest.mark.parametrize("name", NAMES)
def test_topology_counts_what_the_2d_structure_has(name):
    ligand = example_graph(name).ligand
    bonds, degree = ligand.bonds.astype(int), np.bincount(ligand.bonds.astype(int).ravel(), minlength=ligand.num_atoms)
    kinds, atoms = (list(BOND_CATEGORIES).index(what) for what in ("order", "rotatable")), list(ATOM_CATEGORIES)
    order, rotatable = (ligand.bond_categories[:, column] for column in kinds)
    expected = [
        (order == 1).sum(),
        (rotatable > 0).sum(),
        len(bonds) - ligand.num_atoms + 1,
        (degree == 4).sum(),
        (degree == 3).sum(),
        (ligand.atom_categories[:, atoms.index("chirality")] > 0).sum(),
    ]
    found = sums_of([example_graph("1s2g"), example_graph(name)])
    assert found.ligand[1, -len(TOPOLOGY) :].tolist() == expected
    assert found.groups()["topology"][1].numpy() == pytest.approx(np.sqrt(np.array(expected) + 1e-4) - 1e-2, abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_wider_radii_hold_more_protein(name):
    near = sums_of([example_graph(name)]).groups()["burial"][0, 3:-1].tolist()
    assert len(near) == len(NEAR_RADII)
    assert near == sorted(near)
    assert near[0] > 0


@pytest.mark.parametrize("name", NAMES)
def test_motions_change_nothing(name):
    graph = example_graph(name)
    pk = said([graph, *(moved_graph(graph, motion) for motion in random_motions(4, seed=3))])
    assert np.ptp(pk) < EXACT


def test_the_order_of_atoms_and_residues_changes_nothing():
    graph, generator = example_graph("1s2g"), np.random.default_rng(0)
    copies = [
        ComplexGraph(permuted_ligand_graph(graph.ligand, generator), permuted_pocket_graph(graph.pocket, generator))
        for _ in range(3)
    ]
    pk = said([graph, *copies])
    assert np.ptp(pk) < EXACT


@pytest.mark.parametrize("name", ["1s2g", "6wqa"])
def test_the_mirror_image_of_a_complex_is_another(name):
    cx = example_complex(name)
    first, second = said([build_graph(cx), build_graph(moved_complex(cx, MIRROR))])
    assert abs(first - second) > CLEARLY_DIFFERENT
    groups = [sums_of([build_graph(each)]).groups() for each in (cx, moved_complex(cx, MIRROR))]
    assert groups[0]["handedness"] == pytest.approx(-groups[1]["handedness"], abs=1e-4)
    for name in ("descriptors", "vina", "burial", "composition", "shells", "table"):
        assert groups[0][name] == pytest.approx(groups[1][name], abs=1e-3), "distances know no hand"


@pytest.mark.parametrize("name", ["1s2g", "4cup", "5ht1b"])
def test_the_cut_of_the_pocket_changes_nothing(name):
    """From 10 Å on: all windows end within that."""
    pk = said([build_graph(example_complex(name, cutoff=cutoff)) for cutoff in (10.0, 12.0, 15.0)])
    assert np.ptp(pk) < 1e-4


def test_a_bent_ligand_sees_no_further_than_the_cut():
    """Its centre is far from its atoms: protein atoms about the centre count as far as the ligand is near them."""
    cx = example_complex("1s2g", cutoff=10.0)
    angles = np.linspace(0.0, np.pi, cx.ligand.num_atoms)
    arc = cx.ligand.positions.mean(0) + 14.0 * np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    protein, _ = example("1s2g")
    ligand, found = replace(cx.ligand, positions=arc), list[ComplexGraph]()
    for cutoff in (10.0, 14.0):
        pocket = select_pocket(protein, ligand, PocketSpec(cutoff=cutoff))
        graph = build_graph(replace(cx, pocket=pocket))
        found.append(ComplexGraph(replace(graph.ligand, positions=arc), graph.pocket))
    assert np.ptp(said(found)) < 1e-4


def test_a_complex_alone_and_in_a_batch_is_the_same():
    graphs = [example_graph(name) for name in NAMES]
    together = made_readout()(sums_of(graphs)).numpy()
    assert together == pytest.approx(said(graphs), abs=EXACT)
    scorer = joined_scorer(dtype="float32")
    alone = np.concatenate([scorer.score([graph]).pk_network for graph in graphs])
    assert scorer.score(graphs).pk_network == pytest.approx(alone, abs=EXACT)


def test_a_step_of_an_atom_is_a_step_of_pk():
    """No window has an edge: along a way out of the pocket, pK goes from one value to the other without a jump."""
    graph = example_graph("4cup")
    way = np.linspace(0.0, 32.0, 321)
    pk = said([shifted(graph, np.array([step, 0.0, 0.0])) for step in way])
    steps = np.abs(np.diff(pk))
    assert np.ptp(pk) > 0.1
    assert steps.max() < 0.05
    assert steps[-5:].max() < 1e-9, "beyond reach there is nothing left"


def test_far_from_the_protein_the_ligand_is_alone():
    graph = example_graph("6wqa")
    groups = sums_of([shifted(graph, 500.0)]).groups()
    for name, values in groups.items():
        assert name in ("descriptors", "topology") or not values.any(), name


@pytest.mark.parametrize("count", [1, 2])
def test_a_ligand_of_one_or_two_atoms_has_a_number(count):
    graph = example_graph("1s2g")
    ligand = graph.ligand
    kept = (ligand.bonds < count).all(axis=1)
    small = replace(
        ligand,
        positions=ligand.positions[:count],
        atom_categories=ligand.atom_categories[:count],
        radii=ligand.radii[:count],
        bonds=ligand.bonds[kept],
        bond_categories=ligand.bond_categories[kept],
    )
    assert np.isfinite(said([ComplexGraph(small, graph.pocket)])).all()


def test_a_metal_is_counted():
    graph = example_graph("1s2g")
    classes = graph.pocket.atom_classes.copy()
    nearest = np.linalg.norm(graph.pocket.atom_positions - graph.ligand.positions[0], axis=1).argmin()
    classes[nearest] = 10
    positions = graph.pocket.atom_positions.copy()
    positions[nearest] = graph.ligand.positions[0] + np.array([0.0, 0.0, 2.1])
    metal = ComplexGraph(graph.ligand, replace(graph.pocket, atom_classes=classes, atom_positions=positions))
    before, after = (sums_of([each]).groups()["burial"][0, -1] for each in (graph, metal))
    assert (float(before), float(after)) == pytest.approx((0.0, 1.0))


def test_a_crash_of_the_pose_stays_a_finite_number():
    graph = example_graph("1s2g")
    inside = graph.pocket.atom_positions.mean(0) - graph.ligand.positions.mean(0)
    (pk,) = said([shifted(graph, inside)])
    assert 0.0 < pk < 14.0


# ---------------------------------------------------------------- the readout


def test_a_fit_with_little_noise_says_what_it_was_told():
    generator = np.random.default_rng(1)
    graphs = [shifted(example_graph(name), generator.normal(size=3)) for name in NAMES for _ in range(6)]
    sums, pk = Sums.joined([sums_of([graph]) for graph in graphs]), generator.normal(6.5, 1.5, len(graphs))
    fitted = KernelReadout.fit(GeometryConfig(), sums, pk, [""] * len(pk), np.full(len(pk), 1e-6))
    assert fitted(sums).numpy() == pytest.approx(pk, abs=1e-3)
    far = shifted(graphs[0], 500.0)
    smooth = KernelReadout.fit(GeometryConfig(), sums, pk, [""] * len(pk), np.full(len(pk), 1e6))
    assert float(smooth(sums_of([far]))[0]) == pytest.approx(pk.mean(), abs=0.01)


def test_what_a_family_shares_is_not_learned_of_its_contacts():
    """Rows of a family that all bind tighter: with an offset of the family, new rows get less of it."""
    graphs = [shifted(example_graph("4cup"), 0.1 * row) for row in range(4)]
    graphs += [shifted(example_graph("6wqa"), 0.1 * row) for row in range(4)]
    sums, pk = Sums.joined([sums_of([graph]) for graph in graphs]), np.repeat([8.0, 5.0], 4)
    families, noise = ["a"] * 4 + ["b"] * 4, np.ones(8)
    spreads = [
        np.ptp(KernelReadout.fit(GeometryConfig(family_variance=size), sums, pk, families, noise)(sums).numpy())
        for size in (0.0, 5.0)
    ]
    assert spreads[1] < 0.7 * spreads[0]


def test_the_kernel_is_that_of_the_definition():
    config = GeometryConfig(
        blocks=(
            KernelBlock(groups=("vina",), kernel="linear", amplitude=3.0),
            KernelBlock(groups=("burial", "shells"), amplitude=0.7, length=2.0),
        )
    )
    readout = made_readout(config)
    groups = sums_of([example_graph("1s2g")]).double().groups()
    joined = torch.cat([groups[name] for name in ("vina", "burial", "shells")], dim=1)[0].numpy()
    standard = np.clip((joined - readout.means) / readout.scales, -4.0, 4.0)
    known = readout.support.astype(np.float64)
    linear = 3.0 * known[:, :5] @ standard[:5] / 5
    far = np.sqrt(3.0 * np.square(known[:, 5:] - standard[5:]).sum(1) / (4.0 * (GROUPS["burial"] + GROUPS["shells"])))
    kernel = linear + 0.7 * (1.0 + far) * np.exp(-far)
    expected = readout.constant + kernel @ readout.weights
    assert said_by(readout, "1s2g") == pytest.approx(expected, abs=1e-4)


def said_by(readout: KernelReadout, name: str) -> float:
    return float(readout(sums_of([example_graph(name)]))[0])


def test_group_widths_are_those_that_configs_may_name():
    assert set(GROUPS) == set(KernelBlock.model_fields["groups"].annotation.__args__[0].__args__)
    assert sum(PAIR_SUMS.values()) == 72 + 5 + 20 + 9 * 27


# ---------------------------------------------------------------- weights and scoring


def test_weights_keep_the_expert(tmp_path):
    graphs = [example_graph(name) for name in NAMES]
    scorer, before = load_model(saved(tmp_path), device="cpu", dtype="float64"), joined_scorer()
    one, other = scorer.score(graphs), before.score(graphs)
    for name in ("pk", "pk_network", "pk_std", "pose"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-5)
    geometry = said(graphs)
    assert one.pk - JOINED.geometry * geometry == pytest.approx(
        JOINED.offset + JOINED.network / JOINED.structure.network
        * (one.pk_network - JOINED.structure.offset - JOINED.structure.geometry * geometry), abs=1e-5
    )  # fmt: skip
    assert np.isnan(one.pk_prior).all()


def test_half_precision_loses_nothing_of_the_expert(tmp_path):
    loaded = load_model(saved(tmp_path, half=True), device="cpu")
    assert loaded.geometry is not None
    assert float(loaded.geometry(sums_of([example_graph("4cup")]))[0]) == said([example_graph("4cup")])[0]


def test_sums_of_another_version_are_refused(tmp_path):
    path = saved(tmp_path)
    card = json.loads(path.with_suffix(".json").read_text())
    card["geometry"]["sums"]["shells"][0] = 2.9
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(WeightsError, match="geometric sums are not those of this version"):
        load_model(path, device="cpu")


def test_a_missing_expert_is_reported(tmp_path):
    path = saved(tmp_path)
    card = json.loads(path.with_suffix(".json").read_text())
    del card["geometry"]
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(WeightsError, match="geometry"):
        load_model(path, device="cpu")


def test_some_experts_alone():
    scorer, graphs = joined_scorer(), [example_graph(name) for name in NAMES]
    whole, structure = scorer.score(graphs), scorer.of_experts(Experts.network).score(graphs)
    assert structure.pk == pytest.approx(whole.pk_network, abs=1e-12)
    assert structure.pk_network == pytest.approx(whole.pk_network, abs=1e-12)
    assert np.abs(structure.pk - whole.pk).min() > 1e-3
    assert scorer.of_experts(Experts.all) is scorer
    with pytest.raises(UsageError, match="has no prior"):
        scorer.of_experts(Experts.prior)


def test_networks_without_weight_are_not_asked_for_pk(monkeypatch):
    """Their pose is the same; what they would say of pk costs nothing."""
    graphs = [example_graph(name) for name in NAMES]
    scorer = joined_scorer(card={"calibration": {"std": 2.0}})
    before = scorer.score(graphs)
    scorer.line = JOINED.model_copy(update={"network": 0.0, "structure": StructureLine(network=0.0, geometry=1.0)})
    for member in scorer.members:
        monkeypatch.setattr(member.interaction.readout, "contribution", None)
    found = scorer.score(graphs)
    assert found.pose == pytest.approx(before.pose, abs=1e-12)
    assert found.pk_network == pytest.approx(said(graphs), abs=1e-4)
    assert found.pk == pytest.approx(JOINED.offset + JOINED.geometry * said(graphs), abs=1e-4)


def test_the_card_calibrates_each_choice_of_experts():
    """What narrows the error of one expert is nothing to another."""
    card = {
        "calibration": {
            "std": 2.0, "interval_90": 1.7, "known_narrowing": 0.6, "near_narrowing": 0.5,
            "experts": {"network": {"std": 3.0, "interval_90": 1.6}, "prior": {"known_narrowing": 0.4}},
        }
    }  # fmt: skip
    predicted, known, near = np.full(2, 9.0), np.array([0.0, 1.0]), np.array([0.0, 0.5])
    scales = {experts: ErrorScale.of_card(card, experts) for experts in Experts}
    assert scales[Experts.all].pk_std(predicted, known, near) == pytest.approx([2.0, 2.0 * 0.4 * 0.75])
    assert scales[Experts.all].pk_std(predicted, None, near) == pytest.approx([2.0, 2.0 * 0.75])
    assert scales[Experts.network].pk_std(predicted, known, near) == pytest.approx([3.0, 3.0 * 0.75])
    assert scales[Experts.prior].pk_std(predicted, known, near) == pytest.approx([2.0, 2.0 * 0.6])
    assert [scales[experts].interval for experts in Experts] == [1.7, 1.6, 1.7]
    scorer = joined_scorer(card=card)
    assert scorer.of_experts(Experts.network).interval == 1.6
    std = scorer.score([example_graph("4cup")]).pk_std[0]
    assert 1.0 < std < 2.0, "something like it was fitted"


def test_nearness_is_one_where_it_was_fitted_and_little_far_off():
    readout, graph = made_readout(), example_graph("4cup")
    near = readout.judge(sums_of([graph, shifted(graph, 1.0), shifted(graph, 500.0)]))[1]
    assert float(near[0]) == pytest.approx(1.0, abs=1e-2), "rounded to 16 bits"
    assert near[0] > near[1] > near[2] > 0.0


def test_networks_without_angles_leave_the_expert_as_it_is():
    """It measures for itself what they do not."""
    graphs = [example_graph(name) for name in NAMES]
    for changes in ({"angles": False}, {"cutoff": 5.0}, {"protein": False}):
        scorer = joined_scorer(SMALL.model_copy(update=changes))
        line, found = scorer.line.structure, scorer.score(graphs)
        alone = Scorer("n", {}, scorer.members, dtype="float64").score(graphs)  # without the expert
        geometry = (found.pk_network - alone.pk_network) / line.geometry
        assert geometry == pytest.approx(said(graphs), abs=1e-4)
