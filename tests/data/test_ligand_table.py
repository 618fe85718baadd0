"""A table of measured ligands becomes a prior: each row is used, a bound, or rejected with its reason."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from binding_sites import NOWHERE
from prior_ligands import DRUGS, drugs, invented_pk

from binding.data.ligand_table import LigandsBySmiles, SitesByComplex, prior_from_table
from binding.errors import CacheError, FileError, LigandError, TableError, UsageError, WriteError
from binding.folds import fold_of
from binding.metrics import pearson
from binding.prior.fit import fit_prior
from binding.prior.held_out import FittedPrior

HEADER = ["id", "smiles", "pk", "relation", "uniprot"]
RULE = {"column": "uniprot", "folds": 3}


def good_rows() -> list[list[str]]:
    pk = invented_pk(drugs())
    return [
        [name, smiles, f"{value:.2f}", "=", f"P{row // 2}"]
        for row, (name, smiles, value) in enumerate(zip(DRUGS, DRUGS.values(), pk, strict=True))
    ]


@pytest.fixture
def write(tmp_path):
    def make(rows: list[list[str]], header: list[str] = HEADER):
        path = tmp_path / "ligands.csv"
        with path.open("w", newline="") as stream:
            csv.writer(stream).writerows([header, *rows])
        return path

    return make


@pytest.fixture
def output(tmp_path):
    return tmp_path / "cache" / "prior.npz"


def rejected_of(output) -> list[dict[str, str]]:
    with output.with_suffix(".rejected.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_table_becomes_a_prior(write, output):
    report = prior_from_table(write(good_rows()), output, **RULE)
    assert (report.path, report.asked, report.used, report.ligands) == (output, 26, 26, 26)
    assert (report.bounds, report.rejected) == (0, [])
    assert rejected_of(output) == []
    fitted = FittedPrior.load(output)
    assert (len(fitted.prior), fitted.column, fitted.folds) == (26, "uniprot", 3)
    expected = fit_prior(drugs(), [float(row[2]) for row in good_rows()], [row[4] for row in good_rows()], "uniprot", 3)
    assert fitted.held_out == pytest.approx(expected.held_out, abs=1e-5)


def test_figures_are_of_rows_held_out_by_fold(write, output):
    report = prior_from_table(write(good_rows()), output, **RULE)
    assert report.held_out["ligand"] != report.held_out["site"], "two fits, though no site is known"
    held_out = FittedPrior.load(output).held_out
    fold = [fold_of(row[4], 3) for row in good_rows()]
    found, truth = held_out[np.arange(26), fold], np.array([float(row[2]) for row in good_rows()])
    rmse = float(np.sqrt(np.square(found - truth).mean()))
    assert report.held_out["ligand"] == pytest.approx({"r": float(pearson(found, truth)), "rmse": rmse}, abs=1e-4)
    one = [[*row[:4], "P1"] for row in good_rows()]
    assert prior_from_table(write(one), output, **RULE).held_out == {}, "one group cannot be held out"


def test_every_row_is_used_a_bound_or_rejected(write, output):
    rows = good_rows()
    odd = [
        ["unclosed ring", "c1ccccc", "6.0", "=", "P1"],
        ["five bonds", "C(C)(C)(C)(C)C", "6.0", "=", "P1"],
        ["no affinity", "CCO", "", "=", "P1"],
        ["words", "CCO", "strong", "=", "P1"],
        ["nan", "CCO", "nan", "=", "P1"],
        ["no structure", "", "6.0", "=", "P1"],
        ["", "CCO", "6.0", "=", "P1"],
    ]
    # The sign is that of the measured constant; a bound with a broken SMILES is left out like any other.
    bounds = [["weak", "CCO", "4.0", ">", "P1"], ["strong", "CCN", "9.0", "<", "P1"], ["both", "C1C", "4", ">", "P1"]]
    again = [
        ["aspirin", DRUGS["aspirin"], "5.0", "=", "P9"],
        ["aspirin", DRUGS["aspirin"], "5.5", "~", "P8"],
    ]  # about 5.5 is no bound
    report = prior_from_table(write([*odd, *rows, *bounds, *again]), output, **RULE)
    assert report.asked == len(rows) + len(odd) + len(bounds) + len(again)
    assert report.asked == report.used + report.bounds + len(report.rejected)
    assert (report.used, report.ligands, report.bounds) == (len(rows) + 2, 26, 3)
    assert [row.id for row in report.rejected] == [row[0] for row in odd]
    written = rejected_of(output)
    assert [(row["id"], row["error_code"]) for row in written] == [(row.id, row.error_code) for row in report.rejected]
    codes = [row["error_code"] for row in written]
    assert codes[:5] == ["bad_smiles", "sanitization_failed", "no_affinity", "bad_affinity", "bad_affinity"]
    assert codes[6] == "bad_id"
    assert all(row["message"] and row["hint"] for row in written)


def test_progress_ends_however_the_last_row_is(write, output):
    seen = []
    rows = [*good_rows(), ["bad", "C1C", "5", "=", "P1"], ["bound", "CC", "4", ">", "P1"]]
    prior_from_table(write(rows), output, progress=lambda done, of: seen.append((done, of)), **RULE)
    assert seen == [*((number, 28) for number in range(28)), *((number, 8) for number in range(1, 9))]


def test_blank_groups_and_numbers_are_read_as_training_reads_them(write, output):
    """A blank is a group of its own, or of its receptor's; a cluster 3.0 is the cluster 3 of a cache."""
    rows = good_rows()
    for number, row in enumerate(rows):
        row[4] = f"{number // 2}.0"
        row.append("")
    rows[6][4] = rows[7][4] = ""
    rows[7][5] = "4yay"
    prior_from_table(write(rows, [*HEADER, "protein"]), output, **RULE)
    groups = [str(number // 2) for number in range(len(rows))]
    groups[6:8] = [f"row {rows[6][0]}", "row 4yay"]
    expected = fit_prior(drugs(), [float(row[2]) for row in rows], groups, "uniprot", 3)
    assert FittedPrior.load(output).held_out == pytest.approx(expected.held_out, abs=1e-5)


def test_units_are_those_of_every_table(write, output):
    rows = [[row[0], row[1], f"Ki={10 ** (9 - float(row[2])):.4g}nM", row[4]] for row in good_rows()]
    prior_from_table(write(rows, ["id", "smiles", "affinity", "uniprot"]), output, **RULE)
    mean = np.mean([float(row[2]) for row in good_rows()])
    assert FittedPrior.load(output).prior.mean == pytest.approx(mean, abs=0.01)


# ---------------------------------------------------------------- with sites


def test_rows_are_at_the_sites_of_a_caches_complexes(write, output, prepared, cache):
    names = ["1s2g", "5ht1b-0", "5ht1b-3", "", "4cup"]
    rows = [[*row, names[number % 5]] for number, row in enumerate(good_rows())]
    report = prior_from_table(write(rows, [*HEADER, "site"]), output, sites=[prepared.path], **RULE)
    ids = cache.table["id"].tolist()
    words = [cache.site_words(ids.index(row[-1])) if row[-1] else NOWHERE for row in rows]
    assert (report.used, report.sited) == (26, sum(bool(row[-1]) for row in rows))
    assert report.sites == len({tuple(site) for site in words if len(site)})
    expected = fit_prior(drugs(), [float(row[2]) for row in rows], [row[4] for row in rows], "uniprot", 3, sites=words)
    fitted = FittedPrior.load(output)
    assert fitted.held_out_at_site == pytest.approx(expected.held_out_at_site, abs=1e-5)
    fold, truth = np.array([fold_of(row[4], 3) for row in rows]), np.array([float(row[2]) for row in rows])
    said = fitted.held_out_at_site[np.arange(26), fold]
    assert report.held_out["site"]["r"] == pytest.approx(float(pearson(said, truth)), abs=1e-4)


def test_the_first_cache_that_has_an_id_counts(write, output, prepared, cache, tmp_path):
    """In a second cache the serotonin receptor's complex is called 1s2g, and another complex is new."""
    arrays = dict(np.load(prepared.path))
    table = arrays["table"].tobytes().decode().replace("1s2g,", "new,").replace("5ht1b-0,", "1s2g,")
    other = tmp_path / "other.npz"
    np.savez(other, **(arrays | {"table": np.frombuffer(table.encode(), dtype=np.uint8)}))
    rows = [[*row, ["1s2g", "new"][number == 3] if number < 4 else ""] for number, row in enumerate(good_rows())]
    ids = cache.table["id"].tolist()
    for caches, place in (([prepared.path, other], "1s2g"), ([other, prepared.path], "5ht1b-0")):
        prior_from_table(write(rows, [*HEADER, "site"]), output, sites=caches, **RULE)
        fit = FittedPrior.load(output).prior.at_site
        first = fit.sites.split()[fit.row_site[0]]
        assert first.tolist() == cache.site_words(ids.index(place)).tolist()
        assert len(fit.sites) == (1 if place == "1s2g" else 2), "new is the first cache's 1s2g by another name"


def test_a_site_that_no_cache_has_rejects_its_row(write, output, prepared):
    rows = [[*row, "1abc" if number == 4 else ""] for number, row in enumerate(good_rows())]
    report = prior_from_table(write(rows, [*HEADER, "site"]), output, sites=[prepared.path], **RULE)
    assert (report.asked, report.used, report.sited, report.sites) == (26, 25, 0, 0)
    (row,) = rejected_of(output)
    assert (row["id"], row["error_code"]) == (rows[4][0], "unknown_site")
    assert "'1abc'" in row["message"]
    assert "blank" in row["hint"]


def test_sites_that_are_told_by_half(write, output, prepared):
    rows = [[*row, "1s2g"] for row in good_rows()]
    with pytest.raises(UsageError, match="has a column site, and no cache") as caught:
        prior_from_table(write(rows, [*HEADER, "site"]), output, **RULE)
    assert "--sites" in caught.value.hint
    with pytest.raises(UsageError, match="has no column site") as caught:
        prior_from_table(write(good_rows()), output, sites=[prepared.path], **RULE)
    assert "--sites" in caught.value.hint
    with pytest.raises(CacheError, match=r"no cache .*none\.npz"):
        prior_from_table(write(rows, [*HEADER, "site"]), output, sites=[output.with_name("none.npz")], **RULE)
    assert not output.exists()


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize("missing", ["id", "smiles", "uniprot", "pk"])
def test_a_missing_column_is_named(write, output, missing):
    place = HEADER.index(missing)
    rows = [[cell for at, cell in enumerate(row) if at != place] for row in good_rows()]
    with pytest.raises(TableError, match="affinit" if missing == "pk" else missing):
        prior_from_table(write(rows, [name for name in HEADER if name != missing]), output, **RULE)
    assert not output.exists()


def test_no_row_that_can_be_used(write, output):
    rows = [["a", "C1C", "6.0", "=", "P1"], ["b", "CC", "4.0", ">", "P1"]]
    with pytest.raises(TableError, match=r"No row of .*ligands\.csv can be used") as caught:
        prior_from_table(write(rows), output, **RULE)
    assert "prior.rejected.csv" in caught.value.hint
    assert [row["error_code"] for row in rejected_of(output)] == ["bad_smiles"]
    assert not output.exists()


def test_too_few_ligands_leave_the_earlier_prior(write, output):
    prior_from_table(write(good_rows()), output, **RULE)
    before = output.read_bytes()
    with pytest.raises(UsageError, match="19 different ligands"):
        prior_from_table(write(good_rows()[:19]), output, **RULE)
    assert output.read_bytes() == before


def test_a_missing_table(tmp_path, output):
    with pytest.raises(FileError):
        prior_from_table(tmp_path / "none.csv", output, **RULE)


def test_the_table_is_not_written_over(write, tmp_path):
    path = write(good_rows())
    before = path.read_bytes()
    with pytest.raises(UsageError, match="is the table itself"):
        prior_from_table(path, tmp_path / "cache" / ".." / "ligands.csv", **RULE)
    assert path.read_bytes() == before


def test_an_output_that_cannot_be_written(write, tmp_path):
    output = tmp_path / "folder.npz"
    output.mkdir()
    with pytest.raises(WriteError, match="cannot be written") as caught:
        prior_from_table(write(good_rows()), output, **RULE)
    assert caught.value.code == "not_writable"


# ---------------------------------------------------------------- what a row names


def test_a_ligand_that_occurs_again_is_the_same_object():
    ligands = LigandsBySmiles()
    aspirin = ligands.graph("CC(=O)Oc1ccccc1C(=O)O", "aspirin")
    assert aspirin.num_atoms == 13
    assert ligands.graph("CC(=O)Oc1ccccc1C(=O)O", "another name") is aspirin


def test_a_ring_that_is_not_closed_is_told_by_its_name():
    with pytest.raises(LigandError, match="unclosed"):
        LigandsBySmiles().graph("c1ccccc", "unclosed")


def test_the_site_of_a_complex_has_the_words_of_its_row(prepared, cache):
    for row, name in enumerate(cache.table["id"]):
        words = SitesByComplex([prepared.path]).words(name, "row")
        np.testing.assert_array_equal(words, cache.site_words(row))


def test_a_site_that_is_not_known_has_no_words():
    assert not len(SitesByComplex([]).words("", "row"))


def test_an_unknown_complex_is_refused_with_the_row_that_names_it(prepared):
    with pytest.raises(TableError, match=r"row 7.*no_such_complex") as refused:
        SitesByComplex([prepared.path]).words("no_such_complex", "row 7")
    assert refused.value.code == "unknown_site"
