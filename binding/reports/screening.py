"""The report of a screen: one HTML file that opens without a network.

Everything that comes from files (names, messages, settings) is escaped by the template.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from markupsafe import Markup

from binding.errors import FileError, TableError, UsageError
from binding.evaluation import Section
from binding.evaluation.enrichment import enrichment
from binding.evaluation.join import TruthColumns, join
from binding.files import write_text
from binding.io.columns import HIT_PROPERTIES, POSING, names
from binding.io.records import split_records
from binding.io.results import RECORD_END, SDF_PREFIX, cell_text
from binding.io.truth import read_truth
from binding.reports import viewer
from binding.reports.drawing import draw_compound
from binding.reports.page import render_page
from binding.reports.screening_scenes import scenes
from binding.screening import digest as counting
from binding.screening.digest import Digest
from binding.screening.folder import RunFolder
from binding.screening.hits import properties
from binding.screening.parts import POSE_COLUMN
from binding.screening.poses import pose_texts
from binding.screening.store import RESULT_COLUMNS, TOP_SDF, names_notes, template_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT: Final = "report.html"
TOP: Final = 100
#: Columns of the CSV file that the page saves.
HIT_COLUMNS: Final = (*RESULT_COLUMNS, *names(HIT_PROPERTIES))
_RESAMPLES: Final = 1000
_METRICS: Final = {"ef1": "EF1%", "ef5": "EF5%", "bedroc": "BEDROC (α 20)", "auc": "ROC-AUC"}
_PK_OF_POSE: Final = "pK"  # of the pose that has the best rank score
_JUDGED: Final = {
    "rank_score": "rank score",
    "pk": "pK",
    _PK_OF_POSE: "pK",
    "pk_ligand_only": "pK of the ligand alone",
    "heavy_atoms": "number of heavy atoms",
    "mol_weight": "molecular weight",
}


@dataclass(frozen=True, eq=False)
class Enrichment:
    """Whether known actives are found at the top.

    Attributes:
        section: Section of a report of ``binding.evaluation``.
        scores: (n,) scores of the labelled compounds, by column.
        active: (n,) bool.
        unknown: Labels of compounds that the screen does not contain.
        labels: Whether each labelled compound is active, by name.
    """

    section: Section
    scores: dict[str, np.ndarray]
    active: np.ndarray
    unknown: int
    labels: dict[str, bool]


def write_report(
    run: str | Path,
    output: str | Path | None = None,
    *,
    labels: str | Path | None = None,
    label: str = "label",
    top: int = TOP,
) -> Path:
    """Writes the report of a run, finished or under way.

    Args:
        run: Folder of the run.
        output: The HTML file; ``report.html`` in the folder by default.
        labels: A table with ``id`` (the compound) and a column of labels: adds the enrichment.
        label: That column: 1 or ``active``; 0, ``inactive`` or ``decoy``; or empty.
        top: Compounds that are listed and drawn.

    Returns:
        The file. Without Matplotlib it has no pictures but those of the compounds.

    Raises:
        FileError: There is no such run, or a file cannot be read or written.
        TableError: The labels cannot be used.
        UsageError: ``top`` is below 1, or the run has several receptors and labels were given.
    """
    run = Path(run)
    if top < 1:
        raise UsageError(f"The number of compounds is {top}.", "It is 1 or more.")
    found = counting.digest(run, top)
    known = None if labels is None else _enrichment(run, Path(labels), label)
    about = RunFolder(run).read() or {}
    path = run / REPORT if output is None else Path(output)
    write_text(path, _render(run, found, about, known), shared=True)
    return path


def _hits(run: Path, found: Digest, known: Enrichment | None) -> list[dict[str, Any]]:
    """The best compounds with all that the page shows of them, and what it exports."""
    labels = {} if known is None else known.labels
    poses = _poses(run, found)
    rows = []
    for row, pose in zip(found.top.drop_columns(POSE_COLUMN).to_pylist(), poses, strict=True):
        made = row | properties(row["smiles"])
        exported = [cell_text(made[name]) for name in HIT_COLUMNS]
        shown = {"drawing": draw_compound(row["smiles"]), "pose_text": pose, "label": labels.get(row["compound"])}
        rows.append(made | shown | {"exported": json.dumps(exported, ensure_ascii=False)})
    return rows


def _poses(run: Path, found: Digest) -> list[str]:
    """The SDF record of each of the best compounds; all are empty where the library's files have been moved."""
    ranks = found.top["rank"].to_pylist()
    if ranks and found.finished and (run / TOP_SDF).is_file():
        texts = list(islice(split_records(run / TOP_SDF), len(ranks)))
        if len(texts) == len(ranks) and all(map(_is_of_rank, texts, ranks)):
            return [text + RECORD_END for text in texts]
    try:
        return pose_texts(found.top, template_of(run))
    except FileError:
        return [""] * len(ranks)


