"""Files to damage, each kind prepared once."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """Path and whole contents of a kind of file."""
    from scripts.fuzz.targets import TARGETS

    kept = {}

    def made(kind: str):
        if kind not in kept:
            folder = tmp_path_factory.mktemp(kind)
            kept[kind] = (TARGETS[kind].prepare(folder), TARGETS[kind].seeds(kind, folder))
        path, seeds = kept[kind]
        path.write_bytes(seeds[0])
        return path, seeds

    return made
