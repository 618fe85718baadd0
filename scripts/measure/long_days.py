"""What runs survive: kills, full disks, days in one process -> docs/figures/long_days.json.

    python -m scripts.measure.long_days
    python -m scripts.measure.long_days --only kills --kills 5 --output /tmp/found.json

Linux only. Everything is made of the example complexes. Commands run in forked processes, so that loading is paid once.

kills       predict -o, screen, prepare and train are killed (-9) at random moments and given again, until each was
            killed often enough; at the end each has to have exactly what an undisturbed run has
disk        the same and explain, in a file system with 4 kB left: one clear sentence; with space again, the same files
memory      many predictions in one process: its memory after each tenth of them
workers     how soon the worker processes of a killed command are gone
read_only   outputs in a folder that an ordinary user may not write to: one clear sentence, nothing left behind
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import yaml
from rdkit import Chem
from safetensors.torch import load_file

import binding
from binding.cli.main import app
from binding.io.structure import read_protein
from binding.model.weights import load_model
from scripts.figures import FIGURES, ROOT, machine, write_figures

EXAMPLES = ROOT / "data" / "examples"
COPIES = 4  # of each pose in the library
SMALL = {
    "model": {"hidden_channels": 16, "num_heads": 2, "num_layers": 1, "ligand_layers": 1, "pocket_layers": 1,
              "vector_channels": 2},
    "validation": {"column": "uniprot", "folds": 3, "fold": 2},
    "epochs": 4, "batch_size": 4, "warmup_steps": 3, "threads": 1, "device": "cpu", "seed": 5,
}  # fmt: skip
TIMED = ("run.json", "run.log")  # files that hold times
NOBODY = 65534


@dataclass(frozen=True)
class Command:
    """A command and what it writes.

    Attributes:
        name: Of the verb.
        words: Its arguments, given the folder to write to.
        output: What has to be the same, by name, given that folder.
    """

    name: str
    words: Callable[[Path], list[str]]
    output: Callable[[Path], dict[str, Any]]

    def begin(self, folder: Path, before: Callable[[], None] = lambda: None, stderr: Path | None = None) -> int:
        """Process id of the command in a process of its own."""
        process = os.fork()
        if process:
            return process
        code = 99
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            before()
            told = os.open(stderr or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(told, 2)
            torch.set_num_threads(1)
            app(self.words(folder))
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        finally:
            os._exit(code)

    def run(self, folder: Path) -> None:
        """Undisturbed; it has to succeed."""
        said = folder.parent / "stderr"
        code = os.waitstatus_to_exitcode(os.waitpid(self.begin(folder, stderr=said), 0)[1])
        if code:
            raise SystemExit(f"{self.name} exited {code}:\n{said.read_text()}")


def files(folder: Path, *patterns: str) -> dict[str, bytes]:
    """Bytes of the files that match, by name."""
    found = sorted(path for pattern in patterns for path in folder.glob(pattern) if path.name not in TIMED)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def weights(folder: Path) -> dict[str, Any]:
    """Tensors of a training run as bytes."""
    return {name: value.numpy().tobytes() for name, value in load_file(folder / "run" / "model.safetensors").items()}


def commands(inputs: Path) -> dict[str, Command]:
    """All that are tried, by name."""
    protein, library = str(EXAMPLES / "5ht1b_protein.pdb.gz"), str(inputs / "library.sdf")
    scored = ["-p", protein, "-l", library, "--workers", "0", "-q"]
    found = [
        Command(
            "predict", lambda f: ["predict", *scored, "-o", f"{f}/rows.csv"], lambda f: files(f, "rows.csv")
        ),
        Command(
            "screen",
            lambda f: ["screen", *scored, "-o", f"{f}/run", "--part-size", "3", "--top", "5"],
            lambda f: files(f / "run", "results.*", "failures.csv", "top.sdf", "parts/*"),
        ),
        Command(
            "prepare",
            lambda f: [
                "prepare", "-p", protein, "-l", library, "--index", f"{inputs}/affinities.csv", "-o", f"{f}/set.npz",
                "--workers", "0", "-q",
            ],
            lambda f: files(f, "set.npz", "*.csv"),
        ),
        Command(
            "train",
            lambda f: ["train", f"{inputs}/train.yaml", "--set", f"output={f}/run", "-q"],
            weights,
        ),
        Command(
            "explain",
            lambda f: ["explain", "-p", protein, "-l", library, "--workers", "0", "-q", "-o", f"{f}/pages"],
            lambda f: files(f / "pages", "*.csv"),
        ),
    ]  # fmt: skip
    return {command.name: command for command in found}


def make_inputs(folder: Path) -> None:
    """A library of posed compounds, their affinities, and a training run on what is prepared of them."""
    text = gzip.decompress((EXAMPLES / "5ht1b_poses.sdf.gz").read_bytes()).decode()
    poses = [pose.split("\n", 1)[1] for pose in text.split("$$$$\n") if pose.strip()]
    names = [f"pose {copy}-{number}" for copy in range(COPIES) for number in range(len(poses))]
    records = [f"{name}\n{pose}$$$$\n" for name, pose in zip(names, poses * COPIES, strict=True)]
    (folder / "library.sdf").write_text("".join(records))
    rows = [f"{name},{4 + place / 10:.1f},P{place % 3}" for place, name in enumerate(names)]
    (folder / "affinities.csv").write_text("\n".join(["id,pk,uniprot", *rows, ""]))
    settings = SMALL | {"sources": [{"cache": str(folder / "set.npz")}]}
    (folder / "train.yaml").write_text(yaml.safe_dump(settings))


# ---------------------------------------------------------------- kills


def kills(made: dict[str, Command], work: Path, times: int) -> dict[str, Any]:
    """Each of four commands, killed so many times in all."""
    found = {}
    for name in ("predict", "screen", "prepare", "train"):
        command, chance = made[name], random.Random(name)
        whole = fresh(work / f"{name}-whole")
        begun = time.monotonic()
        command.run(whole)
        seconds = time.monotonic() - begun
        expected = command.output(whole)
        folder, killed, finished, same = fresh(work / f"{name}-killed"), 0, 0, True
        while killed < times:
            process = command.begin(folder)
            if kill_after(process, chance.uniform(0, 1.1 * seconds)):
                killed += 1
                same &= name != "predict" or not (folder / "rows.csv").exists()
                continue
            finished += 1
            same &= command.output(folder) == expected
            folder = fresh(folder)
        command.run(folder)
        same &= command.output(folder) == expected
        found[name] = {"kills": killed, "runs_finished": finished + 1, "same": bool(same)}
        print(name, found[name], f"{seconds:.1f} s undisturbed", flush=True)
    return found


def fresh(folder: Path) -> Path:
    """The folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def kill_after(process: int, seconds: float) -> bool:
    """Whether a process was killed; it may have ended by then."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitpid(process, os.WNOHANG)[0]:
            return False
        time.sleep(0.002)
    os.kill(process, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL


# ---------------------------------------------------------------- full disks


def disk(made: dict[str, Command], work: Path) -> dict[str, Any]:
    """Each command where 4 kB are left, and again with space."""
    found = {}
    for name, command in made.items():
        whole = fresh(work / f"{name}-space")
        command.run(whole)
        expected = command.output(whole)
        with small_disk(work / f"{name}-full") as (folder, how, before, free):
            said = work / f"{name}.stderr"
            code = os.waitstatus_to_exitcode(os.waitpid(command.begin(folder, before, said), 0)[1])
            free()
            command.run(folder)
            same = command.output(folder) == expected
        text = said.read_text().strip()
        found[name] = {"exit_code": code, "says": "the disk is full" in text, "how": how, "same_with_space": same}
        print(name, found[name], text.splitlines()[-1] if text else "", flush=True)
    return found


@contextmanager
def small_disk(folder: Path) -> Iterator[tuple[Path, str, Callable[[], None], Callable[[], None]]]:
    """A folder with 4 kB left: it, how that was done, what to do first in the process, and what gives space again."""
    folder = fresh(folder)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        yield folder, "a limit to the size of files", few_bytes, lambda: None
        return
    try:
        filler = folder / "filler"
        left = os.statvfs(folder)
        filler.write_bytes(bytes(left.f_bavail * left.f_frsize - 4096))
        yield folder, "a full file system", lambda: None, filler.unlink
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def few_bytes() -> None:
    """No file of this process may grow beyond 4 kB; writing more is an error of the file system."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


