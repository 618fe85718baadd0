"""Blocks on ranking, enrichment and the cost of a screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from binding.model.weights import DEFAULT_MODEL, STRICT_MODEL
from scripts.figures import FIGURES
from scripts.tables.common import card, count, estimate, label, load, table

#: Stages of a run as ``run.json`` names them, in the order of the work.
STAGES = {
    "read": "reading the library",
    "rank": "ranking without poses",
    "featurize": "parsing and graphs",
    "network": "network",
    "write": "writing the parts",
    "results": "writing the results",
}


def _ranking_rows(columns: list[dict[str, Any]], names: Sequence[str]) -> list[tuple[str, ...]]:
    return [(label(c["name"])[0].replace(", a line", ""), *(estimate(c["metrics"][n]) for n in names)) for c in columns]


def series() -> str:
    """Ranking inside congeneric series by both sets of weights, beside what needs no structure."""
    rows: list[tuple[str, ...]] = []
    for model in (DEFAULT_MODEL, STRICT_MODEL):
        found = load(FIGURES / f"series_{model}.json")["series"]
        names = {"pk": f"**`{model}`**", "pk_ligand_only": f"the prior of `{model}`, which sees the ligand alone"}
        own = [c for c in found["columns"] if c["name"] in names]
        rows += [(names[c["name"]], estimate(c["metrics"]["r"]), estimate(c["metrics"]["kendall"])) for c in own]
    rest = [c for c in found["columns"] if c["name"] in ("heavy_atoms", "mol_weight")]
    rows += _ranking_rows(rest, ("r", "kendall"))
    kept = [g for g in found["groups"] if g["name"] == "pk"]
    title = f"{len(kept)} series, {count(sum(g['n'] for g in kept))} compounds:"
    return f"{title}\n\n{table(('method', 'weighted Pearson r', 'weighted Kendall τ'), rows)}"


def _scorer(name: str, model: str) -> str:
    """What ranks the compounds of a screening set."""
    if name == "pk":
        if "geometry_rows" in card(model):  # no network takes part
            return f"**`{model}`**"
        number = card(model)["num_members"]
        return f"**`{model}`**, {'one network' if number == 1 else f'{number} networks'}"
    named = {
        "rank_score": "**rank score**, by which a screen goes",
        "pk_of_pose": "`pk`",
        "pose_probability": "`pose` of the compound's best pose",
        "vina": "Vina's function, poses as given",
        "vina_program": "AutoDock Vina 1.2.7, score only",
        "dock_score": "AutoDock Vina 1.2.7, which docked it",
    }
    return named.get(name) or label(name)[0].replace(", a line", "")


def screening_sets() -> str:
    """Enrichment of sets that come with poses, and of a sample that was docked."""
    content = load(FIGURES / "screening_sets.json")
    rows, notes = [], []
    for found in content["sets"]:
        total = found["actives"] + found["inactives"]
        what = f"{found['set']}, {count(found['actives'])} of {count(total)} active"
        if "docked" in found:
            what += ", docked here"
            notes.append(_docked(found))
        for column in found["enrichment"]["columns"]:
            figures = (estimate(column["metrics"][m], 1 if m == "ef1" else 2) for m in ("ef1", "bedroc", "auc"))
            rows.append((what, _scorer(column["name"], content["model"]), *figures))
            what = ""
    alike = [(found["set"], found["vina_agreement"]) for found in content["sets"] if "vina_agreement" in found]
    if alike:
        parts = [f"{name} r {a['r']:.3f}, {a['mean_difference']:.2f} kcal/mol apart on average" for name, a in alike]
        notes.insert(0, f"Vina's function here and Vina itself: {'; '.join(parts)}.")
    head = ("set", "ranked by", "EF1%", "BEDROC (α = 20)", "ROC-AUC")
    return "\n\n".join([table(head, rows), *notes])


#: Terms of ``binder`` and the columns of the small screens, in words.
TERMS = {
    "binder": "**`binder`**",
    "pose": "log odds of `pose`",
    "pk": "`pk`",
    "pk_network": "`pk_network`",
    "pk_prior": "`pk_prior`",
    "pk_ligand_only": "`pk_ligand_only`",
    "known": "the nearest measurement, 0 to 0.7",
    "vina": "AutoDock Vina, which docked them",
    "vina_by_size": "... over the root of the number of heavy atoms",
    "size": "natural logarithm of the number of heavy atoms",
}


def binder_terms() -> str:
    """The weights of both sets, and what they were fitted to."""
    found = load(FIGURES / "binder.json")["models"]
    names = [name for name in TERMS if any(name in one["weights"] for one in found.values())]
    rows = [(TERMS[name], *(f"{one['weights'].get(name, 0.0):.2f}" for one in found.values())) for name in names]
    rows.append(("constant", *(f"{one['offset']:.2f}" for one in found.values())))
    fitted = next(iter(found.values()))["fitted_to"]
    kinds = fitted["compounds"]
    binders, weak = kinds.get("own", 0) + kinds.get("other", 0), kinds.get("weak", 0)
    decoys = kinds.get("guest", 0) + kinds.get("library", 0)
    said = (
        f"The pose: {count(binders)} binders of {count(fitted['proteins'])} proteins and {count(decoys)} decoys, "
        f"{count(weak)} compounds found weak. The ligand alone: {count(fitted['assays'])} assays on proteins without a "
        f"structure. The nearest measurement: {count(fitted['assays_with_structure'])} assays on proteins with one. "
        "Base rate: " + ", ".join(f"{one['base_rate']:.2f} (`{name}`)" for name, one in found.items()) + "."
    )
    return table(("term", *(f"`{name}`" for name in found)), rows) + "\n\n" + said


def binder_held_out() -> str:
    """The small screens by each number, proteins held out, and how often it was right."""
    model, found = next(iter(load(FIGURES / "binder.json")["models"].items()))
    figures = found["held_out"]["proteins"]
    rows = [(TERMS[name], estimate(one["bedroc"]), estimate(one["auc"])) for name, one in figures.items()]
    quarters = [
        f"{100 * one['said']:.0f} % said, {100 * one['bind']:.0f} % bind" for one in found["held_out"]["reliability"]
    ]
    said = (
        f"`{model}`; {count(figures['binder']['groups'])} proteins. In quarters of the compounds by `binder`: "
        f"{'; '.join(quarters)}."
    )
    return table(("ranked by", "BEDROC (α = 20)", "ROC-AUC"), rows) + "\n\n" + said


def binder_assays() -> str:
    """Actives of assays above inactive and above random compounds, by what the ligand and what is known say."""
    model, found = next(iter(load(FIGURES / "binder.json")["models"].items()))
    of = {
        "without a structure": found["held_out"]["assays"],
        "with a structure": found["held_out"]["assays_with_structure"],
    }
    named = {"pk_ligand_only": "`pk_ligand_only`", "size": "number of heavy atoms"}
    more = {"known": "the nearest measurement", "with known": "**both, as in `binder`**"}
    rows = []
    for where, figures in of.items():
        for name, said in (named | more).items():
            if name in figures:
                by_kind = (estimate(figures[name][kind]["auc"]) for kind in ("inactive", "random"))
                rows.append((where, said, *by_kind))
                where = ""
    counts = [max(one["pk_ligand_only"][kind]["groups"] for kind in ("inactive", "random")) for one in of.values()]
    note = f"`{model}`; {count(counts[0])} assays without and {count(counts[1])} with a structure."
    return table(("proteins", "ranked by", "above inactives", "above random compounds"), rows) + "\n\n" + note


def forward() -> str:
    """Forward screening: own ligands of CASF's targets beside those of other targets."""
    found = load(FIGURES / "forward.json")
    rows = [
        (
            TERMS.get(name) or _scorer(name, found["model"]),
            *(estimate(one[m]) for m in ("auc", "ef1", "top1", "top5", "top10")),
        )
        for name, one in found["columns"].items()
    ]
    each = (found["binders"] + found["others"]) / found["targets"]
    note = (
        f"`{found['model']}`; a random {found['targets']} of the {found['of_targets']} targets, "
        f"{count(found['binders'])} own ligands and {count(found['others'])} of other targets, {each:.0f} compounds a "
        "target on average: EF1% is the best "
        f"compound alone and {found['best_ef1']:.1f} at most."
    )
    head = ("ranked by", "ROC-AUC", "EF1%", "an own ligand in the top 1 %", "5 %", "10 %")
    return table(head, rows) + "\n\n" + note


