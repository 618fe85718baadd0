"""What a step frees is kept on glibc, and other C libraries are left alone."""

from __future__ import annotations

from binding import memory


class Library:
    """Notes what is asked of it."""

    def __init__(self):
        self.calls = []

    def mallopt(self, parameter, value):
        self.calls.append((parameter, value))

    def malloc_trim(self, room):
        self.calls.append(("trim", room))


def test_memory_is_given_back_at_the_end(monkeypatch):
    library = Library()
    monkeypatch.setattr(memory, "_glibc", lambda: library)
    with memory.freed_memory_kept():
        assert [parameter for parameter, _ in library.calls] == [-1, -3]
        assert all(0 < value < 2**31 for _, value in library.calls)  # an int of C
    assert library.calls[2:] == [("trim", 0)]


def test_other_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    assert memory._glibc() is None
    with memory.freed_memory_kept():
        pass
