"""From a table of ids to a tree that ``binding prepare`` takes: every row in the report, whatever the server does."""

from __future__ import annotations

import csv
import gzip
import json
import os
import time
from collections import Counter
from pathlib import Path

import gemmi
import numpy as np
import pytest
from archive_server import (
    HTML,
    change_all_atoms,
    change_atoms,
    component_of,
    cut_off,
    hang,
    instead,
    moved,
    send,
    status,
    with_second_copy,
)
from rdkit import Chem

from binding.archive import collect as collect_module
from binding.archive.collect import collect
from binding.data.prepare import prepare_dataset
from binding.errors import FileError, TableError, UsageError, WriteError
from binding.io.ligand import read_ligands
from binding.io.structure import read_complex, read_protein
from binding.io.table import find_complex_files

FRAGMENT, ANTAGONIST = "N/C(=N/O)c1ccc(F)cc1", "Nc1nc(NCCc2ccc(O)cc2)nc2nc(-c3ccco3)nn12"
ENTRY = "/mmCIF/cu/4cup.cif.gz"


@pytest.fixture
def run(server, manners, tmp_path):
    def run(text: str, **options):
        ids = tmp_path / "ids.csv"
        ids.write_text(text)
        return collect(ids, tmp_path / "tree", manners=manners, **(server.addresses | options))

    return run


