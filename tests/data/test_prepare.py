"""Preparing: the same cache from every form of input, whoever prepares it and however often it is stopped."""

from __future__ import annotations

import ast
import csv
import errno
import gzip
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from concurrent.futures import Future
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from complexes import record, write_complex, write_index, write_library, write_many

from binding.data import piece_job, piece_plan, prepare
from binding.data import pieces as pieces_module
from binding.data.cache import ComplexCache
from binding.data.pieces import PIECES_SUFFIX, Piece, Refusal, open_pieces
from binding.data.prepare import PrepareReport, prepare_dataset, prepare_library
from binding.errors import CacheError, NothingLeftError, UsageError, WriteError
from binding.pool import TimeLimitError, WorkerDiedError, run_jobs

ROOT = Path(__file__).resolve().parents[2]
COUNT = 7


@pytest.fixture
def tree(tmp_path):
    write_many(tmp_path / "tree", COUNT)
    return tmp_path / "tree"


def run(tree: Path, output: Path | None = None, **settings) -> PrepareReport:
    return prepare_dataset(tree, None, output or tree.parent / "x.npz", **({"workers": 0} | settings))


def rejected(report: PrepareReport) -> dict[str, str]:
    assert report.asked == report.cached + len(report.rejected)
    with report.rejected_path.open(newline="", encoding="utf-8") as stream:
        written = list(csv.DictReader(stream))
    assert [(row["id"], row["error_code"], row["message"]) for row in written] == [
        (item.id, item.error_code, item.message) for item in report.rejected
    ]
    return {item.id: item.error_code for item in report.rejected}


def same_arrays(first: Path, second: Path) -> bool:
    """All but the table."""
    one, two = np.load(first), np.load(second)
    assert set(one.files) == set(two.files)
    return all(np.array_equal(one[name], two[name]) for name in one.files if name != "table")


# ---------------------------------------------------------------- forms of input


def test_a_table_of_paths_gives_what_the_tree_gives(tree, tmp_path):
    lines = ["id,protein,ligand,pk"]
    for number in range(COUNT):
        name = f"c{number:03d}"
        lines.append(f"{name},tree/{name}/{name}_protein.pdb,tree/{name}/{name}_ligand.sdf,{4 + number / 100:.2f}")
    (tmp_path / "set.csv").write_text("\n".join([*lines, ""]))
    first, second = run(tree), run(tmp_path / "set.csv", tmp_path / "y.npz")
    assert second.cached == COUNT
    assert same_arrays(first.path, second.path)
    table = ComplexCache(second.path).table
    assert table["pk"].tolist() == ComplexCache(first.path).table["pk"].tolist()
    assert set(table["source"]) == {"set"}
    assert table["ligand"][0] == "tree/c000/c000_ligand.sdf"


def test_a_protein_with_a_library_gives_what_a_receptor_folder_gives(tmp_path):
    protein, ligands, index = write_library(tmp_path / "lib", ["a", "b", "c"])
    home = tmp_path / "tree" / "rec"
    home.mkdir(parents=True)
    shutil.copy(protein, home / "rec_pocket.pdb")
    (home / "rec_ligands.sdf.gz").write_bytes(gzip.compress(ligands.read_bytes()))
    (tmp_path / "tree" / "index.csv").write_text("id,receptor,pk\na,rec,4.00\nb,rec,4.01\nc,rec,4.02\n")
    first = prepare_library(protein, [ligands], index, tmp_path / "x.npz", workers=0)
    second = run(tmp_path / "tree", tmp_path / "y.npz")
    assert first.cached == second.cached == 3
    assert same_arrays(first.path, second.path)
    table = ComplexCache(first.path).table
    assert table["id"].tolist() == ["a", "b", "c"]
    assert set(table["source"]) == {"receptor"}


def test_ligands_inside_their_complexes(examples, tmp_path):
    path = examples / "4cup_complex.cif.gz"
    (tmp_path / "set.csv").write_text(
        f"id,protein,ligand,affinity\na,{path},A:ZYB:2971,Kd=30uM\nb,{path},A:XXX:1,Kd=1uM\nc,{path},A:ZYB:2971,Ki<1mM\n"
    )
    report = run(tmp_path / "set.csv")
    assert rejected(report) == {"b": "ligand_not_found"}
    cache = ComplexCache(report.path)
    assert cache.table[["id", "relation"]].values.tolist() == [["a", "="], ["c", ">"]]
    assert cache.num_ligand_atoms().tolist() == [11, 11]


