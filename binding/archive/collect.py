"""From ids to a tree of complexes: what to fetch, what was fetched before, and what was left out and why.

Each complex is its own folder, ``<id>/<id>_protein.cif.gz`` and ``<id>/<id>_ligand.sdf``; ``<id>_source.json``,
written last, says where they come from and that they are whole.
"""

from __future__ import annotations

import csv
import io
import json
import queue
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from binding.archive.download import Downloader, Manners, StoppedError
from binding.archive.extract import extract
from binding.archive.ids import Wanted, read_wanted
from binding.archive.store import COMPONENT_URL, ENTRY_URL, Archive
from binding.errors import BindingError, FileError, UsageError, WriteError
from binding.files import PARTIAL, make_folder, write_bytes, write_error
from binding.io.index import AFFINITY_COLUMNS
from binding.score.featurize import as_binding_error

MOST_JOBS: Final = 16  # at a time; more is not polite to a public archive
DOWNLOADS: Final = ".downloads"
_RULES: Final = 1  # raised when the same entry would be written differently, so that complexes are remade
_STALE: Final = 3600.0  # seconds after which a part of a file belongs to a run that was killed
_GRACE: Final = 2.0  # seconds for rows under way to come to an end after an interruption
_POLL: Final = 0.5  # seconds; a wait without end would not see Ctrl-C on Windows
_DERIVED: Final = ("pdb_id", "ligand_code", "ligand_group", "smiles", "resolution", "method", "year", "uniprot")
_REPORT: Final = ("id", "pdb_id", "status", "error_code", "message", "ligand", "smiles", "bond_orders", "notes")


@dataclass(frozen=True)
class Fetched:
    """What became of one row.

    Attributes:
        id, pdb_id: As in ``Wanted``.
        status: ``written``, ``kept`` (written by an earlier run), ``left_out`` or ``not_reached`` (interrupted).
        error_code, message: Why it was left out.
        source: What ``<id>_source.json`` holds; empty where it was left out.
    """

    id: str
    pdb_id: str
    status: str
    error_code: str = ""
    message: str = ""
    source: dict[str, str] | None = None


@dataclass(frozen=True)
class FetchReport:
    """Counts that add up: ``asked == usable + left_out + not_reached``.

    Attributes:
        folder: The tree.
        outcomes: One a row, in the table's order.
        has_affinities: Whether the table had measured affinities, which ``binding prepare`` needs.
    """

    folder: Path
    outcomes: list[Fetched]
    has_affinities: bool

    @property
    def asked(self) -> int:
        return len(self.outcomes)

    @property
    def usable(self) -> int:
        return self.count("written") + self.count("kept")

    def count(self, status: str) -> int:
        """How many rows have a status."""
        return sum(outcome.status == status for outcome in self.outcomes)


def collect(
    ids: str | Path,
    folder: str | Path,
    *,
    entry_url: str | None = None,
    component_url: str | None = None,
    jobs: int = 4,
    manners: Manners | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FetchReport:
    """Download entries, extract the named ligands, and write a tree in PDBbind layout.

    ``<folder>/index.csv`` lists the complexes that are there, ``<folder>/report.csv`` every row of the table with its
    status and reason; both are written also where the run is interrupted. A complex that an earlier run wrote for the
    same request is kept, and so are downloaded files, in ``<folder>/.downloads``.

    Args:
        ids: As for ``read_wanted``.
        folder: The tree; made where it is not there.
        entry_url: Address of an entry's mmCIF file, as for ``Archive``; the archive's own where None.
        component_url: Address of a component's mmCIF file, in the same form.
        jobs: Downloads at a time, 1 to 16.
        manners: How patiently to download.
        progress: Called with rows done and asked.

    Raises:
        FileError, TableError: The table cannot be read, or the folder cannot be written (the disk may be full).
        UsageError: ``jobs`` or an address is out of range.
        KeyboardInterrupt: After report and index were written.
    """
    if not 1 <= jobs <= MOST_JOBS:
        raise UsageError(f"{jobs} downloads at a time are not possible.", f"Take 1 to {MOST_JOBS}.")
    folder = Path(folder)
    wanted = read_wanted(ids)
    downloader = Downloader(manners)
    archive = Archive(
        folder / DOWNLOADS, downloader, entry_url=entry_url or ENTRY_URL, component_url=component_url or COMPONENT_URL
    )
    outcomes = {index: _refused(row) for index, row in enumerate(wanted) if row.refusal is not None}
    open_rows = [(index, row) for index, row in enumerate(wanted) if row.refusal is None]
    try:
        make_folder(folder, resumes=True)
        _clear_parts(folder)
        try:
            with closing(_run(open_rows, lambda row: _one(row, folder, archive), jobs, downloader)) as done:
                for index, outcome in done:
                    outcomes[index] = outcome
                    if progress is not None:
                        progress(len(outcomes), len(wanted))
        finally:
            rows = [outcomes.get(index, Fetched(row.id, row.pdb_id, "not_reached")) for index, row in enumerate(wanted)]
            _write_index(folder, wanted, rows)
            _write_report(folder, rows)
    except OSError as error:
        raise write_error(Path(error.filename or folder), error, resumes=True) from error
    measured = any(name in row.columns for row in wanted for name in AFFINITY_COLUMNS)
    return FetchReport(folder, rows, measured)


def _run(
    rows: list[tuple[int, Wanted]], work: Callable[[Wanted], Fetched], jobs: int, downloader: Downloader
) -> Generator[tuple[int, Fetched], None, None]:
    """Outcomes as they come. The threads are daemons: a hanging connection must not hold up the end of the program."""
    tasks: queue.SimpleQueue[tuple[int, Wanted]] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, Fetched | OSError | WriteError]] = queue.SimpleQueue()
    for task in rows:
        tasks.put(task)

    def serve() -> None:
        while True:
            try:
                index, row = tasks.get_nowait()
                done.put((index, work(row)))
            except (queue.Empty, StoppedError):
                return
            except (OSError, WriteError) as error:  # a disk that is full is full for every row
                done.put((index, error))
                return

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(min(jobs, len(rows)))]
    for thread in threads:
        thread.start()
    try:
        for _ in rows:
            index, outcome = _next(done)
            if isinstance(outcome, OSError | WriteError):
                raise outcome
            yield index, outcome
    finally:
        downloader.stop()
        patience = time.monotonic() + _GRACE
        for thread in threads:
            thread.join(max(0.0, patience - time.monotonic()))


