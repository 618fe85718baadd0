"""Block on the settings that were compared on held-out protein families."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from page_tables.common import FIGURES, load, table

CRYSTAL, POSED, MODELLED, SERIES = "crystal", "posed_ligands", "modelled", "posed_congeneric"


def settings_compared() -> str:
    """One row an arm; losers stay."""
    report = load(FIGURES / "settings.json")
    control = report["control"]
    arms = sorted(report["arms"].items(), key=lambda item: item[0] != control)
    rows = []
    for name, arm in arms:
        figures = arm["figures"]
        gap = arm["difference"][CRYSTAL]["rmse"] if name != control else None
        rows.append(
            (
                f"**{arm['title']}**" if name == control else arm["title"],
                *(f"{figures[s]['pk'][m]['value']:.3f}" for s in (CRYSTAL, POSED) for m in ("r", "rmse")),
                *(_tau(figures[source]) for source in (MODELLED, SERIES)),
                f"{gap['value']:+.3f} ({gap['low']:+.3f} to {gap['high']:+.3f})" if gap else "",
            )
        )
    columns = (
        "settings",
        "crystal, r",
        "RMSE",
        "posed ligands, r",
        "RMSE",
        "modelled, τ",
        "series, τ",
        "change of RMSE",
    )
    first = report["arms"][control]["figures"]
    counts = ", ".join(f"{first[s]['n']:,} {s}" for s in (CRYSTAL, POSED, MODELLED, SERIES))
    note = f"Rows with an exact measurement: {counts}. Folds {', '.join(map(str, report['folds']))} of {report['of']}."
    return f"{table(columns, rows)}\n\n{note}"


def _tau(figures: dict[str, Any]) -> str:
    """Of the model, and of its twin."""
    own, twin = (figures[name]["tau"]["value"] for name in ("pk", "pk_ligand_only"))
    return "" if own is None or math.isnan(own) else f"{own:.3f} (twin {twin:.3f})"


BLOCKS: dict[str, Callable[[], str]] = {"settings_compared": settings_compared}
