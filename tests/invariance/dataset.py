"""A training set made of the example complexes: thirteen rows of five proteins, with made-up affinities."""

from __future__ import annotations

from pathlib import Path

from networks import example, example_complex
from transforms import v2000_record, write_pdb

from binding.data.prepare import PrepareReport, prepare_dataset

SINGLES = ("1s2g", "1ia1", "4cup", "6wqa")
POSES = 9
ROWS = len(SINGLES) + POSES


def write_tree(folder: Path) -> Path:
    """PDBbind layout; the nine poses of 5ht1b share a receptor. Proteins are cut 14 Å from the ligand."""
    lines = ["id,receptor,pk,relation,uniprot,resolution"]
    for number, name in enumerate(SINGLES):
        cx = example_complex(name, cutoff=14.0)
        (folder / name).mkdir(parents=True)
        write_pdb(folder / name / f"{name}_protein.pdb", cx.pocket)
        (folder / name / f"{name}_ligand.sdf").write_text(v2000_record(cx.ligand))
        lines.append(f"{name},{name},{5.25 + number},=,P0000{number},1.{number}")
    cx, poses = example_complex("5ht1b", cutoff=14.0), example("5ht1b")[1]
    (folder / "5ht1b").mkdir()
    write_pdb(folder / "5ht1b" / "5ht1b_protein.pdb", cx.pocket)
    records = []
    for number, pose in enumerate(poses):
        block = v2000_record(pose).split("\n", 1)[1]
        records.append(f"5ht1b-{number}\n{block}")
        # The sign is that of the measured constant: a constant above 1 nM is a pK below 9.
        sign = {0: "<", 1: ">"}.get(number, "=")
        lines.append(f"5ht1b-{number},5ht1b,{6 + number / 4},{sign},P28222,2.0")
    (folder / "5ht1b" / "5ht1b_ligands.sdf").write_text("".join(records))
    (folder / "index.csv").write_text("\n".join([*lines, ""]))
    return folder


def write_dataset(folder: Path) -> PrepareReport:
    return prepare_dataset(write_tree(folder / "tree"), None, folder / "set.npz", source="examples", workers=0)