def _next(
    done: queue.SimpleQueue[tuple[int, Fetched | OSError | WriteError]],
) -> tuple[int, Fetched | OSError | WriteError]:
    while True:
        try:
            return done.get(timeout=_POLL)
        except queue.Empty:
            continue


def _refused(row: Wanted) -> Fetched:
    assert row.refusal is not None
    return _left_out(row, row.refusal)


def _left_out(row: Wanted, error: BindingError) -> Fetched:
    message = " ".join(part for part in (error.message, error.hint) if part)
    return Fetched(row.id, row.pdb_id, "left_out", error.code, message)


def _one(row: Wanted, folder: Path, archive: Archive) -> Fetched:
    """One row, from the tree if it is there, else from the archive."""
    home = folder / row.id
    try:
        kept = _kept(row, home)
        if kept is not None:
            return Fetched(row.id, row.pdb_id, "kept", source=kept)
        return Fetched(row.id, row.pdb_id, "written", source=_write_complex(row, home, archive))
    except (OSError, WriteError, StoppedError):
        raise
    except BindingError as error:
        return _left_out(row, error)
    except Exception as error:  # noqa: BLE001 - one odd entry among thousands must not end the run
        return _left_out(row, as_binding_error(error))


def _paths(home: Path) -> tuple[Path, Path, Path]:
    name = home.name
    return home / f"{name}_protein.cif.gz", home / f"{name}_ligand.sdf", home / f"{name}_source.json"


def _kept(row: Wanted, home: Path) -> dict[str, str] | None:
    """What an earlier run wrote about the same request, if its files are there."""
    protein, ligand, marker = _paths(home)
    try:
        source = json.loads(marker.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    if not isinstance(source, dict) or source.get("request") != row.request or source.get("rules") != _RULES:
        return None
    about = source.get("about")
    return about if isinstance(about, dict) and protein.is_file() and ligand.is_file() else None


def _write_complex(row: Wanted, home: Path, archive: Archive) -> dict[str, str]:
    """Extract and write one complex; files of an earlier request are removed first."""
    protein, ligand, marker = ours = _paths(home)
    for path in (marker, protein, ligand):
        path.unlink(missing_ok=True)
    strange = [path for pattern in ("_protein*", "_pocket*", "_ligand*") for path in home.glob(f"{home.name}{pattern}")]
    if strange:
        raise FileError(
            f"{home} holds {strange[0].name}, which this command did not write.",
            "Take another folder, or remove the file.",
            "folder_taken",
        )
    found = extract(archive.entry(row.pdb_id), row, archive)
    about = {
        "pdb_id": row.pdb_id,
        "ligand_code": found.code,
        "ligand_group": found.group,
        "smiles": found.smiles,
        "bond_orders": found.bond_orders,
        "notes": "; ".join(found.notes),
        **found.info,
    }
    make_folder(home, resumes=True)
    text = json.dumps({"rules": _RULES, "request": row.request, "about": about}, indent=1, ensure_ascii=False)
    for path, data in zip(ours, (found.protein, found.ligand, text.encode()), strict=True):
        write_bytes(path, data, resumes=True, shared=True)
    return about


def _clear_parts(folder: Path) -> None:
    """Remove parts of files that a killed run left."""
    oldest = time.time() - _STALE
    for part in [part for place in ("", "*/", f"{DOWNLOADS}/*/") for part in folder.glob(f"{place}*.*{PARTIAL}")]:
        with suppress(FileNotFoundError):  # another run on this tree may finish it meanwhile
            if part.stat().st_mtime < oldest:
                part.unlink()


def _write_index(folder: Path, wanted: list[Wanted], outcomes: list[Fetched]) -> None:
    """The complexes that are there, with the table's columns and the entry's; the table's own values win."""
    given = list(dict.fromkeys(name for row in wanted for name in row.columns))
    columns = ["id", *given, *(name for name in _DERIVED if name not in given)]
    rows = []
    for row, outcome in zip(wanted, outcomes, strict=True):
        if outcome.source is not None:
            merged = outcome.source | {name: text for name, text in row.columns.items() if text}
            rows.append([row.id, *(merged.get(name, "") for name in columns[1:])])
    write_bytes(folder / "index.csv", _csv(columns, rows), resumes=True, shared=True)


def _write_report(folder: Path, outcomes: list[Fetched]) -> None:
    rows = []
    for outcome in outcomes:
        about = outcome.source or {}
        cells = [outcome.id, outcome.pdb_id, outcome.status, outcome.error_code, outcome.message]
        rows.append(cells + [about.get(name, "") for name in ("ligand_group", "smiles", "bond_orders", "notes")])
    write_bytes(folder / "report.csv", _csv(list(_REPORT), rows), resumes=True, shared=True)


def _csv(header: list[str], rows: list[list[str]]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue().encode()
