"""Where a record ends: every pose and every compound is a record of its own, and none is lost."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from molecules import posed, record
from rdkit import Chem

from binding.errors import FileError
from binding.io import records
from binding.io.ligand import BadRecord, read_ligands
from binding.io.records import split_records, text_lines
from binding.structures import Ligand

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"


@pytest.fixture
def read(tmp_path: Path):
    def read(text: str, name: str) -> list[Ligand | BadRecord]:
        path = tmp_path / name
        path.write_text(text)
        assert len(list(split_records(path))) == len(list(read_ligands(path)))
        return list(read_ligands(path))

    return read


def sizes(items: list[Ligand | BadRecord]) -> list[int]:
    for item in items:
        assert isinstance(item, Ligand), item.error
    return [item.num_atoms for item in items]


def pdb_atoms(smiles: str, *, shift: float = 0.0, first: int = 1, conect: bool = False) -> str:
    """Atom lines of an embedded molecule, moved along x, with serials from ``first`` on."""
    mol = Chem.Mol(posed(smiles, hydrogens=False))
    conformer = mol.GetConformer()
    lines, seen = [], {}
    for atom in mol.GetAtoms():
        x, y, z = conformer.GetAtomPosition(atom.GetIdx())
        symbol = atom.GetSymbol().upper()
        seen[symbol] = seen.get(symbol, 0) + 1
        name = f"{symbol}{seen[symbol]}"
        padded = f"{name:<4}" if len(symbol) == 2 else f" {name:<3}"
        lines.append(
            f"HETATM{first + atom.GetIdx():5d} {padded} LIG A 900    {x + shift:8.3f}{y:8.3f}{z:8.3f}"
            f"  1.00 20.00          {symbol:>2}"
        )
    if conect:
        lines += [
            f"CONECT{first + bond.GetBeginAtomIdx():5d}{first + bond.GetEndAtomIdx():5d}" for bond in mol.GetBonds()
        ]
    return "\n".join(lines) + "\n"


def pdbqt(smiles: str, *, shift: float = 0.0, remarks: bool = True, torsdof: bool = True) -> str:
    """A rigid PDBQT ligand with Meeko's SMILES remarks."""
    mol = Chem.Mol(posed(smiles, hydrogens=False))
    pairs = " ".join(f"{row} {row}" for row in range(1, mol.GetNumAtoms() + 1))
    lines = [f"REMARK SMILES {smiles}", f"REMARK SMILES IDX {pairs}"] if remarks else []
    lines.append("ROOT")
    for line in pdb_atoms(smiles, shift=shift).splitlines():
        element = line[76:78].strip()
        kind = {"O": "OA", "CL": "Cl"}.get(element, element)
        lines.append(f"{'ATOM  '}{line[6:66]}    {0.0:6.3f} {kind:<2}")
    lines += ["ENDROOT"]
    if torsdof:
        lines.append("TORSDOF 0")
    return "\n".join(lines) + "\n"


FLEXIBLE = (
    "BEGIN_RES TRP A  27\nROOT\n"
    + "".join(
        f"ATOM  {k:5d}  CB  TRP A  27    {5.0 + 1.4 * k:8.3f}{9.0:8.3f}{0.0:8.3f}  1.00  0.00    +0.000 C \n"
        for k in range(1, 30)
    )
    + "ENDROOT\nEND_RES TRP A  27\n"
)


# ---------------------------------------------------------------- SDF


@pytest.mark.parametrize("v3000", [False, True], ids=["V2000", "V3000"])
@pytest.mark.parametrize("tags", ["", "> <id>\n7\n\n"], ids=["bare", "tags"])
def test_mol_blocks_without_a_separator(read, v3000, tags):
    text = "".join(
        record(smiles, title, v3000=v3000, tags=tags).replace("$$$$\n", "")
        for smiles, title in (("CCO", "a"), (ASPIRIN, ""), ("c1ccccc1", "c"))
    )
    items = read(text, "l.sdf")
    assert sizes(items) == [3, 13, 6]
    assert [item.name for item in items] == ["a", "l_2", "c"]
    if tags:
        assert [item.properties for item in items] == [{"id": "7"}] * 3


