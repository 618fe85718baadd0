"""Blocks on what a prediction is worth: ranking in targets, calibration, the training domain, a forest beside it."""

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


PARTS = {
    "in_domain": "in the domain",
    "outside": "outside it",
    "protein_unknown": "unlike all proteins in training",
    "ligand_unknown": "unlike all ligands in training",
}
NETWORKS = {"pk": "**`binding-base`, one network**", "pk_ligand_only": "its prior", "forest": "forest"}


def domain() -> str:
    """Errors in and outside the training domain."""
    content = load(FIGURES / "domain.json")
    rows = []
    for name, what in PARTS.items():
        for source, where in (("parts", "all"), ("crystal", "crystal")):
            figures = content[source][name]
            rows.append((f"{what}, {where}", *_row(figures)))
    return table(("held-out rows", "n", "r", "RMSE, pK", "r of the twin", "RMSE of the twin"), rows)


def domain_bins() -> str:
    """RMSE and r by both similarities."""
    content = load(FIGURES / "domain.json")
    ligands = list(dict.fromkeys(tuple(found["nearest_ligand"]) for found in content["bins"]))
    proteins = list(dict.fromkeys(tuple(found["nearest_protein"]) for found in content["bins"]))
    cells = {(tuple(f["nearest_protein"]), tuple(f["nearest_ligand"])): _cell(f) for f in content["bins"]}
    rows = [(f"{low:g} to {high:g}", *(cells[(low, high), ligand] for ligand in ligands)) for low, high in proteins]
    return table(("`nearest_protein`", *(f"`nearest_ligand` {low:g} to {high:g}" for low, high in ligands)), rows)


def _row(figures: dict[str, Any]) -> list[object]:
    if "pk" not in figures:
        return [figures["n"], *["too few"] * 4]
    found = [estimate(figures[column][metric]) for column in ("pk", "pk_ligand_only") for metric in ("r", "rmse")]
    return [count(figures["n"]), *found]


def _cell(figures: dict[str, Any]) -> str:
    if "pk" not in figures:
        return f"n {figures['n']}"
    return f"{estimate(figures['pk']['rmse'])}; r {figures['pk']['r']['value']:.2f}; n {figures['n']}"


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


BLOCKS: dict[str, Callable[[], str]] = {
    "narrowing": narrowing,
    "calibration": calibration,
    "casf_ranking": casf_ranking,
    "domain": domain,
    "domain_bins": domain_bins,
    "forest": forest,
}
