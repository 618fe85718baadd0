"""A ligand inside a structure may be named where a ligand file may be given."""

from __future__ import annotations

import pytest

from binding.errors import FileError, UsageError
from binding.score.requests import requests_from

COMPLEX = "6wqa_complex.cif.gz"


@pytest.mark.parametrize("name", ["auto", "ZMA", "A:ZMA:1202", "A:"])
def test_a_name_is_a_ligand_inside_the_structure(examples, name):
    (request,) = requests_from(examples / COMPLEX, name)
    assert request.ligand == name
    assert request == requests_from(examples / COMPLEX, ligand=name)[0]


def test_several_names_are_several_requests(examples):
    assert [request.ligand for request in requests_from(examples / COMPLEX, ["auto", "A:ZMA:1202"])] == [
        "auto",
        "A:ZMA:1202",
    ]


def test_a_file_of_that_name_is_a_file(examples, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "LIG").write_text((examples / "1ia1_ligand.sdf").read_text())
    (request,) = requests_from(examples / "1ia1_protein.pdb.gz", "LIG")
    assert request.ligand == (tmp_path / "LIG").relative_to(tmp_path)


def test_files_and_names_do_not_go_together(examples):
    with pytest.raises(UsageError):
        requests_from(examples / COMPLEX, ["auto", str(examples / "1ia1_ligand.sdf")])


def test_a_missing_file_is_a_missing_file(examples):
    with pytest.raises(FileError) as caught:
        requests_from(examples / "1ia1_protein.pdb.gz", "missing.sdf")
    assert caught.value.code == "file_not_found"
