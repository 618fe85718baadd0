"""A fitted prior on the disk, and what training starts from: of each ligand what is said of it held out."""

from __future__ import annotations

import numpy as np
import pytest
from binding_sites import NOWHERE, drug_sites, site
from prior_ligands import DRUGS, drugs, graph, invented_pk

from binding.config import ValidationConfig
from binding.errors import ConfigError, WeightsError
from binding.prior.fit import fit_prior
from binding.prior.held_out import FittedPrior
from binding.prior.kernel import Features

FOLDS = 3


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A prior of all drugs but nilotinib, and its file."""
    known = [graph(smiles) for name, smiles in DRUGS.items() if name != "nilotinib"]
    groups = [f"P{row}" for row in range(len(known))]
    sites = [words for name, words in zip(DRUGS, drug_sites(), strict=True) if name != "nilotinib"]
    caffeine = graph(DRUGS["caffeine"])  # at a second site
    fitted = fit_prior(
        [*known, caffeine], [*invented_pk(known), 7.5], [*groups, "Q"], "cluster", FOLDS, sites=[*sites, site("6wqa")]
    )
    path = tmp_path_factory.mktemp("prior") / "made" / "prior.npz"
    fitted.save(path)
    return fitted, path


@pytest.fixture
def loaded(saved):
    return FittedPrior.load(saved[1])


def place(name: str) -> int:
    return [known for known in DRUGS if known != "nilotinib"].index(name)


# ---------------------------------------------------------------- the file


def test_what_is_saved_is_loaded(saved, loaded):
    fitted, path = saved
    assert (loaded.column, loaded.folds) == ("cluster", FOLDS)
    assert np.array_equal(loaded.held_out, fitted.held_out)
    assert np.array_equal(loaded.held_out_at_site, fitted.held_out_at_site)
    assert loaded.prior.predict(drugs()) == pytest.approx(fitted.prior.predict(drugs()), abs=0.01)
    assert [file.name for file in path.parent.iterdir()] == ["prior.npz"], "nothing half written is left"


def test_a_missing_file(tmp_path):
    with pytest.raises(WeightsError, match="There is no prior") as caught:
        FittedPrior.load(tmp_path / "none.npz")
    assert "binding prior" in caught.value.hint


@pytest.mark.parametrize("keep", [0, 10, 300, -50])
def test_a_file_that_breaks_off(saved, tmp_path, keep):
    path = tmp_path / "prior.npz"
    path.write_bytes(saved[1].read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"prior\.npz is no prior"):
        FittedPrior.load(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"held_out": None},
        {"column": None},
        {"weights": None},
        {"held_out": np.zeros((3, 4), dtype=np.float32)},
        {"held_out": np.zeros(25, dtype=np.float32)},
        {"held_out": np.full((25, 4), np.nan, dtype=np.float32)},
        {"held_out_at_site": None},
        {"held_out_at_site": np.zeros((25, 4), dtype=np.float32)},
        {"held_out_at_site": np.zeros((26, 3), dtype=np.float32)},
        {"held_out": np.zeros((25, 4), dtype="U3")},
        {"held_out": np.zeros((25, 1), dtype=np.float32), "held_out_at_site": np.zeros((26, 1), dtype=np.float32)},
        {"column": np.zeros(2)},
        {"atoms": np.zeros(2, dtype="M8[s]")},
        {"row_ligand": np.zeros(26, dtype=np.int32)},
        {"bits": np.zeros(4, dtype=np.int16)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_file_that_is_not_whole(saved, tmp_path, changes):
    with np.load(saved[1]) as file:
        arrays = {name: file[name] for name in file.files} | changes
    path = tmp_path / "prior.npz"
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(WeightsError, match=r"prior\.npz is no prior"):
        FittedPrior.load(path)


def test_a_file_of_another_kind(tmp_path):
    path = tmp_path / "prior.npz"
    path.write_text("id,smiles,pk\n")
    with pytest.raises(WeightsError, match="is no prior"):
        FittedPrior.load(path)


# ---------------------------------------------------------------- what training starts from


def alone(fitted: FittedPrior, ligands, fold: int | None) -> np.ndarray:
    return fitted.starts(ligands, [NOWHERE] * len(ligands), fold).alone


@pytest.mark.parametrize("fold", [0, 1, 2, None])
def test_a_known_ligand_starts_from_what_is_said_without_it(loaded, fold):
    rows = [place("caffeine"), place("gefitinib"), place("caffeine")]
    found = alone(loaded, [graph(DRUGS[name]) for name in ("caffeine", "gefitinib", "caffeine")], fold)
    assert np.array_equal(found, loaded.held_out[rows, FOLDS if fold is None else fold].astype(np.float64))
    assert abs(found - loaded.prior.predict([graph(DRUGS["caffeine"])])[0]).max() > 0.1


@pytest.mark.parametrize("fold", [0, 1, 2, None])
def test_at_a_site_it_starts_from_its_row_that_was_measured_most_alike(loaded, fold):
    """Caffeine's rows are its first (the 8.5 Å pocket of the first example or another) and one of 6wqa."""
    fit, column = loaded.prior.at_site, FOLDS if fold is None else fold
    rows = np.flatnonzero(fit.row_ligand == place("caffeine"))
    own = drug_sites()[list(DRUGS).index("caffeine")]
    assert [fit.sites.split()[row].tolist() for row in fit.row_site[rows]] == [own.tolist(), site("6wqa").tolist()]
    asked = [own, site("6wqa"), site("6wqa", 8.5), site("1ia1"), NOWHERE]
    found = loaded.starts([graph(DRUGS["caffeine"])] * len(asked), asked, fold).at_site
    expected = loaded.held_out_at_site[rows[[0, 1, 1, 0, 0]], column].astype(np.float64)
    assert np.array_equal(found, expected)
    assert expected[0] != expected[1]


