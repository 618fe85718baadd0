"""Mutants of the readers: code changed in one place, which a test has to notice.

Of all places of the modules where a comparison, a condition, a constant or a statement could be changed, some are drawn
by chance; each change is tried in a process of its own with the tests that reach its line, quickest first, until one
fails. What no test notices is listed: either a test is missing, or the change makes no difference.

Changes that no test can notice stand in ``harmless.yaml`` beside this file, each with its reason, by the text of its
line: another line is another change. The figures tell them from those that are not explained.

mutmut and cosmic-ray write each mutant into a copy of the tree and start Python anew for it, which takes four seconds
here before the first test runs; this program forks one that has loaded everything, and writes nothing.

    python -m scripts.quality.mutants --sample 150
    python -m scripts.quality.mutants --only binding/units.py --sample 40 --seed 2
    python -m scripts.quality.mutants --again docs/figures/mutants.json

The last one tries once more what was missed, with the tests and the readers of today.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
_STRUCTURES: Final = (
    "tests/io/test_structure.py",
    "tests/io/test_complex.py",
    "tests/io/test_hard_structures.py",
    "tests/io/test_chains.py",
)
#: Each module with the tests that are for it.
MODULES: Final = {
    "binding/io/atoms.py": _STRUCTURES,
    "binding/io/flat.py": _STRUCTURES,
    "binding/io/repeats.py": _STRUCTURES,
    "binding/io/decimals.py": ("tests/io/test_rows.py", "tests/io/test_table.py"),
    "binding/io/index.py": ("tests/io/test_index.py",),
    "binding/io/mol2.py": ("tests/io/test_ligand.py", "tests/io/test_charges.py", "tests/io/test_records.py"),
    "binding/io/pdb_ligand.py": ("tests/io/test_pdb_ligand.py", "tests/io/test_records.py", "tests/io/test_formats.py"),
    "binding/io/pdb_text.py": ("tests/io/test_structure.py", "tests/io/test_hard_structures.py"),
    "binding/io/records.py": ("tests/io/test_records.py", "tests/io/test_bombs.py"),
    "binding/io/rows.py": ("tests/io/test_rows.py", "tests/io/test_table.py"),
    "binding/io/sdf.py": ("tests/io/test_records.py", "tests/io/test_ligand.py", "tests/io/test_formats.py"),
    "binding/io/series.py": ("tests/io/test_series.py",),
    "binding/io/table.py": ("tests/io/test_table.py",),
    "binding/units.py": ("tests/test_units.py",),
}
_TABLE: Final = "tests/io/test_inputs.py"  # the page of inputs and answers, for modules of structures and ligands
_MOST: Final = 15.0  # seconds of tests for one mutant, by their durations without changes
_MOST_AGAIN: Final = 120.0  # for one that was missed before
_ASLEEP: Final = 60  # times the limit, by the clock
NOTICED: Final = ("killed", "hung")
#: Changes that make no difference, and why.
HARMLESS: Final = Path(__file__).with_name("harmless.yaml")
_LIMIT: Final = 60  # seconds of the processor that a mutant may take; one that runs on is noticed


@dataclass(frozen=True)
class Mutant:
    """A change of one module.

    Attributes:
        module: Path of the file.
        line: Where, from 1.
        what: The change in words.
        place: Which of the module's changes it is.
        text: The line without what surrounds it: the change is still the same one where lines were added above.
    """

    module: str
    line: int
    what: str
    place: int
    text: str = ""


# ---------------------------------------------------------------- changes

_COMPARISONS: Final = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_ARITHMETIC: Final = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
}  # fmt: skip


def _changes(node: Any) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """What can be changed at a node: words, and a function from a copy of the node to what takes its place."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS:
        new = _COMPARISONS[type(node.ops[0])]
        yield f"{type(node.ops[0]).__name__} to {new.__name__}", lambda n: _with(n, ops=[new()])
    elif isinstance(node, ast.BoolOp):
        other = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield f"{type(node.op).__name__} to {other.__name__}", lambda n: _with(n, op=other())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert | ast.USub):
        yield f"without {type(node.op).__name__}", lambda n: n.operand
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        swapped = _ARITHMETIC[type(node.op)]
        yield f"{type(node.op).__name__} to {swapped.__name__}", lambda n: _with(n, op=swapped())
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value} to {not node.value}", lambda n: ast.Constant(not n.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield f"{node.value} to {node.value + 1}", lambda n: ast.Constant(n.value + 1)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) and node.value:
        new_text: Any = f"{node.value}x" if isinstance(node.value, str) else node.value + b"x"
        yield f"{node.value!r} to {new_text!r}", lambda n: ast.Constant(new_text)
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        for value in (True, False) if isinstance(node, ast.If | ast.IfExp) else (False,):
            yield f"condition {value}", partial(_if, value)
    elif isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
        yield "returns None", lambda n: _with(n, value=ast.Constant(None))
    elif isinstance(node, ast.Continue):
        yield "continue to break", lambda n: ast.Break()
    elif isinstance(node, ast.Break):
        yield "break to continue", lambda n: ast.Continue()
    elif isinstance(node, ast.AugAssign) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield "statement left out", lambda n: ast.Pass()


