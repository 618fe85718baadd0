"""The explanation of one complex as rows with names and units: parts of pk, residues, ligand atoms.

One definition of the columns serves the API, the command line, the report and the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from binding.explanation.contributions import PARTS, Contributions
from binding.io.results import COLUMNS, ResultRow, to_frame
from binding.structures import Ligand, Protein, ResidueKind

if TYPE_CHECKING:
    import pandas as pd

_KINDS: Final = {kind: kind.name.lower().replace("_", " ") for kind in ResidueKind}
_FIRST: Final = ("id", "protein", "ligand", "pk", "pk_std")
#: Of the table of parts: those of ``binding predict``, with each part of pk after pk itself.
PART_COLUMNS: Final = (
    *_FIRST,
    *(f"{prefix}{name}{suffix}" for name in PARTS for prefix, suffix in (("pk_", ""), ("pk_", "_std"))),
    *(name for name in COLUMNS if name not in _FIRST),
)
#: Of the table of residues; ``pk`` to ``distance`` as in ``Contributions``.
RESIDUE_COLUMNS: Final = (
    "id",
    "chain",
    "residue",
    "number",
    "insertion_code",
    "kind",
    "pk",
    "pk_std",
    "distance",
    "contacts",
)
_FLOATS: Final = ("pk", "pk_std", "distance", "x", "y", "z")
#: Of the table of atoms; ``atom`` counts from 1, hydrogens left out, in the order of the file.
ATOM_COLUMNS: Final = ("id", "atom", "element", "x", "y", "z", "pk", "pk_std")


@dataclass(frozen=True, eq=False)
class Reasons:
    """The reasons for a prediction.

    Attributes:
        contributions: The terms that add up to pk.
        pocket: Pocket of the explained complex.
        ligand: Ligand of the explained complex.
        contacts: How each residue of ``contributions`` touches the ligand; see ``binding.explanation.contacts``.
    """

    contributions: Contributions
    pocket: Protein
    ligand: Ligand
    contacts: list[tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Explanation:
    """A result and its reasons.

    Attributes:
        row: As ``binding predict`` gives it.
        reasons: None where there is no number to explain.
    """

    row: ResultRow
    reasons: Reasons | None = None

    def parts(self) -> dict[str, Any]:
        """One row of ``PART_COLUMNS``; numbers that are not there are NaN."""
        values = self.row.as_dict()
        for name in PARTS:
            nothing = (float("nan"), float("nan"))
            pk, std = nothing if self.reasons is None else self.reasons.contributions.part(name)
            values |= {f"pk_{name}": pk, f"pk_{name}_std": std}
        return {name: values[name] for name in PART_COLUMNS}

    def residues(self) -> list[dict[str, Any]]:
        """Rows of ``RESIDUE_COLUMNS``, in the order of the protein's file; none without reasons."""
        if self.reasons is None:
            return []
        found, pocket = self.reasons.contributions, self.reasons.pocket
        shares = zip(found.pocket_rows.tolist(), found.residues.pk, found.residues.pk_std, strict=True)
        return [
            {
                "id": self.row.id,
                "chain": str(pocket.chain_ids[row]),
                "residue": str(pocket.residue_names[row]),
                "number": int(pocket.residue_numbers[row]),
                "insertion_code": str(pocket.insertion_codes[row]),
                "kind": _KINDS[ResidueKind(pocket.residue_kinds[row])],
                "pk": float(pk),
                "pk_std": float(std),
                "distance": float(distance),
                "contacts": ", ".join(kinds),
            }
            for (row, pk, std), distance, kinds in zip(shares, found.distances, self.reasons.contacts, strict=True)
        ]

    def atoms(self) -> list[dict[str, Any]]:
        """Rows of ``ATOM_COLUMNS``, all heavy atoms in the file's order; none without reasons."""
        if self.reasons is None:
            return []
        ligand, shares = self.reasons.ligand, self.reasons.contributions.atoms
        symbols = [atom.GetSymbol() for atom in ligand.mol.GetAtoms()]
        return [
            {
                "id": self.row.id,
                "atom": number,
                "element": symbol,
                **dict(zip("xyz", place, strict=True)),
                "pk": float(pk),
                "pk_std": float(std),
            }
            for number, (symbol, place, pk, std) in enumerate(
                zip(symbols, ligand.positions.tolist(), shares.pk, shares.pk_std, strict=True), start=1
            )
        ]


def residue_label(row: dict[str, Any]) -> str:
    """``chain:name:number`` with the insertion code, as ``--pocket-residues`` takes it."""
    return f"{row['chain']}:{row['residue']}:{row['number']}{row['insertion_code']}"


def strongest(rows: Sequence[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """The rows that add or take most, the strongest first; those that do neither are left out."""
    return sorted((row for row in rows if row["pk"]), key=lambda row: -abs(row["pk"]))[:most]


@dataclass(frozen=True, eq=False)
class Explained:
    """Tables of many complexes.

    Attributes:
        parts: One row a request's record, ``PART_COLUMNS``.
        residues: ``RESIDUE_COLUMNS``; empty for complexes that were not scored.
        atoms: ``ATOM_COLUMNS``; empty for complexes that were not scored.
    """

    parts: pd.DataFrame
    residues: pd.DataFrame
    atoms: pd.DataFrame

    @classmethod
    def of(cls, explanations: Iterable[Explanation]) -> Explained:
        """Tables of some complexes; numbers at full precision, missing ones as NaN."""
        import pandas as pd

        rows: list[ResultRow] = []
        tables: dict[tuple[str, ...], list[dict[str, Any]]] = {RESIDUE_COLUMNS: [], ATOM_COLUMNS: []}
        shares: list[dict[str, Any]] = []
        for explanation in explanations:
            rows.append(explanation.row)
            shares.append(explanation.parts())
            tables[RESIDUE_COLUMNS] += explanation.residues()
            tables[ATOM_COLUMNS] += explanation.atoms()
        parts = to_frame(rows)
        added = [name for name in PART_COLUMNS if name not in parts]
        parts[added] = pd.DataFrame(shares, columns=added, dtype="float64")
        residues, atoms = (
            pd.DataFrame(found, columns=list(columns)).astype({name: "float64" for name in columns if name in _FLOATS})
            for columns, found in tables.items()
        )
        return cls(parts[list(PART_COLUMNS)], residues, atoms)


def atom_text(values: np.ndarray) -> str:
    """Numbers as an SD tag holds them: blanks between, lines short enough for the format."""
    words = [f"{value:.4f}" for value in values]
    return "\n".join(" ".join(words[start : start + 12]) for start in range(0, len(words), 12))
