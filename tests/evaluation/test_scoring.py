from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from binding.errors import TableError
from binding.evaluation import evaluate
from binding.evaluation.join import TruthColumns, join
from binding.io.index import IndexEntry, read_index
from binding.units import Affinity

N = 40


def truth() -> list[IndexEntry]:
    generator = np.random.default_rng(1)
    return [IndexEntry(f"c{i}", Affinity(float(pk))) for i, pk in enumerate(generator.normal(6.0, 2.0, N))]


def predictions(noise: float = 1.0) -> pd.DataFrame:
    generator = np.random.default_rng(2)
    pk = np.array([entry.affinity.pk for entry in truth()])
    return pd.DataFrame(
        {
            "id": [f"c{i}" for i in range(N)],
            "pk": pk + noise * generator.normal(size=N),
            "pk_std": 1.0,
            "pk_ligand_only": pk + 2.0 * generator.normal(size=N),
            "heavy_atoms": generator.integers(10, 40, N),
        }
    )


def test_rows_are_joined_by_id_and_not_by_place():
    straight = evaluate(predictions(), truth())
    shuffled = evaluate(predictions().sample(frac=1.0, random_state=0), truth()[::-1])
    assert shuffled.model.metrics["rmse"].value == pytest.approx(straight.model.metrics["rmse"].value, abs=1e-12)


def test_every_row_is_accounted_for():
    table = predictions()
    table.loc[3, "pk"] = np.nan  # failed
    table = pd.concat([table[table["id"] != "c5"], pd.DataFrame({"id": ["zz"], "pk": [5.0]})])  # missing, extra
    measured = truth()
    measured[7] = IndexEntry("c7", Affinity(5.0, "<", "IC50"))  # a bound
    measured[8] = IndexEntry("c8", Affinity(5.0, "~", "Kd"))  # about: counts as a value
    counts = evaluate(table, measured).counts
    assert (counts.asked, counts.scored, counts.failed, counts.missing, counts.censored, counts.extra) == (
        N, N - 3, 1, 1, 1, 1,
    )  # fmt: skip
    assert counts.asked == counts.scored + counts.failed + counts.missing + counts.censored


def test_figures_are_those_of_the_joined_rows():
    report = evaluate(predictions(), truth())
    joined = report.joined
    assert report.model.metrics["rmse"].value == pytest.approx(np.sqrt(np.mean(joined["error"] ** 2)))
    assert report.model.metrics["r"].value == pytest.approx(np.corrcoef(joined["pk"], joined["pk_true"])[0, 1])


def test_baselines_stand_in_the_same_table():
    report = evaluate(predictions(), truth())
    assert [column.name for column in report.columns] == ["pk", "pk_ligand_only", "heavy_atoms"]
    heavy = report.columns[2]
    spread = np.std([entry.affinity.pk for entry in truth()])
    assert heavy.metrics["rmse"].value <= spread  # a fitted line is never worse than the mean
    assert "fitted on these very rows" in heavy.note
    assert report.comparisons[0].differences["r"].low > 0  # noise 1 against noise 2


def test_columns_that_are_not_there_are_not_made_up():
    report = evaluate(predictions()[["id", "pk"]], truth())
    assert [column.name for column in report.columns] == ["pk"]
    assert report.comparisons == []
    assert report.coverage == {}


def test_peers_are_compared_on_the_rows_they_have():
    peers = pd.DataFrame({"id": [f"c{i}" for i in range(N)], "pk": 0.0, "other": predictions(3.0)["pk"], "tool": "x"})
    peers.loc[:9, "other"] = np.nan
    report = evaluate(predictions(), truth(), peers=peers)
    assert (report.columns[-1].name, report.columns[-1].n) == ("other", N - 10)
    comparison = report.comparisons[-1]
    assert comparison.n == N - 10
    rest = evaluate(predictions().iloc[10:], truth())
    expected = rest.model.metrics["rmse"].value - report.columns[-1].metrics["rmse"].value
    assert comparison.differences["rmse"].value == pytest.approx(expected)


def test_coverage_of_a_calibrated_spread():
    generator = np.random.default_rng(3)
    measured = [IndexEntry(f"c{i}", Affinity(6.0)) for i in range(4000)]
    table = pd.DataFrame({"id": [e.id for e in measured], "pk": 6.0 + 0.5 * generator.normal(size=4000), "pk_std": 0.5})
    coverage = evaluate(table, measured, resamples=0).coverage
    assert coverage["within_1_std"] == pytest.approx(0.683, abs=0.03)
    assert coverage["within_2_std"] == pytest.approx(0.954, abs=0.02)


def test_calibration_is_the_share_within_each_width():
    """Errors of 0.1 to 1.0 with a spread of 0.4: 0.1 (k 0.25), 0.2 (0.5), 0.3, 0.4 (1) ... 0.8 (2)."""
    measured = [IndexEntry(f"c{i}", Affinity(6.0)) for i in range(10)]
    error = np.arange(1, 11) / 10.0
    table = pd.DataFrame({"id": [e.id for e in measured], "pk": 6.0 + error, "pk_std": 0.4 + 1e-9})
    calibration = evaluate(table, measured, resamples=0).calibration.set_index("k")
    assert calibration["observed"][[0.25, 1.0, 2.0, 3.0]].tolist() == [0.1, 0.4, 0.8, 1.0]
    assert calibration["expected"][[1.0, 2.0]].tolist() == pytest.approx([0.6827, 0.9545], abs=1e-4)
    assert (calibration["n"] == 10).all()