def _is_of_rank(text: str, rank: int) -> bool:
    return f">  <{SDF_PREFIX}rank>\n{rank}\n" in text


def _render(run: Path, found: Digest, about: dict[str, Any], known: Enrichment | None) -> str:
    rows = _hits(run, found, known)
    drawn = scenes(about, [row["compound"] for row in rows], [row["pose_text"] for row in rows])
    return render_page(
        "screening.html",
        run=run.resolve().name,
        about=about,
        settings=_flat({name: about[name] for name in ("decides", "engine") if name in about}),
        found=found,
        names_notes=names_notes(found.counts, about.get("decides", {}).get("compound_tag")),
        rows=rows,
        columns=json.dumps(HIT_COLUMNS),
        scenes=None if drawn is None else viewer.as_json(drawn),
        scripts=[]
        if drawn is None
        else [viewer.library(), viewer.script("viewer.js"), viewer.script("screening3d.js")],
        posing=[column for column in POSING if column.heading and any(row[column.name] is not None for row in rows)],
        with_prior=any(row["pk_prior"] is not None for row in rows),
        with_poses=any(row["pose_text"] for row in rows),
        scaffolds=Counter(row["scaffold"] for row in rows),
        many_receptors=len({row["receptor"] for row in rows}) > 1,
        pictures=_pictures(found, known),
        enrichment=known,
        metrics=_METRICS,
        judged=_JUDGED,
    )


def _pictures(found: Digest, known: Enrichment | None) -> dict[str, Markup]:
    """SVG by name; none without Matplotlib or without a compound."""
    if find_spec("matplotlib") is None or not found.counts.compounds:
        return {}
    from binding.reports import screening_plots as plots

    drawn: dict[str, Callable[[], Figure]] = {
        "scores": lambda: plots.scores(found),
        "size": lambda: plots.against_size(found),
        "ligand": lambda: plots.against_ligand(found),
    }
    if known is not None:
        drawn["enrichment"] = lambda: plots.enrichment(known.scores, known.active)
    return {name: Markup(plots.as_svg(draw, name)) for name, draw in drawn.items()}  # of our own numbers


def _enrichment(run: Path, labels: Path, label: str) -> Enrichment:
    entries = read_truth(labels, [label], affinities=False)
    table = counting.compounds(run, (entry.id for entry in entries))
    if table["receptor"].nunique() > 1:
        raise UsageError(
            "The run has several receptors, and labels belong to one.",
            "Compare by receptor: binding evaluate run/results.csv --truth ... --group receptor --label ...",
        )
    asked = set(table["id"])
    if not asked:
        some = ", ".join(entry.id for entry in entries[:3])
        raise TableError(
            f"No id of {labels.name} is a compound of this run.",
            f"Its ids are {some} ...; those of the run are in the column compound of results.csv.",
        )
    known = [entry for entry in entries if entry.id in asked]
    ranked_by, peers = "pk", None
    if table["rank_score"].notna().any():
        ranked_by, peers = "rank_score", table[["id"]].assign(**{_PK_OF_POSE: table["pk"]})
    joined = join(table, known, ranked_by, TruthColumns(label=label), peers, labels.name)
    section = enrichment(joined, None, resamples=_RESAMPLES, seed=0)
    labelled = joined.where(joined.roles["label"].notna().to_numpy())
    scores = {name: labelled.scores[name].to_numpy() for name in _JUDGED if name in labelled.scores}
    active = labelled.roles["label"].to_numpy() == 1.0
    named = {str(name): value == 1.0 for name, value in labelled.roles["label"].items()}
    return Enrichment(section, scores, active, len(entries) - len(asked), named)


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as dotted names; those that are not set left out."""
    lines: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            lines |= _flat(value, f"{prefix}{name}.")
        elif value is not None:
            lines[prefix + name] = str(value)
    return lines
