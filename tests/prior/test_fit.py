"""What the prior says of its own ligands held out is what a fit without them says."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from binding_sites import NOWHERE, drug_sites, site
from prior_ligands import DRUGS, drugs, graph, invented_pk

from binding.errors import TrainingError, UsageError
from binding.folds import fold_of
from binding.prior import fit as prior_fit
from binding.prior.fit import FEWEST, RANDOM_PARTS, RIDGE, RIDGE_AT_SITE, fit_prior
from binding.prior.kernel import Features, kernel_matrix
from binding.prior.sites import tanimoto

FOLDS = 3
GROUPS = [f"P{row // 2}" for row in range(len(DRUGS))]  # two drugs of each


@pytest.fixture(scope="module")
def ligands():
    return drugs()


@pytest.fixture(scope="module")
def pk(ligands):
    return invented_pk(ligands) + np.random.default_rng(4).normal(scale=0.7, size=len(ligands))


@pytest.fixture(scope="module")
def fitted(ligands, pk):
    return fit_prior(ligands, pk, GROUPS, "uniprot", FOLDS)


def refit(ligands, pk, mean: float, kept: np.ndarray) -> np.ndarray:
    """Of all ligands, what the kernel regression on some of them says; the mean is that of the fit of all."""
    kernel = kernel_matrix(Features.of(ligands)).astype(np.float64)
    rows = np.flatnonzero(kept)
    weights = np.linalg.solve(kernel[np.ix_(rows, rows)] + RIDGE * np.eye(len(rows)), pk[rows] - mean)
    return mean + kernel[:, rows] @ weights


def parts(ligands) -> np.ndarray:
    return np.array([zlib.crc32(b"part" + key) % RANDOM_PARTS for key in Features.of(ligands).keys()])


# ---------------------------------------------------------------- the fit


def test_it_is_kernel_ridge_regression(ligands, pk, fitted):
    assert fitted.prior.mean == pytest.approx(pk.mean())
    expected = refit(ligands, pk, pk.mean(), np.ones(len(pk), dtype=bool))
    assert fitted.prior.predict(ligands) == pytest.approx(expected, abs=1e-4)


def test_held_out_is_an_explicit_refit_without(ligands, pk, fitted):
    """Column k: rows of fold k from a fit without the fold, the others from one without it and their own part."""
    fold = np.array([fold_of(name, FOLDS) for name in GROUPS])
    part = parts(ligands)
    assert len(set(fold)) == FOLDS
    assert len(set(part)) > 4
    assert fitted.held_out.shape == (len(ligands), FOLDS + 1)
    for number in range(FOLDS + 1):
        inside = fold == number  # none in the last column
        expected = refit(ligands, pk, pk.mean(), ~inside)
        for rest in range(RANDOM_PARTS):
            own = (part == rest) & ~inside
            expected[own] = refit(ligands, pk, pk.mean(), ~inside & (part != rest))[own]
        assert fitted.held_out[:, number] == pytest.approx(expected, abs=2e-4), number


def test_no_number_knows_of_its_ligand_and_none_of_the_fold(ligands, pk, fitted):
    """Another affinity of one ligand moves the fit, but (the mean aside) not what is said of it held out."""
    row = list(DRUGS).index("gefitinib")
    moved = pk.copy()
    moved[row] += 3.0
    moved[(row + 1) % len(pk)] -= 3.0  # the mean stays
    other = fit_prior(ligands, moved, GROUPS, "uniprot", FOLDS)
    assert other.prior.predict([ligands[row]])[0] > fitted.prior.predict([ligands[row]])[0] + 1.0
    fold, part = fold_of(GROUPS[row], FOLDS), parts(ligands)
    assert GROUPS[row] == GROUPS[row + 1], "both are in one fold"
    known = fitted.held_out[:, fold]
    assert other.held_out[:, fold] == pytest.approx(known, abs=1e-4), "the whole column: its fold is held out"
    last = [fitted.held_out[row, -1], other.held_out[row, -1]]
    if part[row] == part[row + 1]:
        assert last[0] == pytest.approx(last[1], abs=1e-4)
    else:
        assert abs(last[0] - last[1]) < 1.0, "only its neighbour's change is seen"


def test_it_does_not_depend_on_the_order_of_rows(ligands, pk, fitted):
    order = np.random.default_rng(0).permutation(len(ligands))
    again = fit_prior([ligands[row] for row in order], pk[order], [GROUPS[row] for row in order], "uniprot", FOLDS)
    assert again.held_out == pytest.approx(fitted.held_out[order], abs=1e-4)


def test_progress_counts_folds(ligands, pk):
    seen = []
    fit_prior(ligands, pk, GROUPS, "uniprot", FOLDS, lambda done, of: seen.append((done, of)))
    assert seen == [(number, 2 * FOLDS + 2) for number in range(1, 2 * FOLDS + 3)]


# ---------------------------------------------------------------- with sites


@pytest.fixture(scope="module")
def measured(ligands, pk):
    """Rows of ligands at sites: caffeine at two, imatinib at one and, by another measurement, nowhere."""
    caffeine, imatinib = (list(DRUGS).index(name) for name in ("caffeine", "imatinib"))
    rows = [*range(len(ligands)), caffeine, imatinib]
    sites = [*drug_sites(), site("6wqa"), NOWHERE]
    values = np.concatenate([pk, [pk[caffeine] + 2.0, pk[imatinib] - 1.0]])
    return rows, sites, values, [*GROUPS, "Q1", "Q2"]


@pytest.fixture(scope="module")
def at_sites(ligands, measured):
    rows, sites, values, groups = measured
    return fit_prior([ligands[row] for row in rows], values, groups, "uniprot", FOLDS, sites=sites)


def refit_at_sites(ligands, measured, kept: np.ndarray) -> np.ndarray:
    """Of all rows, what the kernel regression with sites on some of them says."""
    rows, sites, values, _ = measured
    alike = np.array([[tanimoto(one, other) for other in sites] for one in sites])
    kernel = kernel_matrix(Features.of([ligands[row] for row in rows])).astype(np.float64) * (1.0 + alike)
    rest = np.flatnonzero(kept)
    regular = kernel[np.ix_(rest, rest)] + RIDGE_AT_SITE * np.eye(len(rest))
    return values.mean() + kernel[:, rest] @ np.linalg.solve(regular, values[rest] - values.mean())


def test_with_sites_it_is_kernel_ridge_regression_on_ligands_at_sites(ligands, measured, at_sites):
    rows, sites, values, _ = measured
    fit = at_sites.prior.at_site
    assert (len(at_sites.prior), len(fit.weights), len(fit.sites)) == (26, 28, 5)
    assert fit.mean == pytest.approx(values.mean())
    found = at_sites.prior.predict_at([ligands[row] for row in rows], sites).at_site
    assert found == pytest.approx(refit_at_sites(ligands, measured, np.ones(28, dtype=bool)), abs=1e-4)


def test_held_out_at_a_site_is_an_explicit_refit_without(ligands, measured, at_sites):
    """A ligand is left out with all its rows: with those of any group of the fold, and of its own part."""
    rows, _, _, groups = measured
    row_of = np.array(rows)
    fold = np.array([fold_of(name, FOLDS) for name in groups])
    part = parts(ligands)[row_of]
    assert at_sites.held_out_at_site.shape == (28, FOLDS + 1)
    for number in range(FOLDS + 1):
        inside = np.isin(row_of, row_of[fold == number])
        expected = refit_at_sites(ligands, measured, ~inside)
        for rest in range(RANDOM_PARTS):
            own = (part == rest) & ~inside
            expected[own] = refit_at_sites(ligands, measured, ~inside & (part != rest))[own]
        assert at_sites.held_out_at_site[:, number] == pytest.approx(expected, abs=3e-4), number


def test_the_ligand_alone_does_not_hang_on_the_sites(ligands, measured, at_sites):
    rows, _, values, groups = measured
    without = fit_prior([ligands[row] for row in rows], values, groups, "uniprot", FOLDS)
    assert np.array_equal(without.held_out, at_sites.held_out)
    assert np.array_equal(without.prior.weights, at_sites.prior.weights)
    fit = without.prior.at_site
    assert (len(fit.sites), len(fit.weights), set(fit.row_site.tolist())) == (0, 26, {-1})


def test_measurements_of_a_ligand_at_one_site_are_one_row_with_their_mean(ligands, measured, at_sites):
    rows, sites, values, groups = measured
    again = fit_prior(
        [ligands[row] for row in [*rows, *rows]],
        np.concatenate([values + 0.5, values - 0.5]),
        [*groups, *groups],
        "uniprot",
        FOLDS,
        sites=[*sites, *sites],
    )
    assert again.held_out_at_site == pytest.approx(at_sites.held_out_at_site, abs=1e-5)


# ---------------------------------------------------------------- several rows of one ligand


def test_rows_of_one_ligand_are_one_with_their_mean(ligands, pk, fitted):
    """Caffeine measured on three proteins (one as a hydrochloride would be drawn): one ligand, in three groups."""
    row = list(DRUGS).index("caffeine")
    values = pk[row] + np.array([0.0, 1.2, -1.2])
    more = [*ligands, graph(DRUGS["caffeine"]), graph("Cn1c(=O)c2c(ncn2C)n(C)c1=O")]
    groups = [*GROUPS, "Q1", "Q2"]
    found = fit_prior(more, [*pk, *values[1:]], groups, "uniprot", FOLDS)
    assert len(found.prior) == len(ligands)
    assert found.prior.predict(ligands) == pytest.approx(fitted.prior.predict(ligands), abs=1e-5)
    expected = refit(ligands, pk, pk.mean(), np.array([fold_of(name, FOLDS) for name in GROUPS]) != 0)
    folds = {fold_of(name, FOLDS) for name in (GROUPS[row], "Q1", "Q2")}
    assert len(folds) > 1
    for number in folds:  # it is held out with each of its groups
        outside = np.array([fold_of(name, FOLDS) == number for name in GROUPS])
        outside[row] = True
        expected = refit(ligands, pk, pk.mean(), ~outside)
        assert found.held_out[outside, number] == pytest.approx(expected[outside], abs=2e-4)


# ---------------------------------------------------------------- refused


def test_too_few_different_ligands(ligands, pk):
    with pytest.raises(UsageError, match=f"{FEWEST - 1} different ligands") as caught:
        fit_prior(ligands[: FEWEST - 1] * 3, np.tile(pk[: FEWEST - 1], 3), ["P1"] * 3 * (FEWEST - 1), "uniprot", FOLDS)
    assert "more ligands" in caught.value.hint


def test_too_many_are_refused_before_the_matrix_is_made(ligands, pk, monkeypatch):
    monkeypatch.setattr(prior_fit, "MOST_ROWS", 22)
    monkeypatch.setattr(prior_fit, "kernel_matrix", lambda features: pytest.fail("memory was asked for"))
    with pytest.raises(UsageError, match="26 different ligands, each site counted; a prior takes 22 at most") as caught:
        fit_prior(ligands, pk, GROUPS, "uniprot", FOLDS)
    assert "sample" in caught.value.hint


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_affinities_that_are_no_numbers(ligands, pk, odd):
    spoiled = pk.copy()
    spoiled[3] = odd
    with pytest.raises(UsageError, match="1 of 26 affinities are not finite"):
        fit_prior(ligands, spoiled, GROUPS, "uniprot", FOLDS)


@pytest.mark.parametrize("folds", [-1, 0, 1])
def test_folds_that_hold_nothing_out(ligands, pk, folds):
    with pytest.raises(UsageError, match="folds"):
        fit_prior(ligands, pk, GROUPS, "uniprot", folds)


def test_a_kernel_that_cannot_be_inverted(ligands, pk, monkeypatch):
    monkeypatch.setattr(prior_fit, "kernel_matrix", lambda features: -kernel_matrix(features))
    with pytest.raises(TrainingError, match="cannot be inverted") as caught:
        fit_prior(ligands, pk, GROUPS, "uniprot", FOLDS)
    assert caught.value.code == "not_fitted"
