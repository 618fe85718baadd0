"""One place for the hydrogens that files put in different places: a normal form of ring tautomers.

Two files of one pose often differ only in which ring nitrogen carries a hydrogen or a charge, or in
a ring that is written with an sp3 carbon though it is flat. The model's input must not differ with
them, so that every ligand is brought to one form:

1. charged ring nitrogen is written neutral (``[nH+]`` loses its hydrogen, ``[n-]`` gains one);
2. a ring carbon that is written sp3 becomes sp2 where that makes its ring aromatic: by moving its
   hydrogen to the ring nitrogen two bonds on (4H-imidazole, 4H-pyrazolone, 3-hydroxypyridinone as
   the CH form), or, where carbon and its three neighbours lie in one plane in the pose, by a double
   bond to the next such carbon or ring NH;
3. an imine on an aromatic ring becomes the amine, the hydrogen coming from a ring nitrogen;
4. hydrogens on the nitrogens of an aromatic system go where they are most stable by a short rule
   (next to C=O; else in a five-membered ring next to a fused ring; else in any five-membered ring),
   ties by a rank that depends on the skeleton alone, and of equal nitrogens the one nearer to the molecule's middle;
5. the double bond of an amidine or guanidine goes to an unsubstituted nitrogen where there is one,
   and within a delocalised group to the atom with the shortest bond (see ``resonance.py``);
6. ``[P+]-[OH]`` is written P=O, and a carbon between two nitrogens that is written saturated though it
   is flat in the pose becomes an amidine or guanidine.

Each rule costs a substructure look-up for the ligands that it does not touch.
"""

from __future__ import annotations

from itertools import combinations, islice

import numpy as np
from rdkit import Chem

from binding.graph.molecule import atoms_of, bonds_of
from binding.io.resonance import one_resonance_form

_MAX_TRIALS = 64
FLAT = 0.1  # Å out of the plane of three neighbours; a tetrahedral carbon is near 0.5 Å
_AROMATIC = Chem.BondType.AROMATIC
_RING_CHARGE = Chem.MolFromSmarts("[nX3H1+,nX2H0-]")
_IMINE_SHIFT = Chem.MolFromSmarts("[CX4;R;!H0]-@[#6;R]=@[NX2;R]")
_FLAT_BOND = Chem.MolFromSmarts("[CX4;R;D3;H1]-@[$([CX4;R;D3;H1]),$([NX3;R;D2;H1])]")
_RING_IMINE = Chem.MolFromSmarts("c=[NX2;!R]")
_PHOSPHORYL = Chem.MolFromSmarts("[P+;X4]-[O;D1]")
_FLAT_DIAMINE = Chem.MolFromSmarts("[CX4;D3;H1;!R](-[NX3,NX4+;D1])-[NX3,NX4+]")
_RING_NH = Chem.MolFromSmarts("[nX3H1]")


def canonical_hydrogens(mol: Chem.RWMol) -> list[str]:
    """Bring ring tautomers to the normal form, in place.

    Args:
        mol: Sanitized, heavy atoms only, with its pose.

    Returns:
        One sentence for each kind of change.
    """
    notes: list[str] = []
    charged = any(atom.GetFormalCharge() for atom in atoms_of(mol))
    for step, note in (
        (_neutral_ring_nitrogen, "wrote charged ring nitrogen as neutral"),
        (_aromatic_by_shift, "moved a hydrogen from a ring carbon to ring nitrogen, which makes the ring aromatic"),
        (_aromatic_by_plane, "wrote a ring that is flat in the pose as aromatic"),
        (_amine_from_imine, "wrote an imine on an aromatic ring as the amine"),
        (_place_ring_hydrogens, "placed the hydrogen of aromatic ring nitrogen by rule"),
        (_phosphoryl, "wrote P+ with a hydroxyl as P=O"),
        (_amidine_by_plane, "wrote a flat carbon between nitrogens as an amidine or guanidine"),
        (one_resonance_form, "wrote an amidine or guanidine with its double bond to the unsubstituted nitrogen"),
    ):
        if (charged or step not in _OF_CHARGES) and step(mol):
            notes.append(note)
    return notes


