"""Kill -9, full disks, dying workers, broken libraries: nothing is lost, and the exit codes are right."""

from __future__ import annotations

import gzip
import random
import resource
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from rdkit import Chem
from screen_runs import Child, contents, write

from binding.errors import EXIT_NONE_SCORED, EXIT_SOME_FAILED, EXIT_USAGE, FileError
from binding.screening import engines, score
from binding.screening.parts import part_paths
from binding.screening.run import screen

KILLS = 20


def rows(run) -> pd.DataFrame:
    return pd.concat([pq.read_table(path).to_pandas() for path in part_paths(run)], ignore_index=True)


def has_parts(folder: Path, number: int) -> bool:
    return len(part_paths(folder)) >= number


@pytest.mark.slow
def test_killed_at_twenty_moments_it_ends_with_the_same_bytes(plan, poses, tmp_path):
    library = write(tmp_path / "library.sdf", poses[:20])
    whole = plan(library, output=tmp_path / "whole", part_size=1)
    assert Child(whole).wait() == 0
    expected = contents(whole.output)
    chance = random.Random(5)
    killed = 0
    for folder in (tmp_path / "killed a", tmp_path / "killed b", tmp_path / "killed c"):
        made = replace(whole, output=folder)
        for parts in sorted(chance.sample(range(20), 5)) + [20, 20]:  # at last while the results are written
            killed += Child(made).kill_when(partial(has_parts, folder, parts), chance.uniform(0, 0.02))
        assert Child(made).wait() == 0
        assert contents(folder) == expected
        assert not list(folder.rglob("*.partial"))
    assert killed >= KILLS - 4  # on a busy machine a run may end before the blow falls


def test_disk_full_stops_with_a_clear_word_and_is_resumed(plan, library, capfd):
    made = plan(library)

    def no_space() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))  # a part is larger, run.json smaller

    assert Child(made, before=no_space).wait() == EXIT_USAGE
    assert "the disk is full" in capfd.readouterr().err
    assert part_paths(made.output) == []
    assert list((made.output / "parts").iterdir()) == []
    assert screen(made).exit_code == 0


def test_a_record_that_ends_its_worker_fails_alone(plan, poses, tmp_path, monkeypatch):
    from dying_worker import ALWAYS, ONCE

    monkeypatch.setattr(engines, "_WHOLE", "tests.screening.dying_worker:score_parts")
    titles = dict(enumerate(["a", "b", ALWAYS, "d", "e", "f", ONCE, "h"]))
    records = [f"{titles[number]}\n{poses[number].partition(chr(10))[2]}" for number in titles]
    made = plan(write(tmp_path / "library.sdf", records), workers=1, top=0)
    result = screen(made)
    assert (result.asked, result.scored, result.exit_code) == (8, 7, EXIT_SOME_FAILED)
    table = rows(made.output)
    assert table["compound"].tolist()[:2] == ["a", "b"]
    assert table["error_code"].tolist() == ["", "", "worker_died", "", "", "", "", ""]
    assert table["row"].tolist() == list(range(8))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_record_that_hangs_fails_alone(plan, poses, tmp_path, monkeypatch, workers):
    monkeypatch.setattr(engines, "_WHOLE", "tests.hanging:score_parts")
    titles = ["a", "b", "hangs", "d", "hangs"]
    records = [f"{title}\n{pose.partition(chr(10))[2]}" for title, pose in zip(titles, poses[:5], strict=True)]
    made = plan(write(tmp_path / "library.sdf", records), workers=workers, top=0, part_size=1024, time_limit=3.0)
    result = screen(made)
    assert (result.asked, result.scored) == (5, 3)
    table = rows(made.output)
    assert table["error_code"].tolist() == ["", "", "time_limit", "", "time_limit"]
    assert table["row"].tolist() == list(range(5))
    assert "after 3 s" in table["message"][2]


def test_a_record_of_2000_atoms_is_refused_by_itself(plan, poses, tmp_path):
    mol = Chem.MolFromSmiles("C" * 2000)
    conformer = Chem.Conformer(2000)
    at = Chem.MolFromMolBlock(poses[0]).GetConformer().GetPositions()[0]
    for atom in range(2000):
        conformer.SetAtomPosition(
            atom, [at[0] + 1.3 * (atom % 12), at[1] + 1.3 * (atom // 144), at[2] + atom // 12 % 12]
        )
    mol.AddConformer(conformer)
    mol.SetProp("_Name", "wax")
    made = plan(
        write(tmp_path / "library.sdf", [poses[0], Chem.MolToMolBlock(mol, forceV3000=True) + "$$$$\n", poses[1]])
    )
    assert screen(made).exit_code == EXIT_SOME_FAILED
    table = rows(made.output)
    assert table["error_code"].tolist() == ["", "too_large", ""]
    assert table["heavy_atoms"].tolist() == [poses_atoms(poses[0]), 2000, poses_atoms(poses[1])]


def poses_atoms(record: str) -> int:
    return Chem.MolFromMolBlock(record).GetNumAtoms()


def test_a_record_that_no_one_foresaw_fails_alone(plan, poses, tmp_path, monkeypatch):
    known = score.parse_record

    def parse(text, path, index, template=None):
        if index == 1:
            raise RuntimeError("Pre-condition Violation")  # as RDKit raises from C++
        return known(text, path, index, template=template)

    monkeypatch.setattr(score, "parse_record", parse)
    made = plan(write(tmp_path / "library.sdf", poses[:3]))
    assert screen(made).exit_code == EXIT_SOME_FAILED
    table = rows(made.output)
    assert table["error_code"].tolist() == ["", "internal_error", ""]
    assert "Pre-condition Violation" in table["message"][1]


def test_a_library_of_bad_records_only(plan, tmp_path):
    records = ["", "nonsense\n\n\n", "no atoms\n\n\n  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n"]
    made = plan(write(tmp_path / "library.sdf", [f"{record}$$$$\n" for record in records]))
    result = screen(made)
    assert (result.asked, result.scored, result.exit_code) == (3, 0, EXIT_NONE_SCORED)
    failures = pd.read_csv(made.output / "failures.csv")
    assert failures["error_code"].tolist() == ["bad_record", "bad_record", "no_atoms"]
    assert len(pd.read_csv(made.output / "results.csv")) == 0
    assert screen(made).exit_code == EXIT_NONE_SCORED


@pytest.mark.parametrize("together", [4, 40])  # records of one gzip stream: of blocks in a row, or all in one
def test_a_gzip_file_cut_in_half_gives_its_good_records_and_a_failure(plan, poses, tmp_path, together):
    streams = ["".join(poses[start : start + together]) for start in range(0, 40, together)]
    packed = b"".join(gzip.compress(stream.encode()) for stream in streams)
    path = tmp_path / "library.sdf.gz"
    path.write_bytes(packed[: len(packed) // 2])
    made = plan(path)
    assert screen(made).exit_code == EXIT_SOME_FAILED
    table = rows(made.output)
    assert 15 < len(table) < 30
    assert table["status"].tolist() == ["ok"] * (len(table) - 1) + ["failed"]
    assert table["error_code"].iloc[-1] in ("unreadable", "bad_record")
    assert table["record"].tolist() == list(range(len(table)))


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("none.sdf", None, "file_not_found"),
        ("empty.sdf", "", "empty_file"),
        ("notes.doc", "dear diary", "wrong_format"),
    ],
)
def test_a_library_that_is_none_is_refused_at_once(plan, tmp_path, name, text, code):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(FileError) as refused:
        screen(plan(path))
    assert refused.value.code == code
    assert not (tmp_path / "run").exists()
