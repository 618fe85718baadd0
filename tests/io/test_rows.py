"""Tables as spreadsheets write them: decimal commas, ``sep=``, quotes that are not closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from binding.errors import FileError, TableError
from binding.io.rows import read_rows, read_text


def read(tmp_path: Path, text: str, required: tuple[str, ...] = ("id",)) -> list[dict[str, str] | str]:
    """Cells of each row, or what is wrong with it."""
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode())
    return [row.cells if row.error is None else row.error.message for row in read_rows(path, required)]


def column(tmp_path: Path, text: str, name: str) -> list[str]:
    return [row[name] for row in read(tmp_path, text) if isinstance(row, dict)]


# ---------------------------------------------------------------- decimal commas


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["6,5", "7,25"], ["6.5", "7.25"]),
        (["6,5", "7", ""], ["6.5", "7", ""]),
        (["-8,5", "+1,0", ",5", "1,5e-3"], ["-8.5", "+1.0", ".5", "1.5e-3"]),
        (["1,250", "0,250"], ["1.250", "0.250"]),  # no thousands begin with 0
        (["1,250", "2,500"], ["1,250", "2,500"]),  # thousands, or three decimals?
        (["6,5", "7.25"], ["6,5", "7.25"]),  # two marks in one column
        (["1.234,5", "6,5"], ["1.234,5", "6,5"]),
        (["6,5", "strong"], ["6,5", "strong"]),  # a column of text, for all we know
        (["1,2,3", "6,5"], ["1,2,3", "6,5"]),
    ],
)
@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_comma_that_can_only_be_a_decimal_one_is_read_as_a_point(tmp_path, cells, expected, separator):
    rows = "".join(f"x{number}{separator}{cell}\n" for number, cell in enumerate(cells))
    assert column(tmp_path, f"id{separator}value\n{rows}", "value") == expected


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["6,500", "7,250"], ["6.500", "7.250"]),  # no pK is in the thousands
        (["6,5", "strong", ""], ["6.5", "strong", ""]),
        (["6,5", "7.25"], ["6,5", "7.25"]),
    ],
)
def test_a_column_of_measurements_is_one_of_numbers_whatever_it_holds(tmp_path, cells, expected):
    rows = "".join(f"x{number};{cell}\n" for number, cell in enumerate(cells))
    assert column(tmp_path, f"id;pK\n{rows}", "pK") == expected


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["Ki=12,5nM", "IC50>10uM"], ["Ki=12.5nM", "IC50>10uM"]),
        (["0,3 mM", "1,200 nM"], ["0.3 mM", "1.200 nM"]),
        (["Ki=1,200 nM"], ["Ki=1,200 nM"]),
        (["Ki=1,5 nM", "Ki=2.5 nM"], ["Ki=1,5 nM", "Ki=2.5 nM"]),
    ],
)
def test_affinities_hold_their_number_inside_a_text(tmp_path, cells, expected):
    rows = "".join(f"x{number};{cell}\n" for number, cell in enumerate(cells))
    assert column(tmp_path, f"id;affinity\n{rows}", "affinity") == expected


def test_one_sure_comma_tells_what_the_others_of_the_table_are(tmp_path):
    (row, _) = read(tmp_path, "id;dose;resolution\na;1,250;1,8\nb;2,500;2,0\n")
    assert row == {"id": "a", "dose": "1.250", "resolution": "1.8"}


def test_names_lists_and_tables_with_commas_between_their_cells_keep_their_commas(tmp_path):
    (row,) = read(tmp_path, "id;ligand;pocket;pk\n1,5;2,5;8,5;6,5\n")
    assert row == {"id": "1,5", "ligand": "2,5", "pocket": "8,5", "pk": "6.5"}
    assert read(tmp_path, 'id,pk\na,"6,5"\nb,6,5\n') == [
        {"id": "a", "pk": "6,5"},
        "table.csv, line 3: 3 cells for 2 columns.",
    ]


# ---------------------------------------------------------------- what spreadsheets put around


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"', "\ufeffsep=;"])
def test_the_first_line_of_excel_names_the_separator(tmp_path, first):
    assert read(tmp_path, f"{first}\nid;pk\na;6,5\n") == [{"id": "a", "pk": "6.5"}]
    assert read(tmp_path, f"{first}\r\nid;pk\r\na;6,5\r\n".replace(";", "\t")) == [{"id": "a", "pk": "6.5"}]


def test_lines_are_counted_as_in_the_file(tmp_path):
    (tmp_path / "t.csv").write_text('sep=;\n\nid;name of it\na;"two\nlines"\n\nb\n')
    assert [row.line for row in read_rows(tmp_path / "t.csv", ("id",))] == [4, 7]


def test_nameless_columns_and_empty_cells_at_the_end_are_none(tmp_path):
    assert read(tmp_path, "id;pk;;\na;6;;\nb;7\nc;8;;;;\nd;9;x;\n") == [
        {"id": "a", "pk": "6"},
        {"id": "b", "pk": "7"},
        {"id": "c", "pk": "8"},
        "table.csv, line 5: 3 cells for 2 columns.",
    ]


@pytest.mark.parametrize("text", ["sep=;\n", "sep=;\nid;pk\n"])
def test_a_table_without_rows(tmp_path, text):
    with pytest.raises(TableError):
        read(tmp_path, text)


# ---------------------------------------------------------------- quotes


def test_a_quoted_cell_may_go_over_lines(tmp_path):
    assert read(tmp_path, 'id,note\na,"one\ntwo, ""three"""\nb,"x"\n') == [
        {"id": "a", "note": 'one\ntwo, "three"'},
        {"id": "b", "note": "x"},
    ]


