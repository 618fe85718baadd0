"""Blocks on what a prediction is worth: ranking inside targets, calibration, the training domain, the forest beside it."""

from __future__ import annotations

from collections.abc import Callable

from page_tables.accuracy import label
from page_tables.common import estimate, metrics, table


def casf_ranking() -> str:
    """Ranking of the complexes of each protein of the test set, averaged over the proteins."""
    section = metrics()["ranking"]
    gaps = {c["name"]: c["differences"]["spearman"] for c in section["comparisons"]}
    rows = []
    for column in sorted(section["columns"], key=lambda c: -c["metrics"]["spearman"]["value"]):
        what = label(column["name"])[0].removesuffix(", a line")
        gap = gaps.get(column["name"])
        minus = f"{gap['value']:+.2f} ({gap['low']:+.2f} to {gap['high']:+.2f})" if gap else ""
        rows.append((what, column["n"], *(estimate(column["metrics"][m]) for m in ("spearman", "kendall")), minus))
    head = ("method", "complexes", "mean Spearman ρ", "mean Kendall τ", "ρ, this model minus it")
    return f"{section['counts']['groups']} proteins, {section['counts']['rows']} complexes:\n\n{table(head, rows)}"


BLOCKS: dict[str, Callable[[], str]] = {
    "casf_ranking": casf_ranking,
}
