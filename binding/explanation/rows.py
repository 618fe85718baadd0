"""The explanation of one complex as rows with names and units: parts of pk, residues, ligand atoms, pairs of both.

One definition of the columns serves the API, the command line, the report and the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from binding.explanation.agreement import Agreement, compare, number_of_contacts
from binding.explanation.attention import AttentionMaps, HeadMaps, heads_of
from binding.explanation.contributions import PARTS, Contributions
from binding.explanation.evidence import EVIDENCE_COLUMNS, evidence_rows
from binding.explanation.interactions import INTERACTION_COLUMNS, Interaction, interaction_rows
from binding.io.results import COLUMNS, ResultRow, to_frame
from binding.prior.evidence import Evidence
from binding.structures import Ligand, Protein, ResidueKind

if TYPE_CHECKING:
    import pandas as pd

    from binding.explanation.gradients import Gradients
    from binding.explanation.occlusion import Occlusion

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
    "pk_burial",
    "distance",
    "contacts",
    "attention",
    "pk_gradient",
    "pk_occlusion",
)
#: Of the table of atoms; ``atom`` counts from 1, hydrogens left out, in the order of the file.
ATOM_COLUMNS: Final = (
    "id",
    "atom",
    "element",
    "x",
    "y",
    "z",
    "pk",
    "pk_std",
    "attention",
    "pk_gradient",
    "pk_occlusion",
)
#: Of the table of pairs of a ligand atom and a residue; ``atom`` as in that of the atoms.
PAIR_COLUMNS: Final = (
    "id",
    "atom",
    "atom_label",
    "residue_label",
    "distance",
    "pk",
    "pk_std",
    "attention_to_residue",
    "attention_to_atom",
    "pk_gradient",
)
_FLOATS: Final = (
    "pk",
    "pk_std",
    "pk_burial",
    "distance",
    "x",
    "y",
    "z",
    "attention",
    "attention_to_residue",
    "attention_to_atom",
    "pk_gradient",
    "pk_occlusion",
    "measured_pk",
    "ligand_similarity",
    "site_similarity",
    "weight",
    "angle",
)
_TABLES: Final = {
    "residues": RESIDUE_COLUMNS,
    "atoms": ATOM_COLUMNS,
    "pairs": PAIR_COLUMNS,
    "evidence": EVIDENCE_COLUMNS,
    "interactions": INTERACTION_COLUMNS,
}


@dataclass(frozen=True, eq=False)
class Reasons:
    """The reasons for a prediction.

    Attributes:
        contributions: The terms that add up to pk.
        pocket: Pocket of the explained complex.
        ligand: Ligand of the explained complex.
        contacts: How each residue of ``contributions`` touches the ligand; see ``binding.explanation.contacts``.
        attention: Weights of the networks; None where they were not asked for, like those that follow.
        gradients: Integrated gradients.
        occlusion: What deleting costs.
        evidence: The measurements that the prior's part is made of; None also where the weights have no prior.
        interactions: Hydrogen bonds and others by name.
    """

    contributions: Contributions
    pocket: Protein
    ligand: Ligand
    contacts: list[tuple[str, ...]]
    attention: AttentionMaps | None = None
    gradients: Gradients | None = None
    occlusion: Occlusion | None = None
    evidence: Evidence | None = None
    interactions: tuple[Interaction, ...] | None = None

    @property
    def atom_labels(self) -> tuple[str, ...]:
        """Such as ``C12``: the element and the place among the heavy atoms, from 1."""
        return tuple(f"{atom.GetSymbol()}{atom.GetIdx() + 1}" for atom in self.ligand.mol.GetAtoms())

    @cached_property
    def residue_labels(self) -> tuple[str, ...]:
        """Of the residues of ``contributions``, such as ``A:ASP:25``."""
        labels = self.pocket.residue_ids
        return tuple(labels[row] for row in self.contributions.pocket_rows.tolist())

    @cached_property
    def agreement(self) -> Agreement:
        """Whether what was asked for agrees about the residues."""
        found = self.contributions
        values = {
            "contributions": found.residues.pk,
            "contacts": number_of_contacts(self.pocket, self.ligand, found.pocket_rows),
        }
        if self.attention is not None:
            values["attention"] = self.of_residues(self.attention.residue_labels, self.attention.by_residue())
        if self.gradients is not None:
            values["gradients"] = self.of_residues(self.gradients.residue_labels, self.gradients.residues)
        if self.occlusion is not None:
            values["occlusion"] = self.of_residues(self.occlusion.residue_labels, self.occlusion.residues)
        silent = self.attention is not None and not self.attention.in_pk
        return compare(self.residue_labels, values, attention_in_pk=not silent)

    @cached_property
    def heads(self) -> HeadMaps | None:
        """The fixed heads of the geometry expert; None for weights without one."""
        return heads_of(self.contributions, self.atom_labels, self.residue_labels)

    def of_residues(self, labels: Sequence[str], values: np.ndarray) -> np.ndarray:
        """(..., k) values of the residues of ``contributions``; zero for one that has none, being out of reach there.

        Args:
            labels: Of the last axis of the values.
            values: (..., residues).
        """
        place = {label: column for column, label in enumerate(labels)}
        columns = [place.get(label, -1) for label in self.residue_labels]
        padded = np.concatenate([values, np.zeros((*values.shape[:-1], 1))], axis=-1)
        return padded[..., columns]


@dataclass(frozen=True, eq=False)
class Explanation:
    """A result and its reasons.

    Attributes:
        row: As ``binding predict`` gives it.
        reasons: None where there is no number to explain.
    """

    row: ResultRow
    reasons: Reasons | None = None

    @property
    def attention(self) -> AttentionMaps | None:
        """Attention weights with labels; None where they were not asked for, or there is no number."""
        return None if self.reasons is None else self.reasons.attention

    @property
    def heads(self) -> HeadMaps | None:
        """What the fixed heads of the geometry expert count and add; None for weights without them, or no number."""
        return None if self.reasons is None else self.reasons.heads

    @property
    def gradients(self) -> Gradients | None:
        """Integrated gradients; None as above."""
        return None if self.reasons is None else self.reasons.gradients

    @property
    def occlusion(self) -> Occlusion | None:
        """What deleting each residue and each piece of the ligand costs; None as above."""
        return None if self.reasons is None else self.reasons.occlusion

    @property
    def agreement(self) -> Agreement | None:
        """Whether these agree about the residues; None where there is no number."""
        return None if self.reasons is None else self.reasons.agreement

    def _repr_html_(self) -> str:
        from binding.explanation.html import explanation_html

        return explanation_html(self)

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
        others = self._others_of_residues(self.reasons)
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
                "pk_burial": float(found.burial[row]) if found.geometry else float("nan"),
                "distance": float(distance),
                "contacts": ", ".join(kinds),
                **other,
            }
            for (row, pk, std), distance, kinds, other in zip(
                shares, found.distances, self.reasons.contacts, others, strict=True
            )
        ]

    @staticmethod
    def _others_of_residues(reasons: Reasons) -> list[dict[str, float]]:
        """The columns of each residue that are filled where they were asked for."""
        values = reasons.agreement.by_measure
        names = {"attention": "attention", "pk_gradient": "gradients", "pk_occlusion": "occlusion"}
        nothing = np.full(len(reasons.residue_labels), np.nan)
        return _columns({column: values.get(name, nothing) for column, name in names.items()})

    def atoms(self) -> list[dict[str, Any]]:
        """Rows of ``ATOM_COLUMNS``, all heavy atoms in the file's order; none without reasons."""
        if self.reasons is None:
            return []
        ligand, shares = self.reasons.ligand, self.reasons.contributions.atoms
        symbols = [atom.GetSymbol() for atom in ligand.mol.GetAtoms()]
        others = self._others_of_atoms(self.reasons)
        return [
            {
                "id": self.row.id,
                "atom": number,
                "element": symbol,
                **dict(zip("xyz", place, strict=True)),
                "pk": float(pk),
                "pk_std": float(std),
                **other,
            }
            for number, (symbol, place, pk, std, other) in enumerate(
                zip(symbols, ligand.positions.tolist(), shares.pk, shares.pk_std, others, strict=True), start=1
            )
        ]

    @staticmethod
    def _others_of_atoms(reasons: Reasons) -> list[dict[str, float]]:
        """As for the residues; an atom has what its piece of the ligand costs."""
        nothing = np.full(reasons.ligand.num_atoms, np.nan)
        pieces = nothing.copy()
        for fragment in () if reasons.occlusion is None else reasons.occlusion.fragments:
            pieces[list(fragment.piece.atoms)] = fragment.pk
        return _columns(
            {
                "attention": nothing if reasons.attention is None else reasons.attention.by_atom(),
                "pk_gradient": nothing if reasons.gradients is None else reasons.gradients.atoms,
                "pk_occlusion": pieces,
            }
        )

    def interactions(self) -> list[dict[str, Any]]:
        """Rows of ``INTERACTION_COLUMNS``; none where they were not asked for."""
        reasons = self.reasons
        if reasons is None or reasons.interactions is None:
            return []
        pk = np.full(reasons.pocket.num_residues, np.nan)
        pk[reasons.contributions.pocket_rows] = reasons.contributions.residues.pk
        return interaction_rows(self.row.id, reasons.interactions, reasons.atom_labels, reasons.pocket.residue_ids, pk)

    def evidence(self) -> list[dict[str, Any]]:
        """Rows of ``EVIDENCE_COLUMNS``; none without reasons, or where the weights have no prior."""
        return [] if self.reasons is None else evidence_rows(self.row.id, self.reasons.evidence)

    def pairs(self) -> list[dict[str, Any]]:
        """Rows of ``PAIR_COLUMNS``, by atom, then in the order of the protein's file; none without reasons."""
        if self.reasons is None:
            return []
        reasons, found = self.reasons, self.reasons.contributions
        atom, residue = found.pair_atom, found.pair_residue
        nothing = np.full(len(atom), np.nan)
        values = {
            "distance": found.pair_distance,
            "pk": found.pairs.pk,
            "pk_std": found.pairs.pk_std,
            "attention_to_residue": nothing,
            "attention_to_atom": nothing,
            "pk_gradient": nothing,
        }
        if reasons.attention is not None:
            to_residues, to_atoms = reasons.of_residues(reasons.attention.residue_labels, reasons.attention.mean())
            values |= {"attention_to_residue": to_residues[atom, residue], "attention_to_atom": to_atoms[atom, residue]}
        if reasons.gradients is not None:
            by_place = reasons.of_residues(reasons.gradients.residue_labels, reasons.gradients.pairs)
            values["pk_gradient"] = by_place[atom, residue]
        atoms, residues = reasons.atom_labels, reasons.residue_labels
        order = np.lexsort((residue, atom))
        rows = _columns({name: column[order] for name, column in values.items()})
        return [
            {"id": self.row.id, "atom": a + 1, "atom_label": atoms[a], "residue_label": residues[r], **row}
            for a, r, row in zip(atom[order].tolist(), residue[order].tolist(), rows, strict=True)
        ]


