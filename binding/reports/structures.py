"""Explained complexes for other programs: a PDB file with contributions as B-factors, scripts that colour it.

The PDB format has one letter for a chain and three for a residue, so names are cut where they are longer; the ligand
gets a chain of its own.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import numpy as np
from rdkit import Chem

from binding.explanation.rows import Explanation, Reasons
from binding.structures import Protein, ResidueKind

PDB: Final = "complexes.pdb"
PYMOL: Final = "pymol.pml"
CHIMERAX: Final = "chimerax.cxc"
_LARGEST: Final = 9.999  # pK that the columns of a B-factor hold with three decimals
_CHAINS: Final = string.ascii_uppercase + string.ascii_lowercase + string.digits
_LIGAND: Final = "LIG"
_LEAST: Final = 0.001  # pK, the end of a scale at least
_TIGHTER, _MIDDLE, _WEAKER = "#0072b2", "#dfe3e8", "#d55e00"


def pdb_text(explanations: Sequence[Explanation]) -> str:
    """Pockets with their ligands, a model for each complex; the B-factor is the contribution in pK.

    Residues within the model's reach and atoms of the ligand have their contributions, all other residues zero.

    Args:
        explanations: Those without reasons are left out.
    """
    found = [(item.row.id, item.reasons) for item in explanations if item.reasons is not None]
    lines = ["REMARK   1 B-FACTOR: CONTRIBUTION IN PK, ABOVE ZERO BINDS TIGHTER"]
    for number, (name, reasons) in enumerate(found, start=1):
        lines += [f"MODEL     {number:4d}", f"REMARK   2 {_plain(name)[:68]}", *_complex(reasons), "ENDMDL"]
    return "\n".join([*lines, "END", ""])


def pymol_script(explanations: Sequence[Explanation]) -> str:
    """Commands for PyMOL, to be run in the folder of the PDB file: ``pymol pymol.pml``."""
    residues, atoms = _limits(explanations)
    return f"""# Residues and ligand atoms by what they contribute to pK: blue tightens, orange weakens; the
# ligand has a scale of its own. Run in this folder: pymol {PYMOL}
# Several complexes are states; the arrow keys go through them.
load {PDB}, explained, discrete=1, multiplex=0
set_color b_tighter, {_rgb(_TIGHTER)}
set_color b_middle, {_rgb(_MIDDLE)}
set_color b_weaker, {_rgb(_WEAKER)}
hide everything, explained
select ligand, explained and resn {_LIGAND}
select contacts, byres (explained and not ligand and (b > 0.0005 or b < -0.0005))
set cartoon_transparency, 0.6
set cartoon_gap_cutoff, 0
set stick_radius, 0.12
show cartoon, explained and polymer
show sticks, contacts
show spheres, explained and inorganic
show sticks, ligand
set_bond stick_radius, 0.22, ligand
spectrum b, b_weaker b_middle b_tighter, explained and not ligand, minimum=-{residues:.3f}, maximum={residues:.3f}
spectrum b, b_weaker b_middle b_tighter, ligand, minimum=-{atoms:.3f}, maximum={atoms:.3f}
ramp_new pk_residues, none, [-{residues:.3f}, 0, {residues:.3f}], [b_weaker, b_middle, b_tighter]
set all_states, 0
orient ligand
zoom ligand, 6
deselect
"""


def chimerax_script(explanations: Sequence[Explanation]) -> str:
    """Commands for ChimeraX, to be opened in the folder of the PDB file."""
    residues, atoms = _limits(explanations)

    def palette(limit: float) -> str:
        return f"{-limit:.3f},{_WEAKER}:0,{_MIDDLE}:{limit:.3f},{_TIGHTER}"

    return f"""# Residues and ligand atoms by what they contribute to pK: blue tightens, orange weakens; the