def _if(value: bool, node: Any) -> Any:
    return _with(node, test=ast.Constant(value))


def _with(node: Any, **fields: Any) -> Any:
    for name, value in fields.items():
        setattr(node, name, value)
    return node


class _Walker(ast.NodeTransformer):
    """Numbers the changes of a module and makes one of them."""

    def __init__(self, wanted: int | None = None) -> None:
        self.wanted, self.found = wanted, list[tuple[int, str]]()

    def visit(self, node: Any) -> Any:
        # Texts of messages, documentation and types are not behaviour that a test should hold to the letter.
        if isinstance(node, ast.Raise | ast.JoinedStr | ast.ImportFrom | ast.Import):
            return node
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return node
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            annotation, node.annotation = node.annotation, None
            node = self._children(node)
            node.annotation = annotation
            return node
        if isinstance(node, ast.FunctionDef):
            returns, node.returns = node.returns, None
            node = self._children(node)
            node.returns = returns
            return node
        for what, change in _changes(node):
            number = len(self.found)
            self.found.append((getattr(node, "lineno", 0), what))
            if number == self.wanted:
                return ast.copy_location(change(copy.deepcopy(node)), node)
        return self._children(node)

    def _children(self, node: Any) -> Any:
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                setattr(node, name, [self.visit(item) if isinstance(item, ast.AST) else item for item in value])
            elif isinstance(value, ast.AST):
                setattr(node, name, self.visit(value))
        return node


def mutants_of(module: str) -> list[Mutant]:
    """All changes of a module."""
    walker = _Walker()
    source = (ROOT / module).read_text(encoding="utf-8")
    walker.visit(ast.parse(source))
    lines = ["", *(line.strip() for line in source.split("\n"))]
    return [Mutant(module, line, what, place, lines[line]) for place, (line, what) in enumerate(walker.found)]


def reasons() -> dict[tuple[str, str, str], str]:
    """Why changes make no difference, by their module, line and words."""
    import yaml

    found = {}
    for entry in yaml.safe_load(HARMLESS.read_text(encoding="utf-8")):
        for change in entry["changes"]:
            found[entry["module"], entry["line"], change] = entry["why"]
    return found


def changed(mutant: Mutant) -> ast.Module:
    """The module with the change."""
    walker = _Walker(mutant.place)
    tree = walker.visit(ast.parse((ROOT / mutant.module).read_text(encoding="utf-8")))
    return ast.fix_missing_locations(tree)


class _Finder(importlib.abc.MetaPathFinder):
    """Imports one module changed."""

    def __init__(self, mutant: Mutant) -> None:
        self.name = mutant.module.removesuffix(".py").replace("/", ".")
        self.path = str(ROOT / mutant.module)
        self.code = compile(changed(mutant), self.path, "exec")

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if fullname != self.name:
            return None
        loader = importlib.machinery.SourceFileLoader(fullname, self.path)
        loader.get_code = lambda fullname: self.code  # type: ignore[method-assign]
        return importlib.util.spec_from_file_location(fullname, self.path, loader=loader)


