"""What the tests of the documents share: the pages, and data that their commands take for the reader's own.

The affinities are invented, in the forms in which people have them.
"""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "data" / "examples"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
POSES = 8

#: id, SMILES, invented pK, group that is held out together.
LIGANDS = """\
aspirin,CC(=O)Oc1ccccc1C(=O)O,4.9,A
salicylic acid,OC(=O)c1ccccc1O,4.2,A
ibuprofen,CC(C)Cc1ccc(cc1)C(C)C(=O)O,5.3,A
naproxen,COc1ccc2cc(ccc2c1)C(C)C(=O)O,5.5,A
ketoprofen,CC(C(=O)O)c1cccc(c1)C(=O)c1ccccc1,5.8,A
paracetamol,CC(=O)Nc1ccc(O)cc1,4.3,A
caffeine,Cn1cnc2c1c(=O)n(C)c(=O)n2C,4.8,B
theophylline,Cn1c2nc[nH]c2c(=O)n(C)c1=O,5.1,B
theobromine,Cn1cnc2c1c(=O)[nH]c(=O)n2C,4.1,B
imatinib,Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1,7.9,C
gefitinib,COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1,8.1,D
erlotinib,COCCOc1cc2ncnc(Nc3cccc(C#C)c3)c2cc1OCCOC,8.4,D
sumatriptan,CNS(=O)(=O)Cc1ccc2[nH]cc(CCN(C)C)c2c1,7.6,E
zolmitriptan,CN(C)CCc1c[nH]c2ccc(CC3COC(=O)N3)cc12,8.2,E
fluconazole,OC(Cn1cncn1)(Cn1cncn1)c1ccc(F)cc1F,6.5,F
benzamidine,NC(=N)c1ccccc1,4.7,G
diazepam,CN1c2ccc(Cl)cc2C(=NCC1=O)c1ccccc1,7.4,H
oxazepam,OC1N=C(c2ccccc2)c2cc(Cl)ccc2NC1=O,7.2,H
propranolol,CC(C)NCC(O)COc1cccc2ccccc12,8.5,I
atenolol,CC(C)NCC(O)COc1ccc(CC(N)=O)cc1,6.6,I
metoprolol,COCCc1ccc(OCC(O)CNC(C)C)cc1,7.0,I
trimethoprim,COc1cc(Cc2cnc(N)nc2N)cc(OC)c1OC,7.3,J
"""
AT_SITES = (
    "adenosine,Nc1ncnc2c1ncn2C1OC(CO)C(O)C1O,4.4,K,1s2g\npyrimethamine,CCc1nc(N)nc(N)c1-c1ccc(Cl)cc1,6.9,F,1ia1\n"
)


def write_complexes(folder: Path) -> None:
    """``complexes/`` in PDBbind layout: a nucleoside, an antifolate, and eight poses in one receptor."""
    rows = ["id,affinity,uniprot,year"]
    for number, name in enumerate(("1s2g", "1ia1")):
        (folder / "complexes" / name).mkdir(parents=True)
        for part in (f"{name}_protein.pdb.gz", f"{name}_ligand.sdf"):
            shutil.copy(EXAMPLES / part, folder / "complexes" / name)
        rows.append(f"{name},{('Kd=40uM', 'IC50=0.2uM')[number]},P0000{number},200{number}")
    records = gzip.decompress((EXAMPLES / "5ht1b_poses.sdf.gz").read_bytes()).decode().split("$$$$\n")
    for number in range(POSES):
        name = f"pose{number}"
        (folder / "complexes" / name).mkdir()
        shutil.copy(EXAMPLES / "5ht1b_protein.pdb.gz", folder / "complexes" / name / f"{name}_protein.pdb.gz")
        (folder / "complexes" / name / f"{name}_ligand.sdf").write_text(f"{records[number]}$$$$\n")
        rows.append(f"{name},{('Ki~', 'Ki=')[number % 2]}{number + 1}nM,P28222,{2010 + number}")
    (folder / "complexes" / "index.csv").write_text("\n".join([*rows, ""]))


def write_ligands(folder: Path) -> None:
    """``ligands.csv``: ligands without poses; ``placed.csv``: also two that bind in pockets of ``complexes/``."""
    (folder / "ligands.csv").write_text(f"id,smiles,pk,uniprot\n{LIGANDS}")
    rows = "".join(f"{line},\n" for line in LIGANDS.splitlines())
    (folder / "placed.csv").write_text(f"id,smiles,pk,uniprot,site\n{rows}{AT_SITES}")
