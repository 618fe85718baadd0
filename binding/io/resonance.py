"""One resonance form for groups whose forms differ only in which equal atom has the double bond.

The oxygens of a carboxylate, nitro, phosphate or sulfonate group and the nitrogens of an amidinium or
guanidinium are the same atoms chemically, but a file must give the double bond to one of them. Here
the atoms with the shortest bonds get it, so that the pose decides and not the program that wrote the
file; of bonds that differ by less than 0.0005 Å, the one whose end is nearest to the ligand's middle.
"""

from __future__ import annotations

import numpy as np
from rdkit import Chem

_EQUAL = 5e-4  # Å
_NEARER = 2e-3  # Å, by which an end must be nearer to the ligand's middle to count as such
_CENTRES = Chem.MolFromSmarts(
    "[$([#6X3](=[O,S,N;D1])[O,S,N;D1]),$([NX3+](=[O;D1])[O-;D1]),$([PX4](=[O,S;D1])[O,S;D1]),$([SX4](=[O;D1])[O;D1;$([OH]),$([O-])]),"
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
        if len(arms) < 2:
            continue
        ends = {b.GetIdx(): conformer.GetAtomPosition(b.GetOtherAtomIdx(index)) for b in arms}
        length = {row: (end - here).Length() for row, end in ends.items()}
        middle = np.mean(conformer.GetPositions(), axis=0)
        away = {row: float(np.linalg.norm(np.array(end) - middle)) for row, end in ends.items()}
        for _ in range(len(arms) ** 2):  # each exchange brings a double bond nearer to where it belongs
            doubles = [b for b in arms if b.GetBondType() == Chem.BondType.DOUBLE]
            singles = [b for b in arms if b.GetBondType() == Chem.BondType.SINGLE]
            pair = next(((d, s) for d in doubles for s in singles if _before(s, d, length, away)), None)
            if pair is None:
                break
            _exchange(mol, *pair)
            changed = True
    return changed


def _before(one: Chem.Bond, other: Chem.Bond, length: dict[int, float], away: dict[int, float]) -> bool:
    """Whether ``one`` has a better claim to the double bond than ``other``: it is shorter, or ends farther inside."""
    a, b = one.GetIdx(), other.GetIdx()
    if abs(length[a] - length[b]) >= _EQUAL:
        return length[a] < length[b]
    return away[b] - away[a] >= _NEARER


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
