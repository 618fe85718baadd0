"""What chemists look at in hits: properties, alerts, scaffolds, substructures, and a choice of hits that differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import pyarrow as pa
from rdkit import Chem, rdBase
from rdkit.Chem import Descriptors, rdFingerprintGenerator, rdMolDescriptors
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams
from rdkit.Chem.QED import qed
from rdkit.Chem.Scaffolds import MurckoScaffold
from rdkit.SimDivFilters import rdSimDivPickers

from binding.errors import UsageError
from binding.io.columns import HIT_PROPERTIES, names
from binding.screening.parts import arrow_schema

_CATALOGS: Final = {
    "PAINS": FilterCatalogParams.FilterCatalogs.PAINS,
    "Brenk": FilterCatalogParams.FilterCatalogs.BRENK,
}
_DISTANCES: Final = tuple(step / 20 for step in range(19, -1, -1))  # 1 - Tanimoto; the largest that gives enough


def properties(smiles: str | None) -> dict[str, Any]:
    """The columns ``HIT_PROPERTIES`` of a compound; all None where the SMILES is missing or cannot be read."""
    mol = _molecule(smiles)
    if mol is None:
        return dict.fromkeys(names(HIT_PROPERTIES))
    return {
        "mol_weight": Descriptors.MolWt(mol),  # type: ignore[attr-defined]
        "logp": rdMolDescriptors.CalcCrippenDescriptors(mol)[0],
        "tpsa": rdMolDescriptors.CalcTPSA(mol),
        "hbond_donors": rdMolDescriptors.CalcNumHBD(mol),
        "hbond_acceptors": rdMolDescriptors.CalcNumHBA(mol),
        "rotatable_bonds": rdMolDescriptors.CalcNumRotatableBonds(mol),
        "qed": qed(mol),
        "alerts": "; ".join(_alerts(mol)),
        "scaffold": Chem.MolToSmiles(MurckoScaffold.GetScaffoldForMol(mol)),
    }


def with_properties(rows: pa.Table) -> pa.Table:
    """Rows with the columns ``HIT_PROPERTIES`` behind their own.

    Args:
        rows: With a column ``smiles``.
    """
    found = pa.Table.from_pylist(
        [properties(smiles) for smiles in rows["smiles"].to_pylist()], schema=arrow_schema(HIT_PROPERTIES)
    )
    for name in found.column_names:
        rows = rows.append_column(name, found[name])
    return rows


def _alerts(mol: Chem.Mol) -> Iterator[str]:
    """Structural alerts, each with the catalogue that it is of."""
    for name, catalog in _catalogs().items():
        for entry in catalog.GetMatches(mol):
            yield f"{name} {entry.GetDescription().strip()}"


@lru_cache(maxsize=1)
def _catalogs() -> dict[str, FilterCatalog]:
    found = {}
    for name, kind in _CATALOGS.items():
        parameters = FilterCatalogParams()
        parameters.AddCatalog(kind)
        found[name] = FilterCatalog(parameters)
    return found


class Substructures:
    """A condition on compounds: substructures that they must have, or must not have.

    Args:
        smarts: Each a SMARTS pattern; after ``!`` one that a compound must not have.

    Raises:
        UsageError: A pattern cannot be read.
    """

    def __init__(self, smarts: Iterable[str]) -> None:
        self._patterns = [self._parsed(text) for text in smarts]

    @staticmethod
    def _parsed(text: str) -> tuple[bool, Chem.Mol]:
        wanted = not text.startswith("!")
        with rdBase.BlockLogs():
            pattern = Chem.MolFromSmarts(text if wanted else text[1:])
        if pattern is None or not pattern.GetNumAtoms():
            raise UsageError(f"{text!r} is no SMARTS pattern.", "Write one like c1ccncc1, or !C(=O)Cl to exclude it.")
        return wanted, pattern

    def __call__(self, smiles: str | None) -> bool:
        """Whether a compound meets the condition; one without a structure never does."""
        mol = _molecule(smiles)
        return mol is not None and all(mol.HasSubstructMatch(found) == wanted for wanted, found in self._patterns)


def diverse(smiles: Sequence[str | None], count: int) -> list[int]:
    """The places of compounds that differ: the best of each group, in the order of the list.

    Down the list, a compound is chosen if it is no closer to one chosen before than a distance (1 - Tanimoto, ECFP4);
    the distance is the largest of 0.95, 0.90, ... that gives as many as asked for. The first is always chosen.

    Args:
        smiles: Best first; compounds without a structure are passed over.
        count: How many are wanted; all where there are no more.
    """
    known = [(place, mol) for place, text in enumerate(smiles) if (mol := _molecule(text)) is not None]
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    prints = [generator.GetFingerprint(mol) for _, mol in known]
    if len(prints) <= count:
        return [place for place, _ in known]
    picker = rdSimDivPickers.LeaderPicker()
    for distance in _DISTANCES:
        chosen = list(picker.LazyBitVectorPick(prints, len(prints), distance, pickSize=count))
        if len(chosen) >= count:
            return sorted(known[row][0] for row in chosen)
    return [place for place, _ in known[:count]]  # nearly all are the same compound


def _molecule(smiles: str | None) -> Chem.Mol | None:
    bare = (smiles or "").split()
    with rdBase.BlockLogs():
        return Chem.MolFromSmiles(bare[0]) if bare else None
