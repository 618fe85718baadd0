"""pK is bounded to what was ever measured, with a warning, and its parts still add up to it."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from networks import EXAMPLES, SMALL, write_random_weights

from binding import api
from binding.constants import MEASURED_PK
from binding.explanation.contributions import PARTS
from binding.units import dg_from_pk

FILES = (EXAMPLES / "1s2g_protein.pdb.gz", EXAMPLES / "1s2g_ligand.sdf")


@pytest.fixture(params=[300.0, -300.0], ids=["tightest", "weakest"])
def wild(request, tmp_path):
    """Weights that say an absurd pK of everything, and the bound that it comes to."""
    weights = write_random_weights(tmp_path / "wild.safetensors", SMALL, mean_pk=request.param)
    return weights, MEASURED_PK[request.param > 0]


def test_the_row_of_predict(wild):
    weights, bound = wild
    row = api.predict(*FILES, model=weights).iloc[0]
    assert row["status"] == "ok"
    assert row["pk"] == bound
    assert f"pk is bounded to {bound:g}" in row["warnings"]
    assert row["pk_low"] < bound < row["pk_high"]
    assert row["dg_kcal_mol"] == pytest.approx(dg_from_pk(bound))
    assert row["ligand_efficiency"] == pytest.approx(-dg_from_pk(bound) / row["heavy_atoms"])


def test_the_row_of_a_screen(wild, tmp_path):
    weights, bound = wild
    api.screen(FILES[1], tmp_path / "run", protein=FILES[0], model=weights)
    row = pd.read_parquet(next((tmp_path / "run").rglob("part-*.parquet"))).iloc[0]
    assert row["pk"] == bound
    assert f"pk is bounded to {bound:g}" in row["warnings"]


def test_the_parts_of_explain_add_up_to_the_bound(wild):
    weights, bound = wild
    parts = api.explain(*FILES, model=weights).parts.iloc[0]
    assert parts["pk"] == bound
    found = [parts[f"pk_{name}"] for name in PARTS]
    assert math.fsum(value for value in found if not math.isnan(value)) == pytest.approx(bound, abs=1e-6)
    assert abs(parts["pk_bound"]) > 200.0


def test_within_the_bounds_there_is_no_such_part():
    found = api.explain(*FILES)
    assert math.isnan(found.parts["pk_bound"].iloc[0])
    assert "bounded" not in found.parts["warnings"].iloc[0]