def test_records_go_by_their_titles(tmp_path):
    protein, ligands, index = write_library(tmp_path, ["a", "b", "b", "c", "free"])
    index.write_text("id,pk\na,5\nb,6\nc,7\nd,8\n")
    report = prepare_library(protein, [ligands], index, tmp_path / "x.npz", workers=0)
    assert rejected(report) == {"b": "several_ligands", "d": "ligand_not_found", "free": "no_affinity"}
    assert report.asked == 5
    assert ComplexCache(report.path).table["id"].tolist() == ["a", "c"]


def test_a_single_record_of_another_title_is_not_taken_for_a_row(tmp_path):
    protein, ligands, index = write_library(tmp_path, ["b"])
    index.write_text("id,pk\na,5\n")
    with pytest.raises(NothingLeftError, match="1 x ligand_not_found, 1 x no_affinity"):
        prepare_library(protein, [ligands], index, tmp_path / "x.npz", workers=0)


def test_a_library_that_breaks_off_keeps_what_precedes_the_break(tmp_path):
    names = [f"l{number:02d}" for number in range(30)]
    protein, ligands, index = write_library(tmp_path, names)
    data = gzip.compress(ligands.read_bytes(), 0)
    broken = tmp_path / "broken.sdf.gz"
    broken.write_bytes(data[: len(data) // 2])
    report = prepare_library(protein, [broken], index, tmp_path / "x.npz", workers=0)
    assert 10 < report.cached < 20
    assert set(rejected(report).values()) == {"unreadable"}
    assert ComplexCache(report.path).table["id"].tolist() == names[: report.cached]


@pytest.mark.parametrize(
    "arguments",
    [
        {"data": None},
        {"data": None, "protein": "p.pdb"},
        {"data": None, "protein": "p.pdb", "ligands": "l.sdf"},
        {"data": None, "ligands": ["l.sdf"], "index": "i.csv"},
        {"data": "tree", "protein": "p.pdb"},
        {"data": "tree", "ligands": "l.sdf"},
    ],
)
def test_inputs_that_do_not_fit_together(tmp_path, arguments):
    with pytest.raises(UsageError) as caught:
        prepare.prepare(output=tmp_path / "x.npz", **arguments)
    assert caught.value.hint


# ---------------------------------------------------------------- going on


def test_an_unchanged_set_is_not_read_again(tree, monkeypatch):
    first = run(tree)
    data = first.path.read_bytes()
    monkeypatch.setattr(prepare, "make_piece", None)  # nothing calls it
    again = run(tree)
    assert (first.kept, again.kept) == (0, COUNT)
    assert again.path.read_bytes() == data


def change_ligand(tree):
    (tree / "c003" / "c003_ligand.sdf").write_text(f"c003\n{record('6wqa')}")  # the title is the row's; another ligand


def change_protein(tree):
    path = tree / "c003" / "c003_protein.pdb"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:5] + lines[6:]))  # an atom is missing


def touch(tree):
    os.utime(tree / "c003" / "c003_ligand.sdf")


def change_affinities(tree):
    write_index(tree, [f"c{number:03d}" for number in range(COUNT)], "affinity", ["Ki=1nM"] * COUNT)


def drop_row(tree):
    write_index(tree, [f"c{number:03d}" for number in range(COUNT) if number != 3])


def add_row(tree):
    write_complex(tree, "c999", "4cup")
    write_index(tree, [*(f"c{number:03d}" for number in range(COUNT)), "c999"])


def reverse_rows(tree):
    write_index(tree, [f"c{number:03d}" for number in reversed(range(COUNT))])


