"""Predictions, peers and truth joined by id; poses and protomers of one compound merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from binding.errors import TableError, UsageError
from binding.evaluation.baselines import Judged, add_peers, trivial_baselines
from binding.evaluation.report import Counts
from binding.io.decimals import HINT as DECIMAL_HINT
from binding.io.index import IndexEntry
from binding.io.truth import truth_frame

EXACT_RELATIONS: Final = ("=", "~")
_ACTIVE: Final = ("1", "1.0", "true", "active", "yes")
_INACTIVE: Final = ("0", "0.0", "false", "inactive", "decoy", "no")
_SAME_PK: Final = 1e-6


@dataclass(frozen=True)
class TruthColumns:
    """Which of the truth's columns mean what; None for none.

    Attributes:
        group: The target of a row: compounds are ranked, and poses and actives picked out, inside one.
        series: The congeneric series of a row.
        compound: Names the compound, where a row is one of its poses or protomers.
        label: 1 or ``active``, 0, ``inactive`` or ``decoy``.
        rmsd: RMSD of the pose to the native one, Å.
    """

    group: str | None = None
    series: str | None = None
    compound: str | None = None
    label: str | None = None
    rmsd: str | None = None

    def __post_init__(self) -> None:
        if self.rmsd is not None and self.group is None:
            raise UsageError(
                "Docking power needs to know which poses belong together.",
                "Name the column of the target of each pose: --group COLUMN.",
            )

    @property
    def asked(self) -> dict[str, str]:
        """The columns that are named, by their sense."""
        return {sense: name for sense, name in asdict(self).items() if name is not None}

    @property
    def needs_affinities(self) -> bool:
        """Whether there is nothing to judge without a measured pK in each row."""
        return self.label is None and self.rmsd is None


@dataclass(frozen=True)
class Joined:
    """Every row of the truth, whether it was predicted or not.

    Attributes:
        rows: By ``id``: ``pk_true`` (NaN where not measured as a value), the predictions' columns and the truth's.
        roles: By ``id``: the columns of ``TruthColumns`` by their sense; ``label`` and ``rmsd`` as numbers.
        scores: By ``id``: what is judged, the model first, then the baselines and peers; higher is better.
        judged: What each column of ``scores`` is.
        counts: Where the rows went, before any are merged.
        truth: What the truth is called in messages.
    """

    rows: pd.DataFrame
    roles: pd.DataFrame
    scores: pd.DataFrame
    judged: tuple[Judged, ...]
    counts: Counts
    truth: str = "the truth"

    @property
    def model(self) -> str:
        """The column of ``scores`` that is the model."""
        return str(self.scores.columns[0])

    def where(self, kept: np.ndarray) -> Joined:
        """Only some rows, by a mask or by their numbers."""
        return replace(self, rows=self.rows.iloc[kept], roles=self.roles.iloc[kept], scores=self.scores.iloc[kept])


def _column_of_ids(table: pd.DataFrame, ids: pd.Index) -> str | None:
    """Another column that holds the ids, such as the titles of the records; None where none does."""
    texts = [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]
    return next((str(name) for name in texts if table[name].astype(str).isin(ids).any()), None)


def join(
    predictions: pd.DataFrame,
    truth: Sequence[IndexEntry],
    column: str,
    columns: TruthColumns,
    peers: pd.DataFrame | None,
    truth_name: str = "the truth",
) -> Joined:
    """Joins by id.

    Args:
        predictions, truth, column, columns, peers: As of ``binding.evaluation.evaluate``.
        truth_name: What the truth is called in messages, such as its file's name.

    Raises:
        TableError: A column is missing, an id occurs twice, a cell cannot be read, or no id is in both.
    """
    table = by_id(predictions, "The predictions", column)
    measured = truth_frame(truth)
    known = measured.index.isin(table.index)
    if not known.any():
        titled = _column_of_ids(table, measured.index)
        raise TableError(
            f"No id is both in the predictions and in {truth_name}.",
            f"Ids predicted: {_some(table.index)}; ids measured: {_some(measured.index)}."
            + (f" The column {titled} of the predictions has these: add --id-column {titled}." if titled else ""),
        )
    exact = measured["relation"].isin(EXACT_RELATIONS).to_numpy()
    pk = measured["pk"].to_numpy(dtype=np.float64)
    roles = _roles(measured, columns, truth_name)
    rows = table.drop(columns=["pk_true", "error"], errors="ignore").reindex(measured.index)
    rows.insert(0, "pk_true", np.where(exact, pk, np.nan))
    for name in columns.asked.values():
        if name not in rows:
            rows[name] = measured[name]
    scores = pd.DataFrame({column: _numbers(rows[column])}, index=rows.index)
    judged = [Judged(column), *trivial_baselines(rows, measured, scores)]
    if peers is not None:
        judged += add_peers(by_id(peers, "The peers' predictions"), scores)
    predicted = np.isfinite(scores[column].to_numpy())
    counts = Counts(
        asked=len(measured),
        scored=int((predicted & exact & np.isfinite(pk)).sum()),
        failed=int((known & ~predicted).sum()),
        missing=int((~known).sum()),
        censored=int((predicted & ~exact).sum()),
        extra=int((~table.index.isin(measured.index)).sum()),
        unmeasured=int((predicted & exact & ~np.isfinite(pk)).sum()),
    )
    return Joined(rows, roles, scores, tuple(judged), counts, truth_name)


def by_id(table: pd.DataFrame, what: str, *required: str) -> pd.DataFrame:
    """A table with its ids as index.

    Raises:
        TableError: A column is missing or an id occurs twice.
    """
    missing = [name for name in ("id", *required) if name not in table.columns]
    if missing:
        found = ", ".join(map(str, table.columns))
        raise TableError(f"{what} have no column {missing[0]!r}.", f"Columns found: {found}.")
    ids = table["id"].astype(str)
    twice = ids[ids.duplicated()]
    if len(twice):
        hint = "One row an id: choose a pose for each complex first (the highest pk or pose), or give each row an id."
        raise TableError(f"{what} have the id {twice.iloc[0]!r} more than once.", hint)
    return table.assign(id=ids).set_index("id")


def merge_compounds(joined: Joined, column: str | None) -> Joined:
    """One row a compound: that of its best score by the model; each other column gives its own best.

    Args:
        joined: Rows, those without a score among them.
        column: Name of the truth's column, for messages; None leaves the rows as they are. Rows without a
            compound stand for themselves. The same name in another group or series is another compound.

    Raises:
        TableError: Rows of one compound have different measured pK or labels.
    """
    if column is None or len(joined.rows) == 0:
        return joined
    names = joined.roles["compound"].where(joined.roles["compound"] != "", joined.roles.index.to_series())
    keys = pd.DataFrame({"compound": names, **{r: joined.roles[r] for r in ("group", "series") if r in joined.roles}})
    codes = keys.groupby(list(keys.columns), sort=False).ngroup().to_numpy()
    for what, values in (("pK", joined.rows["pk_true"]), ("label", joined.roles.get("label"))):
        if values is None:
            continue
        spread = values.groupby(codes).agg(np.ptp).to_numpy()
        if (spread > _SAME_PK).any():
            of_one = names.index[codes == int(np.argmax(spread > _SAME_PK))]
            compound = f"the compound {names[of_one[0]]!r} (column {column!r})"
            raise TableError(
                f"{joined.truth}: {compound} has rows with different {what}: {_some(of_one)}.",
                "A compound has one measured value: correct the wrong rows, or name different compounds differently.",
            )
    ranks = joined.scores[joined.model].fillna(-np.inf).reset_index(drop=True)
    first = ranks.groupby(codes).idxmax().to_numpy()
    best = joined.scores.groupby(codes).max().set_axis(joined.scores.index[first])
    return replace(joined.where(first), scores=best)


def _roles(measured: pd.DataFrame, columns: TruthColumns, truth_name: str) -> pd.DataFrame:
    roles = {}
    for sense, name in columns.asked.items():
        if name not in measured:
            found = ", ".join(c for c in measured.columns if c not in ("pk", "relation"))
            raise TableError(
                f"{truth_name} has no column {name!r}.", f"Columns found besides id and affinity: {found}."
            )
        cells = measured[name].fillna("").astype(str).str.strip()
        if sense == "label":
            roles[sense] = _labels(cells, name)
        elif sense == "rmsd":
            roles[sense] = _rmsds(cells, name)
        else:
            roles[sense] = cells
    return pd.DataFrame(roles, index=measured.index)


def _labels(cells: pd.Series, name: str) -> pd.Series:
    """1.0, 0.0, and NaN where the cell is empty."""
    labels = cells.str.lower().map({**dict.fromkeys(_ACTIVE, 1.0), **dict.fromkeys(_INACTIVE, 0.0)})
    bad = cells[labels.isna() & (cells != "")]
    if len(bad):
        raise TableError(
            f"{bad.index[0]!r} has the label {bad.iloc[0]!r} in the column {name!r}.",
            "A label is 1 or active, 0, inactive or decoy, or an empty cell.",
        )
    return labels


def _rmsds(cells: pd.Series, name: str) -> pd.Series:
    """Å, and NaN where the cell is empty."""
    values = pd.to_numeric(cells.where(cells != ""), errors="coerce")
    bad = cells[(cells != "") & ~(values >= 0)]
    if len(bad):
        raise TableError(
            f"{bad.index[0]!r} has the RMSD {bad.iloc[0]!r} in the column {name!r}.",
            f"It is a number of Å, 0 or more. {DECIMAL_HINT}"
            if "," in bad.iloc[0]
            else "It is a number of Å, 0 or more.",
        )
    return values


def _numbers(column: pd.Series) -> np.ndarray:
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def _some(ids: pd.Index) -> str:
    return ", ".join(map(str, list(ids)[:3])) + (" ..." if len(ids) > 3 else "")
