"""Vocabularies and physical constants of the graphs: pure data, no imports from the package."""

from __future__ import annotations

from enum import StrEnum

#: Å from the origin, along any axis: farther out is no atom of any structure, but a damaged number.
FARTHEST = 1e5

# --- protein residues -----------------------------------------------------------------------

AMINO_ACIDS = (
    "ALA", "ARG", "ASN", "ASP", "CYS", "GLN", "GLU", "GLY", "HIS", "ILE",
    "LEU", "LYS", "MET", "PHE", "PRO", "SER", "THR", "TRP", "TYR", "VAL",
)  # fmt: skip

#: Residue names that stand for a standard amino acid: protonation and disulfide variants of force
#: fields, and the modified residues that occur most in the PDB, each under its parent.
PARENT_AMINO_ACID = {
    "HID": "HIS", "HIE": "HIS", "HIP": "HIS", "HSD": "HIS", "HSE": "HIS", "HSP": "HIS", "MHS": "HIS", "NEP": "HIS",
    "CYX": "CYS", "CYM": "CYS", "CSO": "CYS", "CSD": "CYS", "OCS": "CYS", "CME": "CYS", "CSX": "CYS", "CAS": "CYS",
    "CSS": "CYS", "SCH": "CYS", "SMC": "CYS", "YCM": "CYS", "CAF": "CYS", "CSP": "CYS", "SNC": "CYS", "CMT": "CYS",
    "ASH": "ASP", "ASX": "ASP", "BFD": "ASP", "PHD": "ASP", "IAS": "ASP", "GLH": "GLU", "CGU": "GLU", "PCA": "GLU",
    "LYN": "LYS", "KCX": "LYS", "MLY": "LYS", "MLZ": "LYS", "M3L": "LYS", "LLP": "LYS", "ALY": "LYS", "LYZ": "LYS",
    "MSE": "MET", "FME": "MET", "MHO": "MET", "SEP": "SER", "SAC": "SER", "TPO": "THR", "PTR": "TYR", "TYS": "TYR",
    "TPQ": "TYR", "ARN": "ARG", "AGM": "ARG", "HYP": "PRO", "ABA": "ALA", "AIB": "ALA", "DAL": "ALA", "MEN": "ASN",
    "SNN": "ASN", "TRQ": "TRP", "TRO": "TRP", "MLE": "LEU", "NLE": "LEU", "MVA": "VAL", "GL3": "GLY", "SAR": "GLY",
}  # fmt: skip

NUCLEOTIDE_BASE = {
    "A": "A", "DA": "A", "C": "C", "DC": "C", "G": "G", "DG": "G", "U": "U", "DU": "U", "T": "U", "DT": "U", "I": "G",
}  # fmt: skip

#: Metal ions with a type of their own; every other metal is ``metal``.
METAL_TYPES = {12: "Mg", 20: "Ca", 25: "Mn", 26: "Fe", 27: "Co", 28: "Ni", 29: "Cu", 30: "Zn", 11: "Na", 19: "K"}

RESIDUE_TYPES = (
    *AMINO_ACIDS,
    "other amino acid",
    *(f"nucleotide {base}" for base in "ACGU"),
    "other nucleotide",
    *METAL_TYPES.values(),
    "other metal",
    "cofactor",
)

#: Atomic numbers that are metals, for single ions and for metals inside cofactors.
METALS = frozenset([3, 4, 11, 12, 13, *range(19, 32), *range(37, 51), *range(55, 85), *range(87, 104)])

# --- classes of protein heavy atoms (rows of the contact profile) -----------------------------

ATOM_CLASSES = (
    "aliphatic C",
    "aromatic C",
    "polar C",
    "carbonyl O",
    "anionic O",
    "hydroxyl O",
    "amide N",
    "cationic N",
    "imidazole N",
    "S",
    "metal",
    "other",
)
(
    ALIPHATIC_C,
    AROMATIC_C,
    POLAR_C,
    CARBONYL_O,
    ANIONIC_O,
    HYDROXYL_O,
    AMIDE_N,
    CATIONIC_N,
    IMIDAZOLE_N,
    SULFUR,
    METAL_ION,
    OTHER_ATOM,
) = range(len(ATOM_CLASSES))