@pytest.mark.parametrize(
    ("change", "settings", "kept"),
    [
        (change_ligand, {}, COUNT - 1),
        (change_protein, {}, COUNT - 1),
        (touch, {}, COUNT),
        (change_affinities, {}, COUNT),
        (drop_row, {}, COUNT - 1),
        (add_row, {}, COUNT),
        (reverse_rows, {}, COUNT),
        (lambda tree: None, {"pocket_cutoff": 5.0}, 0),
        (lambda tree: None, {"source": "other"}, COUNT),
    ],
    ids=["ligand", "protein", "touched", "affinities", "dropped", "added", "reversed", "cutoff", "source"],
)
def test_a_change_costs_what_it_must_and_gives_what_a_fresh_run_gives(tree, tmp_path, change, settings, kept):
    run(tree)
    change(tree)
    report = run(tree, **settings)
    assert report.kept == kept
    fresh = run(tree, tmp_path / "fresh.npz", **settings)
    assert fresh.kept == 0
    assert report.path.read_bytes() == fresh.path.read_bytes()


def test_other_code_makes_everything_anew(tree, monkeypatch):
    run(tree)
    monkeypatch.setattr(piece_plan, "code_version", lambda: "another release")
    assert run(tree).kept == 0


def test_a_longer_library_costs_the_new_records(tmp_path, monkeypatch):
    monkeypatch.setattr(piece_plan, "MOST_POSES", 4)
    names = [f"l{number}" for number in range(11)]
    for count, kept in ((9, 0), (11, 8)):  # 4 + 4 + 1, then 4 + 4 + 3
        protein, ligands, index = write_library(tmp_path, names[:count])
        report = prepare_library(protein, [ligands], index, tmp_path / "x.npz", workers=0)
        assert (report.cached, report.kept) == (count, kept)
    cache = ComplexCache(report.path)
    assert cache.table["id"].tolist() == names
    assert np.ptp([cache.graph(row).ligand.positions for row in range(11)], axis=0).max() == 0.0


def test_pieces_that_are_not_used_any_more_are_dropped(tree):
    run(tree)
    drop_row(tree)
    report = run(tree)
    with open_pieces(report.path.with_name(report.path.name + PIECES_SUFFIX)) as pieces:
        assert pieces._connection.execute("SELECT count(*) FROM pieces").fetchone() == (COUNT - 1,)


def test_pieces_may_be_deleted(tree):
    report = run(tree)
    data = report.path.read_bytes()
    report.path.with_name(report.path.name + PIECES_SUFFIX).unlink()
    assert run(tree).kept == 0
    assert report.path.read_bytes() == data


def in_a_process(code: str, tree: Path, **names) -> subprocess.CompletedProcess:
    """Prepares with what ``code`` defines first; ``COUNT`` is the number of complexes."""
    script = textwrap.dedent(code) + textwrap.dedent(f"""
        from binding.data import pieces, prepare
        pieces._COMMIT_SECONDS = 0.0
        prepare.prepare_dataset({str(tree)!r}, None, {str(tree.parent / "x.npz")!r}, workers=0, progress=progress)
    """)
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("moment", ["while reading", "while writing"])
def test_a_kill_costs_nothing_that_was_done(tree, tmp_path, moment):
    whole = run(tree, tmp_path / "whole.npz")
    code = {
        "while reading": """
            import os, signal
            def progress(done, asked):
                if done == 4:
                    os.kill(os.getpid(), signal.SIGKILL)
        """,
        "while writing": """
            import os, signal
            import numpy as np
            progress = None
            def savez_compressed(stream, **arrays):
                stream.write(b"PK half a file")
                stream.flush()
                os.kill(os.getpid(), signal.SIGKILL)
            np.savez_compressed = savez_compressed
        """,
    }[moment]
    killed = in_a_process(code, tree)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "x.npz").exists()
    report = run(tree)
    assert report.kept >= (3 if moment == "while reading" else COUNT)
    assert report.path.read_bytes() == whole.path.read_bytes()
    assert not list(tmp_path.glob("*.partial"))


def test_an_interrupt_keeps_what_was_done(tree):
    def interrupt(done: int, asked: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tree, progress=interrupt)
    assert run(tree).kept == 4


def test_progress_reaches_the_end_with_every_row(tree):
    (tree / "c002" / "c002_ligand.sdf").unlink()
    (tree / "c005" / "c005_ligand.sdf").write_text("broken\n$$$$\n")
    said: list[tuple[int, int]] = []
    run(tree, progress=lambda done, asked: said.append((done, asked)))
    assert said[-1] == (COUNT, COUNT)
    assert [done for done, _ in said] == sorted(done for done, _ in said)


