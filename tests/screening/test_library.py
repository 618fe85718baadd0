"""Libraries in every form, cut into parts: each record once, in an order that never changes, with its names."""

from __future__ import annotations

import csv
import gzip

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rdkit import Chem
from screen_runs import write

from binding.errors import BindingError, TableError, UsageError
from binding.screening import columns
from binding.screening.library import Library
from binding.screening.library_digest import about_records, fingerprint
from binding.screening.records import PartJob, Record, RecordKind, cut_parts, part_length


def records(*sources) -> list[Record]:
    return list(Library(sources).records())


def names(found: list[Record]) -> list[tuple[str, int]]:
    return [(record.id, record.number) for record in found]


def test_a_folder_is_read_by_sorted_path_and_named_by_it(tmp_path, poses):
    for name, content in (("b.sdf", poses[:1]), ("a/x.sdf.gz", poses[1:3]), ("a/y.sdf", poses[3:4])):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path / name, content)
    (tmp_path / "a" / "receptor.pdb").write_text("ATOM")
    found = records(tmp_path)
    assert names(found) == [("a/x:1", 0), ("a/x:2", 1), ("a/y", 0), ("b", 0)]
    assert found[0].file == str(tmp_path / "a" / "x.sdf.gz")
    assert found[3].text == poses[0].replace("$$$$\n", "")
    assert names(records(tmp_path / "*" / "x.sdf.gz")) == [("x:1", 0), ("x:2", 1)]


def test_a_list_keeps_its_order_and_its_missing_files(tmp_path, poses):
    write(tmp_path / "late.sdf", poses[:1])
    write(tmp_path / "early.sdf", poses[1:2])
    (tmp_path / "files.txt").write_text("late.sdf\n# none of these\n\ngone.sdf\nearly.sdf\n")
    found = records(tmp_path / "files.txt")
    assert names(found) == [("late", 0), ("gone", 0), ("early", 0)]
    assert found[1].kind is RecordKind.BROKEN
    assert found[1].error.code == "file_not_found"


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.tsv", "t.parquet"])
@pytest.mark.parametrize(
    ("column", "kind"), [("molblock", RecordKind.POSE), ("mol_block", RecordKind.POSE), ("SMILES", RecordKind.SMILES)]
)
def test_tables_hold_mol_blocks_or_smiles(tmp_path, poses, name, column, kind):
    texts = (
        [pose.partition("M  END")[0] + "M  END\n" for pose in poses[:3]]
        if kind is RecordKind.POSE
        else ["C", "CC", "CO"]
    )
    path = tmp_path / name
    if name.endswith("parquet"):
        pq.write_table(pa.table({"other": [1, 2, 3], column: texts, "Name": ["first", None, "third"]}), path)
    else:
        opened = gzip.open(path, "wt", newline="") if name.endswith("gz") else path.open("w", newline="")
        with opened as stream:
            table = csv.writer(stream, delimiter="\t" if ".tsv" in name else ",")
            table.writerow(["other", column, "Name"])
            table.writerows(zip([1, 2, 3], texts, ["first", "", "third"], strict=True))
    found = records(path)
    assert names(found) == [("first", 0), ("t:2", 1), ("third", 2)]
    assert [record.kind for record in found] == [kind] * 3
    assert [record.text for record in found] == texts
    assert Library([path]).has_smiles == (kind is RecordKind.SMILES)


def test_a_row_of_a_table_that_does_not_fit_costs_no_other(tmp_path, monkeypatch):
    rows = [f"{'C' * (number % 7 + 1)};c{number};;" for number in range(400)]
    rows[0], rows[1], rows[37], rows[399] = "CO", "CO;x;;;z", '"C\nO";z;"a"', "CO"
    rows[200] = '"C\n\nO";c200;;\n'  # a cell over lines, and then a blank line, which is no row
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["sep=;", "", " smiles ; id ;;", *rows]))
    for size in (8 << 20, 200):
        monkeypatch.setattr(columns, "_BLOCK_BYTES", size)
        found = records(path)
        assert [record.number for record in found] == list(range(400))
        torn = {record.number: record for record in found if record.kind is RecordKind.BROKEN}
        assert sorted(torn) == [0, 1, 37, 399]
        assert {record.error.code for record in torn.values()} == {"bad_row"}
        assert [torn[number].id for number in sorted(torn)] == ["t:1", "x", "z", "t:400"]
        assert "row 38: 3 cells for 4 columns" in torn[37].error.message
        assert [record.id for record in found if record.number not in torn] == [
            f"c{number}" for number in range(400) if number not in torn
        ]
        assert found[200].text == "C\n\nO"


def test_a_table_with_a_quote_that_is_not_closed_ends_in_a_failure(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('smiles,id\nC,a\nCC,b\n"CCC,c\nC,d\n')
    found = records(path)
    assert found[-1].kind is RecordKind.BROKEN
    assert found[-1].error.code == "unreadable"


def test_a_row_of_pairs_that_does_not_fit_is_a_broken_record(tmp_path, examples):
    text = (examples / "pairs.csv").read_text().splitlines()
    folder = examples.as_posix()
    rows = [",".join([line.split(",")[0], *(f"{folder}/{cell}" for cell in line.split(",")[1:2]), line.split(",")[2]])
            for line in text[1:]]  # fmt: skip
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join([text[0], "short,nowhere.pdb", rows[2], ",x"]) + "\n")
    library = Library([path])
    found = list(library.records())
    assert [(record.id, record.kind) for record in found] == [
        ("short", RecordKind.BROKEN),
        (rows[2].split(",")[0], RecordKind.INSIDE),
        ("line 4", RecordKind.BROKEN),
    ]
    assert found[0].error.code == "bad_row"
    assert [file.name for file in library.files()] == ["pairs.csv", rows[2].split(",")[1].rpartition("/")[2]]
    assert fingerprint(library).files == 2


