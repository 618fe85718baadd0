"""A screen from beginning to end: plan, parts, results. May be killed anywhere and called again."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from binding.domain.index import domain_path
from binding.errors import (
    EXIT_INTERRUPTED,
    EXIT_NONE_SCORED,
    EXIT_OK,
    EXIT_SOME_FAILED,
    UsageError,
)
from binding.files import file_sha256
from binding.model.cards import load_card, resolve_weights
from binding.poses.poser import check_posing
from binding.score.featurize import load_protein
from binding.screening.engines import run_parts
from binding.screening.folder import RunFolder
from binding.screening.key import ingredients, run_key
from binding.screening.ledger import Ledger, Progress
from binding.screening.library import Library
from binding.screening.library_digest import Fingerprint, fingerprint
from binding.screening.log import RunLog
from binding.screening.parts import PartInfo, count_scored, write_part
from binding.screening.plan import ScreenPlan, ScreenTask
from binding.screening.prefilter import choose
from binding.screening.ranking import check_weights
from binding.screening.ray_engine import ray_device
from binding.screening.store import Finalised, finalise, names_notes

_GPU_DEVICES: Final = ("/dev/nvidiactl", "/dev/dxg", "/dev/nvhost-gpu", "/dev/kfd")  # NVIDIA, in WSL, Jetson; AMD


@dataclass(frozen=True)
class ScreenResult:
    """The result of a run.

    Attributes:
        folder: Folder of the run.
        asked: Records that this process answers for: all, or those of its shard.
        scored: Those with a score.
        left_out: Those that a prefilter left out, so that they were neither placed nor docked; of a shard, none: its
            share is one of the records that are posed.
        interrupted: Whether it was asked to stop before all of them were done.
        complete: Whether the whole library is done and the results are written.
        warnings: Sentences about the results as a whole.
        ranking: Whether it ended with records ranked for the prefilter and none posed yet: it was interrupted, or other
            shards are still to rank theirs. ``asked`` counts those that are ranked then.
    """

    folder: Path
    asked: int
    scored: int
    interrupted: bool
    complete: bool
    warnings: tuple[str, ...] = ()
    left_out: int = 0
    ranking: bool = False

    @property
    def failed(self) -> int:
        """Records without a scored pose."""
        return 0 if self.ranking else self.asked - self.scored - self.left_out

    @property
    def exit_code(self) -> int:
        """0 all scored, 3 some failed, 4 none scored, 130 interrupted."""
        if self.interrupted:
            return EXIT_INTERRUPTED
        if not self.failed:
            return EXIT_OK
        return EXIT_SOME_FAILED if self.scored else EXIT_NONE_SCORED


def screen(
    plan: ScreenPlan,
    *,
    stopping: Callable[[], bool] = lambda: False,
    progress: Callable[[Progress], None] = lambda _: None,
    command: Sequence[str] | None = None,
) -> ScreenResult:
    """Screens a library, or resumes a screen that was stopped.

    Args:
        plan: The plan of the screen.
        stopping: True once the parts under way are to be the last.
        progress: Called after each part.
        command: As given, for ``run.json``.

    Returns:
        How it ended; the rows are in the folder.

    Raises:
        BindingError: What was asked for is unusable, the folder is taken, or the disk is full. A bad record is
            a failed row instead.
    """
    start = time.monotonic()
    library, task, decides = resolve(plan)
    with RunFolder(plan.output, plan.shard) as folder:
        before = None if plan.restart else folder.read()
        content = fingerprint(library, None if before is None else before.get("library"))
        decides["library"] = content.sha256
        key = run_key(decides)
        folder.begin(decides, key, _about(plan, task, decides, content, command), restart=plan.restart)
        log = RunLog(plan.output, plan.shard)

        def tell(news: Progress) -> None:
            log.progress(news)
            progress(news)

        done = folder.done(key)
        resumed = sum(info.records for info in done.values())
        with log.session(command if command is not None else sys.argv, resumed, _judge_of_poses(task)):
            chosen, ranked = None, None
            if plan.prefilter is not None:
                chosen, ranked = choose(plan, task, folder, key, library, content.records, stopping, tell)
                if chosen is None and ranked is not None:
                    stopped = not ranked.all_done
                    log.write(f"{'interrupted' if stopped else 'all of this shard'}: {ranked.asked} records ranked")
                    folder.update(state="interrupted" if stopped else "running")
                    return ScreenResult(plan.output, ranked.asked, 0, stopped, False, ranking=True)
            ledger = Ledger(
                plan.shard,
                plan.records_of_part,
                done,
                count=None if before is None else before.get("parts", {}).get("count"),
                expected=content.records if chosen is None else len(chosen.rows),
                tell=tell,
            )
            for part in run_parts(ledger.jobs(chosen or library), task, plan.engine, stopping, ledger.look):
                info = PartInfo(key, part.number, part.first, part.records, count_scored(part.table))
                begun = time.perf_counter()
                write_part(plan.output, part.table, info)
                ledger.add(info, {**part.seconds, "write": time.perf_counter() - begun})
            left_out = 0 if chosen is None else chosen.left_out
            if ranked is not None:
                ledger.seconds["rank"] = ranked.seconds["rank"]
            found = _end(plan, folder, ledger, key, time.monotonic() - start, left_out)
            how = "interrupted" if not ledger.all_done else "complete" if found is not None else "done, not all shards"
            besides = f", {left_out} left out" if chosen is not None else ""
            log.write(f"{how}: {ledger.asked} records done, {ledger.asked - ledger.scored} failed{besides}")
    warnings = () if found is None else names_notes(found, plan.compound_tag)
    if chosen is not None and plan.prefilter is not None:
        warnings = (*chosen.notes(plan.prefilter), *warnings)
    of_all = left_out if plan.shard.count == 1 else 0
    asked = ledger.asked + of_all
    return ScreenResult(
        plan.output, asked, ledger.scored, not ledger.all_done, found is not None, warnings, left_out=of_all
    )


def resolve(plan: ScreenPlan) -> tuple[Library, ScreenTask, dict[str, Any]]:
    """The library, what processes need, and what decides the numbers (the library's hash is still to come).

    Raises:
        BindingError: What was asked for is unusable.
    """
    if plan.records_of_part < 1:
        raise UsageError("Parts hold 1 record or more.", "Check --part-size.")
    if plan.restart and plan.shard.count > 1:
        raise UsageError("--restart drops the parts of all shards.", "Use a new folder.")
    library = Library(plan.library)
    if library.needs_receptor and plan.protein is None:
        raise UsageError("A library was given and no receptor.", "Add -p receptor.pdb.")
    if library.names_receptors and plan.protein is not None:
        raise UsageError("Each row of the table names its receptor.", "Leave out -p.")
    if library.has_smiles:
        check_posing(plan.posing, plan.scoring.pocket)
    elif plan.posing is not None:
        raise UsageError("The library holds poses.", "Leave out --place-on and --dock: they are for SMILES.")
    if plan.prefilter is not None and plan.prefilter < 1:
        raise UsageError(f"--prefilter is {plan.prefilter}.", "It is how many compounds get poses: 1 or more.")
    if plan.prefilter is not None and not library.has_smiles:
        raise UsageError("The library holds poses.", "Leave out --prefilter: it chooses which SMILES get poses.")
    asked = plan.scoring.device
    device = ray_device(asked, plan.engine) if plan.engine.name == "ray" else _device(asked)
    receptor = None if plan.protein is None else load_protein(plan.protein)
    weights, _ = resolve_weights(model := _weights(plan))
    load_card(model)  # refused here if it is of another version
    if plan.prefilter is not None:
        check_weights(weights)
    task = ScreenTask(
        scoring=replace(plan.scoring, model=str(weights.resolve()), device=device),
        receptor=receptor,
        receptor_name="" if plan.protein is None else plan.protein.name,
        compound_tag=plan.compound_tag,
        posing=plan.posing,
    )
    return (
        library,
        task,
        ingredients(
            task,
            model_sha256=file_sha256(weights),
            domain_sha256=file_sha256(domain) if (domain := domain_path(weights)).is_file() else None,
            receptor_sha256=None if plan.protein is None else file_sha256(plan.protein),
            library_sha256="",
            part_size=plan.records_of_part,
            prefilter=plan.prefilter,
        ),
    )


def _weights(plan: ScreenPlan) -> str | Path | None:
    """The weights by name or path: each process loads them for itself."""
    model = plan.scoring.model
    if model is None or isinstance(model, str | Path):
        return model
    raise UsageError("A screen takes weights by name or path, not a loaded model.", "Give the file's path.")


def _device(wanted: str) -> str:
    """Where the network runs; torch, which takes a second to import, is asked only where there may be a GPU."""
    if wanted == "cpu" or (wanted == "auto" and not _may_have_gpu()):
        return "cpu"
    from binding.model.weights import pick_device

    return pick_device(wanted)


def _may_have_gpu() -> bool:
    """Whether there is a driver that torch could use."""
    return os.name == "nt" or any(os.path.exists(device) for device in _GPU_DEVICES)


def _about(
    plan: ScreenPlan, task: ScreenTask, decides: dict[str, Any], library: Fingerprint, command: Sequence[str] | None
) -> dict[str, Any]:
    """The entries of ``run.json`` besides those that decide the numbers."""
    return {
        "command": shlex.join(command if command is not None else sys.argv),
        "folder": os.getcwd(),
        "model": {"name": load_card(_weights(plan))["name"], "file": task.scoring.model, "sha256": decides["model"]},
        "pose": _judge_of_poses(task),
        "device": task.scoring.device,
        "receptor": None
        if plan.protein is None
        else {"file": os.path.abspath(plan.protein), "sha256": decides["receptor"]},
        "library": {"sources": [str(source) for source in plan.library], **vars(library)},
        "engine": {**vars(plan.engine), "workers": plan.scoring.workers},
        "top": plan.top,
    }


def _judge_of_poses(task: ScreenTask) -> str:
    """Which networks the column ``pose`` is from, for ``run.json`` and the log."""
    return "first network" if task.scoring.one_network else "all networks"


def _end(
    plan: ScreenPlan, folder: RunFolder, ledger: Ledger, key: str, seconds: float, left_out: int
) -> Finalised | None:
    """Says in ``run.json`` how far the run is; the process that does the last part also writes the results.

    Returns:
        What the results hold; None where the run is not complete.
    """
    found = None
    with folder.exclusive():
        infos = folder.done(key)
        asked, scored = sum(info.records for info in infos.values()), sum(info.scored for info in infos.values())
        complete = ledger.count is not None and len(infos) == ledger.count
        earlier = folder.read() or {}
        spent = Counter(earlier.get("stages", {}))
        spent.update({name: round(value, 3) for name, value in {**ledger.seconds, "wall": seconds}.items()})
        folder.update(
            state="finishing" if complete else "running" if ledger.all_done else "interrupted",
            parts={"count": ledger.count, "done": len(infos)},
            counts={"asked": asked, "scored": scored, "failed": asked - scored}
            | ({} if plan.prefilter is None else {"asked": asked + left_out, "left_out": left_out}),
            stages=dict(spent),
        )
        if complete:
            begun = time.perf_counter()
            found = finalise(plan.output, top=plan.top)
            took = round(time.perf_counter() - begun, 3)
            spent.update({"results": took, "wall": took})
            folder.update(state="complete", stages=dict(spent))
    return found
