"""Further inputs: files of other programs, other chemistry, and the odd corners of the formats.

As ``inputs``, which holds the first ones; each case is a line of the same page.
"""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

import bz2
import gzip
import re
from collections.abc import Callable

import gemmi
import numpy as np
from inputs import (
    FLEXIBLE,
    _as_mol2,
    _ligand,
    case,
    cif,
    cif_ligand,
    cif_rows,
    clean,
    complex_pdb,
    docked,
    each,
    each_ligand,
    joined,
    lines,
    mol2,
    pdb,
    pdb_lines,
    sdf,
)
from molecules import posed
from rdkit import Chem

PDB, MOL2, PDBQT, CIF = (("protein.pdb", f"ligand.{suffix}") for suffix in ("pdb", "mol2", "pdbqt", "cif"))
STRUCTURE_CIF = ("protein.cif", "ligand.sdf")


def placed(smiles: str) -> Chem.Mol:
    """A small molecule with hydrogens in the ligand's place, its bonds single, double or triple."""
    mol = Chem.Mol(posed(smiles))
    positions = mol.GetConformer().GetPositions()
    mol.GetConformer().SetPositions(positions - positions.mean(axis=0) + centre())
    Chem.Kekulize(mol, clearAromaticFlags=True)
    return mol


def centre() -> np.ndarray:
    return _ligand().GetConformer().GetPositions().mean(axis=0)


def delocalised(smiles: str, pattern: str) -> str:
    """MOL2 of a molecule, the bonds between the atoms of a pattern being aromatic ones, as Sybyl and Corina write."""
    mol = placed(smiles)
    atoms = mol.GetSubstructMatch(Chem.MolFromSmarts(pattern))
    head, mark, bonds = _as_mol2(mol).partition("@<TRIPOS>BOND\n")
    rows = [row.split() for row in bonds.splitlines()]
    for row in rows:
        if {int(row[1]) - 1, int(row[2]) - 1} <= set(atoms):
            row[3] = "ar"
    return head + mark + "".join(" ".join(row) + "\n" for row in rows)


def v3000(atom: str = "", after: str = "") -> str:
    """The V3000 record with something behind its first atom, or lines at the end of the table."""
    text = sdf(v3000=True)
    if atom:
        text = re.sub(r"(?m)^(M  V30 1 .*)$", rf"\1 {atom}", text, count=1)
    return text.replace("M  V30 END CTAB\n", f"{after}M  V30 END CTAB\n")


def first_atom(symbol: str) -> str:
    """The SDF record with another symbol for its first atom."""
    return re.sub(r"(?m)^(.{31})C  ", rf"\g<1>{symbol:<3}", sdf(), count=1)


def ended(extra: str) -> str:
    """The SDF record with a line before M  END."""
    return sdf().replace("M  END", f"{extra}\nM  END")


def beside(name: str, symbol: str, away: float) -> str:
    """The ligand's PDB text and an ion at a distance (Å) from a nitrogen."""
    line = next(line for line in pdb_lines() if line[77] == "N")
    place = np.array([float(line[k : k + 8]) for k in (30, 38, 46)])
    outward = (place - centre()) / np.linalg.norm(place - centre())
    return joined([*pdb_lines(), hetatm(name, name, 901, place + away * outward, symbol)])


def hetatm(name: str, residue: str, number: int, place: np.ndarray, symbol: str, label: str = "") -> str:
    x, y, z = place
    column = f"{name:<4}" if len(symbol) == 2 else f" {name:<3}"
    return (
        f"HETATM 9501 {column}{label:1}{residue:>3} A{number:4d}    {x:8.3f}{y:8.3f}{z:8.3f}  0.50 20.00"
        f"          {symbol:>2}"
    )


def two_ligands(occupancy: float, number: int = 900) -> str:
    """The complex with the ligand as A and another molecule as B, in one place."""
    ligand = [f"{line[:16]}A{line[17:54]}{occupancy:6.2f}{line[60:]}" for line in pdb_lines()]
    atoms = {"C1": (-3.0, 0, 0), "C2": (-1.8, 0.9, 0), "C3": (-0.5, 0.1, 0), "O1": (-4.2, 0.8, 0), "O2": (-1.8, 1.9, 1)}
    other = [hetatm(name, "XYL", number, centre() + place, name[0], "B") for name, place in atoms.items()]
    return joined([*lines(), "TER", *ligand, *other])


