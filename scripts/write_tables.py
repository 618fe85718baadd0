"""Fills the tables of README.md and docs/ from the weights' card, docs/figures/ and the settings' own descriptions.

    python scripts/write_tables.py            rewrite what stands between <!-- table:NAME --> and <!-- /table -->
    python scripts/write_tables.py --check    exit 1, and name the block, where a file differs

No figure in those blocks is typed by hand. A block whose source is not there yet names the file it waits for.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from binding.checkpoint import DEFAULT_MODEL, STRICT_MODEL
from binding.config import LearningRates, ModelConfig, SourceConfig, TrainConfig, ValidationConfig
from binding.train.pretrain_config import LigandTask, MoleculeSource, PocketSource, PocketTask, PretrainConfig

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs" / "figures"
WEIGHTS = ROOT / "binding" / "weights"
BLOCK = re.compile(r"(<!-- table:(\w+) -->\n).*?(<!-- /table -->)", re.DOTALL)
TEST = "casf2016"

#: What each column of the evaluation is, and what it was fitted to.
LABELS = {
    "pk": ("**this model**, {members}", "{training}"),
    "pk_ligand_only": ("its ligand-only twin", "the same rows, without the proteins"),
    "heavy_atoms": ("number of heavy atoms, a line", "the test rows themselves"),
    "mol_weight": ("molecular weight, a line", "the test rows themselves"),
    "vina": ("AutoDock Vina 1.2.7, score only", "PDBbind 2007, six weights"),
    "gign": ("GIGN, 3 networks", "11,904 PDBbind complexes, close analogues of the test set among them"),
    "gems": ("GEMS, 5 folds, without language-model features", "PDBbind CleanSplit"),
    "gnina": ("GNINA, one network", "as published"),
    "pignet2": ("PIGNet2, 4 networks", "as published"),
}
CHECKS = {
    "pk": "as it is",
    "noise_0.2_A": "noise of 0.2 Å on the ligand's atoms",
    "noise_0.5_A": "noise of 0.5 Å",
    "noise_1.0_A": "noise of 1.0 Å",
    "protein_removed": "protein removed",
    "protein_shuffled": "another complex's pocket",
}
METRICS = {"r": "Pearson r", "spearman": "Spearman ρ", "rmse": "RMSE", "mae": "MAE"}


class MissingError(Exception):
    """A source that is not there yet."""


def load(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise MissingError(path.relative_to(ROOT).as_posix())
    return json.loads(path.read_text(encoding="utf-8"))


def card(model: str = STRICT_MODEL) -> dict[str, Any]:
    """Of the weights that the accuracy is measured with, unless others are named."""
    return load(WEIGHTS / f"{model}.json")


def metrics() -> dict[str, Any]:
    return load(FIGURES / f"{TEST}_metrics.json")


def speed() -> dict[str, Any]:
    return load(FIGURES / "speed.json")


# ---------------------------------------------------------------- Markdown


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def interval(low: float, high: float, digits: int = 2) -> str:
    """A 95 % interval; signs only where one end is negative."""
    return f"{low:.{digits}f} to {high:.{digits}f}"


def estimate(figure: dict[str, float], digits: int = 2) -> str:
    """``value (low to high)`` of an estimate of the evaluation."""
    return f"{figure['value']:.{digits}f} ({interval(figure['low'], figure['high'], digits)})"


def of_card(figures: dict[str, Any], name: str, digits: int = 2) -> str:
    """The same of the card, which keeps intervals apart."""
    return f"{figures[name]:.{digits}f} ({interval(*figures[f'{name}_interval'], digits)})"


def count(number: float) -> str:
    return f"{number:,g}" if number < 1000 else f"{number:,.0f}"


def listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


# ---------------------------------------------------------------- the model and its data


def source_rows(rows: dict[str, int]) -> list[str]:
    """``1,032 crystal`` for each cache of a run."""
    return [f"{count(number)} {Path(name).stem}" for name, number in rows.items()]


def training_rows() -> str:
    """Rows that one member trained on, the mean over members."""
    members = card()["members"]
    mean = {k: round(sum(m["rows"][k] for m in members) / len(members)) for k in members[0]["rows"]}
    return listed(source_rows(mean)) + " complexes"


def members() -> str:
    number = card()["num_members"]
    return "one network" if number == 1 else f"{number} networks"


def weights() -> str:
    """The sets of weights in the package, side by side."""
    facts: dict[str, list[str]] = {}
    names = sorted(path.stem for path in WEIGHTS.glob("*.safetensors"))
    for name in names:
        content = card(name)
        size = (WEIGHTS / f"{name}.safetensors").stat().st_size / 1e6
        for fact, value in (
            ("networks", f"{content['num_members']}, mean of their pK"),
            ("parameters of each", f"{count(content['parameters_of_one_member'])}, the ligand-only twin included"),
            ("file", f"{size:.1f} MB, 16-bit, weights format {content['format_version']}"),
            ("epochs", content["training"]["epochs"]),
            ("trained by", f"binding {content['version']}, commit {', '.join(content['commit'])}"),
        ):
            facts.setdefault(fact, []).append(str(value))
    heads = [f"`{name}`{', the default' if name == DEFAULT_MODEL else ''}" for name in names]
    return table(("weights", *heads), [(fact, *values) for fact, values in facts.items()])


def data_rows(model: str) -> Callable[[], str]:
    """Rows of each member, and the rows held out from it."""

    def block() -> str:
        content = card(model)
        sources = content["training"]["sources"]
        first = list(content["members"][0]["rows"])
        what = "\n".join(
            f"- {Path(name).stem}: {count(source['repeat'])} × an epoch, "
            + (f"`{source['where']}`" if source["where"] else "all rows")
            for name, source in zip(first, sources, strict=True)
        )
        rows = [
            (m["run"], *(count(m["rows"][n]) for n in m["rows"]), f"{count(held['rows'])} rows, fold {m['fold']}")
            for m, held in zip(content["members"], content["held_out_proteins"], strict=True)
        ]
        header = ("network", *(Path(name).stem for name in first), "held out")
        return f"{what}\n\n{table(header, rows)}"

    return block


# ---------------------------------------------------------------- accuracy


def label(name: str) -> tuple[str, str]:
    what, fitted = LABELS.get(name, (f"`{name}`", "as published"))
    if name == "pk":
        return what.format(members=members()), fitted.format(training=training_rows())
    return what, fitted


def by_r(columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The model first, then its baselines, then the others by descending r."""
    first = [c for c in columns if c["name"] in ("pk", "pk_ligand_only", "heavy_atoms", "mol_weight")]
    rest = [c for c in columns if c not in first]
    return first + sorted(rest, key=lambda c: -c["metrics"]["r"]["value"])


