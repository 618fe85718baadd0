"""From groups of rows to the sides of a split; the same rows and seed always give the same sides."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from binding.data.holdout import LEFT_OUT, SIDES, TEST, TRAIN, VALIDATION
from binding.errors import TableError
from binding.splits.similarity import tanimoto_rows


@dataclass
class Assignment:
    """The side of each row.

    Attributes:
        sides: Side of each row, by id.
        reasons: Why a row is left out, by id: a word to count by, and the particulars.
    """

    sides: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, tuple[str, str]] = field(default_factory=dict)

    def leave_out(self, name: str, kind: str, detail: str) -> None:
        """Puts a row on no side."""
        self.sides[name] = LEFT_OUT
        self.reasons[name] = (kind, detail)

    def on(self, side: str) -> list[str]:
        """The ids of a side, sorted."""
        return sorted(name for name, value in self.sides.items() if value == side)


def by_group(groups: Mapping[str, str], fractions: Mapping[str, float], seed: int) -> Assignment:
    """Whole groups, drawn until each side has its share; a group that would overfill a side goes on to the next.

    Groups much larger than a share therefore train. Where no group fits, the smallest one is taken, so that a side
    that was asked for has rows.

    Args:
        groups: Group of each id.
        fractions: Share of the rows wanted for ``test`` and ``validation``, 0 to 1.
        seed: Seed of the order in which the groups are drawn.

    Raises:
        TableError: There are fewer groups than sides.
    """
    members: dict[str, list[str]] = {}
    for name in sorted(groups):
        members.setdefault(groups[name], []).append(name)
    wanted = {side: fractions[side] for side in (TEST, VALIDATION) if fractions[side] > 0}
    if len(members) <= len(wanted):
        raise TableError(
            f"The rows fall into {len(members)} group(s), which is too few for {len(wanted) + 1} sides.",
            "Use another rule, a higher --identity, or fewer sides.",
        )
    # The first member names a group: the order depends on no other group and not on the order of the rows.
    waiting = sorted(members.values(), key=lambda group: _draw(group[0], seed))
    assignment = Assignment(dict.fromkeys(sorted(groups), TRAIN))
    for place, (side, share) in enumerate(wanted.items()):
        target = math.ceil(share * len(groups))
        room = len(waiting) - (len(wanted) - place)  # each side to come, and training, keeps a group
        taken: list[list[str]] = []
        count = 0
        for group in waiting:
            if len(taken) < room and count + len(group) <= target:
                taken.append(group)
                count += len(group)
        taken = taken or [min(waiting, key=len)]
        gone = {group[0] for group in taken}
        waiting = [group for group in waiting if group[0] not in gone]
        assignment.sides.update((name, side) for group in taken for name in group)
    return assignment


def _draw(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()


def by_time(values: Mapping[str, str], fractions: Mapping[str, float]) -> Assignment:
    """The newest rows test, those before them validate; rows of one date stay together.

    Args:
        values: Year or date (ISO) of each id, as text.
        fractions: Share of the rows wanted for ``test`` and ``validation``; the nearest cut between dates is taken.

    Raises:
        TableError: No row has a date, or there are fewer dates than sides.
    """
    assignment = Assignment()
    dates: dict[str, pd.Timestamp] = {}
    for name, text in values.items():
        date = pd.to_datetime(text.removesuffix(".0"), errors="coerce", utc=True) if text else pd.NaT
        if pd.isna(date):
            assignment.leave_out(name, "no_date", f"no date: {text!r}")
        else:
            dates[name] = date
            assignment.sides[name] = TRAIN
    ordered = sorted(set(dates.values()), reverse=True)
    sides = [side for side in (TEST, VALIDATION) if fractions[side] > 0]
    if len(ordered) <= len(sides):
        raise TableError(
            f"The rows have {len(ordered)} date(s), which is too few for {len(sides) + 1} sides.",
            "Name the column of years or ISO dates by --column.",
        )
    sizes = Counter(dates.values())
    counts = np.cumsum([sizes[date] for date in ordered])
    start = 0
    for place, side in enumerate(sides):
        before = counts[start - 1] if start else 0
        last = len(ordered) - (len(sides) - place)  # later sides and training keep a date each
        goal = before + fractions[side] * len(dates)
        cut = start + int(np.argmin(np.abs(counts[start:last] - goal)))
        chosen = set(ordered[start : cut + 1])
        assignment.sides.update((name, side) for name, date in dates.items() if date in chosen)
        start = cut + 1
    return assignment


def by_column(values: Mapping[str, str], meaning: Mapping[str, Sequence[str]]) -> Assignment:
    """Sides that a column names.

    Args:
        values: Value of each id.
        meaning: The values that stand for ``test`` and for ``validation``. Where both are empty, the values must be
            the sides' names; else every other value trains. A blank is left out.

    Raises:
        TableError: A value is none of these, or there is no such value.
    """
    present = set(values.values())
    sides: dict[str, str] = {side: side for side in SIDES}
    if any(meaning.values()):
        sides = {value: side for side, wanted in meaning.items() for value in wanted}
        absent = sorted(set(sides) - present)
        if absent:
            raise TableError(
                f"No row has the value {absent[0]!r}.", f"Values found: {', '.join(sorted(present)[:10])}."
            )
        sides = {value: sides.get(value, TRAIN) for value in present}
    odd = sorted(present - set(sides) - {""})
    if odd:
        raise TableError(
            f"The value {odd[0]!r} names no side.",
            f"Use {', '.join(SIDES)}, or say which values test and validate: --test-value {odd[0]}.",
        )
    assignment = Assignment()
    for name, value in values.items():
        if not value:
            assignment.leave_out(name, "blank", "the column is blank")
        elif sides[value] == LEFT_OUT:
            assignment.leave_out(name, "column", "left out by the column")
        else:
            assignment.sides[name] = sides[value]
    return assignment


def separate_ligands(
    assignment: Assignment, scaffolds: Mapping[str, str], prints: Mapping[str, np.ndarray], similarity: float
) -> None:
    """Leaves out rows until no two sides share a scaffold or hold ligands as similar as a threshold.

    Test rows stay; validation rows that resemble one go, then training rows that resemble what is left of the two.

    Args:
        assignment: Changed in place.
        scaffolds: Scaffold of each id.
        prints: Packed fingerprint of each id, (256,) uint8.
        similarity: Tanimoto from which on two ligands are alike.
    """
    kept = assignment.on(TEST)
    for side in (VALIDATION, TRAIN):
        names = assignment.on(side)
        if kept and names:
            for name, reason in _likeness(names, kept, scaffolds, prints, similarity).items():
                assignment.leave_out(name, *reason)
        kept = sorted(kept + assignment.on(side))


def _likeness(
    names: list[str],
    kept: list[str],
    scaffolds: Mapping[str, str],
    prints: Mapping[str, np.ndarray],
    similarity: float,
) -> dict[str, tuple[str, str]]:
    """Why each of some rows may not stand beside those that are kept."""
    owner: dict[str, str] = {}
    for name in kept:
        owner.setdefault(scaffolds[name], name)
    reasons = {
        name: ("scaffold", f"scaffold of {owner[scaffolds[name]]}") for name in names if scaffolds[name] in owner
    }
    rest = [name for name in names if name not in reasons]
    if rest:
        others = np.stack([prints[name] for name in kept])
        for start, block in tanimoto_rows(np.stack([prints[name] for name in rest]), others):
            nearest = block.argmax(axis=1)
            for row in np.flatnonzero(block.max(axis=1) >= similarity):
                value = block[row, nearest[row]]
                reasons[rest[start + row]] = ("similarity", f"similarity {value:.2f} to {kept[nearest[row]]}")
    return reasons