def test_size_and_weight_come_from_the_smiles_where_predictions_lack_them():
    smiles = {"ethanol": "CCO", "benzene": "c1ccccc1", "phenol": "Oc1ccccc1", "odd": "not a molecule", "none": ""}
    measured = [IndexEntry(name, Affinity(5.0 + i), {"smiles": s}) for i, (name, s) in enumerate(smiles.items())]
    table = pd.DataFrame({"id": list(smiles), "pk": [5.0, 6.0, 7.0, 8.0, 9.0]})
    report = evaluate(table, measured, resamples=0)
    assert [(c.name, c.n) for c in report.columns] == [("pk", 5), ("heavy_atoms", 3), ("mol_weight", 3)]
    scores = join(table, measured, "pk", TruthColumns(), None).scores
    assert scores["heavy_atoms"].tolist()[:3] == [3, 6, 7]
    assert scores["mol_weight"].tolist()[:3] == pytest.approx([46.07, 78.11, 94.11], abs=0.01)


def test_weight_of_the_predictions_is_preferred():
    report = evaluate(predictions().assign(mol_weight=np.arange(N) + 200.0), truth(), resamples=0)
    assert [column.name for column in report.columns] == ["pk", "pk_ligand_only", "heavy_atoms", "mol_weight"]


def test_a_peer_named_like_the_model_stands_beside_it():
    peers = predictions(3.0)[["id", "heavy_atoms"]].assign(pk_std=5.0)
    names = [column.name for column in evaluate(predictions(), truth(), peers=peers, resamples=0).columns]
    assert names == ["pk", "pk_ligand_only", "heavy_atoms", "heavy_atoms (peers)", "pk_std"]


def test_constant_predictions_are_reported_and_not_a_crash():
    report = evaluate(predictions().assign(pk=6.0), truth())
    assert math.isnan(report.model.metrics["r"].value)
    assert json.loads(json.dumps(report.as_dict(), allow_nan=False))["columns"][0]["metrics"]["r"]["value"] is None


def test_all_failed_is_reported_and_not_a_crash():
    report = evaluate(predictions().assign(pk=np.nan), truth())
    assert (report.counts.scored, report.counts.failed) == (0, N)
    assert math.isnan(report.model.metrics["rmse"].value)


@pytest.mark.parametrize(
    ("table", "said", "hinted"),
    [
        (predictions().drop(columns="pk"), "no column 'pk'", "Columns found: id, pk_std"),
        (predictions().rename(columns={"id": "name"}), "no column 'id'", "Columns found: name"),
        (predictions().assign(id="c1"), "'c1' more than once", "choose a pose"),
        (predictions().assign(id=[f"x{i}" for i in range(N)]), "No id is both", "x0, x1, x2 ..."),
        (
            predictions().assign(ligand=[f"c{i}" for i in range(N)], id=[f"x{i}" for i in range(N)]),
            "No id is both",
            "add --id-column ligand",
        ),
    ],
)
def test_tables_that_do_not_fit_say_why(table, said, hinted):
    with pytest.raises(TableError) as caught:
        evaluate(table, truth())
    assert said in caught.value.message
    assert hinted in caught.value.hint


def test_columns_named_like_ours_do_not_get_in_the_way():
    table = predictions().assign(pk_true=0.0, error=0.0)
    assert evaluate(table, truth()).model == evaluate(predictions(), truth()).model


def test_what_is_written(tmp_path):
    report = evaluate(predictions(), truth())
    paths = report.write(tmp_path / "out")
    assert [path.name for path in paths] == ["metrics.json", "metrics.csv", "joined.csv", "calibration.csv"]
    stored = json.loads(paths[0].read_text())
    assert stored["columns"][0]["metrics"]["r"]["value"] == pytest.approx(report.model.metrics["r"].value)
    assert stored["counts"]["scored"] == N
    figures = pd.read_csv(paths[1])
    assert figures["name"].tolist() == ["pk", "pk_ligand_only", "heavy_atoms"]
    assert figures["r_low"][0] < figures["r"][0] < figures["r_high"][0]
    assert len(pd.read_csv(paths[2])) == N


def test_published_scorers_on_casf2016(shared_data):
    folder = shared_data / "casf2016"
    peers = pd.read_csv(folder / "peer_predictions.csv").drop(columns="pk")
    gems = peers[["id", "gems"]]
    report = evaluate(gems, read_index(folder / "index.csv"), column="gems", peers=peers[["id", "vina"]])
    assert (report.counts.scored, report.counts.failed) == (270, 15)
    assert round(report.model.metrics["r"].value, 3) == 0.774
    assert report.comparisons[0].differences["r"].p_value < 0.01