def test_a_file_that_looks_untouched_is_not_read_again(tmp_path, monkeypatch):
    path = tmp_path / "protein.pdb"
    path.write_text("one")
    os.utime(path, (1, 1))
    monkeypatch.setattr(pieces_module, "_SETTLED", -60.0)  # a test has no time to let files grow old
    with open_pieces(tmp_path / "pieces") as pieces:
        first = pieces.digest(path)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", None)
        with open_pieces(tmp_path / "pieces") as pieces:
            assert pieces.digest(path) == first
    path.write_text("two")
    os.utime(path, (1, 1))  # as an archive is unpacked: same size, same time of change
    with open_pieces(tmp_path / "pieces") as pieces:
        assert pieces.digest(path) != first


def test_a_file_that_has_just_changed_is_read_again(tmp_path):
    path = tmp_path / "protein.pdb"
    path.write_text("one")
    with open_pieces(tmp_path / "pieces") as pieces:
        pieces.digest(path)
        assert pieces._connection.execute("SELECT count(*) FROM files").fetchone() == (0,)


# ---------------------------------------------------------------- processes


def test_the_cache_does_not_depend_on_who_prepares_it(tree, tmp_path, monkeypatch):
    alone = run(tree)
    monkeypatch.setattr(prepare, "_FEW_ROWS", 0)
    together = run(tree, tmp_path / "y.npz", workers=2)
    assert together.path.read_bytes() == alone.path.read_bytes()


@pytest.fixture
def pooled(monkeypatch):
    """A pool in this process; a job with one of the named rows kills its worker."""

    class Pool:
        culprits: ClassVar[set[str]] = set()
        hanging: ClassVar[set[str]] = set()

        def __init__(self, function, workers, *, time_limit):
            assert function == "binding.data.piece_job:make_piece"

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def submit(self, job):
            future: Future = Future()
            if self.hanging & {name for place, name in enumerate(job.ids) if place not in job.lost}:
                future.set_exception(TimeLimitError(60))
            elif self.culprits & {name for place, name in enumerate(job.ids) if place not in job.lost}:
                future.set_exception(WorkerDiedError())
            else:
                future.set_result(piece_job.make_piece(job))
            return future

        def run(self, jobs, rescue, *, ahead):
            return run_jobs(self.submit, jobs, rescue, ahead=ahead)

    monkeypatch.setattr(prepare, "WorkerPool", Pool)
    monkeypatch.setattr(prepare, "_FEW_ROWS", 0)
    return Pool


def test_a_worker_that_dies_costs_the_row_that_killed_it(pooled, tmp_path):
    names = [f"l{number}" for number in range(6)]
    protein, ligands, index = write_library(tmp_path, names)
    whole = prepare_library(protein, [ligands], index, tmp_path / "whole.npz", workers=2)
    pooled.culprits = {"l2", "l4"}
    report = prepare_library(protein, [ligands], index, tmp_path / "x.npz", workers=2)
    assert rejected(report) == {"l2": "worker_died", "l4": "worker_died"}
    assert ComplexCache(report.path).table["id"].tolist() == ["l0", "l1", "l3", "l5"]
    pooled.culprits = set()  # it had run out of memory: the next run tries again
    report = prepare_library(protein, [ligands], index, tmp_path / "x.npz", workers=2)
    assert (report.cached, report.kept) == (6, 0)
    assert report.path.read_bytes() == whole.path.read_bytes()


def test_a_row_that_hangs_costs_itself_alone(pooled, tmp_path):
    protein, ligands, index = write_library(tmp_path, [f"l{number}" for number in range(4)])
    pooled.hanging = {"l1"}
    report = prepare_library(protein, [ligands], index, tmp_path / "x.npz", workers=2)
    assert rejected(report) == {"l1": "time_limit"}
    assert "60 s" in report.rejected[0].message
    pooled.hanging = set()
    assert prepare_library(protein, [ligands], index, tmp_path / "x.npz", workers=2).cached == 4