#: What a library may be ranked by without poses, and on what it was tried.
_WITHOUT_POSE = {
    "nearest_measurement": "**the nearest measurement**",
    "both": "both, as in `binder`",
    "pk_ligand_only": "`pk_ligand_only`",
    "size": "number of heavy atoms",
}
_VIEWS = {
    "known": "a site where ligands were measured",
    "known_new_chemotypes": "... actives unlike every known ligand (Tanimoto < 0.4)",
    "held_out": "... as if nothing had been measured at any site like it",
    "no_structure": "a protein without a structure",
}
_TOPS = ("recall1", "recall5", "recall10", "auc")


def _by_ranking(what: str, by: dict[str, dict[str, Any]], names: Sequence[str]) -> list[tuple[str, ...]]:
    """A row for each of what ranks; beside the first what it is of."""
    rows = [(_WITHOUT_POSE[name], *(estimate(by[name][top]) for top in _TOPS)) for name in names]
    return [(what if not number else "", *row) for number, row in enumerate(rows)]


def prefilter() -> str:
    """Recall of actives by a ranking without poses, on compounds of assays."""
    found = load(FIGURES / "prefilter.json")
    rows: list[tuple[str, ...]] = []
    for view, what in _VIEWS.items():
        if view in found["development"]:
            one = found["development"][view]
            # Where no site is known, the nearest measurement is zero for all.
            names = [name for name in _WITHOUT_POSE if view != "no_structure" or name in ("pk_ligand_only", "size")]
            rows += _by_ranking(f"{what}; {one['proteins']}", one["by"], names)
    head = ("actives of; proteins", "ranked by", "in the best 1 %", "5 %", "10 %", "ROC-AUC")
    likeness = found["development"]["site_similarity"]
    note = (
        f"`{found['model']}`; 8 to 20 actives beside {count(found['library'])} random compounds. The most similar "
        f"known site has a similarity of {likeness['median']:.2f} in the median."
    )
    return f"{table(head, rows)}\n\n{note}"


