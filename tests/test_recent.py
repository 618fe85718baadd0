"""Of the values that are kept, those go that have not been asked for longest."""

from __future__ import annotations

import pickle

from binding.recent import Recent


def test_a_value_is_found_once_while_it_is_asked_for():
    found = list[bytes]()
    recent = Recent[bytes](2)

    def of(key: bytes) -> bytes:
        return recent.of(key, lambda: found.append(key) or key)

    assert [of(key) for key in (b"a", b"b", b"a", b"c", b"a", b"b")] == [b"a", b"b", b"a", b"c", b"a", b"b"]
    assert found == [b"a", b"b", b"c", b"b"]
    assert len(recent) == 2
    assert b"c" not in recent


def test_a_value_found_elsewhere_is_kept_as_the_last():
    recent = Recent[int](2)
    for key, value in ((b"a", 1), (b"b", 2), (b"a", 3), (b"c", 4)):
        recent.keep(key, value)
    assert b"b" not in recent
    assert recent[b"a"] == 3
    recent.clear()
    assert not len(recent)


def test_it_travels_to_another_process():
    recent = Recent[int](2)
    recent.keep(b"a", 1)
    assert pickle.loads(pickle.dumps(recent))[b"a"] == 1
