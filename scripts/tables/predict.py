"""Blocks on `binding predict`, `explain` and `data prepare`: examples, times, and what explanations are worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from binding.explanation.contributions import PARTS
from scripts.figures import FIGURES
from scripts.tables.common import count, estimate, load, load_text, speed, table


def demo() -> str:
    return f"```text\n{load_text(FIGURES / 'demo.txt').rstrip()}\n```"


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


def prepare_speed() -> str:
    content = load(FIGURES / "bench_prepare.json")
    where, rows = content["machine"], []
    for folder in content["folders"]:
        cold, complexes = folder["cold"], folder["complexes"]
        rows.append(
            (
                f"`{folder['name']}`, {count(complexes)} complexes",
                f"{cold['cpu_seconds']:.0f} s, {complexes / cold['cpu_seconds']:.0f} a second",
                f"{cold['seconds']:.0f} s, load {folder['load']:.0f}",
                f"{folder['again']['cpu_seconds']:.1f} s",
                f"{folder['added']['cpu_seconds']:.1f} s",
                f"{folder['cache_bytes'] / complexes / 1000:.1f} kB",
            )
        )
    header = (
        f"{content['workers']} processes on {where['cores']} cores, {where['processor']}",
        "CPU time of all processes",
        "wall time, load of the machine before",
        "nothing changed, CPU",
        f"{content['folders'][0]['rows_added']} rows added, CPU",
        "cache, a complex",
    )
    return table(header, rows)


_SAID = {
    "prior_ligand": "share of the [prior](../explanation/prior.md) of this ligand where nothing is known of the site",
    "prior_site": "what the prior adds, or takes, because of the residues around the ligand",
    "constant": "of the line that joins the parts; it depends on the nearest measurement alone",
    "ligand_term": "what the networks say of the ligand's structure, descriptors and conformation",
    "contacts_vina": "Vina's five terms with learned weights, over all pairs of a ligand atom and a residue",
    "contacts_learned": "what the networks learned to add to these pairs",
    "geometry_ligand": "what the geometry expert says of the ligand with no protein",
    "geometry_contacts": "what the expert's heads count of contacts, over all pairs of a ligand atom and a residue",
    "geometry_burial": "how many protein atoms surround the ligand, and of what kinds, over all residues of the pocket",
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
        (
            "**share** and what deleting the residue costs `pk` without its prior, rank correlation",
            "structure",
            "share",
        ),
        ("share and what it costs `pk`, the prior included", "pk", "share"),
        ("nearness to the ligand, the trivial guess, and what it costs without the prior", "structure", "nearness"),
    ):
        rows.append((text, *(estimate(figures[loss][guess]) for figures in (near, far))))
    rows.append(
        ("pK that is lost, without the prior, for each pK of share", *(estimate(part["slope"]) for part in (near, far)))
    )
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


_ATTRIBUTIONS = {
    "contributions": "**contributions**",
    "with_burial": "contributions with burial",
    "gradients": "integrated gradients",
    "attention": "attention of the networks",
    "contacts": "number of contacts within 4.5 Å",
    "nearness": "nearness to the ligand",
}


def explain_agreement() -> str:
    """What scripts.measure.agreement found: ranks and deletion curves of residues, and ranks of pieces."""
    content = load(FIGURES / "agreement.json")
    found = content["figures"]
    rows = [
        (
            text,
            estimate(found["ranks_structure"][name]),
            estimate(found["ranks_pk"][name]),
            f"{found['top_structure'][name]['value'] * 10:.1f}",
            estimate(found["area_structure_over_random"][name]),
            estimate(found["area_structure_over_contacts"][name]),
        )
        for name, text in _ATTRIBUTIONS.items()
    ]
    head = (
        f"residues of {_sampled(content)}",
        "rank correlation with deletion, without the prior",
        "the same, of `pk`",
        "of the ten that cost most, among the highest ten",
        "deletion curve over random order, pK",
        "over counting contacts, pK",
    )
    pieces = [
        (text, estimate(found["pieces"][name]))
        for name, text in (_ATTRIBUTIONS | {"size": "number of atoms"}).items()
        if name in found["pieces"]
    ]
    counted = count(found["pieces"]["size"]["complexes"])
    of_pieces = table((f"pieces of {counted} ligands that have five or more", "rank correlation with deletion"), pieces)
    return f"{table(head, rows)}\n\n{of_pieces}"


def explain_interactions() -> str:
    """Areas of scripts.measure.interactions: which attribution finds the residues of each kind of interaction."""
    content = load(FIGURES / "interactions.json")
    measured = {name for found in content["auc"].values() for name in found}
    measures = {name: text for name, text in _ATTRIBUTIONS.items() if name in measured}
    rows = [
        (kind, str(found["contributions"]["complexes"]), *(estimate(found[name]) for name in measures))
        for kind, found in sorted(content["auc"].items(), key=lambda item: -item[1]["contributions"]["complexes"])
    ]
    head = (f"interaction ({content['complexes']} of {content['of']} CASF-2016 complexes)", "complexes that have it")
    return table((*head, *measures.values()), rows)


def explain_attention() -> str:
    """What attention says beyond counting contacts, in a sentence."""
    content = load(FIGURES / "agreement.json")
    left = content["figures"]["ranks_structure"]["attention_beyond_contacts"]
    much = "little" if left["high"] < 0.3 else "something"
    if left["low"] <= 0.0:
        much = "nothing that can be told from chance"
    return (
        "Once the contacts of each residue are counted, the rank correlation that is left between attention and "
        f"deletion is {estimate(left)}: attention adds {much} to counting contacts."
    )


def _sampled(content: dict[str, Any]) -> str:
    used = content["figures"]["ranks_pk"]["contributions"]["complexes"]
    drawn = ", drawn at random, one a protein" if content["sampled"] else ""
    return f"{count(used)} complexes of `{content['set']}`{drawn}, `{content['model']}`"


def explain_output() -> str:
    """What the terminal shows of an example."""
    return f"```text\n{load_text(FIGURES / 'explain.txt').rstrip()}\n```"


BLOCKS: dict[str, Callable[[], str]] = {
    "demo": demo,
    "explain_agreement": explain_agreement,
    "explain_attention": explain_attention,
    "explain_interactions": explain_interactions,
    "explain_output": explain_output,
    "explain_parts": explain_parts,
    "explain_worth": explain_worth,
    "prepare_speed": prepare_speed,
    "timings": timings,
}
