"""Ligand files: one item a record, in order, whatever is wrong with the others."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from molecules import mol_block, posed, record
from rdkit import Chem

from binding.errors import FileError, LigandError
from binding.io.ligand import BadRecord, parse_record, prepare_ligand, read_ligands, split_records
from binding.structures import Ligand

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
MALFORMED = "broken\n  x\n\n  9  9  0  0\nnot an atom line\nM  END\n$$$$\n"


@pytest.fixture
def read(tmp_path: Path):
    def read(text: str | bytes, name: str = "ligands.sdf", **how) -> list[Ligand | BadRecord]:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return list(read_ligands(path, **how))

    return read


def smiles(ligand: Ligand | BadRecord) -> str:
    assert isinstance(ligand, Ligand), ligand.error
    return Chem.MolToSmiles(ligand.mol)


def code(item: Ligand | BadRecord) -> str:
    assert isinstance(item, BadRecord)
    assert item.error.message
    return item.error.code


# ---------------------------------------------------------------- records


def test_malformed_and_empty_records_keep_their_place(read):
    text = record("CCO", "first") + MALFORMED + "$$$$\n" + record("c1ccccc1", "last")
    items = read(text)
    assert [item.name for item in items] == ["first", "broken", "ligands_3", "last"]
    assert smiles(items[0]) == "CCO"
    assert (code(items[1]), items[1].index) == ("bad_record", 1)
    assert (code(items[2]), items[2].index) == ("bad_record", 2)
    assert smiles(items[3]) == "c1ccccc1"


@pytest.mark.parametrize("pack", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("v3000", [False, True], ids=["V2000", "V3000"])
def test_sdf_flavours(read, pack, end, v3000):
    text = (record(ASPIRIN, "one", v3000=v3000) + record("CCO", "two", v3000=v3000)).replace("\n", end).encode()
    items = read(gzip.compress(text) if pack else text, "l.sdf.gz" if pack else "l.sdf")
    assert [smiles(item) for item in items] == [ASPIRIN, "CCO"]
    assert [item.name for item in items] == ["one", "two"]


def test_old_mac_records_among_others(read):
    mac = record("CCO", "mac", tags=">  <note>\nfirst\n\n").replace("\n", "\r")
    items = read(mac + record("CCN", "unix") + mac + record("CCS", "dos").replace("\n", "\r\n"))
    assert [item.name for item in items] == ["mac", "unix", "mac", "dos"]
    assert [smiles(item) for item in items] == ["CCO", "CCN", "CCO", "CCS"]
    assert items[2].properties == {"note": "first"}


def test_a_carriage_return_within_a_title_is_a_blank(read):
    (item,) = read(record("CCO", "two\rwords"))
    assert (item.name, smiles(item)) == ("two words", "CCO")


def test_last_record_without_its_end_line(read):
    text = record("CCO", "one") + record("CCN", "two").removesuffix("$$$$\n")
    assert [smiles(item) for item in read(text)] == ["CCO", "CCN"]


def test_records_without_title_are_numbered(read):
    assert [item.name for item in read(record("CCO") * 2)] == ["ligands_1", "ligands_2"]


def test_tags_are_kept(read):
    tags = ">  <activity> (1)\n7.5\n\n> <comment>\nline one\nline two\n\n"
    (ligand,) = read(record("CCO", "x", tags=tags))
    assert ligand.properties == {"activity": "7.5", "comment": "line one\nline two"}


def test_damage_in_the_middle_of_a_gzip_stream_is_a_failed_record(read):
    rng = np.random.default_rng(0)  # tags of noise keep gzip from packing all records into its first block
    noise = [f"> <n>\n{rng.integers(0, 2**62, 200).tolist()}\n\n" for _ in range(40)]
    packed = gzip.compress("".join(record("CCO", f"l{k}", tags=tag) for k, tag in enumerate(noise)).encode())
    items = read(packed[: len(packed) // 2], "l.sdf.gz")
    assert 1 < len(items) < 40
    assert all(isinstance(item, Ligand) for item in items[:-1])
    assert code(items[-1]) == "unreadable"
    assert items[-1].index == len(items) - 1


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        ("", "l.sdf", "empty_file"),
        ("\n \n", "l.sdf", "empty_file"),
        ("<!doctype html><html></html>", "l.sdf", "wrong_format"),
        ("CCO ethanol\n", "l.smi", "wrong_format"),
        ("id,smiles\n", "l.csv", "wrong_format"),
    ],
)
def test_files_without_ligands(read, content, name, expected):
    with pytest.raises(FileError) as caught:
        read(content, name)
    assert caught.value.code == expected
    assert caught.value.hint


def test_missing_file(tmp_path):
    with pytest.raises(FileError) as caught:
        list(read_ligands(tmp_path / "none.sdf"))
    assert caught.value.code == "file_not_found"


def test_split_records_and_parse_record_agree_with_read_ligands(read, tmp_path):
    items = read(record("CCO", "a") + MALFORMED + record("CCN"))
    path = tmp_path / "ligands.sdf"
    again = [parse_record(text, path, index) for index, text in enumerate(split_records(path))]
    assert [(item.name, type(item)) for item in again] == [(item.name, type(item)) for item in items]


def test_reading_is_streaming(tmp_path):
    path = tmp_path / "many.sdf"
    path.write_text(record("CCO", "first") + "x" * 200_000 + "\n$$$$\n")
    stream = split_records(path)
    assert next(stream).startswith("first")
    stream.close()


# ---------------------------------------------------------------- molecules


@pytest.mark.parametrize(
    "odd",
    ["NC(=N)c1ccccc1", "CC(=NC)C", "C/C=N/O", "[2H]C([2H])([2H])O", "CC(=[NH2+])N", "O=CC=N"],
    ids=["amidine", "imine", "oxime", "deuteromethanol", "amidinium", "glyoxal-imine"],
)
def test_no_explicit_hydrogen_stays(read, odd):
    (ligand,) = read(record(odd))
    assert all(atom.GetAtomicNum() > 1 for atom in ligand.mol.GetAtoms())
    assert ligand.num_atoms == len(ligand.positions) == Chem.MolFromSmiles(odd).GetNumHeavyAtoms()


def test_counter_ions_are_dropped_with_a_note(read):
    sodium = Chem.CombineMols(posed("CC(=O)[O-]"), posed("[Na+]"))
    (ligand,) = read(Chem.MolToMolBlock(sodium) + "$$$$\n")
    assert smiles(ligand) == "CC(=O)[O-]"
    assert any("dropped 1 further fragment" in note and "Na" in note for note in ligand.notes)


def test_organic_fragment_beats_a_larger_inorganic_one(read):
    both = Chem.CombineMols(posed("OP(=O)(O)OP(=O)(O)O"), posed("CCN"))
    (ligand,) = read(Chem.MolToMolBlock(both) + "$$$$\n")
    assert smiles(ligand) == "CCN"


@pytest.mark.parametrize("chiral", ["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "C/C=C/C(=O)O", "C/C=C\\C(=O)O"])
def test_stereo_comes_from_the_pose(read, chiral):
    (ligand,) = read(record(chiral))
    assert smiles(ligand) == Chem.CanonSmiles(chiral)


def test_wrong_stereo_marks_do_not_overrule_the_pose(read):
    block = record("C[C@H](N)C(=O)O", hydrogens=False).split("\n")
    block[3] = block[3][:12] + "  1" + block[3][15:]  # chiral flag
    unmarked = [line[:9] + "  0" + line[12:] if len(line.split()) == 4 and line[:3].strip().isdigit() else line
                for line in block]  # fmt: skip
    (ligand,) = read("\n".join(unmarked))
    assert smiles(ligand) == Chem.CanonSmiles("C[C@H](N)C(=O)O")


def test_positions_follow_the_molecules_atoms(read):
    source = posed(ASPIRIN)
    (ligand,) = read(record(ASPIRIN))
    heavy = [a.GetIdx() for a in source.GetAtoms() if a.GetAtomicNum() > 1]
    np.testing.assert_allclose(ligand.positions, source.GetConformer().GetPositions()[heavy], atol=6e-5)
    np.testing.assert_array_equal(ligand.positions, ligand.mol.GetConformer().GetPositions())


# ---------------------------------------------------------------- refused


def test_two_dimensional_record(read):
    mol = Chem.MolFromSmiles(ASPIRIN)
    Chem.rdDepictor.Compute2DCoords(mol)
    (item,) = read(Chem.MolToMolBlock(mol) + "$$$$\n")
    assert code(item) == "no_coordinates"


def test_all_zero_coordinates(read):
    (item,) = read(mol_block("C C O", np.zeros((3, 3)), [(1, 2, 1), (2, 3, 1)]))
    assert code(item) == "no_coordinates"


def test_flat_pose_off_the_origin_plane_is_a_pose(read):
    xyz = posed("c1ccccc1", hydrogens=False).GetConformer().GetPositions()
    xyz = xyz @ np.linalg.svd(xyz - xyz.mean(0))[2].T  # in its own plane: z is constant
    bonds = [(k + 1, (k + 1) % 6 + 1, 1 + k % 2) for k in range(6)]
    (ligand,) = read(mol_block("C " * 6, xyz + np.array([0, 0, 5]), bonds))
    assert smiles(ligand) == "c1ccccc1"


@pytest.mark.parametrize("bad", ["       nan", "       inf"])
def test_coordinates_that_are_no_numbers(read, bad):
    block = mol_block("C C O", np.eye(3) * 1.4, [(1, 2, 1), (2, 3, 1)])
    lines = block.split("\n")
    lines[5] = bad + lines[5][10:]
    (item,) = read("\n".join(lines))
    assert code(item) == "nan_coordinates"


@pytest.mark.parametrize("symbol", ["*", "R#", "Xx", "Du", "A", "Q"])
def test_dummy_atoms_and_unknown_elements(read, symbol):
    (item,) = read(mol_block(f"C C {symbol}", np.eye(3) * 1.4, [(1, 2, 1), (2, 3, 1)]))
    assert code(item) == "unknown_element"


def test_no_atoms(read):
    (item,) = read(mol_block("", np.zeros((0, 3)), []))
    assert code(item) == "no_atoms"


def test_hydrogens_only(read):
    (item,) = read(mol_block("H H", np.array([[0, 0, 0], [0.74, 0, 0]]), [(1, 2, 1)]))
    assert code(item) == "no_atoms"


def test_five_bonded_carbon_is_refused_by_name(read):
    xyz = np.vstack([np.zeros(3), np.eye(3), -np.eye(3)[:2]]) * 1.5
    (item,) = read(mol_block("C C C C C C", xyz, [(1, k, 1) for k in range(2, 7)], "pentamethyl"))
    assert code(item) == "sanitization_failed"
    assert "pentamethyl" in item.error.message


def test_prepare_ligand_leaves_its_argument_alone():
    mol = posed(ASPIRIN)
    before = mol.ToBinary()
    prepare_ligand(mol, "aspirin")
    assert mol.ToBinary() == before


# ---------------------------------------------------------------- other formats


def mol2_record(
    name: str, atoms: list[tuple[str, str, tuple[float, float, float]]], bonds: list[tuple[int, int, str]]
) -> str:
    lines = ["@<TRIPOS>MOLECULE", name, f"{len(atoms)} {len(bonds)} 1 0 0", "SMALL", "GASTEIGER", "", "@<TRIPOS>ATOM"]
    for k, (label, kind, (x, y, z)) in enumerate(atoms, start=1):
        lines.append(f"{k:7d} {label:<6} {x:9.4f} {y:9.4f} {z:9.4f} {kind:<6} 1 LIG 0.0000")
    lines.append("@<TRIPOS>BOND")
    lines += [f"{k:6d} {a:5d} {b:5d} {kind}" for k, (a, b, kind) in enumerate(bonds, start=1)]
    return "\n".join([*lines, ""])


def as_mol2(smiles_text: str, name: str, kinds: dict[int, str], orders: dict[tuple[int, int], str]) -> str:
    """MOL2 of a molecule's heavy atoms, with Sybyl types and bond types set by hand."""
    mol = Chem.Mol(posed(smiles_text, hydrogens=False))
    xyz = mol.GetConformer().GetPositions()
    atoms = [(f"{a.GetSymbol()}{k}", kinds.get(k, a.GetSymbol()), tuple(xyz[k])) for k, a in enumerate(mol.GetAtoms())]
    names = {1.0: "1", 2.0: "2", 3.0: "3", 1.5: "ar"}
    bonds = []
    for bond in mol.GetBonds():
        pair = (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
        bonds.append((pair[0] + 1, pair[1] + 1, orders.get(pair, names[bond.GetBondTypeAsDouble()])))
    return mol2_record(name, atoms, bonds)


def test_mol2_with_several_records_and_delocalised_groups(read):
    benzamidinium = as_mol2(
        "NC(=[NH2+])c1ccccc1", "benzamidine", {0: "N.pl3", 1: "C.cat", 2: "N.pl3"}, {(0, 1): "ar", (1, 2): "ar"}
    )
    acetate = as_mol2("CC(=O)[O-]", "acetate", {1: "C.2", 2: "O.co2", 3: "O.co2"}, {(1, 2): "ar", (1, 3): "ar"})
    guanidinium = as_mol2("CNC(N)=[NH2+]", "methylguanidine", {}, {(1, 2): "ar", (2, 3): "ar", (2, 4): "ar"})
    nitro = as_mol2("C[N+](=O)[O-]", "nitromethane", {}, {(1, 2): "ar", (1, 3): "ar"})
    amide = as_mol2("CC(=O)NC", "amide", {3: "N.am"}, {(1, 3): "am"})
    phosphate = as_mol2("COP(=O)([O-])[O-]", "phosphate", {}, {(2, 3): "ar", (2, 4): "ar", (2, 5): "ar"})
    items = read("# made by hand\n" + benzamidinium + acetate + guanidinium + nitro + amide + phosphate, "l.mol2")
    assert [item.name for item in items] == [
        "benzamidine", "acetate", "methylguanidine", "nitromethane", "amide", "phosphate",
    ]  # fmt: skip
    assert [uncharged(item) for item in items] == [
        "N=C(N)c1ccccc1", "CC(=O)O", "CNC(=N)N", "C[N+](=O)[O-]", "CNC(C)=O", "COP(=O)(O)O",
    ]  # fmt: skip


def uncharged(ligand: Ligand | BadRecord) -> str:
    from rdkit.Chem.MolStandardize import rdMolStandardize

    assert isinstance(ligand, Ligand), ligand.error
    return Chem.MolToSmiles(rdMolStandardize.Uncharger(canonicalOrder=False, force=True).uncharge(ligand.mol))


def test_broken_mol2_between_good_ones(read):
    good = as_mol2("CCO", "good", {}, {})
    broken = mol2_record("bad", [("C1", "C.3", (0, 0, 0))], [(1, 7, "1")])
    dummy = mol2_record("dummy", [("DU", "Du", (0, 0, 0))], [])
    items = read(good + broken + dummy + good, "l.mol2")
    assert [type(item) for item in items] == [Ligand, BadRecord, BadRecord, Ligand]
    assert [code(item) for item in items[1:3]] == ["bad_record", "unknown_element"]


def pdbqt(smiles_text: str, remarks: str = "", shift: float = 0.0) -> str:
    """A PDBQT pose: aromatic carbon A, acceptor oxygen OA, acceptor nitrogen NA, no non-polar hydrogen."""
    mol = posed(smiles_text, hydrogens=False)
    kinds = {"C": "C", "N": "NA", "O": "OA", "S": "SA"}
    lines = ["ROOT"]
    for k, atom in enumerate(mol.GetAtoms(), start=1):
        x, y, z = mol.GetConformer().GetPositions()[k - 1]
        kind = "A" if atom.GetIsAromatic() else kinds.get(atom.GetSymbol(), atom.GetSymbol())
        lines.append(
            f"ATOM  {k:5d} {atom.GetSymbol():>2}   UNL     1    {x + shift:8.3f}{y:8.3f}{z:8.3f}"
            f"  1.00  0.00     0.000 {kind:<2}"
        )
    return remarks + "\n".join([*lines, "ENDROOT", "TORSDOF 2", ""])


def test_pdbqt_models_with_the_smiles_remarks(read):
    mol = posed(ASPIRIN, hydrogens=False)
    pairs = " ".join(f"{k} {k}" for k in range(1, mol.GetNumAtoms() + 1))
    remarks = f"REMARK VINA RESULT:    -7.1      0.000      0.000\nREMARK SMILES {ASPIRIN}\nREMARK SMILES IDX {pairs}\n"
    text = "".join(
        f"MODEL {k}\n{pdbqt(ASPIRIN, remarks, shift)}ENDMDL\n" for k, shift in ((1, 0.0), (2, 5.0), (3, 9.0))
    )
    items = read(text, "docked.pdbqt")
    assert [smiles(item) for item in items] == [ASPIRIN] * 3
    assert [item.name for item in items] == ["docked_1", "docked_2", "docked_3"]
    assert not items[0].notes
    assert items[2].positions[0, 0] - items[0].positions[0, 0] == pytest.approx(9.0)


def test_pdbqt_without_smiles_has_bonds_perceived(read):
    (ligand,) = read(pdbqt(ASPIRIN), "docked.pdbqt")
    assert smiles(ligand) == ASPIRIN
    assert "bond orders perceived from geometry" in ligand.notes


def test_template_gives_bond_orders(read):
    block = Chem.MolToPDBBlock(posed("O=C1C=CC(=O)C=C1", hydrogens=False), flavor=2)
    (ligand,) = read(block, "ligand.pdb", template="O=C1C=CC(=O)C=C1")
    assert smiles(ligand) == "O=C1C=CC(=O)C=C1"
    assert not ligand.notes


@pytest.mark.parametrize("template", ["CCO", "not a smiles", "Oc1ccccc1-c1ccccc1"])
def test_template_that_does_not_fit(read, template):
    (item,) = read(Chem.MolToPDBBlock(posed(ASPIRIN), flavor=2), "ligand.pdb", template=template)
    assert code(item) == "template_mismatch"


@pytest.mark.parametrize(
    "drug",
    [
        "CC(=O)Nc1ccc(O)cc1",
        "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
        "NS(=O)(=O)c1ccc(F)cc1",
        "N#Cc1ccccc1",
        "C[N+](=O)[O-]",
        "CC(C)Cc1ccc(C(C)C(=O)O)cc1",
        "OCC1CCCCO1",
        "c1ccc2[nH]ccc2c1",
        "CSc1ncccn1",
        "CP(=O)(O)O",
    ],
    ids=[
        "paracetamol",
        "caffeine",
        "sulfonamide",
        "nitrile",
        "nitro",
        "ibuprofen",
        "pyran",
        "indole",
        "thioether",
        "phosphonate",
    ],
)
def test_bonds_perceived_from_an_ideal_pose(read, drug):
    (ligand,) = read(Chem.MolToPDBBlock(posed(drug), flavor=2), "ligand.pdb")
    flat = Chem.MolToSmiles(Chem.MolFromSmiles(drug))
    assert Chem.MolToSmiles(ligand.mol, isomericSmiles=False) == flat


def test_where_connect_lines_join_all_atoms_no_bond_is_added(read):
    """The first and the last atom are merely close: a strained pose, no ring."""
    xyz = [(0, 0, 0), (1.5, 0, 0), (2.2, 1.3, 0), (1.5, 2.6, 0), (0.2, 2.4, 0), (-0.4, 1.1, 0)]
    lines = [
        f"HETATM{k:>5}  C{k:<2} LIG A   1    {x:8.3f}{y:8.3f}{z:8.3f}{1:6.2f}{0:6.2f}           C"
        for k, (x, y, z) in enumerate(xyz, start=1)
    ]
    chain = [f"CONECT{k:>5}{k + 1:>5}" for k in range(1, 6)]
    (open_chain,) = read("\n".join([*lines, *chain, "END", ""]), "x.pdb")
    assert open_chain.mol.GetNumBonds() == 5
    (ring,) = read("\n".join([*lines, *chain[:2], "END", ""]), "x.pdb")
    assert ring.mol.GetNumBonds() == 6


def test_pdb_ligand_with_two_atoms_in_one_place(read):
    line = "HETATM{:5d}  C{}  LIG A   1       1.000   1.000   1.000  1.00  0.00           C\n"
    (item,) = read(line.format(1, 1) + line.format(2, 2), "ligand.pdb")
    assert code(item) in ("bad_record", "no_coordinates")


def test_a_byte_order_mark_is_no_part_of_the_first_title(read):
    aspirin, again = read(b"\xef\xbb\xbf" + (record(ASPIRIN, "aspirin") * 2).encode())
    assert (aspirin.name, again.name) == ("aspirin", "aspirin")


def test_a_protein_given_as_the_ligand_is_refused_at_once(examples):
    (item,) = read_ligands(examples / "1s2g_protein.pdb.gz")
    assert code(item) == "too_large"
    assert "-l auto" in item.error.hint


def test_hydrogens_that_are_isotopes_or_bridges_go_as_well(read):
    (item,) = read(record("[2H]C([2H])([2H])CO", "deuterated"))
    assert smiles(item) == "CCO"
    assert item.num_atoms == 3


def test_a_molecule_without_a_pose_is_refused():
    with pytest.raises(LigandError) as caught:
        prepare_ligand(Chem.MolFromSmiles("CCO"), "flat")
    assert caught.value.code == "no_coordinates"


def test_a_bond_of_no_known_order_is_refused():
    mol = Chem.RWMol(posed("CCO", hydrogens=False))
    mol.GetBondWithIdx(0).SetBondType(Chem.BondType.UNSPECIFIED)
    with pytest.raises(LigandError, match="1 bond\\(s\\) of no known order, first between atoms 1 and 2") as caught:
        prepare_ligand(mol, "made")
    assert caught.value.code == "bad_record"


@pytest.mark.parametrize(("name", "number"), [("l.sdf", "99999999.0"), ("l.mol2", "1e308"), ("l.mol2", "-100000")])
def test_a_place_that_no_structure_has_is_no_coordinate(read, name, number):
    if name == "l.sdf":
        text = Chem.MolToMolBlock(posed("CCO", hydrogens=False))
        first = text.split("\n")[4]
        text = text.replace(first, f"{number:>10}{first[10:]}")
    else:
        text = MOL2.replace("1.4500", number)
    (item,) = read(text, name)
    assert item.error.code == "nan_coordinates"


MOL2 = """@<TRIPOS>MOLECULE
made
 3 3
SMALL
NO_CHARGES

@<TRIPOS>ATOM
1 C1 0.0000 0.0000 0.1000 C.3 1 LIG 0.0
2 O1 1.4500 0.0000 0.0000 O.3 1 LIG 0.0
3 C2 -0.7500 1.3000 0.0000 C.3 1 LIG 0.0
@<TRIPOS>BOND
1 1 2 1
2 1 3 1
3 2 3 nc
"""


def test_mol2_bonds_that_are_none_are_passed_over(read):
    (item,) = read(MOL2, "l.mol2")
    assert smiles(item) == "CCO"


@pytest.mark.parametrize("kind", ["Qq", "Du", "Hev"])
def test_mol2_atoms_of_no_known_element(read, kind):
    (item,) = read(MOL2.replace("O.3", kind), "l.mol2")
    assert item.error.code == "unknown_element"
    assert f"O1 of type {kind}" in item.error.message


def test_atom_types_of_a_force_field_without_columns_behind_them(tmp_path):
    """MOL2 rows may end with the type: ``ca`` is then an aromatic carbon, and no calcium."""
    mol = posed("c1ccccc1")
    places = mol.GetConformer().GetPositions()
    kinds = {6: "ca", 1: "ha"}
    rows = [
        f"{atom.GetIdx() + 1} {atom.GetSymbol()}{atom.GetIdx()} {x:.4f} {y:.4f} {z:.4f} {kinds[atom.GetAtomicNum()]}"
        for atom, (x, y, z) in zip(mol.GetAtoms(), places, strict=True)
    ]
    rows.append(f"{len(rows) + 1} LP1 9.0 9.0 9.0 LP")  # a lone pair of GOLD
    bonds = [
        f"{bond.GetIdx() + 1} {bond.GetBeginAtomIdx() + 1} {bond.GetEndAtomIdx() + 1} "
        + ("ar" if bond.GetIsAromatic() else "1")
        for bond in mol.GetBonds()
    ]
    head = f"@<TRIPOS>MOLECULE\nx\n{len(rows)} {len(bonds)}\nSMALL\nNO_CHARGES\n@<TRIPOS>ATOM\n"
    path = tmp_path / "x.mol2"
    path.write_text(head + "\n".join([*rows, "@<TRIPOS>BOND", *bonds, ""]))
    (ligand,) = read_ligands(path)
    assert Chem.MolToSmiles(ligand.mol) == "c1ccccc1"