def headline() -> str:
    """One paragraph: what the model reaches and what its twin reaches."""
    report = metrics()
    model = next(c for c in report["columns"] if c["name"] == "pk")
    twin = next(c for c in report["columns"] if c["name"] == "pk_ligand_only")
    gap = next(c for c in report["comparisons"] if c["name"] == "pk_ligand_only")["differences"]
    return (
        f"On the {model['n']} crystal complexes of CASF-2016 the weights `{STRICT_MODEL}`, trained without these and "
        f"their close analogues, reach r = "
        f"{estimate(model['metrics']['r'])} and an RMSE of {estimate(model['metrics']['rmse'])} pK. Their ligand-only "
        f"twin, which never sees a protein, reaches r = {estimate(twin['metrics']['r'])} and "
        f"{estimate(twin['metrics']['rmse'])}. What the protein adds is the difference: "
        f"{gap['r']['value']:+.2f} in r ({gap['r']['low']:+.2f} to {gap['r']['high']:+.2f}). "
        "Brackets hold 95 % bootstrap intervals."
    )


def accuracy() -> str:
    rows = []
    for column in by_r(metrics()["columns"]):
        what, fitted = label(column["name"])
        figures = column["metrics"]
        rows.append((what, fitted, column["n"], estimate(figures["r"]), estimate(figures["rmse"])))
    return table(("method", "trained on", "complexes", "Pearson r", "RMSE, pK"), rows)


def accuracy_all() -> str:
    rows = [
        (label(column["name"])[0], column["n"], *(estimate(column["metrics"][name], 3) for name in METRICS))
        for column in by_r(metrics()["columns"])
    ]
    return table(("method", "n", *METRICS.values()), rows)


def differences() -> str:
    rows = []
    for comparison in metrics()["comparisons"]:
        gaps = comparison["differences"]
        rows.append(
            (
                label(comparison["name"])[0],
                comparison["n"],
                *(
                    f"{gaps[m]['value']:+.3f} ({gaps[m]['low']:+.3f} to {gaps[m]['high']:+.3f})"
                    for m in ("r", "spearman", "rmse")
                ),
                f"{gaps['r']['p_value']:.3f}",
            )
        )
    return table(("this model minus", "n", "r", "Spearman ρ", "RMSE, pK", "p (r)"), rows)


def counts() -> str:
    c = metrics()["counts"]
    return (
        f"Asked {c['asked']}, scored {c['scored']}, failed {c['failed']}, missing {c['missing']}, "
        f"censored and left out {c['censored']}."
    )


def single_members() -> str:
    content = card()
    rows = [
        (m["run"], of_card(f, "r", 3), of_card(f, "rmse", 3))
        for m, f in zip(content["members"], content["test"][TEST]["single_members"], strict=True)
    ]
    test = content["test"][TEST]["pk"]
    return table(
        ("network", "r", "RMSE, pK"), [*rows, ("mean of all", of_card(test, "r", 3), of_card(test, "rmse", 3))]
    )


