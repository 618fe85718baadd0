"""Names that decide what a group of a structure file is: water, buffer, amino acid, nucleotide, metal.

Names alone are used where the wwPDB's chemical component names are unambiguous; metals and
halides are recognised by their element, because their names vary (``ZN1``, ``FE2``, ``IOD``).
"""

from __future__ import annotations

import gemmi
import numpy as np

from binding.constants import ATOM_CLASS

WATERS = frozenset("HOH WAT DOD H2O D2O OH2 TIP TIP2 TIP3 TIP4 TIP5 TP3 TP4 TP5 T3P T4P SOL SPC SPCE SPE".split())

# Components of crystallisation liquors, cryoprotectants and reducing agents. They sit where the
# crystal's solvent put them, seldom in the assay, so that they are left out of the receptor. An
# explicit ligand choice can still name one.
BUFFERS = frozenset(
    # sulfate, phosphate, nitrate, perchlorate, thiocyanate, azide, ammonium, cyanate, carbonate
    "SO4 SUL SO3 PO4 PI 2HP NO3 NO2 CLO PER LCP SCN AZI NH4 NCO CO3 BCT "
    # polyols and glycols
    "GOL GLL EDO EGL PEG PGE PG4 PG0 PG5 PG6 1PE 2PE 7PE 8PE P6G P4C P33 PE3 PE4 PE5 PE7 PE8 XPE 12P 15P PEU "
    "MPD MRD PGO PGR PDO BU1 BU2 BU3 HEZ "
    # solvents
    "DMS DMF MOH EOH IPA IOH POL TBU BUD ACN CCN DIO DOX TFA "
    # carboxylic acids
    "ACT ACY FMT CIT FLC TLA TAR MLI MLA SIN OXL MAE "
    # Good's and other buffers
    "TRS EPE MES MPO PIN NHE BTB CXS IMD CAC B3P BCN BIS "
    # reducing agents
    "BME DTT DTU DTV TCE "
    # detergents
    "LDA BOG BNG LMT SDS C8E UNX".split()
)

# Never the automatic choice of a ligand, and kept in the receptor: prosthetic groups, coenzymes,
# photosynthetic pigments, lipids of the membrane, sugars of glycans.
COFACTORS = frozenset(
    "HEM HEA HEB HEC HEO HDD SRM DHE FAD FMN FDA NAD NAI NAP NDP NDE TPP TDP PLP PMP SAM SAH COA ACO SCA MLC BTN "
    "THG THF FFO B12 CNC COB PQQ TOP HDZ H4B BH4 BIO MGD MTE SF4 FES F3S F4S CLF CFN LPX "
    "CLA CHL BCL BCB BPH BPB PHO PEB CYC BCR LUT XAT SPO UQ1 UQ2 U10 PL9 MQ7 RET "
    "CLR CHS CHD OLC OLA OLB PLM MYR STE LPE PEE PCW POV PC1 PTY CDL LHG LMG DGD SQD LMN Y01 "
    "NAG NDG BMA MAN FUC FUL GAL GLA BGC GLC SIA XYP XYS FRU".split()
)

