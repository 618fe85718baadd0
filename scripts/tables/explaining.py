"""Blocks on explanations: the parts of pk, and what they are worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from binding.explanation.contributions import PARTS
from scripts.figures import FIGURES
from scripts.tables.common import count, estimate, load, load_text, table

_SAID = {
    "prior_ligand": "share of the [prior](../explanation/prior.md) of this ligand where nothing is known of the site",
    "prior_site": "what the prior adds, or takes, because of the residues around the ligand",
    "constant": "the same for all complexes",
    "ligand_term": "what the networks say of the ligand's structure, descriptors and conformation",
    "contacts_vina": "Vina's five terms with learned weights, over all pairs of a ligand atom and a residue",
    "contacts_learned": "what the networks learned to add to these pairs",
}


def explain_parts() -> str:
    """The parts of pk, and how large they are."""
    content = load(FIGURES / "explain.json")
    rows = []
    for name, text in PARTS.items():
        if name not in content["parts"]:  # no complex of the set comes to the bound
            continue
        size = content["parts"][name]
        rows.append((f"`pk_{name}`", text, _SAID[name], f"{size['mean']:+.2f}", f"{size['std']:.2f}"))
    used = count(content["asked"] - sum(content["failed"].values()))
    return table(("column", "in the report", "meaning", f"mean of {used} complexes, pK", "standard deviation"), rows)


def explain_worth() -> str:
    """What scripts.measure.explain found."""
    content = load(FIGURES / "explain.json")
    near, far = content["touching"], content["cutoff"]
    rows: list[tuple[str, ...]] = [
        (f"residues of {_complexes(content)}", count(near["residues"]), count(far["residues"]))
    ]
    for text, loss, guess in (
        ("**share** and what deleting the residue costs the networks, rank correlation", "network", "share"),
        ("share and what it costs `pk`, the prior included", "pk", "share"),
        ("nearness to the ligand, the trivial guess, and what it costs the networks", "network", "nearness"),
    ):
        rows.append((text, *(estimate(figures[loss][guess]) for figures in (near, far))))
    rows.append(("pK that the networks lose for each pK of share", *(estimate(part["slope"]) for part in (near, far))))
    rows.append(("shares below zero", *(f"{part['below_zero']:.0%}" for part in (near, far))))
    head = ("", *(f"within {part['distance']:g} Å of the ligand" for part in (near, far)))
    return f"{table(head, rows)}\n\n{_stability(content)}"


def _complexes(content: dict[str, Any]) -> str:
    return f"{count(content['asked'] - sum(content['failed'].values()))} crystal complexes, `{content['model']}`"


def _stability(content: dict[str, Any]) -> str:
    stable = content["stability"]
    texts = {
        "networks": "of single networks, two and two",
        "noise": f"with and without noise of {content['noise']:g} Å on each coordinate of the ligand",
    }
    rows = [
        (text, *(estimate(stable[f"{name}_{what}"]) for what in ("residues", "atoms")))
        for name, text in texts.items()
        if f"{name}_residues" in stable
    ]
    return table(("correlation r of the shares", "of residues", "of atoms"), rows)


def explain_output() -> str:
    """What the terminal shows of an example."""
    return f"```text\n{load_text(FIGURES / 'explain.txt').rstrip()}\n```"


def explain_line() -> str:
    """How far it can be believed, in a sentence."""
    content = load(FIGURES / "explain.json")
    share = estimate(content["touching"]["network"]["share"])
    return (
        "A residue's share ranks the residues in contact as deleting each of them from the structure does: rank "
        f"correlation {share} over {_complexes(content)}. It is not what a mutation would do: "
        "[docs/how-to/explain.md](docs/how-to/explain.md)."
    )


BLOCKS: dict[str, Callable[[], str]] = {
    "explain_line": explain_line,
    "explain_output": explain_output,
    "explain_parts": explain_parts,
    "explain_worth": explain_worth,
}