def side_chain(occupancy: float) -> str:
    """The receptor with a phenylalanine in two states, the second of which reaches into the ligand."""
    held = []
    for line in lines():
        if line[17:26].split() != ["PHE", "B", "36"] or line[12:16].strip() in ("N", "CA", "C", "O"):
            held.append(line)
            continue
        place = np.array([float(line[k : k + 8]) for k in (30, 38, 46)])
        x, y, z = place + 0.6 * (centre() - place)
        held.append(f"{line[:16]}A{line[17:54]}{1 - occupancy:6.2f}{line[60:]}")
        held.append(f"{line[:16]}B{line[17:30]}{x:8.3f}{y:8.3f}{z:8.3f}{occupancy:6.2f}{line[60:]}")
    return joined(held)


def predicted(name: str) -> str:
    """The complex in mmCIF as programs that predict structures name the ligand."""
    structure = gemmi.read_pdb_string(complex_pdb())
    structure.setup_entities()
    for residue in (residue for chain in structure[0] for residue in chain if residue.name == "LIG"):
        residue.name = name
    return structure.make_mmcif_document().as_string()


def twice(shift: float) -> str:
    """The receptor and a copy of it, moved along x, under another chain name."""
    copy = [f"{line[:21]}Z{line[22:30]}{float(line[30:38]) + shift:8.3f}{line[38:]}" for line in lines()]
    return joined([*lines(), *copy])


def changed(column: str, change: Callable[[str], str]) -> Callable[[], str]:
    """The receptor in mmCIF with a change of one column."""
    return lambda: cif_rows(lambda name, value, row: change(value) if name == column else value)


# ---------------------------------------------------------------- ligands

S = "Other chemistry of a ligand"
CHEMISTRY = {
    "a boronic acid": "CC(C)C[C@H](B(O)O)NC(=O)c1ccccc1",
    "a benzoxaborole": "OB1OCc2cc(F)ccc12",
    "a silane": "C[Si](C)(O)CCc1ccccc1",
    "a selenide": "C[Se]CCc1ccccc1",
    "an arsonic acid": "C[As](=O)(O)O",
    "an iodane": "CC(=O)OI(OC(C)=O)c1ccccc1",
    "a sulfoximine": "CS(=N)(=O)c1ccccc1",
    "an allene": "CC=C=CCO",
    "a phosphonium": "C[P+](C)(C)c1ccccc1",
    "a diazonium": "N#[N+]c1ccccc1",
    "a macrocycle": "O=C1CCCCCCCCCCCCCO1",
    "a cyclic peptide": "C[C@@H]1NC(=O)CNC(=O)[C@H](C)NC(=O)CNC1=O",
    "a pyridinium": "CC[n+]1cccc(C)c1",
    "urea": "NC(N)=O",
    "xenon": "[Xe]",
}
for title, smiles in CHEMISTRY.items():
    case(S, f"{title}, SDF", ligand=lambda smiles=smiles: Chem.MolToMolBlock(placed(smiles)) + "$$$$\n")
    case(S, f"{title}, MOL2", ligand=lambda smiles=smiles: _as_mol2(placed(smiles)), names=MOL2)
    case(
        S,
        f"{title}, PDB",
        ligand=lambda smiles=smiles: Chem.MolToPDBBlock(Chem.RemoveHs(placed(smiles)), flavor=2),
        names=PDB,
    )
for title, smiles in {
    "deuterium": "[2H]C([2H])([2H])c1ccccc1",
    "carbon-13": "[13CH3]c1ccccc1",
    "a nitroxide radical": "CC1(C)CCCC(C)(C)N1[O]",
    "a sodium salt": "[Na+].[O-]C(=O)c1ccccc1",
    "two molecules of one size": "CCc1ccccc1.CCc1ccncc1",
    "a hexafluorophosphate": "F[P-](F)(F)(F)(F)F.C[n+]1ccccc1",
    "a zinc carboxylate": "CCCCC(=O)[O-]->[Zn+2]",
}.items():
    case(
        S,
        f"{title}, V3000",
        ligand=lambda smiles=smiles: Chem.MolToMolBlock(placed(smiles), forceV3000=True) + "$$$$\n",
    )
