"""The report of explanations: one HTML file that opens without a network.

The page draws itself from plain data: the parts of pk, residues, ligand atoms and their pairs, in 3D, in 2D, as a map
and in tables. ``static/explanation.js`` says how.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from binding.explanation.agreement import MEASURES
from binding.explanation.attention import DIRECTIONS
from binding.explanation.contributions import PARTS
from binding.explanation.rows import Explanation, Reasons, residue_label
from binding.model.geometric_sums import HEADS
from binding.reports import viewer
from binding.reports.drawing import draw_atoms
from binding.reports.page import render_page
from binding.reports.viewer import Pool, finite, finites

if TYPE_CHECKING:
    from collections import Counter

LINES: Final = 8  # residues whose strongest pair is a dashed line
LARGEST: Final = 2_200_000  # letters of data on a page; attention by head is left out first, then complexes
_LEAST_SCALE: Final = 1e-6  # pK, of a ligand that nothing touches
_NUMBERS: Final = ("pk", "pk_std", "pk_low", "pk_high", "pk_ligand_only", "pose", "nearest_ligand")
#: Of residues and atoms, by their columns of the tables.
_SHARES: Final = {
    "pk": "pk",
    "std": "pk_std",
    "attention": "attention",
    "gradient": "pk_gradient",
    "occlusion": "pk_occlusion",
}
_TEXTS: Final = ("id", "protein", "ligand", "warnings", "model")


def render(drawn: Sequence[Explanation], failed: Sequence[Explanation], counts: Counter[str]) -> str:
    """The page.

    Args:
        drawn: Complexes to show, each with reasons; as many of them as ``LARGEST`` allows.
        failed: Some that have no number.
        counts: How many there are in all, ``ok`` and ``failed``.
    """
    data = page_data(drawn, failed, counts["failed"])
    return render_page(
        "explanation.html",
        data=viewer.as_json(data),
        style=viewer.static("explanation.css"),
        scripts=[viewer.library(), viewer.script("viewer.js"), viewer.script("explanation.js")],
        scored=counts["ok"],
        missed=counts["failed"],
        shown=len(data["complexes"]),
        models=sorted({item.row.model for item in (*drawn, *failed) if item.row.model}),
    )


def page_data(drawn: Sequence[Explanation], failed: Sequence[Explanation], missed: int) -> dict[str, Any]:
    """What the page draws: complexes, the residues and drawings that they share, and records without a number."""
    pool, drawings = Pool(), _Drawings()
    complexes: list[dict[str, Any]] = []
    kept: list[Reasons] = []
    room = LARGEST
    for item in drawn:
        if item.reasons is None:
            continue
        known = len(pool.residues)
        found = _complex(item, item.reasons, pool, drawings)
        room -= len(viewer.as_json([found, pool.residues[known:]]))
        if room < 0 and complexes:
            break
        complexes.append(found)
        kept.append(item.reasons)
    for found, reasons in zip(complexes, kept, strict=True):
        found["heads"] = _heads(reasons, room)
        room -= len((found["heads"] or {}).get("values", ""))
        found["attention"] = _attention(reasons, room)
        room -= len((found["attention"] or {}).get("weights", ""))
    return {
        "complexes": complexes,
        "pool": pool.residues,
        "drawings": drawings.found,
        "limits": {"residue": _largest(complexes, "residues"), "atom": _largest(complexes, "atoms")},
        "directions": DIRECTIONS,
        "missed": missed,
        "failed": [
            {"id": item.row.id, "error_code": item.row.error_code, "message": item.row.message} for item in failed
        ],
    }


class _Drawings:
    """The 2D drawings of a page, each once however many poses of the ligand there are."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []
        self._rows: dict[str, int] = {}

    def row(self, reasons: Reasons) -> int:
        """The row of the drawing of a ligand."""
        drawing, size, places = draw_atoms(reasons.ligand.mol, reasons.atom_labels)
        if drawing not in self._rows:
            self._rows[drawing] = len(self.found)
            self.found.append({"svg": drawing, "size": size, "at": places.round(1).tolist()})
        return self._rows[drawing]


