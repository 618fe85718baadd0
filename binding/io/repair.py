"""Sanitize a ligand, mending what a rule settles for certain, and say what was mended.

The rules, in the order they are tried, each leaving one note:

0. coordination bonds between non-metals (an N-oxide as N->O) become single bonds, + at the donor, - at the acceptor;
1. aromatic bonds outside rings (carboxylate, guanidinium, amidinium, nitro, phosphate, sulfonate
   as MOL2 writes them) become one kekulé form of the group;
2. a charge that the bonds demand: N with four bonds +1, O with three +1, S or P with a fourth or
   third single bond +1, B and Al with four bonds and Be and Mg with three -1; a charge that the bonds forbid is
   taken away;
3. charges that a format cannot say, so that each group has one form: the negative charge beside N+ (nitro, N-oxide,
   nitrone, nitrate, azide, diazo, isocyanide) goes to the terminal O, S, N or C, and S and P with separated charges,
   or without the double bonds that their oxygens need, become S=O and P=O;
4. RDKit's own clean-up of pentavalent nitrogen and the like (nitro, N-oxide, azide, perchlorate);
5. a ring system with aromatic bonds that has no kekulé form gets the fewest hydrogens on ring
   nitrogens (``[nH]``) that give it one, or a positive charge on a three-bonded ring nitrogen;
6. next to a ring nitrogen that rule 5 charged, an open-chain C=C that is as long as a single bond in
   the pose (over 1.44 Å) is a single bond: the file's writer made the double bond up to balance the
   charge that it had lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, islice

from rdkit import Chem

from binding.constants import METALS
from binding.errors import LigandError
from binding.graph.molecule import atoms_of, bonds_of

_MAX_TRIALS = 400  # placements tried for one ring system before giving up
_LONGEST_DOUBLE = 1.44  # Å
_AROMATIC = Chem.BondType.AROMATIC
_ATE_BONDS = {4: 3, 5: 4, 12: 3, 13: 4}  # of BeF3-, BF4-, MgF3- and AlF4-, which stand for phosphates in crystals
_NEVER_HYPERVALENT = frozenset((1, 6, 8, 9, 16, 34))
_DATIVE = Chem.MolFromSmarts("*->*")


def sanitize(mol: Chem.RWMol, name: str) -> list[str]:
    """Sanitize in place, with repairs.

    Args:
        mol: Unsanitized; explicit hydrogens may be present and are used as evidence.
        name: For messages.

    Returns:
        One sentence for each repair.

    Raises:
        LigandError: ``sanitization_failed``, where no rule settles what is meant.
    """
    notes: list[str] = []
    charge_coordination_bonds(mol, notes)
    mol.UpdatePropertyCache(strict=False)
    atoms = atoms_of(mol)  # charges, hydrogens and bond orders change below; the atoms stay
    bonds = bonds_of(mol)
    # The rules for aromatic bonds have nothing to do in a kekulé form.
    aromatic = 1.5 in [bond.GetBondTypeAsDouble() for bond in bonds] or True in [atom.GetIsAromatic() for atom in atoms]
    if aromatic:
        Chem.FastFindRings(mol)
        _drop_valence_field(mol, atoms)
        _open_chain_aromatic_bonds(mol, bonds, notes)
    _lost_double_bonds(mol, atoms, notes)
    valences = _demanded_charges(atoms, bonds, notes)
    _balance_charges(mol, atoms, notes)
    if any(map(_may_be_hypervalent, atoms, valences)):
        before = [atom.GetFormalCharge() for atom in atoms]
        Chem.Cleanup(mol)
        if [atom.GetFormalCharge() for atom in atoms] != before:
            notes.append("wrote hypervalent atoms with separated charges (nitro, N-oxide, azide or the like)")
    if aromatic:
        _mend_ring_systems(mol, notes)
    _balance_charges(mol, atoms, notes)
    try:
        Chem.SanitizeMol(mol)
    except (Chem.AtomValenceException, Chem.KekulizeException, Chem.AtomKekulizeException) as error:
        raise LigandError(
            f"Ligand {name} has no valid structure: {error}.",
            "Mend bond orders and charges, or give a SMILES as template.",
            "sanitization_failed",
        ) from None
    return notes


def charge_coordination_bonds(mol: Chem.RWMol, notes: list[str]) -> None:
    """Coordination bonds become single bonds with charges, except to metals; one note in ``notes`` where there are any.

    Args:
        mol: Changed in place; it must be sanitized afterwards.
        notes: Of the repairs so far.
    """
    pairs = [ends for ends in mol.GetSubstructMatches(_DATIVE) if not any(_is_metal(mol, index) for index in ends)]
    for donor, acceptor in pairs:
        mol.GetBondBetweenAtoms(donor, acceptor).SetBondType(Chem.BondType.SINGLE)
        for index, charge in ((donor, 1), (acceptor, -1)):
            atom = mol.GetAtomWithIdx(index)
            atom.SetFormalCharge(atom.GetFormalCharge() + charge)
    if pairs:
        notes.append("wrote coordination bonds between non-metals as single bonds with charges")


def _is_metal(mol: Chem.Mol, index: int) -> bool:
    return mol.GetAtomWithIdx(index).GetAtomicNum() in METALS


def _drop_valence_field(mol: Chem.RWMol, atoms: list[Chem.Atom]) -> None:
    """Take away the hydrogen that a mol block's valence field gives to a three-bonded aromatic nitrogen."""
    for atom in atoms:
        if atom.GetNumExplicitHs() and atom.GetAtomicNum() == 7 and atom.GetDegree() == 3:
            if any(bond.GetBondType() == _AROMATIC for bond in atom.GetBonds()):
                atom.SetNumExplicitHs(0)
    mol.UpdatePropertyCache(strict=False)


