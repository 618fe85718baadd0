"""The list of ligand formats, and the page that says how to add one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from molecules import posed, record
from rdkit import Chem
from test_records import pdb_atoms, pdbqt

import binding
from binding.errors import FileError
from binding.io import formats
from binding.io.formats import format_of_record, ligand_formats, ligand_suffixes, register_format, unregister_format
from binding.io.ligand import BadRecord, read_ligands
from binding.io.mol2 import Mol2Format
from binding.model.weights import available_models
from binding.screening.library import Library
from binding.structures import Ligand

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "developing" / "ligand_format.md"


@pytest.fixture
def toy() -> Iterator[None]:
    """The format of the page, registered for one test."""
    source = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    exec(source, {})
    yield
    unregister_format("XYZ")


def xyz(mol: Chem.Mol, title: str) -> str:
    mol = Chem.Mol(mol)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    conformer = mol.GetConformer()
    lines = [str(mol.GetNumAtoms()), title]
    for atom in mol.GetAtoms():
        x, y, z = conformer.GetAtomPosition(atom.GetIdx())
        lines.append(f"{atom.GetSymbol()} {x:.4f} {y:.4f} {z:.4f}")
    for bond in mol.GetBonds():
        order = int(bond.GetBondTypeAsDouble())
        lines.append(f"BOND {bond.GetBeginAtomIdx() + 1} {bond.GetEndAtomIdx() + 1} {order}")
    return "\n".join([*lines, ""])


@pytest.mark.usefixtures("toy")
def test_a_registered_format_is_read(tmp_path):
    path = tmp_path / "l.xyzb"
    broken = xyz(posed("CCC"), "broken").replace("BOND 1 2 1", "BOND one two 1")
    path.write_text(xyz(posed("CCO"), "first") + broken + xyz(posed("c1ccccc1"), "last"))
    items = list(read_ligands(path))
    assert [item.name for item in items] == ["first", "broken", "last"]
    assert isinstance(items[1], BadRecord)
    assert items[1].error.code == "bad_record"
    assert [Chem.MolToSmiles(item.mol) for item in items if isinstance(item, Ligand)] == ["CCO", "c1ccccc1"]


@pytest.mark.usefixtures("toy")
def test_the_rest_of_the_package_knows_a_registered_format(tmp_path):
    path = tmp_path / "folder" / "l.xyzb"
    path.parent.mkdir()
    path.write_text(xyz(posed("CCO"), "first") + xyz(posed("CCC"), "second"))
    assert ".xyzb" in ligand_suffixes(in_folders=True)
    assert [item.id for item in Library([path.parent]).records()] == ["l:1", "l:2"]
    nonsense = tmp_path / "l.what"
    nonsense.write_text("nonsense")
    with pytest.raises(FileError) as caught:
        list(read_ligands(nonsense))
    assert ".xyzb" in caught.value.hint


@pytest.mark.usefixtures("toy")
@pytest.mark.skipif(not available_models(), reason="no weights are shipped with this tree")
def test_the_same_pk_through_the_format_of_the_page(tmp_path, examples):
    protein, ligand = examples / "1ia1_protein.pdb.gz", examples / "1ia1_ligand.sdf"
    path = tmp_path / "l.xyzb"
    path.write_text(xyz(Chem.MolFromMolFile(str(ligand), removeHs=False), "TQ3"))
    rows = binding.predict(protein, [ligand, path], workers=0)
    assert rows["status"].tolist() == ["ok", "ok"]
    assert rows["pk"][1] == pytest.approx(rows["pk"][0], abs=1e-4)


def test_a_suffix_has_one_format():
    class Another(Mol2Format):
        name = "another"

    with pytest.raises(ValueError, match=r"\.mol2 is already registered"):
        register_format(Another())


def test_installed_packages_add_formats(monkeypatch):
    class Installed(Mol2Format):
        name = "installed"
        suffixes = folder_suffixes = (".new",)

    class Point:
        @staticmethod
        def load() -> type:
            return Installed

    monkeypatch.setattr(formats, "_loaded_plugins", [])
    monkeypatch.setattr(formats, "entry_points", lambda group: [Point()] if group == formats.ENTRY_POINTS else [])
    try:
        assert "installed" in [known.name for known in ligand_formats()]
        assert [known.name for known in ligand_formats()].count("installed") == 1
    finally:
        unregister_format("installed")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (record("CCO"), "SDF"),
        (record("CCO", v3000=True), "SDF"),
        (record("CCO", title="ATOM  1"), "SDF"),
        ("@<TRIPOS>MOLECULE\nx\n", "MOL2"),
        (pdb_atoms("CCO"), "PDB"),
        (pdbqt("CCO"), "PDB"),
        ("", "SDF"),
    ],
)
def test_what_a_record_shows_decides(text, name):
    assert format_of_record(text, "x.pdb" if name != "SDF" else "x.sdf").name == name


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04....", "zip"),
        (b"\xfd7zXZ\x00..", "xz"),
        (b"BZh91AY&SY", "bzip2"),
        (b"x".ljust(257, b"\0") + b"ustar\x0000", "tar"),
        (b"%PDF-1.7", "PDF"),
    ],
)
@pytest.mark.parametrize("name", ["l.sdf", "l.mol2", "l.pdb", "l"])
def test_archives_are_refused_by_name(tmp_path, content, what, name):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        list(read_ligands(path))
    assert caught.value.code == "wrong_format"
    assert what in caught.value.message
    assert "Unpack" in caught.value.hint


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".sdf", record("CCO", "a") * 3),
        (".pdb", "".join(f"MODEL {k}\n{pdb_atoms('CCO')}ENDMDL\n" for k in range(3))),
        (".ent", "".join(f"MODEL {k}\n{pdb_atoms('CCO')}ENDMDL\n" for k in range(3))),
        (".pdbqt", "".join(f"MODEL {k}\n{pdbqt('CCO')}ENDMDL\n" for k in range(3))),
    ],
)
def test_marks_count_the_records(tmp_path, suffix, text):
    chosen = next(known for known in ligand_formats() if suffix in known.suffixes)
    assert text.encode().count(chosen.record_mark) == 3
    path = tmp_path / f"x{suffix}"
    path.write_text(text)
    assert len(list(read_ligands(path))) == 3
