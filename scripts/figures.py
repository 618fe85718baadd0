"""What every script that writes docs/figures/ shares: where they are, and what they were measured with.

Each JSON file of docs/figures/ has an entry ``measured_with``: the commit of the code and, by name, the sha256 of the
weights whose figures it holds (none where no weights took part). ``tests/test_figures.py`` compares them with the
weights in the package.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from binding.model.weights import DEFAULT_MODEL, load_card, resolve_weights

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs" / "figures"
BEFORE_GEOMETRY = "before the geometry joined `pk`"
BEFORE_ASSAYS = "before the weights of `pk` followed the nearest measurement, and before assays in the prior"
#: Figures of weights that came before those in the package, and why they were not measured again.
OLDER: dict[str, str] = {
    "agreement.json": BEFORE_ASSAYS,
    "cluster.json": BEFORE_GEOMETRY,
    "finetune.json": BEFORE_GEOMETRY,
    "forest.json": BEFORE_GEOMETRY,
    "interactions.json": BEFORE_ASSAYS,
    "prior.json": BEFORE_GEOMETRY,
}


def run(*arguments: str, threads: str | None = None) -> str:
    """Stdout of a Python command that must succeed, as a terminal of 80 columns shows it.

    Args:
        arguments: What follows ``python``; the command runs at the root of the repository.
        threads: OMP_NUM_THREADS; None leaves it unset, as it is for most users.
    """
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment["COLUMNS"] = "80"
    if threads is not None:
        environment["OMP_NUM_THREADS"] = threads
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"python {' '.join(arguments)} exited {done.returncode}\n{done.stderr}")
    return done.stdout


def write_json(path: Path, content: dict[str, Any]) -> None:
    """JSON with two spaces of indentation and a last newline."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_figures(path: Path, content: dict[str, Any], *models: str | None) -> None:
    """Figures and what they were measured with.

    Args:
        path: A JSON file, usually in docs/figures/.
        content: The figures; plain JSON.
        models: The weights whose figures these are, by name or path; None is the default weights.
    """
    write_json(path, {"measured_with": measured_with(*models)} | content)


def measured_with(*models: str | None) -> dict[str, Any]:
    """The commit of the code, and the digest of each set of weights by its name."""
    return {"commit": commit(), "weights": {name_of(model): digest(model) for model in models}}


def name_of(model: str | None = None) -> str:
    """The name in the weights' card; None is the default weights."""
    return str(load_card(model)["name"])


def digest(model: str | None = DEFAULT_MODEL) -> str:
    """sha256 of a weights file."""
    weights, _ = resolve_weights(model)
    return hashlib.sha256(weights.read_bytes()).hexdigest()


def commit() -> str:
    """The commit that is checked out, with ``+`` where code differs from it; blank outside a clone."""
    git = ["git", "-C", str(ROOT)]
    done = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    if done.returncode:
        return ""
    code = ["--", "binding", "configs", "scripts", ":!binding/weights"]
    changed = subprocess.run([*git, "status", "--porcelain", *code], capture_output=True, text=True, check=False)
    return done.stdout.strip() + ("+" if changed.stdout.strip() else "")


def machine() -> dict[str, Any]:
    """What times were taken on."""
    names = []
    if Path("/proc/cpuinfo").is_file():
        names = re.findall(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
    }
