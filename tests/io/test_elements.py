"""Elements of PDB atoms: the column where it says one, else what name and residue settle."""

from __future__ import annotations

import pytest

from binding.io.elements import element_of


@pytest.mark.parametrize(
    ("column", "name", "residue", "element"),
    [
        (" C", " CA ", "ALA", "C"),
        ("CL", " CL1", "LIG", "Cl"),
        (" D", " D1 ", "LIG", "H"),
        ("12", " CA ", "ALA", "C"),  # line numbers of old files
        ("", " CA ", "ALA", "C"),
        ("", " HG ", "SER", "H"),
        ("", "1HB ", "ALA", "H"),
        ("", " D  ", "ALA", "H"),
        ("", " P  ", "ALA", ""),  # no amino acid has any
        ("", "CA  ", " CA", "Ca"),
        ("", " CA ", " CA", "Ca"),
        (" C", "CA  ", " CA", "Ca"),  # a column that holds the first letter alone
        ("CD", "CD  ", "CD ", "Cd"),
        ("", "SOD ", "SOD", "Na"),
        ("", " NA ", "SOD", "Na"),
        (" S", "SOD ", "SOD", "Na"),
        ("", "CLA ", "CLA", "Cl"),
        ("", "CL  ", " CL", "Cl"),
        ("", "ZN  ", "ZN2", "Zn"),
        ("", " CL1", "LIG", "Cl"),
        ("", " Cl1", "LIG", "Cl"),
        ("", " BR ", "LIG", "Br"),
        ("", "FE  ", "HEM", "Fe"),
        ("", " NA ", "HEM", "N"),
        ("", "CO  ", "B12", "Co"),
        ("", "CO  ", "B12 ", "Co"),  # as it stands in the columns of a residue's name
        ("", "CO  ", "LIG", "C"),
        ("", "HG  ", "MMC", "Hg"),
        ("", "HG  ", "LIG", "H"),
        ("", " D12", "LIG", "H"),
        ("", " Q1 ", "LIG", ""),
        ("", " 12 ", "LIG", ""),
        ("Xx", " C1 ", "LIG", ""),
        ("Xx", "SOD ", "SOD", "Na"),
    ],
)
def test_elements(column, name, residue, element):
    assert element_of(column, name, residue) == element
