"""Docks ligands into pockets of other families, which they should not bind: a good fit is not enough.

    python -m scripts.release.crossed dock DATA WORK --index cache/crystal_index.csv --priors cache/prior_base.csv
    python -m scripts.release.crossed collect DATA WORK --index cache/crystal_index.csv

Each pocket of DATA/crystal gets crystal ligands of other protein families that have the size of its own ligand,
within three heavy atoms, and are unlike all known ligands of its family (Tanimoto below 0.4, ECFP4), so that size
alone does not give them away. Their affinity is a bound, pK below 5: an assumption for ligands that were never
measured there, as in PIGNet (Moon et al. 2022, doi:10.1039/d1sc06946b), and wrong for a few. Up to three poses of
each come from the short search of scripts.release.decoys, without those that leave the crystal ligand's place. The
columns of the pocket's complex, from --index, are repeated for each pose; `cleansplit_train` is 1 only where both
complexes have it. A run that was stopped is resumed; what is done is in WORK/done.
"""

from __future__ import annotations

import argparse
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import rdFingerprintGenerator
from scipy.spatial.distance import cdist

from binding.errors import BindingError
from binding.io.structure import read_protein
from scripts.release.decoys import LEAST_SIDE, MARGIN, MOST_ATOMS, REACH, box_about, docker_of
from scripts.release.posed import done_poses, done_tables, first, lay_out, write_done

PER_POCKET, MOST_POSES = 3, 3
SIZE, ALIKE = 3, 0.4  # heavy atoms; Tanimoto similarity
LEAST_ATOMS = 10  # a fragment's affinity is below the bound wherever it lies
BOUND = 5.0  # pK
COLUMNS = ("id", "receptor", "guest", "status", "error_code", "reach", "energy", "cpu_s")


class Guests:
    """Which ligands to dock into a pocket.

    Args:
        index: Complexes with id, ligand_smiles and protein_cluster.
        known: Ligands with smiles and protein_cluster.
    """

    def __init__(self, index: pd.DataFrame, known: pd.DataFrame) -> None:
        self._generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
        mols = {name: Chem.MolFromSmiles(text) for name, text in zip(index["id"], index["ligand_smiles"], strict=True)}
        self._family = dict(zip(index["id"], index["protein_cluster"], strict=True))
        self._sizes = {name: mol.GetNumHeavyAtoms() for name, mol in mols.items() if mol is not None}
        self._prints = {name: self._generator.GetFingerprint(mols[name]) for name in self._sizes}
        self._known = {
            family: [self._print(text) for text in group["smiles"].unique()]
            for family, group in known.groupby("protein_cluster")
        }

    def _print(self, smiles: str) -> DataStructs.ExplicitBitVect:
        return self._generator.GetFingerprint(Chem.MolFromSmiles(smiles))

    def of(self, pocket: str) -> list[str]:
        """Names of complexes whose ligands are to be docked there, drawn by the pocket's name."""
        if not LEAST_ATOMS <= self._sizes.get(pocket, 0) <= MOST_ATOMS:
            return []
        family, size = self._family[pocket], self._sizes[pocket]
        others = [
            name for name, atoms in self._sizes.items() if abs(atoms - size) <= SIZE and self._family[name] != family
        ]
        drawn: list[str] = []
        for place in np.random.default_rng(zlib.crc32(f"guests {pocket}".encode())).permutation(len(others)).tolist():
            guest = others[place]
            theirs = [*self._known.get(family, []), *(self._prints[name] for name in drawn)]
            if not theirs or max(DataStructs.BulkTanimotoSimilarity(self._prints[guest], theirs)) < ALIKE:
                drawn.append(guest)
            if len(drawn) == PER_POCKET:
                break
        return drawn