# ligand has a scale of its own. File > Open, or: chimerax {CHIMERAX}
# Several complexes are submodels of #1.
open {PDB}
hide atoms
cartoon
transparency 60 target c
show @@bfactor>0.0005 atoms
show @@bfactor<-0.0005 atoms
show :{_LIGAND} atoms
style stick
style ions ball
size :{_LIGAND} stickRadius 0.3
color byattribute a:bfactor ~:{_LIGAND} target abc palette "{palette(residues)}"
color byattribute a:bfactor :{_LIGAND} target abc palette "{palette(atoms)}"
key {_WEAKER}:{-residues:.2f} {_MIDDLE}:0 {_TIGHTER}:{residues:.2f}
view :{_LIGAND}
"""


#: Files of a folder of explanations, and what writes the text of each.
STRUCTURE_FILES: Final[dict[str, Callable[[Sequence[Explanation]], str]]] = {
    PDB: pdb_text,
    PYMOL: pymol_script,
    CHIMERAX: chimerax_script,
}


def _complex(reasons: Reasons) -> Iterator[str]:
    pocket, ligand, found = reasons.pocket, reasons.ligand, reasons.contributions
    shares = np.zeros(pocket.num_residues)
    shares[found.pocket_rows] = found.residues.pk
    letters = _letters(pocket)
    free = next((letter for letter in reversed(_CHAINS[:26]) if letter not in letters.values()), "_")
    serial = 0
    for row in range(pocket.num_residues):
        hetero = pocket.residue_kinds[row] not in (ResidueKind.AMINO_ACID, ResidueKind.NUCLEOTIDE)
        residue = (
            f"{_plain(str(pocket.residue_names[row]))[:3]:>3} {letters[str(pocket.chain_ids[row])]}"
            f"{int(pocket.residue_numbers[row]) % 10_000:4d}{str(pocket.insertion_codes[row]) or ' ':1.1}"
        )
        for atom in np.flatnonzero(pocket.atom_residue == row).tolist():
            serial += 1
            symbol = _symbol(int(pocket.elements[atom]))
            name = str(pocket.atom_names[atom])
            yield _record(hetero, serial, name, symbol, residue, pocket.positions[atom], shares[row])
    first = serial + 1
    residue = f"{_LIGAND} {free}   1 "
    counts: dict[str, int] = {}
    for atom, place, share in zip(ligand.mol.GetAtoms(), ligand.positions, found.atoms.pk.tolist(), strict=True):
        serial += 1
        symbol = atom.GetSymbol()
        counts[symbol] = counts.get(symbol, 0) + 1
        yield _record(True, serial, f"{symbol}{atom.GetIdx() + 1}"[:4], symbol, residue, place, share)
    yield from _connections(ligand.mol, first)


def _record(
    hetero: bool, serial: int, name: str, symbol: str, residue: str, place: Iterable[float], share: float
) -> str:
    """A line of an atom, in the columns of the format."""
    x, y, z = place
    share = max(-_LARGEST, min(_LARGEST, share))
    # The element stands in columns 13 and 14, right-justified.
    full = f"{name:<4}" if len(name) > 3 or len(symbol) > 1 else f" {name:<3}"
    kind = "HETATM" if hetero else "ATOM  "
    return (
        f"{kind}{serial % 100_000:5d} {full:4.4} {residue}   {x:8.3f}{y:8.3f}{z:8.3f}"
        f"  1.00{share:6.3f}          {symbol.upper():>2}"
    )


def _connections(mol: Chem.Mol, first: int) -> Iterator[str]:
    """Bonds of the ligand; a double bond is named twice, a triple one thrice."""
    kekulized = Chem.Mol(mol)
    try:
        Chem.Kekulize(kekulized)
    except Chem.KekulizeException:  # a pose that was read with aromatic bonds only
        pass
    for atom in kekulized.GetAtoms():
        ends: list[int] = []
        for bond in atom.GetBonds():
            ends += [first + bond.GetOtherAtomIdx(atom.GetIdx())] * max(1, int(bond.GetBondTypeAsDouble()))
        for start in range(0, len(ends), 4):
            numbers = "".join(f"{end:5d}" for end in ends[start : start + 4])
            yield f"CONECT{first + atom.GetIdx():5d}{numbers}"


def _letters(pocket: Protein) -> dict[str, str]:
    """A letter for each chain: its own where it has one letter, else a free one."""
    names = list(dict.fromkeys(str(name) for name in pocket.chain_ids))
    letters = {name: name for name in names if len(name) == 1 and name in _CHAINS}
    free = (letter for letter in _CHAINS if letter not in letters.values())
    return {name: letters.get(name) or next(free, "_") for name in names}


def _limits(explanations: Sequence[Explanation]) -> tuple[float, float]:
    """Ends of the scales, pK: what the strongest residue has, and the strongest atom."""
    found = [item.reasons.contributions for item in explanations if item.reasons is not None]
    residues = max([_LEAST, *(float(np.abs(each.residues.pk).max(initial=0.0)) for each in found)])
    return residues, max([_LEAST, *(float(np.abs(each.atoms.pk).max(initial=0.0)) for each in found)])


def _plain(text: str) -> str:
    """A name of a file without what a line of a PDB file cannot hold."""
    return "".join(letter if letter.isascii() and letter.isprintable() else "_" for letter in text)


def _symbol(number: int) -> str:
    return Chem.GetPeriodicTable().GetElementSymbol(number)


def _rgb(colour: str) -> str:
    return "[" + ", ".join(f"{int(colour[start : start + 2], 16) / 255:.3f}" for start in (1, 3, 5)) + "]"
