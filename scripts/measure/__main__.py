"""The final figures of the weights in the package, one measurement after the other -> docs/figures/.

    python -m scripts.measure ../shared/data/casf2016 --dry-run
    python -m scripts.measure ../shared/data/casf2016 --only casf series

Accuracy, ranking, enrichment, docking power, explanations and fine-tuning need the weights and the data folder alone.
What comes from rows that single networks held out (prior, limits, forest) needs the runs and caches of
`make release`, and is left out without them. Docking power takes hours, accuracy minutes.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from scripts.figures import ROOT
from scripts.release.__main__ import SEEDS
from scripts.release.prior_tables import CACHES


@dataclass(frozen=True)
class Measurement:
    """A program of this folder with its arguments.

    Attributes:
        name: Of the program.
        arguments: What follows it.
        needs: Files and folders without which it is left out.
    """

    name: str
    arguments: tuple[object, ...]
    needs: tuple[Path, ...]

    @property
    def command(self) -> list[str]:
        return ["-m", f"scripts.measure.{self.name}", *map(str, self.arguments)]


def measurements(test: Path, data: Path, runs: Path) -> list[Measurement]:
    """All of them, cheap ones first."""
    cache, mixed = ROOT / "cache", runs / "mixed"
    base = [f"base-{seed}" for seed in range(SEEDS["base"])]
    of_base = [mixed / name for name in base]
    known = ["--known", mixed / "rows-0", "--known-without", runs / "rows-0"]
    networks = [runs / name for name in base]
    table, sites = cache / "prior_base.csv", [o for name in CACHES for o in ("--sites", cache / f"{name}.npz")]
    return [
        Measurement("casf", (test,), (test,)),
        Measurement("robustness", (test,), (test,)),
        Measurement("formats", (data,), (data / "casf2016",)),
        Measurement("series", (data / "series", "--models", "binding-strict", "binding-base"), (data / "series",)),
        Measurement("screening", ("measure", data / "screening"), (data / "screening",)),
        Measurement("explain", (data / "crystal",), (data / "crystal",)),
        Measurement("baselines", (data,), (cache / "crystal.npz", cache / "borrowed.npz")),
        Measurement("ceiling", (data,), (cache / "crystal.npz", cache / "borrowed.npz")),
        Measurement("agreement", (test, "--complexes", 57), (test,)),
        Measurement("checks", (data / "crystal",), (data / "crystal",)),
        Measurement("interactions", (data, "--complexes", 60), (test,)),
        Measurement("held_out", ("prior", "--runs", *of_base, "--without", *networks, *known), (mixed, cache)),
        Measurement("held_out", ("domain", *networks, runs / "rows-0"), (runs / "rows-0", cache)),
        Measurement("limits", (data, table, "--whole", table.with_suffix(".npz"), *sites), (table,)),
        Measurement("forest", (data, "--runs", *networks), (runs / base[0], cache)),
        Measurement("finetune", (data / "series",), (data / "series",)),
        Measurement("redocking", (test,), (test,)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.measure", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("test", type=Path, help="test set in PDBbind layout with an index.csv")
    parser.add_argument("--data", type=Path, help="data folder; that which holds the test set by default")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="runs of `make release`")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these measurements")
    parser.add_argument("--dry-run", action="store_true", help="print the commands and do nothing")
    options = parser.parse_args()
    test = options.test.resolve()
    data = options.data.resolve() if options.data else test.parent
    found = measurements(test, data, options.runs.resolve())
    if unknown := set(options.only or ()) - {one.name for one in found}:
        parser.error(
            f"there is no measurement {', '.join(sorted(unknown))}; there are {', '.join(m.name for m in found)}"
        )
    for one in found:
        if options.only and one.name not in options.only:
            continue
        if missing := [path for path in one.needs if not path.exists()]:
            print(f"{one.name}: left out, there is no {missing[0]}", flush=True)
            continue
        print(shlex.join(["python", *one.command]), flush=True)
        if not options.dry_run and (code := subprocess.run([sys.executable, *one.command], cwd=ROOT).returncode):
            raise SystemExit(code)


if __name__ == "__main__":
    main()
