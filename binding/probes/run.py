"""Requests in, probed complexes out: one for every ligand record, in order, even for those that fail."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from binding.constants import AMINO_ACIDS
from binding.errors import UsageError
from binding.graph.fields import ComplexGraph
from binding.io.results import OK, ResultRow
from binding.io.table import Request
from binding.probes.changes import MODALITIES, PARTS, apart, lacking, near_only, planted, scaled, shaken, without
from binding.probes.response import Response, moved, response_of
from binding.probes.rows import Probed, ProbeRow
from binding.score.featurize import Featurized, Outcome, as_binding_error
from binding.score.options import ScoringOptions
from binding.score.pipeline import score_requests
from binding.structures import Protein

if TYPE_CHECKING:
    from binding.model.weights import Scorer

PROBES: Final = ("off", "scale", "plant", "noise")
LEVELS: Final = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0)  # Å
FACTORS: Final = (0.5, 2.0)
#: What is planted on the strongest residue where no one says what.
PLANTED: Final = ("ALA", "ASP", "LYS", "PHE")


@dataclass(frozen=True)
class ProbePlan:
    """What to change.

    Attributes:
        probes: Some of ``PROBES``.
        plant: Such as ``A:VAL:84=ASP``; ``PLANTED`` on the amino acid of the greatest contribution if empty.
        factors: Of the encoded states of a modality.
        levels: Å, standard deviations of noise on each coordinate of the ligand.
        draws: Of each level of noise.
        limit: pK; a greater change is said to break the answer.
        seed: Of the noise; each complex draws by its id, so that the others do not matter.

    Raises:
        UsageError: A choice is not known or out of range.
    """

    probes: tuple[str, ...] = PROBES
    plant: tuple[str, ...] = ()
    factors: tuple[float, ...] = FACTORS
    levels: tuple[float, ...] = LEVELS
    draws: int = 4
    limit: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if unknown := [name for name in self.probes if name not in PROBES]:
            raise UsageError(f"There is no probe {unknown[0]!r}.", f"Choose from {', '.join(PROBES)}.")
        if self.draws < 1 or not 0.0 < self.limit < np.inf:
            raise UsageError("draws must be 1 or more and limit above 0.", "Usual are 4 and 0.5.")
        if any(not 0.0 <= level <= 10.0 for level in self.levels):
            raise UsageError("A level of noise is not between 0 and 10 Å.", "Give standard deviations such as 0.5,1,2.")
        if any(not np.isfinite(factor) for factor in self.factors):
            raise UsageError("A factor is not a number.", "Give factors such as 0.5,2.")
        for text in self.plant:
            parse_plant(text)


def parse_plant(text: str) -> tuple[str, str]:
    """Residue and planted type of ``A:VAL:84=ASP``.

    Raises:
        UsageError: It is not understood.
    """
    label, _, kind = text.partition("=")
    if label.count(":") != 2 or kind.strip().upper() not in AMINO_ACIDS:
        raise UsageError(
            f"{text!r} is not understood as a residue and what to plant on it.",
            "Write the residue, = and an amino acid: A:VAL:84=ASP.",
        )
    return label.strip(), kind.strip().upper()


def probe_rows(
    requests: Iterable[Request], options: ScoringOptions | None = None, plan: ProbePlan | None = None
) -> Iterator[Probed]:
    """Probes requests: a result for each, as of ``binding.score.pipeline.predict_rows``, with its probes.

    Args:
        requests: What to probe; a request with N ligand records gives N results.
        options: How to score; the defaults of ``ScoringOptions`` if None.
        plan: What to change; everything if None.

    Raises:
        BindingError: Before the first one, where the model cannot be loaded.
    """
    options, plan = options or ScoringOptions(), plan or ProbePlan()
    scorer = options.load()
    changed = _changed_models(scorer, plan)
    return (_probe(outcome, row, scorer, changed, plan) for outcome, row in score_requests(requests, scorer, options))


@dataclass(frozen=True, eq=False)
class _Model:
    """A changed model, and the fields of the rows that it gives."""

    probe: str
    part: str
    level: float
    scorer: Scorer


def _changed_models(scorer: Scorer, plan: ProbePlan) -> list[_Model]:
    found = []
    if "off" in plan.probes:
        others = {*lacking(scorer), "protein", "far-residues"}
        found += [_Model("off", part, float("nan"), without(scorer, part)) for part in PARTS if part not in others]
    if "scale" in plan.probes:
        found += [
            _Model("scale", modality, factor, scaled(scorer, modality, factor))
            for modality in MODALITIES
            for factor in plan.factors
        ]
    return found


def _probe(item: Outcome, row: ResultRow, scorer: Scorer, changed: list[_Model], plan: ProbePlan) -> Probed:
    if row.status != OK or not isinstance(item, Featurized):
        return Probed(row, limit=plan.limit)
    assert item.pocket is not None
    try:
        return Probed(row, tuple(_probes_of(row.id, item.graph, item.pocket, scorer, changed, plan)), plan.limit)
    except Exception as error:  # noqa: BLE001 - one complex must not cost the others their rows
        return Probed(row.as_failed(as_binding_error(error)), limit=plan.limit)


def _probes_of(
    name: str, graph: ComplexGraph, pocket: Protein, scorer: Scorer, changed: list[_Model], plan: ProbePlan
) -> Iterator[ProbeRow]:
    scorer = scorer.at(graph)  # every change is judged with the weights of the complex as it is
    before = response_of(graph, pocket, scorer)
    yield _row(ProbeRow("none", ""), before, [before], plan)
    for model in changed:
        after = response_of(graph, pocket, model.scorer.with_parts(line=scorer.line))
        yield _row(ProbeRow(model.probe, model.part, model.level), before, [after], plan)
    if "off" in plan.probes:
        reached = [place for place, label in enumerate(pocket.residue_ids) if label in before.contributions]
        near = near_only(graph, pocket, np.array(reached))
        yield _row(ProbeRow("off", "far-residues"), before, [response_of(*near, scorer)], plan)
        yield _row(ProbeRow("off", "protein"), before, [response_of(apart(graph), pocket, scorer)], plan)
    if "plant" in plan.probes:
        for label, kind in _planted(plan, before):
            if label not in pocket.residue_ids:
                raise UsageError(f"{name}: there is no residue {label} in the pocket.", "Write it as A:VAL:84.")
            other = planted(graph, pocket.residue_ids.index(label), kind)
            yield _row(ProbeRow("plant", f"{label}={kind}"), before, [response_of(other, pocket, scorer)], plan)
    if "noise" in plan.probes:
        rng = np.random.default_rng([plan.seed, zlib.crc32(name.encode())])
        for level in plan.levels:
            draws = [response_of(shaken(graph, level, rng), pocket, scorer) for _ in range(plan.draws)]
            yield _row(ProbeRow("noise", "ligand", level), before, draws, plan)


def _planted(plan: ProbePlan, before: Response) -> list[tuple[str, str]]:
    if plan.plant:
        return [parse_plant(text) for text in plan.plant]
    sizes = {name: abs(pk) for name, pk in before.contributions.items() if name.split(":")[1] in AMINO_ACIDS}
    if not sizes:
        return []
    label = max(sizes, key=lambda name: sizes[name])
    return [(label, kind) for kind in PLANTED if kind != label.split(":")[1]]


def _row(start: ProbeRow, before: Response, after: list[Response], plan: ProbePlan) -> ProbeRow:
    """What followed, over all draws: means, and of the changes of several their root mean square."""
    parts = ("pk", "network", "prior", "geometry")
    shifts = np.array([[getattr(one, part) - getattr(before, part) for part in parts] for one in after])
    change = shifts[0] if len(after) == 1 else np.sqrt(np.square(shifts).mean(axis=0))
    went = np.array(
        [[part.attention, part.contributions, part.gradients] for part in (moved(before, x) for x in after)]
    )
    attention, contributions, gradients = went.mean(axis=0).tolist()
    return replace(
        start,
        pk=float(np.mean([one.pk for one in after])),
        pk_change=float(change[0]),
        network_change=float(change[1]),
        prior_change=float(change[2]),
        geometry_change=float(change[3]),
        pose=float(np.mean([one.pose for one in after])),
        attention_moved=attention,
        contributions_moved=contributions,
        gradients_moved=gradients,
        breaks=bool(abs(change[0]) > plan.limit),
    )