def _largest(complexes: Sequence[dict[str, Any]], part: str) -> float:
    """The end of a scale that all complexes share, pK."""
    return max([_LEAST_SCALE, *(abs(entry["pk"]) for found in complexes for entry in found[part])])


def _complex(explanation: Explanation, reasons: Reasons, pool: Pool, drawings: _Drawings) -> dict[str, Any]:
    row, found = explanation.row, reasons.contributions
    residues = _residues(explanation)
    return {
        **{name: str(getattr(row, name) or "") for name in _TEXTS},
        **{name: finite(getattr(row, name)) for name in _NUMBERS},
        "in_domain": row.in_domain,
        "heavy_atoms": reasons.ligand.num_atoms,
        "parts": _parts(reasons),
        "atoms": _atoms(explanation, reasons),
        "residues": residues,
        "drawing": drawings.row(reasons),
        "ligand3d": viewer.ligand_scene(reasons.ligand),
        "places": pool.places(reasons.pocket, found.pocket_rows.tolist()),
        "pairs": {
            "atom": found.pair_atom.tolist(),
            "residue": found.pair_residue.tolist(),
            "distance": finites(found.pair_distance, 2),
            "pk": finites(found.pairs.pk),
            "gradient": _gradients(reasons),
        },
        "lines": _lines(reasons, residues),
        "heads": None,
        "attention": None,
        "fragments": _fragments(reasons),
        "agreement": _agreement(reasons),
        "interactions": _interactions(explanation, reasons),
        "evidence": _evidence(explanation),
    }


def _interactions(explanation: Explanation, reasons: Reasons) -> list[dict[str, Any]] | None:
    """Interactions by name; ``place`` is that of the residue in the tables, None where it is out of reach."""
    if reasons.interactions is None:
        return None
    places = {row: place for place, row in enumerate(reasons.contributions.pocket_rows.tolist())}
    return [
        {
            "kind": row["kind"],
            "residue": row["residue_label"],
            "atoms": row["atoms"],
            "distance": finite(row["distance"], 2),
            "angle": finite(row["angle"], 0),
            "pk": finite(row["pk"]),
            "place": places.get(one.pocket_row),
        }
        for row, one in zip(explanation.interactions(), reasons.interactions, strict=True)
    ]


def _evidence(explanation: Explanation) -> dict[str, Any] | None:
    """The measurements behind the prior as cells; the numbers of the last column add up to the prior's part."""
    rows = explanation.evidence()
    if not rows:
        return None

    def cell(value: float, sign: str = "") -> str:
        return f"{value:{sign}.2f}" if np.isfinite(value) else ""

    numbers = ("measured_pk", "ligand_similarity", "site_similarity", "weight")
    return {
        "said": "The prior is a weighted sum of measurements: a PDB entry, a compound of BindingDB (BDBM) or ChEMBL. "
        "Alike is 1 for the same ligand or site. Each adds its weight times its distance from the mean of all; the "
        "last column adds up to the prior's part of pK.",
        "columns": [
            ["Measured", False],
            *([name, True] for name in ("pK", "ligand alike", "site alike", "weight", "adds to pK")),
        ],
        "rows": [[row["measured"], *(cell(row[name]) for name in numbers), cell(row["pk"], "+")] for row in rows],
    }


def _parts(reasons: Reasons) -> list[dict[str, Any]]:
    found = ((text, reasons.contributions.part(name)) for name, text in PARTS.items())
    return [{"label": text, "pk": finite(pk), "std": finite(std)} for text, (pk, std) in found if np.isfinite(pk)]


def _residues(explanation: Explanation) -> list[dict[str, Any]]:
    return [
        {
            "label": residue_label(row),
            "kind": row["kind"],
            "distance": finite(row["distance"], 2),
            "contacts": row["contacts"],
            "burial": finite(row["pk_burial"]),
            **_shares(row),
        }
        for row in explanation.residues()
    ]


