"""One resonance form for groups whose forms differ only in which equal atom has the double bond.

The oxygens of a carboxylate, phosphate or sulfonate and the nitrogens of an amidinium or
guanidinium are the same atoms chemically, but a file must give the double bond to one of them. Here
the atoms with the shortest bonds get it, so that the pose decides and not the program that wrote the
file; bonds that differ by less than 0.0005 Å keep what the file says.
"""

from __future__ import annotations

from rdkit import Chem

_EQUAL = 5e-4  # Å
_CENTRES = Chem.MolFromSmarts(
    "[$([#6X3](=[O,S,N;D1])[O,S,N;D1]),$([PX4](=[O,S;D1])[O,S;D1]),$([SX4](=[O;D1])[O;D1;$([OH]),$([O-])]),"
    "$([SX3](=[O;D1])[O;D1])]"
)
_SUBSTITUTED_IMINE = Chem.MolFromSmarts("[#6X3;!R](=[#7X2,#7X3+;D2;!$([#7]-[!#6])])-[NX3;D1]")


def one_resonance_form(mol: Chem.RWMol) -> bool:
    """Move double bonds within delocalised groups to the form that the pose decides, in place.

    Args:
        mol: Sanitized, heavy atoms only, with its pose.

    Returns:
        Whether a substituted amidine or guanidine was rewritten (its hydrogens move; the exchange of
        equal atoms is not worth a note).
    """
    rewritten = False
    for centre, imine, amine in mol.GetSubstructMatches(_SUBSTITUTED_IMINE):
        double, single = mol.GetBondBetweenAtoms(centre, imine), mol.GetBondBetweenAtoms(centre, amine)
        if double.GetBondType() == Chem.BondType.DOUBLE and single.GetBondType() == Chem.BondType.SINGLE:
            _exchange(mol, double, single)
            rewritten = True
    exchanged = sum(_shortest_first(mol, centre) for (centre,) in mol.GetSubstructMatches(_CENTRES)) > 0
    if rewritten or exchanged:
        Chem.SanitizeMol(mol)
    return rewritten


def _shortest_first(mol: Chem.RWMol, index: int) -> bool:
    """Give the double bonds of one centre to its shortest bonds, element by element."""
    centre = mol.GetAtomWithIdx(index)
    conformer = mol.GetConformer()
    here = conformer.GetAtomPosition(index)
    changed = False
    for element in (7, 8, 16):
        arms = [
            bond
            for bond in centre.GetBonds()
            if bond.GetOtherAtom(centre).GetAtomicNum() == element and bond.GetOtherAtom(centre).GetDegree() == 1
        ]
        length = {b.GetIdx(): (conformer.GetAtomPosition(b.GetOtherAtomIdx(index)) - here).Length() for b in arms}
        while True:
            doubles = [b for b in arms if b.GetBondType() == Chem.BondType.DOUBLE]
            singles = [b for b in arms if b.GetBondType() == Chem.BondType.SINGLE]
            if not doubles or not singles:
                break
            longest = max(doubles, key=lambda b: length[b.GetIdx()])
            shortest = min(singles, key=lambda b: length[b.GetIdx()])
            if length[longest.GetIdx()] - length[shortest.GetIdx()] < _EQUAL:
                break
            _exchange(mol, longest, shortest)
            changed = True
    return changed


def _exchange(mol: Chem.RWMol, double: Chem.Bond, single: Chem.Bond) -> None:
    """Swap the orders of two bonds of one centre, and with them charges and hydrogens of the far ends."""
    begin = {double.GetBeginAtomIdx(), double.GetEndAtomIdx()}
    centre = (begin & {single.GetBeginAtomIdx(), single.GetEndAtomIdx()}).pop()
    was_double, was_single = double.GetOtherAtomIdx(centre), single.GetOtherAtomIdx(centre)
    first, second = mol.GetAtomWithIdx(was_double), mol.GetAtomWithIdx(was_single)
    charges = first.GetFormalCharge(), second.GetFormalCharge()
    first.SetFormalCharge(charges[1])
    second.SetFormalCharge(charges[0])
    for atom in (first, second):
        atom.SetNoImplicit(False)
        atom.SetNumExplicitHs(0)
        atom.SetNumRadicalElectrons(0)
    double.SetBondType(Chem.BondType.SINGLE)
    double.SetStereo(Chem.BondStereo.STEREONONE)
    single.SetBondType(Chem.BondType.DOUBLE)
    mol.UpdatePropertyCache(strict=False)
