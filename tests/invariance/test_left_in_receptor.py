"""A ligand that is still in the receptor's file is counted once, whatever its name, wherever a complex is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from networks import example_complex
from transforms import v2000_record, write_pdb

from binding import api
from binding.data.encode import from_bytes
from binding.data.piece_job import PieceJob, make_piece
from binding.io.structure import read_protein
from binding.poses.series import place
from binding.structures import Complex

NAMES = {
    "cofactor": ("LIG", [f"C{k}" for k in range(1, 26)]),
    "amino acid": ("UNK", [f"C{k}" for k in range(1, 26)]),
    "standard amino acid": ("ALA", [f"C{k}" for k in range(1, 26)]),
    "nucleotide": ("ADE", [f"C{k}" for k in range(1, 26)]),
    "names that repeat": ("LIG", None),
    "backbone names": ("LIG", ["N", "CA", "C", *(f"C{k}" for k in range(4, 26))]),
}


def group_lines(cx: Complex, name: str, names: list[str] | None) -> str:
    lines = []
    for k, (atom, position) in enumerate(zip(cx.ligand.mol.GetAtoms(), cx.ligand.positions.tolist(), strict=True)):
        symbol = atom.GetSymbol()
        label = symbol if names is None else names[k]
        x, y, z = position
        lines.append(
            f"HETATM{9000 + k:>5}  {label:<3} {name:>3} A 900    {x:8.3f}{y:8.3f}{z:8.3f}{1:6.2f}{20:6.2f}"
            f"          {symbol.upper():>2}\n"
        )
    return "".join(lines)


@pytest.fixture(scope="module")
def cx() -> Complex:
    return example_complex("1s2g", cutoff=13.0)


@pytest.fixture(scope="module")
def files(cx, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("left_in")
    clean = write_pdb(folder / "clean.pdb", cx.pocket)
    (folder / "ligand.sdf").write_text(v2000_record(cx.ligand))
    found = {"clean": clean, "ligand": folder / "ligand.sdf"}
    for kind, (name, names) in NAMES.items():
        path = folder / f"{kind.replace(' ', '_')}.pdb"
        text = clean.read_text().removesuffix("END\n")
        path.write_text(f"{text}{group_lines(cx, name, names)}END\n")
        found[kind] = path
    return found


@pytest.fixture(scope="module")
def model(load):
    return load("shipped", "float32")


@pytest.mark.parametrize("kind", NAMES)
def test_predict_and_explain(files, model, kind):
    clean, left_in = (
        api.predict(files[name], files["ligand"], model=model, workers=0).iloc[0] for name in ("clean", kind)
    )
    assert left_in["status"] == "ok"
    for column in ("pk", "pk_std", "pk_ligand_only", "pose", "nearest_protein"):
        assert left_in[column] == pytest.approx(clean[column], abs=1e-4), column
    note = f"left out A:{NAMES[kind][0]}:900, which lies where the ligand lies"
    assert left_in["warnings"] == f"{note}; {clean['warnings']}"
    assert "left out" not in clean["warnings"]
    parts = api.explain(files[kind], files["ligand"], model=model, workers=0).parts.iloc[0]
    assert parts["pk"] == pytest.approx(clean["pk"], abs=1e-4)
    assert parts["warnings"] == left_in["warnings"]


def test_a_group_whose_atom_names_repeat_is_one_group(files):
    protein = read_protein(files["names that repeat"])
    assert protein.residue_ids.count("A:LIG:900") == 1


def test_a_receptor_in_which_two_molecules_share_an_id(files, tmp_path):
    """A second molecule of the same names begins another group, as before."""
    text = files["cofactor"].read_text().removesuffix("END\n")
    second = "".join(
        line[:30] + f"{float(line[30:38]) + 30:8.3f}" + line[38:] + "\n"
        for line in text.splitlines()
        if " LIG " in line
    )
    path = tmp_path / "two.pdb"
    path.write_text(f"{text}{second}END\n")
    assert read_protein(path).residue_ids.count("A:LIG:900") == 2


def test_screen(files, tmp_path):
    rows = {}
    for name in ("clean", "amino acid"):
        folder = tmp_path / name.replace(" ", "_")
        api.screen(files["ligand"], folder, protein=files[name])
        rows[name] = pd.read_parquet(next(folder.rglob("part-*.parquet"))).iloc[0]
    assert rows["amino acid"]["pk"] == pytest.approx(rows["clean"]["pk"], abs=1e-4)
    assert "left out A:UNK:900" in rows["amino acid"]["warnings"]


def test_place(files):
    rows = place(files["amino acid"], files["ligand"], ["Nc1ncnc2n(cnc12)C1CC(O)C(CO)O1"])
    assert rows["status"].tolist() == ["ok"]
    assert "left out A:UNK:900" in rows["warnings"][0]
    clean = place(files["clean"], files["ligand"], ["Nc1ncnc2n(cnc12)C1CC(O)C(CO)O1"])
    assert rows["clashes"].tolist() == clean["clashes"].tolist()
    assert np.allclose(rows["score"].astype(float), clean["score"].astype(float), atol=1e-4)


def test_dock(files, cx):
    pytest.importorskip("vina")
    from binding.poses.dock import Box, Docker

    receptor = read_protein(files["amino acid"])
    docker = Docker(receptor, Box.about(cx.ligand.positions), reference=cx.ligand.positions)
    assert docker.notes == ("left out A:UNK:900, which lies where the ligand lies",)


def test_prepare(files):
    sizes = []
    for name in ("clean", *NAMES):
        piece = make_piece(PieceJob(name, files[name], (name,), (files["ligand"],), 10.0))
        assert piece.content is not None
        assert any(warning.startswith("left out A:") for warning in piece.warnings.get(0, ())) == (name != "clean")
        sizes.append(len(from_bytes(piece.content).arrays["residue_sizes"]))
    assert len(set(sizes)) == 1
