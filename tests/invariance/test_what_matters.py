"""Through files: what must not matter leaves ``pk`` as it is, and what must matter changes it."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import gemmi
import numpy as np
import pytest
from rdkit import Chem

from binding.graph.site import PocketSpec
from binding.score.featurize import Featurized, featurize
from binding.score.jobs import Job

EXAMPLES = Path(__file__).resolve().parents[2] / "data" / "examples"
COMPLEXES = ("1ia1", "1s2g", "5ht1b")
SAME = 1e-4  # pK
OTHER = 1e-3
_AROUND = 13.0  # Å of the ligand, beyond the pocket
_STATES = {"HIS": "HIE", "CYS": "CYX", "ASP": "ASH", "GLU": "GLH", "LYS": "LYN", "TYR": "TYM"}

Lines = list[str]


def example(name: str) -> tuple[Lines, Chem.Mol]:
    """The atom lines around a ligand, without waters, and the ligand."""
    poses = EXAMPLES / f"{name}_ligand.sdf"
    if poses.exists():
        mol = Chem.MolFromMolFile(str(poses))
    else:
        with gzip.open(EXAMPLES / f"{name}_poses.sdf.gz") as stream:
            mol = next(iter(Chem.ForwardSDMolSupplier(stream)))
    places = mol.GetConformer().GetPositions()
    text = gzip.decompress((EXAMPLES / f"{name}_protein.pdb.gz").read_bytes()).decode()
    atoms = [
        line.ljust(80) for line in text.splitlines() if line.startswith(("ATOM", "HETATM")) and line[17:20] != "HOH"
    ]
    atoms = [line for line in atoms if line[76:78].strip() != "H"]
    near = {line[17:27] for line in atoms if np.linalg.norm(places - xyz(line), axis=1).min() < _AROUND}
    return [line for line in atoms if line[17:27] in near], mol


def xyz(line: str) -> np.ndarray:
    return np.array([float(line[k : k + 8]) for k in (30, 38, 46)])


def at(line: str, place: np.ndarray) -> str:
    return line[:30] + "".join(f"{value:8.3f}" for value in place) + line[54:]


def selenium(line: str) -> str:
    """An atom of methionine as one of selenomethionine."""
    line = f"HETATM{line[6:17]}MSE{line[20:]}"
    return f"{line[:12]}SE  {line[16:76]}SE{line[78:]}" if line[12:16] == " SD " else line


def with_hydrogens(atoms: Lines) -> Lines:
    added = [
        f"{at(line, xyz(line) + [0.6, 0.6, 0.5])[:12]} H  {at(line, xyz(line) + [0.6, 0.6, 0.5])[16:76]} H"
        for line in atoms
    ]
    return [line for pair in zip(atoms, added, strict=True) for line in pair]


def with_waters(atoms: Lines) -> Lines:
    waters = [f"HETATM{9000 + k:5d}  O   HOH W{k:4d}{atoms[40 * k][26:76]} O" for k in range(1, len(atoms) // 40)]
    return [*atoms, *(at(line, xyz(line) + [0.0, 0.0, 2.9]) for line in waters)]


def by_residue(atoms: Lines) -> list[Lines]:
    found: dict[str, Lines] = {}
    for line in atoms:
        found.setdefault(line[17:27], []).append(line)
    return list(found.values())


def mutated(atoms: Lines, mol: Chem.Mol) -> Lines:
    """The residue that touches the ligand most becomes an alanine."""
    places = mol.GetConformer().GetPositions()
    residues = [held for held in by_residue(atoms) if held[0].startswith("ATOM") and len(held) > 7]
    touching = [sum(np.linalg.norm(places - xyz(line), axis=1).min() < 4.5 for line in held) for held in residues]
    chosen = residues[int(np.argmax(touching))]
    kept = [line for line in chosen if line[12:16].strip() in ("N", "CA", "C", "O", "CB")]
    alanine = [f"{line[:17]}ALA{line[20:]}" for line in kept]
    gone = set(chosen)
    return [line for line in atoms if line not in gone] + alanine


PROTEINS: dict[str, Callable[[Lines], Lines]] = {
    "hydrogens": with_hydrogens,
    "waters": with_waters,
    "residues in small letters": lambda atoms: [line[:17] + line[17:20].lower() + line[20:] for line in atoms],
    "atoms in small letters": lambda atoms: [line[:12] + line[12:16].lower() + line[16:] for line in atoms],
    "other chain names": lambda atoms: [line[:21] + chr(ord(line[21]) + 9) + line[22:] for line in atoms],
    "no chain names": lambda atoms: [line[:21] + " " + line[22:] for line in atoms],
    "other numbers": lambda atoms: [f"{line[:22]}{int(line[22:26]) + 1000:4d}{line[26:]}" for line in atoms],
    "no elements": lambda atoms: [line[:66] for line in atoms],
    "names of protonation": lambda atoms: [
        line[:17] + _STATES.get(line[17:20], line[17:20]) + line[20:] for line in atoms
    ],
    "selenomethionines": lambda atoms: [selenium(line) if line[17:20] == "MET" else line for line in atoms],
    "residues in reverse": lambda atoms: [line for held in by_residue(atoms)[::-1] for line in held],
    "atoms in reverse": lambda atoms: [line for held in by_residue(atoms) for line in held[::-1]],
}


@pytest.fixture
def pk(load, tmp_path):
    """Scores many inputs of one complex at once."""

    def score(inputs: dict[str, tuple[Lines, Chem.Mol, str]], cutoff: float = 10.0) -> dict[str, float]:
        graphs = []
        for number, (atoms, mol, suffix) in enumerate(inputs.values()):
            text = "\n".join([*atoms, "END", ""])
            if suffix == ".cif":
                text = gemmi.read_pdb_string(text).make_mmcif_document().as_string()
            protein, ligand = tmp_path / f"{number}{suffix}", tmp_path / f"{number}.sdf"
            protein.write_text(text)
            ligand.write_text(Chem.MolToMolBlock(mol) + "$$$$\n")
            (item,) = featurize(Job(protein, ligand, PocketSpec(cutoff)))
            assert isinstance(item, Featurized), item
            graphs.append(item.graph)
        return dict(zip(inputs, load("shipped", "float64").score(graphs).pk.tolist(), strict=True))

    return score


@pytest.mark.parametrize("name", COMPLEXES)
def test_what_does_not_matter(pk, name):
    atoms, mol = example(name)
    order = np.random.default_rng(3).permutation(mol.GetNumAtoms()).tolist()
    found = pk(
        {"as it is": (atoms, mol, ".pdb"), "mmCIF": (atoms, mol, ".cif")}
        | {what: (change(atoms), mol, ".pdb") for what, change in PROTEINS.items()}
        | {
            "ligand with hydrogens": (atoms, Chem.AddHs(mol, addCoords=True), ".pdb"),
            "ligand in another order": (atoms, Chem.RenumberAtoms(mol, order), ".pdb"),
        }
    )
    wide = pk({"as it is": (atoms, mol, ".pdb")}, cutoff=12.0)["as it is"]
    changed = {what: value - found["as it is"] for what, value in (found | {"a wider pocket": wide}).items()}
    assert {what: change for what, change in changed.items() if abs(change) > SAME} == {}


@pytest.mark.parametrize("name", COMPLEXES)
def test_what_matters(pk, name):
    atoms, mol = example(name)
    moved, image = Chem.Mol(mol), Chem.Mol(mol)
    places = mol.GetConformer().GetPositions()
    moved.GetConformer().SetPositions(places + [0.0, 1.0, 0.0])
    image.GetConformer().SetPositions(places * [1.0, 1.0, -1.0])
    found = pk(
        {
            "as it is": (atoms, mol, ".pdb"),
            "shift of 1 Å": (atoms, moved, ".pdb"),
            "mutated residue": (mutated(atoms, mol), mol, ".pdb"),
            "mirror image": ([at(line, xyz(line) * [1.0, 1.0, -1.0]) for line in atoms], image, ".pdb"),
        }
    )
    base = found.pop("as it is")
    assert {what: value - base for what, value in found.items() if abs(value - base) < OTHER} == {}