def test_a_table_without_ligands_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("who,when\nme,now\n")
    with pytest.raises(TableError) as refused:
        Library([tmp_path / "t.csv"])
    assert refused.value.hint == "Columns found: who, when; needed: molblock, or smiles, or protein and ligand."


def test_pairs_name_their_receptors(examples):
    library = Library([examples / "pairs.csv"])
    assert library.names_receptors
    found = list(library.records())
    assert len({record.receptor_name for record in found}) > 1
    assert all(record.receptor is not None and record.receptor.exists() for record in found)
    inside = [record for record in found if record.kind is RecordKind.INSIDE]
    assert inside
    assert all(record.text == "auto" or ":" in record.text for record in inside)


def test_smiles_lists(tmp_path):
    (tmp_path / "l.smi").write_text("smiles name\nCCO ethanol\n\n# salts below\nCC(=O)O\tacetic acid\nC\n")
    found = records(tmp_path / "l.smi")
    assert [(record.text, record.id, record.number) for record in found] == [
        ("CCO", "ethanol", 0),
        ("CC(=O)O", "acetic acid", 1),
        ("C", "l:3", 2),
    ]


@pytest.mark.parametrize("sources", [[], ["nowhere/*.sdf"], ["nowhere.sdf"]])
def test_libraries_that_there_are_not(sources, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BindingError):
        Library(sources)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no ligand file below"):
        Library([tmp_path])


def test_parts_grow_and_cover_every_record_once():
    found = [Record(str(n), "", "", n, RecordKind.POSE) for n in range(1500)]
    jobs = list(cut_parts(iter(found), 256))
    assert [len(job.records) for job in jobs[:10]] == [64] * 8 + [128] * 2
    assert [record for job in jobs for record in job.records] == found
    assert [job.first for job in jobs] == [job.records[0].number for job in jobs]
    assert part_length(1_000_000, 256) == 256


def test_of_parts_that_are_not_wanted_only_the_length_is_left():
    found = [Record(str(n), "", "", n, RecordKind.POSE) for n in range(10)]
    cuts = list(cut_parts(iter(found), 4, lambda number: number == 1))
    assert [cut if isinstance(cut, int) else (cut.number, cut.first) for cut in cuts] == [4, (1, 4), 2]


def test_a_library_is_known_by_content_not_by_name(tmp_path, poses):
    first = fingerprint(Library([write(tmp_path / "a.sdf", poses)]))
    (tmp_path / "a.sdf").rename(tmp_path / "b.sdf")
    second = fingerprint(Library([tmp_path / "b.sdf"]))
    assert (second.sha256, second.records) == (first.sha256, 40)
    assert second.state != first.state
    third = fingerprint(Library([write(tmp_path / "b.sdf", poses[::-1])]), vars(second))
    assert third.sha256 != first.sha256


def test_files_that_have_not_changed_are_not_read_again(tmp_path, poses):
    library = Library([write(tmp_path / "a.sdf", poses)])
    said = {**vars(fingerprint(library)), "sha256": "as noted before"}
    assert fingerprint(library, said).sha256 == "as noted before"


@pytest.mark.parametrize("name", ["a.sdf", "a.sdf.gz"])
def test_records_of_a_large_file_are_about_right(tmp_path, poses, name):
    path = write(tmp_path / name, poses * 120)
    assert about_records(path) == pytest.approx(4800, rel=0.1)


def test_records_of_tables_and_lists_are_counted(tmp_path, poses, examples):
    (tmp_path / "smiles.csv").write_text("smiles,id\nCCO,a\nCCC,b\nCCN,c\n")
    blocks = [text.partition(">")[0] for text in poses[:3]]
    pd.DataFrame({"molblock": blocks, "id": list("abc")}).to_csv(tmp_path / "blocks.csv", index=False)
    write(tmp_path / "a.sdf", poses[:4])
    (tmp_path / "files.txt").write_text("a.sdf\na.sdf\n")
    protein = examples / "1s2g_protein.pdb.gz"
    (tmp_path / "pairs.csv").write_text(f"protein,ligand\n{protein},a.sdf\n{protein},A:LIG:1\n")
    counts = {"smiles.csv": 3, "blocks.csv": 3, "files.txt": 8, "pairs.csv": 5}
    found = {name: fingerprint(Library([tmp_path / name])).records for name in counts}
    assert found == counts


def test_untitled_models_of_a_pdbqt_are_one_compound(tmp_path, examples, plan):
    from binding.screening.run import screen

    mol = next(iter(Chem.SDMolSupplier(str(examples / "1s2g_ligand.sdf"))))
    smiles = Chem.MolToSmiles(mol)
    block = Chem.MolToPDBBlock(mol).replace("END\n", "")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        text = "".join(f"MODEL {n}\n{block}ENDMDL\n" for n in (1, 2))
        (tmp_path / name / "out.pdbqt").write_text(text)
    made = plan([tmp_path / "*" / "out.pdbqt"], template=smiles)
    result = screen(made)
    assert (result.asked, result.scored) == (4, 4)
    rows = list(csv.DictReader((made.output / "results.csv").open()))
    assert sorted((row["compound"], row["num_poses"]) for row in rows) == [("one/out", "2"), ("two/out", "2")]
    assert isinstance(next(cut_parts(Library([tmp_path / "one"]).records())), PartJob)