def skeleton_ranks(mol: Chem.Mol) -> list[int]:
    """Canonical rank of each atom by elements, connections and carbon's hydrogens alone.

    Bond orders, charges and hydrogens on heteroatoms, which tautomers and resonance forms move
    about, do not count. Equal ranks are atoms that only such a form tells apart
    (the oxygens of a carboxylate, the nitrogens of an amidinium), or symmetry.
    """
    bare = Chem.RWMol(mol)
    for atom in atoms_of(bare):
        carbon_hydrogens = atom.GetTotalNumHs() if atom.GetAtomicNum() == 6 else 0
        atom.SetFormalCharge(0)
        atom.SetIsAromatic(False)
        atom.SetNoImplicit(True)
        atom.SetNumExplicitHs(0)
        atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
        atom.SetIsotope(carbon_hydrogens + 1)
    for bond in bonds_of(bare):
        bond.SetIsAromatic(False)
        bond.SetBondType(Chem.BondType.SINGLE)
        bond.SetStereo(Chem.BondStereo.STEREONONE)
    bare.UpdatePropertyCache(strict=False)
    return list(Chem.CanonicalRankAtoms(bare, breakTies=False, includeChirality=False))


def _aromatic_count(mol: Chem.Mol) -> int:
    return sum([atom.GetIsAromatic() for atom in atoms_of(mol)])


def _accept(mol: Chem.RWMol, trial: Chem.RWMol, least_aromatic: int) -> bool:
    """Take the trial's bonds and hydrogens over if it has a valid structure with as many aromatic atoms."""
    try:
        Chem.SanitizeMol(trial)
        Chem.Kekulize(trial, clearAromaticFlags=True)
        Chem.SanitizeMol(trial)
    except (Chem.AtomValenceException, Chem.KekulizeException, Chem.AtomKekulizeException):
        return False
    if _aromatic_count(trial) < least_aromatic:
        return False
    for atom, new in zip(atoms_of(mol), atoms_of(trial), strict=True):
        atom.SetFormalCharge(new.GetFormalCharge())
        atom.SetNumExplicitHs(new.GetNumExplicitHs())
        atom.SetNoImplicit(new.GetNoImplicit())
        atom.SetIsAromatic(new.GetIsAromatic())
    for bond, new in zip(bonds_of(mol), bonds_of(trial), strict=True):
        bond.SetBondType(new.GetBondType())
        bond.SetIsAromatic(new.GetIsAromatic())
    mol.UpdatePropertyCache(strict=False)
    Chem.SanitizeMol(mol)
    return True


def _set_ring_hydrogen(atom: Chem.Atom, present: bool) -> None:
    atom.SetNumExplicitHs(int(present))
    atom.SetNoImplicit(True)


def _neutral_ring_nitrogen(mol: Chem.RWMol) -> bool:
    changed = False
    for (index,) in mol.GetSubstructMatches(_RING_CHARGE):
        trial = Chem.RWMol(mol)
        atom = trial.GetAtomWithIdx(index)
        _set_ring_hydrogen(atom, atom.GetFormalCharge() < 0)
        atom.SetFormalCharge(0)
        changed |= _accept(mol, trial, _aromatic_count(mol))
    return changed


def _aromatic_by_shift(mol: Chem.RWMol) -> bool:
    """C(H)-C=N in a ring to C=C-N(H), where the ring becomes aromatic by it."""
    changed = False
    for carbon, middle, nitrogen in sorted(mol.GetSubstructMatches(_IMINE_SHIFT)):
        if mol.GetAtomWithIdx(carbon).GetIsAromatic() or mol.GetBondBetweenAtoms(middle, nitrogen).GetIsAromatic():
            continue
        sizes = [len(r) for r in mol.GetRingInfo().AtomRings() if {carbon, middle, nitrogen} <= set(r)]
        open_methylene = mol.GetAtomWithIdx(carbon).GetDegree() == 2 and 5 in sizes
        if not ({5, 6} & set(sizes)) or not (open_methylene or _is_flat(mol, carbon)):
            continue
        trial = Chem.RWMol(mol)
        trial.GetBondBetweenAtoms(carbon, middle).SetBondType(Chem.BondType.DOUBLE)
        trial.GetBondBetweenAtoms(middle, nitrogen).SetBondType(Chem.BondType.SINGLE)
        _free_hydrogens(trial, carbon, nitrogen)
        changed |= _accept(mol, trial, _aromatic_count(mol) + 5)
    return changed