def held_out(model: str) -> Callable[[], str]:
    """Proteins that the member did not train on, by the member that did not train on them."""

    def block() -> str:
        rows = []
        for member, figures in zip(card(model)["members"], card(model)["held_out_proteins"], strict=True):
            for column, name in (("pk", member["run"]), ("pk_ligand_only", "its twin")):
                f = figures[column]
                rows.append((name, f["n"], of_card(f, "r", 3), of_card(f, "rmse", 3)))
        return table(("network", "n", "r", "RMSE, pK"), rows)

    return block


def ablation() -> str:
    rows = [
        (name, len(arm["r"]), f"{arm['mean_r']:.3f}", f"{arm['mean_rmse']:.3f}", _range(arm["r"]), _range(arm["rmse"]))
        for name, arm in card()["ablation"].items()
    ]
    return table(("single networks", "seeds", "mean r", "mean RMSE, pK", "r of each", "RMSE of each"), rows)


def _range(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in values)


def checks() -> str:
    test = card()["test"][TEST]
    figures = {"pk": test["pk"]} | test["checks"]
    rows = [(CHECKS.get(n, n), of_card(f, "r"), of_card(f, "rmse")) for n, f in _ordered(figures)]
    return table(("CASF-2016", "Pearson r", "RMSE, pK"), rows)


def _ordered(figures: dict[str, Any]) -> list[tuple[str, Any]]:
    known = [(name, figures[name]) for name in CHECKS if name in figures]
    return known + [(name, f) for name, f in figures.items() if name not in CHECKS]


def coverage() -> str:
    """How often the measured pK lies within one and two ``pk_std``."""
    report = metrics()
    names = {"within_1_std": "pk ± pk_std", "within_2_std": "pk ± 2 pk_std"}
    rows = [
        (names[n], f"{100 * share:.0f} %", f"{100 * report['coverage_expected'][n]:.0f} %")
        for n, share in report["coverage"].items()
    ]
    return table(("interval", "CASF-2016 measurements inside", "of a normal distribution"), rows)


# ---------------------------------------------------------------- speed


def timings() -> str:
    content = speed()
    folder, where = content["folder"], content["machine"]
    per_second = folder["complexes"] / folder["seconds"]
    rows = [
        (
            f"`binding predict` of {folder['complexes']} complexes, files to table",
            f"{folder['seconds']:.0f} s, {per_second:.0f} a second",
        ),
        *((f"`{what}`" if "binding" in what else what, f"{1000 * s:.1f} ms") for what, s in content["stages"].items()),
    ]
    return table((f"{where['processor']}, {where['cores']} cores; the stages on one thread", "time"), rows)


def speed_line() -> str:
    folder, where = speed()["folder"], speed()["machine"]
    return (
        f"{folder['complexes']} complexes, whole proteins read from PDB and SDF files, take {folder['seconds']:.0f} s "
        f"on {where['cores']} CPU cores ({where['processor']}), start-up included."
    )


def prepare_speed() -> str:
    content = load(FIGURES / "bench_prepare.json")
    where, rows = content["machine"], []
    for folder in content["folders"]:
        cold, complexes = folder["cold"], folder["complexes"]
        rows.append(
            (
                f"`{folder['name']}`, {count(complexes)} complexes",
                f"{cold['seconds']:.0f} s, {complexes / cold['seconds']:.0f} a second",
                f"{cold['cpu_seconds']:.0f} s, {complexes / cold['cpu_seconds']:.0f} a second",
                f"{folder['again']['cpu_seconds']:.1f} s",
                f"{folder['added']['cpu_seconds']:.1f} s",
                f"{folder['cache_bytes'] / complexes / 1000:.1f} kB",
                f"{folder['load']:.0f}",
            )
        )
    header = (
        f"{content['workers']} processes on {where['cores']} cores, {where['processor']}",
        "wall time",
        "CPU time",
        "nothing changed, CPU",
        f"{content['folders'][0]['rows_added']} rows added, CPU",
        "cache, a complex",
        "other load, processes",
    )
    return table(header, rows)


def pairs() -> str:
    content = speed()["pairs"]
    return (
        f"In the example pockets {100 * content['within'] / content['all']:.0f} % of the "
        f"{count(content['all'])} (ligand atom, residue) pairs are within {content['cutoff']:g} Å."
    )


# ---------------------------------------------------------------- splits


def _shares(shares: dict[str, float]) -> list[str]:
    return [
        f"{100 * shares[name]:.0f} %" for name in ("same_protein", "close_protein", "close_ligand", "close_analogue")
    ]


def _memory(figures: dict[str, Any]) -> list[str]:
    return [estimate(figures["nearest_5_weighted"]["r"]), estimate(figures["nearest_5_weighted"]["rmse"])]