def rows_of(path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def is_ligand(row) -> bool:
    return row["label_comp_id"] == "ZYB"


def smiles_in(folder) -> str:
    (ligand,) = read_ligands(find_complex_files(folder)[1])
    return Chem.MolToSmiles(ligand.mol)


def test_tree_is_what_the_readers_find_in_the_complex(run, examples):
    report = run("pdb_id,ligand_code,affinity,target\n4cup,ZYB,Kd=30uM,BAZ2B\n6wqa,,Ki=1nM,A2A\n")
    assert (report.asked, report.usable, report.has_affinities) == (2, 2, True)
    for name, smiles in (("4cup", FRAGMENT), ("6wqa", ANTAGONIST)):
        protein_path, ligand_path = find_complex_files(report.folder / name)
        (ligand,) = read_ligands(ligand_path)
        protein = read_protein(protein_path)
        expected_protein, (expected,) = read_complex(examples / f"{name}_complex.cif.gz")
        assert ligand.name == name
        assert Chem.MolToSmiles(ligand.mol) == smiles == Chem.MolToSmiles(expected.mol)
        assert sorted(map(tuple, ligand.positions)) == sorted(map(tuple, expected.positions))
        assert protein.residue_ids == expected_protein.residue_ids
        np.testing.assert_array_equal(protein.positions, expected_protein.positions)
        np.testing.assert_array_equal(protein.atom_names, expected_protein.atom_names)
    first, second = rows_of(report.folder / "index.csv")
    assert first == {
        "id": "4cup", "affinity": "Kd=30uM", "target": "BAZ2B", "pdb_id": "4cup", "ligand_code": "ZYB",
        "ligand_group": "A:ZYB:2971", "smiles": FRAGMENT, "resolution": "1.880", "method": "X-RAY DIFFRACTION",
        "year": "2014", "uniprot": "Q9UIF8",
    }  # fmt: skip
    assert second["smiles"] == ANTAGONIST
    assert [row["bond_orders"] for row in rows_of(report.folder / "report.csv")] == ["component", "component"]


def test_tree_can_be_prepared(run, tmp_path):
    report = run("pdb_id,affinity\n4cup,Kd=30uM\n6wqa,Ki<1nM\n9zzz,Ki=1nM\n")
    assert report.usable == 2
    prepared = prepare_dataset(report.folder, None, tmp_path / "cache.npz", workers=0)
    assert (prepared.asked, prepared.cached, prepared.rejected) == (2, 2, [])


def test_the_tables_own_values_win_where_there_are_any(run):
    report = run("pdb_id,resolution,year\n4cup,,1999\n")
    (row,) = rows_of(report.folder / "index.csv")
    assert (row["resolution"], row["year"]) == ("1.880", "1999")


def test_a_free_amino_acid_is_told_from_those_of_the_chain(run, server, served):
    """The fragment under the name of glutamate, of which the protein has many."""
    server.files["/mmCIF/cu/4cut.cif.gz"] = change_atoms(
        served[ENTRY], lambda row: [row | {"label_comp_id": "GLU", "auth_comp_id": "GLU"} if is_ligand(row) else row]
    )
    report = run("pdb_id,ligand_code,smiles\n4cut,GLU,NC(=NO)c1ccc(F)cc1\n")
    (row,) = rows_of(report.folder / "report.csv")
    assert (row["status"], row["ligand"]) == ("written", "A:GLU:2971"), row
    assert smiles_in(report.folder / "4cut") == FRAGMENT
    names = [name.split(":")[1] for name in read_protein(report.folder / "4cut" / "4cut_protein.cif.gz").residue_ids]
    assert names.count("GLU") > 3


def test_sequences_stay_with_the_receptor_and_the_rest_goes(run):
    run_folder = run("pdb_id\n4cup\n").folder
    text = gzip.decompress(find_complex_files(run_folder / "4cup")[0].read_bytes()).decode()
    block = gemmi.cif.read_string(text).sole_block()
    assert len(block.find_loop("_entity_poly_seq.mon_id")) == 117
    assert not block.find_mmcif_category("_citation.")
    assert not block.find_mmcif_category("_atom_site_anisotrop.")


def test_the_receptor_is_the_first_model(run, server, served):
    def two_models(row):
        return [row, moved(row, 50.0, pdbx_PDB_model_num="2")]

    one = run("pdb_id\n4cup\n").folder / "4cup" / "4cup_protein.cif.gz"
    before = read_protein(one).positions
    server.files["/mmCIF/cu/5cup.cif.gz"] = change_atoms(served[ENTRY], two_models)
    report = run("pdb_id\n5cup\n")
    assert report.usable == 1
    protein = read_protein(report.folder / "5cup" / "5cup_protein.cif.gz")
    np.testing.assert_array_equal(protein.positions, before)
    assert not any("models" in note for note in protein.notes)


def test_every_row_has_its_reason_and_the_counts_add_up(run, server, served, examples):
    files = server.files
    files["/mmCIF/aa/1aaa.cif.gz"] = change_atoms(served[ENTRY], lambda row: [] if is_ligand(row) else [row])
    files["/mmCIF/aa/1aab.cif.gz"] = change_atoms(
        served[ENTRY], lambda row: [] if is_ligand(row) and row["label_atom_id"] == "O" else [row]
    )
    files["/mmCIF/aa/1aac.cif.gz"] = change_atoms(
        served[ENTRY],
        lambda row: [moved(row, 200.0) if is_ligand(row) else row],
    )
    files["/mmCIF/aa/1aad.cif.gz"] = change_atoms(
        served[ENTRY], lambda row: [row] if is_ligand(row) or row["group_PDB"] == "HETATM" else []
    )
    files["/mmCIF/aa/1aae.cif.gz"] = bonded_to_the_protein(served[ENTRY])
    files["/mmCIF/aa/1aaf.cif.gz"] = change_atoms(
        served[ENTRY], lambda row: [row | {"label_comp_id": "QQQ", "auth_comp_id": "QQQ"} if is_ligand(row) else row]
    )
    server.faults["/mmCIF/aa/1aag.cif.gz"] = [instead(HTML)] * 9
    report = run(
        "id,pdb_id,ligand_code,smiles\n"
        "good,4cup,ZYB,\n"
        "no_ligand,1aaa,ZYB,\n"
        "half_a_ligand,1aab,ZYB,\n"
        "far_away,1aac,ZYB,\n"
        "no_protein,1aad,ZYB,\n"
        "covalent,1aae,ZYB,\n"
        "unknown_component,1aaf,QQQ,\n"
        "unknown_component_with_smiles,1aaf,QQQ,NC(=NO)c1ccc(F)cc1\n"
        "web_page,1aag,,\n"
        "unknown_entry,9zzz,,\n"
        "wrong_code,4cup,XYZ,\n"
        "wrong_smiles,4cup,ZYB,CCO\n"
        "no_id,,,\n"
        "good,6wqa,ZMA,\n"
    )
    reasons = {(row["id"], row["status"]): row["error_code"] for row in rows_of(report.folder / "report.csv")}
    assert reasons == {
        ("good", "written"): "",
        ("no_ligand", "left_out"): "ligand_not_found",
        ("half_a_ligand", "left_out"): "incomplete_ligand",
        ("far_away", "left_out"): "no_contact",
        ("no_protein", "left_out"): "no_contact",
        ("covalent", "left_out"): "covalent_ligand",
        ("unknown_component", "left_out"): "no_bond_orders",
        ("unknown_component_with_smiles", "written"): "",
        ("web_page", "left_out"): "download_failed",
        ("unknown_entry", "left_out"): "not_in_archive",
        ("wrong_code", "left_out"): "ligand_not_found",
        ("wrong_smiles", "left_out"): "template_mismatch",
        ("no_id", "left_out"): "bad_id",
        ("good", "left_out"): "duplicate_id",
    }
    assert all(row["message"] for row in rows_of(report.folder / "report.csv") if row["status"] == "left_out")
    assert report.asked == 14 == report.usable + report.count("left_out")
    assert [row["id"] for row in rows_of(report.folder / "index.csv")] == ["good", "unknown_component_with_smiles"]
    assert smiles_in(report.folder / "unknown_component_with_smiles") == FRAGMENT
    assert sorted(path.name for path in report.folder.iterdir() if path.is_dir() and path.name[0] != ".") == [
        "good",
        "unknown_component_with_smiles",
    ]


def bonded_to_the_protein(entry: bytes) -> bytes:
    """The entry with its ligand moved so that its fluorine is 1.8 Å from an atom of the protein's surface."""
    document = gemmi.cif.read_string(gzip.decompress(entry).decode())
    structure = gemmi.make_structure_from_block(document.sole_block())
    protein = [a.pos for chain in structure[0] for r in chain if r.name not in ("ZYB", "HOH") for a in r]
    ligand = [(a.name, a.pos) for chain in structure[0] for r in chain if r.name == "ZYB" for a in r]
    cloud = np.array([[p.x, p.y, p.z] for p in protein])
    fluorine = next(p for name, p in ligand if name == "F")
    outermost = cloud[np.argmax(np.linalg.norm(cloud - cloud.mean(axis=0), axis=1))]
    outward = (outermost - cloud.mean(axis=0)) / np.linalg.norm(outermost - cloud.mean(axis=0))
    shift = outermost + 1.8 * outward - [fluorine.x, fluorine.y, fluorine.z]

    def move(row):
        if not is_ligand(row):
            return [row]
        axes = ("Cartn_x", "Cartn_y", "Cartn_z")
        return [row | {axis: f"{float(row[axis]) + shift[k]:.3f}" for k, axis in enumerate(axes)}]

    return change_atoms(entry, move)


def test_a_chain_and_a_number_choose_the_copy(run, server, served):
    server.files["/mmCIF/cu/4cuq.cif.gz"] = with_second_copy(served[ENTRY])
    report = run(
        "id,pdb_id,ligand_code,chain,number\n"
        "any,4cuq,ZYB,,\nauto,4cuq,,,\nb,4cuq,ZYB,B,\nnumber,4cuq,ZYB,,11\nboth,4cuq,ZYB,A,2971\n"
        "neither,4cuq,ZYB,B,2971\ngroup,4cuq,B:ZYB:11,,\n"
    )
    taken = {row["id"]: row["ligand"] or row["error_code"] for row in rows_of(report.folder / "report.csv")}
    assert taken == {
        "any": "A:ZYB:2971", "auto": "A:ZYB:2971", "b": "B:ZYB:11", "number": "B:ZYB:11", "both": "A:ZYB:2971",
        "neither": "ligand_not_found", "group": "B:ZYB:11",
    }  # fmt: skip
    assert server.asked["/mmCIF/cu/4cuq.cif.gz"] == 1
    left = {row["id"]: row["message"] for row in rows_of(report.folder / "report.csv")}["neither"]
    assert "The entry has A:ZYB:2971, B:ZYB:11." in left
    receptor = read_protein(report.folder / "b" / "b_protein.cif.gz")
    assert "A:ZYB:2971" in receptor.residue_ids
    assert "B:ZYB:11" not in receptor.residue_ids


@pytest.mark.parametrize("named", ["ZYB", ""])
def test_of_several_copies_the_first_whole_one_is_taken(run, server, served, named):
    server.files["/mmCIF/cu/4cur.cif.gz"] = with_second_copy(served[ENTRY], lacking="O")
    report = run(f"pdb_id,ligand_code\n4cur,{named}\n")
    (row,) = rows_of(report.folder / "report.csv")
    assert (row["status"], row["ligand"], row["smiles"]) == ("written", "B:ZYB:11", FRAGMENT)
    why = "since the copies before it are not whole" if named else "as the ligand, the first of 2 copies"
    assert f"took B:ZYB:11{',' if named else ''} {why}" in row["notes"]
    report = run("pdb_id,ligand_code,chain\n4cur,ZYB,A\n")
    assert [outcome.error_code for outcome in report.outcomes] == ["incomplete_ligand"]


def test_a_copy_that_touches_nothing_is_passed_over(run, server, served):
    def both(rows):
        far = [moved(row, 300.0, auth_asym_id="Z") for row in rows if is_ligand(row)]
        return far + rows

    server.files["/mmCIF/cu/4cus.cif.gz"] = change_all_atoms(served[ENTRY], both)
    report = run("id,pdb_id,ligand_code,chain\nany,4cus,ZYB,\nz,4cus,ZYB,Z\n")
    rows = rows_of(report.folder / "report.csv")
    assert [row["ligand"] or row["error_code"] for row in rows] == ["A:ZYB:2971", "no_contact"]


def test_bond_orders_of_the_entry_serve_where_the_dictionary_lacks_the_component(run, server, examples):
    server.files[ENTRY] = (examples / "4cup_complex.cif.gz").read_bytes()
    del server.files["/ligands/ZYB.cif"]
    report = run("pdb_id,ligand_code\n4cup,ZYB\n")
    (row,) = rows_of(report.folder / "report.csv")
    assert (row["bond_orders"], row["smiles"]) == ("entry", FRAGMENT)


def test_a_component_that_fails_is_no_reason_to_guess(run, server):
    server.faults["/ligands/ZYB.cif"] = [status(500)] * 9
    report = run("pdb_id,ligand_code\n4cup,ZYB\n")
    assert [outcome.error_code for outcome in report.outcomes] == ["download_failed"]


def test_what_the_component_says_is_what_is_written(run, server, examples):
    """The dictionary's atoms count, and it is downloaded once."""
    path = examples / "4cup_complex.cif.gz"
    report = run("pdb_id\n4cup\n")
    assert smiles_in(report.folder / "4cup") == FRAGMENT
    server.files["/ligands/ZYB.cif"] = component_of(
        path, "ZYB", more_atoms=[("C9", "C", 0, "N")], more_bonds=[("C9", "O", "SING")]
    )
    assert run("id,pdb_id\nagain,4cup\n").usable == 1
    (report.folder / ".downloads" / "components" / "ccd_ZYB.cif.gz").unlink()
    other = run("id,pdb_id\nnow,4cup\n")
    assert [outcome.error_code for outcome in other.outcomes] == ["incomplete_ligand"]


def test_a_second_run_asks_for_nothing(run, server):
    text = "pdb_id,ligand_code,pk\n4cup,ZYB,4.5\n6wqa,,9\n"
    run(text)
    asked = Counter(server.asked)
    folder = run(text).folder
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*_*") if path.is_file()}
    report = run(text)
    assert [outcome.status for outcome in report.outcomes] == ["kept", "kept"]
    assert server.asked == asked
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*_*") if path.is_file()} == before
    assert len(rows_of(folder / "index.csv")) == 2


def test_another_request_for_the_same_id_is_written_anew(run, server):
    run("pdb_id,ligand_code\n4cup,ZYB\n")
    report = run("pdb_id,ligand_code,smiles\n4cup,ZYB,NC(=NO)c1ccc(F)cc1\n")
    assert [outcome.status for outcome in report.outcomes] == ["written"]
    report = run("pdb_id,ligand_code\n4cup,XYZ\n")
    assert [outcome.status for outcome in report.outcomes] == ["left_out"]
    assert not list(report.folder.glob("4cup/*_protein*"))  # nothing is left that the report does not name
    assert server.asked[ENTRY] == 1


@pytest.mark.parametrize("lost", ["4cup_protein.cif.gz", "4cup_ligand.sdf", "4cup_source.json"])
def test_a_complex_that_is_not_whole_is_written_anew(run, lost):
    folder = run("pdb_id\n4cup\n").folder
    (folder / "4cup" / lost).unlink()
    report = run("pdb_id\n4cup\n")
    assert [outcome.status for outcome in report.outcomes] == ["written"]
    assert (folder / "4cup" / lost).is_file()


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:40],
        lambda text: "[]",
        lambda text: text.replace('"about"', '"abort"'),
        lambda text: text.replace('"rules": 1', '"rules": 0'),
    ],
    ids=["cut", "list", "key", "rules"],
)
def test_a_marker_that_is_damaged_or_of_other_rules_is_no_marker(run, damage):
    folder = run("pdb_id\n4cup\n").folder
    marker = folder / "4cup" / "4cup_source.json"
    marker.write_text(damage(marker.read_text()))
    assert [outcome.status for outcome in run("pdb_id\n4cup\n").outcomes] == ["written"]
    assert json.loads(marker.read_text())["about"]["smiles"] == FRAGMENT


