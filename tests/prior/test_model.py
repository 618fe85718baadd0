"""The prior: a sum over known ligands at their sites, the same for each alone, whole through a weights file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from binding_sites import NOWHERE, drug_sites, site
from networks import SMALL, example_graph, random_member
from prior_ligands import DRUGS, drugs, graph, invented_pk
from safetensors.torch import load_file, save_file
from transforms import moved_graph, random_motions

from binding.domain.words import pocket_words
from binding.errors import WeightsError
from binding.graph.fields import ComplexGraph
from binding.model.ensemble import Scorer
from binding.model.weights import Member, load_model, save_weights
from binding.prior.fit import fit_prior
from binding.prior.kernel import DESCRIPTOR_SHARE, Features
from binding.prior.model import Prior, PriorPk, SiteFit, summary_of
from binding.prior.sites import Sites, tanimoto

SHARE = 0.5
LAST_BITS = 1e-12  # pK, by which sums in 64 bits differ with how many ligands are asked for together
STARTING = SMALL.model_copy(update={"prior_weight": SHARE})


def prior_of(
    names: tuple[str, ...], weights: list[float], mean: float = 6.0, sites: list[np.ndarray] | None = None
) -> Prior:
    """Of drugs, each at a site or nowhere, with the same weights for both fits."""
    ligands = [graph(DRUGS[name]) for name in names]
    count = len(names)
    places = np.full(count, -1) if sites is None else np.arange(count)
    fit = SiteFit(Sites.of(sites or []), np.arange(count), places, np.array(weights), mean + 1.0)
    return Prior(Features.of(ligands), np.array(weights), mean, *summary_of(ligands), fit)


@pytest.fixture(scope="module")
def fitted() -> Prior:
    """Of all drugs but nilotinib, as a file would hold it."""
    known = [ligand for name, ligand in zip(DRUGS, drugs(), strict=True) if name != "nilotinib"]
    sites = [words for name, words in zip(DRUGS, drug_sites(), strict=True) if name != "nilotinib"]
    groups = [f"P{row}" for row in range(len(known))]
    prior = fit_prior(known, invented_pk(known), groups, "uniprot", 3, sites=sites).prior
    return Prior.from_arrays(prior.arrays())


# ---------------------------------------------------------------- what it says


def test_a_known_function():
    """One known ligand: itself is the mean and its weight times the greatest likeness."""
    prior = prior_of(("caffeine",), [2.0])
    assert prior.predict([graph(DRUGS["caffeine"])])[0] == pytest.approx(6.0 + 2.0 * (1.0 + DESCRIPTOR_SHARE))
    pair = prior_of(("caffeine", "imatinib"), [2.0, -1.0])
    alone = [prior_of((name,), [weight], 0.0) for name, weight in (("caffeine", 2.0), ("imatinib", -1.0))]
    asked = [graph(DRUGS["theophylline"])]
    assert pair.predict(asked)[0] == pytest.approx(6.0 + sum(one.predict(asked)[0] for one in alone))


def test_a_known_function_at_a_site():
    """The likeness of ligands times one and that of the sites; one and no more where a site is unlike or not known."""
    prior = prior_of(("caffeine",), [2.0], sites=[site("5ht1b")])
    greatest, part = 1.0 + DESCRIPTOR_SHARE, tanimoto(site("5ht1b"), site("5ht1b", 8.5))
    assert 0.2 < part < 0.9
    asked = {1.0: site("5ht1b"), part: site("5ht1b", 8.5), 0.0: NOWHERE}
    found = prior.predict_at([graph(DRUGS["caffeine"])] * 3, list(asked.values()))
    assert found.at_site == pytest.approx([7.0 + 2.0 * greatest * (1.0 + alike) for alike in asked])
    assert found.alone == pytest.approx(np.full(3, 6.0 + 2.0 * greatest)), "the ligand alone, by the fit without sites"
    nowhere = prior_of(("caffeine",), [2.0])
    assert nowhere.predict_at([graph(DRUGS["caffeine"])], [site("5ht1b")]).at_site[0] == pytest.approx(
        7.0 + 2.0 * greatest
    ), "a ligand whose site is not known is like no site"


def test_how_near_the_nearest_measurement_is():
    """The best of ligand times site: an analogue at the same site counts, the ligand itself at another does not."""
    prior = prior_of(("caffeine", "imatinib"), [2.0, 1.0], sites=[site("5ht1b"), site("1s2g")])
    caffeine, theophylline = graph(DRUGS["caffeine"]), graph(DRUGS["theophylline"])
    alike = prior.nearest(Features.of([theophylline]))[1][0]
    part = tanimoto(site("5ht1b"), site("5ht1b", 8.5))
    assert 0.2 < alike < 0.9
    places = [site("5ht1b"), site("5ht1b", 8.5), NOWHERE, site("4cup")]
    assert prior.predict_at([caffeine] * 4, places).known == pytest.approx([1.0, part, 0.0, 0.0])
    assert prior.predict_at([theophylline] * 4, places).known == pytest.approx([alike, alike * part, 0.0, 0.0])
    said = prior.predict_at([caffeine, theophylline], places[:2])
    assert said.take([1]).known == pytest.approx([alike * part])


def test_a_fit_follows_its_ligands_and_an_analogue(fitted):
    known = drugs()
    truth, found = invented_pk(known), fitted.predict(known)
    assert np.corrcoef(truth, found)[0, 1] > 0.95
    row = list(DRUGS).index("nilotinib")
    assert found[row] > truth.mean() + 0.5, "it is like imatinib, which is large"
    assert found[row] < truth[row], "what is not known is drawn to the mean"


def test_each_is_predicted_as_if_it_came_alone(fitted):
    asked = drugs()
    together = fitted.predict(asked)
    assert together == pytest.approx(np.concatenate([fitted.predict([ligand]) for ligand in asked]), abs=LAST_BITS)
    assert fitted.predict(asked[::-1]) == pytest.approx(together[::-1], abs=LAST_BITS)
    assert fitted.predict([]).shape == (0,)
    sites = [*drug_sites()[5:], *drug_sites()[:5]]
    said = fitted.predict_at(asked, sites)
    assert np.array_equal(said.alone, together)
    alone = [fitted.predict_at([ligand], [words]).at_site[0] for ligand, words in zip(asked, sites, strict=True)]
    assert said.at_site == pytest.approx(alone, abs=LAST_BITS)
    assert len(fitted.predict_at([], [])) == 0


def test_one_ligand_at_many_sites_and_many_at_one(fitted):
    caffeine, imatinib = graph(DRUGS["caffeine"]), graph(DRUGS["imatinib"])
    sites = [site("5ht1b"), site("1s2g"), NOWHERE, site("5ht1b", 8.5)]
    ligand_of = np.array([1, 0, 1, 1])
    said = fitted.predict_at([caffeine, imatinib], sites, ligand_of)
    each = fitted.predict_at([imatinib, caffeine, imatinib, imatinib], sites)
    for name in ("at_site", "alone", "known"):
        assert getattr(said, name) == pytest.approx(getattr(each, name), abs=LAST_BITS)
    assert len(set(said.alone.tolist())) == 2
    assert len(set(said.at_site.tolist())) == 4, "the site tells"
    taken = said.take([3, 0])
    assert isinstance(taken, PriorPk)
    assert taken.at_site.tolist() == [said.at_site[3], said.at_site[0]]


def test_a_ligand_is_drawn_to_what_binds_where_it_does():
    """Two ligands as like sumatriptan, one of high and one of low affinity: nearer is the one whose site it shares."""
    prior = prior_of(("sumatriptan", "sumatriptan"), [1.0, -1.0], sites=[site("5ht1b"), site("1s2g")])
    asked = [graph(DRUGS["zolmitriptan"])] * 3
    high, low, neither = prior.predict_at(asked, [site("5ht1b", 8.5), site("1s2g"), site("4cup")]).at_site
    assert high > neither > low
    assert neither == pytest.approx(7.0, abs=0.02)


def test_the_nearest_known_ligand(fitted):
    rows, similarity = fitted.nearest(Features.of([graph(DRUGS["nilotinib"]), graph(DRUGS["caffeine"])]))
    left = [name for name in DRUGS if name != "nilotinib"]
    assert [left[row] for row in rows] == ["imatinib", "caffeine"]
    assert similarity[1] == 1.0
    assert 0.3 < similarity[0] < 0.9


def test_its_domain_is_its_ligands(fitted):
    domain = fitted.domain()
    assert domain.num_ligands == len(fitted) == len(DRUGS) - 1
    assert domain.num_proteins == 0
    sizes = [ligand.num_atoms for ligand in drugs()]
    assert domain.atoms == (min(sizes), 37), "imatinib is the largest but nilotinib"
    assert domain.summary()["elements"] == ["C", "N", "O"], "no other is in five of them"


def test_a_summary_counts_ligands_of_an_element():
    atoms, elements = summary_of([graph("CCO"), graph("CCCl"), graph("CCCCl")])
    assert atoms == (3, 4)
    assert sorted(elements[elements > 0].tolist()) == [1, 2, 3]


# ---------------------------------------------------------------- through arrays and a weights file


def test_arrays_hold_all_of_it(fitted):
    again = Prior.from_arrays(fitted.arrays())
    asked = drugs()
    assert np.array_equal(again.predict(asked), fitted.predict(asked))
    said = [prior.predict_at(asked, drug_sites()).at_site for prior in (fitted, again)]
    assert np.array_equal(*said)
    assert again.summary() == fitted.summary() == {"ligands": 25, "sites": 4}
    assert {name: array.dtype for name, array in again.arrays().items()} == {
        name: array.dtype for name, array in fitted.arrays().items()
    }


@pytest.fixture
def weights(fitted, tmp_path):
    path = tmp_path / "x.safetensors"
    states = [random_member(STARTING, seed).state_dict() for seed in range(2)]
    save_weights(path, states, {"name": "x", "config": STARTING.model_dump()}, prior=fitted)
    return path


def test_weights_carry_it_and_no_twin(fitted, weights):
    scorer = load_model(weights, device="cpu")
    assert np.array_equal(scorer.prior.predict(drugs()), fitted.predict(drugs()))
    assert all(member.ligand_only is None for member in scorer.members)
    assert not [name for name in load_file(weights) if "ligand_only" in name]
    assert Member(SMALL).ligand_only is not None


def test_half_precision_leaves_the_prior_as_it_is(fitted, tmp_path):
    state = random_member(STARTING).state_dict()
    save_weights(tmp_path / "x.safetensors", [state], {"name": "x", "config": STARTING.model_dump()}, True, fitted)
    assert np.array_equal(load_model(tmp_path / "x.safetensors").prior.predict(drugs()), fitted.predict(drugs()))


@pytest.mark.parametrize(("share", "given", "rest"), [(SHARE, None, 1 - SHARE), (0.2, None, 0.8), (0.7, 0.4, 0.4)])
def test_pk_is_a_weighted_sum_of_the_prior_and_the_networks(fitted, tmp_path, share, given, rest):
    """Networks of the same tensors with and without a prior: what is mixed is what each says by itself."""
    path, config = tmp_path / "x.safetensors", SMALL.model_copy(update={"prior_weight": share, "network": given})
    alone = [random_member(SMALL, seed) for seed in range(2)]
    states = [
        {name: tensor for name, tensor in member.state_dict().items() if "ligand_only" not in name} for member in alone
    ]
    save_weights(path, states, {"name": "x", "config": config.model_dump()}, prior=fitted)
    graphs = [example_graph(name) for name in ("1s2g", "4cup", "5ht1b")]
    mixed = load_model(path, device="cpu", dtype="float64").score(graphs)
    network = Scorer("y", {}, alone, dtype="float64").score(graphs)
    said = fitted.predict_at([item.ligand for item in graphs], [pocket_words(item.pocket) for item in graphs])
    assert np.array_equal(mixed.pk_ligand_only, said.alone), "in full, of the ligand alone"
    assert mixed.pk == pytest.approx(share * said.at_site + rest * network.pk, abs=1e-12)
    assert np.abs(said.at_site - said.alone).max() > 0.05
    assert mixed.pose == pytest.approx(network.pose, abs=1e-12)
    single = [Scorer("y", {}, [member], dtype="float64").score(graphs) for member in alone]
    spread = np.var([scores.pk for scores in single], axis=0)
    variance = np.mean([scores.pk_std**2 for scores in single], axis=0)
    assert mixed.pk_std == pytest.approx(np.sqrt(variance + rest**2 * spread), abs=1e-12)


def test_the_error_bar_is_narrower_where_more_is_known(fitted, weights):
    """By the card's share of what is known; not where a caller says what is said without what is known."""
    plain, graphs = load_model(weights, device="cpu"), [example_graph(name) for name in ("1s2g", "4cup", "5ht1b")]
    narrowed = Scorer("n", {"calibration": {"known_narrowing": 0.6}}, plain.members, prior=plain.prior, device="cpu")
    said = fitted.predict_at([item.ligand for item in graphs], [pocket_words(item.pocket) for item in graphs])
    assert 0.0 < said.known.max() < 1.0
    wide, narrow = plain.score(graphs), narrowed.score(graphs)
    assert narrow.pk_std == pytest.approx(wide.pk_std * (1.0 - 0.6 * said.known))
    assert np.array_equal(narrow.pk, wide.pk)
    assert narrowed.score(graphs, PriorPk(said.at_site, said.alone)).pk_std == pytest.approx(wide.pk_std)


