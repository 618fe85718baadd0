"""Groups as bytes, and the cache's table: what was text stays that text, to the letter."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest
from networks import example_complex

from binding.data.cache import ComplexCache, refuse_mixed
from binding.data.encode import encode_group, from_bytes, to_bytes, write_cache
from binding.errors import CacheError, ConfigError, WriteError
from binding.graph.ligand import build_ligand_graph


@pytest.fixture(scope="module")
def group():
    cx = example_complex("4cup", cutoff=6.0)
    return encode_group(cx.pocket, [(build_ligand_graph(cx.ligand), np.arange(cx.pocket.num_residues))])


def cached(path, group, rows, settings=None) -> ComplexCache:
    columns = [{"id": f"x{number}", "pk": 6.0, "relation": "=", **row} for number, row in enumerate(rows)]
    write_cache(path, [group] * len(rows), columns, settings or {})
    return ComplexCache(path)


def test_bytes_give_the_group_back(group):
    again = from_bytes(to_bytes(group))
    assert (again.atom_names, again.residue_names) == (group.atom_names, group.residue_names)
    assert set(again.arrays) == set(group.arrays)
    for name, array in group.arrays.items():
        assert again.arrays[name].dtype == array.dtype, name
        assert np.array_equal(again.arrays[name], array), name


def test_damaged_bytes_are_told(group):
    data = bytearray(to_bytes(group))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(CacheError, match="damaged"):
        from_bytes(bytes(data))


def test_same_content_same_bytes(group, tmp_path):
    for name in ("a.npz", "b.npz"):
        cached(tmp_path / name, group, [{"year": "2001"}])
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


ODD = ["NA", "None", "nan", "1e5", "1e66", "0012", "007", "True", "N/A", "1_000", "inf", "a,b", ' "quoted" ', "µ", "-"]


def test_ids_and_names_are_read_back_exactly(group, tmp_path):
    rows = [{"id": text, "uniprot": text} for text in ODD]
    table = cached(tmp_path / "x.npz", group, rows).table
    assert table["id"].tolist() == ODD
    assert table["uniprot"].tolist() == ODD


@pytest.mark.parametrize("text", ["1e5", "0012", "NA", "None"])
def test_a_column_of_nothing_else_stays_text(group, tmp_path, text):
    table = cached(tmp_path / "x.npz", group, [{"id": text, "name": text}]).table
    assert table.loc[0, ["id", "name"]].tolist() == [text, text]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "2", "-3"], [1, 2, -3]),
        (["1.5", "2", "1.5e-3"], [1.5, 2.0, 0.0015]),
        (["1e-9", "2E+3", ".5"], [1e-9, 2000.0, 0.5]),
        (["2004", "", "NA"], [2004.0, None, None]),
        (["0.1", "0.30000000000000004", "1"], [0.1, 0.30000000000000004, 1.0]),
        (["True", "False", "True"], [True, False, True]),
        (["", "", ""], [None, None, None]),
    ],
)
def test_a_column_of_numbers_is_one(group, tmp_path, cells, values):
    column = cached(tmp_path / "x.npz", group, [{"value": cell} for cell in cells]).table["value"]
    assert column.dtype.kind in "ifb"
    assert [None if value != value else value for value in column.tolist()] == values


def test_an_empty_cell_is_no_value(group, tmp_path):
    table = cached(tmp_path / "x.npz", group, [{"uniprot": "P1"}, {"uniprot": ""}]).table
    assert table["uniprot"].isna().tolist() == [False, True]


def test_pk_is_read_back_to_the_last_digit(group, tmp_path):
    values = [6.1 + 1e-15, 0.1 + 0.2, 11 / 3]
    assert cached(tmp_path / "x.npz", group, [{"pk": value} for value in values]).table["pk"].tolist() == values


def test_rows_and_complexes_must_agree(group, tmp_path):
    with pytest.raises(ValueError, match="2 rows for 1 complexes"):
        write_cache(tmp_path / "x.npz", [group], [{"id": "a"}, {"id": "b"}], {})
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_cache_and_no_part(group, tmp_path, monkeypatch):
    path = tmp_path / "x.npz"
    cached(path, group, [{}])
    before = path.read_bytes()

    def full(stream, **arrays):
        stream.write(b"half of it")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(WriteError, match="the disk is full") as caught:
        cached(path, group, [{}, {}])
    assert caught.value.code == "disk_full"
    assert [file.name for file in tmp_path.iterdir()] == ["x.npz"]
    assert path.read_bytes() == before


def test_caches_cut_in_different_ways_do_not_mix(group, tmp_path):
    caches = [cached(tmp_path / f"{c}.npz", group, [{}], {"pocket_cutoff": c}) for c in (10.0, 10.0, 8.0)]
    refuse_mixed(caches[:2])
    with pytest.raises(ConfigError) as caught:
        refuse_mixed(caches)
    for said in ("10.0.npz", "8.0.npz", "pocket_cutoff 10.0 and 8.0"):
        assert said in caught.value.message