OPEN = "table.csv, line 3: a quote is opened and not closed."


@pytest.mark.parametrize(
    ("torn", "said"),
    [
        ('b,"p.pdb,l.sdf', OPEN),
        ('b,p.pdb,"l.sdf', OPEN),  # three cells, the last of them all that follows
        ('"b,p.pdb,l.sdf', OPEN),
        ('b,p.pdb,l"x.sdf"', None),  # a quote within a cell is one of its letters
    ],
)
@pytest.mark.parametrize("rest", ["c,p.pdb,m.sdf\n", 'c,p.pdb,"m.sdf"\n', 'c,p.pdb,m.sdf\nd,p.pdb,"m.sdf"\n', ""])
def test_a_quote_that_is_not_closed_swallows_no_row(tmp_path, torn, said, rest):
    found = read(tmp_path, f"id,protein,ligand\na,p.pdb,l.sdf\n{torn}\n{rest}")
    assert len(found) == 2 + rest.count("\n")
    assert found[1] == said if said else isinstance(found[1], dict)
    assert [row["ligand"] for row in found[2:]] == ["m.sdf"] * rest.count("\n")


def test_a_quote_that_swallows_more_than_a_cell_can_hold(tmp_path):
    rest = "".join(f"x{number},p.pdb,a ligand with a long name.sdf\n" for number in range(4000))
    found = read(tmp_path, f'id,protein,ligand\na,"p.pdb,l.sdf\n{rest}')
    assert found[0] == "table.csv, line 2: a quote is opened and not closed."
    assert [row["id"] for row in found[1:]] == [f"x{number}" for number in range(4000)]


def test_old_mac_line_ends(tmp_path):
    (tmp_path / "t.csv").write_bytes(b'id,pk\ra,6.5\rb,"7\r8"\r')
    assert read_text(tmp_path / "t.csv") == 'id,pk\na,6.5\nb,"7\n8"\n'


def test_a_column_that_is_to_be_the_id(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("compound,id\nx,1\n")
    (row,) = read_rows(path, ("id",), id_column="compound")
    assert row.cells == {"id": "x", "id_given": "1"}
    with pytest.raises(TableError, match="has no column 'name'") as caught:
        read_rows(path, ("id",), id_column="name")
    assert "compound, id" in caught.value.hint


def test_a_cell_beyond_what_a_table_may_hold_costs_its_row_alone(tmp_path):
    found = read(tmp_path, f"id,pk\na,6\nb,{'7' * 140_000}\nc,8\n")
    assert [row["pk"] if isinstance(row, dict) else "bad" for row in found] == ["6", "bad", "8"]


def test_a_cell_beyond_what_a_table_may_hold_in_a_table_of_one_column(tmp_path):
    assert read(tmp_path, f"id\na\n{'7' * 140_000}\n")[1:] == [OPEN]


def test_bytes_of_a_program_are_no_table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(b"id,pk\na,\x006\n")
    with pytest.raises(FileError, match="is a binary file, not text"):
        read_text(path)
