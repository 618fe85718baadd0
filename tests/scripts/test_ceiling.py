"""What bounds the accuracy: agreement of laboratories and of assays, and shares of the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from binding.model.geometric_sums import LIGAND_WIDTH, PAIR_WIDTH, RESIDUE_WIDTH, Sums
from scripts.measure.ceiling import assays, drawn, highest, laboratories, part_of, skeletons
from scripts.release.families import Rows


def test_one_ligand_is_recognised_whatever_its_stereo_and_protonation():
    found = skeletons(["C[C@H](N)C(=O)O", "C[C@@H]([NH3+])C(=O)[O-]", "not a ligand"])
    assert len(found) == 2
    assert len(set(found.values())) == 1


@pytest.fixture(scope="module")
def measurements() -> pd.DataFrame:
    """Two tables whose values differ by 0.5 √2, and a third that quotes the first; ChEMBL's assays are off by 2."""
    generator, ligands = np.random.default_rng(0), np.arange(4000)
    truth = generator.normal(6.5, 1.2, len(ligands))
    parts = []
    for table, assay, shift in (("BindingDB", "", 0.0), ("ChEMBL", "A", 0.0), ("ChEMBL", "B", 2.0)):
        pk = truth + shift + 0.5 * generator.normal(size=len(truth))
        parts.append(pd.DataFrame({"table": table, "assay": assay, "skeleton": ligands.astype(str), "pk": pk}))
    parts.append(parts[0].assign(table="PDBbind", pk=parts[0]["pk"].round(2)))
    return pd.concat(parts, ignore_index=True).assign(uniprot="P1")


def test_agreement_is_found_and_quoted_values_are_no_agreement(measurements):
    plain = measurements[measurements["assay"] != "B"]
    found = laboratories(plain)
    assert set(found) == {"BindingDB and ChEMBL", "ChEMBL and PDBbind"}  # all of PDBbind's are quoted from BindingDB
    both = found["BindingDB and ChEMBL"]
    assert both["sigma"]["value"] == pytest.approx(0.5, abs=0.02)
    assert both["rmse"]["value"] == pytest.approx(0.5 * np.sqrt(2.0), abs=0.03)
    assert both["rmse"]["low"] < both["rmse"]["value"] < both["rmse"]["high"]
    assert both["r"] == pytest.approx(1.44 / (1.44 + 0.25), abs=0.02)


def test_what_an_assay_adds_to_all_of_its_values_is_taken_away(measurements):
    found = assays(measurements)
    assert found["assays"] == 1
    assert found["sigma"]["value"] == pytest.approx(0.5, abs=0.02)


def test_the_highest_r_is_that_of_the_true_values():
    generator = np.random.default_rng(0)
    truth = generator.normal(0.0, 1.2, 100_000)
    labels = truth + 0.5 * generator.normal(size=len(truth))
    assert highest(0.5, [float(labels.std())]) == pytest.approx(np.corrcoef(truth, labels)[0, 1], abs=0.01)
    assert highest(2.0, [1.0]) == 0.0


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Complexes whose pK is told by a descriptor, in families of four."""
    generator, count = np.random.default_rng(0), 160
    sums = Sums(
        torch.from_numpy(generator.normal(size=(count, LIGAND_WIDTH))),
        torch.full((count,), 20.0),
        torch.zeros(count, PAIR_WIDTH),
        torch.zeros(count, RESIDUE_WIDTH),
    )
    place = np.arange(count)
    table = pd.DataFrame(
        {"id": place.astype(str), "source": "crystal", "pk": 6.0 + sums.ligand[:, 0].numpy(), "exact": True}
        | {
            "strict": True,
            "doubtful": False,
            "group": (place // 4).astype(str),
            "fold": place // 4 % 4,
            "part": place % 4,
        }
    )
    return Rows(table, sums)


def test_a_smaller_share_lies_in_a_larger_one_and_families_are_drawn_whole(rows):
    quarter, half = (drawn(rows, share, 0, "id") for share in (0.25, 0.5))
    assert 0.1 < quarter.mean() < 0.4 < half.mean() < 0.6
    assert (quarter <= half).all()
    assert (drawn(rows, 0.5, 1, "id") != half).any()
    families = pd.Series(drawn(rows, 0.5, 0, "group")).groupby(rows.table["group"]).nunique()
    assert (families == 1).all()


def test_the_expert_is_fitted_to_the_share_alone(rows):
    everything, tenth = (part_of(rows, drawn(rows, share, 0, "id"), "family") for share in (1.0, 0.1))
    truth = rows.pk
    assert np.corrcoef(everything, truth)[0, 1] > np.corrcoef(tenth, truth)[0, 1] + 0.02
    assert len(tenth) == len(truth)
