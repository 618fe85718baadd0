"""House rules that no linter holds. Each rule is one test that lists what breaks it."""

from __future__ import annotations

import ast
import os
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "binding"
MAX_FUNCTION_LINES = 80

Place = tuple[str, ast.Module]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def modules() -> list[Place]:
    return [(name_of(path), ast.parse(path.read_text(encoding="utf-8"))) for path in sorted(PACKAGE.rglob("*.py"))]


def imported(tree: ast.Module) -> set[str]:
    """Top-level packages that a module imports, wherever the import stands."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def importers_of(banned: set[str]) -> list[str]:
    return [f"{name}: {', '.join(found)}" for name, tree in modules() if (found := sorted(imported(tree) & banned))]


def test_functions_fit_a_screen():
    long = [
        f"{name}: {node.name}, {lines} lines"
        for name, tree in modules()
        for node in ast.walk(tree)
        # from the first statement: a command's options are declared in its signature
        if isinstance(node, ast.FunctionDef) and (lines := node.end_lineno - node.body[0].lineno) > MAX_FUNCTION_LINES
    ]
    assert long == []


def test_modules_say_what_they_are():
    assert [name for name, tree in modules() if not ast.get_docstring(tree)] == []


def test_lightning_stays_with_training():
    homes = ("binding/training/", "binding/data/datamodule.py")
    assert [line for line in importers_of({"lightning", "pytorch_lightning"}) if not line.startswith(homes)] == []


def test_no_module_imports_a_library_that_executes_what_it_loads():
    assert importers_of({"dill", "joblib", "cloudpickle", "shelve"}) == []


def test_torch_loads_tensors_only():
    unsafe = []
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                if options.get("weights_only") != "True":
                    unsafe.append(f"{name}, line {node.lineno}")
    assert unsafe == []


def test_packages_that_need_a_compiler_or_another_licence_are_not_imported():
    assert (
        importers_of({"torch_cluster", "torch_scatter", "torch_sparse", "pyg_lib", "plip", "openbabel", "click"}) == []
    )


def test_every_package_has_an_init():
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [name_of(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_ci_script_can_be_run():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
