"""A run folder with parts as the engine writes them, made by hand: known drugs, known numbers, no network."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa
from rdkit import Chem
from rdkit.Chem import AllChem

from binding.io.ligand import read_ligands
from binding.screening.parts import SCHEMA, PartInfo, count_scored, parts_folder, write_part
from binding.structures import Ligand

DRUGS = {
    "aspirin": "CC(=O)Oc1ccccc1C(=O)O",
    "paracetamol": "CC(=O)Nc1ccc(O)cc1",
    "caffeine": "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "ibuprofen": "CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)O",
    "metformin": "CN(C)C(=N)NC(=N)N",
    "fluconazole": "OC(Cn1cncn1)(Cn1cncn1)c1ccc(F)cc1F",
}
#: Title, pk, pk_ligand_only, pose of each record; None is a failed one. caffeine ties with ibuprofen's best.
POSES = [
    ("aspirin", 5.0, 4.5, 0.9),
    ("aspirin", 6.25, 4.5, 0.4),
    ("paracetamol", 4.75, 5.0, 0.8),
    ("ibuprofen", 7.5, 6.0, 0.7),
    ("caffeine", 7.5, 7.25, 0.95),
    ("ibuprofen", 7.5, 6.0, 0.6),
    ("metformin", None, None, None),
    ("aspirin", 6.25, 4.5, 0.99),
    ("fluconazole", 8.125, 5.5, 0.2),
    ("metformin", None, None, None),
]


@cache
def posed(name: str, seed: int) -> str:
    """A record with hydrogens and tags."""
    mol = Chem.AddHs(Chem.MolFromSmiles(DRUGS[name]))
    assert AllChem.EmbedMolecule(mol, randomSeed=seed) == 0
    mol.SetProp("_Name", name)
    tags = f">  <Vendor ID>\nV-{seed}\n\n>  <binding_pk>\n1.0000\n\n>  <Notes>\nfirst line\nsecond line\n\n"
    return Chem.MolToMolBlock(mol) + tags + "$$$$\n"


def scored_row(row: int, ligand: Ligand, file: Path, record: int, pk: float, alone: float, pose: float) -> dict:
    dg = -1.364 * pk
    return {
        "row": row,
        "pose_number": 0,
        "id": f"{file.stem}:{record + 1}",
        "compound": ligand.name,
        "receptor": "receptor.pdb",
        "ligand_file": str(file),
        "record": record,
        "smiles": Chem.MolToSmiles(ligand.mol),
        "pk": pk,
        "pk_std": 1.5,
        "pk_low": pk - 2.5,
        "pk_high": pk + 2.5,
        "dg_kcal_mol": dg,
        "pk_ligand_only": alone,
        "ligand_efficiency": -dg / ligand.num_atoms,
        "heavy_atoms": ligand.num_atoms,
        "pose": pose,
        "in_domain": ligand.name != "caffeine",
        "nearest_ligand": 0.5,
        "nearest_protein": 1.0,
        "warnings": 'repaired, a "little"' if ligand.name == "caffeine" else "",
        "model": "made-up",
        "status": "ok",
        "error_code": "",
        "message": "",
    }


def failed_row(row: int, name: str, file: Path, record: int, code: str, message: str) -> dict:
    kept = {"row": row, "pose_number": 0, "id": f"{file.stem}:{record + 1}", "compound": name}
    kept |= {"receptor": "receptor.pdb", "ligand_file": str(file), "record": record, "warnings": "", "model": "made-up"}
    return kept | {"status": "failed", "error_code": code, "message": message}


def write_parts(run: Path, rows: list[dict], size: int, key: str = "k") -> None:
    """Cuts rows, one a record, into parts of ``size`` records."""
    parts_folder(run).mkdir(parents=True, exist_ok=True)
    for number, first in enumerate(range(0, len(rows), size)):
        table = pa.Table.from_pylist(rows[first : first + size], schema=SCHEMA)
        write_part(run, table, PartInfo(key, number, first, len(table), count_scored(table)))


@dataclass(frozen=True)
class MadeRun:
    """A run of the records of ``POSES``."""

    folder: Path
    library: Path
    rows: list[dict]


def make_run(folder: Path) -> MadeRun:
    library = folder / "the library.sdf"
    library.write_text("".join(posed(name, seed) for seed, (name, *_) in enumerate(POSES, start=1)))
    rows = []
    for row, (ligand, (name, pk, alone, pose)) in enumerate(zip(read_ligands(library), POSES, strict=True)):
        if pk is None:
            code = "no_contact" if row < 8 else "<script>alert(1)</script>"
            rows.append(failed_row(row, name, library, row, code, 'It touches nothing, "really".'))
        else:
            rows.append(scored_row(row, ligand, library, row, pk, alone, pose))
    run = folder / "a run [1]'s"
    write_parts(run, rows, size=3)
    (run / "run.json").write_text(json.dumps({"format": 1, "key": "k", "decides": {"template": None}}))
    return MadeRun(run, library, rows)
