"""Blocks on the prior: what it adds to the networks, and what limits it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scripts.figures import FIGURES
from scripts.tables.common import count, estimate, load, table


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
    "stack": stack,
}