def test_starts_of_the_callers_go_to_their_own_rows(weights):
    """Ligands of different sizes, which the network takes in another order, and in several pieces."""
    scorer = load_model(weights, device="cpu", dtype="float64")
    graphs = [example_graph("5ht1b", pose) for pose in range(8)]
    graphs.insert(3, example_graph("1s2g"))
    assert sum(item.ligand.num_atoms for item in graphs) > 256, "more than go through the network at once"
    starts = PriorPk(at_site=np.arange(len(graphs)) * 10.0, alone=np.arange(len(graphs)) * -3.0)
    nothing = PriorPk(np.zeros(len(graphs)), np.zeros(len(graphs)))
    zero, given = (scorer.score(graphs, at) for at in (nothing, starts))
    assert given.pk - zero.pk == pytest.approx(SHARE * starts.at_site, abs=1e-9)
    assert np.array_equal(given.pk_ligand_only, starts.alone)


@pytest.mark.parametrize("name", ["1s2g", "6wqa"])
def test_motions_do_not_change_what_is_said(weights, name):
    """The site is told by distances alone; in double precision nothing but rounding is left."""
    scorer, still = load_model(weights, device="cpu", dtype="float64"), example_graph(name)
    scores = scorer.score([still, *(moved_graph(still, motion) for motion in random_motions(5, seed=4))])
    assert np.ptp(scores.pk) < 1e-8
    assert np.ptp(scores.pk_ligand_only) == 0.0


