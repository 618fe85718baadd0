"""Folders of complexes -> which rows train, validate and test, by one of several rules, and how far apart they are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from binding.callbacks import Announce
from binding.data.entries import Content, MeasuredComplex, read_complexes, read_content
from binding.data.holdout import SIDES, TEST, TRAIN, VALIDATION
from binding.errors import TableError, UsageError
from binding.files import atomic, make_folder, write_text
from binding.splits.assign import Assignment, by_column, by_group, by_time, separate_ligands
from binding.splits.clusters import IDENTITY, LEAST_KNOWN, ProteinSet, cluster_proteins
from binding.splits.leakage import LeakData, LeakReport, Thresholds, find_leaks
from binding.splits.similarity import SIMILARITY, fingerprints, scaffold

RULES: Final = ("random", "time", "protein", "scaffold", "both", "column")
_NEEDS_PROTEINS: Final = ("protein", "both")
_NEEDS_LIGANDS: Final = ("scaffold", "both")


@dataclass(frozen=True)
class SplitRule:
    """How to split.

    Attributes:
        by: One of ``RULES``.
        test: Share of the rows to test on.
        validation: Share of the rows to validate on.
        seed: Seed of the draw.
        identity: Sequence identity from which on two proteins are alike.
        similarity: Tanimoto (ECFP4) from which on two ligands are alike.
        column: Column of the index that holds the sides (``column``) or the dates (``time``).
        test_values, validation_values: Values of the column that stand for these sides.
    """

    by: str = "random"
    test: float = 0.1
    validation: float = 0.1
    seed: int = 0
    identity: float = IDENTITY
    similarity: float = SIMILARITY
    column: str | None = None
    test_values: tuple[str, ...] = ()
    validation_values: tuple[str, ...] = ()

    @property
    def thresholds(self) -> Thresholds:
        """The thresholds from which on proteins and ligands count as close."""
        return Thresholds(self.identity, self.similarity)

    def __post_init__(self) -> None:
        if self.by not in RULES:
            raise UsageError(f"There is no rule {self.by!r}.", f"The rules are {', '.join(RULES)}.")
        if not (self.test >= 0 and self.validation >= 0 and self.test + self.validation < 1):  # nan is none of it
            raise UsageError(
                "The shares to test and to validate must be at least 0 and below 1 in sum.", "Usual is 0.1 for each."
            )
        for name, value in (("identity", self.identity), ("similarity", self.similarity)):
            if not 0.2 <= value <= 1.0:
                raise UsageError(f"{name} {value} is not between 0.2 and 1.", "Below 0.2 lies what chance gives.")
        if self.by == "column" and not self.column:
            raise UsageError("The rule column needs the name of a column.", "Add --column NAME.")
        if self.by != "column" and (self.test_values or self.validation_values):
            raise UsageError("Values that stand for a side belong to the rule column.", "Add --by column.")
        if self.by not in ("column", "time") and self.column:
            raise UsageError(f"The rule {self.by} reads no column.", "Use --by column or --by time.")


@dataclass(frozen=True, eq=False)
class SplitResult:
    """A split and what is known about it.

    Attributes:
        table: A row for each row of the indexes, in their order: ``id``, ``split``, ``reason``, and
            ``protein_cluster`` (the first id of the cluster) and ``scaffold`` where they were needed.
        summary: The rule, counts and what was read; ready for JSON.
        failed: Rows left out because their files cannot be read.
        report: Nearest neighbours, where it was asked for.
    """

    table: pd.DataFrame = field(repr=False)
    summary: dict[str, Any]
    failed: int
    report: LeakReport | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Rows on each side."""
        return self.summary["counts"]

    def write(self, path: str | Path) -> list[Path]:
        """Writes the table, ``<stem>.json``, and with a report ``<stem>.report.csv`` and ``<stem>.lookup.csv``.

        Raises:
            WriteError: ``disk_full`` or ``not_writable``.
        """
        path = Path(path)
        make_folder(path.parent)
        with atomic(path) as partial:
            self.table.to_csv(partial, index=False)
        written = [path, path.with_suffix(".json")]
        write_text(written[1], json.dumps(self.summary, indent=2) + "\n")
        if self.report is not None:
            for what, table in (("report", self.report.rows), ("lookup", self.report.lookup)):
                written.append(path.with_suffix(f".{what}.csv"))
                with atomic(written[-1]) as partial:
                    table.to_csv(partial, index=False, float_format="%.4f")
        return written


