"""What predictions are judged by: affinities, other columns, rows without a number, ids that come twice."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from binding.errors import TableError
from binding.io.truth import read_truth, truth_frame


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str, name: str = "truth.csv") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_affinities_with_their_signs_and_the_other_columns(write):
    entries = read_truth(write("id,affinity,uniprot\na,Ki=1nM,P1\nb,Kd>1uM,P2\n"), ("uniprot",))
    frame = truth_frame(entries)
    assert frame.index.tolist() == ["a", "b"]
    assert frame["pk"].tolist() == pytest.approx([9.0, 6.0])
    assert frame["relation"].tolist() == ["=", "<"]  # of the pK
    assert frame["uniprot"].tolist() == ["P1", "P2"]


def test_labels_need_no_affinity(write):
    path = write("compound,active,pk\na,1,7.5\nb,0,\n")
    entries = read_truth(path, ("active",), affinities=False, id_column="compound")
    assert [entry.id for entry in entries] == ["a", "b"]
    assert [entry.extra["active"] for entry in entries] == ["1", "0"]
    assert entries[0].affinity.pk == 7.5
    assert math.isnan(entries[1].affinity.pk)


def test_an_index_of_pdbbind_is_read_without_being_asked_for(write):
    path = write("3zzf  2.20  2012   0.40  Ki=400mM      // 3zzf.pdf (NLG)\n", "INDEX_x")
    (entry,) = read_truth(path, affinities=False)
    assert (entry.id, entry.affinity.pk) == ("3zzf", pytest.approx(0.40, abs=0.01))


@pytest.mark.parametrize(("text", "found"), [("id,pk\na,6\n", "none besides"), ("id,pk,mw\na,6,300\n", "mw")])
def test_a_column_that_is_missing(write, text, found):
    with pytest.raises(TableError, match="has no column 'active'") as caught:
        read_truth(write(text), ("active",))
    assert found in caught.value.hint


def test_an_id_that_comes_twice(write):
    path = write("id,active\na,1\na,0\n")
    with pytest.raises(TableError, match="on line 2 and on line 3"):
        read_truth(path, affinities=False)
    one = read_truth(write("id,pk\na,6\n"))
    with pytest.raises(TableError, match="more than once"):
        truth_frame([*one, *one])
