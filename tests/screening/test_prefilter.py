"""A library ranked without poses: the best are posed, the others left out with a row, whoever ranks them."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from rdkit import Chem
from screen_runs import Child, contents
from typer.testing import CliRunner

import binding
from binding.cli.main import app
from binding.cli.screen import _tell
from binding.config import ModelConfig
from binding.errors import EXIT_INTERRUPTED, UsageError
from binding.graph.ligand import build_structure_graphs
from binding.graph.site import PocketSpec
from binding.io.structure import read_protein
from binding.model.weights import Member, load_model, save_weights
from binding.poses.poser import Posing
from binding.prior.kernel import Features
from binding.prior.model import Prior, SiteFit, summary_of
from binding.prior.one_site import OneSite
from binding.prior.sites import Sites
from binding.reports.screening import write_report
from binding.score.options import resolve_pocket
from binding.screening import prefilter
from binding.screening.digest import compounds
from binding.screening.estimate import estimate_screen
from binding.screening.parts import part_paths, prefilter_folder
from binding.screening.plan import Shard
from binding.screening.ranking import site_of
from binding.screening.run import screen
from binding.screening.top import find_top

#: Names say what is odd. All but two share the reference's core, so that they can be placed.
SERIES = """\
Nc1nc(N)c2c(Sc3ccc(C)cc3)cccc2n1 tolyl
Nc1nc(N)c2c(SC(C)F)cccc2n1.Cl a salt with an open centre
c1ccccc unclosed ring
CCO shares no core
Nc1nc(N)c2c(Sc3ccccc3)cccc2n1 measured
Nc1nc(N)c2c(SC)cccc2n1 methyl
CCCCCCCCC nonane
"""
MEASURED = "Nc1nc(N)c2c(Sc3ccccc3)cccc2n1"


def features(*smiles: str) -> Features:
    return Features.of(build_structure_graphs([Chem.MolFromSmiles(text) for text in smiles]))


@pytest.fixture(scope="module")
def site(examples) -> np.ndarray:
    """Words of the site in dihydrofolate reductase."""
    spec = PocketSpec(reference=resolve_pocket(examples / "1ia1_ligand.sdf").reference)
    return site_of(read_protein(examples / "1ia1_protein.pdb.gz"), spec, Posing("dock"))


@pytest.fixture(scope="module")
def prior(site) -> Prior:
    """Two known ligands, one of them measured at the site."""
    graphs = build_structure_graphs([Chem.MolFromSmiles(text) for text in (MEASURED, "CCCCCCCC")])
    fit = SiteFit(Sites.of([site]), np.arange(2), np.array([0, -1]), np.array([1.0, 0.5]), 6.0)
    return Prior(Features.of(graphs), np.array([0.5, -0.5]), 6.0, *summary_of(graphs), fit)


@pytest.fixture(scope="module")
def weights(prior, tmp_path_factory):
    """Small weights with a prior."""
    config = ModelConfig(
        hidden_channels=8,
        num_heads=2,
        num_layers=1,
        ligand_layers=1,
        pocket_layers=1,
        vector_channels=1,
        prior_weight=0.5,
    )
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    save_weights(path, [Member(config).state_dict()], {"name": "x", "config": config.model_dump()}, prior=prior)
    return path


@pytest.fixture
def made(plan, examples, weights, tmp_path):
    """A plan that places the best three of a series; keywords change it."""

    def make(library=None, **changes):
        path = tmp_path / "series.smi"
        path.write_text(SERIES)
        settings = {
            "protein": examples / "1ia1_protein.pdb.gz",
            "pocket": resolve_pocket(examples / "1ia1_ligand.sdf"),
            "posing": Posing("place", examples / "1ia1_ligand.sdf"),
            "model": str(weights),
            "prefilter": 3,
        }
        return plan(path if library is None else library, **settings | changes)

    return make


def ranking(run) -> pd.DataFrame:
    return pq.read_table(run / "prefilter.parquet").to_pandas()


def counts(run) -> dict[str, int]:
    return json.loads((run / "run.json").read_text())["counts"]


# ---------------------------------------------------------------- the number


def test_one_site_says_what_the_prior_says_there(prior, site):
    asked = features("CCO", MEASURED, "c1ccccc1C(=O)NC", "Nc1nc(N)c2c(SC)cccc2n1", *["CCN"] * 9)
    here = OneSite(prior, site)
    known = here.known_of(asked)
    assert known == pytest.approx(prior.predict_features(asked, [site] * len(asked)).known, abs=1e-9)
    assert known[1] == pytest.approx(1.0)
    assert (len(here), here.nearest) == (1, 1.0)
    each = [OneSite(prior, site).known_of(asked.take(np.array([row])))[0] for row in range(len(asked))]
    assert known.tolist() == each, "to the last bit, whatever is beside it"
    nowhere = OneSite(prior, np.zeros(0, dtype=np.uint32))
    assert (len(nowhere), nowhere.nearest) == (0, 0.0)
    assert not nowhere.known_of(asked).any()
    assert here.known_of(features()).shape == (0,)


def test_the_site_is_where_compounds_are_posed(examples, site):
    protein, reference = read_protein(examples / "1ia1_protein.pdb.gz"), examples / "1ia1_ligand.sdf"
    assert len(site) > 5
    placed = site_of(protein, PocketSpec(), Posing("place", reference))
    assert np.array_equal(placed, site), "placing needs no pocket"
    middle = tuple(resolve_pocket(reference).reference.mean(axis=0).tolist())
    by_centre = site_of(protein, PocketSpec(center=middle, radius=12.0), Posing("dock"))
    assert len(np.intersect1d(by_centre, site)) > len(site) / 2
    listed = site_of(protein, PocketSpec(residues=("A:25", "A:26", "A:27", "A:28")), Posing("dock"))
    assert len(listed) == 1
    assert len(site_of(protein, PocketSpec(), Posing("dock"))) == 0


def test_it_is_the_number_that_binder_counts(made, weights, site):
    """Of the neutral parent, whatever salt and state the SMILES is of."""
    screen(asked := made())
    known = ranking(asked.output).set_index("compound")["nearest_measurement"]
    prior = load_model(weights, device="cpu").prior
    bare = features("Nc1nc(N)c2c(Sc3ccc(C)cc3)cccc2n1", "Nc1nc(N)c2c(SC(C)F)cccc2n1", MEASURED)
    expected = prior.predict_features(bare, [site] * 3).known
    assert known[["tolyl", "a salt with an open centre", "measured"]].to_numpy() == pytest.approx(expected)


# ---------------------------------------------------------------- what becomes of a library


def test_the_best_are_posed_and_every_other_has_a_row(made):
    asked = made()
    result = screen(asked)
    assert (result.asked, result.scored, result.failed, result.left_out) == (7, 3, 1, 3)
    assert (result.exit_code, result.complete, result.ranking) == (3, True, False)
    assert counts(asked.output) == {"asked": 7, "scored": 3, "failed": 1, "left_out": 3}
    table = ranking(asked.output)
    assert table["row"].tolist() == list(range(7))
    assert table["status"].value_counts().to_dict() == {"chosen": 3, "left_out": 3, "not_ranked": 1}
    assert table.set_index("compound")["status"]["unclosed ring"] == "not_ranked", "whoever poses it says why it fails"
    ranked = table.dropna(subset=["prefilter_rank"]).sort_values("prefilter_rank")
    assert ranked["prefilter_rank"].tolist() == [1, 2, 3, 4, 5, 6]
    assert ranked["nearest_measurement"].is_monotonic_decreasing
    assert ranked["compound"].tolist()[0] == "measured"
    assert set(ranked["compound"].tail(2)) == {"shares no core", "nonane"}
    left_out = pd.read_csv(asked.output / "left_out.csv")
    assert left_out["compound"].tolist() == table[table["status"] == "left_out"]["compound"].tolist()
    assert left_out["smiles"].notna().all()
    assert pd.read_csv(asked.output / "failures.csv")["error_code"].tolist() == ["bad_smiles"]
    assert not prefilter_folder(asked.output).exists()
    assert "3 left out" in (asked.output / "run.log").read_text()


def test_equal_compounds_are_chosen_by_their_place(made, tmp_path):
    path = tmp_path / "same.csv"
    pd.DataFrame({"id": [f"c{n}" for n in range(6)], "smiles": [MEASURED] * 6}).to_csv(path, index=False)
    screen(asked := made(path, prefilter=2, output=tmp_path / "same"))
    assert ranking(asked.output)["status"].tolist() == ["chosen"] * 2 + ["left_out"] * 4


def test_workers_parts_and_a_stop_change_nothing(made, tmp_path, monkeypatch):
    whole = made()
    screen(whole)
    expected = contents(whole.output) | {"prefilter": (whole.output / "prefilter.parquet").read_bytes()}
    other = made(output=tmp_path / "workers", workers=2)
    screen(other)
    monkeypatch.setattr(prefilter, "_PART_SIZE", 2)
    stopped = made(output=tmp_path / "stopped")
    first = screen(stopped, stopping=lambda: True)
    assert (first.asked, first.ranking, first.interrupted, first.exit_code) == (2, True, True, EXIT_INTERRUPTED)
    assert not (stopped.output / "prefilter.parquet").exists()
    assert len(part_paths(prefilter_folder(stopped.output))) == 1
    second = screen(stopped, stopping=lambda: False)
    assert (second.asked, second.left_out, second.complete) == (7, 3, True)
    columns = ["row", "nearest_measurement", "prefilter_rank", "status"]
    for run in (other.output, stopped.output):
        pd.testing.assert_frame_equal(ranking(run)[columns], ranking(whole.output)[columns])
        assert contents(run) == {name: data for name, data in expected.items() if name != "prefilter"}
    assert screen(whole).left_out == 3, "a finished run answers as before"


def test_killed_while_it_ranks_or_poses_it_ends_with_the_same(made, tmp_path, monkeypatch):
    monkeypatch.setattr(prefilter, "_PART_SIZE", 1)
    whole = made(output=tmp_path / "whole", part_size=1)
    assert Child(whole).wait() == 3
    killed = replace(whole, output=tmp_path / "killed")
    stage = prefilter_folder(killed.output)
    for there in (
        lambda: len(part_paths(stage)) >= 2,
        lambda: len(part_paths(stage)) >= 5,
        lambda: (killed.output / "prefilter.parquet").exists(),
        lambda: len(part_paths(killed.output)) >= 2,
    ):
        Child(killed).kill_when(there, 0.0)
    assert Child(killed).wait() == 3
    assert contents(killed.output) == contents(whole.output)
    names = ("prefilter.parquet", "left_out.csv")
    assert [(killed.output / n).read_bytes() for n in names] == [(whole.output / n).read_bytes() for n in names]
    assert not list(killed.output.rglob("*.partial"))


def test_shards_rank_first_and_pose_once_all_have_ranked(made, tmp_path, monkeypatch):
    monkeypatch.setattr(prefilter, "_PART_SIZE", 2)
    whole = made(output=tmp_path / "whole", part_size=1)
    screen(whole)
    shards = [made(output=tmp_path / "shards", shard=Shard(n, 2), part_size=1) for n in (1, 2)]
    first = screen(shards[0])
    assert (first.asked, first.ranking, first.interrupted, first.complete, first.exit_code) == (
        4,
        True,
        False,
        False,
        0,
    )
    second = screen(shards[1])
    assert (second.ranking, second.complete, second.left_out) == (False, False, 0), "the last to rank goes on at once"
    third = screen(shards[0])
    assert third.complete
    assert contents(shards[0].output) == contents(whole.output)
    assert counts(shards[0].output) == {"asked": 7, "scored": 3, "failed": 1, "left_out": 3}
    with pytest.raises(UsageError, match="all shards"):
        screen(made(output=tmp_path / "shards", shard=Shard(1, 2), part_size=1, restart=True))


def test_what_lists_results_says_how_many_were_left_out(made, tmp_path):
    asked = made()
    screen(asked)
    assert find_top(asked.output).left_out == 3
    done = CliRunner().invoke(app, ["top", str(asked.output)])
    assert "3 compounds were left out by --prefilter" in done.stderr
    labels = tmp_path / "labels.csv"
    labels.write_text("id,label\nmeasured,1\nnonane,1\nshares no core,0\ntolyl,0\n")
    page = write_report(asked.output, labels=labels).read_text()
    assert "further records left out by --prefilter" in page
    assert "labelled compounds that could not be scored: 2" in page, "what was left out is not found"
    found = compounds(asked.output, ["nonane", "measured", "not there"])
    assert found["id"].tolist() == ["measured", "nonane"]
    assert found["pk"].isna().tolist() == [False, True]


def test_it_says_so_where_it_could_not_help(made, tmp_path):
    result = screen(made(prefilter=50))
    assert result.left_out == 0
    assert result.warnings[0] == "--prefilter 50 left nothing out: 6 compounds could be ranked"
    far = tmp_path / "far.smi"
    far.write_text("CCO ethanol\nCCC propane\n")
    result = screen(made(far, prefilter=1, output=tmp_path / "far"))
    assert "no better than what chance would have" in result.warnings[0]


def test_a_dry_run_counts_ranking_and_posing(made):
    asked = made()
    found = estimate_screen(asked)
    assert found.prefilter == 3
    assert found.ranking_each > 0
    screen(asked)
    assert estimate_screen(asked).ranking_each is None
    left = replace(found, done=0, seconds_before=1.0, seconds_each=10.0, ranking_each=0.1, workers=1)
    assert left.seconds_left == pytest.approx(1.0 + 7 * 0.1 + 3 * 10.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prefilter": 0}, "--prefilter is 0"),
        ({"prefilter": -3}, "--prefilter is -3"),
        ({"library": "poses", "posing": None}, "The library holds poses"),
        ({"model": None}, "have no prior"),
    ],
)
def test_what_cannot_be_ranked_is_refused(made, examples, tiny_model, changes, message):
    if changes.get("library") == "poses":
        changes = changes | {"library": examples / "1ia1_ligand.sdf"}
    if "model" in changes:
        changes = {"model": str(tiny_model)}
    with pytest.raises(UsageError, match=message):
        screen(made(**changes))


def test_another_number_is_another_run(made):
    screen(made())
    with pytest.raises(UsageError, match="--prefilter"):
        screen(made(prefilter=2))


def test_from_python_and_in_words(made, examples, weights, tmp_path, capsys):
    library = made().library[0]
    result = binding.screen(
        library,
        tmp_path / "api",
        protein=examples / "1ia1_protein.pdb.gz",
        model=weights,
        workers=0,
        posing=Posing("place", examples / "1ia1_ligand.sdf"),
        prefilter=2,
    )
    assert (result.scored, result.left_out) == (2, 4)
    _tell(result, 1.0, "binding screen", quiet=False)
    assert "2 of 7 scored, 1 failed, 4 left out in 1.0 s" in capsys.readouterr().err
    waiting = SimpleNamespace(**vars(result) | {"ranking": True, "interrupted": False, "failed": 0, "left_out": 0})
    _tell(waiting, 1.0, "binding screen", quiet=False)
    assert "7 records ranked; when all shards have ranked theirs" in capsys.readouterr().err