for title, smiles, pattern in (
    ("a guanidinium", "NC(=[NH2+])NCCC", "[#7]~[#6](~[#7])~[#7]"),
    ("a carboxylate", "[O-]C(=O)CCC", "[#8]~[#6]~[#8]"),
    ("a nitro group", "O=[N+]([O-])CCC", "[#8]~[#7]~[#8]"),
    ("a phosphate", "[O-]P(=O)([O-])OCC", "[#8D1]~[#15](~[#8D1])~[#8D1]"),
    ("a sulfonate", "[O-]S(=O)(=O)CCC", "[#8D1]~[#16](~[#8D1])~[#8D1]"),
):
    case(
        S,
        f"{title} of aromatic bonds, MOL2",
        ligand=lambda smiles=smiles, pattern=pattern: delocalised(smiles, pattern),
        names=MOL2,
    )

S = "Odd mol blocks"
case(
    S,
    "V3000 with stereo collections",
    ligand=lambda: v3000(after="M  V30 BEGIN COLLECTION\nM  V30 MDLV30/STEABS ATOMS=(1 2)\nM  V30 END COLLECTION\n"),
)
case(
    S,
    "V3000 with a data group",
    ligand=lambda: v3000(
        after="M  V30 BEGIN SGROUP\nM  V30 1 DAT 0 ATOMS=(1 2) FIELDNAME=pKa FIELDDATA=4.2\nM  V30 END SGROUP\n"
    ),
)
case(
    S,
    "V3000 with a line that goes on",
    ligand=lambda: re.sub(r"(?m)^(M  V30 1 C \S+) (.*)$", r"\1 -\nM  V30 \2", sdf(v3000=True), count=1),
)
case(S, "V3000 with an attachment point", ligand=lambda: v3000("ATTCHPT=1"))
case(S, "V3000 with a list of elements", ligand=lambda: sdf(v3000=True).replace("V30 1 C ", "V30 1 [C,N] "))
case(S, "V3000 under a counts line of V2000", ligand=lambda: sdf(v3000=True).replace("999 V3000", "999 V2000"))
case(S, "V3000 that breaks off", ligand=lambda: sdf(v3000=True).replace("M  V30 END CTAB\n", ""))
for symbol in ("A", "Q", "X", "*", "R1", "Du", "Pol"):
    case(S, f"an atom of symbol {symbol}", ligand=lambda symbol=symbol: first_atom(symbol))
case(S, "a list of elements", ligand=lambda: first_atom("L").replace("M  END", "M  ALS   1  2 F C   N   \nM  END"))
case(S, "a mass of an isotope", ligand=lambda: ended("M  ISO  1   1  13"))
case(S, "a count of neighbours asked for", ligand=lambda: ended("M  SUB  1   1   2"))
case(
    S,
    "a count of hydrogens asked for",
    ligand=lambda: re.sub(r"(?m)^(.{31}C   0  0  0)  0", r"\1  1", sdf(), count=1),
)
case(S, "an abbreviated group", ligand=lambda: ended("M  STY  1   1 SUP\nM  SAL   1  1   1\nM  SMT   1 Ph"))
case(S, "an alias", ligand=lambda: ended("A    1\nMyAlias"))
case(S, "a bond of type 0", ligand=lambda: re.sub(r"(?m)^(  1  2  )\d", r"\g<1>0", sdf(), count=1))
case(S, "a header that says 2D", ligand=lambda: sdf().replace("3D", "2D"))
case(S, "blanks after `$$$$`", ligand=lambda: sdf().replace("$$$$", "$$$$  ") * 2)
case(S, "tags without blank lines between", ligand=lambda: sdf().replace("$$$$", "> <a>\n1\n> <b>\n2\n$$$$"))
case(S, "`$$$$` inside a tag's line", ligand=lambda: sdf().replace("$$$$\n", "> <a>\nprice $$$$ 10\n\n$$$$\n"))
case(S, "a mark of the end (Ctrl-Z)", ligand=lambda: sdf() + "\x1a")
case(S, "line ends CR CR LF", ligand=lambda: sdf().replace("\n", "\r\r\n"))
case(S, "a title with comma, quotes and semicolon", ligand=lambda: sdf(title='a, "b"; c'))
case(S, "a title of 400 letters", ligand=lambda: sdf(title="x" * 400))
case(S, "a title that a spreadsheet would compute", ligand=lambda: sdf(title="=1+1"))
case(S, "a reaction (RXN)", ligand=lambda: "$RXN\n\n      x\n\n  1  0\n$MOL\n" + sdf())