def _open_chain_aromatic_bonds(mol: Chem.RWMol, bonds: list[Chem.Bond], notes: list[str]) -> None:
    """Aromatic bonds outside rings become single and double ones."""
    # Not by a pattern: to match one finds the rings anew, and the rules below go by those of FastFindRings.
    bonds = [bond for bond in bonds if bond.GetBondType() == _AROMATIC and not bond.IsInRing()]
    if not bonds:
        return
    centres: dict[int, list[Chem.Bond]] = {}
    for bond in bonds:
        ends = sorted((bond.GetBeginAtom(), bond.GetEndAtom()), key=_centre_order)
        centres.setdefault(ends[0].GetIdx(), []).append(bond)
        bond.SetBondType(Chem.BondType.SINGLE)
        bond.SetIsAromatic(False)
    for index, arms in centres.items():
        centre = mol.GetAtomWithIdx(index)
        if centre.GetIsAromatic() and not any(bond.GetIsAromatic() for bond in centre.GetBonds()):
            centre.SetIsAromatic(False)
        doubles = {16: 2}.get(centre.GetAtomicNum(), 1) if len(arms) > 1 else 1
        # Terminal oxygen takes the double bond first, then sulfur, then nitrogen.
        arms = sorted(arms, key=lambda bond: _double_order(bond.GetOtherAtom(centre)))
        for rank, bond in enumerate(arms):
            other = bond.GetOtherAtom(centre)
            other.SetIsAromatic(False)
            if rank < doubles and not _saturated(centre):
                bond.SetBondType(Chem.BondType.DOUBLE)
                if other.GetAtomicNum() == 7 and _explicit_valence(other) == 4:
                    other.SetFormalCharge(1)
            elif other.GetAtomicNum() in (8, 16) and other.GetDegree() == 1:
                other.SetFormalCharge(-1)
    notes.append("wrote aromatic bonds outside rings as single and double bonds")


def _centre_order(atom: Chem.Atom) -> tuple[int, int]:
    """Sorts the centre of a delocalised group (most neighbours; carbon before nitrogen) first."""
    return (-atom.GetDegree(), atom.GetAtomicNum())


def _double_order(atom: Chem.Atom) -> tuple[int, int, int]:
    order = {8: 0, 16: 1, 7: 2}.get(atom.GetAtomicNum(), 3)
    return (order, atom.GetDegree(), atom.GetIdx())


def _saturated(atom: Chem.Atom) -> bool:
    limit = {6: 4, 7: 4, 15: 5, 16: 6}.get(atom.GetAtomicNum(), 4)
    return _explicit_valence(atom) >= limit


def _explicit_valence(atom: Chem.Atom) -> float:
    return sum(bond.GetBondTypeAsDouble() for bond in atom.GetBonds()) + atom.GetNumExplicitHs()


def _demanded_charges(atoms: list[Chem.Atom], bonds: list[Chem.Bond], notes: list[str]) -> list[float]:
    """Charges that the bonds of an atom without aromatic bonds demand or forbid; returns the valence of each atom."""
    given: dict[str, int] = {}
    valences = _explicit_valences(atoms, bonds)
    for atom, valence in zip(atoms, valences, strict=True):
        wanted = _charge_for(atom, valence)
        if wanted is None or wanted == atom.GetFormalCharge():
            continue  # most atoms: nothing to look at
        orders = [bond.GetBondType() for bond in atom.GetBonds()]
        if not any(order in (_AROMATIC, Chem.BondType.DATIVE, Chem.BondType.ZERO) for order in orders):
            atom.SetFormalCharge(wanted)
            sign = {1: "+1", -1: "-1", 0: "no"}[wanted]
            key = f"gave {sign} charge to {atom.GetSymbol()} with {int(valence)} bonds"
            given[key] = given.get(key, 0) + 1
    for key, count in given.items():
        notes.append(key if count == 1 else f"{key} ({count} atoms)")
    return valences


