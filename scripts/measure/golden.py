"""Run a fixed set of commands and keep what they wrote, to prove that a change of the code changes no number.

    python scripts/measure/golden.py before --data ../shared/data     # on the code before the change
    python scripts/measure/golden.py after --data ../shared/data --against before

The set: predictions of 100 CASF-2016 complexes and of the examples, one screen, one explanation, one split, one cache
and one short training. Files are compared byte by byte, the tables of the screen by their rows. Exits 1 where anything
differs.
"""

from __future__ import annotations

import argparse
import csv
import filecmp
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "data" / "examples"
COMPLEXES = 100


def run(*arguments: str, folder: Path) -> None:
    """One command of the package, which may report failed rows (exit 3)."""
    done = subprocess.run([sys.executable, "-m", "binding", *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode not in (0, 3):
        raise SystemExit(f"binding {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")


def write_pairs(folder: Path, data: Path) -> None:
    """A table of the first complexes of CASF-2016."""
    ids = sorted(path.name for path in (data / "casf2016").iterdir() if path.is_dir())[:COMPLEXES]
    with (folder / "pairs.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["id", "protein", "ligand"])
        for name in ids:
            complex_folder = (data / "casf2016" / name).resolve()
            table.writerow([name, complex_folder / f"{name}_protein.pdb", complex_folder / f"{name}_ligand.sdf"])


def make(folder: Path, data: Path) -> None:
    """All files of the set."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_pairs(folder, data)
    protein, poses = str(EXAMPLES / "5ht1b_protein.pdb.gz"), str(EXAMPLES / "5ht1b_poses.sdf.gz")
    run("predict", "pairs.csv", "-o", "predict.jsonl", "--device", "cpu", folder=folder)
    run("predict", str(EXAMPLES / "pairs.csv"), "-o", "examples.csv", "--model", "binding-strict", folder=folder)
    run("predict", "-p", protein, "-l", poses, "-o", "examples.sdf", folder=folder)
    run("screen", "-p", protein, "-l", poses, "-o", "screen", folder=folder)
    run("explain", str(EXAMPLES / "pairs.csv"), "-o", "explain", folder=folder)
    run("split", str(data / "casf2016"), "--by", "protein", "-o", "split.csv", folder=folder)
    (folder / "train.csv").write_text(
        "id,protein,ligand,pk,group\n"
        + "".join(
            f"{name},{EXAMPLES / f'{name}_protein.pdb.gz'},{EXAMPLES / f'{name}_ligand.sdf'},{pk},g\n"
            for name, pk in (("1s2g", 4.4), ("1ia1", 6.7))
        )
    )
    run("prepare", "train.csv", "-o", "cache.npz", folder=folder)
    settings = f"sources: [{{cache: {folder / 'cache.npz'}}}]\noutput: {folder / 'trained'}\n"
    settings += "epochs: 2\nbatch_size: 2\nvalidation: null\n"
    (folder / "train.yaml").write_text(settings)
    run("train", "train.yaml", folder=folder)


COMPARED = (
    "predict.jsonl",
    "examples.csv",
    "examples.sdf",
    "screen/results.csv",
    "screen/results.parquet",
    "screen/top.sdf",
    "explain/parts.csv",
    "explain/residues.csv",
    "explain/atoms.csv",
    "explain/ligands.sdf",
    "split.csv",
    "trained/model.safetensors",
    "trained/metrics.csv",
)


def same(left: Path, right: Path) -> bool:
    """Whether two files say the same, apart from where the library lay."""
    if left.parent.name == "screen" and left.suffix in (".csv", ".parquet"):
        read = pd.read_csv if left.suffix == ".csv" else pd.read_parquet
        return read(left).drop(columns="ligand_file").equals(read(right).drop(columns="ligand_file"))
    return filecmp.cmp(left, right, shallow=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="folder for the files; replaced")
    parser.add_argument("--data", type=Path, required=True, help="evaluation data folder, with casf2016/")
    parser.add_argument("--against", type=Path, help="folder of an earlier run to compare with")
    options = parser.parse_args()
    output = options.output.resolve()
    make(output, options.data.resolve())
    if options.against is None:
        return
    differing = [name for name in COMPARED if not same(options.against / name, output / name)]
    for name in COMPARED:
        print(f"{'differs' if name in differing else 'equal':8} {name}")
    raise SystemExit(bool(differing))


if __name__ == "__main__":
    main()