# ---------------------------------------------------------------- tests


class _Times:
    """A plugin of pytest that notes how long each test took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self.failed.append(report.nodeid)


def _in_child(work: Callable[[], Any], limit: int) -> Any:
    """What a function returns in a forked process, as JSON carries it; None if that ended or ran too long.

    Args:
        work: The function.
        limit: Seconds of the processor: by the clock, a busy machine would make a mutant of what it slows down.
    """
    with tempfile.NamedTemporaryFile() as answer:
        child = os.fork()
        if not child:
            os.setsid()
            silent = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(silent, stream)
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
            try:
                Path(answer.name).write_text(json.dumps(work()), encoding="utf-8")
            finally:
                os._exit(0)
        ends = time.monotonic() + _ASLEEP * limit  # of one that waits for ever and computes nothing
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() > ends:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return None
            time.sleep(0.02)
        text = Path(answer.name).read_text(encoding="utf-8")
        return json.loads(text) if text else None


def _pytest(arguments: Sequence[str], *plugins: Any) -> int:
    import pytest

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return int(pytest.main(["-q", "-p", "no:cacheprovider", *arguments], plugins=list(plugins)))


def _reached(tests: Sequence[str]) -> dict[str, Any]:
    """Which tests reach which line, and how long each takes."""
    import coverage

    times = _Times()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        os.environ["COVERAGE_FILE"] = str(data)
        _pytest(["--cov=binding.io", "--cov=binding.units", "--cov-context=test", "--cov-report=", *tests], times)
        read = coverage.CoverageData(str(data))
        read.read()
        lines = {}
        for file in read.measured_files():
            name = Path(file).relative_to(ROOT).as_posix()
            if name in MODULES:
                found = read.contexts_by_lineno(file)
                lines[name] = {line: sorted({c.split("|")[0] for c in names if c}) for line, names in found.items()}
    return {"lines": lines, "seconds": times.seconds, "failed": times.failed}


def _tests_for(mutant: Mutant, reached: dict[str, Any], most: float = _MOST) -> list[str]:
    """Those that reach the line, quickest first; of code that runs at import all that reach the module."""
    lines = reached["lines"].get(mutant.module, {})
    names = lines.get(str(mutant.line)) or sorted({name for found in lines.values() for name in found})
    chosen, total = [], 0.0
    for name in sorted(names, key=lambda name: reached["seconds"].get(name, 0.0)):
        total += reached["seconds"].get(name, 0.0)
        if total > most:
            break
        chosen.append(name)
    return chosen


def _try(mutant: Mutant, tests: Sequence[str], most: float = _MOST) -> str:
    """``killed``, ``survived``, ``hung`` or ``unreached``."""
    if not tests:
        return "unreached"

    def work() -> int:
        sys.meta_path.insert(0, _Finder(mutant))
        return _pytest(["-x", *tests])

    code = _in_child(work, max(_LIMIT, int(4 * most)))
    return "hung" if code is None else "survived" if code == 0 else "killed"


# ---------------------------------------------------------------- program


def main(arguments: list[str] | None = None) -> int:
    """Tries mutants; prints those that no test noticed, and the share of those that one did."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.quality.mutants", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sample", type=int, default=150, help="how many mutants (default 150)")
    parser.add_argument("--seed", type=int, default=0, help="of the sample (default 0)")
    parser.add_argument("--only", action="append", metavar="MODULE", help="such as binding/units.py; several times")
    parser.add_argument("--write", type=Path, help="write the figures to this JSON file")
    parser.add_argument("--minutes", type=float, default=600.0, help="when to stop before the sample is through")
    parser.add_argument("--again", type=Path, help="a file of figures: only what it names as missed; it is rewritten")
    parser.add_argument("--keep", type=Path, help="folder of what is found on the way; a run of the same code goes on")
    options = parser.parse_args(arguments)
    ends = time.monotonic() + 60.0 * options.minutes
    modules = options.only or list(MODULES)
    everything = [mutant for module in modules for mutant in mutants_of(module)]
    sample = random.Random(options.seed).sample(everything, min(options.sample, len(everything)))
    before = json.loads(options.again.read_text(encoding="utf-8")) if options.again else {}
    if before:
        wanted = {(m["module"], m["line"], m["change"]) for m in (*before["missed"], *before["harmless"])}
        sample = [m for m in everything if (m.module, m.text, m.what) in wanted]
    _load()
    with tempfile.TemporaryDirectory() as folder:
        kept = options.keep or Path(folder)
        kept.mkdir(parents=True, exist_ok=True)
        # What was missed before was missed by the table too; without it the tests of the modules are soon through.
        tests = {test for module in modules for test in MODULES[module]} | (set() if before else {_TABLE})
        results = _tried(
            sample,
            _reach(sorted(tests), kept / "reached.json"),
            kept / "answers.json",
            ends,
            most=_MOST_AGAIN if before else _MOST,
        )
    noticed = sum(answer in NOTICED for answer in results.values())
    print(f"{noticed} of {len(results)} noticed, of {len(everything)} possible")
    if before:
        from scripts.figures import commit, write_json

        figures = before | {"again": {"commit": commit(), "tried": len(results), "noticed": noticed}} | _left(results)
        write_json(options.again, figures)
    elif options.write:
        from scripts.figures import write_figures

        figures = {"possible": len(everything), "tried": len(results), "seed": options.seed, "noticed": noticed}
        write_figures(options.write, figures | _left(results))
    return 0