def split_dataset(
    folders: Sequence[str | Path],
    rule: SplitRule,
    *,
    indexes: Sequence[str | Path] | None = None,
    report: bool = False,
    progress: Announce | None = None,
) -> SplitResult:
    """Splits the rows of folders of complexes.

    Args:
        folders: In the layout that ``binding prepare`` reads; several are split as one.
        rule: How to split.
        indexes: One a folder; ``<folder>/index.csv`` where None.
        report: Whether to find the nearest training protein and ligand of each held-out row.
        progress: Called with what is being done; returns a function of the numbers done and to do.

    Raises:
        FileError, TableError: A folder or index cannot be read, a column is missing, or no row is left for a side.
        UsageError: The rule contradicts itself.
    """
    rows = read_complexes(folders, indexes)
    wants_proteins, wants_ligands = report or rule.by in _NEEDS_PROTEINS, report or rule.by in _NEEDS_LIGANDS
    bar = progress or (lambda what: None)
    content = Content(failed={row.id: row.error for row in rows if row.error is not None})
    if wants_proteins or wants_ligands:
        content = read_content(rows, proteins=wants_proteins, ligands=wants_ligands, progress=bar("reading"))
    usable = [row for row in rows if row.id not in content.failed]
    if not usable:
        error = next(iter(content.failed.values()))
        raise TableError(f"No row can be read; the first: {error.message}", error.hint)
    features = compare_rows(usable, content, rule.identity, bar("comparing proteins") if content.chains else None)
    assignment = assign(usable, rule, features)
    for name, error in content.failed.items():
        assignment.leave_out(name, "unreadable", f"{error.code}: {error.message}")
    if not assignment.on(TRAIN):
        raise TableError("The split leaves no row to train on.", "Use another rule or smaller shares.")
    leaks = None
    if report:
        held_out = {side: assignment.on(side) for side in (TEST, VALIDATION)}
        leaks = find_leaks(assignment.on(TRAIN), held_out, features.known(usable), rule.thresholds)
    summary = _summary(folders, rule, assignment, features, content, leaks)
    return SplitResult(_table(rows, assignment, features), summary, len(content.failed), leaks)


@dataclass(frozen=True, eq=False)
class Compared:
    """What the rules and the report compare, by id; empty where it was not read.

    Attributes:
        protein: Name of the protein in ``proteins``.
        proteins: Which are alike.
        clusters: First id of the protein's cluster.
        scaffolds: SMILES.
        prints: Packed fingerprints, (256,) uint8 each.
    """

    protein: dict[str, str] = field(default_factory=dict)
    proteins: ProteinSet | None = None
    clusters: dict[str, str] = field(default_factory=dict)
    scaffolds: dict[str, str] = field(default_factory=dict)
    prints: dict[str, np.ndarray] = field(default_factory=dict)

    def known(self, rows: Sequence[MeasuredComplex]) -> LeakData:
        """What the report needs of rows."""
        assert self.proteins is not None, "a report reads proteins"
        pk = {row.id: row.entry.affinity.pk for row in rows}
        return LeakData(pk, self.protein, self.proteins, self.prints)


def compare_rows(
    rows: Sequence[MeasuredComplex],
    content: Content,
    identity: float = IDENTITY,
    progress: Callable[[int, int], None] | None = None,
) -> Compared:
    """Clusters, scaffolds and fingerprints of what was read.

    Args:
        rows: That could be read.
        content: Contents of their files.
        identity: Sequence identity from which on two proteins are alike.
        progress: Called with the numbers of chains compared and to compare.
    """
    scaffolds: dict[str, str] = {}
    prints: dict[str, np.ndarray] = {}
    if content.mols:
        mols = [content.mols[row.id] for row in rows]
        scaffolds = {row.id: scaffold(mol) for row, mol in zip(rows, mols, strict=True)}
        prints = dict(zip((row.id for row in rows), fingerprints(mols), strict=True))
    if not content.chains:
        return Compared(scaffolds=scaffolds, prints=prints)
    protein = {row.id: str(row.protein) for row in rows}
    proteins = cluster_proteins({str(folder): found for folder, found in content.chains.items()}, identity, progress)
    first: dict[str, str] = {}
    for name in sorted(protein):
        first.setdefault(proteins.clusters[protein[name]], name)
    clusters = {name: first[proteins.clusters[where]] for name, where in protein.items()}
    return Compared(protein, proteins, clusters, scaffolds, prints)


