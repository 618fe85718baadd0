"""Forward screening: what is docked into a target, and figures of one target."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scripts.measure.forward import asked_of, judged, of_target


def test_own_ligands_stand_beside_those_of_other_targets():
    table = pd.DataFrame(
        {
            "id": ["1a", "1b", "2a", "2b", "3a"],
            "smiles": ["CCO", "CCCO", "CCN", "CCO", "c1ccccc1"],
            "pk": [5.0, 7.0, 6.0, 6.0, 4.0],
            "target": ["A", "A", "B", "B", "C"],
        }
    )
    name, asked = asked_of("A", table, foreign=9)
    assert name == "1b"  # of the tightest ligand
    assert [(kind, compound.smiles) for kind, compound in asked[:2]] == [("own", "CCCO"), ("other", "CCO")]
    assert {compound.smiles for _, compound in asked[2:]} == {"CCN", "c1ccccc1"}  # CCO binds A as well
    assert {kind for kind, _ in asked[2:]} == {"guest"}
    assert len(asked_of("A", table, foreign=1)[1]) == 3


def test_figures_of_one_target():
    binds = np.array([True] + [False] * 29)
    best = of_target(np.arange(30.0)[::-1], binds)
    assert (best["auc"], best["ef1"], best["top1"]) == (1.0, 30.0, 1.0)
    third = of_target(np.array([27.5, *np.arange(29.0) + 1.0]), binds)
    assert (third["top1"], third["top5"], third["top10"]) == (0.0, 0.0, 1.0)
    lost = of_target(np.array([np.nan, *np.arange(29.0)]), binds)
    assert (lost["auc"], lost["top10"]) == (0.0, 0.0)


def test_a_compound_counts_by_its_best_pose():
    rows = pd.DataFrame(
        {
            "receptor": ["p"] * 4,
            "compound": ["a", "a", "b", "b"],
            "binds": [True, True, False, False],
            "pose": [0.1, 0.9, 0.5, 0.4],
        }
    )
    assert judged(rows, "pose")["auc"]["value"] == pytest.approx(1.0)
