"""Requests to rows: order, ids, windows, failures, workers that die."""

import gzip
import os

import numpy as np
import pytest
from rdkit import Chem

from binding import api
from binding.errors import BindingError, FileError, StructureError, UsageError
from binding.io.structure import read_protein
from binding.io.table import Request
from binding.score import jobs, network
from binding.score import pipeline as scoring
from binding.score.featurize import featurize
from binding.score.options import ScoringOptions, parse_pocket
from binding.score.pipeline import predict_rows


def predict_requests(requests, scorer, **options):
    return predict_rows(requests, ScoringOptions(model=scorer, **options))


def requests_for(made, names):
    return [Request(None, made.protein, made.ligands[name]) for name in names]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_rows_keep_the_order_of_the_requests(made, scorer, workers, batch_size):
    names = ["caffeine", "aspirin", "paracetamol"] * 5
    rows = list(predict_requests(requests_for(made, names), scorer, workers=workers, batch_size=batch_size))
    assert [row.ligand for row in rows] == names
    assert [row.pk * 4 for row in rows] == [row.heavy_atoms for row in rows]
    assert len({row.id for row in rows}) == 15
    assert all(sizes == sorted(sizes) and len(sizes) <= batch_size for sizes in scorer.batches)


def test_workers_give_what_this_process_gives(made, scorer):
    requests = [Request(None, made.protein, made.library), *requests_for(made, ["aspirin"])]
    here = list(predict_requests(requests, scorer, workers=0))
    there = list(predict_requests(requests, scorer, workers=2))
    assert [row.as_dict() for row in here] == [row.as_dict() for row in there]
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one.record.positions, other.record.positions)
        np.testing.assert_array_equal(
            one.record.mol.GetConformer().GetPositions(), other.record.mol.GetConformer().GetPositions()
        )


def test_a_large_file_is_split_and_loses_nothing(made, scorer, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "LARGE_FILE_BYTES", 10)
    library = tmp_path / "big.sdf"
    library.write_text(made.library.read_text() * 9)
    rows = list(predict_requests([Request(None, made.protein, library)], scorer, workers=2))
    assert [row.id for row in rows] == [f"big:{number}" for number in range(1, 28)]
    assert [row.ligand for row in rows] == ["aspirin", "paracetamol", "caffeine"] * 9
    assert all(row.status == "ok" for row in rows)


def test_a_large_file_of_one_record_is_no_library(made, scorer, monkeypatch):
    monkeypatch.setattr(jobs, "LARGE_FILE_BYTES", 10)
    (row,) = predict_requests(requests_for(made, ["aspirin"]), scorer, workers=0)
    assert row.id == "aspirin"


@pytest.mark.parametrize("workers", [0, 1])
def test_a_row_of_a_table_that_does_not_fit_is_one_failed_row(made, scorer, tmp_path, workers):
    aspirin, caffeine = made.ligands["aspirin"], made.ligands["caffeine"]
    table = tmp_path / "pairs.csv"
    table.write_text(
        f"id;protein;ligand;pk\na;{made.protein};{aspirin};6,5\nb;{made.protein};{aspirin}\nc;nowhere.pdb;{aspirin};6;x\n"
        f'd;"{made.protein};{aspirin};6\n;{made.protein};{aspirin};6\ne;{made.protein};{caffeine};6\n'
    )
    rows = list(predict_requests(api.requests_from(table), scorer, workers=workers))
    assert [(row.id, row.status, row.error_code) for row in rows] == [
        ("a", "ok", ""),
        ("b", "failed", "bad_row"),
        ("c", "failed", "bad_row"),
        ("d", "failed", "bad_row"),
        ("line 6", "failed", "bad_id"),
        ("e", "ok", ""),
    ]
    assert rows[1].message.startswith("pairs.csv, line 3: 3 cells for 4 columns. (Columns: id, protein, ligand, pk;")
    assert [(row.protein, row.ligand) for row in rows[1:3]] == [
        ("peptide.pdb", "aspirin.sdf"),
        ("nowhere.pdb", "aspirin.sdf"),
    ]


