"""Small molecules with affinities, the cache of the examples, and settings of a small pre-training."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "invariance"))

import pytest
import torch
from rdkit import Chem
from rdkit.Chem import AllChem

from binding.pretraining.config import PretrainConfig

MODEL = {
    "hidden_channels": 16, "num_heads": 2, "num_layers": 1, "ligand_layers": 2, "pocket_layers": 1,
    "vector_channels": 2,
}  # fmt: skip

#: name, SMILES, measured constant as an index has it, protein
MOLECULES = (
    ("aspirin", "CC(=O)Oc1ccccc1C(=O)O", "IC50=4uM", "P23219"),
    ("paracetamol", "CC(=O)Nc1ccc(O)cc1", "", "P23219"),
    ("caffeine", "Cn1cnc2c1c(=O)n(C)c(=O)n2C", "Ki=20uM", "P29274"),
    ("theophylline", "Cn1c2nc[nH]c2c(=O)n(C)c1=O", "Ki=7uM", "P29274"),
    ("benzamidine", "NC(=[NH2+])c1ccccc1", "Ki=18uM", "P00760"),
    ("imatinib", "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1", "Kd=10nM", "P00519"),
    ("chloramphenicol", "OC[C@H]([C@@H](c1ccc([N+](=O)[O-])cc1)O)NC(=O)C(Cl)Cl", "IC50>100uM", "Q05320"),
    ("bortezomib", "CC(C)C[C@@H](B(O)O)NC(=O)[C@H](Cc1ccccc1)NC(=O)c1cnccn1", "Ki=0.6nM", "P28074"),
)


def block(smiles: str, name: str) -> str:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert AllChem.EmbedMolecule(mol, randomSeed=7) == 0
    mol.SetProp("_Name", name)
    return Chem.MolToMolBlock(Chem.RemoveHs(mol)) + "$$$$\n"


@pytest.fixture(autouse=True)
def _threads():
    """A run sets the number of threads of the process; other tests keep theirs."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def library(tmp_path_factory) -> Path:
    """``molecules.sdf`` and ``index.csv`` in a folder."""
    folder = tmp_path_factory.mktemp("molecules")
    (folder / "molecules.sdf").write_text("".join(block(smiles, name) for name, smiles, _, _ in MOLECULES))
    rows = [f"{name},{affinity},{protein},{1990 + k}" for k, (name, _, affinity, protein) in enumerate(MOLECULES)]
    (folder / "index.csv").write_text("\n".join(["id,affinity,uniprot,year", *rows, ""]))
    return folder


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """The report of preparing the examples."""
    from dataset import write_dataset

    return write_dataset(tmp_path_factory.mktemp("data"))


@pytest.fixture
def settings(library, prepared, tmp_path):
    """Settings of a small run of both encoders; ``ligand`` and ``pocket`` take changes, or None for none."""

    def make(output: str = "run", ligand: dict | None = {}, pocket: dict | None = {}, **changes) -> PretrainConfig:  # noqa: B006
        source = {"file": library / "molecules.sdf", "index": library / "index.csv"}
        base = {
            "model": MODEL,
            "ligand": None if ligand is None else {"molecules": [source], "epochs": 3, "batch_size": 4} | ligand,
            "pocket": None
            if pocket is None
            else {"pockets": [{"cache": prepared.path}], "epochs": 2, "batch_size": 2} | pocket,
            "output": tmp_path / output,
            "threads": 1,
        }
        return PretrainConfig.model_validate(base | changes)

    return make