def _left(results: dict[Mutant, str]) -> dict[str, Any]:
    """The changes that no test noticed: those that make no difference with their reasons, and the others."""
    why = reasons()
    left = sorted((m for m, answer in results.items() if answer not in NOTICED), key=lambda m: (m.module, m.line))
    told = {m: why[m.module, m.text, m.what] for m in left if (m.module, m.text, m.what) in why}
    return {
        "harmless": [{"module": m.module, "line": m.text, "change": m.what, "why": told[m]} for m in told],
        "missed": [{"module": m.module, "line": m.text, "change": m.what} for m in left if m not in told],
    }


def _reach(tests: Sequence[str], path: Path) -> dict[str, Any]:
    """``_reached``, from a file if it is there."""
    if not path.is_file():
        reached = _in_child(lambda: _reached(tests), 3600)
        if reached is None or reached["failed"]:
            raise SystemExit(f"the tests fail without any change: {reached and reached['failed']}")
        path.write_text(json.dumps(reached), encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


def _tried(
    sample: Sequence[Mutant], reached: dict[str, Any], path: Path, ends: float, *, most: float
) -> dict[Mutant, str]:
    """The answer for each mutant, in the order in which they were drawn, until the time is over."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    found: dict[Mutant, str] = {}
    for mutant in sample:
        name = f"{mutant.module}:{mutant.place}"
        if name not in known:
            if time.monotonic() > ends:
                break
            known[name] = _try(mutant, _tests_for(mutant, reached, most), most)
            path.write_text(json.dumps(known), encoding="utf-8")
        found[mutant] = known[name]
        print(f"{len(found)}/{len(sample)} {known[name]}: {mutant.module}:{mutant.line} {mutant.what}", flush=True)
    return found


def _load() -> None:
    """Imports what the tests need besides the package, so that it is there in every fork."""
    import Bio.Align
    import gemmi
    import hypothesis
    import openpyxl
    import pandas
    import pyarrow.parquet
    import pytest
    import rdkit.Chem.AllChem
    import scipy.optimize
    import scipy.spatial
    import torch

    assert all((Bio, gemmi, hypothesis, openpyxl, pandas, pyarrow, pytest, rdkit, scipy, torch))
    assert not any(name.split(".")[0] == "binding" for name in sys.modules), "the package must be read afresh"
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))


if __name__ == "__main__":
    sys.exit(main())