def test_a_row_that_hangs_is_found_and_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(prepare, "_MAKER", "tests.hanging:make_piece")
    protein, ligands, index = write_library(tmp_path, ["l0", "hangs", "l2"])
    report = prepare_library(protein, [ligands], index, tmp_path / "x.npz", time_limit=3.0)
    assert rejected(report) == {"hangs": "time_limit"}
    assert "after 3 s" in report.rejected[0].message
    assert ComplexCache(report.path).table["id"].tolist() == ["l0", "l2"]
    assert prepare_library(protein, [ligands], index, tmp_path / "x.npz", workers=0).cached == 3


def test_a_worker_that_dies_on_every_row(pooled, tree):
    pooled.culprits = {f"c{number:03d}" for number in range(COUNT)}
    with pytest.raises(NothingLeftError, match=f"{COUNT} x worker_died"):
        run(tree, workers=2)


def test_a_defect_costs_the_row_that_shows_it_and_is_tried_again(tree, monkeypatch):
    check = piece_job.check_complex

    def defect(cx):
        if cx.id == "c004":
            raise ZeroDivisionError("division by zero")
        return check(cx)

    monkeypatch.setattr(piece_job, "check_complex", defect)
    report = run(tree)
    assert rejected(report) == {"c004": "internal_error"}
    assert "ZeroDivisionError" in report.rejected[0].message
    monkeypatch.setattr(piece_job, "check_complex", check)
    report = run(tree)
    assert (report.cached, report.kept) == (COUNT, COUNT - 1)


def test_two_runs_do_not_write_one_cache(tree, tmp_path):
    with open_pieces(tmp_path / f"x.npz{PIECES_SUFFIX}"), pytest.raises(CacheError) as caught:
        run(tree)
    assert caught.value.code == "in_use"
    assert run(tree).cached == COUNT


# ---------------------------------------------------------------- bad input and bad disks


def test_three_of_a_hundred(tmp_path):
    names = [f"c{number:03d}" for number in range(100)]
    for name in names:
        write_complex(tmp_path / "tree", name, "4cup")
    write_index(tmp_path / "tree", names)
    (tmp_path / "tree" / "c010" / "c010_ligand.sdf").write_text("not a molecule\n$$$$\n")
    (tmp_path / "tree" / "c050" / "c050_protein.pdb").write_text("<html><body>404</body></html>")
    (tmp_path / "tree" / "c099" / "c099_ligand.sdf").unlink()
    report = run(tmp_path / "tree")
    assert report.cached == 97
    assert rejected(report) == {"c010": "bad_record", "c050": "wrong_format", "c099": "file_not_found"}
    assert len(ComplexCache(report.path)) == 97


def test_a_pose_that_touches_nothing(tree):
    path = tree / "c001" / "c001_ligand.sdf"
    lines = path.read_text().split("\n")
    for number, line in enumerate(lines[4:15], start=4):
        lines[number] = f"{float(line[:10]) + 500:10.4f}{line[10:]}"
    path.write_text("\n".join(lines))
    report = run(tree)
    assert rejected(report) == {"c001": "no_contact"}
    assert "c001" in report.rejected[0].message
    assert "same frame of reference" in report.rejected[0].hint


def test_doubtful_affinities_are_rejected_and_the_rest_prepared(tree):
    names = [f"c{number:03d}" for number in range(COUNT)]
    write_index(
        tree, [*names, "c006"], "affinity", ["Ki=1nM", "", "Ki=3", "Kd~0.3 mM", "IC50>10uM", "Ki=1nm"] + ["Ki=1nM"] * 2
    )
    report = run(tree)
    assert report.asked == COUNT + 1
    assert rejected(report) == {"c001": "no_affinity", "c002": "bad_unit", "c005": "bad_unit", "c006": "duplicate_id"}
    table = ComplexCache(report.path).table
    assert table[["id", "relation"]].values.tolist() == [["c000", "="], ["c003", "~"], ["c004", "<"], ["c006", "="]]


def test_an_id_that_no_file_can_have_costs_its_row_alone(tree):
    names = [f"c{number:03d}" for number in range(COUNT)]
    long = "A" * 400
    write_index(tree, [*names, long], "affinity", ["Ki=1nM"] * (COUNT + 1))
    report = run(tree)
    assert report.cached == COUNT
    assert rejected(report) == {long: "file_not_found"}