def prefilter_sets() -> str:
    """The same on the screening sets."""
    found = load(FIGURES / "prefilter.json")
    rows: list[tuple[str, ...]] = []
    for one in found["sets"]:
        what = (
            f"{one['set']}, {one['actives']} of {count(one['compounds'])} active; most similar known site "
            f"{one['site_similarity']:.2f}"
        )
        rows += _by_ranking(what, one["by"], list(_WITHOUT_POSE))
    head = ("set", "ranked by", "in the best 1 %", "5 %", "10 %", "ROC-AUC")
    cost = sum(one["cpu_ms"] for one in found["sets"]) / len(found["sets"])
    minutes = cost * 1e6 / 1000.0 / 60.0
    note = (
        f"Ranking takes {cost:.1f} ms of CPU a compound ({found['machine']['processor']}), reading of the SMILES "
        f"included: {minutes:.0f} minutes of one core for a million."
    )
    return f"{table(head, rows)}\n\n{note}"


def _docked(found: dict[str, Any]) -> str:
    """How a docked sample was drawn and what became of it."""
    docked, total = found["docked"], found["actives"] + found["inactives"]
    actives, inactives = docked["of_actives"], docked["of_inactives"]
    return (
        f"{found['set']} comes without poses. Docked by `binding screen --dock` from SMILES, with exhaustiveness "
        f"{docked['exhaustiveness']} and {docked['poses']} poses of each: a random sample of {count(found['actives'])} "
        f"of its {count(actives)} actives and {count(found['inactives'])} of its {count(inactives)} inactives, so that "
        f"one in {total / found['actives']:.0f} is active instead of one in {(actives + inactives) / actives:.0f}, and "
        f"EF1% is {total / found['actives']:.1f} at most. {count(docked['no_pose'])} could not be docked."
    )


def bench_top() -> str:
    figures = load(FIGURES / "bench_top.json")
    names = {
        "finalise": "parts to `results.parquet`, `results.csv`, `failures.csv`",
        "top": "`binding top run -n 100`",
        "top_where": f'... `--where "{figures["condition"]}"`',
        "top_sorted": "... `--sort-by gain_over_ligand_only`",
        "report": "`binding report run`",
    }
    machine, sizes = figures["machine"], figures["megabytes"]
    rows = [
        (names[name], f"{step['seconds']:.1f}", f"{step['cpu_seconds']:.1f}", f"{step['peak_mb']:.0f}")
        for name, step in figures["steps"].items()
    ]
    said = (
        f"{figures['rows']:,} poses of {figures['compounds']:,} compounds in {figures['parts']:,} parts "
        f"({sizes['parts']:,.0f} MB; `results.parquet` {sizes['results.parquet']:,.0f} MB) on {machine['cores']} cores "
        f"({machine['processor']}) that were shared: load {machine['load_average']:.0f} at the start. Wall time is "
        "without the imports, CPU time and memory are with them."
    )
    return table(("step", "wall, s", "CPU, s", "peak memory, MB"), rows) + "\n\n" + said


