"""The measurements that a prior's estimate rests on: an exact sum, with the names that the weights' file keeps."""

from __future__ import annotations

import numpy as np
import pytest
from binding_sites import NOWHERE, drug_sites, site
from networks import SMALL, random_member
from prior_ligands import DRUGS, drugs, graph, invented_pk

from binding.api import requests_from
from binding.errors import WeightsError
from binding.model.cards import available_models
from binding.model.weights import load_model, save_weights
from binding.prior import evidence as prior_evidence
from binding.prior.evidence import evidence_of, measured_pk
from binding.prior.fit import fit_prior
from binding.prior.held_out import FittedPrior
from binding.prior.measured import Measured, evidence_path
from binding.prior.own import learn_own
from binding.score.featurize import featurize
from binding.score.jobs import jobs_of
from binding.score.options import ScoringOptions

NAMES = [name.replace(" ", "_") for name in DRUGS]
ASKED = graph("CC(=O)Oc1ccccc1C(=O)OC")  # aspirin's methyl ester


@pytest.fixture(scope="module")
def fitted() -> FittedPrior:
    ligands = drugs()
    groups = [f"P{row}" for row in range(len(DRUGS))]
    return fit_prior(ligands, invented_pk(ligands), groups, "uniprot", 3, sites=drug_sites(), names=list(DRUGS))


@pytest.mark.parametrize("nearest", [1000, 5])
@pytest.mark.parametrize("most", [0, 3, 100])
def test_the_sum_is_exact(fitted, monkeypatch, nearest, most):
    monkeypatch.setattr(prior_evidence, "NEAREST", nearest)
    for words in (site("1s2g"), NOWHERE):
        found = evidence_of(fitted.prior, ASKED, words, 0.7, most)
        assert found.pk == pytest.approx(0.7 * fitted.prior.predict_at([ASKED], [words]).at_site[0], abs=1e-9)
        assert len(found.listed) == min(most, nearest, len(DRUGS))
        assert len(found.listed) + found.others == len(DRUGS)


def test_shares_are_what_each_measurement_carries(fitted):
    """A measurement that is changed moves the estimate by its weight: the definition, on fits of their own."""
    words, changed = site("5ht1b"), NAMES.index("aspirin")
    found = evidence_of(fitted.prior, ASKED, words, 1.0, len(DRUGS))
    assert abs(found.rest) < 1e-4, "all rows are near, so that nothing is left"
    first = found.listed[0]
    assert first.name == "aspirin"
    assert first.ligand > 0.5
    pk = invented_pk(drugs())
    weights = []
    for change in (0.0, 1.0):
        moved = pk.copy()
        moved[changed] += change
        groups = [f"P{row}" for row in range(len(DRUGS))]
        again = fit_prior(drugs(), moved, groups, "uniprot", 3, sites=drug_sites()).prior
        weights.append(again.predict_at([ASKED], [words]).at_site[0])
    total = sum(row.weight for row in found.listed)
    assert weights[1] - weights[0] == pytest.approx(first.weight + (1.0 - total) / len(DRUGS), abs=1e-4)


def test_a_measured_complex_carries_itself(fitted):
    place = NAMES.index("imatinib")
    found = evidence_of(fitted.prior, drugs()[place], drug_sites()[place], 1.0, 1)
    (row,) = found.listed
    assert (row.name, row.ligand) == ("imatinib", 1.0)
    assert row.measured == pytest.approx(invented_pk(drugs())[place])
    assert row.weight > 0.6


def test_without_names_the_measured_values_are_read_off_the_fit(fitted):
    known = [measured_pk(fitted.prior, row) for row in range(len(DRUGS))]
    prior = type(fitted.prior).from_arrays(fitted.prior.arrays())
    assert prior.measured is None
    assert [measured_pk(prior, row) for row in range(len(DRUGS))] == pytest.approx(known, abs=0.01)
    assert [row.name for row in evidence_of(prior, ASKED, NOWHERE, 1.0, 2).listed] == ["", ""]


def test_measurements_that_are_averaged_keep_all_their_names():
    ligands = [*drugs(), graph(DRUGS["aspirin"])]
    pk = np.append(invented_pk(drugs()), 9.0)
    groups = [f"P{row}" for row in range(len(pk))]
    prior = fit_prior(ligands, pk, groups, "uniprot", 3, names=[*DRUGS, "a second aspirin"]).prior
    assert prior.measured.names[0] == "aspirin a_second_aspirin"
    assert prior.measured.pk[0] == pytest.approx((pk[0] + 9.0) / 2)


