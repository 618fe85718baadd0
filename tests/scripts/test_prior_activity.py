"""Measurements without a structure in a prior: which enter it, where, and that the fit is that of all rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from binding_sites import drug_sites, site
from prior_ligands import DRUGS, drugs, graph, invented_pk

from binding.prior.fit import fit_prior
from binding.prior.kernel import kernel_matrix
from binding.prior.model import Prior
from scripts.release.left_out import RIDGE_OF_ACTIVITY, SAME_ASSAY, add_noise
from scripts.release.prior_activity import Place, drawn, extended, measurements, refitted, rows_of_activity

NEW = {"salbutamol": "CC(C)(C)NCC(O)c1ccc(O)c(CO)c1", "indometacin": "COc1ccc2c(c1)c(CC(=O)O)c(C)n2C(=O)c1ccc(Cl)cc1"}
ROWS = pd.DataFrame(
    [
        ("FS-Mol:A1", "P28222", NEW["salbutamol"], 7.0),
        ("FS-Mol:A2", "P28222", NEW["salbutamol"], 8.0),  # averaged with the first
        ("FS-Mol:A1", "P28222", NEW["indometacin"], 4.0),
        ("FS-Mol:A1", "P28222", DRUGS["aspirin"], 4.2),  # known on this protein
        ("Davis:X", "P00000", DRUGS["aspirin"], 4.4),  # and new on this one
    ],
    columns=["name", "uniprot", "smiles", "pk"],
)


@pytest.fixture(scope="module")
def prior() -> Prior:
    ligands = drugs()
    names = [f"known {name}" for name in DRUGS]
    return fit_prior(ligands, invented_pk(ligands), list(DRUGS), "id", 5, sites=drug_sites(), names=names).prior


@pytest.fixture(scope="module")
def taught(prior) -> Prior:
    where = {"P28222": Place("5ht1b", Path("x"), site("5ht1b")), "P00000": Place("4cup", Path("y"), site("4cup"))}
    graphs = {text: graph(text) for text in ROWS["smiles"].unique()}
    return extended(prior, ROWS, where, graphs)


def test_what_is_new_becomes_a_row_and_what_is_known_does_not(prior, taught):
    old = len(prior.at_site.weights)
    assert len(taught) == len(prior) + 2
    assert len(taught.at_site.sites) == len(prior.at_site.sites), "at sites that the prior knows"
    names = taught.measured.names[old:].tolist()
    assert sorted(names) == ["Davis:X", "FS-Mol:A1", "FS-Mol:A1 FS-Mol:A2"]
    assert taught.measured.pk[old:][names.index("FS-Mol:A1 FS-Mol:A2")] == 7.5
    assert (rows_of_activity(prior), rows_of_activity(taught)) == (0, 3)


def test_the_fit_is_that_of_all_rows_with_the_noise_of_each(prior, taught):
    (fitted,) = refitted([taught])
    fit = taught.at_site
    matrix = kernel_matrix(taught.features.take(fit.row_ligand))
    fit.sites.scale(matrix, fit.row_site)
    add_noise(matrix, taught.measured.names)
    mean = taught.measured.pk.mean()
    direct = np.linalg.solve(matrix.astype(np.float64), taught.measured.pk - mean)
    assert fitted.at_site.weights == pytest.approx(direct, abs=0.01)
    assert fitted.at_site.mean == pytest.approx(mean)
    binder, weak = (graph(NEW[name]) for name in ("salbutamol", "indometacin"))
    here = fitted.predict_at([binder, weak], [site("5ht1b")] * 2)
    assert here.at_site[0] > here.at_site[1] + 0.5, "it has learned them"
    assert here.known == pytest.approx([1.0, 1.0])
    assert fitted.predict(drugs()) == pytest.approx(prior.predict(drugs())), "what the ligand alone says stays"


def test_several_priors_are_fitted_at_once_each_to_its_own_rows(prior, taught):
    alone, together = refitted([prior]), refitted([taught, prior])
    assert together[1].at_site.weights == pytest.approx(alone[0].at_site.weights, abs=0.01)
    assert together[0].at_site.weights == pytest.approx(refitted([taught])[0].at_site.weights, abs=0.01)
    assert alone[0].at_site.weights == pytest.approx(prior.at_site.weights, abs=0.01), "the fit of `binding prior`"
    assert len(together[0].features) == len(taught.features)


def test_rows_of_an_assay_share_what_is_particular_to_it():
    matrix = np.zeros((4, 4), dtype=np.float32)
    add_noise(matrix, np.array(["10gs", "FS-Mol:A1", "FS-Mol:A1 FS-Mol:A2", "FS-Mol:A2"]))
    assert matrix[0, 0] == pytest.approx(0.4)
    assert matrix[1, 1] == pytest.approx(RIDGE_OF_ACTIVITY + SAME_ASSAY)
    assert matrix[1, 2] == pytest.approx(SAME_ASSAY)
    assert matrix[1, 3] == matrix[0, 1] == 0.0


def test_bounds_other_proteins_and_assays_of_metabolism_are_left_out(tmp_path):
    folder = tmp_path / "activity"
    folder.mkdir()
    columns = ["assay", "uniprot", "assay_type", "smiles", "pk", "relation"]
    fsmol = [("A1", "P1", "B", "CCO", 5.0, "="), ("A1", "P1", "B", "CCC", 5.0, ">"), ("A2", None, "B", "CCN", 5.0, "=")]
    fsmol += [("A3", "P1", "A", "CCCl", 5.0, "="), ("A4", "P1", "F", "CCF", 50.0, "=")]
    pd.DataFrame(fsmol, columns=columns).to_csv(folder / "fsmol.csv.gz", index=False)
    ace = pd.DataFrame([("CHEMBL1", "P2", "CCBr", 6.0, "=")], columns=["target_chembl", *columns[1:2], *columns[3:]])
    ace.to_csv(folder / "moleculeace.csv.gz", index=False)
    davis = pd.DataFrame([("ABL1", "P3", "CCI", 5.0, "<")], columns=["protein", *columns[1:2], *columns[3:]])
    davis.to_csv(folder / "davis.csv.gz", index=False)
    found = measurements(tmp_path)
    assert found["name"].tolist() == ["FS-Mol:A1", "MoleculeACE:CHEMBL1"]
    assert found["smiles"].tolist() == ["CCO", "CCBr"]


def test_of_a_protein_with_many_compounds_some_are_drawn_and_the_same_each_time():
    rows = pd.DataFrame({"uniprot": ["P1"] * 40 + ["P2"] * 3, "smiles": [f"C{'C' * k}" for k in range(43)], "pk": 5.0})
    rows = pd.concat([rows, rows.iloc[:40]])  # measured twice
    found = drawn(rows, most=10)
    assert found.groupby("uniprot")["smiles"].nunique().to_dict() == {"P1": 10, "P2": 3}
    assert len(found[found["uniprot"] == "P1"]) == 20
    assert set(drawn(rows.sample(frac=1.0, random_state=1), most=10)["smiles"]) == set(found["smiles"])
