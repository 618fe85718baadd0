"""Block on the settings that were compared on held-out protein families."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from scripts.figures import FIGURES
from scripts.tables.common import count, estimate, load, table

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


def networks() -> str:
    """The released networks against those of the release before."""
    report = load(FIGURES / "networks.json")
    rows = []
    for source, found in report["sources"].items():
        cells = [f"{found[when][m]['value']:.3f}" for m in ("r", "rmse", "tau") for when in ("before", "now")]
        gap = found["difference"]["rmse"]
        rows.append(
            (source, f"{found['n']:,}", *cells, f"{gap['value']:+.3f} ({gap['low']:+.3f} to {gap['high']:+.3f})")
        )
    head = ("rows", "n", "r, before", "now", "RMSE, before", "now", "τ, before", "now", "change of RMSE")
    return table(head, rows)


def settings_by_epoch() -> str:
    """How long to train: on families that are new, and on rows whose family is known."""
    report = load(FIGURES / "settings.json")
    arms = {arm["title"]: arm["by_epoch"] for arm in report["arms"].values() if len(arm["by_epoch"]) > 1}
    if report["rows_by_epoch"] is not None:
        arms["rows held out at random, settings as released"] = report["rows_by_epoch"]
    longest = max(len(epochs) for epochs in arms.values())
    rows = [
        (title, *(f"{e['val_r']:.3f} / {e['val_rmse']:.3f}" for e in epochs), *[""] * (longest - len(epochs)))
        for title, epochs in arms.items()
    ]
    header = ("crystal rows held out, r / RMSE", *(f"after epoch {k + 1}" for k in range(longest)))
    return table(header, rows)


def prior() -> str:
    """Networks with and without a prior, and the prior alone, on rows that were held out."""
    content = load(FIGURES / "prior.json")
    parts = {f"{source}, new families": found for source, found in content["sources"].items()}
    if "known" in content:
        parts["crystal, rows at random"] = content["known"]
    rows: list[tuple[str, ...]] = []
    for source, found in parts.items():
        for name, title in content["titles"].items():
            title = f"**{title}**" if name == "pk" else title
            if "tau" in found:
                rows.append((source, title, count(found["n"]), "", "", f"{found['tau'][name]['value']:.3f}", ""))
                continue
            method = found["methods"][name]
            gap = method["lead"]["rmse"] if "lead" in method else None
            lead = f"{gap['value']:+.2f} ({gap['low']:+.2f} to {gap['high']:+.2f})" if gap else ""
            figures = (estimate(method[metric]) for metric in ("r", "rmse"))
            rows.append((source, title, count(found["n"]), *figures, "", lead))
    header = ("held-out rows", "method", "n", "r", "RMSE, pK", "τ in series", "RMSE of the first minus it")
    return table(header, rows)


def stack() -> str:
    """How much prior and network weigh, and what it brings on rows that had no part in finding the line."""
    report = load(FIGURES / "stack.json")
    methods = {
        "stacked": "weighed by a line from the other rows",
        "of_all": "by the line of all",
        "half": "a half of each",
        "prior": "the prior at the site",
        "network": "the network alone",
    }
    rows = []
    for group in report["groups"]:
        gap = group["stacked_minus_half"]["rmse"]
        rows.append(
            (
                group["rows"],
                count(group["n"]),
                *(_both(group["methods"][name]) for name in methods),
                f"{gap['value']:+.3f} ({gap['low']:+.3f} to {gap['high']:+.3f})",
                " / ".join(f"{number:+.2f}" for number in group["own_line"]),
            )
        )
    header = (
        "held out by",
        "n",
        *(f"{title}, r / RMSE" for title in methods.values()),
        "line minus half",
        "its own line",
    )
    line = f"pk = {report['prior']:.3f} prior + {report['network']:.3f} network {report['offset']:+.3f}"
    note = f"**{line}**, from all {count(report['rows'])} rows, is what the released weights use."
    return f"{table(header, rows)}\n\n{note}"


def _both(figures: dict[str, Any]) -> str:
    return f"{figures['r']['value']:.3f} / {figures['rmse']['value']:.3f}"


def learning_curve() -> str:
    """What more ligands bring to the prior."""
    rows = [
        (
            count(step["ligands"]),
            *(f"{estimate(step[rule][metric])}" for rule in ("new family", "known family") for metric in ("r", "rmse")),
        )
        for step in load(FIGURES / "limits.json")["curve"]
    ]
    header = ("ligands", "new families, r", "RMSE, pK", "known families, r", "RMSE, pK")
    return table(header, rows)


def label_noise() -> str:
    """How well two measurements agree."""
    found = load(FIGURES / "limits.json")["repeated"]
    sigma = f"{found['sigma']['value']:.2f} ({found['sigma']['low']:.2f} to {found['sigma']['high']:.2f})"
    return (
        f"{count(found['apart'])} pairs of entries of one ligand and one protein differ as if each measurement had a "
        f"standard deviation of {sigma} pK. No model can have an RMSE below it on such rows, nor, with the spread of "
        f"the crystal rows ({found['spread']:.2f}), an r above {found['highest_r']:.2f}."
    )


BLOCKS: dict[str, Callable[[], str]] = {
    "label_noise": label_noise,
    "learning_curve": learning_curve,
    "prior": prior,
    "settings_by_epoch": settings_by_epoch,
    "networks": networks,
    "settings_compared": settings_compared,
    "stack": stack,
}