def test_files_of_others_are_not_mixed_with_ours(run, tmp_path):
    own = tmp_path / "tree" / "4cup" / "4cup_protein.pdb"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    report = run("pdb_id\n4cup\n6wqa\n")
    assert [outcome.error_code for outcome in report.outcomes] == ["folder_taken", ""]
    assert own.read_text() == "mine"


def test_a_kept_row_stays_in_the_index_when_the_network_is_gone(run, server):
    run("pdb_id,pk\n4cup,4.5\n")
    server.faults["/mmCIF/wq/6wqa.cif.gz"] = [hang, cut_off, status(503)]
    report = run("pdb_id,pk\n4cup,4.5\n6wqa,9\n")
    assert [outcome.status for outcome in report.outcomes] == ["kept", "left_out"]
    assert [row["id"] for row in rows_of(report.folder / "index.csv")] == ["4cup"]
    report = run("pdb_id,pk\n4cup,4.5\n6wqa,9\n")
    assert [outcome.status for outcome in report.outcomes] == ["kept", "written"]


def test_no_more_downloads_at_once_than_asked(run, server, served):
    names = [f"{k}cup" for k in range(1, 9)]
    for name in names:
        server.files[f"/mmCIF/cu/{name}.cif.gz"] = served[ENTRY]
    server.delay = 0.05
    report = run("pdb_id\n" + "\n".join(names) + "\n", jobs=2)
    assert report.usable == 8
    assert server.at_once == 2
    assert [outcome.id for outcome in report.outcomes] == names  # in the table's order, whoever was first
    assert server.asked["/ligands/ZYB.cif"] == 1


