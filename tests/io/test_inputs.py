"""The table of inputs and answers: each line of the page is what reading gives."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import astuple
from functools import lru_cache
from pathlib import Path

import inputs
import inputs_entries  # noqa: F401 - adds its cases
import inputs_odd
import inputs_programs
import inputs_tables
import numpy as np
import pytest

from binding.graph.fields import LigandGraph, PocketGraph
from binding.graph.site import PocketSpec
from binding.score.featurize import Failed, Featurized, featurize
from binding.score.jobs import Job

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "inputs.md"
WRITE = bool(os.environ.get("BINDING_WRITE_INPUTS"))
HEAD = "| input | rows | as the clean input | what the row says |\n|---|---|---|---|"
HEAD_OF_TABLES = "| input | rows | what comes out |\n|---|---|---|"


def outcomes(case: inputs.Case, folder: Path) -> list[Featurized | Failed]:
    name, content = case.protein
    protein = folder / name
    write(protein, content())
    source: Path | str
    if isinstance(case.ligand, str):
        source = case.ligand
    else:
        source = folder / case.ligand[0]
        write(source, case.ligand[1]())
    return featurize(Job(protein, source, PocketSpec()))


def write(path: Path, content: str | bytes) -> None:
    path.write_bytes(content.encode() if isinstance(content, str) else content)


@lru_cache
def clean(what: str) -> Featurized:
    """What an input must give: the example, the group that it names as a correct SDF, "sodium" in standard names."""
    standard = next((c for c in inputs.CASES if what.startswith(f"{c.what} as ")), None)
    group = re.fullmatch(r"(.*), (?:SDF|MOL2|PDB)\b.*", what)
    case = next(c for c in inputs.CASES if c.what == "SDF, V2000")
    case = standard or case
    smiles = (dict(inputs.GROUPS) | inputs_odd.CHEMISTRY | inputs_programs.CHEMISTRY).get(group[1] if group else what)
    if smiles:
        case = inputs.Case("", "", case.protein, ("ligand.sdf", inputs.group(smiles, "sdf")))
    with tempfile.TemporaryDirectory() as folder:
        (found,) = outcomes(case, Path(folder))
    assert isinstance(found, Featurized)
    return found


def same(one: Featurized, other: Featurized) -> bool:
    """Whether two inputs give the same pk: the same ligand in the same pocket of the same protein, in any order."""
    pockets = one.graph.pocket, other.graph.pocket
    same_pocket = alike(*map(astuple, pockets)) or alike(*map(ordered_pocket, pockets))
    same_ligand = alike(ordered(one.graph.ligand), ordered(other.graph.ligand))
    return same_pocket and same_ligand and set(one.words.tolist()) == set(other.words.tolist())


def alike(values: tuple, others: tuple) -> bool:
    pairs = [(np.asarray(value), np.asarray(other)) for value, other in zip(values, others, strict=True)]
    return all(a.shape == b.shape and np.allclose(a, b, atol=2e-3) for a, b in pairs)


def ordered_pocket(pocket: PocketGraph) -> tuple:
    """The arrays of a pocket that ``pk`` depends on, its atoms and residues sorted by their places."""
    residues, atoms = (np.lexsort(np.round(places, 2).T) for places in (pocket.anchors, pocket.atom_positions))
    names = ("residue_types", "residue_scalars", "anchors", "centroids", "frames")
    of_atoms = (pocket.atom_positions, pocket.atom_classes, pocket.atom_directions, np.abs(pocket.atom_normals))
    return (*(getattr(pocket, name)[residues] for name in names), *(array[atoms] for array in of_atoms))


def ordered(ligand: LigandGraph) -> tuple:
    """The arrays of a ligand, its atoms sorted by their place, its bonds by their ends."""
    order = np.lexsort(np.round(ligand.positions, 2).T)
    bonds = np.sort(np.argsort(order)[ligand.bonds], axis=1)
    rows = np.lexsort(bonds.T)
    atoms = ligand.positions[order], ligand.atom_categories[order], ligand.radii[order]
    return (*atoms, bonds[rows], ligand.bond_categories[rows], ligand.descriptors)


def line(case: inputs.Case, found: list[Featurized | Failed], folder: Path) -> str:
    """The line of the page."""
    codes = [item.error.code if isinstance(item, Failed) else "ok" for item in found]
    equal = [same(item, clean(case.what)) for item in found if isinstance(item, Featurized)]
    if not equal:
        shown = "-"
    elif all(equal):
        shown = "yes"
    else:
        shown = "no" if not any(equal) else "in part"
    if codes == ["ok"] * len(codes):
        said = list(dict.fromkeys(note for item in found for note in getattr(item, "warnings", ())))
    else:
        said = list(dict.fromkeys(item.error.message for item in found if isinstance(item, Failed)))
    return f"| {case.what} | {rows_of(codes)} | {shown} | {text_of(said, folder)} |"


def rows_of(codes: list[str]) -> str:
    return f"`{codes[0]}`" if len(codes) == 1 else f"{len(codes)}: " + ", ".join(f"`{code}`" for code in codes)


def text_of(said: list[str], folder: Path) -> str:
    """The cell that holds what is said, without the folder of the test."""
    text = "; ".join(said).replace(f"{folder}/", "")
    text = (
        text.replace("|", "\\|")
        .replace("<", "&lt;")
        .replace("*", "\\*")
        .replace("[", "\\[")
        .replace("](", "]\\(")
        .replace("\n", " ")
    )
    return (text if len(text) <= 150 else text[:147].rstrip() + "...") or "-"


def line_of_table(reading: inputs_tables.Reading, folder: Path) -> str:
    """The line of the page."""
    found = reading.answer(folder)
    return (
        f"| {reading.what} | {rows_of([code for code, _ in found])} | {text_of([text for _, text in found], folder)} |"
    )


def page_lines() -> dict[str, str]:
    """The lines of the page, by section and input."""
    found, section = {}, ""
    for text in PAGE.read_text(encoding="utf-8").splitlines():
        if text.startswith("## "):
            section = text[3:]
        elif text.startswith("| ") and not text.startswith("| input"):
            found[f"{section}: {text[2:].split(' | ')[0]}"] = text
    return found


@pytest.mark.parametrize("case", inputs.CASES, ids=lambda case: f"{case.section}: {case.what}")
def test_the_answer_is_the_one_of_the_page(case, tmp_path):
    found = outcomes(case, tmp_path)
    assert all(item.error.code != "internal_error" for item in found if isinstance(item, Failed))
    assert all(item.error.hint for item in found if isinstance(item, Failed))
    assert line(case, found, tmp_path) == page_lines().get(f"{case.section}: {case.what}")


@pytest.mark.parametrize("reading", inputs_tables.READINGS, ids=lambda reading: f"{reading.section}: {reading.what}")
def test_the_answer_to_a_table_is_the_one_of_the_page(reading, tmp_path):
    assert line_of_table(reading, tmp_path) == page_lines().get(f"{reading.section}: {reading.what}")


@pytest.fixture(scope="module", autouse=True)
def _write_the_page(tmp_path_factory):
    """Where it is asked for, the page is written from the answers before it is compared with them."""
    if not WRITE:
        return
    tmp_path = tmp_path_factory.mktemp("inputs")
    text = PAGE.read_text(encoding="utf-8").split("\n## ")[0].rstrip() + "\n"
    sections = dict.fromkeys(case.section for case in inputs.CASES)
    for section in sections:
        text += f"\n## {section}\n\n{HEAD}\n"
        for number, case in enumerate(c for c in inputs.CASES if c.section == section):
            folder = tmp_path / f"{list(sections).index(section)}_{number}"
            folder.mkdir()
            text += line(case, outcomes(case, folder), folder) + "\n"
    for section in dict.fromkeys(reading.section for reading in inputs_tables.READINGS):
        text += f"\n## {section}\n\n{HEAD_OF_TABLES}\n"
        for reading in (r for r in inputs_tables.READINGS if r.section == section):
            folder = tmp_path / f"t{list(inputs_tables.READINGS).index(reading)}"
            folder.mkdir()
            text += line_of_table(reading, folder) + "\n"
    PAGE.write_text(text, encoding="utf-8")


def test_the_page_has_no_line_without_a_case():
    held = {f"{case.section}: {case.what}" for case in inputs.CASES}
    held |= {f"{reading.section}: {reading.what}" for reading in inputs_tables.READINGS}
    assert len(held) == len(inputs.CASES) + len(inputs_tables.READINGS)
    assert set(page_lines()) <= held