S = "Odd MOL2, PDBQT and PDB of a ligand"
case(
    S,
    "MOL2 with substructures, sets and a cell",
    ligand=lambda: (
        mol2()
        + "@<TRIPOS>SUBSTRUCTURE\n1 LIG 1 RESIDUE 4 A LIG 1 ROOT\n@<TRIPOS>SET\nX STATIC ATOMS\n1 2\n"
        + "@<TRIPOS>CRYSIN\n1 1 1 90 90 90 1 1\n"
    ),
    names=MOL2,
)
case(
    S,
    "MOL2 with status bits",
    ligand=lambda: re.sub(r"(?m)( 1 LIG 0.0)$", r"\1 BACKBONE|DICT", mol2()),
    names=MOL2,
)
case(
    S,
    "MOL2 with a water as a substructure",
    ligand=lambda: mol2().replace("@<TRIPOS>BOND", "20 O 4.0 30.0 20.0 O.3 2 HOH 0.0\n@<TRIPOS>BOND"),
    names=MOL2,
)
case(S, "MOL2 without a title line", ligand=lambda: mol2().replace("TQ3\n", "", 1), names=MOL2)
case(S, "MOL2 that begins with its atoms", ligand=lambda: mol2()[mol2().index("@<TRIPOS>ATOM") :], names=MOL2)
case(
    S,
    "PDBQT of Vina 1.1.2",
    ligand=lambda: (
        (
            "MODEL 1\nREMARK VINA RESULT:      -9.5      0.000      0.000\nREMARK  3 active torsions:\n"
            + "REMARK    1  A    between atoms: C_1  and  C_2\n"
            + docked(smiles=False)
            + "ENDMDL\n"
        )
        * 2
    ),
    names=PDBQT,
)
case(
    S,
    "PDBQT of gnina",
    ligand=lambda: f"MODEL 1\nREMARK minimizedAffinity -8.1\nREMARK CNNscore 0.9\n{docked(smiles=False)}ENDMDL\n",
    names=PDBQT,
)
case(
    S,
    "PDBQT of AutoDock 4",
    ligand=lambda: f"MODEL 1\nUSER    Run = 1\nUSER    NEWDPF move x\n{docked(smiles=False)}TER\nENDMDL\n" * 2,
    names=PDBQT,
)
case(
    S,
    "PDBQT with types a column to the left",
    ligand=lambda: re.sub(r"(?m)(0.000) (\w+) *$", r"\1\2", docked(smiles=False)),
    names=PDBQT,
)
case(S, "PDBQT with a flexible side chain first", ligand=lambda: FLEXIBLE + docked(smiles=False), names=PDBQT)
for name, away in (("NA", 2.4), ("ZN", 2.1), ("MG", 2.1), ("CL", 3.2)):
    case(
        S,
        f"PDB with an ion beside ({name.capitalize()})",
        ligand=lambda name=name, away=away: beside(name, name, away),
        names=PDB,
    )