def assign(rows: Sequence[MeasuredComplex], rule: SplitRule, features: Compared) -> Assignment:
    """The sides of rows by a rule.

    Raises:
        TableError: A column is missing, or there are too few groups for the sides.
    """
    fractions = {TEST: rule.test, VALIDATION: rule.validation}
    if rule.by == "random":
        return by_group({row.id: row.id for row in rows}, fractions, rule.seed)
    if rule.by == "scaffold":
        return by_group(features.scaffolds, fractions, rule.seed)
    if rule.by in _NEEDS_PROTEINS:
        assignment = by_group(features.clusters, fractions, rule.seed)
        if rule.by == "both":
            separate_ligands(assignment, features.scaffolds, features.prints, rule.similarity)
        return assignment
    column = rule.column or "year"
    values = _column(rows, column)
    if rule.by == "time":
        return by_time(values, fractions)
    return by_column(values, {TEST: rule.test_values, VALIDATION: rule.validation_values})


def _column(rows: Sequence[MeasuredComplex], column: str) -> dict[str, str]:
    """A column of the indexes; an index that lacks it gives blanks, as long as another has it."""
    if not any(column in row.entry.extra for row in rows):
        found = sorted({name for row in rows for name in row.entry.extra})
        raise TableError(f"The index has no column {column!r}.", f"Columns found: {', '.join(found) or 'none'}.")
    return {row.id: row.entry.extra.get(column, "") for row in rows}


def _table(rows: list[MeasuredComplex], assignment: Assignment, features: Compared) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "id": [row.id for row in rows],
            "split": [assignment.sides[row.id] for row in rows],
            "reason": [assignment.reasons.get(row.id, ("", ""))[1] for row in rows],
        }
    )
    for name, values in (("protein_cluster", features.clusters), ("scaffold", features.scaffolds)):
        if values:
            table[name] = [values.get(row.id, "") for row in rows]
    return table


def _summary(
    folders: Sequence[str | Path],
    rule: SplitRule,
    assignment: Assignment,
    features: Compared,
    content: Content,
    leaks: LeakReport | None,
) -> dict[str, Any]:
    sides = Counter(assignment.sides.values())
    summary: dict[str, Any] = {
        "rule": asdict(rule),
        "folders": [str(folder) for folder in folders],
        "rows": len(assignment.sides),
        "counts": {side: sides.get(side, 0) for side in SIDES},
        "left_out": dict(sorted(Counter(kind for kind, _ in assignment.reasons.values()).items())),
    }
    for name, groups in (("protein_clusters", features.clusters), ("scaffolds", features.scaffolds)):
        if groups:
            sizes = Counter(groups.values())
            summary[name] = {"count": len(sizes), "largest": max(sizes.values())}
    if content.chains:
        summary["sequences"] = _origins(content.chains)
    if leaks is not None:
        summary["report"] = {"thresholds": asdict(leaks.thresholds), "shares": leaks.shares}
    return summary


def _origins(chains: Mapping[Path, list]) -> dict[str, int]:
    """Where the sequences come from, a count of protein files each."""
    compared = {folder: [chain for chain in found if chain.known >= LEAST_KNOWN] for folder, found in chains.items()}
    return {
        "proteins": len(chains),
        "declared": sum(any(chain.declared for chain in found) for found in compared.values()),
        "from_residues": sum(bool(found) and not found[0].declared for found in compared.values()),
        "pocket_only": sum(any(chain.fragments for chain in found[:1]) for found in compared.values()),
        "no_chain": sum(not found for found in compared.values()),
    }
