"""The one list of output columns: name, type, unit and meaning of every value in a result.

Rows, CSV, JSON, SDF tags, Parquet files, the parts of a screen, tables on the terminal, ``binding predict --help`` and
the page ``docs/reference/columns.md`` are made of it. A new column is one entry here and the value that fills it; see
``docs/developing/output_column.md``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final


class ColumnKind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    PLACE = "place"  # an integer that may exceed two thousand million
    FLAG = "true/false"


@dataclass(frozen=True)
class OutputColumn:
    """One column.

    Attributes:
        name: In every file and table.
        kind: What it holds.
        unit: Such as ``pK`` or ``kcal/mol``; empty where there is none.
        text: What it means, in Markdown as it stands in ``docs/reference/``.
        required: Whether it is filled in every row, failed ones included.
        heading: Above it on the terminal, at most two lines; not shown there where it is empty.
        short: The same on a narrow terminal; not shown there where it is empty.
        decimals: Decimals of a number on the terminal.
        lower_is_better: Whether the least value is the best, where compounds are ranked by it.
    """

    name: str
    kind: ColumnKind
    unit: str
    text: str
    required: bool = False
    heading: str = ""
    short: str = ""
    decimals: int = 2
    lower_is_better: bool = False

    @property
    def missing(self) -> Any:
        """What stands in a row where there is no value."""
        if self.kind is ColumnKind.TEXT:
            return ""
        return float("nan") if self.kind is ColumnKind.NUMBER else None


# ---------------------------------------------------------------- what predict, screen and explain share

NAMES: Final = (
    OutputColumn(
        "id",
        ColumnKind.TEXT,
        "",
        "as given, else the ligand file's stem; records of a file are `stem:1`, `stem:2` and so on. A repeated id gets "
        "`~2`, `~3`",
        required=True,
    ),
    OutputColumn("protein", ColumnKind.TEXT, "", "the protein's file name", required=True),
    OutputColumn("ligand", ColumnKind.TEXT, "", "the record's title", required=True),
)

#: In the order of a screen's tables; ``binding predict`` puts ``pose`` first.
SCORES: Final = (
    OutputColumn(
        "pk",
        ColumnKind.NUMBER,
        "pK",
        "-log10(K / M), K = Kd, Ki or IC50: **higher binds tighter**; 9 is 1 nM, 6 is 1 µM",
        heading="pK\n-log10(K/M)",
        short="pK",
    ),
    OutputColumn(
        "pk_std",
        ColumnKind.NUMBER,
        "pK",
        "standard deviation of the error of `pk`; smaller where similar ligands were measured at similar sites "
        "([uncertainty](../explanation/accuracy.md#uncertainty))",
        heading="± pK\n1 s.d.",
        short="± pK\n1 s.d.",
    ),
    OutputColumn(
        "pk_low",
        ColumnKind.NUMBER,
        "pK",
        "lower end of the 90 % interval, calibrated on held-out proteins",
    ),
    OutputColumn("pk_high", ColumnKind.NUMBER, "pK", "upper end of the 90 % interval"),
    OutputColumn(
        "dg_kcal_mol",
        ColumnKind.NUMBER,
        "kcal/mol",
        "-RT ln(10) `pk` at 298.15 K; more negative binds tighter",
        heading="ΔG\nkcal/mol",
        short="ΔG\nkcal/mol",
        decimals=1,
        lower_is_better=True,
    ),
    OutputColumn(
        "pk_ligand_only",
        ColumnKind.NUMBER,
        "pK",
        "prediction from the ligand alone, the same for all its poses: from the [prior](../explanation/prior.md), or "
        "from a network that sees no protein where the weights have no prior",
        heading="pK, ligand\nalone",
        short="ligand\nalone",
    ),
    OutputColumn(
        "pk_network",
        ColumnKind.NUMBER,
        "pK",
        "prediction from the structure alone: networks and geometry without the prior, a pK by itself "
        "([how they are joined](../explanation/model.md#how-pk-is-joined))",
    ),
    OutputColumn(
        "pk_prior",
        ColumnKind.NUMBER,
        "pK",
        "prediction of the [prior](../explanation/prior.md) for the ligand at its site; empty for weights without one",
    ),
    OutputColumn(
        "ligand_efficiency",
        ColumnKind.NUMBER,
        "kcal/mol",
        "-`dg_kcal_mol` / `heavy_atoms`, for each heavy atom",
        heading="LE\nkcal/mol/atom",
    ),
    OutputColumn("heavy_atoms", ColumnKind.INTEGER, "", "heavy atoms of the ligand", heading="heavy\natoms"),
    OutputColumn(
        "pose",
        ColumnKind.NUMBER,
        "0 to 1",
        "probability that the pose is within 2 Å of the native one, calibrated on docked poses, half of them right "
        "([docking power](../explanation/accuracy.md#docking-power))",
        heading="pose\nprob.",
        short="pose\nprob.",
    ),
    OutputColumn(
        "binder",
        ColumnKind.NUMBER,
        "0 to 1",
        "probability that the compound binds at all, from its pose, the ligand and the nearest measurement; holds "
        "where as many compounds bind as in the screens that it was fitted to ([binder](../explanation/screening.md)). "
        "Empty for weights of your own",
        heading="binds\nprob.",
    ),
    OutputColumn(
        "rank_score",
        ColumnKind.NUMBER,
        "log10",
        "log10 of the odds of `binder`: what a screen ranks by, higher is better; 0 is as likely as not, 1 ten to one. "
        "Empty for weights of your own, whose screens are ranked by `pk`",
    ),
)

TRUST: Final = (
    OutputColumn(
        "in_domain",
        ColumnKind.FLAG,
        "",
        "whether the complex resembles the training set; `false` comes with a warning "
        "([the rule](../explanation/accuracy.md#training-domain))",
    ),
    OutputColumn(
        "nearest_ligand", ColumnKind.NUMBER, "0 to 1", "Tanimoto similarity (ECFP4) to the nearest training ligand"
    ),
    OutputColumn(
        "nearest_protein",
        ColumnKind.NUMBER,
        "0 to 1",
        "largest share of four-residue words in common with a training protein, beyond chance; empty where the "
        "structure has none",
    ),
)

REMARKS: Final = (
    OutputColumn("warnings", ColumnKind.TEXT, "", "repairs, overlaps and other doubts, joined by `; `", required=True),
    OutputColumn("model", ColumnKind.TEXT, "", "name of the weights", required=True),
)

STATUS: Final = (
    OutputColumn("status", ColumnKind.TEXT, "", "`ok` or `failed`", required=True),
    OutputColumn("error_code", ColumnKind.TEXT, "", "why it failed: [errors](errors.md)", required=True),
    OutputColumn("message", ColumnKind.TEXT, "", "the failure in words, and what to do about it", required=True),
)

# ---------------------------------------------------------------- on request: `--checks`

PLAUSIBLE: Final = "plausible"
FAILED_CHECKS: Final = "failed_checks"
#: Each test of a pose and what it asks; the last three are made by the package `posebusters` alone.
_CHECKS: Final = {
    "all_atoms_connected": "the ligand is one molecule",
    "no_radicals": "no atom has an unpaired electron",
    "bond_lengths": "within 25 % of RDKit's distance-geometry bounds",
    "bond_angles": "the distance between two atoms bonded to a third, likewise",
    "internal_steric_clash": "no two atoms that are not bonded are closer than 70 % of their bound",
    "aromatic_ring_flatness": "all atoms of an aromatic ring within 0.25 Å of its plane",
    "non_aromatic_ring_non_flatness": "saturated six-membered rings are not flat",
    "double_bond_flatness": "the six atoms about a C=C bond within 0.25 Å of their plane",
    "protein_ligand_maximum_distance": "the ligand is within 5 Å of the protein",
    "minimum_distance_to_protein": "no atom closer to the protein than 75 % of the sum of van der Waals radii",
    "minimum_distance_to_organic_cofactors": "the same, to cofactors",
    "minimum_distance_to_inorganic_cofactors": "the same, to metals, of the sum of covalent radii",
    "volume_overlap_with_protein": "at most 7.5 % of the ligand's volume lies in the protein",
    "sanitization": "RDKit accepts the molecule (`--checks posebusters`)",
    "inchi_convertible": "the molecule has an InChI (`--checks posebusters`)",
    "internal_energy": "UFF energy below 100 times the mean of 50 conformers (`--checks posebusters`)",
}


def check_column(name: str) -> str:
    """The column that says whether a pose passes a test."""
    return f"check_{name}"


#: Whether a pose is physically plausible, in the words of PoseBusters (https://doi.org/10.1039/D3SC04185A).
CHECK_COLUMNS: Final = (
    OutputColumn(PLAUSIBLE, ColumnKind.FLAG, "", "whether the pose passes all tests of `--checks`"),
    OutputColumn(FAILED_CHECKS, ColumnKind.TEXT, "", "names of the tests that it fails, joined by `; `"),
    *(OutputColumn(check_column(name), ColumnKind.FLAG, "", text) for name, text in _CHECKS.items()),
)

# ---------------------------------------------------------------- what a screen adds

#: What the program that made a pose says of it: a tag of the pose, under the column's name or one of ``POSING_TAGS``.
POSING: Final = (
    OutputColumn(
        "dock_score",
        ColumnKind.NUMBER,
        "kcal/mol",
        "score of the docking program for the pose, lower binds tighter: Vina's with `--dock`; of docked poses in a "
        "library, the tag `dock_score`, `minimizedAffinity`, `docking_score` or `r_i_docking_score`, or the "
        "`VINA RESULT` of a PDBQT model, in the program's unit",
        heading="dock\nkcal/mol",
        short="dock",
        decimals=1,
        lower_is_better=True,
    ),
    OutputColumn(
        "place_score",
        ColumnKind.NUMBER,
        "kcal/mol",
        "Vina's score of a placed pose, lower binds tighter; the tag `place_score`",
        heading="placed\nkcal/mol",
        decimals=1,
        lower_is_better=True,
    ),
    OutputColumn(
        "place_core_coverage",
        ColumnKind.NUMBER,
        "0 to 1",
        "share of the compound's heavy atoms that the reference ligand places ([place](../how-to/place.md#output))",
        heading="core\ncovered",
        short="core",
    ),
    OutputColumn(
        "place_core_rmsd",
        ColumnKind.NUMBER,
        "Å",
        "RMSD of these atoms from the reference ligand",
        lower_is_better=True,
    ),
    OutputColumn(
        "place_clashes",
        ColumnKind.INTEGER,
        "",
        "pairs of a ligand atom and a protein atom of the placed pose that are too close",
        heading="clashes",
        lower_is_better=True,
    ),
)
#: Names that docking programs give the tag of a column, besides the column's own.
POSING_TAGS: Final = {"dock_score": ("minimizedAffinity", "docking_score", "r_i_docking_score")}

_RANK: Final = OutputColumn("rank", ColumnKind.PLACE, "", "from 1, by `rank_score`; equal ones rank in library order")
_COMPOUND: Final = OutputColumn(
    "compound", ColumnKind.TEXT, "", "what groups poses: the title, or the tag named by `--compound-tag`", required=True
)
_RECEPTOR: Final = OutputColumn(
    "receptor", ColumnKind.TEXT, "", "file name of the receptor; with many, its path in the table", required=True
)
_GAIN: Final = OutputColumn(
    "gain_over_ligand_only",
    ColumnKind.NUMBER,
    "pK",
    "`pk` - `pk_ligand_only`: what the protein adds",
    heading="gain",
    short="gain",
)
_NUM_POSES: Final = OutputColumn("num_poses", ColumnKind.PLACE, "", "scored poses of the compound")
_SMILES: Final = OutputColumn("smiles", ColumnKind.TEXT, "", "canonical, stereo from the pose")
_FILE: Final = OutputColumn(
    "ligand_file", ColumnKind.TEXT, "", "where the pose comes from: absolute path", required=True
)
_RECORD: Final = OutputColumn("record", ColumnKind.PLACE, "", "its record in that file, from 0", required=True)
_POSE_NUMBER: Final = OutputColumn(
    "pose_number", ColumnKind.INTEGER, "", "which of several poses made from one SMILES; else 0", required=True
)
_ROW: Final = OutputColumn("row", ColumnKind.PLACE, "", "place in the library, from 0", required=True)
#: The scored pose and its tags, heavy atoms only, where it is no record of a ligand file: posed SMILES, a ligand taken
#: from a complex, a table's mol block. Else null, and the pose is record ``record`` of ``ligand_file``.
POSE_BLOCK: Final = OutputColumn("pose_block", ColumnKind.TEXT, "", "the pose itself, where no ligand file holds it")

#: What ``binding top --properties`` and the report add to the best compounds, from their SMILES by RDKit.
HIT_PROPERTIES: Final = (
    OutputColumn("mol_weight", ColumnKind.NUMBER, "g/mol", "molecular weight", heading="MW", decimals=0),
    OutputColumn("logp", ColumnKind.NUMBER, "", "octanol-water partition by Crippen", heading="logP", decimals=1),
    OutputColumn("tpsa", ColumnKind.NUMBER, "Å²", "topological polar surface area", heading="TPSA\nÅ²", decimals=0),
    OutputColumn("hbond_donors", ColumnKind.INTEGER, "", "hydrogen-bond donors", heading="HBD"),
    OutputColumn("hbond_acceptors", ColumnKind.INTEGER, "", "hydrogen-bond acceptors", heading="HBA"),
    OutputColumn("rotatable_bonds", ColumnKind.INTEGER, "", "rotatable bonds", heading="rotors"),
    OutputColumn(
        "qed", ColumnKind.NUMBER, "0 to 1", "quantitative estimate of drug-likeness", heading="QED", short="QED"
    ),
    OutputColumn(
        "alerts",
        ColumnKind.TEXT,
        "",
        "structural alerts of the catalogues PAINS (A to C) and Brenk, joined by `; `: a reason to look, no verdict",
    ),
    OutputColumn("scaffold", ColumnKind.TEXT, "", "Murcko scaffold, SMILES; empty without a ring"),
)

# ---------------------------------------------------------------- the tables

_POSE: Final = tuple(column for column in SCORES if column.name == "pose")
#: Of ``binding predict``, one row a ligand record.
PREDICTION: Final = (
    *NAMES,
    *_POSE,
    *(column for column in SCORES if column not in _POSE),
    *TRUST,
    *REMARKS,
    *STATUS,
)
#: Columns that a prediction, a screen and a placed series have on request only, behind all others.
ON_REQUEST: Final = CHECK_COLUMNS
#: Columns of the parts of a screen, one row a pose or failure.
SCREEN_PART: Final = (
    *(_ROW, _POSE_NUMBER, NAMES[0], _COMPOUND, _RECEPTOR, _FILE, _RECORD, _SMILES),
    *SCORES,
    *POSING,
    *TRUST,
    *REMARKS,
    *STATUS,
    POSE_BLOCK,
)
_GAINED: Final = 1 + [column.name for column in SCORES].index("pk_ligand_only")
#: Columns of a screen's results: one row a compound, its best pose by ``rank_score``.
SCREEN_RESULT: Final = (
    *(_RANK, _COMPOUND, NAMES[0]),
    *SCORES[:_GAINED],
    _GAIN,
    *SCORES[_GAINED:],
    *POSING,
    _NUM_POSES,
    *TRUST,
    _SMILES,
    *REMARKS,
    *(_RECEPTOR, _FILE, _RECORD, _POSE_NUMBER),
)
#: Columns of the poses of a screen's best compounds, as tags ``binding_<column>``.
SCREEN_TAG: Final = (_RANK, _COMPOUND, NAMES[0], *SCORES, _NUM_POSES, *TRUST, *REMARKS, _RECEPTOR)
#: Columns that only a screen has, for the reference page.
SCREEN_OWN: Final = (
    *(_RANK, _COMPOUND, _RECEPTOR, _GAIN, *POSING, _NUM_POSES, _SMILES, _FILE, _RECORD, _POSE_NUMBER, _ROW),
    POSE_BLOCK,
)


def evidence_columns(most: int) -> tuple[OutputColumn, ...]:
    """Columns of the measurements that the prior's part of ``pk`` is made of; none for 0.

    Args:
        most: How many measurements are listed.
    """
    if not most:
        return ()
    by_rank = [
        (
            OutputColumn(f"evidence_{rank}", ColumnKind.TEXT, "", _EVIDENCE["measured"]),
            OutputColumn(f"evidence_{rank}_pk", ColumnKind.NUMBER, "pK", _EVIDENCE["pk"]),
            OutputColumn(f"evidence_{rank}_ligand", ColumnKind.NUMBER, "0 to 1", _EVIDENCE["ligand"]),
            OutputColumn(f"evidence_{rank}_site", ColumnKind.NUMBER, "0 to 1", _EVIDENCE["site"]),
            OutputColumn(f"evidence_{rank}_share", ColumnKind.NUMBER, "pK", _EVIDENCE["share"]),
        )
        for rank in range(1, most + 1)
    ]
    rest = OutputColumn("evidence_rest", ColumnKind.NUMBER, "pK", _EVIDENCE["rest"])
    return (*(column for columns in by_rank for column in columns), rest)


_EVIDENCE: Final = {
    "measured": "PDB entry or compound of the measurement",
    "pk": "what was measured",
    "ligand": "Tanimoto similarity of its ligand",
    "site": "similarity of its site; 0 where the site is not known",
    "share": "what it adds to `pk`",
    "rest": "what all other measurements and their mean add; with the shares the prior's part of `pk`",
}


def requested_among(present: Iterable[str]) -> tuple[OutputColumn, ...]:
    """The columns on request that a table of a screen has.

    Args:
        present: Names of the table's columns.
    """
    there = set(present)
    return tuple(column for column in ON_REQUEST if column.name in there)


def names(columns: Iterable[OutputColumn]) -> tuple[str, ...]:
    """Their names, in order."""
    return tuple(column.name for column in columns)