case(S, "mmCIF with an ion beside (Mg)", ligand=lambda: cif_ligand(beside("MG", "MG", 2.1)), names=CIF)
case(
    S,
    "PDB of Maestro",
    ligand=lambda: f"REMARK 888 WRITTEN BY MAESTRO\nMODEL        1\n{pdb()[:-4]}ENDMDL\nEND\n",
    names=PDB,
)
case(S, "PDB with MODEL 0", ligand=lambda: f"MODEL     0\n{pdb()[:-4]}ENDMDL\n", names=PDB)
case(S, "PDB with MODEL and no number", ligand=lambda: f"MODEL\n{pdb()[:-4]}ENDMDL\n" * 2, names=PDB)
case(
    S,
    "PDB with a cell before each pose",
    ligand=lambda: f"CRYST1   10.0   10.0   10.0  90  90  90\n{pdb()}" * 2,
    names=PDB,
)
case(
    S,
    "PDB with names at the left",
    ligand=lambda: each_ligand(lambda line: f"{line[:12]}{line[12:16].strip():<4}{line[16:]}"),
    names=PDB,
)
case(
    S,
    "PDB with names at the right",
    ligand=lambda: each_ligand(lambda line: f"{line[:12]}{line[12:16].strip():>4}{line[16:]}"),
    names=PDB,
)
case(S, "PDB in small letters", ligand=lambda: pdb().lower(), names=PDB)
case(
    S,
    "PDB with all occupancies 0",
    ligand=lambda: each_ligand(lambda line: line[:54] + "  0.00" + line[60:]),
    names=PDB,
)
case(S, "XYZ", ligand=lambda: "1\n\nC 7.958 36.720 19.339\n", names=("protein.pdb", "ligand.xyz"))

S = "Archives, pages and other files"
case(S, "bzip2", ligand=lambda: bz2.compress(sdf().encode()), names=("protein.pdb", "ligand.sdf.bz2"))
case(S, "compress (.Z)", ligand=lambda: b"\x1f\x9d\x90" + bytes(range(200)), names=("protein.pdb", "ligand.sdf.Z"))
case(S, "gzip in gzip", ligand=lambda: gzip.compress(gzip.compress(sdf().encode())), names=("protein.pdb", "l.sdf.gz"))
case(S, "gzip in gzip, structure", protein=lambda: gzip.compress(gzip.compress(clean().encode())))
case(S, "MMTF", protein=lambda: b"\xde\x00\x22\xabmmtfVersion" + bytes(200), names=("protein.mmtf", "ligand.sdf"))
case(S, "a document in RTF", ligand=lambda: "{\\rtf1\\ansi " + sdf() + "}")
case(S, "a pointer of Git LFS", ligand=lambda: "version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 12\n")
case(S, "a pointer of Git LFS, structure", protein=lambda: "version https://git-lfs.github.com/spec/v1\nsize 12\n")
case(S, "an error of a server", ligand=lambda: "404: Not Found")
case(S, "an error of a server, structure", protein=lambda: "404: Not Found")
case(
    S,
    "coordinates of GROMACS, structure",
    protein=lambda: "x\n 1\n    1ALA      N    1   0.7   2.2   1.9\n",
    names=("p.gro", "l.sdf"),
)
case(S, "names with blanks, quotes and brackets", names=("my protein, (1).pdb", "li'g\"and [1].sdf"))
case(S, "names in other letters", names=("prot\u00e9in.pdb", "\u914d\u4f53.sdf"))
case(S, "suffixes in capitals", names=("protein.PDB", "ligand.SDF"))
case(S, "a second suffix", names=("protein.pdb.txt", "ligand.sdf.txt"))

# ---------------------------------------------------------------- structures

S = "Structures of other programs"
case(
    S,
    "a model of AlphaFold",
    protein=lambda: (
        f"TITLE     ALPHAFOLD MONOMER V2.0\nMODEL        1\n{each(lambda line: line[:60] + ' 97.53' + line[66:])[:-4]}ENDMDL\nEND\n"
    ),
)
for program, name in (("AlphaFold 3", "LIG_B"), ("Boltz", "LIG1"), ("Chai", "LIG2"), ("Protenix", "l01")):
    case(
        S,
        f"a complex of {program}, `auto`",
        protein=lambda name=name: predicted(name),
        ligand="auto",
        names=STRUCTURE_CIF,
    )
