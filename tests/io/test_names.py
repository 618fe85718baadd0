"""Names of records and compounds are one line of printable text."""

from __future__ import annotations

import pytest

from binding.io.ligand import read_ligands
from binding.io.names import one_line


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("TQ3", "TQ3"),
        ("  two\twords\r\n", "two words"),
        ("\x1b[31mred\x1b[0m\x07", "[31mred[0m"),
        ("caf\u00e9 \u914d\u4f53", "caf\u00e9 \u914d\u4f53"),
        ("\x9b2Jclear", "2Jclear"),
        ("", ""),
    ],
)
def test_a_name_is_one_line_without_control_characters(name, shown):
    assert one_line(name) == shown


def test_a_title_cannot_colour_the_terminal(examples, tmp_path):
    text = (examples / "1ia1_ligand.sdf").read_text().split("\n", 1)[1]
    (tmp_path / "ligand.sdf").write_text(f"\x1b[31mTQ3\x1b[0m\n{text}")
    (ligand,) = read_ligands(tmp_path / "ligand.sdf")
    assert ligand.name == "[31mTQ3[0m"