# ---------------------------------------------------------------- one process for days


def memory(count: int) -> dict[str, Any]:
    """Resident memory of this process after each tenth of so many predictions, MB."""
    protein = read_protein(EXAMPLES / "1ia1_protein.pdb.gz")
    mol = next(iter(Chem.SDMolSupplier(str(EXAMPLES / "1ia1_ligand.sdf"))))
    scorer, chunk = load_model(device="cpu"), 100
    torch.set_num_threads(1)
    sizes, begun, wrong = [], time.process_time(), 0
    for done in range(0, count, chunk):
        frame = binding.predict(protein, [mol] * chunk, model=scorer, workers=0)
        wrong += int((frame["status"] != "ok").sum())
        if (done + chunk) % (count // 10) < chunk:
            sizes.append(round(resident(), 1))
            print(done + chunk, f"{sizes[-1]} MB", flush=True)
    seconds = time.process_time() - begun
    return {"predictions": count, "failed": wrong, "megabytes": sizes, "milliseconds_each": 1000 * seconds / count}


def resident() -> float:
    """MB of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


# ---------------------------------------------------------------- workers, folders


def workers(made: dict[str, Command], work: Path) -> dict[str, Any]:
    """Seconds after which the workers of a killed command are gone."""
    found = {}
    for name in ("predict", "screen", "prepare"):
        words = [word if word != "0" else "2" for word in made[name].words(fresh(work / f"{name}-workers"))]
        with subprocess.Popen(
            [sys.executable, "-m", "binding.cli.main", *words],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            children: list[int] = []
            while not children and process.poll() is None:
                children = children_of(process.pid)
                time.sleep(0.01)
            time.sleep(0.5)
            children = children_of(process.pid) or children
            process.kill()
        begun = time.monotonic()
        while any(map(is_running, children)) and time.monotonic() - begun < 60:
            time.sleep(0.01)
        found[name] = {"workers": len(children), "seconds": round(time.monotonic() - begun, 2)}
        print(name, found[name], flush=True)
    return found


def children_of(process: int) -> list[int]:
    """Process ids that its threads have started."""
    paths = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for path in paths for child in path.read_text().split()]


def is_running(process: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def read_only(made: dict[str, Command], work: Path) -> dict[str, Any]:
    """Each command as an ordinary user whose output folder is read-only."""
    found = {}
    for name, command in made.items():
        folder, said = fresh(work / f"{name}-locked"), work / f"{name}.locked"
        folder.chmod(0o555)
        said.touch()
        said.chmod(0o666)
        before = partial(load_as_root, command, fresh(work / f"{name}-loaded"))
        code = os.waitstatus_to_exitcode(os.waitpid(command.begin(folder, before, said), 0)[1])
        text = said.read_text()
        found[name] = {
            "exit_code": code,
            "says": "cannot be written" in text or "cannot be made" in text,
            "left": len(list(folder.rglob("*"))),
        }
        print(name, found[name], text.strip().splitlines()[-1] if text.strip() else "", flush=True)
    return found


def load_as_root(command: Command, scratch: Path) -> None:
    """Gives up the rights of root, once the command has run and all that it needs is loaded.

    The interpreter and its packages may lie in a folder that only root may read. Without such rights nothing is done.

    Args:
        command: What will be run.
        scratch: Folder to write to.
    """
    if os.getuid() == 0:
        with suppress(SystemExit):
            app(command.words(scratch))
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = ("kills", "disk", "memory", "workers", "read_only")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--kills", type=int, default=20, help="of each command")
    parser.add_argument("--predictions", type=int, default=50_000, help="in one process")
    parser.add_argument("--output", type=Path, default=FIGURES / "long_days.json")
    options = parser.parse_args()
    before = json.loads(options.output.read_text()) if options.output.is_file() else {}
    found = {name: before[name] for name in parts if name in before}
    with tempfile.TemporaryDirectory(prefix="long-days-") as work:
        folder = Path(work)
        folder.chmod(0o755)
        make_inputs(folder)
        made = commands(folder)
        made["prepare"].run(fresh(folder / "prepared"))
        shutil.copy(folder / "prepared" / "set.npz", folder / "set.npz")
        measures: dict[str, Callable[[], dict[str, Any]]] = {
            "kills": lambda: kills(made, folder, options.kills),
            "disk": lambda: disk(made, folder),
            "memory": lambda: memory(options.predictions),
            "workers": lambda: workers(made, folder),
            "read_only": lambda: read_only(made, folder),
        }
        for name in options.only:
            print(f"--- {name}", flush=True)
            found[name] = measures[name]()
            write_figures(options.output, found | {"machine": machine()}, None)  # each part takes a while


if __name__ == "__main__":
    main()
