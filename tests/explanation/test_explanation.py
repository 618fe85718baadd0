"""Rows with names: residues of every kind, atoms in the file's order, tables for pandas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from networks import example, example_complex
from rdkit import Chem
from transforms import v2000_record, write_pdb

from binding import api
from binding.errors import BindingError, UsageError
from binding.explanation.rows import (
    ATOM_COLUMNS,
    PART_COLUMNS,
    RESIDUE_COLUMNS,
    Explained,
    Explanation,
    atom_text,
    residue_label,
    strongest,
)
from binding.io.results import COLUMNS, ResultRow
from binding.io.structure import read_protein
from binding.score.options import ScoringOptions
from binding.structures import Ligand, Protein, ResidueKind


@pytest.fixture(scope="module")
def model(random_weights):
    return api.load_model(random_weights, device="cpu")


def explained(protein: Protein, ligand: Ligand, model) -> Explanation:
    (found,) = api.explain_rows(api.requests_from(protein, [ligand]), ScoringOptions(model=model))
    return found


def test_every_kind_of_residue_keeps_its_name(model, tmp_path):
    """A pocket with a zinc ion put beside the ligand, and a residue with an insertion code, through a PDB file."""
    cx = example_complex("1ia1")  # dihydrofolate reductase with NADPH
    nearest = cx.pocket.residue_ids.index("B:PHE:36")
    numbers, codes = cx.pocket.residue_numbers.copy(), cx.pocket.insertion_codes.copy()
    numbers[nearest], codes[nearest] = 35, "A"
    path = write_pdb(tmp_path / "inserted.pdb", replace(cx.pocket, residue_numbers=numbers, insertion_codes=codes))
    amine = cx.ligand.positions[6]
    away = amine - cx.ligand.positions.mean(axis=0)
    x, y, z = amine + 2.1 * away / np.linalg.norm(away)
    zinc = f"HETATM 9999 ZN    ZN Z 901    {x:8.3f}{y:8.3f}{z:8.3f}  1.00 20.00          ZN\n"
    path.write_text(path.read_text().replace("END\n", zinc + "END\n"))
    rows = {residue_label(row): row for row in explained(read_protein(path), cx.ligand, model).residues()}
    assert rows["B:PHE:35A"]["kind"] == "amino acid"
    assert (rows["B:PHE:35A"]["number"], rows["B:PHE:35A"]["insertion_code"]) == (35, "A")
    assert rows["B:NDP:195"]["kind"] == "cofactor"
    assert rows["Z:ZN:901"]["kind"] == "metal"
    assert rows["Z:ZN:901"]["distance"] == pytest.approx(2.1, abs=0.01)


def test_a_nucleotide_is_called_one(model):
    cx = example_complex("1s2g")
    row = cx.pocket.residue_ids.index("A:PHE:45")
    names, kinds = cx.pocket.residue_names.copy(), cx.pocket.residue_kinds.copy()
    names[row], kinds[row] = "DG", ResidueKind.NUCLEOTIDE
    found = explained(replace(cx.pocket, residue_names=names, residue_kinds=kinds), cx.ligand, model)
    assert [one["kind"] for one in found.residues() if residue_label(one) == "A:DG:45"] == ["nucleotide"]


def test_numbers_are_those_of_predict_and_columns_are_complete(model):
    protein, poses = example("5ht1b")
    found = api.explain(protein, poses[:3], model=model)
    expected = api.predict(protein, poses[:3], model=model)
    pd.testing.assert_frame_equal(found.parts[list(COLUMNS)], expected)
    assert tuple(found.parts) == PART_COLUMNS
    assert tuple(found.residues) == RESIDUE_COLUMNS
    assert tuple(found.atoms) == ATOM_COLUMNS
    contacts = found.parts["pk_contacts_vina"] + found.parts["pk_contacts_learned"]
    for table in (found.residues, found.atoms):
        assert table.groupby("id", sort=False)["pk"].sum().to_numpy() == pytest.approx(contacts.to_numpy(), abs=1e-6)


def with_hydrogens(ligand: Ligand, first: bool) -> str:
    """A record with the hydrogens before or between the heavy atoms."""
    mol = Chem.AddHs(ligand.mol, addCoords=True)
    atoms = list(range(mol.GetNumAtoms()))
    hydrogens = [index for index in atoms if mol.GetAtomWithIdx(index).GetAtomicNum() == 1]
    heavy = atoms[: ligand.num_atoms]
    order = hydrogens + heavy if first else [heavy[0], *hydrogens, *heavy[1:]]
    mol = Chem.RenumberAtoms(mol, order)
    mol.SetProp("_Name", ligand.name)
    return Chem.MolToMolBlock(mol) + "$$$$\n"


def test_hydrogens_in_the_file_change_no_number_of_an_atom(model, tmp_path):
    cx = example_complex("1ia1")
    files = {
        "none": v2000_record(cx.ligand),
        "first": with_hydrogens(cx.ligand, first=True),
        "between": with_hydrogens(cx.ligand, first=False),
    }
    tables = []
    for name, text in files.items():
        path = tmp_path / f"{name}.sdf"
        path.write_text(text)
        tables.append(api.explain(cx.pocket, [path], model=model).atoms.drop(columns="id"))
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0], atol=1e-4)
    assert tables[0]["atom"].tolist() == list(range(1, cx.ligand.num_atoms + 1))
    assert tables[0][["x", "y", "z"]].to_numpy() == pytest.approx(cx.ligand.positions, abs=1e-4)


def test_what_has_no_number_has_a_row_of_parts_alone():
    row = ResultRow.failed("x", "protein.pdb", "ligand", BindingError("It is broken.", "Mend it.", "bad_record"))
    explanation = Explanation(row)
    parts = explanation.parts()
    assert (parts["id"], parts["status"], parts["error_code"]) == ("x", "failed", "bad_record")
    assert np.isnan([value for name, value in parts.items() if name.startswith("pk_")]).all()
    assert explanation.residues() == explanation.atoms() == []
    tables = Explained.of([explanation])
    assert len(tables.parts) == 1
    assert tables.residues["pk"].dtype == tables.atoms["x"].dtype == "float64", "also where there is no row"


def test_the_strongest_come_first_whatever_their_sign():
    rows = [{"pk": value} for value in (0.1, -0.5, 0.0, 0.3)]
    assert [row["pk"] for row in strongest(rows, 3)] == [-0.5, 0.3, 0.1]
    assert [row["pk"] for row in strongest(rows, 9)] == [-0.5, 0.3, 0.1]
    assert strongest(rows, 0) == []


def test_a_tag_of_many_atoms_has_short_lines():
    values = np.linspace(-1.0, 1.0, 300)
    text = atom_text(values)
    assert max(map(len, text.split("\n"))) < 200
    assert [float(word) for word in text.split()] == pytest.approx(values.tolist(), abs=1e-4)


def test_options_are_refused_before_anything_is_read(model):
    protein, poses = example("4cup")
    with pytest.raises(BindingError, match="no SMILES"):
        api.explain(protein, poses, template="not a SMILES", model=model)
    with pytest.raises(UsageError, match="not understood"):
        api.explain(protein, poses, pocket="somewhere", model=model)


@pytest.mark.parametrize("numbers", [{"batch_size": 0}, {"workers": -1}])
def test_numbers_out_of_range_are_refused_as_predict_refuses_them(examples, numbers):
    files = (examples / "1ia1_protein.pdb.gz", examples / "1ia1_ligand.sdf")
    for ask in (api.predict, api.explain):
        with pytest.raises(UsageError, match="batch_size must be 1 or more"):
            ask(*files, **numbers)
