"""The fit of `binder`: binders above the others of their own pocket, and a mean probability that is the base rate."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from binding.model.binder import MOST_KNOWN
from binding.prior.model import PriorPk
from scripts.release.binder import Assays, best_poses, figures, flat_graph, offset_of, refit, total, within
from scripts.release.small_screens import Compound, Drawer

LIGAND = {"pk_ligand_only": 0.5}


@pytest.fixture(scope="module")
def screens() -> pd.DataFrame:
    """Twenty pockets of two binders and four decoys, two poses each; some pockets suit every ligand better."""
    rng = np.random.default_rng(0)
    rows = []
    for pocket in range(20):
        of_pocket = rng.normal(0.0, 3.0)
        for place in range(6):
            binds = place < 2
            row = {"receptor": f"p{pocket}", "compound": f"p{pocket}_{place}", "binds": binds}
            for _ in range(2):
                pose = of_pocket + 1.5 * binds + rng.normal()
                rows.append(row | {"pose": pose, "pk_ligand_only": rng.normal(6.0, 1.0), "size": 3.0})
    return pd.DataFrame(rows)


def test_what_is_common_to_a_pocket_takes_no_part(screens):
    moved = screens.assign(pose=screens["pose"] + screens["receptor"].map(lambda name: 5.0 * int(name[1:])))
    np.testing.assert_allclose(within(moved, ["pose"], "receptor"), within(screens, ["pose"], "receptor"), rtol=1e-3)
    assert within(screens, ["pose"], "receptor")[0] > 0.3


def test_a_better_number_never_lowers_the_odds(screens):
    assert within(screens.assign(pose=-screens["pose"]), ["pose"], "receptor")[0] == 0.0


def test_mean_probability_is_the_share_of_binders(screens):
    weights = refit(screens, LIGAND)
    assert weights["pk_ligand_only"] == LIGAND["pk_ligand_only"]
    best = best_poses(screens, weights)
    assert len(best) == screens["compound"].nunique()
    said = expit(total(best, weights) + offset_of(screens, weights))
    assert said.mean() == pytest.approx(1 / 3, abs=1e-3)


def test_figures_are_means_over_pockets(screens):
    found = figures(screens, "pose", "receptor")
    assert found["groups"] == 20
    assert found["auc"]["low"] < found["auc"]["value"] < found["auc"]["high"]
    assert found["auc"]["value"] > 0.7


def test_decoys_match_their_binder_and_are_unlike_it():
    own = "CC(=O)Nc1ccc(CCN2CCOCC2)cc1"
    others = ["O=C(NCc1ccccc1)C1CCN(C)CC1", "Cc1ccsc1C(=O)NCCN1CCCC1", "CCCCCCCCCCCCCCCC(=O)O", own]
    table = pd.DataFrame({"smiles": others, "uniprot": ["A", "B", "C", "D"], "source": "crystal", "pk": 7.0})
    table = pd.concat([table, table.assign(source="activity")], ignore_index=True)
    index = pd.DataFrame({"id": ["1abc"], "uniprot": ["Z"], "ligand_smiles": [own], "pk": [7.0]})
    drawn = Drawer(index, table).of("1abc")
    assert drawn[0][0] == "own"
    decoys = [compound for kind, compound in drawn[1:]]
    assert {kind for kind, _ in drawn[1:]} == {"guest", "library"}
    binder = Compound(own, "Z", "crystal", 7.0)
    for decoy in decoys:
        assert decoy.smiles in others[:2]
        assert decoy.charge == binder.charge
        assert abs(decoy.traits[0] - binder.traits[0]) <= 2


def test_what_is_known_already_is_left_to_its_weight(screens):
    told = screens.assign(copy=screens["pose"])
    alone = within(told, ["copy"], "receptor")[0]
    beside = within(told, ["copy"], "receptor", beside={"pose": 0.8 * alone})[0]
    assert 0.0 < beside < 0.6 * alone


def test_actives_stand_beside_inactives_and_beside_random_compounds(monkeypatch):
    """Of ligands that the prior nearly knows, none is judged; what is known counts where the protein has a site."""

    def said(features, sites, ligand_of):
        return PriorPk(np.full(len(sites), 6.0), 5.0 + ligand_of, np.array([0.9 * (len(site) > 0) for site in sites]))

    nearest = SimpleNamespace(nearest=lambda features: (None, np.array([0.1, 0.2, 0.9, 0.3])), predict_features=said)
    monkeypatch.setattr("scripts.release.binder.load_model", lambda model: SimpleNamespace(prior=nearest))
    smiles = ["CCO", "CCN", "CCC", "c1ccccc1"]
    graphs = {text: graph for text in smiles if (graph := flat_graph(text)) is not None}
    table = pd.DataFrame(
        {
            "assay": ["A", "A", "A", "B", "B"],
            "uniprot": ["P", "P", "P", None, None],
            "smiles": ["CCO", "CCN", "CCC", "CCO", "CCN"],
            "binds": [True, False, False, True, False],
        }
    )
    tested = Assays(table, ["c1ccccc1"], graphs, {"P": np.arange(3, dtype=np.uint32)})
    found = tested.judged("any")
    assert set(found["pair"]) == {"A inactive", "A random", "B inactive", "B random"}
    assert [len(rows) for _, rows in found.groupby("pair")] == [2, 2, 2, 2]
    assert set(found.loc[found["structure"], "known"]) == {MOST_KNOWN}
    assert set(found.loc[~found["structure"], "known"]) == {0.0}
    assert found.groupby("pair")["binds"].sum().tolist() == [1, 1, 1, 1]