def test_nothing_left_says_why_and_lists_the_rows(tree):
    for path in tree.glob("*/*_ligand.sdf"):
        path.unlink()
    with pytest.raises(NothingLeftError) as caught:
        run(tree)
    assert f"None of {COUNT} complexes can be used: {COUNT} x file_not_found" in caught.value.message
    assert caught.value.exit_code == 4
    assert not (tree.parent / "x.npz").exists()
    assert (tree.parent / "x.rejected.csv").read_text().count("file_not_found") == COUNT


@pytest.mark.parametrize("cutoff", [0.0, -1.0, float("nan")])
def test_a_cutoff_that_is_no_length(tree, cutoff):
    with pytest.raises(UsageError, match="positive length"):
        run(tree, pocket_cutoff=cutoff)
    assert [path.name for path in tree.parent.iterdir()] == ["tree"]


def test_a_full_disk_is_told_and_costs_nothing_that_was_done(tree, tmp_path, monkeypatch):
    def full(stream, **arrays):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(np, "savez_compressed", full)
        with pytest.raises(WriteError, match="the disk is full") as caught:
            run(tree)
    assert caught.value.code == "disk_full"
    assert "continues where it stopped" in caught.value.hint
    assert not (tmp_path / "x.npz").exists()
    assert run(tree).kept == COUNT


def test_a_disk_that_fills_up_while_reading(tree, tmp_path):
    code = """
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
        progress = None
    """
    stopped = in_a_process(code, tree)
    assert stopped.returncode == 1
    assert "WriteError: " in stopped.stderr
    assert not (tmp_path / "x.npz").exists()
    report = run(tree)
    assert report.cached == COUNT
    assert report.path.read_bytes() == run(tree, tmp_path / "fresh.npz").path.read_bytes()


@pytest.mark.parametrize(
    "content", [b"something else, and long enough to have a header" * 20, b"SQLite format 3\0" + bytes(600)]
)
def test_a_file_of_pieces_that_is_none(tree, tmp_path, content):
    (tmp_path / f"x.npz{PIECES_SUFFIX}").write_bytes(content)
    with pytest.raises(CacheError, match="no file of pieces"):
        run(tree)
    assert (tmp_path / f"x.npz{PIECES_SUFFIX}").read_bytes() == content


@pytest.mark.parametrize("change", ["refused = '['", "refused = '{\"1\": 3}'", "warnings = '[1]'", "refused = x'80'"])
def test_a_damaged_piece_says_what_to_do(tmp_path, change):
    path = tmp_path / "x.pieces"
    with open_pieces(path) as pieces:
        pieces.put("a", Piece(b"1", {1: Refusal("bad_record", "No.", "Yes.")}, {0: ("odd",)}))
    connection = sqlite3.connect(path)
    connection.execute(f"UPDATE pieces SET {change}")
    connection.commit()
    connection.close()
    with open_pieces(path) as pieces, pytest.raises(CacheError, match="is damaged") as caught:
        pieces.get("a")
    assert "Remove it" in caught.value.hint


def test_a_database_of_something_else_is_left_alone(tree, tmp_path):
    connection = sqlite3.connect(tmp_path / f"x.npz{PIECES_SUFFIX}")
    connection.execute("CREATE TABLE results (value)")
    connection.close()
    with pytest.raises(CacheError, match="something else"):
        run(tree)


# ---------------------------------------------------------------- what a piece depends on

#: Imported on the way, but without a say in what a piece holds.
NO_FEATURES = {
    "pool.py",
    "worker.py",
    "memory.py",
    "recent.py",
    "errors.py",
    "files.py",
    "units.py",
    "data/pieces.py",
    "score/featurize.py",
    "graph/pocket.py",
    "graph/build.py",
}


def imported(path: Path) -> set[Path]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("binding"):
            for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
                file = ROOT / f"{name.replace('.', '/')}.py"
                found |= {file} if file.is_file() else set()
    return found


def test_all_code_that_makes_features_names_the_pieces():
    root = ROOT / "binding"
    covered = {path for pattern in piece_job._CODE for path in root.glob(pattern)}
    reached, waiting = set(), [root / "data" / "piece_job.py"]
    while waiting:
        path = waiting.pop()
        if path not in reached and path.relative_to(root).as_posix() not in NO_FEATURES:
            reached.add(path)
            waiting += imported(path)
    assert {path.relative_to(root).as_posix() for path in reached - covered} == set()
