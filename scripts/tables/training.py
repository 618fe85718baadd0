"""Blocks on splits, training, pre-training and fine-tuning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scripts.figures import FIGURES
from scripts.tables.common import count, estimate, load, table


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
            *_two_cores(content),
            "Whole epochs of `binding train` on one CPU thread, in seconds on the clock (of the CPU); the first builds "
            "the graphs:",
            table(("complexes", "first epoch", "later epoch", "peak memory, MB", "load"), runs),
            f"CPU time of a later epoch against complexes: {line['ms_a_complex']:.1f} ms each, R² {line['r2']:.4f}.",
        )
    )


def _two_cores(content: dict[str, Any]) -> list[str]:
    """What both cores of a CPU do together; nothing where it was not measured."""
    if "two_cores" not in content:
        return []
    found = content["two_cores"]
    rows = [
        (row["processes"], row["threads"], f"{row['per_second']:.0f}", f"{row['load']:.0f}") for row in found["runs"]
    ]
    complexes = count(found["runs"][0]["complexes"])
    title = f"Whole steps on both cores, {complexes} complexes an epoch, {found['machine']['processor']}:"
    return [title, table(("`devices`", "`threads` of each", "complexes/s", "load"), rows)]


def train_batches() -> str:
    """Batches filled by atoms against batches of a number of complexes."""
    content = load(FIGURES / "batches.json")
    names = {"val_rmse": "RMSE", "val_r": "r", "val_rmse_ligand_only": "RMSE, the twin"}
    rows = [
        (
            arm["title"],
            arm["seeds"],
            arm["steps"],
            *(f"{arm[name]['mean']:.3f} ± {arm[name]['spread']:.3f}" for name in names),
        )
        for arm in content["arms"]
    ]
    return table(("a batch", "seeds", "steps", *names.values()), rows)


def train_stages() -> str:
    """Where the CPU time of a training step goes, and what of it matrix products must take."""
    content = load(FIGURES / "bench_stages.json")
    speed = content["product_gflops"]
    rows = [
        (row["stage"], f"{row['ms']:.2f}", f"{row['operations'] / 1e6:.0f}", f"{row['operations'] / speed / 1e6:.2f}")
        for row in content["stages"]
    ]
    spent = sum(row["ms"] for row in content["stages"])
    operations = sum(row["operations"] for row in content["stages"])
    least = operations / speed / 1e6
    rows.append(("**step**", f"{spent:.2f}", f"{operations / 1e6:.0f}", f"{least:.2f}"))
    header = ("stage, forward and backward", "CPU ms a complex", "million operations", "ms at that speed")
    return (
        f"One thread, {content['machine']['processor']} under load {content['load']:.0f}, batches of "
        f"{content['batch_size']}; products of matrices of the model's shapes run at {speed:.0f} thousand million "
        f"operations a second there:\n\n{table(header, rows)}"
    )


def train_pairs() -> str:
    """Throughput of training against older code."""
    pairs = load(FIGURES / "bench_train_pairs.json")
    row = pairs["ratios"][0]
    return (
        f"Against the code of `{pairs['before']}`, {pairs['pairs']} pairs measured in turns on the same machine: "
        f"{row['cpu']['median']:.2f} times as fast by CPU time ({row['cpu']['least']:.2f} to "
        f"{row['cpu']['most']:.2f}) on {row['threads']} thread, {row['cpu_ms_each_before']:.1f} and now "
        f"{row['cpu_ms_each_now']:.1f} ms a complex forward and backward under load {pairs['load']:.0f}. No figure "
        f"in the log of a run of {pairs['steps']} steps, norms of gradients included, differs by more than "
        f"{pairs['log_differs']:g}."
    )


def train_memory() -> str:
    """What the settings of memory save on large complexes."""
    content = load(FIGURES / "bench_memory.json")
    rows = [
        (
            "on" if row["checkpointing"] else "off",
            row["attention_chunk"] or "all",
            row["kept_mb"],
            row["peak_mb"],
            f"{row['seconds']:.2f}",
        )
        for row in content["settings"]
    ]
    header = ("`checkpointing`", "`attention_chunk`", "kept, MB", "peak, MB", "seconds a step")
    where = "CPU time of one thread" if content["device"] == "cpu" else "a GPU"
    return (
        f"{content['complexes']} complexes of {content['atoms']} atoms and {count(content['residues'])} residues a "
        f"step, default model and its twin, {content['machine']['processor']}, {where}:\n\n{table(header, rows)}"
    )


def finetune() -> str:
    """What fine-tuning on some compounds of a series does for the others."""
    content = load(FIGURES / "finetune.json")
    columns = {
        "before": "before",
        "after": "after",
        "ligand_only_after": "the ligand alone",
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


BLOCKS: dict[str, Callable[[], str]] = {
    "finetune": finetune,
    "splits": splits,
    "splits_speed": splits_speed,
    "train_batches": train_batches,
    "train_memory": train_memory,
    "train_pairs": train_pairs,
    "train_stages": train_stages,
    "train_speed": train_speed,
}
