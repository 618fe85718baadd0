"""A small made complex and a stand-in for the network, so that the way in and out is tested by itself."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import AllChem
from typer.testing import CliRunner

SEQUENCE = "GDEHKLWSTRFYG"
LIGANDS = {
    "aspirin": "CC(=O)Oc1ccccc1C(=O)O",
    "paracetamol": "CC(=O)Nc1ccc(O)cc1",
    "caffeine": "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
}


def embedded(mol, seed=7):
    mol = Chem.AddHs(mol)
    assert AllChem.EmbedMolecule(mol, randomSeed=seed, useRandomCoords=True) == 0
    return Chem.RemoveHs(mol)


def moved(mol, shift):
    mol = Chem.Mol(mol)
    conformer = mol.GetConformer()
    conformer.SetPositions(conformer.GetPositions() + np.asarray(shift, dtype=float))
    return mol


def beside(mol, protein_positions, gap=3.6):
    """The molecule moved along x until its nearest atom is ``gap`` Å from the protein."""
    positions = mol.GetConformer().GetPositions()
    start = protein_positions.mean(axis=0) - positions.mean(axis=0)
    for step in np.arange(60.0, 0.0, -0.05):
        placed = positions + start + [step, 0.0, 0.0]
        if np.linalg.norm(placed[:, None] - protein_positions[None], axis=-1).min() < gap:
            return moved(mol, start + np.array([step, 0.0, 0.0]))
    raise AssertionError("the molecule never came near")


@dataclass
class Made:
    """Files of a peptide and three drugs beside it."""

    folder: Path
    protein: Path
    ligands: dict[str, Path]
    library: Path
    mols: dict[str, Chem.Mol] = field(repr=False)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    peptide = embedded(Chem.MolFromSequence(SEQUENCE))
    protein = folder / "peptide.pdb"
    Chem.MolToPDBFile(peptide, str(protein))
    positions = peptide.GetConformer().GetPositions()
    mols, paths = {}, {}
    for name, smiles in LIGANDS.items():
        mol = beside(embedded(Chem.MolFromSmiles(smiles)), positions)
        mol.SetProp("_Name", name)
        mols[name] = mol
        paths[name] = folder / f"{name}.sdf"
        paths[name].write_text(record(mol))
    library = folder / "library.sdf"
    library.write_text("".join(record(mol) for mol in mols.values()))
    return Made(folder, protein, paths, library, mols)


@pytest.fixture
def made(made_once, tmp_path, monkeypatch):
    """The made complex; the test runs in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)
    return made_once


def record(mol):
    return Chem.MolToMolBlock(mol) + "$$$$\n"


@dataclass
class FakeScores:
    pk: np.ndarray
    pk_std: np.ndarray
    pk_ligand_only: np.ndarray
    pk_network: np.ndarray
    pk_prior: np.ndarray
    pose: np.ndarray


class FakeScorer:
    """pk is the number of heavy atoms / 4, so that a test knows which graph a number belongs to."""

    name = "fake"
    interval = 1.6
    domain = None
    binder = SimpleNamespace(judge=lambda scores, graphs: (np.full(len(graphs), 0.5), np.full(len(graphs), 0.25)))
    device = torch.device("cpu")

    def __init__(self):
        self.card = {"name": "fake", "metrics": {"r": 0.5}}
        self.batches = []

    def launch(self, graphs):
        """What is scored when it is read."""
        return SimpleNamespace(read=lambda: self.score(graphs))

    def score(self, graphs):
        self.batches.append([graph.ligand.num_atoms * graph.pocket.num_residues for graph in graphs])
        atoms = np.array([graph.ligand.num_atoms for graph in graphs], dtype=float)
        parts = (atoms / 5, atoms / 6, atoms / 7)
        return FakeScores(atoms / 4, np.full(len(atoms), 0.5), *parts, np.full(len(atoms), 0.9))


@pytest.fixture
def scorer():
    return FakeScorer()


@pytest.fixture
def binding_(monkeypatch, scorer):
    """Runs the program in this process with the stand-in for the network."""
    from binding.cli.main import app
    from binding.model import weights as checkpoint

    monkeypatch.setattr(checkpoint, "load_model", lambda *args, **kwargs: scorer)
    monkeypatch.setattr(checkpoint, "load_card", lambda *args: scorer.card)
    return lambda *args: CliRunner().invoke(app, [str(arg) for arg in args], prog_name="binding")