def test_a_mol_block_inside_a_tag_is_no_record(read):
    inner = record(ASPIRIN, "").replace("$$$$\n", "")
    items = read(record("CCO", "a", tags=f"> <drawn>\n{inner}\n") + record("CCC", "b"), "l.sdf")
    assert sizes(items) == [3, 3]


def test_mol_blocks_older_than_v2000(read):
    block = record("CCO", "a").replace("$$$$\n", "").replace("  0  0999 V2000", "")
    assert sizes(read(block * 3, "l.mol")) == [3, 3, 3]


def test_lone_pairs_of_gold_are_no_atoms(read):
    lines = record("CCO", "a").splitlines()
    pairs = [f"    {x:6.4f}    0.5000    0.2500 LP  0  0  0  0  0  0  0  0  0  0  0  0" for x in (1.5, 2.5)]
    count = int(record("CCO", "a").splitlines()[3][:3])
    lines[3] = f"{count + 2:3d}{lines[3][3:]}"
    text = "\n".join([*lines[: 4 + count], *pairs, *lines[4 + count :], ""])
    (item,) = read(text, "l.sdf")
    assert sizes([item]) == [3]
    assert Chem.MolToSmiles(item.mol) == "CCO"


@pytest.mark.parametrize(
    ("header", "title"),
    [
        ("{title}\n{program}\n", "a"),  # the comment was stripped
        ("{program}\n\n", ""),  # the empty title was
        ("{program}\n", ""),
        ("", ""),
        ("\n{title}\n{program}\n\n", "a"),
        ("{title}\n{program}\n\n\n", "a"),
    ],
)
def test_headers_of_too_few_or_too_many_lines(read, header, title):
    first, program, _, *rest = record("CCO", "a").splitlines()
    text = header.format(title=first, program=program) + "\n".join([*rest, ""])
    (item,) = read(text, "l.sdf")
    assert sizes([item]) == [3]
    assert item.name == (title or "l_1")


def test_a_header_of_five_lines_is_none(read):
    first, program, _, *rest = record("CCO", "a").splitlines()
    (item,) = read("\n".join([first, program, "", "", "", *rest, ""]), "l.sdf")
    assert isinstance(item, BadRecord)
    assert item.error.code == "bad_record"


def test_a_title_that_looks_like_a_tag(read):
    blocks = [record("CCO", title).replace("$$$$\n", "") for title in ("a", ">b")]
    items = read("".join(blocks), "l.sdf")
    assert sizes(items) == [3, 3]
    assert [item.name for item in items] == ["a", ">b"]


# ---------------------------------------------------------------- PDB


def test_different_ligands_with_end_between(read):
    text = "".join(pdb_atoms(smiles, first=k) + "END\n" for smiles, k in (("CCO", 1), ("c1ccccc1", 20), ("CCN", 40)))
    assert sizes(read(text, "l.pdb")) == [3, 6, 3]


@pytest.mark.parametrize("end", ["END\n", "TER\n", "TER\nEND\n", "ENDMDL\n", "END   \n"])
def test_poses_of_one_compound(read, end):
    text = "".join(pdb_atoms(ASPIRIN, shift=0.5 * k) + end for k in range(3))
    assert sizes(read(text, "poses.pdb")) == [13, 13, 13]


@pytest.mark.parametrize("end", ["", "TER\n"])
def test_poses_far_apart(read, end):
    text = "".join(pdb_atoms(ASPIRIN, shift=30.0 * k) + end for k in range(3))
    assert sizes(read(text, "poses.pdb")) == [13, 13, 13]


@pytest.mark.parametrize("residue", [" 900", " 901"])
def test_poses_numbered_throughout_with_nothing_between(read, residue):
    first = pdb_atoms(ASPIRIN)
    second = pdb_atoms(ASPIRIN, shift=0.4, first=14).replace(" 900", residue)
    assert sizes(read(first + second, "poses.pdb")) == [13, 13]


def test_residues_of_one_chain_are_one_ligand(read):
    """Two residues with the same atom names, bonded: no second pose."""
    lines = pdb_atoms("CCOCCO").splitlines()
    names = [" C1 ", " C2 ", " O1 "] * 2
    text = "".join(
        f"{line[:12]}{name}{line[16:22]}{1 + row // 3:4d}{line[26:]}\n"
        for row, (line, name) in enumerate(zip(lines, names, strict=True))
    )
    assert sizes(read(text, "dimer.pdb")) == [6]


