"""The parts of a run that are done and left, and its progress."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from binding.screening.library import Records
from binding.screening.parts import PartInfo
from binding.screening.plan import Shard
from binding.screening.records import PartJob, cut_parts


@dataclass(frozen=True)
class Progress:
    """The progress of a run.

    Attributes:
        done: Records that have their rows, those of earlier runs included, and those of unfinished parts that are as
            good as done.
        failed: Those of ``done`` without a score.
        now: Those of ``done`` that this process did.
        expected: All records of the library, about; None where that is not known.
        ranking: Whether they are ranked without poses, of which the best are posed later.
    """

    done: int
    failed: int
    now: int
    expected: int | None
    ranking: bool = False

    @property
    def counts(self) -> str:
        """In words: how many records are done, of how many, and how many of them failed."""
        of = "" if self.expected is None else f" of about {max(self.expected, self.done)}"
        return (
            f"{self.done}{of} records ranked" if self.ranking else f"{self.done}{of} records done, {self.failed} failed"
        )


class Ledger:
    """The parts of a run as one process sees them; gives out the jobs that are left for its shard.

    Args:
        shard: Shard of this process.
        part_size: Most records of a part.
        done: The parts that are there.
        count: Number of all parts, where an earlier process has read the library to its end.
        expected: About how many records the library holds; None where that is not known.
        tell: Called at the start, after each part and as records of the parts under way are done.
        ranking: Whether the parts are those of a ranking without poses.

    Attributes:
        asked, scored: Records of this shard that are done, and how many of them have a score.
        seconds: Where the time went, by stage; ``read`` is counted here.
        count: Of all parts; None until the library has been read to its end.
    """

    def __init__(
        self,
        shard: Shard,
        part_size: int,
        done: dict[int, PartInfo],
        *,
        count: int | None,
        expected: int | None,
        tell: Callable[[Progress], None],
        ranking: bool = False,
    ) -> None:
        self._shard = shard
        self._ranking = ranking
        self._part_size = part_size
        self._done = done
        self._expected = None if expected is None else expected // shard.count
        self._tell = tell
        self._under_way = 0
        mine = [info for number, info in done.items() if shard.has(number)]
        self.asked = sum(info.records for info in mine)
        self.scored = sum(info.scored for info in mine)
        self._before = self._most = self.asked
        self.seconds: dict[str, float] = defaultdict(float)
        self.count = count

    def jobs(self, library: Records) -> Iterator[PartJob]:
        """The jobs that are left for this shard, cut lazily; at the end ``count`` is known."""
        self._say()
        if self.all_done:  # the library is the same and was read to its end before
            return
        count, start = 0, time.perf_counter()
        for cut in cut_parts(library.records(), self._part_size, self._is_wanted):
            count += 1
            if isinstance(cut, PartJob):
                self.seconds["read"] += time.perf_counter() - start
                yield cut
                start = time.perf_counter()
        self.seconds["read"] += time.perf_counter() - start
        self.count = count

    def add(self, info: PartInfo, seconds: Mapping[str, float]) -> None:
        """Take a part that has been written.

        Args:
            info: Metadata of the part.
            seconds: Time spent on it, by stage.
        """
        self._done[info.number] = info
        self.asked += info.records
        self.scored += info.scored
        for stage, spent in seconds.items():
            self.seconds[stage] += spent
        self._under_way = 0  # how many of them are in this part is not known; the next word counts afresh
        self._say()

    def look(self, under_way: int) -> None:
        """Take news of the parts under way.

        Args:
            under_way: Their records that are as good as done.
        """
        if under_way != self._under_way:
            self._under_way = under_way
            self._say()

    @property
    def all_done(self) -> bool:
        """Whether this shard has no part left."""
        return self.count is not None and not any(map(self._is_wanted, range(self.count)))

    def _is_wanted(self, number: int) -> bool:
        return self._shard.has(number) and number not in self._done

    def _say(self) -> None:
        self._most = done = max(self._most, self.asked + self._under_way)  # a part that is done again goes not back
        self._tell(Progress(done, self.asked - self.scored, done - self._before, self._expected, self._ranking))