def start_to_report() -> str:
    """A screen of SMILES from the command to its report."""
    found = load(FIGURES / "start_to_report.json")
    number, where = found["compounds"], found["machine"]
    return (
        f"{count(number)} compounds by `--place-on`, from SMILES to `report.html` with {found['workers']} workers: "
        f"{found['cpu_seconds']:.0f} s of CPU, {found['cpu_seconds'] / number:.1f} s a compound, "
        f"{found['wall_seconds']:.0f} s by the clock of {where['cores']} cores ({where['processor']}) that others used "
        f"too: load {where['load']:.0f}."
    )


def screen_speed() -> str:
    """A screen on one pocket, from scripts.bench.screen."""
    content = load(FIGURES / "benchmark_screen.json")
    where, alone, few = content["machine"], content["alone"], content["few"]

    def row(what: str, run: dict[str, Any]) -> tuple[str, ...]:
        peak = f"{run['peak_mb']:,} MB" if "peak_mb" in run else ""
        cpu_ms, rate = 1000 * run["cpu_seconds"] / run["poses"], run["poses"] / run["seconds"]
        return what, f"{run['seconds']:.1f} s", f"{rate:.0f}", f"{run['cpu_seconds']:.1f} s", f"{cpu_ms:.1f} ms", peak

    rows = [
        row(f"{few['warm']['poses']} poses from Python, model loaded, one process", few["warm"]),
        row(f"{few['cold']['poses']} poses, `binding predict`, start-up included", few["cold"]),
        *(
            row(f"{run['poses']} complexes of different proteins from Python, model loaded, {what}", run)
            for what, run in content.get("complexes", {}).items()
        ),
        row(f"{content['start']['poses']} poses, `binding screen`: start-up alone", content["start"]),
        *(row(f"{run['poses']:,} poses, `binding screen`", run) for run in content["runs"]),
    ]
    if "default_pocket" in content:
        own = content["default_pocket"]
        rows.append(row(f"{own['poses']:,} poses, the default pocket of each", own))
    stages = content["runs"][-1]["stages"]
    spent = ", ".join(f"{what} {stages[name]:.1f} s" for name, what in STAGES.items() if name in stages)
    said = (
        f"`{content['model']}`, {alone['networks']} networks; ligands of {alone['heavy_atoms']:.0f} heavy atoms on "
        f"average, each pose another compound, a pocket of {alone['residues']} residues. One thread, CPU time of a "
        f"pose: reading and graph {alone['featurize_ms']:.1f} ms, network {alone['network_ms']:.1f} ms, so that the "
        f"network alone does {1000 / alone['network_ms']:.0f} poses a second on each core. Seconds of the largest run, "
        f"summed over the processes: {spent}. "
        + (f"CPU time grows as poses to the power of {content['slope']:.2f}. " if content["slope"] is not None else "")
        + f"{where['cores']} cores ({where['processor']}) that were shared: load {content['load']:.0f} at the start, "
        "which also lengthens CPU times."
    )
    if "peak_resident_mb" in content["runs"][-1]:
        said += (
            " Memory is that of all processes together; what several share is counted once (PSS). Counted in each, as "
            f"by `ps`, it is {content['runs'][-1]['peak_resident_mb']:,} MB in the largest run."
        )
    if "large_complexes" in content:
        parts = [f"{one['what']} {one['peak_mb']:,} MB" for one in content["large_complexes"]]
        said += f" Memory of `binding predict` in one process, start-up included: {', '.join(parts)}."
    head = ("what", "wall", "poses a second", "CPU", "CPU of a pose", "peak memory, all processes")
    return table(head, rows) + "\n\n" + said