def _atoms(explanation: Explanation, reasons: Reasons) -> list[dict[str, Any]]:
    labels = reasons.atom_labels
    return [{"label": label, **_shares(row)} for label, row in zip(labels, explanation.atoms(), strict=True)]


def _shares(row: dict[str, Any]) -> dict[str, float | None]:
    """The numbers of a residue or an atom; None for what was not asked for."""
    return {name: finite(row[column]) for name, column in _SHARES.items()}


def _lines(reasons: Reasons, residues: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The strongest pair of each of the strongest residues."""
    found = reasons.contributions
    strength = np.abs(found.pairs.pk)
    lines = []
    for place in sorted(range(len(residues)), key=lambda place: -abs(residues[place]["pk"]))[:LINES]:
        own = np.flatnonzero(found.pair_residue == place)
        if not residues[place]["pk"] or not len(own):
            continue
        atom = int(found.pair_atom[own[np.argmax(strength[own])]])
        row = int(found.pocket_rows[place])
        number = residues[place]["label"].rsplit(":", 1)[1]
        text = f"{reasons.pocket.residue_names[row]} {number}  {residues[place]['pk']:+.2f}".replace("-", "−")
        lines.append(viewer.line(reasons.ligand, atom, reasons.pocket, row, place, text))
    return lines


def _gradients(reasons: Reasons) -> list[float | None] | None:
    if reasons.gradients is None:
        return None
    found = reasons.contributions
    by_place = reasons.of_residues(reasons.gradients.residue_labels, reasons.gradients.pairs)
    return finites(by_place[found.pair_atom, found.pair_residue])


def _heads(reasons: Reasons, room: int) -> dict[str, Any] | None:
    """What each fixed head of the geometry expert adds to the pairs, (heads, pairs) multiples of ``step`` pK."""
    values = reasons.contributions.heads
    if not values.size or values.size * 8 / 3 > room:
        return None
    step = max(float(np.abs(values).max()), _LEAST_SCALE) / 32_767
    packed = np.rint(values / step).astype("<i2")
    return {"names": HEADS, "step": step, "values": base64.b64encode(packed.tobytes()).decode()}


def _attention(reasons: Reasons, room: int) -> dict[str, Any] | None:
    """Weights of the pairs, (networks, layers, 2, heads, pairs), each the square of a byte's 255th part.

    Where there is no room for all of them, the mean over networks, layers and heads stands for one of each.
    """
    found, attention = reasons.contributions, reasons.attention
    if attention is None or not attention.weights.size or not len(found.pair_atom):
        return None
    weights = reasons.of_residues(attention.residue_labels, attention.weights)
    weights = weights[..., found.pair_atom, found.pair_residue]
    if weights.size * 4 / 3 > room:
        weights = weights.mean(axis=(0, 1, 3), keepdims=True)
    packed = np.rint(255 * np.sqrt(np.clip(weights, 0.0, 1.0))).astype(np.uint8)
    text = base64.b64encode(packed.tobytes()).decode()
    return {"shape": weights.shape[:-1], "weights": text, "in_pk": bool(attention.in_pk)}


def _fragments(reasons: Reasons) -> list[dict[str, Any]]:
    if reasons.occlusion is None:
        return []
    labels = reasons.atom_labels
    return [
        {
            "kind": fragment.piece.kind,
            "atoms": ", ".join(labels[atom] for atom in fragment.piece.atoms),
            "smiles": fragment.piece.smiles,
            "pk": finite(fragment.pk),
            "pk_network": finite(fragment.pk_network),
        }
        for fragment in reasons.occlusion.fragments
    ]


def _agreement(reasons: Reasons) -> dict[str, Any] | None:
    found = reasons.agreement
    if len(found.measures) < 3:  # contributions and contacts alone, which nobody asked to compare
        return None
    return {
        "measures": [MEASURES[name] for name in found.measures],
        "spearman": [finites(row, 2) for row in found.spearman],
        "top": found.top.tolist(),
        "most": found.most,
        "sentence": found.sentence,
    }