def _aromatic_by_plane(mol: Chem.RWMol) -> bool:
    """A double bond between flat ring atoms written sp3, where the ring becomes aromatic by it."""
    changed = False
    for carbon, other in sorted(mol.GetSubstructMatches(_FLAT_BOND)):
        if any(mol.GetAtomWithIdx(i).GetIsAromatic() for i in (carbon, other)) or not _is_flat(mol, carbon):
            continue
        if mol.GetAtomWithIdx(other).GetAtomicNum() == 6 and not _is_flat(mol, other):
            continue
        trial = Chem.RWMol(mol)
        trial.GetBondBetweenAtoms(carbon, other).SetBondType(Chem.BondType.DOUBLE)
        _free_hydrogens(trial, carbon, other)
        changed |= _accept(mol, trial, _aromatic_count(mol) + 2)
    return changed


def _free_hydrogens(mol: Chem.RWMol, *atoms: int) -> None:
    """Let RDKit count the hydrogens of these atoms again."""
    for index in atoms:
        atom = mol.GetAtomWithIdx(index)
        atom.SetNoImplicit(False)
        atom.SetNumExplicitHs(0)
        atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    mol.UpdatePropertyCache(strict=False)


def _is_flat(mol: Chem.Mol, index: int) -> bool:
    """Whether an atom with three neighbours lies in their plane."""
    neighbours = [atom.GetIdx() for atom in mol.GetAtomWithIdx(index).GetNeighbors()]
    if len(neighbours) != 3:
        return False
    conformer = mol.GetConformer()
    a, b, c = (conformer.GetAtomPosition(row) for row in neighbours)
    normal = (b - a).CrossProduct(c - a)
    length = normal.Length()
    return length > 0 and abs((conformer.GetAtomPosition(index) - a).DotProduct(normal)) / length < FLAT


def _amine_from_imine(mol: Chem.RWMol) -> bool:
    changed = False
    for carbon, imine in mol.GetSubstructMatches(_RING_IMINE):
        system = _ring_system(mol, carbon)
        hydrogens = [i for i in system if _carries_hydrogen(mol.GetAtomWithIdx(i))]
        for ring_nitrogen in hydrogens:
            trial = Chem.RWMol(mol)
            trial.GetBondBetweenAtoms(carbon, imine).SetBondType(Chem.BondType.SINGLE)
            _set_ring_hydrogen(trial.GetAtomWithIdx(ring_nitrogen), False)
            _free_hydrogens(trial, imine)
            if _accept(mol, trial, _aromatic_count(mol)):
                changed = True
                break
    return changed


def _phosphoryl(mol: Chem.RWMol) -> bool:
    changed = False
    for phosphorus, oxygen in mol.GetSubstructMatches(_PHOSPHORYL):
        if mol.GetAtomWithIdx(phosphorus).GetFormalCharge() != 1:
            continue  # done with another of its oxygens
        trial = Chem.RWMol(mol)
        trial.GetAtomWithIdx(phosphorus).SetFormalCharge(0)
        trial.GetAtomWithIdx(oxygen).SetFormalCharge(0)
        trial.GetBondBetweenAtoms(phosphorus, oxygen).SetBondType(Chem.BondType.DOUBLE)
        _free_hydrogens(trial, phosphorus, oxygen)
        changed |= _accept(mol, trial, _aromatic_count(mol))
    return changed