def splits() -> str:
    content = load(FIGURES / "splits.json")
    rows = [
        (
            f"`{by}`",
            " / ".join(count(rule["counts"][side]) for side in ("train", "validation", "test", "left_out")),
            *_shares(rule["shares"]),
            *_memory(rule["lookup"]),
        )
        for by, rule in content["rules"].items()
    ]
    if "test_set" in content:
        test = content["test_set"]
        for name, train in (("all", "trained on all"), ("cleansplit", "trained on what CleanSplit keeps")):
            counts = f"{count(test[name]['train'])} / 0 / {count(test['rows'])} / 0"
            rows.append((f"CASF-2016, {train}", counts, *_shares(test[name]["shares"]), *_memory(test[name]["lookup"])))
    header = (
        "rule",
        "train / validation / test / left out",
        "same protein (0.9)",
        "related protein",
        "similar ligand",
        "both",
        "look-up, r",
        "look-up, RMSE",
    )
    drawn = "" if content["rows"] == content["of"] else f", a draw from {count(content['of'])}"
    title = f"{count(content['rows'])} crystal complexes{drawn}, in {count(content['clusters'])} protein clusters:"
    return f"{title}\n\n{table(header, rows)}"


def splits_speed() -> str:
    content = load(FIGURES / "splits.json")
    many, recall = content["proteins"], content["recall"]
    seconds = many["seconds"]
    spent = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} minutes"
    return (
        f"{count(many['proteins'])} proteins ({count(many['sequences'])} different chains) are clustered in "
        f"{spent} of one core. Of the {count(recall['pairs'])} "
        f"pairs of {recall['sequences']} chains drawn from the pockets, all aligned, {count(recall['related'])} are "
        f"related; the short cuts found {count(recall['found'])} of them and {count(recall['wrong'])} others, and had "
        f"{count(recall['aligned'])} pairs to look at."
    )


# ---------------------------------------------------------------- training


def train_speed() -> str:
    """Throughput, epochs and memory of training."""
    content = load(FIGURES / "bench_train.json")
    throughput = [
        (
            f"{row['threads']} CPU thread{'s' if row['threads'] > 1 else ''}" if row["device"] == "cpu" else "GPU",
            row["precision"],
            row["batch_size"],
            f"{row['per_second']:.0f}",
            f"{row['cpu_ms_each']:.1f}",
            f"{row['load']:.0f}",
        )
        for row in content["throughput"]
    ]
    runs = [
        (
            count(run["complexes"]),
            *(f"{run['epochs'][k]['seconds']:.0f} ({run['epochs'][k]['cpu_seconds']:.0f})" for k in (0, -1)),
            count(run["peak_mb"]),
            f"{run['load']:.0f}",
        )
        for run in content["runs"]
    ]
    line, machine = content["fit"]["cpu_seconds"], content["machine"]
    gpu = machine.get("gpu", "no GPU was at hand: what one does is not measured")
    return "\n\n".join(
        (
            f"{machine['processor']}, {machine['cores']} cores; {gpu}. Load: processes that wanted to run, this one "
            "included; where they are more than the cores, times on the clock are too long.",
            "Forward + backward of the default model and its twin, all losses:",
            table(("where", "precision", "batch", "complexes/s", "CPU ms each", "load"), throughput),
            "Whole epochs of `binding train` on one CPU thread, in seconds on the clock (of the CPU); the first builds "
            "the graphs:",
            table(("complexes", "first epoch", "later epoch", "peak memory, MB", "load"), runs),
            f"CPU time of a later epoch against complexes: {line['ms_a_complex']:.1f} ms each, R² {line['r2']:.4f}.",
        )
    )


def pretraining() -> str:
    """Cold starts against starts from pre-trained encoders."""
    content = load(FIGURES / "pretraining.json")
    names = {
        "cold": "nothing",
        "ligand": "ligand encoder",
        "pocket": "pocket encoder",
        "both": "both encoders",
    }
    rows = []
    for arm, runs in content["arms"].items():
        figures = [run["pk"] for run in runs]
        twins = [run["pk_ligand_only"] for run in runs]
        rows.append(
            (
                names[arm],
                len(runs),
                *(_mean_and_each(figures, name) for name in ("r", "rmse")),
                *(_mean_and_each(twins, name) for name in ("r", "rmse")),
            )
        )
    header = ("pre-trained", "seeds", "r", "RMSE, pK", "ligand-only twin: r", "RMSE, pK")
    told, settings = content["pretrained"]["figures"], content["settings"]
    learned = content["pretrained"]["rows"]
    held_out = next(iter(content["arms"].values()))[0]["pk"]["n"]
    shares = {name: f"{100 * value:.0f} %" for kind in told.values() for name, value in kind.items()}
    return (
        f"Crystal complexes, {held_out} of them held out by protein; {settings['epochs']} epochs, "
        f"{settings['channels']} channels. The encoders had learned from {count(learned['ligand'])} molecules (of the "
        f"hidden atoms' elements {shares['element_accuracy']} right, {shares['element_most_frequent']} by always "
        f"guessing the most frequent) and {count(learned['pocket'])} proteins (hidden amino acids: "
        f"{shares['residue_accuracy']}, {shares['residue_most_frequent']}). Mean over seeds, and each:"
        f"\n\n{table(header, rows)}"
    )