def test_an_interruption_writes_what_is_done(run, server, served, tmp_path):
    names = [f"{k}cup" for k in range(1, 9)]
    for name in names[:3]:
        server.files[f"/mmCIF/cu/{name}.cif.gz"] = served[ENTRY]
    for name in names[3:]:
        server.faults[f"/mmCIF/cu/{name}.cif.gz"] = [hang]

    def interrupt(done, total):
        if done == 3:
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run("pdb_id,pk\n" + "".join(f"{name},5\n" for name in names), jobs=1, progress=interrupt)
    assert time.monotonic() - started < 5.0
    tree = tmp_path / "tree"
    counts = Counter(row["status"] for row in rows_of(tree / "report.csv"))
    assert counts == {"written": 3, "not_reached": 5}
    assert len(rows_of(tree / "index.csv")) == 3


def test_an_odd_entry_among_good_ones_is_one_row(run, monkeypatch):
    real = collect_module.extract

    def odd(path, wanted, archive):
        if wanted.id == "4cup":
            raise RuntimeError("no rule foresaw this")
        return real(path, wanted, archive)

    monkeypatch.setattr(collect_module, "extract", odd)
    report = run("pdb_id\n4cup\n6wqa\n")
    assert [outcome.error_code for outcome in report.outcomes] == ["internal_error", ""]
    assert "no rule foresaw this" in report.outcomes[0].message


