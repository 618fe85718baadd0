"""How pk is joined of its experts, and that the weights depend on what was measured nearby."""

from __future__ import annotations

import numpy as np
import pytest
from networks import JOINED, SMALL, example_graph, joined_scorer

from binding.config import MeasuredLine
from binding.prior.model import PriorPk

MEASURED = MeasuredLine(offset=-0.5, prior=1.0, geometry=0.05)
LINE = JOINED.model_copy(update={"prior": 0.3, "measured": MEASURED})


def test_weights_go_from_one_line_to_the_other():
    weights = LINE.weights(np.array([0.0, 0.5, 1.0]))
    assert weights["prior"] == pytest.approx([0.3, 0.65, 1.0])
    assert weights["geometry"] == pytest.approx([0.75, 0.4, 0.05])
    assert weights["offset"] == pytest.approx([0.25, -0.125, -0.5])
    assert weights["network"] == pytest.approx([0.5, 0.25, 0.0])
    assert JOINED.weights(np.ones(2))["geometry"] == pytest.approx([0.75, 0.75]), "one line: the same everywhere"
    half = LINE.at(0.5)
    assert half.measured is None
    assert (half.prior, half.structure) == (pytest.approx(0.65), LINE.structure)


def test_pk_follows_what_is_known_of_each_complex():
    scorer = joined_scorer(SMALL.model_copy(update={"prior_weight": 0.5}))
    graphs = [example_graph(name) for name in ("1s2g", "4cup", "6wqa")]
    said, known = np.array([5.0, 6.0, 7.0]), np.array([0.0, 0.4, 1.0])
    plain = scorer.score(graphs, PriorPk(said, said))
    geometry = np.array([float(value) for value in scorer.score(graphs, PriorPk(said, said)).pk_network])
    scorer.line = LINE
    found = scorer.score(graphs, PriorPk(said, said, known))
    for row, at in enumerate(known.tolist()):
        scorer.line = LINE.at(at)
        alone = scorer.score(graphs, PriorPk(said, said)).pk[row]
        assert found.pk[row] == pytest.approx(alone, abs=1e-9)
    assert found.pk_network == pytest.approx(geometry), "the structure's own line does not depend on it"
    scorer.line = LINE
    unknown = scorer.score(graphs, PriorPk(said, said)).pk
    assert unknown == pytest.approx(plain.pk + 0.3 * said), "nothing is known: the first line"
