"""Numbers that an option cannot take: each is refused by name, with what to do, before any work begins."""

from __future__ import annotations

import pytest

NO_LENGTHS = ("nan", "inf", "-inf", "-1", "0", "1e308")
NO_SECONDS = ("nan", "inf", "-inf", "-1", "0")
NO_SHARES = ("nan", "inf", "-inf", "-0.1", "1", "1e308")
NO_COUNTS = ("nan", "-1", "1.5", "many", "")


def each(option, values, *before):
    return [pytest.param((*before, f"{option}={value}"), id=f"{option} {value}") for value in values]


PREDICT = (
    *each("--pocket-cutoff", NO_LENGTHS),
    *each("--radius", NO_LENGTHS, "--center", "1", "1", "1"),
    *each("--time-limit", NO_SECONDS),
    *each("--batch-size", (*NO_COUNTS, "0")),
    *each("--workers", NO_COUNTS),
    *each("--evidence", (*NO_COUNTS, "101", "99999999999999999999")),
    *(
        pytest.param(("--radius", "8", "--center", value, "1", "1"), id=f"--center {value}")
        for value in ("nan", "inf", "-inf", "1e308", "x")
    ),
)


def refused(result):
    assert result.exit_code == 2, result.output
    assert "hint: " in result.stderr or "Invalid value for" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("options", PREDICT)
def test_predict(binding_, made, options):
    refused(binding_("predict", "-p", made.protein, "-l", made.ligands["aspirin"], *options))


@pytest.mark.parametrize("options", [*each("--limit", NO_SECONDS), *each("--draws", (*NO_COUNTS, "0"))])
def test_probe(binding_, made, options):
    refused(binding_("probe", "-p", made.protein, "-l", made.ligands["aspirin"], *options))


@pytest.mark.parametrize("options", [*each("--pocket-cutoff", NO_LENGTHS), *each("--time-limit", NO_SECONDS)])
def test_prepare(binding_, made, tmp_path, options):
    (tmp_path / "list.csv").write_text(f"id,protein,ligand,pk\na,{made.protein},{made.ligands['aspirin']},6\n")
    refused(binding_("prepare", "list.csv", "-o", "cache.npz", *options))
    assert not list(tmp_path.glob("cache*"))


@pytest.mark.parametrize(
    "options",
    [
        *(option for name in ("--test", "--validation") for option in each(name, NO_SHARES)),
        *(option for name in ("--identity", "--similarity") for option in each(name, ("nan", "inf", "-1", "0", "1.5"))),
        *each("--seed", NO_COUNTS),
    ],
)
def test_split(binding_, tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"a{k},{'C' * (k + 1)}O,MKV{'A' * k},6\n" for k in range(8))
    (tmp_path / "rows.csv").write_text(f"id,smiles,sequence,pk\n{rows}")
    refused(binding_("split", "rows.csv", "-o", "split.csv", *options))
    assert not (tmp_path / "split.csv").exists()


@pytest.mark.parametrize(
    "options",
    [
        *each("--jobs", (*NO_COUNTS, "0", "99999999999999999999")),
        *each("--attempts", (*NO_COUNTS, "0")),
        *each("--timeout", (*NO_SECONDS, "1e308")),
    ],
)
def test_fetch(binding_, tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").write_text("1abc\n")
    refused(binding_("fetch", "list.txt", "-o", "entries", "--entry-url=http://127.0.0.1:9/{id}", *options))