def dock(data: Path, work: Path, guests: Guests, names: list[str], deadline: float) -> None:
    """Pockets in an order by chance, so that any beginning is fair to all."""
    for name in sorted(names, key=lambda text: zlib.crc32(f"order {text}".encode())):
        stem, folder = work / "done" / "crossed" / name, data / "crystal" / name
        asked = guests.of(name)
        if stem.with_suffix(".csv").exists() or not asked:
            continue
        if time.time() > deadline:
            return
        rows: list[dict[str, Any]] = []
        mols: list[Chem.Mol] = []
        try:
            protein, own = read_protein(folder / f"{name}_pocket.pdb.gz"), first(folder / f"{name}_ligand.sdf.gz")
            docker = docker_of(protein, box_about(own.positions, MARGIN, LEAST_SIDE), reference=own.positions)
        except BindingError as error:
            failed: dict[str, Any] = {"id": f"{name}_x", "receptor": name, "status": "failed", "error_code": error.code}
            write_done(stem, [failed], [], COLUMNS)
            continue
        for guest in asked:
            row: dict[str, Any] = {"receptor": name, "guest": guest, "error_code": ""}
            began, kept = time.process_time(), 0
            try:
                mol = first(data / "crystal" / guest / f"{guest}_ligand.sdf.gz").mol
                for pose in docker.dock(mol, guest):
                    reach = float(cdist(pose.mol.GetConformer().GetPositions(), own.positions).min(axis=1).max())
                    if reach > REACH or kept == MOST_POSES:
                        continue
                    title = f"{name}_{guest}_{kept}"
                    pose.mol.SetProp("_Name", title)
                    mols.append(pose.mol)
                    rows.append(row | {"id": title, "status": "ok", "reach": reach, "energy": pose.score})
                    kept += 1
            except BindingError as error:
                rows.append(row | {"id": f"{name}_{guest}", "status": "failed", "error_code": error.code})
            else:
                if not kept:
                    rows.append(row | {"id": f"{name}_{guest}", "status": "failed", "error_code": "out_of_reach"})
            rows[-1]["cpu_s"] = round(time.process_time() - began, 2)
        write_done(stem, rows, mols, COLUMNS)


def collect(data: Path, work: Path, index: pd.DataFrame) -> None:
    """The tree and its index; guests that could not be docked are in left_out.csv."""
    rows = done_tables(work, "crossed").drop(columns="cpu_s")
    rows["native"], rows["good"] = rows["receptor"], rows["status"] == "ok"
    rows = rows.merge(index.rename(columns={"id": "native"}), on="native", validate="many_to_one")
    of_guest = index.set_index("id").reindex(rows["guest"])
    rows["cleansplit_train"] = np.where(of_guest["cleansplit_train"] == "1", rows["cleansplit_train"], "0")
    rows["ligand_smiles"], rows["pk"] = of_guest["ligand_smiles"].to_numpy(), BOUND
    rows["relation"] = ">"  # of the concentration, as in PDBbind's tables: pK is below
    pockets = {name: data / "crystal" / name / f"{name}_pocket.pdb.gz" for name in rows["native"].unique()}
    lay_out(work, rows, done_poses(work, "crossed"), pockets)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["dock", "collect"])
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--index", type=Path, required=True, help="table of the complexes, with protein_cluster")
    parser.add_argument("--priors", type=Path, help="table of all known ligands, with smiles and protein_cluster")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no further pocket after so long")
    arguments = parser.parse_args()
    rdBase.DisableLog("rdApp.*")
    index = pd.read_csv(arguments.index, dtype=str, keep_default_na=False)
    if arguments.what == "collect":
        collect(arguments.data, arguments.work, index)
        return
    if arguments.priors is None:
        parser.error("dock needs --priors")
    guests = Guests(index, pd.read_csv(arguments.priors, usecols=["smiles", "protein_cluster"], dtype=str))
    dock(arguments.data, arguments.work, guests, index["id"].tolist(), time.time() + 60.0 * arguments.minutes)


if __name__ == "__main__":
    main()
