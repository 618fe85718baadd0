"""Ligands from standard input, ``-l -``: kept in a file with the ending of what they are."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from binding.errors import UsageError


@contextmanager
def with_stdin(names: list[str]) -> Iterator[list[str]]:
    """The names, with ``-`` replaced by a file that holds standard input while the block lasts.

    Args:
        names: Of files; at most one is ``-``.

    Raises:
        UsageError: ``-`` is there twice, or standard input is a terminal or empty.
    """
    if "-" not in names:
        yield names
        return
    if names.count("-") > 1:
        raise UsageError("Standard input can be read once only.", "Give -l - once.")
    if sys.stdin.isatty():
        raise UsageError("-l - reads standard input, which is a terminal.", "Pipe a file into the command.")
    text = sys.stdin.read()
    if not text.strip():
        raise UsageError("Standard input is empty.", "Check the command before the pipe.", "empty_file")
    folder = Path(tempfile.mkdtemp(prefix="binding-"))
    try:
        path = folder / f"stdin{ending_of(text)}"
        path.write_text(text, encoding="utf-8")
        yield [str(path) if name == "-" else name for name in names]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def ending_of(text: str) -> str:
    """The ending of a file with this content: ``.sdf``, ``.mol2``, ``.pdbqt``, ``.csv`` or, else, ``.smi``."""
    if "@<TRIPOS>" in text:
        return ".mol2"
    if "V2000" in text or "V3000" in text or "$$$$" in text:
        return ".sdf"
    lines = text.splitlines()
    if any(line.startswith(("ATOM  ", "HETATM")) for line in lines):
        return ".pdbqt"
    cells = lines[0].replace("\t", ",").replace(";", ",").lower().split(",")
    return ".csv" if len(cells) > 1 and any(cell.strip('" ').endswith("smiles") for cell in cells) else ".smi"
