"""Trees of many small complexes, made of three examples cut close to their ligands."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from networks import example_complex
from transforms import v2000_record, write_pdb

KINDS = ("1s2g", "4cup", "6wqa")  # 18, 11 and 25 heavy atoms


@lru_cache(maxsize=4)
def record(kind: str) -> str:
    """The mol block of an example, without its title."""
    return v2000_record(example_complex(kind, cutoff=6.0).ligand).split("\n", 1)[1]


def write_complex(folder: Path, name: str, kind: str) -> None:
    """``<folder>/<name>/<name>_protein.pdb`` and ``<name>_ligand.sdf``."""
    home = folder / name
    home.mkdir(parents=True)
    write_pdb(home / f"{name}_protein.pdb", example_complex(kind, cutoff=6.0).pocket)
    (home / f"{name}_ligand.sdf").write_text(f"{name}\n{record(kind)}")


def write_index(folder: Path, names: list[str], column: str = "pk", values: list[str] | None = None) -> Path:
    """``<folder>/index.csv``; pK 4.00, 4.01, ... where no values are given."""
    values = values or [f"{4 + number / 100:.2f}" for number in range(len(names))]
    lines = [f"id,{column}", *(f"{name},{value}" for name, value in zip(names, values, strict=True)), ""]
    path = folder / "index.csv"
    path.write_text("\n".join(lines))
    return path


def write_many(folder: Path, count: int) -> list[str]:
    """So many complexes with their index; their ids."""
    names = [f"c{number:03d}" for number in range(count)]
    for number, name in enumerate(names):
        write_complex(folder, name, KINDS[number % len(KINDS)])
    write_index(folder, names)
    return names


def write_library(folder: Path, names: list[str], kind: str = "1s2g") -> tuple[Path, Path, Path]:
    """One protein, a file with a record for each name, and their affinities."""
    folder.mkdir(parents=True, exist_ok=True)
    write_pdb(folder / "receptor.pdb", example_complex(kind, cutoff=6.0).pocket)
    (folder / "ligands.sdf").write_text("".join(f"{name}\n{record(kind)}" for name in names))
    return folder / "receptor.pdb", folder / "ligands.sdf", write_index(folder, names)
