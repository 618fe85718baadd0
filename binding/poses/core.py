"""The common core of two molecules, and the ways to superpose one on the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdFMCS

FEWEST_CORE_ATOMS = 5  # a smaller core fixes no orientation
_STEPS = 6_000  # of the search for a core, about 0.1 s; counted, not timed, so that a run can be repeated
_LEAST_SHARE = 0.7  # of the largest core's atoms; a far smaller core fits anywhere and would win by that
_MOST_MATCHES = 500
_MOST_MAPPINGS = 6


@dataclass(frozen=True)
class CoreMapping:
    """One way to superpose a ligand on a reference.

    Attributes:
        ligand: Core atoms of the ligand.
        reference: The reference atom that each corresponds to.
        alike: Whether element, hybridisation and aromaticity match, so that the atom can take exactly that place.
    """

    ligand: tuple[int, ...]
    reference: tuple[int, ...]
    alike: tuple[bool, ...]

    @property
    def size(self) -> int:
        return len(self.ligand)


class _StepLimit(rdFMCS.MCSProgress):
    """Ends the search after a fixed number of steps and keeps what was found."""

    def __init__(self) -> None:
        super().__init__()
        self._left = _STEPS

    def __call__(self, stat: object, params: object) -> bool:
        self._left -= 1
        return self._left > 0


def find_mappings(reference: Chem.Mol, ligand: Chem.Mol) -> list[CoreMapping]:
    """The largest cores that keep rings whole, under two rules: any heavy atoms match, or only equal elements.

    Args:
        reference: Heavy atoms only.
        ligand: Heavy atoms only.

    Returns:
        Mappings that are not the same by the ligand's symmetry, of the larger core first and then by how many
        atoms are alike; at most six, and none where the core has fewer than five atoms (all of a smaller ligand).
    """
    fewest = min(FEWEST_CORE_ATOMS, ligand.GetNumAtoms())
    mappings = _of_core(reference, ligand, any_atom=True)
    if not mappings or not all(mappings[0].alike):
        mappings += _of_core(reference, ligand, any_atom=False)
    largest = max((mapping.size for mapping in mappings), default=0)
    least = max(fewest, _LEAST_SHARE * largest)
    return _distinct([mapping for mapping in mappings if mapping.size >= least], ligand)


def _of_core(reference: Chem.Mol, ligand: Chem.Mol, *, any_atom: bool) -> list[CoreMapping]:
    """All mappings of the largest core under one rule."""
    parameters: Any = rdFMCS.MCSParameters()  # RDKit's stubs give its fields the wrong types
    parameters.MaximizeBonds = False
    compare = rdFMCS.AtomCompare
    parameters.AtomTyper = compare.CompareAnyHeavyAtom if any_atom else compare.CompareElements
    parameters.BondTyper = rdFMCS.BondCompare.CompareAny if any_atom else rdFMCS.BondCompare.CompareOrder
    for rule in (parameters.AtomCompareParameters, parameters.BondCompareParameters):
        rule.RingMatchesRingOnly = True
        rule.CompleteRingsOnly = True
    limit = _StepLimit()
    parameters.ProgressCallback = limit
    with rdBase.BlockLogs():
        core = rdFMCS.FindMCS([reference, ligand], parameters)
    if core.numAtoms < 3 or core.queryMol is None:
        return []
    on_reference = reference.GetSubstructMatches(core.queryMol, uniquify=True, maxMatches=_MOST_MATCHES)
    on_ligand = ligand.GetSubstructMatches(core.queryMol, uniquify=False, maxMatches=_MOST_MATCHES)
    return [
        _mapping(reference, ligand, here, there)
        for there in on_reference[:_MOST_MAPPINGS]
        for here in on_ligand
        if _rings_agree(reference, ligand, here, there)
    ]


def _rings_agree(reference: Chem.Mol, ligand: Chem.Mol, here: tuple[int, ...], there: tuple[int, ...]) -> bool:
    return all(
        ligand.GetAtomWithIdx(a).IsInRing() == reference.GetAtomWithIdx(b).IsInRing()
        for a, b in zip(here, there, strict=True)
    )


def _mapping(reference: Chem.Mol, ligand: Chem.Mol, here: tuple[int, ...], there: tuple[int, ...]) -> CoreMapping:
    alike = []
    for a, b in zip(here, there, strict=True):
        mine, other = ligand.GetAtomWithIdx(a), reference.GetAtomWithIdx(b)
        aromatic = mine.GetIsAromatic() and other.GetIsAromatic()
        same = mine.GetAtomicNum() == other.GetAtomicNum() and mine.GetHybridization() == other.GetHybridization()
        alike.append(bool(aromatic or same))
    return CoreMapping(tuple(here), tuple(there), tuple(alike))


def _distinct(mappings: list[CoreMapping], ligand: Chem.Mol) -> list[CoreMapping]:
    """The best of the mappings that differ by more than the ligand's own symmetry."""
    classes = list(Chem.CanonicalRankAtoms(ligand, breakTies=False))

    def order(mapping: CoreMapping) -> tuple[int, int, tuple[int, ...]]:
        return -mapping.size, -sum(mapping.alike), mapping.reference

    seen: set[tuple[tuple[int, int], ...]] = set()
    kept = []
    for mapping in sorted(mappings, key=order):
        places = tuple(sorted((classes[a], b) for a, b in zip(mapping.ligand, mapping.reference, strict=True)))
        if places not in seen:
            seen.add(places)
            kept.append(mapping)
    return kept[:_MOST_MAPPINGS]