def test_a_ligand_far_from_the_protein_is_judged_by_itself(fitted, weights):
    """Its pocket is still in the graph, but it lies in no site: no ligand is like it for being there."""
    scorer, near = load_model(weights, device="cpu", dtype="float64"), example_graph("5ht1b")
    far = replace(near, ligand=replace(near.ligand, positions=near.ligand.positions + 1000.0))
    nowhere = fitted.predict_at([near.ligand], [NOWHERE])
    at_site = fitted.predict_at([near.ligand], [site("5ht1b")])
    assert abs(at_site.at_site[0] - nowhere.at_site[0]) > 0.05
    nothing = PriorPk(np.zeros(1), np.zeros(1))
    for placed, said in ((near, at_site), (far, nowhere)):
        added = scorer.score([placed]).pk - scorer.score([placed], nothing).pk
        assert added == pytest.approx(SHARE * said.at_site, abs=1e-9)
    assert scorer.score([near, far]).pk_ligand_only.tolist() == [nowhere.alone[0]] * 2


def test_poses_of_one_ligand_share_a_start_whatever_the_batch(weights):
    scorer = load_model(weights, device="cpu", dtype="float64")
    graphs = [example_graph("5ht1b", pose) for pose in range(4)]
    whole = scorer.score(graphs)
    assert len(set(whole.pk_ligand_only.tolist())) == 1
    assert len(set(whole.pk.tolist())) == 4
    for size in (1, 3):
        parts = [scorer.score(graphs[start : start + size]) for start in range(0, 4, size)]
        assert np.array_equal(np.concatenate([part.pk_ligand_only for part in parts]), whole.pk_ligand_only)
        assert np.concatenate([part.pk for part in parts]) == pytest.approx(whole.pk, abs=1e-9)