def _mean_and_each(figures: list[dict[str, float]], name: str) -> str:
    values = [figure[name] for figure in figures]
    return f"{sum(values) / len(values):.3f} ({', '.join(f'{value:.3f}' for value in values)})"


# ---------------------------------------------------------------- series, screening sets, fine-tuning


def _ranking_rows(columns: list[dict[str, Any]], names: Sequence[str]) -> list[tuple[str, ...]]:
    return [(label(c["name"])[0].replace(", a line", ""), *(estimate(c["metrics"][n]) for n in names)) for c in columns]


def series() -> str:
    """Ranking inside congeneric series by both sets of weights, beside what needs no structure."""
    rows: list[tuple[str, ...]] = []
    for model in (DEFAULT_MODEL, STRICT_MODEL):
        found = load(FIGURES / f"series_{model}.json")["series"]
        names = {"pk": f"**`{model}`**", "pk_ligand_only": f"ligand-only twin of `{model}`"}
        own = [c for c in found["columns"] if c["name"] in names]
        rows += [(names[c["name"]], estimate(c["metrics"]["r"]), estimate(c["metrics"]["kendall"])) for c in own]
    rest = [c for c in found["columns"] if c["name"] in ("heavy_atoms", "mol_weight")]
    rows += _ranking_rows(rest, ("r", "kendall"))
    kept = [g for g in found["groups"] if g["name"] == "pk"]
    title = f"{len(kept)} series, {count(sum(g['n'] for g in kept))} compounds:"
    return f"{title}\n\n{table(('method', 'weighted Pearson r', 'weighted Kendall τ'), rows)}"


def screening_sets() -> str:
    """Enrichment of posed sets."""
    rows = []
    for found in load(FIGURES / "screening_sets.json")["sets"]:
        what = f"{found['set']}, {count(found['actives'])} of {count(found['actives'] + found['inactives'])} active"
        for column in found["enrichment"]["columns"]:
            name = column["name"]
            text = "Vina's function, poses as given" if name == "vina" else label(name)[0].replace(", a line", "")
            figures = (estimate(column["metrics"][m], 1 if m == "ef1" else 2) for m in ("ef1", "bedroc", "auc"))
            rows.append((what, text.format(members="") if name == "pk" else text, *figures))
            what = ""
    return table(("set", "ranked by", "EF1%", "BEDROC (α = 20)", "ROC-AUC"), rows)


def finetune() -> str:
    """What fine-tuning on some compounds of a series does for the others."""
    content = load(FIGURES / "finetune.json")
    columns = {
        "before": "before",
        "after": "after",
        "ligand_only_after": "twin, after",
        "similarity": "similar compounds' mean",
    }
    rows = [
        (f"{row['series']}", row["compounds"], *(f"{row[name]:.2f}" for name in columns)) for row in content["series"]
    ]
    mean = content["mean"]
    rows.append(("**mean**", "", *(estimate(mean[name]) for name in columns)))
    change = mean["change"]
    return (
        f"{table(('Kendall τ on the other compounds', 'compounds', *columns.values()), rows)}\n\n"
        f"{content['train_on']} compounds drawn, {content['draws']} draws a series, one network of "
        f"`{content['model']}`. Change by fine-tuning: "
        f"{change['value']:+.2f} ({change['low']:+.2f} to {change['high']:+.2f})."
    )


def base_on_casf() -> str:
    """The default weights on the test set whose analogues they have seen."""
    content = card(DEFAULT_MODEL)
    test = content["test"][TEST]
    return (
        f"`{DEFAULT_MODEL}`, which has seen close analogues of these complexes, but none of them: r "
        f"{of_card(test['pk'], 'r', 3)}, RMSE {of_card(test['pk'], 'rmse', 3)}; its ligand-only twin "
        f"{of_card(test['pk_ligand_only'], 'r', 3)} and {of_card(test['pk_ligand_only'], 'rmse', 3)}."
    )


# ---------------------------------------------------------------- the model as built


def built() -> ModelConfig:
    """Sizes of the shipped model."""
    return ModelConfig.model_validate(card(DEFAULT_MODEL)["config"])


