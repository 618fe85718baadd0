"""The example complexes are complete, small, documented and readable."""

from __future__ import annotations

import re

import pytest

from binding.graph.checks import check_complex
from binding.graph.site import select_pocket
from binding.io.ligand import BadRecord, read_ligands
from binding.io.structure import read_complex, read_protein
from binding.io.table import read_requests
from binding.structures import Complex, Ligand, Protein

EXPECTED = {  # id -> poses, heavy atoms of the ligand
    "1s2g_deoxyadenosine": (1, 18),
    "1ia1_tq3": (1, 19),
    "4cup_fragment": (1, 11),
    "6wqa_zm241385": (1, 25),
    "5ht1b_ergotamine": (9, 43),
}


def load(request) -> tuple[Protein, list[Ligand | BadRecord]]:
    if isinstance(request.ligand, str):
        return read_complex(request.protein, request.ligand)
    return read_protein(request.protein), list(read_ligands(request.ligand))


def test_table_names_files_that_are_there(examples):
    requests = read_requests(examples / "pairs.csv")
    assert [r.id for r in requests] == list(EXPECTED)
    files = {p for r in requests for p in (r.protein, r.ligand) if not isinstance(p, str)}
    assert all(path.is_file() for path in files)
    assert {p.name for p in examples.iterdir() if p.is_file()} == {p.name for p in files} | {"pairs.csv"}


@pytest.mark.parametrize("name", EXPECTED)
def test_each_example_is_a_ligand_in_its_pocket(examples, name):
    request = next(r for r in read_requests(examples / "pairs.csv") if r.id == name)
    protein, ligands = load(request)
    poses, heavy_atoms = EXPECTED[name]
    assert [ligand.num_atoms for ligand in ligands] == [heavy_atoms] * poses
    for ligand in ligands:
        pocket = select_pocket(protein, ligand)
        assert 30 <= pocket.num_residues <= 120
        check_complex(Complex(name, pocket, ligand))


def test_bond_orders_of_ligands_inside_complex_files(examples):
    from rdkit import Chem

    expected = {"4cup_fragment": "NC(=NO)c1ccc(F)cc1", "6wqa_zm241385": "Nc1nc(NCCc2ccc(O)cc2)nc2nc(nn12)-c1ccco1"}
    for request in read_requests(examples / "pairs.csv"):
        if request.id in expected:
            _, (ligand,) = load(request)
            flat = Chem.MolToSmiles(ligand.mol, isomericSmiles=False)
            assert flat == Chem.CanonSmiles(expected[request.id])


def test_source_and_licence_of_each_is_stated(examples):
    text = (examples.parent / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert [re.match(r"\| `(\w+)`", row)[1] for row in rows] == list(EXPECTED)
    for package in ("ProLIF", "PoseBusters", "Biopython"):
        assert any(package in row for row in rows)
        assert list((examples / "licenses").glob(f"{package.lower()}-*.txt"))


def test_examples_stay_small(examples):
    assert sum(path.stat().st_size for path in examples.rglob("*") if path.is_file()) < 1_500_000
