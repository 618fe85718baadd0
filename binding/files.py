"""Everything about writing: files that appear whole or not at all, folders for results, digests, clear errors.

A file is written beside its final name, synced to the disk and then renamed: a name that is there belongs to a
complete file, even after a power cut. While it is written it is called ``<name>.partial``, or
``<name>.<process>.partial`` where several processes may write it at once.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from binding.errors import UsageError, WriteError

#: What the system reports where there is no room left, a quota is used up, or a file may not grow further.
FULL_DISK: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
PARTIAL: Final = ".partial"
_FORBIDDEN: Final = (errno.EACCES, errno.EPERM, errno.EROFS)
_SHOWN: Final = 60  # letters of a name that is too long


def partial_path(path: Path, *, shared: bool = False) -> Path:
    """Where an unfinished file lies.

    Args:
        path: Its final name.
        shared: Whether other processes may write the same file at the same time.
    """
    return path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}" if shared else f"{path.name}{PARTIAL}")


class atomic:  # noqa: N801 - used like a function
    """A file that appears as a whole: ``with atomic(path) as partial: write(partial)``.

    Where the block fails, Ctrl-C included, an older file stays as it was and the unfinished one is removed.

    Args:
        path: The file to make or to replace; its folder has to exist.
        resumes: Whether the same command, given again after a failure, continues where it stopped; the hint says so.
        shared: Whether other processes may write the same file at the same time.
        keep: Keep the unfinished file where the block fails: it holds results that a user may want.

    Raises:
        WriteError: Instead of the system's error; on entry already where the file cannot be written at all.
    """

    def __init__(self, path: Path, *, resumes: bool = False, shared: bool = False, keep: bool = False) -> None:
        self.path = path
        self.partial = partial_path(path, shared=shared)
        self._resumes = resumes
        self._keep = keep

    def __enter__(self) -> Path:
        try:
            with self.partial.open("wb"):  # before anything is computed; what a killed process left is dropped
                pass
        except OSError as error:
            raise write_error(self.path, error, resumes=self._resumes) from None
        return self.partial

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *rest: object) -> None:
        try:
            if error is None:
                _sync(self.partial)
                os.replace(self.partial, self.path)
                _sync(self.path.parent)
                return
        except OSError as failure:
            error = failure
        if not self._keep:
            self.partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and self._is_ours(error):
            raise write_error(self.path, error, resumes=self._resumes) from None

    def _is_ours(self, error: OSError) -> bool:
        """Not another file that the block opened, nor a closed pipe, such as ``| head``."""
        if isinstance(error, BrokenPipeError):
            return False
        return error.filename is None or Path(os.fsdecode(error.filename)) in (self.path, self.partial)


def write_bytes(path: Path, data: bytes, *, resumes: bool = False, shared: bool = False) -> None:
    """Write a file whole or not at all; the arguments are those of ``atomic``.

    Raises:
        WriteError: ``disk_full`` or ``not_writable``.
    """
    with atomic(path, resumes=resumes, shared=shared) as partial:
        partial.write_bytes(data)


def write_text(path: Path, text: str, *, resumes: bool = False, shared: bool = False) -> None:
    """Write a text file (UTF-8) whole or not at all; the arguments are those of ``atomic``.

    Raises:
        WriteError: ``disk_full`` or ``not_writable``.
    """
    write_bytes(path, text.encode(), resumes=resumes, shared=shared)


def make_folder(path: Path, *, resumes: bool = False) -> None:
    """Make a folder for results, and those above it, where they are missing.

    Raises:
        WriteError: ``disk_full`` or ``not_writable``, also where a file has the name.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(path, error, resumes=resumes, what="The folder {} cannot be made") from None


def check_writable(path: Path) -> None:
    """Refuse an output file that could not be written, before anything is computed.

    Raises:
        WriteError: It is a folder, its name is too long, or its folder is missing or read-only.
    """
    check_name(path)
    if path.is_dir():
        raise WriteError(f"{path} cannot be written.", "It is a folder.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise WriteError(f"{path} cannot be written.", f"The folder {path.parent} has to exist and be writable.")


def check_name(path: Path) -> None:
    """Refuse the name of an output, file or folder, that is too long for its file system.

    Raises:
        WriteError: ``not_writable``.
    """
    try:
        os.lstat(path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise write_error(path, error) from None


def check_not_input(output: Path, inputs: Iterable[Path]) -> None:
    """Refuse to write over what is being read.

    Args:
        output: The file to write.
        inputs: What the command reads; those that do not exist are passed over.

    Raises:
        UsageError: ``output`` is one of them, also by another name or a link.
        WriteError: The name of ``output`` is too long.
    """
    check_name(output)
    if not output.exists():
        return
    for path in inputs:
        if path.exists() and output.samefile(path):
            raise UsageError(f"{output} is also an input of this command.", "Give the output another name.")


def file_sha256(path: Path) -> str:
    """The SHA-256 digest of a file's bytes, 64 hexadecimal digits.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_error(path: Path, error: OSError, *, resumes: bool = False, what: str = "{} cannot be written") -> WriteError:
    """What the system reports about a file that cannot be written, in the user's words.

    Args:
        path: The file or folder.
        error: The system's error.
        resumes: Whether the same command, given again, continues where it stopped.
        what: The message's first half, with a place for the name.
    """
    if error.errno in FULL_DISK:
        then = "continues where it stopped" if resumes else "starts from the beginning"
        hint = f"Free some space and give the same command again: it {then}."
        return WriteError(f"{what.format(path)}: the disk is full.", hint, "disk_full")
    if error.errno == errno.ENAMETOOLONG:
        text = str(path)
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        hint = f"Choose a shorter one: most file systems allow 255 bytes, of which {PARTIAL} takes {len(PARTIAL)}."
        return WriteError(f"{what.format(shown)}: the name is too long.", hint)
    hint = (
        "Choose another folder, or change its permissions." if error.errno in _FORBIDDEN else "Choose another folder."
    )
    taken = error.errno in (errno.EEXIST, errno.ENOTDIR)
    reason = "there is a file of that name" if taken else error.strerror or error
    return WriteError(f"{what.format(path)}: {reason}.", hint)


def _sync(path: Path) -> None:
    """Put a file, or the names in a folder, on the disk."""
    if os.name == "nt" and path.is_dir():  # folders cannot be opened there
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
