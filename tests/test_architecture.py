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


def test_each_class_name_has_one_meaning():
    """Leading underscores apart: who reads ``Record`` has to know which."""
    homes: dict[str, list[str]] = {}
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name.lstrip("_"), []).append(f"{name}: {node.name}")
    assert [found for found in homes.values() if len(found) > 1] == []


def test_no_modules_import_each_other_in_a_circle():
    """Neither at the top of a module nor inside of its functions; imports for annotations do not count."""
    trees = {name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): tree for name, tree in modules()}
    arrows = {name: runtime_imports(name, tree, set(trees)) for name, tree in trees.items()}
    assert circles(arrows) == []


def runtime_imports(name: str, tree: ast.Module, known: set[str]) -> set[str]:
    """Modules of the package that a module imports when it, or one of its functions, runs."""
    found: set[str] = set()
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {module if module in known else node.module for module in inner}
        waiting += ast.iter_child_nodes(node)
    return (found & known) - {name}


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules each of which leads to each other, by Tarjan's algorithm."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        number[name] = lowest[name] = len(number)
        stack.append(name)
        for other in sorted(arrows[name]):
            if other not in number:
                visit(other)
            if other in stack:
                lowest[name] = min(lowest[name], lowest[other])
        if lowest[name] == number[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in sorted(arrows):
        if name not in number:
            visit(name)
    return found


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


def test_every_package_has_an_init():
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [name_of(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_ci_script_can_be_run():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