def _may_be_hypervalent(atom: Chem.Atom, valence: float) -> bool:
    """Whether RDKit's clean-up might change an atom: it looks at nitrogen, phosphorus and the halogens."""
    number = atom.GetAtomicNum()
    return number not in _NEVER_HYPERVALENT and valence > {7: 4, 17: 1, 35: 1, 53: 1}.get(number, 0)


def _explicit_valences(atoms: list[Chem.Atom], bonds: list[Chem.Bond]) -> list[float]:
    """``_explicit_valence`` of each atom of a molecule."""
    found = [float(atom.GetNumExplicitHs()) for atom in atoms]
    for bond in bonds:
        order = bond.GetBondTypeAsDouble()
        found[bond.GetBeginAtomIdx()] += order
        found[bond.GetEndAtomIdx()] += order
    return found


def _charge_for(atom: Chem.Atom, valence: float) -> int | None:
    """The charge that this many bonds demand, or None where the given charge can stand."""
    number, charge = atom.GetAtomicNum(), atom.GetFormalCharge()
    if number == 7 and valence == 4 and charge <= 0:
        return 1
    if number == 7 and valence == 3 and charge < 0:
        return 0
    if number == 8 and valence == 3 and charge <= 0:
        return 1
    if number == 8 and valence == 2 and charge != 0:
        return 0
    if charge >= 0 and valence == _ATE_BONDS.get(number):
        return -1
    if number == 15 and valence == 4 and charge == 0 and atom.GetDegree() == 4:
        return 1
    if number == 16 and valence == 3 and charge == 0 and atom.GetDegree() == 3:
        return 1
    if number == 6 and valence == 4 and charge != 0:
        return 0
    return None


def _lost_double_bonds(mol: Chem.RWMol, atoms: list[Chem.Atom], notes: list[str]) -> None:
    """Give S, Se and N the double bonds to bare oxygens that were lost with the charges of their separated forms."""
    given = 0
    for atom in atoms:
        number, degree = atom.GetAtomicNum(), atom.GetDegree()
        if number not in (7, 16, 34) or degree < 3 or atom.GetFormalCharge():
            continue
        oxygens = _bare_ends(atom, (8,))
        valence = _explicit_valence(atom)
        if number == 7:
            wanted = 1 if degree == 3 and valence == 3 and len(oxygens) == 2 else 0  # nitro and nitrate
        elif degree == 3:
            wanted = 1 if valence == 3 else 0  # sulfoxide, sulfinate
        else:
            wanted = {4: 2, 5: 1}.get(int(valence), 0)  # sulfone, sulfonamide, sulfonate
        if wanted and len(oxygens) >= wanted:
            for bond in sorted(oxygens, key=lambda bond: _length(mol, bond))[:wanted]:
                bond.SetBondType(Chem.BondType.DOUBLE)
            given += 1
    if given:
        notes.append(f"gave the double bonds of {given} nitro or sulfur-oxygen group{'s' if given > 1 else ''} back")
        mol.UpdatePropertyCache(strict=False)


def _balance_charges(mol: Chem.RWMol, atoms: list[Chem.Atom], notes: list[str]) -> None:
    """The charge beside each N+, and S and P without separated charges."""
    negative = joined = moved = 0
    for atom in atoms:
        if atom.GetFormalCharge() < 1 or _has_hydrogen(atom):
            continue
        number = atom.GetAtomicNum()
        if number in (15, 16, 34):
            joined += _join_charges(atom)
        elif number == 7:
            negative += _charge_beside(atom)
            moved += _cumulate(mol, atom)
    if negative:
        plural = "" if negative == 1 else "s"
        notes.append(f"gave -1 charge to {negative} atom{plural} beside N+ (nitro, N-oxide, azide or the like)")
    if joined:
        notes.append(f"wrote {joined} group{'s' if joined > 1 else ''} of S+ or P+ beside O- with double bonds")
    if moved:
        notes.append("wrote azide or diazo as N=[N+]=[N-]")
    if negative or joined or moved:
        mol.UpdatePropertyCache(strict=False)


