"""The element of an atom in a PDB file: the element column first, then what names settle."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import gemmi

from binding.io.vocabulary import CNOS_RESIDUES, METALS

# Ions whose CHARMM names are not their elements, where a residue of that name holds one atom of that name.
_ION_NAMES: Final = {
    "SOD": "Na", "POT": "K", "CES": "Cs", "LIT": "Li", "RUB": "Rb", "BAR": "Ba", "CAD": "Cd", "CAL": "Ca",
    "CLA": "Cl", "CHL": "Cl", "IOD": "I", "BRO": "Br", "FLU": "F",
}  # fmt: skip
_HALIDES: Final = frozenset(("F", "CL", "BR", "I"))
# Two-letter elements that molecules hold. There, CA, CD, HG, NA and PB are names of C, H, N and P atoms.
_IN_MOLECULES: Final = frozenset(
    "CL BR SE SI FE ZN MG MN CU NI MO RU RH PT AU AS TE AL LI TI ZR GA SN SB IR RE".split()
)
_COBALT_RESIDUES: Final = frozenset("B12 CNC COB CBY COH CON CO COY HCO 3CO NCO".split())
_MERCURY_RESIDUES: Final = frozenset("HG MMC EMC HGB PHG BE7 CMH MBO".split())
_SINGLE: Final = frozenset("HDCNOFPSKBIVWYU")


@lru_cache(maxsize=16384)
def element_of(column: str, name: str, residue: str) -> str:
    """The symbol of an atom's element, such as ``Cl``; empty if it cannot be determined.

    Args:
        column: Columns 77-78, or what there is of them. Digits are the line numbers of old files.
        name: Columns 13-16, with their blanks: elements of two letters begin in column 13.
        residue: The residue's name.
    """
    ion = _ion(name, residue)
    symbol = column.strip().capitalize()
    if symbol.isalpha() and not gemmi.Element(symbol).atomic_number:
        return ion
    if symbol.isalpha():
        # A column that holds the name's first letter only ("P" of PT, "S" of SOD) was filled by a guess or cut off.
        guessed = len(symbol) == 1 and name.strip()[:1].upper() == symbol
        return ion if ion and guessed else "H" if symbol == "D" else symbol
    return ion or _from_name(name, residue)


def _ion(name: str, residue: str) -> str:
    """The element of an atom that its residue is named after (``ZN`` of ``ZN2``, ``SOD`` of ``SOD``), or nothing."""
    atom, group = name.strip().upper(), residue.strip().upper()
    if group in _ION_NAMES and atom in (group, _ION_NAMES[group].upper()):
        return _ION_NAMES[group]
    letters = re.sub(r"[^A-Z]", "", atom)
    if letters and letters == re.sub(r"[^A-Z]", "", group) and len(letters) <= 2:
        element = gemmi.Element(letters.capitalize())
        if METALS[element.atomic_number] or letters in _HALIDES:
            return str(element.name)
    return ""


def _from_name(name: str, residue: str) -> str:
    letters = re.sub(r"[^A-Za-z]", "", name)
    if not letters:
        return ""
    upper, group = letters.upper(), residue.strip().upper()
    first = upper[0]
    if group in CNOS_RESIDUES:
        return "H" if first == "D" else first if first in "CNOSH" else ""
    if re.fullmatch(r"(CL|BR)\d*", name.strip().upper()):
        return upper.capitalize()
    if len(letters) > 1 and letters[1].islower() and upper[:2] in _IN_MOLECULES:  # "Cl1" in any column
        return upper[:2].capitalize()
    if name[:1].isalpha() and re.fullmatch(r"[A-Z]{2}\d*", name.strip().upper()):
        two = upper[:2]
        metal = (two == "CO" and group in _COBALT_RESIDUES) or (two == "HG" and group in _MERCURY_RESIDUES)
        if two in _IN_MOLECULES or metal:
            return two.capitalize()
    return "H" if first == "D" else first if first in _SINGLE else ""
