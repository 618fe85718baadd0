"""Preparing warns of doubtful complexes, and refuses by name those that would teach something wrong."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from complexes import write_complex, write_index
from networks import example_complex
from rdkit import Chem
from transforms import v2000_record

from binding.data.cache import ComplexCache
from binding.data.fitness import refuse_unfit
from binding.data.prepare import PrepareReport, prepare_dataset
from binding.errors import LigandError
from binding.structures import Complex, Ligand


@pytest.fixture
def cx() -> Complex:
    return example_complex("1s2g", cutoff=6.0)


@pytest.fixture
def prepared(tmp_path, cx):
    """Prepares a sound complex and one whose ligand is where it is put."""

    def of(positions: np.ndarray) -> PrepareReport:
        tree = tmp_path / "tree"
        write_complex(tree, "sound", "4cup")
        write_complex(tree, "doubtful", "1s2g")
        moved = Ligand("doubtful", cx.ligand.mol, positions)
        (tree / "doubtful" / "doubtful_ligand.sdf").write_text(v2000_record(moved))
        write_index(tree, ["sound", "doubtful"])
        return prepare_dataset(tree, None, tmp_path / "set.npz", workers=0)

    return of


def listed(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


def refusal(cx: Complex) -> str:
    with pytest.raises(LigandError) as refused:
        refuse_unfit(cx)
    return refused.value.code


# ---------------------------------------------------------------- warnings


def test_a_warning_is_listed_beside_the_cache(prepared, cx):
    report = prepared(cx.ligand.positions + [2.5, 0.0, 0.0])
    assert not report.rejected
    assert {doubt.id for doubt in report.doubts} >= {"doubtful"}
    assert listed(report.warnings_path) == [["id", "warning"], *([d.id, d.warning] for d in report.doubts)]
    found = {doubt.kind: doubt.warning for doubt in report.doubts if doubt.id == "doubtful"}
    assert found["ligand overlaps the protein"].startswith("ligand overlaps the protein: ")


def test_warnings_are_kept_with_what_was_read(prepared, cx):
    first = prepared(cx.ligand.positions + [2.5, 0.0, 0.0])
    again = prepare_dataset(first.path.parent / "tree", None, first.path, workers=0)
    assert again.kept == 2
    assert again.doubts == first.doubts


def test_a_row_that_is_refused_has_no_warning(prepared, cx):
    positions = cx.ligand.positions.copy()
    positions[0] += [0.0, 0.0, 40.0]
    report = prepared(positions)
    assert {item.id: item.error_code for item in report.rejected} == {"doubtful": "broken_geometry"}
    assert "doubtful" not in {doubt.id for doubt in report.doubts}
    assert ComplexCache(report.path).table["id"].tolist() == ["sound"]


# ---------------------------------------------------------------- what is refused


def test_a_sound_complex_passes(cx):
    refuse_unfit(cx)


@pytest.mark.parametrize(("inside", "refused"), [(0.4, False), (0.6, True), (1.0, True)])
def test_a_ligand_that_lies_on_protein_atoms(cx, inside, refused):
    count = round(inside * cx.ligand.num_atoms)
    positions = cx.pocket.positions.copy()
    positions[:count] = cx.ligand.positions[:count] + 0.3
    doubled = replace(cx, pocket=replace(cx.pocket, positions=positions))
    if refused:
        assert refusal(doubled) == "overlaps_protein"
    else:
        refuse_unfit(doubled)


def test_a_bond_that_no_molecule_has(cx):
    positions = cx.ligand.positions.copy()
    positions[0] *= 10.0  # a digit that slipped
    assert refusal(replace(cx, ligand=replace(cx.ligand, positions=positions))) == "broken_geometry"


def test_what_a_file_without_bonds_leaves_is_no_ligand(cx):
    carbon = Ligand("fragment", Chem.MolFromSmiles("C"), cx.ligand.positions[:1])
    assert refusal(replace(cx, ligand=carbon)) == "too_small"
