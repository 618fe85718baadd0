"""Drugs as ligand graphs, and an invented pK that a prior can learn."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from rdkit import Chem

from binding.graph.fields import LigandGraph
from binding.graph.ligand import build_ligand_graph
from binding.io.series import compound_from_smiles
from binding.structures import Ligand

DRUGS = {
    "aspirin": "CC(=O)Oc1ccccc1C(=O)O",
    "salicylic acid": "OC(=O)c1ccccc1O",
    "paracetamol": "CC(=O)Nc1ccc(O)cc1",
    "phenacetin": "CCOc1ccc(NC(C)=O)cc1",
    "ibuprofen": "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "naproxen": "COc1ccc2cc(ccc2c1)C(C)C(=O)O",
    "ketoprofen": "CC(C(=O)O)c1cccc(c1)C(=O)c1ccccc1",
    "caffeine": "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "theophylline": "Cn1c2nc[nH]c2c(=O)n(C)c1=O",
    "theobromine": "Cn1cnc2c1c(=O)[nH]c(=O)n2C",
    "imatinib": "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1",
    "nilotinib": "Cc1ccc(cc1Nc1nccc(n1)-c1cccnc1)C(=O)Nc1cc(cc(c1)C(F)(F)F)-n1cnc(C)c1",
    "gefitinib": "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1",
    "erlotinib": "COCCOc1cc2ncnc(Nc3cccc(C#C)c3)c2cc1OCCOC",
    "sumatriptan": "CNS(=O)(=O)Cc1ccc2[nH]cc(CCN(C)C)c2c1",
    "zolmitriptan": "CN(C)CCc1c[nH]c2ccc(CC3COC(=O)N3)cc12",
    "fluconazole": "OC(Cn1cncn1)(Cn1cncn1)c1ccc(F)cc1F",
    "benzamidine": "NC(=N)c1ccccc1",
    "diazepam": "CN1c2ccc(Cl)cc2C(=NCC1=O)c1ccccc1",
    "oxazepam": "OC1N=C(c2ccccc2)c2cc(Cl)ccc2NC1=O",
    "propranolol": "CC(C)NCC(O)COc1cccc2ccccc12",
    "atenolol": "CC(C)NCC(O)COc1ccc(CC(N)=O)cc1",
    "metoprolol": "COCCc1ccc(OCC(O)CNC(C)C)cc1",
    "trimethoprim": "COc1cc(Cc2cnc(N)nc2N)cc(OC)c1OC",
    "sulfamethoxazole": "Cc1cc(NS(=O)(=O)c2ccc(N)cc2)no1",
    "captopril": "CC(CS)C(=O)N1CCCC1C(=O)O",
}


def graph_of(mol: Chem.Mol) -> LigandGraph:
    """A molecule's graph; positions do not matter to a prior."""
    return build_ligand_graph(Ligand("x", mol, np.zeros((mol.GetNumAtoms(), 3))))


def graph(smiles: str) -> LigandGraph:
    return graph_of(compound_from_smiles(smiles, "x").mol)


def drugs() -> list[LigandGraph]:
    """Of all ``DRUGS``, in order."""
    return [graph(smiles) for smiles in DRUGS.values()]


def invented_pk(ligands: Iterable[LigandGraph]) -> np.ndarray:
    """Grows with size, as measured affinities do."""
    return np.array([4.0 + 0.1 * ligand.num_atoms for ligand in ligands])
