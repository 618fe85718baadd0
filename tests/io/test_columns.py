"""The one list of output columns, and the page that says how to add one."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from rdkit import Chem

from binding.io import columns
from binding.io.columns import PREDICTION, SCREEN_PART, ColumnKind, names
from binding.io.results import ResultRow, to_frame
from binding.screening.parts import SCHEMA

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "developing" / "output_column.md"


def test_every_column_has_a_meaning_and_one_name():
    for table in (PREDICTION, SCREEN_PART, columns.SCREEN_RESULT, columns.SCREEN_TAG):
        assert len(set(names(table))) == len(table)
        assert all(column.text for column in table)
        assert all(column.heading or not column.short for column in table)


def test_rows_and_columns_agree():
    attributes = [f.name for f in fields(ResultRow) if f.name not in ("record", "more")]
    assert attributes == list(names(PREDICTION)), "a column without an attribute goes into `more`"
    assert SCHEMA.names == list(names(SCREEN_PART))
    frame = to_frame([ResultRow("a", "p", "l")])
    kinds = {ColumnKind.NUMBER: "float64", ColumnKind.INTEGER: "Int64", ColumnKind.FLAG: "boolean"}
    for column in PREDICTION:
        if column.kind in kinds:
            assert str(frame[column.name].dtype) == kinds[column.kind], column.name


def test_a_value_without_a_column_is_refused():
    from binding.structures import Ligand

    mol = Chem.MolFromSmiles("CCO")
    ligand = Ligand("x", mol, [[0.0, 0.0, 0.0]] * 3)  # type: ignore[arg-type]
    numbers = {"pk": 5.0, "pk_std": 1.0, "pk_ligand_only": 5.0, "pose": 0.5, "model": "m"}
    with pytest.raises(TypeError, match="no column charm"):
        ResultRow.scored("a", "p", ligand, **numbers, charm=1.0)


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    """A copy of the package in which the steps of the page were followed."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(ROOT / "binding", folder / "binding", ignore=shutil.ignore_patterns("weights", "__pycache__"))
    (folder / "binding" / "weights").symlink_to(ROOT / "binding" / "weights")
    entry, value = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    path = folder / "binding" / "io" / "columns.py"
    text, count = re.subn(
        r"(TRUST: Final = \(\n.*?)\n\)\n", rf"\1\n    {entry.strip()}\n)\n", path.read_text(), count=1, flags=re.DOTALL
    )
    assert count == 1
    path.write_text(text)
    path = folder / "binding" / "score" / "pipeline.py"
    text, count = re.subn(r"(\n    numbers = result[^\n]*\n)", rf"\1    {value.strip()}\n", path.read_text())
    assert count == 1
    path.write_text(text)
    return folder


def run(extended: Path, *arguments: str, code: int = 0) -> str:
    environment = os.environ | {"PYTHONPATH": str(extended), "COLUMNS": "160"}
    command = [sys.executable, "-m", "binding", *arguments]
    done = subprocess.run(command, cwd=extended, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout


def test_the_page_is_followed_step_by_step(extended, examples):
    import pandas as pd

    files = ("-p", str(examples / "1s2g_protein.pdb.gz"), "-l", str(examples / "1s2g_ligand.sdf"))
    bad = extended / "bad.sdf"
    bad.write_text("nothing\n\n\nno counts line\n$$$$\n")
    table = run(extended, "predict", *files, "-l", str(bad), "-o", "rows.jsonl", "--print", "table", code=3)
    assert "rings" in table
    scored, failed = (json.loads(line) for line in (extended / "rows.jsonl").read_text().splitlines())
    assert (scored["num_rings"], failed["num_rings"]) == (3, None)
    run(extended, "predict", *files, "-o", "rows.sdf")
    assert ">  <binding_num_rings>\n3\n" in (extended / "rows.sdf").read_text()
    assert "num_rings" in run(extended, "predict", "--help")
    run(extended, "screen", *files, "-o", "screen")
    results = pd.read_parquet(extended / "screen" / "results.parquet")
    assert results["num_rings"].tolist() == [3]
    assert "num_rings" in (extended / "screen" / "results.csv").read_text().splitlines()[0]
    assert math.isfinite(results["pk"][0])
