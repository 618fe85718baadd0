"""What is told of hits: properties, alerts, scaffolds, substructures, and a choice that differs."""

from __future__ import annotations

import csv
import io

import pytest
from made_screen import DRUGS, make_run
from typer.testing import CliRunner

from binding.cli.main import app
from binding.errors import UsageError
from binding.io.columns import HIT_PROPERTIES, names
from binding.screening.hits import diverse, properties
from binding.screening.store import finalise
from binding.screening.top import find_top


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = make_run(tmp_path_factory.mktemp("hits")).folder
    finalise(run, top=0)
    return run


def test_properties_of_a_drug():
    found = properties(DRUGS["aspirin"])
    assert tuple(found) == names(HIT_PROPERTIES)
    assert found["mol_weight"] == pytest.approx(180.16, abs=0.01)
    assert (found["hbond_donors"], found["hbond_acceptors"], found["rotatable_bonds"]) == (1, 3, 2)
    assert found["qed"] == pytest.approx(0.55, abs=0.01)
    assert found["scaffold"] == "c1ccccc1"
    assert "Brenk phenol_ester" in found["alerts"]


@pytest.mark.parametrize(
    ("smiles", "alert"),
    [("O=C1NC(=S)SC1=Cc1ccccc1", "PAINS ene_rhod_A"), ("CC(=O)Cl", "Brenk acid_halide"), ("CCO", "")],
)
def test_alerts_name_their_catalogue(smiles, alert):
    found = properties(smiles)["alerts"]
    assert alert in found
    assert bool(found) == bool(alert)


@pytest.mark.parametrize("smiles", [None, "", "c1cc"])
def test_what_has_no_structure_has_no_properties(smiles):
    assert set(properties(smiles).values()) == {None}


@pytest.mark.parametrize(
    ("smarts", "expected"),
    [
        (["C(=O)[OH]"], ["ibuprofen", "aspirin"]),
        (["!F", "c1ccccc1"], ["ibuprofen", "aspirin", "paracetamol"]),
        (["[#35]"], []),
    ],
)
def test_substructures(finished, smarts, expected):
    assert find_top(finished, 10, smarts=smarts).rows["compound"].to_pylist() == expected
    assert find_top(finished, 1, smarts=smarts).rows["compound"].to_pylist() == expected[:1]


@pytest.mark.parametrize("smarts", ["C(", "", "!"])
def test_what_is_no_pattern(finished, smarts):
    with pytest.raises(UsageError, match="no SMARTS"):
        find_top(finished, smarts=[smarts])


def test_the_best_of_each_group_is_chosen():
    acids = [f"{'C' * n}(=O)O" for n in (4, 5, 6)]
    others = ["c1ccccc1Cl", None, "c1ccccc1Br", "C1CCNCC1"]
    assert diverse([*acids, *others], 3) == [0, 3, 6]
    assert diverse([*acids, *others], 100) == [0, 1, 2, 3, 5, 6]
    assert diverse(["CCO"] * 5, 2) == [0, 1]


def test_on_the_command_line(finished):
    done = CliRunner().invoke(app, ["top", str(finished), "--diverse", "2", "--properties", "--print", "csv"])
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert rows[0]["compound"] == "fluconazole"
    assert len(rows) == 2
    assert [float(row["qed"]) > 0 for row in rows] == [True, True]
    table = CliRunner().invoke(app, ["top", str(finished), "--properties", "--print", "table"], env={"COLUMNS": "80"})
    assert "QED" in table.stdout
    assert max(map(len, table.stdout.splitlines())) <= 80
    assert "fluconazole" in table.stdout