def test_a_ligand_of_one_atom_is_scored(weights):
    """A complex graph whose ligand is cut down to a single carbon; its prior is near the mean."""
    complex_graph = example_graph("1s2g")
    scorer = load_model(weights, device="cpu")
    methane = graph("C")
    placed = ComplexGraph(
        type(methane)(
            complex_graph.ligand.positions[:1],
            methane.atom_categories,
            methane.radii,
            methane.bonds,
            methane.bond_categories,
            methane.descriptors,
        ),
        complex_graph.pocket,
    )
    scores = scorer.score([placed])
    assert np.isfinite(scores.pk).all()
    assert scores.pk_ligand_only[0] == scorer.prior.predict([methane])[0]
    assert abs(scores.pk_ligand_only[0] - scorer.prior.mean) < 2.5


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("name", "spoil", "told"),
    [
        ("weights", lambda array: None, "lacks weights"),
        ("mean", lambda array: None, "lacks mean"),
        ("weights", lambda array: array[:-1], "do not fit"),
        ("bits", lambda array: array[:-1], "bit_counts does not count the bits of the prior"),
        ("bit_counts", lambda array: -array, "bit_counts that are not from 0"),
        ("descriptors", lambda array: array[:, :-1], "do not fit"),
        ("atoms", lambda array: array[:1], "do not fit"),
        ("elements", lambda array: array[:-1], "do not fit"),
        ("bits", lambda array: array + 2000, "of another kind"),
        ("bits", lambda array: array - 2000, "of another kind"),
        ("row_site", lambda array: None, "lacks row_site"),
        ("site_counts", lambda array: array[:-1], "site_counts does not count the words of the prior"),
        ("site_words", lambda array: array[:-1], "site_counts does not count the words of the prior"),
        ("row_ligand", lambda array: array[:-1], "do not fit"),
        ("row_weights", lambda array: array[:, None], "do not fit"),
        ("row_ligand", lambda array: array + 1, "that it does not know, in row_ligand"),
        ("row_ligand", lambda array: array - 1, "that it does not know, in row_ligand"),
        ("row_site", lambda array: array + 1, "that it does not know, in row_site"),
        ("row_site", lambda array: array - 1, "that it does not know, in row_site"),
        ("site_words", lambda array: array + 160_000, "words of another kind"),
        ("site_words", lambda array: array - 160_000, "words of another kind"),
        ("row_weights", lambda array: array * np.nan, "not finite"),
        ("row_mean", lambda array: array * np.inf, "not finite"),
        ("weights", lambda array: array * np.nan, "not finite"),
        ("descriptors", lambda array: array * np.inf, "not finite"),
    ],
)
def test_damaged_arrays_are_refused(fitted, weights, name, spoil, told):
    arrays = fitted.arrays()
    with np.errstate(invalid="ignore"):
        spoiled = spoil(arrays.pop(name))
    arrays |= {} if spoiled is None else {name: spoiled}
    with pytest.raises(ValueError, match=told):
        Prior.from_arrays(arrays)
    networks = {key: tensor for key, tensor in load_file(weights).items() if not key.startswith("prior.")}
    tensors = {f"prior.{key}": torch.from_numpy(np.ascontiguousarray(array)) for key, array in arrays.items()}
    save_file(networks | tensors, weights)
    with pytest.raises(WeightsError, match=told) as caught:
        load_model(weights, device="cpu")
    assert weights.name in caught.value.message


def test_weights_that_start_from_a_prior_must_hold_one(tmp_path):
    path = tmp_path / "x.safetensors"
    save_weights(path, [random_member(STARTING).state_dict()], {"name": "x", "config": STARTING.model_dump()})
    with pytest.raises(WeightsError, match="the prior lacks bits"):
        load_model(path, device="cpu")
