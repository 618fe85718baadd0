"""The report and the look-up baseline, on numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from binding.io.sequences import ChainSequence
from binding.splits.clusters import cluster_proteins
from binding.splits.leakage import LeakData, Thresholds, find_leaks, look_up
from binding.splits.similarity import fingerprints

from .conftest import mutated, random_sequence

KINASE, LECTIN, STRANGER = random_sequence(120, 1), random_sequence(120, 2), random_sequence(120, 3)
PROTEINS = {"kinase": KINASE, "mutant": mutated(KINASE, 0.6, seed=4), "lectin": LECTIN, "stranger": STRANGER}
ROWS = {  # protein, ligand, pk
    "k1": ("kinase", "CCCOc1ccccc1", 5.0),
    "k2": ("kinase", "C1CCCCC1N", 7.0),
    "l1": ("lectin", "CCOc1ccccc1C", 9.0),
    "q1": ("mutant", "CCOc1ccccc1", 6.0),
    "q2": ("stranger", "CCOc1ccccc1C", 4.0),
    "q3": ("kinase", "OCCCCS", 4.0),
}


@pytest.fixture
def report():
    chains = {name: [ChainSequence(text, False, False)] for name, text in PROTEINS.items()}
    mols = [Chem.MolFromSmiles(smiles) for _, smiles, _ in ROWS.values()]
    known = LeakData(
        pk={name: pk for name, (_, _, pk) in ROWS.items()},
        protein={name: protein for name, (protein, _, _) in ROWS.items()},
        proteins=cluster_proteins(chains),
        prints=dict(zip(ROWS, fingerprints(mols), strict=True)),
    )
    return find_leaks(["k1", "k2", "l1"], {"test": ["q1", "q2"], "validation": ["q3"]}, known, Thresholds(0.3, 0.5))


def test_nearest_protein(report):
    rows = report.rows.set_index("id")
    assert rows.loc["q1", "nearest_protein"] == "k1"
    assert rows.loc["q1", "protein_identity"] == pytest.approx(0.6, abs=0.03)
    assert (rows.loc["q2", "nearest_protein"], rows.loc["q2", "protein_identity"]) == ("", 0.0)
    assert (rows.loc["q3", "nearest_protein"], rows.loc["q3", "protein_identity"]) == ("k1", 1.0)


def test_nearest_ligand_is_of_any_protein_and_the_analogue_of_a_related_one(report):
    rows = report.rows.set_index("id")
    assert (rows.loc["q2", "nearest_ligand"], rows.loc["q2", "ligand_similarity"]) == ("l1", 1.0)
    assert rows.loc["q2", "nearest_analogue"] == ""
    assert np.isnan(rows.loc["q2", "analogue_similarity"])
    assert rows.loc["q1", "nearest_analogue"] == "k1"
    assert rows.loc["q1", "analogue_similarity"] < rows.loc["q1", "ligand_similarity"] + 1e-6


def test_shares(report):
    assert report.shares["test"] == {
        "rows": 2, "same_protein": 0.0, "close_protein": 0.5, "close_ligand": 1.0, "close_analogue": 0.5,
    }  # fmt: skip
    assert report.shares["validation"]["same_protein"] == 1.0
    assert report.shares["validation"]["close_analogue"] == 0.0


def test_look_up_prefers_the_protein_to_the_ligand(report):
    lookup = report.lookup.set_index("id")
    assert lookup.loc["q1", "nearest_neighbour"] == 5.0, "the analogue on the related protein, not the nearest ligand"
    assert lookup.loc["q2", "nearest_neighbour"] == 9.0, "a stranger among proteins: the nearest ligand of all"
    assert list(lookup.columns) == ["nearest_neighbour", "nearest_5_weighted"]


def test_look_up_by_hand():
    similar, pk = np.array([0.5, 1.0, 0.2, 0.9]), np.array([4.0, 6.0, 8.0, 10.0])
    found = look_up(similar, pk, np.array([0, 2]))
    assert found["nearest_neighbour"] == 4.0
    assert found["nearest_5_weighted"] == pytest.approx((0.125 * 4 + 0.008 * 8) / 0.133)
    assert look_up(similar, pk, np.zeros(0, dtype=int))["nearest_neighbour"] == 6.0


def test_look_up_takes_five():
    similar = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.99])
    found = look_up(similar, np.array([1.0, 2.0, 3.0, 4.0, 5.0, 90.0]), np.arange(6))
    assert found["nearest_5_weighted"] == pytest.approx(3.0)


def test_look_up_of_ligands_like_none_is_the_mean():
    assert look_up(np.zeros(3), np.array([1.0, 2.0, 6.0]), np.arange(3))["nearest_5_weighted"] == pytest.approx(3.0)


def test_nothing_held_out_gives_empty_tables_with_their_columns(report):
    chains = {"kinase": [ChainSequence(KINASE, False, False)]}
    mol = fingerprints([Chem.MolFromSmiles("CCO")])
    known = LeakData({"a": 5.0}, {"a": "kinase"}, cluster_proteins(chains), {"a": mol[0]})
    empty = find_leaks(["a"], {"test": []}, known, Thresholds(0.3))
    assert empty.shares == {}
    assert list(empty.rows.columns) == list(report.rows.columns)
    assert list(empty.lookup.columns) == list(report.lookup.columns)
