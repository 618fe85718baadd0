"""Bond orders from a template SMILES, for files that have none."""

from __future__ import annotations

from rdkit import Chem, rdBase
from rdkit.Chem import AllChem

from binding.errors import LigandError


def apply_template(mol: Chem.Mol, template: Chem.Mol | str, name: str) -> Chem.Mol:
    """The molecule's heavy atoms and pose with the template's bond orders and charges.

    Args:
        mol: With one conformer; its connections are used, its bond orders are not.
        template: SMILES or molecule of the same compound, hydrogens ignored.
        name: For messages.

    Raises:
        LigandError: ``template_mismatch``.
    """
    pattern = parse_template(template)
    bare = _bare(mol)
    if pattern.GetNumAtoms() != bare.GetNumAtoms() or sorted(_numbers(pattern)) != sorted(_numbers(bare)):
        raise LigandError(
            f"The template {Chem.MolToSmiles(pattern)} has other atoms than ligand {name} "
            f"({pattern.GetNumAtoms()} and {bare.GetNumAtoms()} heavy atoms).",
            "Give the SMILES of this ligand, without salts.",
            "template_mismatch",
        )
    try:
        return AllChem.AssignBondOrdersFromTemplate(pattern, bare)
    except ValueError:
        raise LigandError(
            f"The template {Chem.MolToSmiles(pattern)} does not match the connections of ligand {name}.",
            "Check that it is the same compound and that no bond is stretched in the pose.",
            "template_mismatch",
        ) from None


def parse_template(template: Chem.Mol | str) -> Chem.Mol:
    """The template as a molecule of heavy atoms.

    Raises:
        LigandError: ``template_mismatch``, where it is no SMILES.
    """
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(template) if isinstance(template, str) else Chem.Mol(template)
    if mol is None or mol.GetNumAtoms() == 0:
        raise LigandError(f"The template {template!r} is no SMILES.", "Check it.", "template_mismatch")
    return Chem.RemoveHs(mol)


def _numbers(mol: Chem.Mol) -> list[int]:
    return [atom.GetAtomicNum() for atom in mol.GetAtoms()]


def _bare(mol: Chem.Mol) -> Chem.Mol:
    """Heavy atoms joined by single bonds, no charges, no hydrogens."""
    bare = Chem.RWMol(mol)
    bare.BeginBatchEdit()
    for atom in bare.GetAtoms():
        if atom.GetAtomicNum() == 1:
            bare.RemoveAtom(atom.GetIdx())
    bare.CommitBatchEdit()
    for atom in bare.GetAtoms():
        atom.SetFormalCharge(0)
        atom.SetIsAromatic(False)
        atom.SetNoImplicit(False)
        atom.SetNumExplicitHs(0)
        atom.SetNumRadicalElectrons(0)
        atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    for bond in bare.GetBonds():
        bond.SetIsAromatic(False)
        bond.SetBondType(Chem.BondType.SINGLE)
        bond.SetStereo(Chem.BondStereo.STEREONONE)
    result = bare.GetMol()
    result.UpdatePropertyCache(strict=False)
    return result
