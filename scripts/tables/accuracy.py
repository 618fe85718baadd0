"""Blocks on the accuracy of the shipped weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from binding.model.weights import DEFAULT_MODEL, STRICT_MODEL
from scripts.figures import FIGURES, OLDER
from scripts.tables.common import PROGRAMS, TEST, card, estimate, label, load, metrics, of_card, table

CHECKS = {
    "pk": "as it is",
    "noise_0.2_A": "noise of 0.2 Å on the ligand's atoms",
    "noise_0.5_A": "noise of 0.5 Å",
    "noise_1.0_A": "noise of 1.0 Å",
    "protein_removed": "protein removed",
    "protein_shuffled": "another complex's pocket",
}


def by_r(columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The model first, then its baselines, then the others by descending r."""
    first = [c for c in columns if c["name"] in ("pk", "pk_ligand_only", "heavy_atoms", "mol_weight")]
    rest = [c for c in columns if c not in first]
    return first + sorted(rest, key=lambda c: -c["metrics"]["r"]["value"])


def headline() -> str:
    """One paragraph: what the model reaches and what the ligand alone does."""
    report = metrics()
    model = next(c for c in report["columns"] if c["name"] == "pk")
    twin = next(c for c in report["columns"] if c["name"] == "pk_ligand_only")
    gap = next(c for c in report["comparisons"] if c["name"] == "pk_ligand_only")["differences"]
    return (
        f"On the {model['n']} crystal complexes of CASF-2016, weights trained without these and their close analogues "
        f"(`{STRICT_MODEL}`) reach r = {estimate(model['metrics']['r'])} and an RMSE of "
        f"{estimate(model['metrics']['rmse'])} pK. The ligand alone gives r = {estimate(twin['metrics']['r'])} and "
        f"{estimate(twin['metrics']['rmse'])}; the protein adds {gap['r']['value']:+.2f} "
        f"({gap['r']['low']:+.2f} to {gap['r']['high']:+.2f}) in r. Brackets hold 95 % bootstrap intervals."
    )


def accuracy() -> str:
    rows = []
    for column in by_r(metrics()["columns"]):
        what, fitted = label(column["name"])
        figures = column["metrics"]
        rows.append((what, fitted, column["n"], estimate(figures["r"]), estimate(figures["rmse"])))
    return table(("method", "trained on", "complexes", "Pearson r", "RMSE, pK"), rows)


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


def base_on_casf() -> str:
    """The default weights on the test set whose analogues they have seen."""
    content = card(DEFAULT_MODEL)
    test = content["test"][TEST]
    return (
        f"`{DEFAULT_MODEL}`, which has seen close analogues of these complexes, but none of them: r "
        f"{of_card(test['pk'], 'r', 3)}, RMSE {of_card(test['pk'], 'rmse', 3)}; its prior alone "
        f"{of_card(test['pk_ligand_only'], 'r', 3)} and {of_card(test['pk_ligand_only'], 'rmse', 3)}."
    )


def measured_with() -> str:
    """The weights and the commit of every file of figures."""
    rows = []
    for path in sorted(FIGURES.glob("*.json")):
        found = load(path)["measured_with"]
        weights = ", ".join(f"`{name}`" for name in found["weights"]) or "none"
        older = f"**older weights**: {OLDER[path.name]}" if path.name in OLDER else ""
        rows.append((f"`{path.name}`", f"`{PROGRAMS[path.name]}`", weights, f"`{found['commit']}`", older))
    return table(("figures", "measured by", "weights", "commit", ""), rows)


BLOCKS: dict[str, Callable[[], str]] = {
    "accuracy": accuracy,
    "base_on_casf": base_on_casf,
    "checks": checks,
    "counts": counts,
    "coverage": coverage,
    "differences": differences,
    "headline": headline,
    "measured_with": measured_with,
}
