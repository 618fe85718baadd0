"""One good conformer of a molecule, the starting point of a docking engine. Lengths in Å."""

from __future__ import annotations

from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

from binding.errors import LigandError

MOST_ATOMS = 120  # heavy atoms; larger molecules are peptides, for which neither ETKDG nor docking is suitable
_ATTEMPTS = 20  # from distances; then as many from random coordinates
_FEW_ATTEMPTS = 5
_MINIMIZER_STEPS = 500


def can_embed(mol: Chem.Mol) -> bool:
    """Whether a conformer is found quickly; a stereoisomer that cannot exist has none."""
    parameters: Any = rdDistGeom.ETKDGv3()
    parameters.randomSeed = 0
    parameters.maxIterations = _FEW_ATTEMPTS
    with rdBase.BlockLogs():
        return bool(rdDistGeom.EmbedMolecule(Chem.AddHs(mol), parameters) == 0)


def embed(mol: Chem.Mol, name: str, *, seed: int = 0) -> Chem.Mol:
    """Build one conformer with all hydrogens by ETKDGv3, relaxed with MMFF94s where it has parameters, else with UFF.

    Args:
        mol: Sanitized, one fragment.
        name: For messages.
        seed: The same seed gives the same conformer.

    Returns:
        A copy with explicit hydrogens and one conformer.

    Raises:
        LigandError: ``too_large`` or ``embedding_failed``.
    """
    if mol.GetNumHeavyAtoms() > MOST_ATOMS:
        raise LigandError(
            f"Ligand {name} has {mol.GetNumHeavyAtoms()} heavy atoms; a conformer is built of at most {MOST_ATOMS}.",
            "Give poses from a program for peptides.",
            "too_large",
        )
    with rdBase.BlockLogs():
        full = Chem.AddHs(mol)
        parameters: Any = rdDistGeom.ETKDGv3()  # RDKit's stubs give its fields the wrong types
        parameters.randomSeed = seed + 1  # 0 and 1 are one seed to RDKit
        parameters.maxIterations = _ATTEMPTS
        for random_start in (False, True):
            parameters.useRandomCoords = random_start
            if rdDistGeom.EmbedMolecule(full, parameters) == 0:
                break
        else:
            raise LigandError(
                f"No conformer of ligand {name} could be built.",
                "Check its stereochemistry and its rings.",
                "embedding_failed",
            )
        if rdForceFieldHelpers.MMFFHasAllMoleculeParams(full):
            rdForceFieldHelpers.MMFFOptimizeMolecule(full, mmffVariant="MMFF94s", maxIters=_MINIMIZER_STEPS)
        elif rdForceFieldHelpers.UFFHasAllMoleculeParams(full):
            rdForceFieldHelpers.UFFOptimizeMolecule(full, maxIters=_MINIMIZER_STEPS)
    return full
