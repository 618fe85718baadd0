"""Parts on a Ray cluster: actors that hold the model, one part for each task, failed tasks are retried elsewhere.

Plain actors and not Ray Data: a part is already the unit of work, of resuming and of what is written, and its
bytes depend on nothing outside of it. Ray Data would cut the library into blocks of its own, whose borders (and with
them the batches, and the last bits of the numbers) change with the cluster.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from binding import __version__
from binding.errors import BindingError, UsageError
from binding.pool import TimeLimitError, WorkerDiedError, available_cores
from binding.screening.plan import EngineOptions, ScreenTask
from binding.screening.records import PartJob
from binding.screening.rescue import time_limit, work_through
from binding.screening.score import FinishedPart, PartScorer

if TYPE_CHECKING:
    from types import ModuleType

_LOOKAHEAD: Final = 2  # jobs beside the one each actor does, so that none waits
_REACH_SECONDS: Final = 10.0
_STORE_BYTES: Final = 256 << 20  # of a Ray of our own: it holds the task once and finished parts for a moment


def ray_device(device: str, options: EngineOptions) -> str:
    """Where actors run the network: on their share of a GPU if they have one, regardless of this machine.

    Args:
        device: As asked for: ``auto``, ``cpu``, ``cuda`` ...
        options: With ``gpus_per_worker``.

    Returns:
        The device of every actor.

    Raises:
        UsageError: Ray is not installed, or the two do not fit.
    """
    require_ray()
    share = options.gpus_per_worker
    if device not in ("auto", "cpu") and not device.startswith("cuda"):
        raise UsageError(f"Ray knows no device {device!r}.", "Use cpu or cuda.")
    if share is None:
        return "cuda" if device.startswith("cuda") else "cpu"
    if not 0 <= share <= 1:
        raise UsageError(f"--gpus-per-worker is {share:g}.", "A worker has no more than one GPU.")
    if (device == "cpu" and share) or (device.startswith("cuda") and not share):
        raise UsageError(f"--device {device} and --gpus-per-worker {share:g} do not fit.", "Leave one out.")
    return "cuda" if share else "cpu"


def require_ray() -> None:
    """Check that Ray is installed.

    Raises:
        UsageError: ``missing_extra``.
    """
    if find_spec("ray") is None:
        raise UsageError("The engine ray needs Ray.", "Install with pip install 'binding[ray]'.", "missing_extra")


def run_ray(
    jobs: Iterator[PartJob], task: ScreenTask, options: EngineOptions, stopping: Callable[[], bool]
) -> Iterator[FinishedPart]:
    """Works on jobs in Ray actors; see ``binding.screening.engines.run_parts``.

    Without ``ray_address`` a Ray of our own is started on this machine and ended with the run.

    Raises:
        UsageError: Ray is not installed (``missing_extra``), the cluster cannot be reached (``no_cluster``) or
            has no such workers.
        BindingError: ``version_mismatch``: the cluster has another version of binding; or the weights cannot be used.
    """
    require_ray()
    import ray

    whole = 1.0 if task.scoring.device == "cuda" else 0.0
    gpus = whole if options.gpus_per_worker is None else options.gpus_per_worker
    with _connected(ray, options, task.scoring.workers):
        workers = task.scoring.workers or _most_workers(ray, gpus)
        with ActorPool(ray, task, workers, gpus) as pool:
            yield from work_through(pool.submit, FinishedPart.joined, jobs, workers * _LOOKAHEAD, stopping)


@contextmanager
def _connected(ray: ModuleType, options: EngineOptions, workers: int | None) -> Iterator[None]:
    """A connection to the cluster; one that the caller has is used and left as it is."""
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM) if in_main else None
    if options.ray_address is not None:
        _reach(options.ray_address)
        _begin(ray, address=options.ray_address)
    else:
        cores = workers or available_cores()
        _begin(ray, address="local", num_cpus=cores, object_store_memory=_STORE_BYTES, include_dashboard=False)
    if in_main:
        signal.signal(signal.SIGTERM, before)  # Ray takes it over; who called us decides what it means
    try:
        yield
    finally:
        ray.shutdown()


def _reach(address: str) -> None:
    """Refuses an address where nobody listens at once; Ray would try for minutes and end the process."""
    host, _, port = address.rpartition(":")
    if not host or "//" in address or not port.isdigit():  # auto, local, ray://host:port
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _REACH_SECONDS).close()
    except OSError as error:
        raise _no_ray(address, error.strerror or str(error)) from error


def _begin(ray: ModuleType, *, address: str, **settings: Any) -> None:
    """Connects, or starts a Ray: that twice if need be, since a machine that is busy can miss Ray's 30 seconds."""
    attempts = 2 if address == "local" else 1
    for attempt in range(1, attempts + 1):
        try:
            ray.init(address=address, log_to_driver=False, configure_logging=False, **settings)
            return
        except Exception as error:  # what Ray raises for a node that does not start in time
            ray.shutdown()
            if attempt == attempts:
                raise _no_ray(address, (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")) from error


def _no_ray(address: str, reason: str) -> UsageError:
    if address == "local":
        return UsageError(f"Ray could not be started on this machine: {reason}.", "Use --engine local.", "no_cluster")
    return UsageError(
        f"There is no Ray at {address}: {reason}.",
        "Start one with `ray start --head`, and give its address (host:6379, or auto on one of its machines).",
        "no_cluster",
    )


def _most_workers(ray: ModuleType, gpus: float) -> int:
    """As many actors as the cluster has room for: a core each, and their share of a GPU."""
    there = ray.cluster_resources()
    room = int(there.get("CPU", 0))
    if gpus:
        room = min(room, int(there.get("GPU", 0)) * int(1 / gpus + 1e-9))
    if room < 1:
        need = f" and {gpus:g} GPU" if gpus else ""
        raise UsageError(
            f"The Ray cluster has no room for a worker with 1 CPU{need}.",
            f"It has {there.get('CPU', 0):g} CPUs and {there.get('GPU', 0):g} GPUs.",
        )
    return room


class _Actor:
    """An actor: loads the model once, then scores part after part."""

    def __init__(self, task: ScreenTask) -> None:
        self._score = PartScorer(task)

    def about(self) -> tuple[str, int]:
        """Version of binding, and process id."""
        return __version__, os.getpid()

    def score(self, job: PartJob) -> FinishedPart:
        """Do a part."""
        return self._score(job)


class ActorPool:
    """Actors behind the interface of ``binding.pool.WorkerPool``: a dead one raises ``WorkerDiedError``.

    Each actor is started by the first job of its thread, and again, wherever there is room, by the job after the
    one that it died of.

    Args:
        ray: The package, connected.
        task: Put into the object store once; each machine fetches it once, however many actors it has.
        workers: Number of actors.
        gpus: Share of a GPU for each actor.
    """

    def __init__(self, ray: ModuleType, task: ScreenTask, workers: int, gpus: float) -> None:
        self._ray = ray
        self._task = ray.put(task)
        self._limit = time_limit(task)
        self._remote = ray.remote(num_cpus=1, num_gpus=gpus, max_restarts=0)(_Actor)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="binding-ray")
        self._local = threading.local()
        self._lock = threading.Lock()
        self._actors: list[Any] = []

    def submit(self, job: PartJob) -> Future[FinishedPart]:
        """The future of one part; it raises ``WorkerDiedError`` where the actor or its machine died."""
        return self._threads.submit(self._do, job)

    def pids(self) -> list[int]:
        """Process ids of the actors."""
        with self._lock:
            actors = list(self._actors)
        return [self._ray.get(actor.about.remote())[1] for actor in actors]

    def _do(self, job: PartJob) -> FinishedPart:
        errors = self._ray.exceptions
        limit = self._limit(job)
        seconds = limit.rest + limit.item * len(job.records)  # an actor does not say which record it is at
        try:
            return self._ray.get(self._actor().score.remote(job), timeout=seconds)
        except errors.GetTimeoutError as error:
            self._ray.kill(self._local.actor)
            self._drop()
            raise TimeLimitError(seconds) from error
        except (errors.RayActorError, errors.WorkerCrashedError, errors.OutOfMemoryError, errors.ObjectLostError) as e:
            self._drop()
            raise WorkerDiedError(str(e)) from e
        except errors.RayTaskError as error:  # what our own code raised there
            raise error.cause from error

    def _actor(self) -> Any:
        actor = getattr(self._local, "actor", None)
        if actor is None:
            actor = self._local.actor = self._remote.remote(self._task)
            with self._lock:
                self._actors.append(actor)
            there, _ = self._ray.get(actor.about.remote())
            if there != __version__:
                raise BindingError(
                    f"The cluster has binding {there}, this machine {__version__}.",
                    "Install the same version everywhere.",
                    "version_mismatch",
                )
        return actor

    def _drop(self) -> None:
        actor, self._local.actor = self._local.actor, None
        with self._lock:
            if actor in self._actors:
                self._actors.remove(actor)

    def close(self) -> None:
        """End the actors; jobs that wait are dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            actors, self._actors = self._actors, []
        for actor in actors:
            self._ray.kill(actor)

    def __enter__(self) -> ActorPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
