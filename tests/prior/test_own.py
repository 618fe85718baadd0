"""A prior that learns own compounds: a regression of what it was wrong by, and never of a row by itself."""

from __future__ import annotations

import numpy as np
import pytest
from binding_sites import NOWHERE, drug_sites, site
from prior_ligands import DRUGS, drugs, graph, invented_pk

from binding.prior import own as prior_own
from binding.prior.fit import RIDGE, RIDGE_AT_SITE, fit_prior
from binding.prior.kernel import Features, kernel_matrix
from binding.prior.own import learn_own
from binding.prior.sites import tanimoto

OWN = ["Oc1ccccc1", "Oc1ccc(Cl)cc1", "Oc1ccc(Br)cc1", "COc1ccc(O)cc1", "Nc1ccc(O)cc1"]  # phenols
SITES = [site("5ht1b"), site("5ht1b"), site("5ht1b", 8.5), site("1s2g"), NOWHERE]
PK = np.array([7.0, 8.1, 8.4, 6.6, 7.2])


@pytest.fixture(scope="module")
def prior():
    ligands = drugs()
    groups = [f"P{row}" for row in range(len(DRUGS))]
    return fit_prior(ligands, invented_pk(ligands), groups, "uniprot", 3, sites=drug_sites()).prior


@pytest.fixture(scope="module")
def own():
    return [graph(smiles) for smiles in OWN]


def test_what_is_left_of_the_measurements_is_regressed_by_the_priors_kernel(prior, own):
    after, _ = learn_own(prior, own, SITES, PK)
    before, now = prior.predict_at(own, SITES), after.predict_at(own, SITES)
    alone = kernel_matrix(Features.of(own)).astype(float)
    at_site = alone * (1 + np.array([[tanimoto(a, b) for b in SITES] for a in SITES]))
    for kernel, ridge, was, found in (
        (alone, RIDGE, before.alone, now.alone),
        (at_site, RIDGE_AT_SITE, before.at_site, now.at_site),
    ):
        expected = was + kernel @ np.linalg.solve(kernel + ridge * np.eye(len(PK)), PK - was)
        assert found == pytest.approx(expected, abs=1e-5)
    assert np.abs(now.at_site - PK).mean() < 0.5 * np.abs(before.at_site - PK).mean()
    assert len(after) == len(prior) + len(own)


def test_a_row_starts_from_what_the_others_say(prior, own):
    _, unseen = learn_own(prior, own, SITES, PK)
    found = unseen(own, SITES)
    for row in range(len(own)):
        kept = [other for other in range(len(own)) if other != row]
        without, _ = learn_own(prior, [own[other] for other in kept], [SITES[other] for other in kept], PK[kept])
        said = without.predict_at([own[row]], [SITES[row]])
        assert found.alone[row] == pytest.approx(said.alone[0], abs=1e-5)
        assert found.at_site[row] == pytest.approx(said.at_site[0], abs=1e-5)


def test_a_ligand_of_two_sites_is_unseen_at_both(prior, own):
    ligands, sites, pk = [*own, own[0]], [*SITES, site("4cup")], np.append(PK, 4.0)
    after, unseen = learn_own(prior, ligands, sites, pk)
    without, _ = learn_own(prior, own[1:], SITES[1:], PK[1:])
    first = [0, len(own)]
    found = unseen([ligands[row] for row in first], [sites[row] for row in first])
    said = without.predict_at([ligands[row] for row in first], [sites[row] for row in first])
    assert found.alone == pytest.approx(said.alone, abs=1e-5)
    assert found.at_site.mean() == pytest.approx(said.at_site.mean(), abs=1e-5), (
        "one correction, that of both on average"
    )
    now = after.predict_at(ligands, sites)
    assert now.at_site[0] > now.at_site[-1], "it is weaker at the site where it was measured to be"
    assert now.alone[0] == now.alone[-1]


def test_another_compound_is_told_by_all_own_ones(prior, own):
    after, unseen = learn_own(prior, own, SITES, PK)
    other = [graph("Oc1ccc(I)cc1")]
    found, said = unseen(other, [SITES[0]]), after.predict_at(other, [SITES[0]])
    assert (found.at_site, found.alone) == (said.at_site, said.alone)
    assert found.at_site > prior.predict_at(other, [SITES[0]]).at_site + 1.0, "the phenols are tighter than it thought"


def test_measurements_of_one_ligand_at_one_site_are_averaged(prior, own):
    twice, _ = learn_own(prior, [own[0], own[0], own[1]], [SITES[0]] * 3, np.array([6.0, 8.0, 8.1]))
    once, _ = learn_own(prior, own[:2], [SITES[0]] * 2, np.array([7.0, 8.1]))
    assert twice.predict_at(own, SITES).at_site == pytest.approx(once.predict_at(own, SITES).at_site, abs=1e-9)


def test_more_than_it_can_learn_leave_it_as_it_is(prior, own, monkeypatch, caplog):
    monkeypatch.setattr(prior_own, "MOST_OWN", 4)
    after, start = learn_own(prior, own, SITES, PK)
    assert after is prior
    assert np.array_equal(start(own, SITES).at_site, prior.predict_at(own, SITES).at_site)
    assert "5 compounds, more than 4" in caplog.text
