"""The plan of a screen, and the part of it that each process needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from binding.errors import UsageError
from binding.poses.poser import Posing
from binding.score.options import ScoringOptions
from binding.structures import Protein

ENGINES: Final = ("local", "ray")
PART_SIZE: Final = 1024
TOP: Final = 100


@dataclass(frozen=True)
class EngineOptions:
    """Where parts are worked on; nothing here changes a number.

    Attributes:
        name: One of ``ENGINES``.
        ray_address: Address of a running Ray cluster; None starts one on this machine.
        gpus_per_worker: Share of a GPU for each Ray worker; None for a whole one where a GPU is asked for.
    """

    name: str = "local"
    ray_address: str | None = None
    gpus_per_worker: float | None = None

    def __post_init__(self) -> None:
        if self.name not in ENGINES:
            raise UsageError(f"There is no engine {self.name!r}.", f"Use one of {', '.join(ENGINES)}.")


@dataclass(frozen=True)
class Shard:
    """One of several jobs that share a run: part ``n`` is worked on by shard ``n % count + 1``.

    Attributes:
        index: From 1.
        count: Number of shards.
    """

    index: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.count:
            raise UsageError(
                f"There is no shard {self.index}/{self.count}.", "Write --shard 3/20: the third of twenty."
            )

    def has(self, number: int) -> bool:
        """Whether a part is this shard's."""
        return number % self.count == self.index - 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """A shard in words, such as ``3/20``.

        Raises:
            UsageError: The text is not a shard.
        """
        index, slash, count = text.partition("/")
        if not (slash and index.strip().isdigit() and count.strip().isdigit()):
            raise UsageError(f"{text!r} is no shard.", "Write --shard 3/20: the third of twenty.")
        return cls(int(index), int(count))


@dataclass(frozen=True, kw_only=True)
class ScreenPlan:
    """The plan of a screen.

    Attributes:
        library: Files, folders, globs, lists or tables; see ``binding.screening.library``.
        output: Folder of the run.
        protein: The receptor; None where the library is a table of pairs.
        scoring: How poses are scored, weights by name or path. Of ``workers`` processes, None takes as many as there
            are cores, or with Ray as many as the cluster has room for, and 0 none but this one.
        compound_tag: SD tag that groups the poses of a compound; by default the record's title does.
        part_size: Most records of a part; by default 1,024 poses, or fewer SMILES, which take longer.
        posing: How SMILES get poses.
        prefilter: How many compounds get poses: those nearest to a measurement at this site. None for all.
        engine: Where the work is done.
        shard: Which share of the parts this process does.
        top: Compounds in ``top.sdf``.
        restart: Discard what the folder holds.
    """

    library: Sequence[str | Path]
    output: Path
    protein: Path | None = None
    scoring: ScoringOptions = field(default_factory=ScoringOptions)
    compound_tag: str | None = None
    part_size: int | None = None
    posing: Posing | None = None
    prefilter: int | None = None
    engine: EngineOptions = field(default_factory=EngineOptions)
    shard: Shard = field(default_factory=Shard)
    top: int = TOP
    restart: bool = False

    @property
    def records_of_part(self) -> int:
        """Most records of a part."""
        if self.part_size is not None:
            return self.part_size
        return PART_SIZE if self.posing is None else self.posing.part_size


@dataclass(frozen=True, eq=False, kw_only=True)
class ScreenTask:
    """What every process needs to score parts; it can be pickled.

    Attributes:
        scoring: With the weights by an absolute path and the device resolved: ``cpu``, ``cuda``, ``cuda:1``.
        receptor: The run's receptor; None where each record names its own.
        receptor_name: As shown in the rows.
        compound_tag: SD tag that groups the poses of a compound; None for the record's title.
        posing: How SMILES get poses; None where the library has none.
    """

    scoring: ScoringOptions
    receptor: Protein | None = None
    receptor_name: str = ""
    compound_tag: str | None = None
    posing: Posing | None = None