def test_ids_do_not_depend_on_how_a_file_is_cut(made, scorer, tmp_path, monkeypatch):
    library = tmp_path / "lib.sdf"
    library.write_text(made.library.read_text() + "broken\n$$$$\n" + made.library.read_text() * 3)
    request = [Request(None, made.protein, library)]
    whole = [row.as_dict() for row in predict_requests(request, scorer, workers=0)]
    monkeypatch.setattr(jobs, "LARGE_FILE_BYTES", 10)
    for size in (1, 2, 13, 50):
        monkeypatch.setattr(jobs, "CHUNK_RECORDS", size)
        assert [row.as_dict() for row in predict_requests(request, scorer, workers=0)] == whole


@pytest.mark.parametrize("limit", [10, 10**9])
def test_a_protein_that_cannot_be_read_fails_every_record(made, scorer, tmp_path, monkeypatch, limit):
    monkeypatch.setattr(jobs, "LARGE_FILE_BYTES", limit)
    library = tmp_path / "lib.sdf"
    library.write_text(made.library.read_text() * 4)
    for workers in (0, 1):
        rows = list(predict_requests([Request(None, tmp_path / "none.pdb", library)], scorer, workers=workers))
        assert [row.id for row in rows] == [f"lib:{number}" for number in range(1, 13)]
        assert {row.error_code for row in rows} == {"file_not_found"}