def test_own_compounds_are_named_beside_those_of_the_prior(fitted):
    own = [graph("Oc1ccccc1"), graph("Oc1ccc(Cl)cc1")]
    after, _ = learn_own(fitted.prior, own, [NOWHERE, NOWHERE], np.array([7.0, 8.1]), names=["mine-1", "mine-2"])
    found = evidence_of(after, own[1], NOWHERE, 1.0, 100)
    assert found.listed[0].name == "mine-2"
    assert {row.name for row in found.listed} == {*NAMES, "mine-1", "mine-2"}
    assert found.pk == pytest.approx(after.predict_at([own[1]], [NOWHERE]).at_site[0], abs=1e-9)


def test_what_no_one_wrote_down_stays_with_the_rest(fitted):
    before = type(fitted.prior).from_arrays(fitted.prior.arrays())
    after, _ = learn_own(before, [graph("Oc1ccccc1")], [NOWHERE], np.array([7.0]), names=["mine"])
    assert [row.name for row in evidence_of(after, ASKED, NOWHERE, 1.0, 100).listed] == ["mine"]


def test_files_keep_the_measurements(fitted, tmp_path):
    fitted.save(tmp_path / "prior.npz")
    again = FittedPrior.load(tmp_path / "prior.npz").prior
    assert again.measured.names.tolist() == NAMES
    config = SMALL.model_copy(update={"prior_weight": 0.5})
    path = tmp_path / "model.safetensors"
    save_weights(path, [random_member(config).state_dict()], {"name": "x", "config": config.model_dump()}, prior=again)
    loaded = load_model(path, device="cpu").prior
    assert loaded.measured.names.tolist() == NAMES
    assert loaded.measured.pk == pytest.approx(invented_pk(drugs()), abs=1e-4)
    evidence_path(path).unlink()
    assert load_model(path, device="cpu").prior.measured is None
    Measured.unknown(len(NAMES)).save(path, learn_own(again, [ASKED], [NOWHERE], np.array([5.0]))[0].at_site)
    assert load_model(path, device="cpu").prior.measured is None, "a file of another fit names nothing"
    Measured(again.measured.names, again.measured.pk).save(path, again.at_site)
    arrays = dict(np.load(evidence_path(path)))
    np.savez(evidence_path(path), **(arrays | {"measured_pk": arrays["measured_pk"].astype(str)}))
    with pytest.raises(WeightsError, match="do not fit together: measured_pk"):
        load_model(path, device="cpu")
    evidence_path(path).write_bytes(b"no zip")
    with pytest.raises(WeightsError, match=r"model\.evidence\.npz does not say what was measured"):
        load_model(path, device="cpu")


@pytest.mark.parametrize("name", available_models())
def test_shipped_weights_name_their_measurements(name):
    """Made by scripts.release.evidence, or by `binding prior`; of another prior than that of the weights it is void."""
    prior = load_model(name, device="cpu").prior
    assert prior.measured is not None
    assert (prior.measured.names != "").mean() > 0.95
    for row in (0, len(prior.measured) // 2):
        fit = prior.at_site
        words = fit.sites.split()[fit.row_site[row]] if fit.row_site[row] >= 0 else NOWHERE
        said = prior.predict_features(prior.features.take(fit.row_ligand[row : row + 1]), [words]).at_site[0]
        assert said + prior_evidence.RIDGE_AT_SITE * fit.weights[row] == pytest.approx(
            prior.measured.pk[row], abs=0.02
        ), "the measured value fits the fit"


def test_rows_and_explanations_list_it(examples, tmp_path):
    """In columns of predict and in evidence.csv of explain; both add up to the prior's part."""
    import pandas as pd

    import binding

    model = load_model(None, device="cpu")
    named = examples / "1ia1_protein.pdb.gz", examples / "1ia1_ligand.sdf"
    (request,) = requests_from(named[0], [named[1]])
    ((item,),) = (featurize(job) for job in jobs_of([request], ScoringOptions()))
    weight = model.at(item.graph).line.prior
    row = binding.predict(*named, model=model, evidence=2, output=tmp_path / "rows.csv").iloc[0]
    whole = weight * row["pk_prior"]
    assert row["evidence_1_share"] + row["evidence_2_share"] + row["evidence_rest"] == pytest.approx(whole, abs=1e-6)
    assert pd.read_csv(tmp_path / "rows.csv")["evidence_2"].notna().all()
    assert "evidence_1" not in binding.predict(*named, model=model)
    found = binding.explain(*named, model=model, evidence=4, output=tmp_path / "why")
    table = pd.read_csv(tmp_path / "why" / "evidence.csv")
    assert table["rank"].tolist()[:4] == [1, 2, 3, 4]
    assert len(table) == 6
    parts = found.parts.iloc[0]
    assert table["pk"].sum() == pytest.approx(parts["pk_prior_ligand"] + parts["pk_prior_site"], abs=1e-3)
    assert table["measured"][0] in (tmp_path / "why" / "report.html").read_text()
