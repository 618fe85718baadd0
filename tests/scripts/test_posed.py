"""The scripts that make training sets of posed ligands: from raw folders to what `binding prepare` caches."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pandas as pd
import pytest
from rdkit import Chem
from scipy.spatial.transform import Rotation

from binding.data.prepare import prepare_dataset
from binding.io.ligand import read_ligands

SERIES = "Nc1nc(N)c2c(Sc3ccc(C)cc3)cccc2n1", "Nc1nc(N)c2c(Sc3ccncc3)cccc2n1", "CCOCC"


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    data = gzip.decompress(source.read_bytes()) if source.suffix == ".gz" else source.read_bytes()
    target.write_bytes(gzip.compress(data) if target.suffix == ".gz" else data)


def sdf(path: Path, mols: dict[str, Chem.Mol]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = []
    for name, mol in mols.items():
        mol.SetProp("_Name", name)
        blocks.append(f"{Chem.MolToMolBlock(mol)}$$$$\n")
    path.write_bytes(gzip.compress("".join(blocks).encode()))


def table(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)


def elsewhere(mol: Chem.Mol) -> Chem.Mol:
    moved = Chem.Mol(mol)
    moved.GetConformer().SetPositions(mol.GetConformer().GetPositions() @ Rotation.random(rng=3).as_matrix().T + 200.0)
    return moved


@pytest.fixture(scope="module")
def data(examples, tmp_path_factory) -> Path:
    """A reductase in `crystal` and as a series, a kinase as the test complex, and ligands of both in any frame."""
    root = tmp_path_factory.mktemp("data")
    ligand = {name: next(iter(read_ligands(examples / f"{name}_ligand.sdf"))).mol for name in ("1ia1", "1s2g")}
    reductase, kinase = (examples / f"{name}_protein.pdb.gz" for name in ("1ia1", "1s2g"))
    copy(reductase, root / "crystal/1ia1/1ia1_pocket.pdb.gz")
    sdf(root / "crystal/1ia1/1ia1_ligand.sdf.gz", {"1ia1": ligand["1ia1"]})
    smiles = {name: Chem.MolToSmiles(mol) for name, mol in ligand.items()}
    row = {"id": "1ia1", "pk": 7.0, "uniprot": "P1", "ligand_smiles": smiles["1ia1"]}
    table(root / "crystal/index.csv", [row])
    table(root / "modelled/index.csv", [{**row, "id": "1ia1_1", "receptor": "1ia1"}])
    copy(reductase, root / "modelled/1ia1/1ia1_pocket.pdb.gz")
    copy(kinase, root / "borrowed/lent/lent_pocket.pdb.gz")
    sdf(root / "borrowed/lent/lent_ligand.sdf.gz", {"lent": ligand["1s2g"]})
    lent = {"id": "lent", "pk": 5.0, "uniprot": "", "ligand_smiles": smiles["1s2g"], "host": "1s2g", "pfam_cluster": ""}
    table(root / "borrowed/index.csv", [lent])
    known = {"lone": elsewhere(ligand["1s2g"]), "same": elsewhere(ligand["1ia1"]), "unlike": elsewhere(ligand["1s2g"])}
    proteins = {"lone": "P9", "same": "P1", "unlike": "P1", "own": "P1", "lent": "P7"}
    known["own"], known["lent"] = Chem.Mol(ligand["1ia1"]), elsewhere(ligand["1s2g"])
    sdf(root / "ligands/ligands.sdf.gz", known)
    rows = [
        {"id": name, "pk": 6.0, "affinity": "Ki=1uM", "uniprot": proteins[name], "smiles": Chem.MolToSmiles(mol)}
        for name, mol in known.items()
    ]
    table(root / "ligands/index.csv", rows)
    copy(reductase, root / "congeneric/DHFR_1/pocket.pdb.gz")
    sdf(root / "congeneric/DHFR_1/reference_ligand.sdf.gz", {"reference": Chem.Mol(ligand["1ia1"])})
    compounds = [{"ligand_id": k, "pk": 5.0 + k, "smiles": text} for k, text in enumerate(SERIES)]
    table(root / "congeneric/DHFR_1/affinity.csv", compounds)
    table(root / "congeneric/index.csv", [{"id": "DHFR_1", "target": "DHFR"}])
    copy(kinase, root / "casf2016/1s2g/1s2g_protein.pdb")
    shutil.copy(examples / "1s2g_ligand.sdf", root / "casf2016/1s2g/1s2g_ligand.sdf")
    table(root / "casf2016/index.csv", [{"id": "1s2g", "uniprot": "P9"}])
    copy(reductase, root / "series/dhfr/protein.pdb")
    shutil.copy(examples / "1ia1_ligand.sdf", root / "series/dhfr/ligands.sdf")
    return root


@pytest.fixture(scope="module")
def work(program, data, tmp_path_factory) -> Path:
    """What the scripts make of it."""
    root = tmp_path_factory.mktemp("work")
    program("release.posed", "ligands", data, root)
    program("release.posed", "congeneric", data, root)
    program("release.leaks", data, root, "-o", root / "leaks.csv", "--indices", root)
    program("release.posed", "collect", data, root, "--leaks", root / "leaks.csv")
    return root


def test_ligands_of_the_protein_are_posed_and_the_others_told(work):
    index = pd.read_csv(work / "ligands/index.csv").set_index("id")
    left_out = pd.read_csv(work / "ligands/left_out.csv").set_index("id")
    assert index["way"].to_dict() == {"same": index.loc["same", "way"], "own": "own"}
    assert index.loc["same", "way"] in ("core", "shape")
    assert left_out["good"].to_dict() == {"unlike": False}  # "lone" has no bound ligand and is not asked


def test_a_series_is_posed_and_named_by_its_protein(work):
    index = pd.read_csv(work / "congeneric/index.csv").set_index("id")
    left_out = pd.read_csv(work / "congeneric/left_out.csv").set_index("id")
    assert set(index.index) | set(left_out.index) == {f"DHFR_1__{k}" for k in range(len(SERIES))}
    assert left_out.loc["DHFR_1__2", "error_code"] == "no_common_core"
    assert index.loc["DHFR_1__0", ["pk", "target", "series", "uniprot"]].tolist() == [5.0, "DHFR", "DHFR_1", "P1"]


def test_nearness_to_the_test_sets_is_by_protein_and_by_ligand(work):
    leaks = pd.read_csv(work / "leaks.csv").set_index(["source", "id"])
    assert leaks.loc[("ligands", "lone"), ["casf_protein", "casf_ligand", "casf_pair"]].tolist() == [1, 1, 1]
    assert leaks.loc[("ligands", "unlike"), ["casf_protein", "casf_ligand", "casf_pair"]].tolist() == [0, 1, 0]
    assert leaks.loc[("crystal", "1ia1"), ["series_protein", "series_pair"]].tolist() == [1, 1]
    assert leaks.loc[("congeneric", "DHFR_1__0"), "series_protein"] == 1
    assert leaks.loc[("congeneric", "DHFR_1__0"), "casf_protein"] == 0


def test_related_proteins_are_one_cluster_in_all_sources(work):
    leaks = pd.read_csv(work / "leaks.csv").set_index(["source", "id"])["protein_cluster"]
    reductase = [("crystal", "1ia1"), ("modelled", "1ia1_1"), ("congeneric", "DHFR_1__0"), ("ligands", "unlike")]
    assert leaks.loc[reductase].nunique() == 1
    assert leaks.loc[("ligands", "lone")] == "P9"  # no pocket: by its accession
    assert (leaks == leaks.loc[("ligands", "lone")]).sum() == 1


def test_a_borrowed_protein_is_a_pocket_and_its_ligand_not_posed_again(work, tmp_path):
    """Nothing is known of the protein but its sequence, which is that of a test complex; so is the entry it is from."""
    leaks = pd.read_csv(work / "leaks.csv").set_index("id")
    assert leaks.loc["lent", "source"] == "borrowed"
    assert leaks.loc["lent", ["casf_protein", "casf_pair", "protein_cluster"]].tolist() == [1, 1.0, "lent"]
    for name in ("index", "left_out"):
        assert "lent" not in set(pd.read_csv(work / f"ligands/{name}.csv")["id"])
    index = pd.read_csv(work / "borrowed_index.csv").set_index("id")
    assert index.loc["lent", ["casf2016_receptor", "casf_pair", "protein_cluster"]].tolist() == [1, 1.0, "lent"]
    assert "casf2016_receptor" not in pd.read_csv(work / "crystal_index.csv")
    assert pd.read_csv(work / "modelled_index.csv")["casf_pair"].notna().all()


def test_a_ligand_that_is_asked_later_is_posed_then(program, data, work):
    """The table of its protein is there, and lacks it."""
    table = work / "done/ligands/P1.csv"
    whole = table.read_text()
    table.write_text("\n".join(line for line in whole.splitlines() if not line.startswith("same,")) + "\n")
    program("release.posed", "ligands", data, work)
    assert set(pd.read_csv(table)["id"]) == {"same", "unlike"}


def test_what_was_laid_out_can_be_prepared(work, tmp_path):
    for name in ("ligands", "congeneric"):
        report = prepare_dataset(work / name, None, tmp_path / f"{name}.npz", workers=0)
        assert report.rejected == []
        assert report.cached == len(pd.read_csv(work / name / "index.csv"))


def test_a_second_run_poses_nothing_again(program, data, work):
    before = {path: path.stat().st_mtime_ns for path in work.glob("done/congeneric_*/*")}
    program("release.posed", "congeneric", data, work)
    assert {path: path.stat().st_mtime_ns for path in work.glob("done/congeneric_*/*")} == before
    assert before
