"""Files that are written whole or not at all, and what is said where they cannot be."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from binding.errors import UsageError, WriteError
from binding.files import (
    atomic,
    check_name,
    check_not_input,
    check_writable,
    file_sha256,
    make_folder,
    partial_path,
    write_bytes,
    write_error,
    write_text,
)

LONG = "n" * 304


def half(path: Path, error: BaseException, **how) -> None:
    with atomic(path, **how) as partial:
        partial.write_text("half")
        raise error


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")])
def test_a_block_that_fails_leaves_the_older_file_and_nothing_else(tmp_path, error, shared):
    path = tmp_path / "file"
    path.write_text("before")
    with pytest.raises((type(error), WriteError)):
        half(path, error, shared=shared)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unfinished_file_is_kept_where_asked(tmp_path):
    path = tmp_path / "out.csv"
    with pytest.raises(KeyboardInterrupt):
        half(path, KeyboardInterrupt(), keep=True)
    assert [item.name for item in tmp_path.iterdir()] == ["out.csv.partial"]
    assert partial_path(path).read_text() == "half"


def test_what_a_killed_process_left_is_written_over(tmp_path):
    path = tmp_path / "file"
    partial_path(path).write_text("much more than what is written now")
    write_text(path, "now")
    assert path.read_text() == "now"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    path, done = tmp_path / "file", []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (done.append("sync"), sync(descriptor)))
    monkeypatch.setattr(os, "replace", lambda *names: (done.append("replace"), replace(*names)))
    write_bytes(path, b"text")
    assert done == ["sync", "replace", "sync"]  # the content, the name, the folder


def test_a_file_that_cannot_be_finished_is_not_there(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match="the disk is full"):
        write_bytes(tmp_path / "file", b"text")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("resumes", "then"), [(True, "it continues where it stopped"), (False, "it starts from the beginning")]
)
def test_the_hint_of_a_full_disk_says_what_a_second_try_does(tmp_path, resumes, then):
    with pytest.raises(WriteError) as caught:
        half(tmp_path / "file", OSError(errno.ENOSPC, "No space left on device"), resumes=resumes)
    assert caught.value.code == "disk_full"
    assert then in caught.value.hint


def test_an_error_about_something_else_stays_what_it_is(tmp_path):
    with pytest.raises(BrokenPipeError):  # as of `| head`, which is no fault of the file
        half(tmp_path / "file", BrokenPipeError())
    with pytest.raises(FileNotFoundError):
        half(tmp_path / "file", FileNotFoundError(errno.ENOENT, "No such file", "another"))


def test_a_name_that_is_too_long_is_one_clear_error(tmp_path):
    path = tmp_path / f"{LONG}.csv"
    for refused in (check_name, check_writable, lambda path: check_not_input(path, []), lambda p: write_bytes(p, b"")):
        with pytest.raises(WriteError, match="the name is too long") as caught:
            refused(path)
        assert "shorter" in caught.value.hint
        assert len(str(caught.value)) < 120
    with pytest.raises(WriteError, match=r"The folder .* cannot be made: the name is too long"):
        make_folder(tmp_path / LONG)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_too_long_only_with_its_ending_is_told_on_entry(tmp_path):
    path = tmp_path / ("n" * 250)
    check_name(path)
    with pytest.raises(WriteError, match="too long"), atomic(path):
        raise AssertionError("nothing may be computed")


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for path, hint in ((tmp_path, "It is a folder"), (tmp_path / "no" / "file", "has to exist and be writable")):
        with pytest.raises(WriteError, match="cannot be written") as caught:
            check_writable(path)
        assert (caught.value.code, hint in caught.value.hint) == ("not_writable", True)
    with pytest.raises(WriteError, match="cannot be made: there is a file of that name"):
        make_folder(tmp_path / "file" / "folder")


def test_an_output_is_never_an_input(tmp_path):
    path = tmp_path / "file"
    check_not_input(path, [path])  # it is not there yet
    path.write_text("")
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(UsageError, match="also an input"):
        check_not_input(tmp_path / "link", [tmp_path / "missing", path])


def test_the_digest_of_a_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 3_000_000)
    assert file_sha256(path) == hashlib.sha256(b"x" * 3_000_000).hexdigest()


def test_the_system_reason_and_a_hint(tmp_path):
    error = write_error(tmp_path / "f", PermissionError(errno.EACCES, "Permission denied"))
    assert error.message == f"{tmp_path / 'f'} cannot be written: Permission denied."
    assert "permissions" in error.hint