def test_a_full_disk_ends_the_run_with_a_clear_error(run, monkeypatch, tmp_path):
    real = Path.write_bytes

    def full(path, data):
        if "_protein.cif.gz" in path.name:
            raise OSError(28, "No space left on device", str(path))
        real(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(WriteError, match=r"protein\.cif\.gz cannot be written: the disk is full"):
        run("pdb_id,pk\n4cup,5\n6wqa,6\n")
    assert {row["status"] for row in rows_of(tmp_path / "tree" / "report.csv")} == {"not_reached"}
    monkeypatch.undo()
    assert run("pdb_id,pk\n4cup,5\n6wqa,6\n").usable == 2


def test_parts_of_files_are_cleared_when_they_are_old(run, tmp_path):
    folder = run("pdb_id\n4cup\n").folder
    old, new = (folder / ".downloads" / "entries" / f"{name}.cif.gz.1.partial" for name in ("old", "new"))
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    run("pdb_id\n4cup\n")
    assert not old.exists()
    assert new.exists()  # it may belong to another run on this tree


@pytest.mark.parametrize("jobs", [0, 17])
def test_jobs_have_a_limit(run, jobs):
    with pytest.raises(UsageError):
        run("pdb_id\n4cup\n", jobs=jobs)


def test_a_table_without_rows(run, tmp_path):
    with pytest.raises(TableError):
        run("pdb_id\n")
    assert not (tmp_path / "tree").exists()


def test_a_tree_that_is_a_file(run, tmp_path):
    (tmp_path / "tree").write_text("")
    with pytest.raises(FileError, match="cannot be made: there is a file of that name"):
        run("pdb_id\n4cup\n")


def test_two_rows_of_one_entry_download_it_once_even_together(run, server):
    server.faults[ENTRY] = [slowly]
    report = run("id,pdb_id,smiles\na,4cup,\nb,4cup,NC(=NO)c1ccc(F)cc1\n", jobs=2)
    assert report.usable == 2
    assert server.asked[ENTRY] == 1


def slowly(server, handler, body):
    time.sleep(0.2)
    send(handler, 200, body)
