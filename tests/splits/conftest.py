"""A tree of made complexes: backbones of known sequences and small real ligands, read but never scored."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import gemmi
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

LETTERS = "ACDEFGHIKLMNPQRSTVWY"


def random_sequence(length: int, seed: int) -> str:
    return "".join(random.Random(seed).choices(LETTERS, k=length))


def mutated(sequence: str, identity: float, seed: int) -> str:
    """The sequence with a share of its letters changed; what is left is exactly ``identity``."""
    draw = random.Random(seed)
    letters = list(sequence)
    for place in draw.sample(range(len(letters)), round(len(letters) * (1 - identity))):
        letters[place] = draw.choice([letter for letter in LETTERS if letter != letters[place]])
    return "".join(letters)


def backbone(sequence: str, chain: str = "A", first: int = 1) -> str:
    """PDB text of a straight backbone; an ``X`` is a residue that is missing, its number with it."""
    lines, serial = [], 1
    for place, letter in enumerate(sequence):
        if letter == "X":
            continue
        name = gemmi.expand_one_letter(letter, gemmi.ResidueKind.AA)
        for atom, shift, element in (("N", 0.0, "N"), ("CA", 1.2, "C"), ("C", 2.4, "C")):
            x = 1.0 + 3.8 * place + shift  # no atom at the origin, which stands for unknown places
            y, z = 10.0 * (ord(chain[:1] or "A") - ord("A")), 0.02 * (first - 1)  # no two parts at one place
            lines.append(
                f"ATOM  {serial:5d}  {atom:<3} {name} {chain}{first + place:4d}    "
                f"{x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00          {element:>2}"
            )
            serial += 1
    return "\n".join([*lines, "TER", ""])


def ligand_block(smiles: str, name: str) -> str:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert AllChem.EmbedMolecule(mol, randomSeed=7, useRandomCoords=True) == 0
    mol = Chem.RemoveHs(mol)
    mol.SetProp("_Name", name)
    return Chem.MolToMolBlock(mol) + "$$$$\n"


@dataclass
class Tree:
    """A folder in PDBbind layout that grows."""

    folder: Path
    rows: list[dict[str, str]] = field(default_factory=list)

    def add(self, name: str, sequence: str, smiles: str, pk: float, **columns: object) -> None:
        (self.folder / name).mkdir()
        (self.folder / name / f"{name}_protein.pdb").write_text(backbone(sequence))
        (self.folder / name / f"{name}_ligand.sdf").write_text(ligand_block(smiles, name))
        self.rows.append({"id": name, "pk": str(pk), **{key: str(value) for key, value in columns.items()}})

    def write_index(self) -> Path:
        columns = list(dict.fromkeys(key for row in self.rows for key in row))
        text = "\n".join([",".join(columns), *(",".join(row.get(c, "") for c in columns) for row in self.rows)])
        (self.folder / "index.csv").write_text(text + "\n")
        return self.folder


FAMILIES = {"kinase": 1, "protease": 2, "lectin": 3, "oxidase": 4, "receptor": 5, "ligase": 6}
SERIES = ["CCOc1ccccc1", "CCNc1ccccc1", "CCc1ccncc1", "CCN1CCOCC1", "CC(=O)NC1CCCC1", "NCCCC(=O)O"]


@pytest.fixture(scope="session")
def tree(tmp_path_factory) -> Tree:
    """Six families of four members of 45 to 100 % identity; each ligand series binds two families."""
    made = Tree(tmp_path_factory.mktemp("tree"))
    for place, (family, seed) in enumerate(FAMILIES.items()):
        parent = random_sequence(120, seed)
        for member, identity in enumerate((1.0, 0.9, 0.6, 0.45)):
            smiles = SERIES[(place + member // 2) % len(SERIES)]
            made.add(
                f"{family}{member}",
                mutated(parent, identity, seed=100 * seed + member),
                smiles,
                pk=4.0 + 0.5 * place + 0.1 * member,
                year=1998 + 2 * place + member // 2,
                part=("train", "train", "validation", "test")[member],
                target=family,
            )
    made.write_index()
    return made
