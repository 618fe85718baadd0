"""Blocks on what a prediction is worth: the prior, calibration, a forest beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scripts.figures import FIGURES
from scripts.tables.common import count, estimate, label, load, metrics, table


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


NETWORKS = {"pk": "**`binding-base`, one network**", "pk_ligand_only": "its prior", "forest": "forest"}


def narrowing() -> str:
    """Error bars by how near the nearest measurement is, with and without what that says."""
    content = load(FIGURES / "narrowing.json")
    kinds = ("narrowed", "flat")
    rows = []
    for found in content["bins"]:
        stds = [f"{found[kind]['mean_std']:.2f}" for kind in kinds]
        inside = [f"{100 * found[kind]['inside_90']:.0f} %" for kind in kinds]
        near = f"{found['low']:g} to {found['high']:g}"
        rows.append(
            (
                near,
                count(found["n"]),
                f"{found['rmse']:.2f}",
                *(c for pair in zip(stds, inside, strict=True) for c in pair),
            )
        )
    head = (
        "nearest measurement",
        "n",
        "RMSE",
        "mean `pk_std`",
        "in 90 % intervals",
        "mean, not narrowed",
        "in 90 %, not narrowed",
    )
    told = f"**`pk_std` is multiplied by 1 - {content['known_narrowing']:.2f} × nearest measurement.**"
    return f"{table(head, rows)}\n\n{told}"


def calibration() -> str:
    """Coverage on proteins that were held out."""
    content = load(FIGURES / "calibration.json")
    rows = [(f"network {name}", *_coverage(figures)) for name, figures in content["networks"].items()]
    rows.append(("all networks", *_coverage(content["pooled"])))
    if "ensembles" in content:
        rows.append(("ensembles, by their networks' factors", *_coverage(content["ensembles_by_their_networks"])))
        rows.append(("ensembles, by factors of other ensembles", *_coverage(content["ensembles"])))
    head = (
        "held-out rows",
        "n",
        "50 %",
        "68 %",
        "80 %",
        "90 %",
        "95 %",
        "`pk_low` to `pk_high`",
        "ECE",
        "mean `pk_std`",
    )
    return table((*head, "RMSE"), rows)


def _coverage(figures: dict[str, Any]) -> list[object]:
    inside = figures["interval_90"]
    return [
        figures["n"],
        *(f"{share:.2f}" for share in figures["coverage"].values()),
        f"{inside['value']:.2f} ({inside['low']:.2f} to {inside['high']:.2f})",
        f"{figures['ece']:.3f}",
        f"{figures['mean_std']:.2f}",
        f"{figures['rmse']:.2f}",
    ]


def forest() -> str:
    """The networks beside a forest on the same rows."""
    content = load(FIGURES / "forest.json")
    parts = {f"held-out families, `{name}/`": part for name, part in content["held_out"].items()}
    parts["CASF-2016, strict rows"] = content["casf2016"]
    rows = []
    for what, part in parts.items():
        for column, name in NETWORKS.items():
            if what.startswith("CASF") and column == "pk":
                name = "**`binding-strict`**"
            rows.append(
                (what, name, part["n"], *(estimate(part["columns"][column][m]) for m in ("r", "spearman", "rmse")))
            )
        gaps = part["pk_minus_forest"]
        signed = (
            f"{gaps[m]['value']:+.2f} ({gaps[m]['low']:+.2f} to {gaps[m]['high']:+.2f})"
            for m in ("r", "spearman", "rmse")
        )
        rows.append((what, "network minus forest", part["n"], *signed))
    return table(("rows", "method", "n", "r", "Spearman ρ", "RMSE, pK"), rows)


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
    "calibration": calibration,
    "casf_ranking": casf_ranking,
    "forest": forest,
    "label_noise": label_noise,
    "learning_curve": learning_curve,
    "narrowing": narrowing,
    "prior": prior,
}