def test_an_unknown_ligand_starts_from_what_the_prior_says(loaded):
    strangers = [graph(DRUGS["nilotinib"]), graph("CCCCCCCC=O")]
    said = loaded.prior.predict_at(strangers, [site("5ht1b"), NOWHERE])
    found = loaded.starts(strangers, [site("5ht1b"), NOWHERE], 1)
    assert np.array_equal(found.alone, loaded.prior.predict(strangers))
    assert np.array_equal(found.at_site, said.at_site)
    mixed = [strangers[0], graph(DRUGS["caffeine"]), strangers[1]]
    found = loaded.starts(mixed, [site("5ht1b"), site("6wqa"), NOWHERE], 1)
    assert found.alone[[0, 2]].tolist() == said.alone.tolist()
    assert found.at_site[[0, 2]].tolist() == said.at_site.tolist()
    assert found.alone[1] == loaded.held_out[place("caffeine"), 1]


def test_a_nearly_known_ligand_counts_as_the_known_one(loaded):
    """Erlotinib with an ethoxy at one end, as if two files told its bonds apart; nilotinib is too far from imatinib."""
    nearly, other = graph(DRUGS["erlotinib"].replace("OCCOC", "OCCOCC", 1)), graph(DRUGS["nilotinib"])
    rows, similarity = loaded.prior.nearest(Features.of([nearly, other]))
    assert rows.tolist() == [place("erlotinib"), place("imatinib")]
    assert similarity[0] > 0.7 > similarity[1]
    found = loaded.starts([nearly, other], [site("1s2g")] * 2, 2)
    assert found.alone[0] == loaded.held_out[place("erlotinib"), 2]
    (row,) = np.flatnonzero(loaded.prior.at_site.row_ligand == place("erlotinib"))
    assert found.at_site[0] == loaded.held_out_at_site[row, 2]
    assert found.alone[1] == loaded.prior.predict([other])[0]


def test_no_ligand_no_start(loaded):
    assert len(loaded.starts([], [], 0)) == 0


# ---------------------------------------------------------------- what the run holds out


def test_the_fold_of_a_run(loaded):
    assert loaded.fold_of_run(ValidationConfig(column="cluster", folds=FOLDS, fold=2)) == 2
    assert loaded.fold_of_run(None) is None


@pytest.mark.parametrize(
    ("validation", "told"),
    [
        ({"column": "uniprot", "folds": FOLDS}, "column 'uniprot' in 3 folds"),
        ({"column": "cluster", "folds": 5}, "column 'cluster' in 5 folds"),
        ({"file": "splits.csv"}, "splits.csv"),
    ],
)
def test_a_run_that_holds_out_by_another_rule_is_refused(loaded, validation, told):
    with pytest.raises(ConfigError, match="its prior by column 'cluster' in 3 folds") as caught:
        loaded.fold_of_run(ValidationConfig.model_validate(validation))
    assert told in caught.value.message
    assert "--column and --folds" in caught.value.hint