@pytest.mark.parametrize("end", ["END\n", "TER\n"])
def test_compounds_docked_in_one_site(read, end):
    text = "".join(pdb_atoms(smiles) + end for smiles in (ASPIRIN, "c1ccccc1Cl", "CCCCO"))
    assert sizes(read(text, "compounds.pdb")) == [13, 7, 5]


def test_compounds_in_one_site_numbered_throughout(read):
    text = "".join(
        pdb_atoms(smiles, first=first) + "TER\n" for smiles, first in ((ASPIRIN, 1), ("c1ccccc1Cl", 20), ("CCCCO", 40))
    )
    assert sizes(read(text, "compounds.pdb")) == [13, 7, 5]


def test_compounds_of_files_joined_without_anything_between(read):
    text = "".join(
        f"COMPND    {smiles}\n{pdb_atoms(smiles, conect=True)}" for smiles in (ASPIRIN, "c1ccccc1Cl", "CCCCO")
    )
    assert sizes(read(text, "joined.pdb")) == [13, 7, 5]
    text = text.replace("COMPND", "REMARK")
    assert sizes(read(text, "joined.pdb")) == [13, 7, 5]


def test_an_ion_after_ter_is_no_record(read):
    ion = "HETATM   99 NA    NA A 901      20.000  20.000  20.000  1.00 20.00          NA\n"
    items = read(pdb_atoms(ASPIRIN) + "TER\n" + ion + "END\n", "salt.pdb")
    assert sizes(items) == [13]
    assert "left out 1 ion of the ligand's file (Na)" in items[0].notes


def test_an_empty_model_keeps_its_place(read):
    items = read(f"MODEL 1\n{pdb_atoms('CCO')}ENDMDL\nMODEL 2\nENDMDL\nMODEL 3\n{pdb_atoms('CCO')}", "m.pdb")
    assert [isinstance(item, BadRecord) for item in items] == [False, True, False]


# ---------------------------------------------------------------- PDBQT


@pytest.mark.parametrize("remarks", [True, False])
@pytest.mark.parametrize("torsdof", [True, False])
def test_pdbqt_files_joined_without_models(read, remarks, torsdof):
    smiles = ("CCO", ASPIRIN, "c1ccccc1")
    text = "".join(pdbqt(s, remarks=remarks, torsdof=torsdof) for s in smiles)
    items = read(text, "joined.pdbqt")
    assert sizes(items) == [3, 13, 6]
    if remarks:
        assert [Chem.MolToSmiles(item.mol) for item in items] == [Chem.CanonSmiles(s) for s in smiles]
        assert all(not item.notes for item in items)


def test_flexible_side_chains_are_no_ligand(read):
    plain, model = pdbqt("c1ccccc1"), "MODEL {}\n{}ENDMDL\n"
    for text in (plain + FLEXIBLE, model.format(1, plain + FLEXIBLE) + model.format(2, plain + FLEXIBLE)):
        items = read(text, "flexible.pdbqt")
        assert set(sizes(items)) == {6}
        assert all(not item.notes for item in items)
    assert sizes(read(plain + FLEXIBLE + pdbqt(ASPIRIN), "flexible.pdbqt")) == [6, 13]


def test_two_ligands_in_one_model(read):
    items = read(f"MODEL 1\n{pdbqt('CCO')}{pdbqt(ASPIRIN, shift=8)}ENDMDL\n", "pair.pdbqt")
    assert sizes(items) == [3, 13]


def test_lines_of_a_text_file(tmp_path):
    path = tmp_path / "list.smi"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfCCO a\r\nCCN b\n"))
    assert list(text_lines(path)) == ["CCO a", "CCN b"]
    path.write_bytes(b"PK\x03\x04" + bytes(9))
    with pytest.raises(FileError, match="zip archive"):
        list(text_lines(path))


def test_a_gzip_file_without_a_whole_line_is_refused(tmp_path):
    path = tmp_path / "l.sdf.gz"
    path.write_bytes(gzip.compress(b"x")[:10] + b"\xff" * 20)
    with pytest.raises(FileError, match="damaged gzip file") as caught:
        list(split_records(path))
    assert caught.value.code == "unreadable"


