"""Figures in docs/figures/ name what they were measured with, and that is what is shipped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from binding.model.weights import available_models, load_card
from scripts.figures import FIGURES, OLDER, digest, measured_with, write_figures

#: Figures that went into the weights: what they found is in the card of both, so that no digest is needed.
PART_OF_THE_WEIGHTS = {
    "stack.json": lambda found, card: (
        [(found["prior"], card["config"]["prior"])] + [(found["network"], card["config"]["network"])]
    ),
    "joining.json": lambda found, card: (
        [(weight, card["config"]["joining"][name]) for name, weight in found[card["name"]]["line"].items()]
        + [(found[card["name"]]["experts"]["all"], card["held_out"])]
    ),
    "pose.json": lambda found, card: [(found["models"][card["name"]]["line"], card["calibration"]["pose"])],
}


def files() -> dict[str, dict]:
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FIGURES.glob("*.json"))}


def is_older(content: dict) -> bool:
    """Whether some weights that the figures are of are not those in the package."""
    measured = content["measured_with"]["weights"]
    return any(model not in available_models() or digest(model) != known for model, known in measured.items())


@pytest.mark.skipif(not available_models(), reason="no weights are shipped with this tree")
def test_figures_are_of_the_shipped_weights():
    wrong = []
    for name, content in files().items():
        measured = content.get("measured_with", {})
        if set(measured) != {"commit", "weights"} or not measured["commit"]:
            wrong.append(f"{name} does not say what it was measured with")
        elif is_older(content) and name not in OLDER:
            wrong.append(f"{name} is of other weights: measure it again, or say why not in OLDER of scripts/figures.py")
        elif name in OLDER and not is_older(content):
            wrong.append(f"{name} is of the shipped weights: it does not belong in OLDER")
    assert wrong == []
    assert set(OLDER) <= set(files())


@pytest.mark.skipif(not available_models(), reason="no weights are shipped with this tree")
@pytest.mark.parametrize("name", PART_OF_THE_WEIGHTS)
def test_what_went_into_the_weights_is_in_their_cards(name):
    found = files()[name]
    for model in available_models():
        for measured, shipped in PART_OF_THE_WEIGHTS[name](found, load_card(model)):
            assert measured == shipped, model


def test_written_figures_say_what_they_were_measured_with(tmp_path: Path):
    path = tmp_path / "found.json"
    write_figures(path, {"r": 0.5}, *available_models())
    content = json.loads(path.read_text(encoding="utf-8"))
    assert list(content) == ["measured_with", "r"]
    assert content["measured_with"] == measured_with(*available_models())
    assert set(content["measured_with"]["weights"]) == set(available_models())