def features() -> str:
    """The blocks of the pair geometry and their sizes, from the modules that compute them."""
    from binding.constants import ATOM_CLASSES
    from binding.nn.geometry import SHELLS, VINA_TERMS, PairGeometry
    from binding.nn.harmonics import DEGREES_1_AND_2

    config = built()
    geometry = PairGeometry(config.cutoff, config.vector_channels, angles=True)
    vectors = config.vector_channels
    rows = [
        ("least distance of the atom to the residue, Gaussians", len(geometry.least.centres), "no"),
        ("distance to the anchor (CA, C1', or the mean), Gaussians", len(geometry.anchor.centres), "no"),
        ("distance to the side-chain centroid, Gaussians", len(geometry.centroid.centres), "no"),
        (
            f"contact profile: soft counts in {len(SHELLS)} shells ({SHELLS[0]:g} to {SHELLS[-1]:g} Å) "
            f"by {len(ATOM_CLASSES)} classes of protein atom",
            len(SHELLS) * len(ATOM_CLASSES),
            "no",
        ),
        ("Vina's five terms, summed over the pair's contacts", len(VINA_TERMS), "no"),
        ("directionless counts: polar contacts, contacts of flat atoms", 4, "no"),
        ("hydrogen-bond angles: at the ligand atom, at the protein atom, their product", 3, "yes"),
        ("stacking angles: over the ligand's plane, over the residue's, between the planes", 3, "yes"),
        (
            "direction of the atom in the residue's frame, real spherical harmonics l = 1, 2 (e3nn)",
            DEGREES_1_AND_2,
            "yes",
        ),
        ("atom's bond axis against the lines to anchor and centroid, cosines", 2, "yes"),
        (f"{vectors} learned vectors of the atom in the residue's frame", 3 * vectors, "yes"),
        (f"{vectors} learned vectors along the lines to anchor and centroid", 2 * vectors, "yes"),
    ]
    if sum(row[1] for row in rows) != geometry.num_features:
        raise SystemExit("scripts/write_tables.py: the features of PairGeometry have changed; describe them anew")
    return table(
        ("feature of a (ligand atom, residue) pair", "numbers", "an angle"), [*rows, ("all", geometry.num_features, "")]
    )


def parameters() -> str:
    from binding.models.interaction import InteractionModel
    from binding.models.ligand_only import LigandOnlyModel

    config = built()
    model = InteractionModel(config)
    parts = {
        "ligand encoder, learned directions": ("molecule", "directions"),
        "pocket encoder": ("pocket",),
        "pair embedding, attention biases and gates": ("pair", "pair_atom", "pair_residue", "pair_update", "bias_gate"),
        f"{config.num_layers} layers of cross-attention": ("blocks",),
        "readouts, Vina prior, constant": ("readout", "physics", "ligand_term", "whole", "bias"),
    }
    sizes = dict.fromkeys(parts, 0)
    for name, tensor in model.named_parameters():
        (part,) = [p for p, prefixes in parts.items() if name.split(".")[0] in prefixes]
        sizes[part] += tensor.numel()
    rows = [(name, count(size)) for name, size in sizes.items()]
    twin = sum(p.numel() for p in LigandOnlyModel(config).parameters())
    total = sum(sizes.values())
    return table(
        ("part", "parameters"),
        [*rows, ("interaction model", count(total)), ("ligand-only twin", count(twin))],
    )


# ---------------------------------------------------------------- settings


def settings(model: type[BaseModel]) -> Callable[[], str]:
    """A reference of a settings class, from its fields."""

    def block() -> str:
        rows = [
            (
                f"`{name}`",
                _type(field.annotation),
                _default(field.get_default(call_default_factory=True)),
                field.description,
            )
            for name, field in model.model_fields.items()
        ]
        if not all(row[-1] for row in rows):
            raise SystemExit(f"{model.__name__}: every field needs a description")
        return table(("key", "type", "default", "meaning"), rows)

    return block


def _type(annotation: Any) -> str:
    names = {float: "number", int: "whole number", str: "text", bool: "true or false", Path: "path", type(None): "null"}
    if get_origin(annotation) in (Union, UnionType):
        return " or ".join(_type(part) for part in get_args(annotation))
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) is tuple:
        return {str: "list of text", Path: "list of paths"}.get(get_args(annotation)[0], "list of mappings")
    return names.get(annotation, "mapping")


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "needed"
    if isinstance(value, BaseModel):
        return "see below"
    if value is None:
        return "null"
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


# ---------------------------------------------------------------- the files


def demo() -> str:
    path = FIGURES / "demo.txt"
    if not path.is_file():
        raise MissingError(path.relative_to(ROOT).as_posix())
    return f"```text\n{path.read_text(encoding='utf-8').rstrip()}\n```"


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


