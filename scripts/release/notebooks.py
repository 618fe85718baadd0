"""Runs the notebooks from top to bottom and keeps what they print and draw, without Jupyter.

    python -m scripts.release.notebooks                             all, in place
    python -m scripts.release.notebooks notebooks/01_predict.ipynb

Run it after weights are made: the outputs are those of the shipped weights. The tests run
the same cells (tests/test_notebooks.py) and compare the cells with the ones that the outputs were kept for.
"""

from __future__ import annotations

import argparse
import ast
import base64
import builtins
import io
import json
import os
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from binding.files import write_text
from scripts.figures import ROOT

FOLDER: Final = ROOT / "notebooks"
KEPT_HTML: Final = 100_000  # characters; what is longer is shown in Jupyter and not kept


def code_cells(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells that are run, in order."""
    return [cell for cell in content["cells"] if cell["cell_type"] == "code"]


def digest(content: dict[str, Any]) -> str:
    """Of all code, to tell whether outputs belong to it."""
    text = "\0".join("".join(cell["source"]) for cell in code_cells(content))
    return blake2b(text.encode(), digest_size=8).hexdigest()


def run(content: dict[str, Any], name: str) -> dict[str, Any]:
    """Runs all code cells in the current folder and puts what they give into their outputs.

    Args:
        content: Of the notebook; changed in place.
        name: For tracebacks.

    Returns:
        The names that the notebook leaves behind.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(code_cells(content), start=1):
        cell["outputs"] = _outputs("".join(cell["source"]), f"{name}, code cell {number}", names, number)
        cell["execution_count"] = number
    content["metadata"]["code"] = digest(content)
    return names


def _outputs(source: str, where: str, names: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """Runs a cell: its printed text, what it displays, its figures, and the value of its last line."""
    found: list[dict[str, Any]] = []
    printed = io.StringIO()

    def display(*values: Any) -> None:
        found.extend({"output_type": "display_data", "data": _data(value), "metadata": {}} for value in values)

    tree = ast.parse(source, where)
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr):
        tree.body.pop()
    with _Display(display), redirect_stdout(printed):
        exec(compile(tree, where, "exec"), names)
        value = None
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), where, "eval"), names)  # noqa: S307
    if printed.getvalue():
        found.insert(0, {"output_type": "stream", "name": "stdout", "text": _lines(printed.getvalue())})
    if value is not None and not source.rstrip().endswith(";"):
        result = {"output_type": "execute_result", "execution_count": number, "data": _data(value), "metadata": {}}
        found.append(result)
    return found + _figures()


class _Display:
    """Lends cells the function ``display`` that Jupyter has."""

    def __init__(self, function: Callable[..., None]) -> None:
        self._function = function

    def __enter__(self) -> None:
        builtins.display = self._function  # type: ignore[attr-defined]

    def __exit__(self, *_: object) -> None:
        del builtins.display  # type: ignore[attr-defined]


def _data(value: Any) -> dict[str, Any]:
    data: dict[str, Any] = {"text/plain": _lines(repr(value))}
    html = getattr(value, "_repr_html_", None)
    text = html() if callable(html) and not isinstance(value, type) else None
    if text and len(text) <= KEPT_HTML:
        data["text/html"] = _lines(text)
    return data


def _figures() -> list[dict[str, Any]]:
    """Open figures of Matplotlib as pictures; they are closed."""
    from matplotlib import pyplot as plt

    found = []
    for number in plt.get_fignums():
        figure, picture = plt.figure(number), io.BytesIO()
        figure.savefig(picture, format="png", dpi=80, metadata={"Software": None})
        data = {"image/png": base64.b64encode(picture.getvalue()).decode(), "text/plain": ["<Figure>"]}
        found.append({"output_type": "display_data", "data": data, "metadata": {}})
    plt.close("all")
    return found


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, default=sorted(FOLDER.glob("*.ipynb")))
    options = parser.parse_args()
    os.environ["MPLBACKEND"] = "Agg"
    paths = [path.resolve() for path in options.notebooks]
    os.chdir(FOLDER)
    for path in paths:
        start = time.perf_counter()
        content = json.loads(path.read_text(encoding="utf-8"))
        run(content, path.name)
        write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        print(f"{path.name}: {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
