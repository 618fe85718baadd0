"""What needs no structure: size, weight and what the ligand alone predicts; and other methods' predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from rdkit import Chem, rdBase
from rdkit.Chem.Descriptors import MolWt

from binding.errors import TableError

LIGAND_ONLY: Final = "pk_ligand_only"
HEAVY_ATOMS: Final = "heavy_atoms"
MOL_WEIGHT: Final = "mol_weight"
_SMILES: Final = ("smiles", "ligand_smiles")
_FITTED: Final = "straight line fitted on these very rows, so its errors are flattering"


@dataclass(frozen=True)
class Judged:
    """One column that is judged.

    Attributes:
        name: Name of the column.
        note: What a reader has to know about it.
        fitted: Whether it is not a pK, so that a line is fitted before it is measured as one.
    """

    name: str
    note: str = ""
    fitted: bool = False


def mol_weight(mol: Chem.Mol) -> float:
    """Average molecular weight in Da, implicit hydrogens counted."""
    return float(MolWt(mol))


def trivial_baselines(rows: pd.DataFrame, truth: pd.DataFrame, scores: pd.DataFrame) -> list[Judged]:
    """Adds the available baselines to the scores, and describes them.

    Heavy atoms and weight come from the predictions' columns ``heavy_atoms`` and ``mol_weight``; where these are
    missing, from the column ``smiles`` or ``ligand_smiles`` of the truth or of the predictions.

    Args:
        rows: The predictions' columns by id.
        truth: The truth's, with the same index.
        scores: Grows by the baselines' columns.
    """
    model = str(scores.columns[0])
    found = []
    if LIGAND_ONLY in rows and model != LIGAND_ONLY:
        found.append((Judged(LIGAND_ONLY, "what the ligand alone predicts"), _column(rows, LIGAND_ONLY)))
    sizes = [name for name in (HEAVY_ATOMS, MOL_WEIGHT) if name != model]
    known = {name: _column(rows, name) for name in sizes}
    if any(np.isnan(values).any() for values in known.values()):
        computed = _from_smiles(rows, truth)
        known = {name: np.where(np.isnan(v), computed.get(name, np.nan), v) for name, v in known.items()}
    found += [(Judged(name, _FITTED, fitted=True), values) for name, values in known.items()]
    kept = [(judged, values) for judged, values in found if np.isfinite(values).any()]
    for judged, values in kept:
        scores[judged.name] = values
    return [judged for judged, _ in kept]


def add_peers(peers: pd.DataFrame, scores: pd.DataFrame) -> list[Judged]:
    """Adds each numeric column of other methods' predictions to the scores.

    Args:
        peers: Predictions by id, in pK or in any score where higher is better.
        scores: The columns are added to it; one whose name is taken is called ``<name> (peers)``.

    Raises:
        TableError: There is no column of numbers.
    """
    names = [str(name) for name in peers.columns if name not in ("pk", "pk_true") and _is_number(peers[name])]
    if not names:
        raise TableError(
            "The peers' predictions have no column of numbers.", f"Columns found: {', '.join(peers.columns)}."
        )
    aligned = peers.reindex(scores.index)
    judged = []
    for name in names:
        own = f"{name} (peers)" if name in scores else name
        scores[own] = _column(aligned, name)
        judged.append(Judged(own))
    return judged


def line(x: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """The least-squares line of y over x at x, both (n,) and finite; None where there is none to draw."""
    if len(x) < 3 or np.ptp(x) == 0:
        return None
    slope, intercept = np.polyfit(x, y, 1)
    return slope * x + intercept


def _column(rows: pd.DataFrame, name: str) -> np.ndarray:
    """(n,) float64, NaN where the column or the number is missing."""
    if name not in rows:
        return np.full(len(rows), np.nan)
    values = pd.to_numeric(rows[name], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def _from_smiles(rows: pd.DataFrame, truth: pd.DataFrame) -> dict[str, np.ndarray]:
    """Heavy atoms and weight of the ligands that have a SMILES."""
    for table in (truth, rows):
        for column in table.columns:
            if str(column).lower() in _SMILES:
                with rdBase.BlockLogs():  # a SMILES that RDKit refuses leaves a gap, which n shows
                    mols = [Chem.MolFromSmiles(s) if isinstance(s, str) and s else None for s in table[column]]
                return {
                    HEAVY_ATOMS: np.array([np.nan if mol is None else mol.GetNumHeavyAtoms() for mol in mols]),
                    MOL_WEIGHT: np.array([np.nan if mol is None else mol_weight(mol) for mol in mols]),
                }
    return {}


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column)) and not pd.api.types.is_bool_dtype(column)