def screen_speed() -> str:
    """A screen on one pocket, from scripts/benchmark_screen.py."""
    content = load(FIGURES / "benchmark_screen.json")
    where, alone, few = content["machine"], content["alone"], content["few"]

    def row(what: str, run: dict[str, Any]) -> tuple[str, ...]:
        peak = f"{run['peak_mb']:,} MB" if "peak_mb" in run else ""
        cpu_ms = 1000 * run["cpu_seconds"] / run["poses"]
        return what, f"{run['seconds']:.1f} s", f"{run['cpu_seconds']:.1f} s", f"{cpu_ms:.1f} ms", peak

    rows = [
        row(f"{few['warm']['poses']} poses from Python, model loaded, one process", few["warm"]),
        row(f"{few['cold']['poses']} poses, `binding predict`, start-up included", few["cold"]),
        row(f"{content['start']['poses']} poses, `binding screen`: start-up alone", content["start"]),
        *(row(f"{run['poses']:,} poses, `binding screen`", run) for run in content["runs"]),
    ]
    stages = content["runs"][-1]["stages"]
    spent = ", ".join(f"{name} {stages[name]:.0f} s" for name in stages if name != "wall")
    said = (
        f"`{content['model']}`, {alone['networks']} networks; ligands of {alone['heavy_atoms']:.0f} heavy atoms on "
        f"average, each pose another compound, a pocket of {alone['residues']} residues. One thread, CPU time of a "
        f"pose: reading and graph {alone['featurize_ms']:.1f} ms, network {alone['network_ms']:.1f} ms. Stages of the "
        f"largest run, all processes together: {spent}. "
        + (f"CPU time grows as poses to the power of {content['slope']:.2f}. " if content["slope"] is not None else "")
        + f"{where['cores']} cores ({where['processor']}) that were shared: load {content['load']:.0f} at the start, "
        "which also lengthens CPU times."
    )
    return table(("what", "wall", "CPU", "CPU of a pose", "peak memory, all processes"), rows) + "\n\n" + said


def screen_knobs() -> str:
    """Faster arithmetic, from scripts/benchmark_screen.py --knobs."""
    content = load(FIGURES / "knobs.json")
    rows = [
        (row["knob"], f"{row['ms']:.3g} ms", "" if row.get("max_dpk") is None else f"{row['max_dpk']:.1g}")
        for row in content["knobs"]
    ]
    said = f"`{content['model']}`, {content['machine']['processor']} under load {content['load']:.0f}."
    return table(("knob", "CPU of a pose, one thread", "largest change of pk"), rows) + "\n\n" + said


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
        "differ add some tens of bytes a pose. `scripts/measure_cluster.py` measures yours."
    )
    return table(("what", "how much", "from"), rows) + "\n\n" + said


def placed(what: str) -> dict[str, Any]:
    """One measurement of scripts/measure_place.py."""
    content = load(FIGURES / "place.json")
    if what not in content:
        raise MissingError(f"docs/figures/place.json, {what}")
    return content[what]


def _near(found: dict[str, float]) -> str:
    """Of a sample of poses, how near the truth they are."""
    return f"{count(found['poses'])}: {found['within_1']:.0%} within 1 Å, {found['within_2']:.0%} within 2 Å"


def placing() -> str:
    """What scripts/measure_place.py found on series, and on pairs of crystal complexes."""
    series, pairs = placed("series"), placed("crystal")
    failed = (
        ", ".join(f"{count(number)} `{code}`" for code, number in sorted(series["failed"].items())) or "none failed"
    )
    mean, slow = series["cpu_seconds"]
    rows = [
        ("compounds of congeneric series", f"{count(series['asked'])} ({failed})"),
        ("CPU seconds a compound", f"{mean:.2f} on average, {slow:.2f} for the slowest twentieth"),
        ("`core_coverage`", "median {:.2f}, a tenth below {:.2f}".format(*series["core_coverage"])),
        ("`core_rmsd`", "median {:.2f} Å, a tenth above {:.2f} Å".format(*series["core_rmsd"])),
        ("no clash", f"{series['no_clash']:.0%}"),
        ("`good`", f"{series['good']:.0%}"),
        ("crystal ligands placed on another ligand of their protein, `good`", _near(pairs["truth"]["good"])),
        ("the same, not `good`", _near(pairs["truth"]["not good"])),
    ]
    return table(("measured", "result"), rows)


def overlays() -> str:
    """How near the truth ligands of known conformation come to lie."""
    found = placed("overlay")
    names = {
        "frame": "in their own frame (`frame`)",
        "core": "on a shared core (`core`)",
        "shape": "by shape (`shape`)",
    }
    rows = [(names[way], _near(figures)) for way, figures in found["ways"].items()]
    rows += [(f"laid on, {name.replace('>=', '≥')}", _near(figures)) for name, figures in found["laid"].items()]
    rows.append(("**good by the rule**", _near(found["good"])))
    said = (
        f"{count(found['asked'])} crystal ligands, {count(found['refused'])} of them like no other ligand of their "
        f"protein and refused, {count(found['truth'])} posed where the truth is known, {found['cpu_seconds']:.2f} CPU "
        "seconds each:"
    )
    return f"{said}\n\n{table(('poses', 'how many, how near'), rows)}"