_BACKBONE = {"N": AMIDE_N, "CA": POLAR_C, "C": POLAR_C, "O": CARBONYL_O, "OXT": ANIONIC_O}
_SIDE_CHAINS = {
    "ALA": {ALIPHATIC_C: "CB"},
    "ARG": {ALIPHATIC_C: "CB CG", POLAR_C: "CD CZ", CATIONIC_N: "NE NH1 NH2"},
    "ASN": {ALIPHATIC_C: "CB", POLAR_C: "CG", CARBONYL_O: "OD1", AMIDE_N: "ND2"},
    "ASP": {ALIPHATIC_C: "CB", POLAR_C: "CG", ANIONIC_O: "OD1 OD2"},
    "CYS": {ALIPHATIC_C: "CB", SULFUR: "SG"},
    "GLN": {ALIPHATIC_C: "CB CG", POLAR_C: "CD", CARBONYL_O: "OE1", AMIDE_N: "NE2"},
    "GLU": {ALIPHATIC_C: "CB CG", POLAR_C: "CD", ANIONIC_O: "OE1 OE2"},
    "GLY": {},
    "HIS": {ALIPHATIC_C: "CB", AROMATIC_C: "CG CD2 CE1", IMIDAZOLE_N: "ND1 NE2"},
    "ILE": {ALIPHATIC_C: "CB CG1 CG2 CD1 CD"},
    "LEU": {ALIPHATIC_C: "CB CG CD1 CD2"},
    "LYS": {ALIPHATIC_C: "CB CG CD", POLAR_C: "CE", CATIONIC_N: "NZ"},
    "MET": {ALIPHATIC_C: "CB CG CE", SULFUR: "SD"},
    "PHE": {ALIPHATIC_C: "CB", AROMATIC_C: "CG CD1 CD2 CE1 CE2 CZ"},
    "PRO": {ALIPHATIC_C: "CB CG", POLAR_C: "CD", OTHER_ATOM: "N"},
    "SER": {POLAR_C: "CB", HYDROXYL_O: "OG"},
    "THR": {POLAR_C: "CB", ALIPHATIC_C: "CG2", HYDROXYL_O: "OG1"},
    "TRP": {ALIPHATIC_C: "CB", AROMATIC_C: "CG CD1 CD2 CE2 CE3 CZ2 CZ3 CH2", AMIDE_N: "NE1"},
    "TYR": {ALIPHATIC_C: "CB", AROMATIC_C: "CG CD1 CD2 CE1 CE2 CZ", HYDROXYL_O: "OH"},
    "VAL": {ALIPHATIC_C: "CB CG1 CG2"},
}

#: (residue, atom name) -> class, for the twenty amino acids. Proline's N has no hydrogen to give.
ATOM_CLASS = {
    (residue, name): atom_class
    for residue, groups in _SIDE_CHAINS.items()
    for name, atom_class in (
        list(_BACKBONE.items()) + [(name, c) for c, names in groups.items() for name in names.split()]
    )
}

#: Classes that give or take a hydrogen bond, and those that Vina calls hydrophobic.
DONOR_CLASSES = (HYDROXYL_O, AMIDE_N, CATIONIC_N, IMIDAZOLE_N, METAL_ION)
ACCEPTOR_CLASSES = (CARBONYL_O, ANIONIC_O, HYDROXYL_O, IMIDAZOLE_N)
HYDROPHOBIC_CLASSES = (ALIPHATIC_C, AROMATIC_C)
PLANAR_CLASSES = (AROMATIC_C, IMIDAZOLE_N)

#: Side-chain dihedrals: the atom names that may stand at each place along the chain.
CHI_PLACES = (
    ("N",),
    ("CA",),
    ("CB",),
    ("CG", "CG1", "OG", "OG1", "SG"),
    ("CD", "CD1", "SD", "SE", "OD1", "ND1"),
    ("CE", "NE", "OE1"),
    ("CZ", "NZ"),
)

# --- ligand atoms ------------------------------------------------------------------------------

#: Elements with a type of their own; all others share the last type.
LIGAND_ELEMENTS = (6, 7, 8, 16, 15, 9, 17, 35, 53, 5, 14, 34)

#: Radii of the Vina scoring function, Å (Trott & Olson 2010, doi:10.1002/jcc.21334), by atomic number.
VINA_RADII = {6: 1.9, 7: 1.8, 8: 1.7, 16: 2.0, 15: 2.1, 9: 1.5, 17: 1.8, 35: 2.0, 53: 2.2, 14: 2.2, 34: 2.1, 5: 1.92}
VINA_METAL_RADIUS = 1.2
VINA_DEFAULT_RADIUS = 1.9

#: Radii of the protein's atom classes in the same function, Å.
CLASS_RADII = (1.9, 1.9, 1.9, 1.7, 1.7, 1.7, 1.8, 1.8, 1.8, 2.0, 1.2, 1.9)

#: Single-bond covalent radii, Å (Cordero et al. 2008, doi:10.1039/b801115j), for bonds by distance.
COVALENT_RADII = {1: 0.31, 5: 0.84, 6: 0.76, 7: 0.71, 8: 0.66, 9: 0.57, 14: 1.11, 15: 1.07, 16: 1.05, 17: 1.02,
                  34: 1.20, 35: 1.20, 53: 1.39}  # fmt: skip

# --- affinities --------------------------------------------------------------------------------

#: pK between which every dissociation constant lies that was ever measured for a small molecule or peptide: 10 M, of
#: solvents and the weakest fragments, and 0.1 fM, beyond biotin with streptavidin (13.4) and the tightest
#: transition-state analogues (15). A network that says more says it of an input unlike any that it was trained on.
MEASURED_PK = (-1.0, 16.0)


class Experts(StrEnum):
    """What ``pk`` is made of: all experts, the structure alone (networks and geometry), or the prior alone."""

    all = "all"
    network = "network"
    prior = "prior"
