"""From PDB ids to a training set: downloads entries, extracts ligands, writes a tree in PDBbind layout.

    python scripts/fetch_structures.py ids.csv -o tree/
    binding prepare tree/ -o cache/mine.npz

Run it again to go on after an interruption, or to try again what failed. See docs/fetch.md.
Exit codes: 0 all rows are in the tree, 2 the command or the table is wrong, 3 some were left out, 4 none is
there, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from binding.archive.collect import MOST_JOBS, CollectReport, collect
from binding.archive.download import Manners
from binding.archive.store import COMPONENT_URL, ENTRY_URL
from binding.cli.progress import counter
from binding.errors import EXIT_INTERRUPTED, EXIT_NONE_SCORED, EXIT_OK, EXIT_SOME_FAILED, BindingError

DEFAULT = Manners()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", type=Path, help="table with id (or pdb_id) and, as needed, ligand_code, chain, number, "
                        "smiles, pk or affinity; or a PDBbind INDEX file")  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="the tree to write")
    parser.add_argument("--entry-url", default=ENTRY_URL, metavar="URL",
                        help="address of an entry, with {id}, {ID} or {middle}; default: %(default)s")  # fmt: skip
    parser.add_argument("--component-url", default=COMPONENT_URL, metavar="URL",
                        help="address of a chemical component, with {code}, {last}; default: %(default)s")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=4, help=f"downloads at a time, 1 to {MOST_JOBS}; default: 4")
    parser.add_argument("--attempts", type=int, default=DEFAULT.attempts, help="tries of each file; default: 5")
    parser.add_argument("--timeout", type=float, default=DEFAULT.timeout, metavar="SECONDS",
                        help="without a byte, after which a try is given up; default: 30")  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="no progress bar and no summary")
    return parser.parse_args()


def summarize(report: CollectReport) -> None:
    """What is there and what is not, on stderr."""
    said = [f"{report.usable} of {report.asked} complexes in {report.folder}"]
    if report.count("kept"):
        said[0] += f" ({report.count('kept')} from earlier runs)"
    left_out = [outcome for outcome in report.outcomes if outcome.status == "left_out"]
    said += [f"left out: {count} x {code}" for code, count in Counter(o.error_code for o in left_out).most_common()]
    said += [f"  {outcome.id}: {outcome.message}" for outcome in left_out[:5]]
    if left_out:
        said.append(f"every row with its reason: {report.folder / 'report.csv'}")
    if report.usable and not report.has_affinities:
        said.append("the table has no affinities: the tree can be predicted, not trained on")
    print("\n".join(said), file=sys.stderr)


def main() -> int:
    args = parse()
    try:
        manners = Manners(attempts=args.attempts, timeout=args.timeout)
        with counter("fetching", shown=sys.stderr.isatty() and not args.quiet) as advance:
            report = collect(
                args.ids,
                args.output,
                entry_url=args.entry_url,
                component_url=args.component_url,
                jobs=args.jobs,
                manners=manners,
                progress=advance,
            )
    except BindingError as error:
        print(f"error: {error.message}" + (f"\nhint: {error.hint}" if error.hint else ""), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"interrupted; what is done is in {args.output}, run the command again to go on", file=sys.stderr)
        return EXIT_INTERRUPTED
    if not args.quiet:
        summarize(report)
    if not report.usable:
        return EXIT_NONE_SCORED
    return EXIT_SOME_FAILED if report.usable < report.asked else EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
