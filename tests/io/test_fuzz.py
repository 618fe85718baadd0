"""No input makes a reader do anything but answer: records, rows, or a reason with a code.

Each test takes real files and damages them: bytes replaced, lines dropped, repeated, moved, cut or shifted. An
exception that is not a ``BindingError`` fails the test. More examples: ``HYPOTHESIS_EXAMPLES=2000 pytest ...``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import inputs
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from binding.errors import BindingError
from binding.io.index import read_index_rows
from binding.io.ligand import BadRecord, read_ligands
from binding.io.rows import read_rows
from binding.io.series import read_series
from binding.io.structure import read_complex, read_protein
from binding.io.table import read_requests
from binding.structures import Ligand
from binding.units import parse_affinity

bounded = settings(
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "30")),
    deadline=None,
    derandomize="HYPOTHESIS_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
    database=None,
)


@lru_cache
def small_structure() -> str:
    """Some residues and the ligand."""
    return inputs.joined([*inputs.lines()[:60], *inputs.lines()[-20:], "TER", *inputs.pdb_lines()])


LIGANDS = {
    "l.sdf": lambda: inputs.sdf() + inputs.sdf(v3000=True),
    "l.mol2": lambda: inputs.mol2() * 2,
    "l.pdb": lambda: inputs.pdb() * 2,
    "l.pdbqt": lambda: inputs.docked() + inputs.FLEXIBLE + inputs.docked(smiles=False),
}
TABLE = (
    "id,protein,ligand,pocket,pk,affinity\na,p.pdb,l.sdf,,6.5,Ki=12nM\nb,p.pdb,auto,8,7.1,Kd>1uM\nc,p.pdb,A:LIG:1,,,\n"
)
SMILES = "smiles id\nCCO ethanol\nc1ccccc1 |$;;$| benzene\nC[C@H](N)C(=O)O alanine\n"


@st.composite
def damaged(draw: st.DrawFn, text: str) -> bytes:
    """A text after a few damages."""
    lines = text.split("\n")
    for _ in range(draw(st.integers(1, 4))):
        row = draw(st.integers(0, len(lines) - 1))
        line = lines[row]
        place = draw(st.integers(0, max(len(line) - 1, 0)))
        how = draw(st.sampled_from(["drop", "double", "swap", "cut", "shift", "erase", "replace", "glue", "header"]))
        if how == "drop" and len(lines) > 1:
            del lines[row]
        elif how == "double":
            lines[row:row] = lines[row : row + draw(st.integers(1, 40))]
        elif how == "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[row], lines[other] = lines[other], lines[row]
        elif how == "cut":
            lines = [*lines[:row], line[:place]]
        elif how == "shift":
            lines[row] = line[:place] + " " * draw(st.integers(1, 3)) + line[place:]
        elif how == "erase":
            lines[row] = line[:place] + line[place + draw(st.integers(1, 9)) :]
        elif how == "replace":
            new = draw(st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=9))
            lines[row] = line[:place] + new + line[place + len(new) :]
        elif how == "glue":
            lines[row : row + 2] = ["".join(lines[row : row + 2])]
        else:
            marks = [
                "END",
                "TER",
                "ENDMDL",
                "MODEL 1",
                "$$$$",
                "M  END",
                "ROOT",
                "BEGIN_RES",
                "@<TRIPOS>BOND",
                "data_x",
            ]
            lines.insert(row, draw(st.sampled_from(marks)))
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    data = end.join(lines).encode("utf-8")
    return draw(
        st.sampled_from(
            [data, data, data, data[: len(data) // 2], b"\xef\xbb\xbf" + data, data.replace(b" ", b"\t", 3)]
        )
    )


@contextmanager
def reasons() -> Iterator[None]:
    """Only an error with a code is an answer."""
    try:
        yield
    except BindingError as error:
        if not error.code:
            raise


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def check_items(path: Path) -> None:
    for item in read_ligands(path):
        assert isinstance(item, Ligand | BadRecord)
        assert item.name
        if isinstance(item, Ligand):
            assert item.num_atoms == item.mol.GetNumHeavyAtoms() == len(item.positions) > 0
            assert np.isfinite(item.positions).all()
        else:
            assert item.error.code
            assert item.error.message.endswith(".")


@bounded
@given(st.data())
def test_ligand_files(tmp_path_factory, data):
    name = data.draw(st.sampled_from(sorted(LIGANDS)))
    path = written(tmp_path_factory.mktemp("fuzz"), name, data.draw(damaged(LIGANDS[name]())))
    with reasons():
        check_items(path)


@bounded
@given(
    st.binary(max_size=300), st.sampled_from(["x.sdf", "x.mol2", "x.pdb", "x.pdbqt", "x.cif", "x", "x.smi", "x.csv"])
)
def test_bytes_of_no_format(tmp_path_factory, content, name):
    path = written(tmp_path_factory.mktemp("fuzz"), name, content)
    for read in (check_items, read_protein, lambda p: list(read_series(p)), read_requests, read_index_rows):
        with reasons():
            read(path)


@bounded
@given(st.data())
def test_structures(tmp_path_factory, data):
    name = data.draw(st.sampled_from(["p.pdb", "p.cif"]))
    text = small_structure() if name == "p.pdb" else inputs.cif()
    path = written(tmp_path_factory.mktemp("fuzz"), name, data.draw(damaged(text)))
    with reasons():
        protein, ligands = read_complex(path, data.draw(st.sampled_from(["auto", "A:LIG:900", "LIG"])))
        assert np.isfinite(protein.positions).all()
        assert len(protein.residue_ids) == protein.num_residues > 0
        assert all(ligand.num_atoms for ligand in ligands)


@bounded
@given(damaged(TABLE))
def test_tables(tmp_path_factory, content):
    path = written(tmp_path_factory.mktemp("fuzz"), "t.csv", content)
    for read in (read_requests, read_index_rows, lambda p: read_rows(p, ("id",))):
        with reasons():
            assert read(path)


@bounded
@given(damaged(SMILES))
def test_smiles_lists(tmp_path_factory, content):
    path = written(tmp_path_factory.mktemp("fuzz"), "s.smi", content)
    with reasons():
        for item in read_series(path):
            assert item.name


@settings(bounded, max_examples=300)
@given(
    st.one_of(
        st.text(max_size=30),
        st.from_regex(
            r"\A(Ki|Kd|IC50|pKd|-log ?Ki)?\s*[=<>~]{0,2}\s*-?[0-9]{0,4}\.?[0-9]{0,3}(e-?[0-9]{1,3})?\s*[munpf]?M?\Z"
        ),
    )
)
def test_units(text):
    with reasons():
        found = parse_affinity(text)
        assert np.isfinite(found.pk)
        assert found.relation in ("=", "~", "<", ">", "<=", ">=")