def _columns(values: dict[str, np.ndarray]) -> list[dict[str, float]]:
    """Columns of one length as rows."""
    lists = [column.tolist() for column in values.values()]
    return [dict(zip(values, row, strict=True)) for row in zip(*lists, strict=True)]


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
        pairs: ``PAIR_COLUMNS``; empty for complexes that were not scored.
        evidence: ``EVIDENCE_COLUMNS``; empty for complexes that were not scored and for weights without a prior.
        interactions: ``INTERACTION_COLUMNS``; empty where they were not asked for.
        complexes: The explanations themselves, in the order of ``parts``, with attention by layer and head, gradients,
            occlusion and their agreement where they were asked for.
    """

    parts: pd.DataFrame
    residues: pd.DataFrame
    atoms: pd.DataFrame
    pairs: pd.DataFrame
    evidence: pd.DataFrame
    interactions: pd.DataFrame
    complexes: list[Explanation] = field(default_factory=list)

    def _repr_html_(self) -> str:
        from binding.explanation.html import explanation_html, explanations_html

        found = self.complexes
        return explanation_html(found[0]) if len(found) == 1 else explanations_html(found)

    @classmethod
    def of(cls, explanations: Iterable[Explanation]) -> Explained:
        """Tables of some complexes; numbers at full precision, missing ones as NaN."""
        import pandas as pd

        complexes = list(explanations)
        parts = to_frame([one.row for one in complexes])
        added = [name for name in PART_COLUMNS if name not in parts]
        shares = [one.parts() for one in complexes]
        parts[added] = pd.DataFrame(shares, columns=added, dtype="float64")
        tables = {}
        for name, columns in _TABLES.items():
            frames = [pd.DataFrame(getattr(one, name)(), columns=list(columns)) for one in complexes]
            empty = pd.DataFrame(columns=list(columns))
            found = pd.concat([frame for frame in frames if len(frame)] or [empty], ignore_index=True)
            tables[name] = found.astype({column: "float64" for column in columns if column in _FLOATS})
        tables["evidence"] = tables["evidence"].astype({"rank": "Int64"})
        return cls(parts[list(PART_COLUMNS)], **tables, complexes=complexes)


def atom_text(values: np.ndarray) -> str:
    """Numbers as an SD tag holds them: blanks between, lines short enough for the format."""
    words = [f"{value:.4f}" for value in values]
    return "\n".join(" ".join(words[start : start + 12]) for start in range(0, len(words), 12))
