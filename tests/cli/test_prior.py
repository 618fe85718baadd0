"""`binding prior` as a user calls it: 0, or 3 where rows were rejected, or 2; what is told, in a line each."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "prior"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "invariance"))
from dataset import write_dataset
from prior_ligands import DRUGS


@pytest.fixture(scope="module")
def prepared_cache(tmp_path_factory):
    """Of the example complexes."""
    return str(write_dataset(tmp_path_factory.mktemp("data")).path)


@pytest.fixture
def table(tmp_path, monkeypatch):
    """26 drugs, of which the first 25 have affinities that grow with their SMILES."""
    monkeypatch.chdir(tmp_path)
    lines = ["id,smiles,pk,relation,uniprot"]
    lines += [
        f"{name},{smiles},{4 + len(smiles) / 15:.2f},=,P{row % 7}" for row, (name, smiles) in enumerate(DRUGS.items())
    ]
    return lines


def written(lines: list[str]) -> str:
    Path("ligands.csv").write_text("\n".join([*lines, ""]))
    return "ligands.csv"


def test_a_prior_is_fitted_and_told(binding_, table):
    result = binding_("prior", written(table), "-o", "cache/prior.npz")
    assert result.exit_code == 0, result.output
    told = result.stderr.splitlines()
    assert told[0] == "26 of 26 rows, 26 ligands in cache/prior.npz"
    assert told[1].startswith("each predicted without its fold: r ")
    assert told[1].endswith(" pK")
    assert not result.stdout
    with np.load("cache/prior.npz") as file:
        assert (str(file["column"]), file["held_out"].shape) == ("uniprot", (26, 6)), "the defaults of training"


def test_bounds_and_rejected_rows_exit_3(binding_, table):
    lines = [*table, "weak,CCO,4.0,>,P1", "broken,C1C,5.0,=,P1", "unmeasured,CCC,,=,P1"]
    result = binding_("prior", written(lines), "-o", "prior.npz", "--column", "uniprot", "--folds", "3")
    assert result.exit_code == 3, result.output
    told = result.stderr.splitlines()
    assert told[0] == "26 of 29 rows, 26 ligands in prior.npz; 1 bounds left out"
    assert told[2].startswith("2 rejected, the first ")
    assert "broken" in told[2]
    assert [line.split(",")[0] for line in Path("prior.rejected.csv").read_text().splitlines()] == [
        "id",
        "broken",
        "unmeasured",
    ]


def test_sites_are_looked_up_in_caches(binding_, table, prepared_cache):
    """Two rows at the sites of a cache's complexes, one at a site that no cache has."""
    lines = [f"{table[0]},site", *(f"{line}," for line in table[1:])]
    lines[1] += "1s2g"
    lines[2] += "5ht1b-3"
    lines[3] += "1abc"
    result = binding_("prior", written(lines), "-o", "prior.npz", "--sites", prepared_cache, "--folds", "3")
    assert result.exit_code == 3, result.output
    told = result.stderr.splitlines()
    assert told[:2] == ["25 of 26 rows, 25 ligands in prior.npz", "2 rows at 2 different sites"]
    assert told[2].startswith("each ligand predicted without its fold: r ")
    assert told[3].startswith("each ligand at its site predicted without its fold: r ")
    assert "there is no complex '1abc' in" in told[4]
    assert "unknown_site" in Path("prior.rejected.csv").read_text()


def test_quiet_says_nothing(binding_, table):
    result = binding_("prior", written(table), "-o", "prior.npz", "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    assert Path("prior.npz").is_file()


@pytest.mark.parametrize(
    ("keep", "arguments", "told"),
    [
        (27, ("nowhere.csv", "-o", "prior.npz"), "nowhere.csv"),
        (27, ("ligands.csv", "-o", "prior.npz", "--column", "family"), "family"),
        (27, ("ligands.csv", "-o", "prior.npz", "--folds", "1"), "--folds"),
        (27, ("ligands.csv", "-o", "ligands.csv"), "is the table itself"),
        (27, ("ligands.csv",), "--output"),
        (20, ("ligands.csv", "-o", "prior.npz"), "19 different ligands; a prior takes 20 or more"),
        (1, ("ligands.csv", "-o", "prior.npz"), "ligands.csv"),
        (27, ("ligands.csv", "-o", "prior.npz", "--sites", "ligands.csv"), "has no column site"),
    ],
)
def test_what_cannot_be_done_exits_2(binding_, table, keep, arguments, told):
    written(table[:keep])
    result = binding_("prior", *arguments)
    assert result.exit_code == 2, result.output
    assert told in result.stderr
    assert "Traceback" not in result.output
    assert not Path("prior.npz").exists()
