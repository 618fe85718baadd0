"""Blocks on what a prediction is worth: the prior, calibration, a forest beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from binding.model.weights import DEFAULT_MODEL, STRICT_MODEL
from scripts.figures import FIGURES
from scripts.tables.common import card, count, estimate, label, load, metrics, table


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


EXPERTS = {
    "prior": "the prior at the site, by a line",
    "network": "the geometry, by a line: `pk_network`",
    "all": "**both: `pk`**",
}
WAYS = {"family": "new families", "ligand": "known families, new ligands"}
NEARNESS = {"known": "nearest measurement", "near": "nearest training complex"}
MODELS = {
    "ligand": "the ligand alone: twelve descriptors",
    "prior": "the prior at the site",
    "ridge": "ridge regression on 35 global numbers",
    "perceptron": "a small network on the 35 numbers",
    "global_numbers": "the geometry's kernel on the 35 numbers",
    "forest": "a forest on all sums",
    "without_contacts": "**the geometry without contacts**: ligand and burial alone",
    "first_shells": "the geometry, contacts within about 4 Å alone",
    "without_angles": "the geometry without angles",
    "geometry": "**the geometry**",
}
NETWORKS = {"pk": "**`binding-base`, one network**", "pk_ligand_only": "its prior", "forest": "forest"}


def joining() -> str:
    """Each expert and pk on held-out complexes, by what was held out, and the line that joins them."""
    content = load(FIGURES / "joining.json")[DEFAULT_MODEL]
    rows = [
        (what, *(estimate(content["experts"][name][way][metric]) for way in WAYS for metric in ("r", "rmse")))
        for name, what in EXPERTS.items()
    ]
    measures = [f"{way}, {metric}" for way in WAYS.values() for metric in ("r", "RMSE, pK")]
    line, shares, networks = content["line"], content["shares_of_variance"], content["networks"]
    weight = networks["weight_beside_the_geometry"]
    sums = [
        f"{of['prior']:.2f} × prior at the site + {of['geometry']:.2f} × geometry {of['offset']:+.2f}"
        for of in (line, line.get("measured", line))
    ]
    told = (
        f"**`pk` = {sums[0]} where nothing like the complex was measured, and {sums[1]} where it was itself.** The "
        f"geometry has {100 * shares['family']['geometry']:.0f} % of the variance of `pk` on new families and "
        f"{100 * shares['ligand']['geometry']:.0f} % on known ones. On "
        f"{count(networks['network']['n'])} complexes of families that are unlike all that the networks were trained "
        f"on, these have r {estimate(networks['network']['r'])} and the geometry "
        f"{estimate(networks['geometry']['r'])}, each by a line; a line of both has {estimate(networks['both']['r'])}, "
        f"with a weight of the networks of {estimate(weight)}."
    )
    return f"{table(('crystal complexes held out', *measures), rows)}\n\n{told}"


def robustness() -> str:
    """Contacts, mirror images and the cut of the pocket."""
    content = load(FIGURES / "robustness.json")
    mirror, cuts = content[STRICT_MODEL]["mirror"], content[STRICT_MODEL]["largest_change_by_cut"]
    contacts = content[STRICT_MODEL]["contacts"]
    least = max(cuts.values())
    return (
        f"The mirror image changes `pk` by more than {mirror['from']:g} in {100 * mirror['changed']:.0f} % of the "
        f"{mirror['chiral']} complexes with a chiral ligand (by {mirror['median']:.2f} in the middle, "
        f"{mirror['largest']:.2f} at most). A pocket cut at {' or '.join(cuts)} Å instead of 15 Å changes it by "
        f"{least:.0e} at most. Where the sums over contacts of each ligand are those of a mean complex of its size, "
        f"`pk` changes by {contacts['mean_change']:.2f} on average, and r with what was measured falls from "
        f"{contacts['r']:.3f} to {contacts['r_without']:.3f}."
    )


def formats() -> str:
    """The same ligand through each format, and what is read of the data."""
    content = load(FIGURES / "formats.json")
    rows = []
    for kind, held in content["formats"].items():
        rest = ", ".join(f"{number} {why}" for why, number in held["rest"].items())
        largest = f"{held['largest']:.2f}" if held["largest"] else ""
        rows.append((kind, f"{held['same']} of {held['ligands']}", largest, rest))
    read = []
    for kind in ("structures", "ligands"):
        counts: dict[str, int] = {}
        for held in content["read"].values():
            for code, number in held.get(kind, {}).items():
                counts[code] = counts.get(code, 0) + number
        rest = ", ".join(f"{number} `{code}`" for code, number in sorted(counts.items()) if code != "read")
        read.append(f"{count(counts['read'])} of {count(sum(counts.values()))} {kind}" + (f" ({rest})" if rest else ""))
    head = ("written as", f"same `pk` to {content['same']:g}", "largest change", "reason of the others")
    step = content["step"]
    which = "" if step == 1 else f" (every {step}th file of each set)"
    return f"{table(head, rows)}\n\nOf the training and test data{which}, {' and '.join(read)} are read."


def baselines() -> str:
    """The geometry beside simpler models of the same complexes, families held out."""
    content = load(FIGURES / "baselines.json")
    every, others = content["all"], content["without_carbonic_anhydrase"]
    rows = [
        (
            what,
            *(estimate(every[name][metric]) for metric in ("r", "rmse")),
            *(
                signed(every[name][f"{metric}_minus_geometry"]) if name != "geometry" else ""
                for metric in ("r", "rmse")
            ),
            *(estimate(others[name][metric]) for metric in ("r", "rmse")),
        )
        for name, what in MODELS.items()
        if name in every
    ]
    seeds = max(found["seeds"] for found in every.values())
    without = f"without carbonic anhydrase, {count(others['geometry']['n'])}"
    head = (
        f"{count(every['geometry']['n'])} complexes",
        "r",
        "RMSE, pK",
        "r, minus the geometry",
        "RMSE, minus the geometry",
        f"{without}: r",
        "RMSE, pK",
    )
    return f"{table(head, rows)}\n\nWhat starts at random is the mean of {seeds} seeds."


def signed(gap: dict[str, float], shown: bool = True) -> str:
    """A difference with its interval; blank where it is that of a model and itself."""
    return "" if not shown else f"{gap['value']:+.3f} ({gap['low']:+.3f} to {gap['high']:+.3f})"


def calibration() -> str:
    """Coverage on complexes that were held out."""
    content = load(FIGURES / "joining.json")
    rows = [
        (f"`{name}`, {title}", what, *_coverage(content[name]["experts"][expert][way]["error_bars"]))
        for name in (DEFAULT_MODEL, STRICT_MODEL)
        for way, title in WAYS.items()
        for expert, what in EXPERTS.items()
        if expert == "all" or name == DEFAULT_MODEL
    ]
    head = ("weights, held out", "predicted by", "n", *(f"{level} %" for level in (50, 68, 80, 90, 95)))
    return table((*head, "`pk_low` to `pk_high`", "ECE", "mean `pk_std`", "RMSE"), rows)


def _coverage(figures: dict[str, Any]) -> list[object]:
    return [
        count(figures["n"]),
        *(f"{share:.2f}" for share in figures["coverage"].values()),
        estimate(figures["inside_90"]),
        f"{figures['ece']:.3f}",
        f"{figures['mean_std']:.2f}",
        f"{figures['rmse']:.2f}",
    ]


def narrowing() -> str:
    """Error bars by how near the nearest measurement and the nearest training complex are."""
    content = load(FIGURES / "joining.json")[DEFAULT_MODEL]
    rows = [
        (
            NEARNESS[name],
            f"{part['low']:g} to {part['high']:g}",
            count(part["n"]),
            f"{part['rmse']:.2f}",
            f"{part['mean_std']:.2f}",
            f"{100 * part['inside_90']['value']:.0f} %",
        )
        for name, parts in content["error_bars_by"].items()
        for part in parts
    ]
    found = card(DEFAULT_MODEL)["calibration"]
    told = (
        f"**`pk_std` = {found['std']:.2f} × (1 - {found['known_narrowing']:.2f} × nearest measurement) × "
        f"(1 - {found['near_narrowing']:.2f} × nearest complex).**"
    )
    return f"{table(('', 'from', 'n', 'RMSE', 'mean `pk_std`', 'in 90 % intervals'), rows)}\n\n{told}"


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


def laboratories() -> str:
    """How well tables that were gathered apart agree on one ligand and protein, and what that allows in a series."""
    content = load(FIGURES / "ceiling.json")
    rows = [
        (name, count(found["pairs"]), f"{found['r']:.2f}", estimate(found["rmse"]), estimate(found["sigma"]))
        for name, found in content["laboratories"].items()
    ]
    assays, series = content["assays"], content["series"]
    title = f"two assays of ChEMBL, {count(assays['assays'])} pairs, but for the mean of what they differ by"
    rows.append((title, count(assays["pairs"]), "", estimate(assays["rmse"]), estimate(assays["sigma"])))
    header = (
        "two values of one ligand and protein",
        "pairs",
        "r",
        "RMSE, pK",
        "standard deviation of one, by the median",
    )
    spread = (
        f"In the middle one of {count(series['n'])} series the pK have a standard deviation of {series['spread']:.2f}"
    )
    best = f"labels as good as those of two assays would allow a mean r of {series['highest_r']:.2f} there"
    return f"{table(header, rows)}\n\n{spread}; {best}."


def geometry_curve() -> str:
    """What more complexes bring to the geometry."""
    content = load(FIGURES / "ceiling.json")["curve"]
    rows = []
    for name, steps in content.items():
        for step in steps:
            if name == "families" and step["share"] == 1.0:
                continue
            ways = ("family",) if name == "families" else ("family", "ligand")
            figures = [estimate(step[way][metric]) for way in ways for metric in ("r", "rmse")]
            what = "all" if step["share"] == 1.0 else f"{step['share']:.0%} of the {name}".replace("%", " %")
            rows.append((what, count(step["complexes"]), *figures, *[""] * (4 - len(figures))))
    header = ("fitted to", "complexes", "new families, r", "RMSE, pK", "known families, new ligands, r", "RMSE, pK")
    return table(header, rows)


BLOCKS: dict[str, Callable[[], str]] = {
    "baselines": baselines,
    "calibration": calibration,
    "casf_ranking": casf_ranking,
    "forest": forest,
    "geometry_curve": geometry_curve,
    "joining": joining,
    "label_noise": label_noise,
    "laboratories": laboratories,
    "learning_curve": learning_curve,
    "narrowing": narrowing,
    "prior": prior,
    "robustness": robustness,
    "formats": formats,
}