def test_a_file_that_breaks_off_keeps_what_came_before(made, scorer, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "LARGE_FILE_BYTES", 10)
    rng = np.random.default_rng(0)  # noise in the tags keeps the compressed file long
    noise = [f">  <noise>\n{rng.integers(0, 1 << 60, 40)}\n\n$$$$\n" for _ in range(200)]
    block = made.ligands["aspirin"].read_text().removesuffix("$$$$\n")
    packed = gzip.compress("".join(block + tail for tail in noise).encode())
    path = tmp_path / "cut.sdf.gz"
    path.write_bytes(packed[: len(packed) // 2])
    rows = list(predict_requests([Request(None, made.protein, path)], scorer, workers=0))
    assert len(rows) > 20
    assert [row.status for row in rows[:-1]] == ["ok"] * (len(rows) - 1)
    assert (rows[-1].status, rows[-1].error_code) == ("failed", "unreadable")


def test_repeated_names_get_distinct_ids(made, scorer, tmp_path):
    other = tmp_path / "aspirin.sdf"
    other.write_text(made.ligands["aspirin"].read_text())
    requests = [Request(None, made.protein, path) for path in (made.ligands["aspirin"], other, other)]
    requests.append(Request("aspirin~2", made.protein, other))
    ids = [row.id for row in predict_requests(requests, scorer, workers=0)]
    assert ids[:3] == ["aspirin", "aspirin~2", "aspirin~3"]
    assert len(set(ids)) == 4


def test_one_protein_is_parsed_once_for_many_requests(made, scorer, monkeypatch):
    from binding.score import featurize as featurizing

    calls = []
    monkeypatch.setattr(featurizing, "read_protein", lambda path: (calls.append(path), read_protein(path))[1])
    featurizing._protein.cache_clear()
    list(predict_requests(requests_for(made, ["aspirin", "caffeine"] * 5), scorer, workers=0))
    assert len(calls) == 1


def test_a_protein_that_changes_on_disk_is_read_again(made, scorer, tmp_path):
    path = tmp_path / "p.pdb"
    path.write_bytes(made.protein.read_bytes())
    request = Request(None, path, made.ligands["aspirin"])
    assert next(predict_requests([request], scorer, workers=0)).status == "ok"
    path.write_text("<html></html>")
    assert next(predict_requests([request], scorer, workers=0)).error_code == "wrong_format"


def test_a_batch_that_fails_is_scored_one_by_one(made, scorer, monkeypatch):
    score = scorer.score

    def fragile(graphs):
        if any(graph.ligand.num_atoms == 11 for graph in graphs):  # paracetamol
            raise RuntimeError("out of memory")
        return score(graphs)

    monkeypatch.setattr(scorer, "score", fragile)
    rows = list(predict_requests(requests_for(made, ["aspirin", "paracetamol", "caffeine"]), scorer, workers=0))
    assert [row.status for row in rows] == ["ok", "failed", "ok"]
    assert rows[1].error_code == "internal_error"
    assert "out of memory" in rows[1].message
    assert rows[1].heavy_atoms == 11


def test_a_number_that_is_not_finite_is_a_failure(made, scorer, monkeypatch):
    score = scorer.score

    def nan(graphs):
        scores = score(graphs)
        scores.pk[:] = np.nan
        return scores

    monkeypatch.setattr(scorer, "score", nan)
    (row,) = predict_requests(requests_for(made, ["aspirin"]), scorer, workers=0)
    assert (row.status, row.error_code) == ("failed", "not_finite")


def test_large_complexes_come_in_smaller_batches(made, scorer, monkeypatch):
    requests = requests_for(made, ["aspirin"] * 6)
    list(predict_requests(requests, scorer, workers=0, batch_size=6))
    (pairs, *_), *_ = scorer.batches
    assert len(scorer.batches) == 1
    scorer.batches.clear()
    monkeypatch.setattr(network, "_PAIRS_PER_COMPLEX", pairs * 2.5 / 6)
    list(predict_requests(requests, scorer, workers=0, batch_size=6))
    assert [len(batch) for batch in scorer.batches] == [2, 2, 2]


HEAD = "import os\n\nfrom binding.score.featurize import featurize\n\n\n"


def die_on_caffeine(job):
    """Stands in for `featurize` in a worker: native code that crashes on one record."""
    texts = job.texts or (job.source.read_text(),)
    if any(text.startswith("caffeine") or "\ncaffeine\n" in text for text in texts):
        os._exit(11)
    return featurize(job)


@pytest.mark.parametrize("limit", [10, 10**9])
def test_a_record_that_kills_its_worker_costs_its_own_row(made, scorer, monkeypatch, tmp_path, limit):
    module = tmp_path / "crashing.py"
    source = open(__file__, encoding="utf-8").read()
    start = source.index("def die_on_caffeine")
    module.write_text(HEAD + source[start : source.index("@pytest", start)])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(jobs, "LARGE_FILE_BYTES", limit)
    pool = scoring.WorkerPool
    monkeypatch.setattr(
        scoring, "WorkerPool", lambda _, workers, **options: pool("crashing:die_on_caffeine", workers, **options)
    )
    requests = [Request(None, made.protein, made.library), *requests_for(made, ["aspirin", "caffeine", "paracetamol"])]
    rows = list(predict_requests(requests, scorer, workers=2))
    assert [row.id for row in rows] == ["library:1", "library:2", "library:3", "aspirin", "caffeine", "paracetamol"]
    assert [row.error_code for row in rows] == ["", "", "worker_died", "", "worker_died", ""]


@pytest.fixture
def hanging(made, monkeypatch, tmp_path):
    """A library whose second and fourth record of five take ten minutes to read in another process."""
    monkeypatch.setattr(scoring, "_READER", "tests.hanging:featurize_in_worker")
    text = made.ligands["aspirin"].read_text().partition("\n")[2]
    path = tmp_path / "slow.sdf"
    path.write_text("".join(f"{title}\n{text}" for title in ("a", "hangs", "b", "hangs", "c")))
    scoring._helper_of.cache_clear()
    yield path
    scoring._helper_of(os.getpid()).close()
    scoring._helper_of.cache_clear()


@pytest.mark.parametrize(
    ("options", "limit"),
    [({"workers": 1}, 10), ({"workers": 1}, 10**9), ({"guarded": True}, 10**9)],
    ids=["a file cut into jobs", "a job of one file", "few requests"],
)
def test_a_record_that_hangs_costs_its_own_row(made, hanging, scorer, monkeypatch, options, limit):
    monkeypatch.setattr(jobs, "LARGE_FILE_BYTES", limit)
    requests = [Request(None, made.protein, hanging), *requests_for(made, ["caffeine"])]
    rows = list(predict_requests(requests, scorer, time_limit=3.0, **options))
    assert [row.id for row in rows] == [*(f"slow:{number}" for number in range(1, 6)), "caffeine"]
    assert [row.error_code for row in rows] == ["", "time_limit", "", "time_limit", "", ""]
    assert "after 3 s" in rows[1].message


def test_the_helper_of_few_requests_is_kept_and_ends_with_rows_that_nobody_wants(made, scorer):
    requests = requests_for(made, ["aspirin", "caffeine"])
    scoring._helper_of.cache_clear()
    assert [row.status for row in predict_requests(requests, scorer, guarded=True)] == ["ok", "ok"]
    kept = scoring._helper_of(os.getpid())
    assert [row.status for row in predict_requests(requests, scorer, guarded=True)] == ["ok", "ok"]
    assert scoring._helper_of(os.getpid()) is kept
    rows = predict_requests(requests * 15, scorer, guarded=True, batch_size=1)
    assert next(rows).status == "ok"
    rows.close()
    assert scoring._helper_of(os.getpid()) is not kept
    with pytest.raises(RuntimeError, match="shutdown"):
        kept.submit(None)


def test_a_time_limit_is_a_positive_number():
    for seconds in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(UsageError, match="positive number of seconds"):
            ScoringOptions(time_limit=seconds)


def test_few_requests_need_no_workers_and_many_do(made, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert scoring.default_workers(requests_for(made, ["aspirin"] * 30)) == 0
    assert scoring.default_workers(requests_for(made, ["aspirin"] * 31)) == 2
    monkeypatch.setattr(jobs, "LARGE_FILE_BYTES", 10)
    assert scoring.default_workers(requests_for(made, ["aspirin"])) == 2


# ---------------------------------------------------------------- from Python


def test_the_api_takes_paths_molecules_and_proteins(made, scorer):
    aspirin = made.mols["aspirin"]
    by_path = api.predict(made.protein, made.ligands["aspirin"], model=scorer)
    by_text = api.predict(str(made.protein), str(made.ligands["aspirin"]), model=scorer)
    by_mol = api.predict(read_protein(made.protein), aspirin, model=scorer)
    with_hydrogens = api.predict(made.protein, [Chem.AddHs(aspirin, addCoords=True)], model=scorer)
    for frame in (by_path, by_text, by_mol, with_hydrogens):
        assert frame["pk"].tolist() == [3.25]
        assert frame["id"].tolist() == ["aspirin"]


def test_molecules_and_files_mix_and_bad_ones_are_rows(made, scorer):
    flat = Chem.MolFromSmiles("CCO")
    frame = api.predict(made.protein, [made.mols["caffeine"], flat, made.library], model=scorer)
    assert frame["status"].tolist() == ["ok", "failed", "ok", "ok", "ok"]
    assert frame["error_code"][1] == "no_coordinates"
    assert frame["id"].tolist() == ["caffeine", "ligand_2", "library:1", "library:2", "library:3"]


def test_molecules_go_through_workers_unharmed(made, scorer):
    mols = list(made.mols.values())
    rows = list(predict_requests(api.requests_from(made.protein, mols), scorer, workers=1))
    for row, mol in zip(rows, mols, strict=True):
        np.testing.assert_allclose(row.record.positions, mol.GetConformer().GetPositions(), atol=1e-12)


def test_the_api_writes_what_it_returns(made, scorer, tmp_path):
    import pandas as pd

    frame = api.predict(made.protein, made.library, model=scorer, output=tmp_path / "rows.parquet")
    pd.testing.assert_frame_equal(frame, pd.read_parquet(tmp_path / "rows.parquet"), check_dtype=False)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("missing.pdb", "x.sdf"), FileError),
        (("missing.csv",), FileError),
        (("{protein}", []), UsageError),
        (("{protein}", "missing.sdf"), FileError),
        (("{ligand}", "{ligand}"), BindingError),
    ],
)
def test_a_source_that_cannot_be_used_raises(made, scorer, arguments, error):
    names = {"{protein}": made.protein, "{ligand}": made.ligands["aspirin"]}
    with pytest.raises(error) as caught:
        api.predict(*(names.get(a, a) if isinstance(a, str) else a for a in arguments), model=scorer)
    assert caught.value.message


def test_a_protein_without_a_ligand_is_refused(made, scorer):
    with pytest.raises(UsageError):
        api.predict(read_protein(made.protein), model=scorer)


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("8", "cutoff", 8.0),
        ("1, -2.5,3, 10", "center", (1.0, -2.5, 3.0)),
        ("1 -2.5 3 10", "radius", 10.0),
        ("A:ASP:25, A:27", "residues", ("A:ASP:25", "A:27")),
    ],
)
def test_pockets_in_words(text, field, value):
    assert getattr(parse_pocket(text), field) == value


@pytest.mark.parametrize("text", ["", "1 2", "1 2 3", "here", "A:25, 7", "-4", "1 2 3 0"])
def test_words_that_say_no_pocket(text):
    with pytest.raises(UsageError):
        parse_pocket(text)


def test_a_listed_residue_that_is_not_there_fails_the_row(made, scorer):
    frame = api.predict(made.protein, made.ligands["aspirin"], pocket="A:999", model=scorer)
    assert frame["error_code"].tolist() == [StructureError("", "", "no_residue").code]