def posed_sets() -> str:
    """What scripts/pose_training.py made of the evaluation data."""
    found = placed("sets")
    rows = []
    for name in ("ligands", "congeneric"):
        left = ", ".join(
            f"{count(n)} {reason.replace('_', ' ')}" for reason, n in sorted(found[name]["left_out"].items())
        )
        rows.append((f"`{name}`", count(found[name]["good"]), count(found[name]["receptors"]), left))
    return table(("set", "good poses", "pockets", "left out"), rows)


def redock() -> str:
    figures = load(FIGURES / "redock.json")
    rows = [
        (
            row["id"],
            row["heavy_atoms"],
            row["rotatable_bonds"],
            f"{row['rmsd_first']:.1f}",
            f"{row['rmsd_best']:.1f}",
            f"{row['dock_score']:.1f}",
            f"{row['seconds']:.0f}",
        )
        for row in figures["complexes"]
    ]
    settings, machine = figures["settings"], figures["machine"]
    near = sum(row["rmsd_first"] <= 2.0 for row in figures["complexes"])
    any_near = sum(row["rmsd_best"] <= 2.0 for row in figures["complexes"])
    header = ("PDB entry", "atoms", "rotors", "first pose, Å", f"best of {settings['poses']}, Å", "kcal/mol", "CPU, s")
    said = (
        f"Within 2 Å: {near} of {len(rows)} by the first pose, {any_near} by the best of {settings['poses']}. "
        f"`--exhaustiveness {settings['exhaustiveness']}`, one core ({machine['processor']}) of a machine under load "
        f"{machine['load']:.0f}."
    )
    return table(header, rows) + "\n\n" + said


BLOCKS: dict[str, Callable[[], str]] = {
    "ablation": ablation,
    "accuracy": accuracy,
    "accuracy_all": accuracy_all,
    "base_on_casf": base_on_casf,
    "bench_top": bench_top,
    "checks": checks,
    "cluster": cluster,
    "counts": counts,
    "coverage": coverage,
    "data_rows": data_rows(STRICT_MODEL),
    "data_rows_base": data_rows(DEFAULT_MODEL),
    "demo": demo,
    "differences": differences,
    "features": features,
    "finetune": finetune,
    "headline": headline,
    "held_out": held_out(STRICT_MODEL),
    "held_out_base": held_out(DEFAULT_MODEL),
    "overlays": overlays,
    "pairs": pairs,
    "parameters": parameters,
    "placing": placing,
    "posed_sets": posed_sets,
    "prepare_speed": prepare_speed,
    "pretraining": pretraining,
    "redock": redock,
    "screening_sets": screening_sets,
    "series": series,
    "settings_learning_rates": settings(LearningRates),
    "settings_model": settings(ModelConfig),
    "settings_pretrain": settings(PretrainConfig),
    "settings_pretrain_ligand": settings(LigandTask),
    "settings_pretrain_molecules": settings(MoleculeSource),
    "settings_pretrain_pocket": settings(PocketTask),
    "settings_pretrain_pockets": settings(PocketSource),
    "settings_source": settings(SourceConfig),
    "settings_train": settings(TrainConfig),
    "settings_validation": settings(ValidationConfig),
    "screen_knobs": screen_knobs,
    "screen_speed": screen_speed,
    "single_members": single_members,
    "speed_line": speed_line,
    "splits": splits,
    "splits_speed": splits_speed,
    "timings": timings,
    "train_speed": train_speed,
    "weights": weights,
}


def render(name: str) -> str:
    """The text of a block."""
    if name not in BLOCKS:
        raise SystemExit(f"there is no block {name!r}; there are {', '.join(sorted(BLOCKS))}")
    try:
        return BLOCKS[name]()
    except MissingError as missing:
        return f"*Not measured yet: `make figures` writes this from `{missing}`.*"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file differs")
    parser.add_argument("--pages", type=Path, default=ROOT, metavar="FOLDER", help="that holds README.md and docs/")
    options = parser.parse_args()
    stale = []
    for path in (options.pages / "README.md", *sorted((options.pages / "docs").glob("*.md"))):
        page = path.relative_to(options.pages).as_posix()
        before = path.read_text(encoding="utf-8")
        if len(BLOCK.findall(before)) != before.count("<!-- table:"):
            raise SystemExit(f"{page}: a table marker is not closed")
        after = BLOCK.sub(lambda match: f"{match[1]}{render(match[2])}\n{match[3]}", before)
        if after == before:
            continue
        new = dict(zip([m[1] for m in BLOCK.findall(after)], [m.group() for m in BLOCK.finditer(after)], strict=True))
        old = dict(zip([m[1] for m in BLOCK.findall(before)], [m.group() for m in BLOCK.finditer(before)], strict=True))
        stale += [f"{page}: {name}" for name in new if new[name] != old[name]]
        if not options.check:
            path.write_text(after, encoding="utf-8")
    for block in stale:
        print(f"{'differs' if options.check else 'written'}: {block}")
    if options.check and stale:
        sys.exit(1)


if __name__ == "__main__":
    main()
