"""An explanation as JSON: everything that was asked for, at its place, and valid for strict readers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from networks import example, joined_scorer

from binding import api
from binding.explanation.plain import as_plain


@pytest.fixture(scope="module")
def one():
    protein, poses = example("5ht1b")
    asked = {"attention": True, "gradients": True, "occlusion": True}
    return api.explain(protein, poses[:1], model=joined_scorer(dtype="float32"), **asked).complexes[0]


@pytest.fixture(scope="module")
def plain(one):
    return json.loads(json.dumps(as_plain(one), allow_nan=False))


def test_attention_is_there_by_network_layer_direction_head_and_pair(one, plain):
    weights = np.array(plain["attention"]["weights"])
    assert weights.shape == (*one.attention.weights.shape[:4], len(plain["attention"]["pairs"]))
    assert plain["attention"]["in_pk"] == one.reasons.attention.in_pk == 0.5
    atom, residue = plain["attention"]["pairs"][7]
    place = one.attention.atom_labels.index(atom), one.attention.residue_labels.index(residue)
    assert weights[..., 7] == pytest.approx(one.attention.weights[..., place[0], place[1]], abs=1e-5)


def test_heads_add_up_to_the_geometry_of_the_contacts(one, plain):
    total = sum(np.sum(values) for values in plain["heads"]["pk"].values())
    assert total == pytest.approx(one.parts()["pk_geometry_contacts"], abs=0.01)
    assert set(plain["heads"]["weights"]) < set(plain["heads"]["pk"]) == set(one.heads.heads)
    assert all(len(values) == len(plain["heads"]["pairs"]) for values in plain["heads"]["pk"].values())


def test_gradients_deletion_and_agreement_are_those_of_the_explanation(one, plain):
    assert plain["gradients"]["baseline_pk"] == pytest.approx(one.gradients.baseline_pk)
    assert "no protein in reach" in plain["gradients"]["baseline"]
    assert plain["occlusion"]["residues"] == pytest.approx(
        dict(zip(one.occlusion.residue_labels, one.occlusion.residues.tolist(), strict=True))
    )
    assert plain["agreement"]["measures"] == ["contributions", "gradients", "attention", "contacts", "occlusion"]
    assert plain["agreement"]["sentence"] == one.agreement.sentence
    assert len(plain["pairs"]) == len(one.pairs())