@pytest.mark.parametrize("name", ["l.mol2", "l.pdb", "l.pdbqt"])
def test_lines_that_end_in_cr_alone_in_every_format(tmp_path, name):
    text = {"l.mol2": MOL2, "l.pdb": pdb_atoms("CCO"), "l.pdbqt": pdbqt("CCO")}[name]
    (tmp_path / name).write_bytes(text.replace("\n", "\r").encode())
    (item,) = read_ligands(tmp_path / name)
    assert isinstance(item, Ligand), item.error
    assert item.num_atoms == 3


MOL2 = """@<TRIPOS>MOLECULE
made
 3 2
SMALL
NO_CHARGES

@<TRIPOS>ATOM
1 C1 0.0000 0.0000 0.1000 C.3 1 LIG 0.0
2 O1 1.4500 0.0000 0.0000 O.3 1 LIG 0.0
3 C2 -0.7500 1.3000 0.0000 C.3 1 LIG 0.0
@<TRIPOS>BOND
1 1 2 1
2 1 3 1
"""


def test_poses_with_ter_between_share_the_bonds_that_follow_them(tmp_path):
    path = tmp_path / "l.pdb"
    poses = [pdb_atoms("CCO", conect=True), pdb_atoms("CCO", shift=5.0, first=4, conect=True)]
    atoms = ["".join(line for line in pose.splitlines(True) if line.startswith("HETATM")) for pose in poses]
    bonds = "".join(line for pose in poses for line in pose.splitlines(True) if line.startswith("CONECT"))
    path.write_text(f"{atoms[0]}TER\n{atoms[1]}{bonds}END\n")
    texts = list(split_records(path))
    assert [text.count("HETATM") for text in texts] == [3, 3]
    assert [text.count("CONECT") for text in texts] == [4, 4]


def test_parts_with_ter_between_of_which_one_cannot_be_read_are_one_record(read):
    torn = pdb_atoms("CCN", shift=9.0, first=4).splitlines()
    torn[1] = torn[1][:30] + "  x.xxx " + torn[1][38:]
    (item,) = read(pdb_atoms("CCO") + "TER\n" + "\n".join(torn) + "\n", "l.pdb")
    assert isinstance(item, BadRecord)


def test_the_ligand_after_a_flexible_side_chain_keeps_all_its_atoms(read):
    items = read(pdbqt("CCO") + FLEXIBLE + pdbqt(ASPIRIN, shift=1.0) + pdbqt("CCN"), "l.pdbqt")
    assert sizes(items) == [3, 13, 3]


def test_remarks_before_the_first_model_belong_to_every_model(read):
    remarks, atoms = pdbqt("CCO").split("ROOT\n", 1)
    models = "".join(f"MODEL {k}\nROOT\n{atoms}ENDMDL\n" for k in (1, 2, 3))
    items = read(remarks + models, "l.pdbqt")
    assert sizes(items) == [3, 3, 3]
    assert all(item.notes == () for item in items), "bond orders are those of the remark"


def test_a_record_of_more_than_may_fill_the_memory(tmp_path, monkeypatch):
    path = tmp_path / "l.sdf"
    path.write_text(record(ASPIRIN, "a") * 3)
    assert len(list(split_records(path))) == 3
    monkeypatch.setattr(records, "_MOST_RECORD", 600)
    with pytest.raises(FileError, match="a record of more than"):
        list(split_records(path))


def test_lines_before_the_damage_of_a_gzip_stream_are_not_without_end(tmp_path, monkeypatch):
    path = tmp_path / "l.sdf.gz"
    path.write_bytes(gzip.compress((record(ASPIRIN, "a") * 3).encode(), compresslevel=0)[:-40])
    assert len(list(text_lines_until(path))) > 50
    monkeypatch.setattr(records, "_MOST_RECORD", 600)
    with pytest.raises(FileError, match="before it breaks off"):
        list(text_lines(path))


def text_lines_until(path: Path) -> list[str]:
    """The lines of a file up to its damage."""
    found = []
    with pytest.raises(FileError):
        found.extend(line for line in text_lines(path) if found.append(line))
    return found
