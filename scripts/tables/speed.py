"""Blocks on `binding predict` and `binding data prepare`: an example and times."""

from __future__ import annotations

from collections.abc import Callable

from scripts.figures import FIGURES
from scripts.tables.common import count, load, load_text, speed, table


def demo() -> str:
    return f"```text\n{load_text(FIGURES / 'demo.txt').rstrip()}\n```"


def timings() -> str:
    content = speed()
    folder, where = content["folder"], content["machine"]
    per_second = folder["complexes"] / folder["seconds"]
    rows = [
        (
            f"`binding predict` of {folder['complexes']} complexes, files to table",
            f"{folder['seconds']:.0f} s, {per_second:.0f} a second",
        ),
        *((f"`{what}`" if "binding" in what else what, f"{1000 * s:.1f} ms") for what, s in content["stages"].items()),
    ]
    return table((f"{where['processor']}, {where['cores']} cores; the stages on one thread", "time"), rows)


def speed_line() -> str:
    folder, where = speed()["folder"], speed()["machine"]
    return (
        f"{folder['complexes']} complexes, whole proteins read from PDB and SDF files, take {folder['seconds']:.0f} s "
        f"on {where['cores']} CPU cores ({where['processor']}), start-up included."
    )


def prepare_speed() -> str:
    content = load(FIGURES / "bench_prepare.json")
    where, rows = content["machine"], []
    for folder in content["folders"]:
        cold, complexes = folder["cold"], folder["complexes"]
        rows.append(
            (
                f"`{folder['name']}`, {count(complexes)} complexes",
                f"{cold['cpu_seconds']:.0f} s, {complexes / cold['cpu_seconds']:.0f} a second",
                f"{cold['seconds']:.0f} s, load {folder['load']:.0f}",
                f"{folder['again']['cpu_seconds']:.1f} s",
                f"{folder['added']['cpu_seconds']:.1f} s",
                f"{folder['cache_bytes'] / complexes / 1000:.1f} kB",
            )
        )
    header = (
        f"{content['workers']} processes on {where['cores']} cores, {where['processor']}",
        "CPU time of all processes",
        "wall time, load of the machine before",
        "nothing changed, CPU",
        f"{content['folders'][0]['rows_added']} rows added, CPU",
        "cache, a complex",
    )
    return table(header, rows)


BLOCKS: dict[str, Callable[[], str]] = {
    "demo": demo,
    "prepare_speed": prepare_speed,
    "speed_line": speed_line,
    "timings": timings,
}
