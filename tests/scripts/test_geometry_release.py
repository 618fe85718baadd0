"""How the geometry expert of a release is judged and joined: held-out priors, families, the line and its error bars."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scripts.release.families import families, folds_of
from scripts.release.geometry import LEAST_GEOMETRY, by, described, deviations, joined, line_of, resampled, shares
from scripts.release.left_out import conjugate_gradients


def test_fits_without_rows_are_those_of_a_direct_solve():
    generator = np.random.default_rng(0)
    points = generator.normal(size=(60, 4))
    matrix = np.exp(-0.5 * ((points[:, None] - points) ** 2).sum(-1)).astype(np.float32)
    values, kept = generator.normal(size=60), generator.random((60, 3)) < 0.7
    weights = conjugate_gradients(matrix, 0.4, values[:, None] * kept, kept)
    for column, rows in enumerate(kept.T):
        inside = np.flatnonzero(rows)
        direct = np.linalg.solve(matrix[np.ix_(inside, inside)] + 0.4 * np.eye(len(inside)), values[inside])
        assert np.allclose(weights[inside, column], direct, atol=0.02)
        assert not weights[~rows, column].any()


def test_families_are_joined_by_family_accession_and_sequence():
    table = pd.DataFrame(
        {
            "id": ["a", "b", "c", "d", "e", "f"],
            "source": ["crystal"] * 5 + ["borrowed"],
            "uniprot": ["P1", "P1", "P2", None, None, "P2"],
            "pfam_cluster": ["kinase", None, None, None, None, None],
        }
    )
    groups = families(table, {"c": "d", "d": "d", "e": "e"})
    assert groups[0] == groups[1]  # one accession
    assert groups[2] == groups[3] == groups[5]  # like sequences, and the accession of a borrowed protein
    assert len(set(groups)) == 3


def test_a_group_lies_in_one_fold_and_folds_are_of_like_size():
    groups = ["large"] * 40 + [f"g{k}" for k in range(80)]
    fold = folds_of(groups)
    sizes = pd.Series([fold[name] for name in groups]).value_counts()
    assert set(fold.values()) == {0, 1, 2, 3}
    assert sizes.max() == 40
    assert sizes.min() >= 26


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """pk is 1 + 0.3 prior + 0.6 geometry, with an error that is half as large where the ligand is known."""
    generator, count = np.random.default_rng(1), 3000
    known, near = generator.random(count), generator.random(count)
    prior, geometry = generator.normal(6.0, 1.0, (2, count))
    error = generator.normal(size=count) * (1.0 - 0.5 * known)
    group = generator.integers(0, 300, count)
    return pd.DataFrame(
        {"prior": prior, "geometry": geometry, "known": known, "near": near}
        | {"pk_true": 1.0 + 0.3 * prior + 0.6 * geometry + error}
        | {"group": group.astype(str), "fold": group % 4, "way": np.where(np.arange(count) % 2, "family", "ligand")}
    )


def test_line_and_error_bars_are_found(rows):
    line = line_of(rows, ["prior", "geometry"])
    assert line[[1, 4]] == pytest.approx([0.3, 0.3], abs=0.12)
    assert line[[2, 5]] == pytest.approx([0.6, 0.6], abs=0.12)
    said = by(line, rows, ["prior", "geometry"])
    assert said == pytest.approx((1.0 + 0.3 * rows["prior"] + 0.6 * rows["geometry"]).to_numpy(), abs=0.4)
    found = deviations(rows, line, ["prior", "geometry"])
    assert found["std"] == pytest.approx(1.0, abs=0.06)
    assert found["known_narrowing"] == pytest.approx(0.5, abs=0.06)
    assert found["near_narrowing"] < 0.06
    assert found["interval_90"] == pytest.approx(1.645, abs=0.1)


def test_weights_that_depend_on_what_is_known_are_found(rows):
    """Where the very complex was measured the prior says nearly all; the geometry keeps its least weight."""
    known = rows["known"]
    here = 1.0 + 0.3 * rows["prior"] + 0.6 * rows["geometry"]
    there = -0.2 + 1.1 * rows["prior"] + 0.1 * rows["geometry"]
    line = line_of(rows.assign(pk_true=(1.0 - known) * here + known * there), ["prior", "geometry"])
    assert line[[1, 2, 4]] == pytest.approx([0.3, 0.6, 1.1], abs=0.1)
    assert line[5] == pytest.approx(LEAST_GEOMETRY, abs=1e-6)
    card = described(line, ["prior", "geometry"])
    assert list(card) == ["offset", "prior", "geometry", "measured"]
    assert set(card["measured"]) == {"offset", "prior", "geometry"}
    assert "measured" not in described(line_of(rows, ["geometry"]), ["geometry"])


def test_figures_come_from_other_folds_and_their_intervals_from_whole_groups(rows):
    settings, figures = joined(rows)
    assert set(settings) == {"all", "network", "prior"}
    assert set(settings["network"]["calibration"]) == {"std", "interval_90", "near_narrowing"}
    of_all = figures["all"]["family"]
    assert of_all["r"]["value"] > figures["prior"]["family"]["r"]["value"]
    assert of_all["r"]["low"] < of_all["r"]["value"] < of_all["r"]["high"]
    assert of_all["error_bars"]["inside_90"]["value"] == pytest.approx(0.9, abs=0.03)
    assert of_all["error_bars"]["ece"] < 0.03
    by_known = figures["error_bars_by"]["known"]
    assert sum(part["n"] for part in by_known) == len(rows)
    assert by_known[0]["rmse"] > by_known[-1]["rmse"]
    parts = shares(rows, settings["all"]["line"])
    assert sum(parts.values()) == pytest.approx(1.0)
    for draw in resampled(rows["group"])[:3]:
        counts = rows["group"].iloc[draw].value_counts()
        assert (counts % rows["group"].value_counts().reindex(counts.index) == 0).all()