def _length(mol: Chem.Mol, bond: Chem.Bond) -> float:
    """Å."""
    conformer = mol.GetConformer()
    ends = (conformer.GetAtomPosition(index) for index in (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
    return float(next(ends).Distance(next(ends)))


def _bare_ends(atom: Chem.Atom, numbers: tuple[int, ...]) -> list[Chem.Bond]:
    """Single bonds to neutral terminal atoms of some elements that have no hydrogen in the file."""
    found = []
    for bond in atom.GetBonds():
        end = bond.GetOtherAtom(atom)
        if bond.GetBondType() == Chem.BondType.SINGLE and end.GetAtomicNum() in numbers and _is_bare(end):
            found.append(bond)
    return found


def _has_hydrogen(atom: Chem.Atom) -> bool:
    """Whether a charged atom has hydrogen: a protonated hydroxylamine is no N-oxide."""
    if atom.GetNumExplicitHs() or any(neighbour.GetAtomicNum() == 1 for neighbour in atom.GetNeighbors()):
        return True
    aromatic = any(bond.GetBondType() == _AROMATIC for bond in atom.GetBonds())
    return atom.GetAtomicNum() == 7 and not aromatic and _explicit_valence(atom) < 4


def _is_bare(end: Chem.Atom) -> bool:
    return end.GetDegree() == 1 and not end.GetFormalCharge() and not end.GetNumExplicitHs()


def _join_charges(atom: Chem.Atom) -> bool:
    """Write S+ and P+ beside O-, S- or N-, or beside a bare O, with double bonds."""
    before = atom.GetFormalCharge()
    for bond in atom.GetBonds():
        end = bond.GetOtherAtom(atom)
        charged = end.GetFormalCharge() == -1 and end.GetAtomicNum() in (7, 8, 16, 34)
        bare = end.GetAtomicNum() == 8 and _is_bare(end)
        if atom.GetFormalCharge() > 0 and bond.GetBondType() == Chem.BondType.SINGLE and (charged or bare):
            bond.SetBondType(Chem.BondType.DOUBLE)
            end.SetFormalCharge(0)
            atom.SetFormalCharge(atom.GetFormalCharge() - 1)
    return atom.GetFormalCharge() < before


def _charge_beside(nitrogen: Chem.Atom) -> bool:
    """Give the neighbour of N+ that can only be an anion its charge, where no neighbour has one."""
    if any(neighbour.GetFormalCharge() < 0 for neighbour in nitrogen.GetNeighbors()):
        return False
    for bond in nitrogen.GetBonds():
        end = bond.GetOtherAtom(nitrogen)
        order = {
            8: Chem.BondType.SINGLE, 16: Chem.BondType.SINGLE, 7: Chem.BondType.DOUBLE, 6: Chem.BondType.TRIPLE,
        }.get(end.GetAtomicNum())  # fmt: skip
        linear = nitrogen.GetDegree() == 2 or end.GetAtomicNum() in (8, 16)
        if bond.GetBondType() == order and linear and _is_bare(end):
            end.SetFormalCharge(-1)
            return True
    return False


def _cumulate(mol: Chem.RWMol, nitrogen: Chem.Atom) -> bool:
    """Write ``N-[N+]#N`` (also with N-, and diazo with C-) as ``N=[N+]=[N-]``."""
    if nitrogen.GetDegree() != 2:
        return False
    bonds = sorted(nitrogen.GetBonds(), key=lambda bond: bond.GetOtherAtom(nitrogen).GetDegree())
    end, root = (bond.GetOtherAtom(nitrogen) for bond in bonds)
    if [bond.GetBondType() for bond in bonds] != [Chem.BondType.TRIPLE, Chem.BondType.SINGLE]:
        return False
    azide = root.GetAtomicNum() == 7 and root.GetDegree() == 2 and root.GetFormalCharge() <= 0
    azide = azide and not root.GetNumExplicitHs() and not any(n.GetAtomicNum() == 1 for n in root.GetNeighbors())
    diazo = root.GetAtomicNum() == 6 and root.GetFormalCharge() == -1
    if end.GetAtomicNum() != 7 or not _is_bare(end) or not (azide or diazo):
        return False
    for bond in bonds:
        bond.SetBondType(Chem.BondType.DOUBLE)
    root.SetFormalCharge(0)
    end.SetFormalCharge(-1)
    return True


def _mend_ring_systems(mol: Chem.RWMol, notes: list[str]) -> None:
    """Give hydrogens or charges to ring nitrogens of systems that have no kekulé form."""
    for _ in range(mol.GetNumAtoms()):
        failing = _kekule_problem(mol)
        if failing is None:
            return
        system = _aromatic_system(mol, failing)
        trial = next((t for t in islice(_placements(mol, system), _MAX_TRIALS) if _solves(mol, t, system)), None)
        if trial is None:
            return  # SanitizeMol will say which atoms
        for index, what in trial:
            _apply(mol.GetAtomWithIdx(index), what)
        hydrogens = sum(what == "H" for _, what in trial)
        if hydrogens:
            notes.append(f"placed {hydrogens} hydrogen{'s' if hydrogens > 1 else ''} on aromatic nitrogen")
        if len(trial) > hydrogens:
            notes.append(f"gave +1 charge to {len(trial) - hydrogens} aromatic nitrogen")
            if any(_undo_long_double(mol, index) for index, what in trial if what == "+"):
                notes.append("wrote a C=C next to the charged nitrogen as single, being longer than 1.44 Å")


def _undo_long_double(mol: Chem.RWMol, nitrogen: int) -> bool:
    """Make a C=C on the substituent of a charged ring nitrogen single where the pose says that it is none."""
    conformer = mol.GetConformer()
    for carbon in mol.GetAtomWithIdx(nitrogen).GetNeighbors():
        for bond in carbon.GetBonds():
            far = bond.GetOtherAtom(carbon)
            if bond.GetBondType() != Chem.BondType.DOUBLE or bond.IsInRing() or far.GetAtomicNum() != 6:
                continue
            ends = conformer.GetAtomPosition(carbon.GetIdx()), conformer.GetAtomPosition(far.GetIdx())
            if (ends[0] - ends[1]).Length() > _LONGEST_DOUBLE:
                bond.SetBondType(Chem.BondType.SINGLE)
                bond.SetStereo(Chem.BondStereo.STEREONONE)
                mol.UpdatePropertyCache(strict=False)
                return True
    return False


def _kekule_problem(mol: Chem.Mol) -> tuple[int, ...] | None:
    flags = Chem.SANITIZE_PROPERTIES | Chem.SANITIZE_KEKULIZE
    for problem in Chem.DetectChemistryProblems(mol, flags):
        if problem.GetType() == "KekulizeException":
            return tuple(problem.GetAtomIndices())
    return None


def _aromatic_system(mol: Chem.Mol, seed: tuple[int, ...]) -> list[int]:
    """Atoms joined to the seed by aromatic bonds, ascending."""
    seen, stack = set(seed), list(seed)
    while stack:
        for bond in mol.GetAtomWithIdx(stack.pop()).GetBonds():
            if bond.GetBondType() == _AROMATIC:
                for index in (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()):
                    if index not in seen:
                        seen.add(index)
                        stack.append(index)
    return sorted(seen)


def _placements(mol: Chem.Mol, system: list[int]) -> Iterator[tuple[tuple[int, str], ...]]:
    """Sets of changes to try, the fewest first; charges of ring nitrogen with three bonds before hydrogens."""
    ranks = list(Chem.CanonicalRankAtoms(mol, breakTies=True, includeChirality=False))
    charges, hydrogens = [], []
    for index in sorted(system, key=lambda i: ranks[i]):
        atom = mol.GetAtomWithIdx(index)
        if atom.GetAtomicNum() != 7 or atom.GetFormalCharge():
            continue
        if atom.GetDegree() == 3 and not atom.GetTotalNumHs(includeNeighbors=True):
            charges.append((index, "+"))
        elif atom.GetDegree() == 2 and not atom.GetTotalNumHs():
            hydrogens.append((index, "H"))
    hydrogens.sort(key=lambda item: not _in_five_ring(mol, item[0]))
    six_ring_charges = [item for item in charges if not _in_five_ring(mol, item[0])]
    for count in range(1, 5):
        yield from combinations(six_ring_charges, count)
        yield from combinations(hydrogens, count)
    for count in range(2, 5):
        yield from combinations(charges + hydrogens, count)


def _in_five_ring(mol: Chem.Mol, index: int) -> bool:
    return any(len(ring) == 5 and index in ring for ring in mol.GetRingInfo().AtomRings())


def _apply(atom: Chem.Atom, what: str) -> None:
    if what == "H":
        atom.SetNumExplicitHs(1)
        atom.SetNoImplicit(True)
    else:
        atom.SetFormalCharge(1)


def _solves(mol: Chem.Mol, trial: tuple[tuple[int, str], ...], system: list[int]) -> bool:
    copy = Chem.RWMol(mol)
    for index, what in trial:
        _apply(copy.GetAtomWithIdx(index), what)
    copy.UpdatePropertyCache(strict=False)
    failing = _kekule_problem(copy)
    return failing is None or not set(failing) & set(system)