def _amidine_by_plane(mol: Chem.RWMol) -> bool:
    changed = False
    for carbon, terminal, _ in mol.GetSubstructMatches(_FLAT_DIAMINE):
        if mol.GetAtomWithIdx(carbon).GetTotalNumHs() != 1 or not _is_flat(mol, carbon):
            continue
        trial = Chem.RWMol(mol)
        trial.GetBondBetweenAtoms(carbon, terminal).SetBondType(Chem.BondType.DOUBLE)
        _free_hydrogens(trial, carbon, terminal)
        changed |= _accept(mol, trial, _aromatic_count(mol))
    return changed


def _ring_system(mol: Chem.Mol, seed: int) -> list[int]:
    """Atoms joined to the seed by aromatic bonds in rings, ascending."""
    seen, stack = {seed}, [seed]
    while stack:
        for bond in mol.GetAtomWithIdx(stack.pop()).GetBonds():
            if bond.GetIsAromatic():
                for index in (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()):
                    if index not in seen:
                        seen.add(index)
                        stack.append(index)
    return sorted(seen)


def _carries_hydrogen(atom: Chem.Atom) -> bool:
    return atom.GetAtomicNum() == 7 and atom.GetIsAromatic() and atom.GetTotalNumHs() == 1


def _place_ring_hydrogens(mol: Chem.RWMol) -> bool:
    """Put the hydrogens of each aromatic system on the nitrogens that the rule prefers."""
    changed = False
    done: set[int] = set()
    ranks: list[tuple[int, float]] | None = None
    for (seed,) in mol.GetSubstructMatches(_RING_NH):
        if seed in done:
            continue
        system = _ring_system(mol, seed)
        done.update(system)
        sites = [i for i in system if _is_site(mol.GetAtomWithIdx(i))]
        now = frozenset(i for i in sites if _carries_hydrogen(mol.GetAtomWithIdx(i)))
        if len(now) == len(sites):
            continue
        if ranks is None:  # of equal nitrogens the order in the file must not decide, so that the pose does
            ranks = list(zip(skeleton_ranks(mol), _from_centre(mol), strict=True))
        costs = {i: _cost(mol, i) for i in sites}
        trials = sorted(
            combinations(sites, len(now)),
            key=lambda group: (sum(costs[i] for i in group), sorted(ranks[i] for i in group)),
        )
        for group in islice(trials, _MAX_TRIALS):
            if frozenset(group) == now:
                break
            trial = Chem.RWMol(mol)
            for index in sites:
                _set_ring_hydrogen(trial.GetAtomWithIdx(index), index in group)
            if _accept(mol, trial, _aromatic_count(mol)):
                changed = True
                break
    return changed


def _from_centre(mol: Chem.Mol) -> list[float]:
    """Å, distance of each atom from the middle of the molecule."""
    positions = mol.GetConformer().GetPositions()
    return [float(value) for value in np.linalg.norm(positions - positions.mean(axis=0), axis=1)]


#: Rules that begin with a charge, and bring none.
_OF_CHARGES = (_neutral_ring_nitrogen, _phosphoryl)


def _is_site(atom: Chem.Atom) -> bool:
    """Ring nitrogen that can carry a hydrogen or do without."""
    return atom.GetAtomicNum() == 7 and atom.GetIsAromatic() and atom.GetDegree() == 2 and atom.GetFormalCharge() == 0


def _cost(mol: Chem.Mol, index: int) -> int:
    """How unwilling a ring nitrogen is to carry the hydrogen."""
    atom = mol.GetAtomWithIdx(index)
    rings = mol.GetRingInfo()
    carbonyl = any(
        bond.GetBondType() == Chem.BondType.DOUBLE and not bond.IsInRing()
        for neighbour in atom.GetNeighbors()
        for bond in neighbour.GetBonds()
    )
    if carbonyl:
        return 0
    if not rings.IsAtomInRingOfSize(index, 5):
        return 3
    fused = any(rings.NumAtomRings(neighbour.GetIdx()) > 1 for neighbour in atom.GetNeighbors())
    return 0 if fused else 1