_TERMINAL_OXYGENS = frozenset("OXT OT OT1 OT2 O1 O2 OC1 OC2 OA OB".split())
_PATCH_ATOMS = frozenset("CAY CY OY NT CAT".split())  # caps that CHARMM writes into the residue at the end
_TERMINAL_CAPS = frozenset("ACE NME NMA NH2 FOR".split())
#: Names of the twenty amino acids in other states of protonation or disulfide, as force fields and builders write them.
_PROTONATION_NAMES = {
    "HID": "HIS", "HIE": "HIS", "HIP": "HIS", "HSD": "HIS", "HSE": "HIS", "HSP": "HIS", "HIN": "HIS", "HISD": "HIS",
    "HISE": "HIS", "HISH": "HIS", "HISP": "HIS", "HISA": "HIS", "HISB": "HIS", "HIS1": "HIS", "HIS2": "HIS",
    "HIZ": "HIS", "HSC": "HIS", "CYX": "CYS", "CYM": "CYS", "CYN": "CYS", "CYS1": "CYS", "CYS2": "CYS", "CYSH": "CYS",
    "CYSX": "CYS", "ASH": "ASP", "ASPH": "ASP", "ASPP": "ASP", "ASZ": "ASP", "AS4": "ASP", "GLH": "GLU", "GLUH": "GLU",
    "GLUP": "GLU", "GLZ": "GLU", "GL4": "GLU", "LYN": "LYS", "LYSN": "LYS", "LSN": "LYS", "LYSH": "LYS", "LYP": "LYS",
    "LYZ": "LYS", "ARN": "ARG", "ARGN": "ARG", "ARGP": "ARG", "TYM": "TYR", "TYRM": "TYR", "TYN": "TYR", "SEM": "SER",
}  # fmt: skip
STANDARD_AMINO_ACIDS = frozenset(
    "ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL".split()
)
# Residues made of C, N, O and S only: the first letter of an atom's name is its element.
_STATES = _PROTONATION_NAMES | {
    # Amber's names of chain ends: NALA, CALA, NHIE, CCYX
    end + name: standard
    for end in "NC"
    for name, standard in (*((name, name) for name in STANDARD_AMINO_ACIDS), *_PROTONATION_NAMES.items())
    if len(name) == 3
}
CNOS_RESIDUES = STANDARD_AMINO_ACIDS | _STATES.keys()
#: Standard names of the above by names of four letters, which spill out of their columns in a PDB file.
FOUR_LETTER_NAMES = {name: standard for name, standard in _STATES.items() if len(name) == 4}
_SUGAR = frozenset(("C1'", "C1*"))
_NUCLEOTIDE_STATES = {
    f"{sugar}{base}{end}": (f"D{base}" if sugar == "D" else base)
    for sugar, bases in (("D", "ACGT"), ("R", "ACGU"), ("", "ACGU"))
    for base in bases
    for end in ("5", "3", "N", *([""] if sugar == "R" else []))
}
_NUCLEOTIDE_STATES |= {"ADE": "A", "CYT": "C", "GUA": "G", "URA": "U", "THY": "DT"}
_NUCLEOTIDE_NAMES = frozenset("A C G U I T DA DC DG DT DU DI ADE CYT GUA URA THY RA RC RG RU DA5 DA3 DT5 DT3".split())

# AutoDock atom types that are not element symbols; empty for the pseudo-atoms of flexible rings.
AUTODOCK_TYPES = {"A": "C", "OA": "O", "NA": "N", "SA": "S", "HD": "H", "HS": "H", "NS": "N", "OS": "O", "Z": "C",
                  "G": "C", "GA": "C", "J": "C", "Q": "C", "W": "O", "G0": "", "G1": "", "G2": "", "G3": "", "CG0": "C",
                  "CG1": "C", "CG2": "C", "CG3": "C"}  # fmt: skip

# Elements, by atomic number up to gemmi's 119 (D); index 0 is gemmi's "X", not an element.
METALS = np.array([gemmi.Element(z).is_metal for z in range(120)])
METALS[[0, 119]] = False
METALS[[14, 32, 33, 51, 52]] = False  # metalloids that occur in covalent groups (Si, Ge, As, Sb, Te)
HALOGENS = np.isin(np.arange(120), [9, 17, 35, 53])
HYDROGENS = np.isin(np.arange(120), [1, 119])


def is_amino_acid_name(name: str) -> bool:
    """Whether a residue name means an amino acid, modified ones, protonation variants and caps included."""
    if name in STANDARD_AMINO_ACIDS or name in _STATES or name in _TERMINAL_CAPS:
        return True
    return gemmi.find_tabulated_residue(name).is_amino_acid()


def is_nucleotide_name(name: str) -> bool:
    """Whether a residue name means a nucleotide of a chain."""
    return (
        name in _NUCLEOTIDE_NAMES or name in _NUCLEOTIDE_STATES or gemmi.find_tabulated_residue(name).is_nucleic_acid()
    )


def standard_name(name: str, atom_names: frozenset[str]) -> str:
    """The standard residue that a name of a protonation state or a chain end stands for; else the name itself.

    Args:
        name: Residue name.
        atom_names: Of the residue's heavy atoms: what has others, such as the phosphorus of a phosphohistidine (HIP),
            is a residue of its own.
    """
    if name in _STATES:
        standard = _STATES[name]
        return (
            standard
            if all(
                (standard, atom) in ATOM_CLASS or atom in _TERMINAL_OXYGENS or atom in _PATCH_ATOMS
                for atom in atom_names
            )
            else name
        )
    if name in _NUCLEOTIDE_STATES and atom_names & _SUGAR:
        return _NUCLEOTIDE_STATES[name]
    return name