def screen_stages() -> str:
    """CPU time of a screened pose by stage, beside RDKit's parsing and Vina, from scripts.bench.screen_stages."""
    content = load(FIGURES / "screen_stages.json")
    kinds, others = content["cpu_ms"], content["others_cpu_ms"]
    rows = [(stage, *(f"{found[stage]:.2f}" for found in kinds.values())) for stage in next(iter(kinds.values()))]
    times = " and ".join(f"{ratio:.0f}" for ratio in content["times_parsing_and_ecfp4"].values())
    said = (
        f"CPU ms of a pose, {content['poses']} different compounds of 28 heavy atoms on average, one process. In the "
        f"same run RDKit took {others['parsing and ECFP4']:.2f} ms to parse a record and make its ECFP4: a screened "
        f"pose takes {times} times as much."
    )
    if others["vina"] is not None:
        each = others["vina"]
        said += (
            f" AutoDock Vina's score of a pose as it is, from its Python interface: {each['scored']:.0f} ms, its "
            f"file by meeko {each['prepared and scored'] - each['scored']:.0f} ms more."
        )
    said += f" The machine was shared (load {content['load']:.0f}), which lengthens all of these alike."
    return table(("stage", *kinds), rows) + "\n\n" + said


def cluster() -> str:
    """What a billion poses take, by arithmetic on what one core took."""
    measured, poses = load(FIGURES / "cluster.json"), 1_000_000_000
    seconds, reading = measured["seconds_per_pose"], measured["seconds_per_record_read"]
    hours = poses * seconds / 3600
    parts = poses * measured["bytes_per_pose_parts"] / 1e9
    results = poses / 3 * measured["bytes_per_compound_results"] / 1e9
    rows = [
        ("one pose, all of `binding screen`", f"{seconds * 1000:.1f} ms of one core", "measured"),
        ("one record that is another shard's", f"{reading * 1e6:.0f} µs of one core", "measured"),
        ("memory of a process", f"{measured['peak_mb']:.0f} MB", "measured"),
        ("core hours for a billion poses", f"{hours:,.0f}", "poses x time"),
        ("... on 1,000 cores", f"{hours / 1000:,.1f} hours", "if all are as fast and none waits"),
        ("... at 0.02 of your currency a core hour", f"{hours * 0.02:,.0f}", "put in your own price"),
        ("parts on the disk", f"{parts:,.0f} GB", f"{measured['bytes_per_pose_parts']:.0f} bytes a pose, measured"),
        ("`results.parquet`, three poses a compound", f"{results:,.0f} GB", "measured for each compound"),
        ("shards of one run, at most", f"{0.1 * seconds / reading:,.0f}", "a tenth of the time spent on reading over"),
        ("Ray actors of one run, at most", f"{seconds / reading:,.0f}", "one driver reads for all of them"),
    ]
    said = (
        f"Measured over {measured['poses']:,} poses of 18 and 19 heavy atoms in one pocket with `{measured['model']}`, "
        f"processor time of one process, on a machine under load {measured['load']:.0f}: a core of its own is faster. "
        "The library was one SDF file of two structures under many titles: gzip adds to the reading, and SMILES that "
        "differ add some tens of bytes a pose. `scripts.bench.cluster` measures yours."
    )
    return table(("what", "how much", "from"), rows) + "\n\n" + said


def one_network() -> str:
    """`pose` by the first network beside that of all networks, on docked compounds."""
    content = load(FIGURES / "one_network.json")
    rows = [
        (
            f"`{model}`, {card(model)['num_members']} networks",
            estimate(found["auc"]["one"]),
            estimate(found["auc"]["all"]),
            estimate(found["auc"]["difference"], 3),
            f"{found['rank_correlation_in_a_receptor']:.2f}",
            f"{found['mean_difference']:.3f} (at most {found['greatest_difference']:.2f})",
        )
        for model, found in content["models"].items()
    ]
    receptors = next(iter(content["models"].values()))["receptors"]
    said = (
        f"Binders against decoys docked alike, {count(content['poses'])} poses at {count(receptors)} proteins that the "
        "networks have not seen; ROC-AUC by the best pose of a compound, mean over proteins. Ranks are compared within "
        "a protein."
    )
    head = ("weights", "AUC, first network", "AUC, all", "difference", "rank correlation", "difference of `pose`, mean")
    return table(head, rows) + "\n\n" + said


BLOCKS: dict[str, Callable[[], str]] = {
    "one_network": one_network,
    "bench_top": bench_top,
    "start_to_report": start_to_report,
    "binder_held_out": binder_held_out,
    "binder_terms": binder_terms,
    "binder_assays": binder_assays,
    "forward": forward,
    "prefilter": prefilter,
    "prefilter_sets": prefilter_sets,
    "cluster": cluster,
    "screening_sets": screening_sets,
    "series": series,
    "screen_speed": screen_speed,
    "screen_stages": screen_stages,
}
