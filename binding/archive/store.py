"""Entries and chemical components of the PDB: downloaded once, kept in a folder, checked before each use."""

from __future__ import annotations

import gzip
import threading
import zlib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from string import Formatter

from binding.archive.download import Downloader, UnusableError
from binding.errors import BindingError, FileError, UsageError
from binding.files import make_folder, write_bytes
from binding.io.files import check_content

ENTRY_URL = "https://files.wwpdb.org/pub/pdb/data/structures/divided/mmCIF/{middle}/{id}.cif.gz"
COMPONENT_URL = "https://files.rcsb.org/ligands/download/{code}.cif"

_IN_ENTRY = b"_atom_site."
_IN_COMPONENT = b"_chem_comp."  # UNL, the unknown ligand, has no atoms


class Archive:
    """A folder of downloaded mmCIF files, filled as they are asked for; several threads may ask.

    Args:
        folder: Where the files are kept, ``entries/<id>.cif.gz`` and ``components/<code>.cif.gz``.
        downloader: Fetches what is not there.
        entry_url: Address of an entry, with ``{id}`` (lower case), ``{ID}`` or ``{middle}`` (the two letters by
            which the archive sorts its folders).
        component_url: Address of a component, with ``{code}`` and, if needed, ``{last}`` (its last letter).

    Raises:
        UsageError: An address without placeholder, with an unknown one, or of another scheme than HTTP.
    """

    def __init__(
        self,
        folder: Path,
        downloader: Downloader,
        *,
        entry_url: str = ENTRY_URL,
        component_url: str = COMPONENT_URL,
    ) -> None:
        _check_address(entry_url, known=("id", "ID", "middle"), needed=("id", "ID"))
        _check_address(component_url, known=("code", "last"), needed=("code",))
        self._folder = folder
        self._downloader = downloader
        self._entry_url = entry_url
        self._component_url = component_url
        self._locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)
        self._guard = threading.Lock()
        self._failed: dict[Path, BindingError] = {}

    def entry(self, pdb_id: str) -> Path:
        """The mmCIF file of an entry, gzipped.

        Args:
            pdb_id: Such as ``4cup`` or ``pdb_00004cup``.

        Raises:
            FetchError: ``not_in_archive`` or ``download_failed``.
            WriteError: The file cannot be written.
        """
        name = pdb_id.lower()
        url = self._entry_url.format(id=name, ID=name.upper(), middle=name[-3:-1])
        return self._file(self._folder / "entries" / f"{name}.cif.gz", url, _IN_ENTRY)

    def component(self, code: str) -> Path:
        """The chemical component dictionary's file of a component, gzipped.

        Args:
            code: Such as ``ZYB``.

        Raises:
            FetchError: ``not_in_archive`` or ``download_failed``.
            WriteError: The file cannot be written.
        """
        name = code.upper()
        url = self._component_url.format(code=name, last=name[-1])
        # The prefix keeps names that Windows reserves (CON, AUX) from being file names.
        return self._file(self._folder / "components" / f"ccd_{name}.cif.gz", url, _IN_COMPONENT)

    def _file(self, path: Path, url: str, holds: bytes) -> Path:
        with self._guard:
            lock = self._locks[path]
        with lock:  # two rows that need one file make one download
            if path in self._failed:
                raise self._failed[path]
            if not _is_whole(path, holds):
                try:
                    data = self._downloader.fetch(url, _checker(path, holds))
                except BindingError as error:
                    self._failed[path] = error
                    raise
                make_folder(path.parent, resumes=True)
                write_bytes(path, data, resumes=True, shared=True)
        return path


def _check_address(template: str, known: tuple[str, ...], needed: tuple[str, ...]) -> None:
    hint = f"Write it as https://... with {' or '.join(f'{{{name}}}' for name in needed)} in it."
    if not template.startswith(("http://", "https://")):
        raise UsageError(f"The address {template!r} is not HTTP.", hint)
    try:
        fields = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise UsageError(f"The address {template!r} is not understood: {error}.", hint) from None
    unknown = [name for name in fields if name not in known]
    if unknown or not set(fields) & set(needed):
        what = f"has the unknown placeholder {{{unknown[0]}}}" if unknown else "has no placeholder"
        raise UsageError(f"The address {template!r} {what}.", hint)


def _checker(path: Path, holds: bytes) -> Callable[[bytes], bytes]:
    """A check that gives the body gzipped, or says why it is not the mmCIF file that was asked for."""

    def check(body: bytes) -> bytes:
        text = _unzipped(body)
        try:
            check_content(path, text)
        except FileError as error:  # an empty answer, or a web page
            raise UnusableError("an empty file" if error.code == "empty_file" else "a web page instead") from None
        if b"data_" not in text[:4096] or holds not in text:
            raise UnusableError(f"not an mmCIF file with {holds.decode()[:-1]}")
        return body if body[:2] == b"\x1f\x8b" else gzip.compress(body, mtime=0)

    return check


def _unzipped(body: bytes) -> bytes:
    if body[:2] != b"\x1f\x8b":
        return body
    try:
        return gzip.decompress(body)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnusableError(f"a damaged gzip stream ({error})") from None


def _is_whole(path: Path, holds: bytes) -> bool:
    """Whether the file is there and passes the same check as when it came."""
    try:
        _checker(path, holds)(path.read_bytes())
    except (FileNotFoundError, UnusableError):
        return False
    return True