case(S, "the label's number, `A:LIG:1`", protein=lambda: predicted("LIG"), ligand="A:LIG:1", names=STRUCTURE_CIF)
case(S, "an ensemble of NMR", protein=lambda: "".join(f"MODEL     {k:4d}\n{clean()[:-4]}ENDMDL\n" for k in range(1, 6)))
case(
    S,
    "GROMACS",
    protein=lambda: (
        f"TITLE     t=   0.0\nMODEL        1\n{each(lambda line: line[:21] + ' ' + line[22:76])[:-4]}TER\nENDMDL\n"
    ),
)
case(S, "Rosetta", protein=lambda: clean()[:-4] + "TER\n# All scores below are weighted scores\nHIS_1 -1.0 2.0\n")
case(S, "OpenMM", protein=lambda: f"REMARK   1 CREATED WITH OPENMM 8.0\n{clean()[:-4]}TER\nCONECT 1613 1614\nEND\n")
case(S, "X-PLOR", protein=lambda: each(lambda line: line[:21] + " " + line[22:72] + "PROT" + line[76:]))
case(
    S,
    "the header of an entry",
    protein=lambda: (
        "DBREF  1IA1 A    1   192  UNP    P22906   DYR_CANAX       1    192\nSEQRES   1 A    3  MET LEU LYS\nSSBOND   1 CYS A    3    CYS A   40\n"
        + clean()
    ),
)
case(S, "all occupancies 0", protein=lambda: each(lambda line: line[:54] + "  0.00" + line[60:]))
case(
    S,
    "residue numbers of five digits",
    protein=lambda: each(lambda line: f"{line[:22]}{10_000 + int(line[22:26]):5d}{line[27:]}"),
)
case(
    S,
    "insertion codes that are no letters",
    protein=lambda: each(lambda line: line[:26] + "\u00bd" + line[27:]).encode("latin-1"),
)
case(S, "RNA alone", protein=lambda: joined([hetatm("P", "A", 1, centre(), "P").replace("HETATM", "ATOM  ")]))
case(S, "two copies under two chain names, 0.2 Å apart", protein=lambda: twice(0.2))
case(S, "two copies under two chain names, 60 Å apart", protein=lambda: twice(60.0))
case(S, "two structures on each other", protein=lambda: twice(0.7))
case(S, "a side chain in two states, the rarer one in the ligand", protein=lambda: side_chain(0.4))
case(S, "a side chain in two states, the usual one in the ligand", protein=lambda: side_chain(0.6))
case(S, "the ligand and another molecule as alternate locations", protein=lambda: two_ligands(0.6), ligand="A:LIG:900")
case(S, "the same, the ligand being rarer", protein=lambda: two_ligands(0.4), ligand="A:LIG:900")
case(S, "the same under two numbers", protein=lambda: two_ligands(0.4, 901), ligand="A:LIG:900")
case(
    S,
    "the ligand in a second MODEL, `auto`",
    protein=lambda: f"MODEL        1\n{clean()[:-4]}ENDMDL\nMODEL        2\n{pdb()[:-4]}ENDMDL\n",
    ligand="auto",
)
case(
    S,
    "mmCIF with the ligand in a second data block",
    protein=lambda: cif() + cif_ligand().replace("data_", "data_ligand"),
    names=STRUCTURE_CIF,
)
case(
    S,
    "mmCIF with the ligand in the first of two data blocks",
    protein=lambda: cif_ligand().replace("data_", "data_ligand") + cif(),
    names=STRUCTURE_CIF,
)
case(S, "mmCIF with tags in capitals", protein=lambda: cif().replace("_atom_site.", "_ATOM_SITE."), names=STRUCTURE_CIF)
case(
    S,
    "mmCIF with words in capitals",
    protein=lambda: cif().replace("data_", "DATA_").replace("loop_", "LOOP_"),
    names=STRUCTURE_CIF,
)
case(S, "mmCIF with elements in small letters", protein=changed("type_symbol", str.lower), names=STRUCTURE_CIF)
case(S, "mmCIF with `?` for the elements", protein=changed("type_symbol", lambda value: "?"), names=STRUCTURE_CIF)
case(S, "mmCIF with `?` for the model", protein=changed("pdbx_PDB_model_num", lambda value: "?"), names=STRUCTURE_CIF)
case(
    S,
    "mmCIF with negative numbers",
    protein=changed("auth_seq_id", lambda value: str(int(value) - 300)),
    names=STRUCTURE_CIF,
)
case(S, "mmCIF, all HETATM", protein=changed("group_PDB", lambda value: "HETATM"), names=STRUCTURE_CIF)
