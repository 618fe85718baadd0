"""Downloads that a public archive can bear: few at a time, patient, and never half a file.

Retried with growing, jittered waits are what may pass: busy servers, broken connections, bodies that
are cut off or are not what was asked for. ``Retry-After`` stops all downloads of a ``Downloader``.
"""

from __future__ import annotations

import http.client
import random
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from binding import __version__
from binding.errors import FetchError, UsageError

USER_AGENT = f"binding/{__version__} (protein-ligand structures; Python urllib)"

_ABSENT = (404, 410)
_PASSING = (408, 425, 429, 500, 502, 503, 504)
_PAUSE = (429, 503)  # the server speaks to the client, not about one file
_CHUNK = 1 << 16  # bytes
_LONGEST_TIMEOUT = 86_400.0  # seconds; sockets refuse what no clock can hold


@dataclass(frozen=True)
class Manners:
    """How patient and how modest the downloads are; refuses less than one try or no time (``UsageError``).

    Attributes:
        attempts: Tries of each file.
        timeout: Seconds without a byte after which a try is given up.
        deadline: Seconds that one try may take altogether.
        backoff: Seconds before the second try, doubled for each further one and jittered by half.
        longest_wait: Seconds; where the server asks for a longer wait, files fail at once.
        give_up_after: Files in a row without any answer from the server, after which none is tried any more.
        most_bytes: Size above which a body is refused.
    """

    attempts: int = 5
    timeout: float = 30.0
    deadline: float = 900.0
    backoff: float = 1.0
    longest_wait: float = 300.0
    give_up_after: int = 5
    most_bytes: int = 1 << 29

    def __post_init__(self) -> None:
        if self.attempts < 1 or not 0.0 < self.timeout <= _LONGEST_TIMEOUT:
            raise UsageError(
                f"{self.attempts} tries of {self.timeout:g} s each are not possible.",
                "Allow one try at least, and more than 0 s; a day at most.",
            )


class UnusableError(Exception):
    """What came is not what was asked for; raised by a ``check``, and tried again."""


class StoppedError(Exception):
    """``Downloader.stop`` was called while a download was under way or waiting."""


class _PassingError(Exception):
    """A try that failed in a way that may pass.

    Args:
        reason: What happened.
        answered: Whether the server said anything.
    """

    def __init__(self, reason: str, *, answered: bool = True) -> None:
        super().__init__(reason)
        self.answered = answered


class Downloader:
    """Fetches files by HTTP or HTTPS; one object serves several threads.

    Args:
        manners: Patience and modesty.
    """

    def __init__(self, manners: Manners | None = None) -> None:
        self.manners = manners or Manners()
        self._random = random.Random()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._closed_until = 0.0  # time.monotonic(), as the server asked
        self._silent = 0  # files in a row for which the server could not be reached
        self._opener = urllib.request.OpenerDirector()  # without file:// and ftp://, which redirects could name
        for handler in (
            urllib.request.ProxyHandler,
            urllib.request.HTTPHandler,
            urllib.request.HTTPSHandler,
            urllib.request.HTTPRedirectHandler,
            urllib.request.HTTPDefaultErrorHandler,
            urllib.request.HTTPErrorProcessor,
            urllib.request.UnknownHandler,
        ):
            self._opener.add_handler(handler())

    def stop(self) -> None:
        """End waits and tries; every later call raises ``StoppedError``."""
        self._stopped.set()

    def fetch(self, url: str, check: Callable[[bytes], bytes]) -> bytes:
        """The content at an address.

        Args:
            url: ``http://`` or ``https://``.
            check: Gets the body and gives what is to be kept; raises ``UnusableError`` where the body is no good.

        Raises:
            FetchError: ``not_in_archive`` (HTTP 404 or 410) or ``download_failed``.
            StoppedError: ``stop`` was called.
        """
        reason, answered = "", False
        for attempt in range(self.manners.attempts):
            if attempt:
                self._sleep(self._wait_before(attempt))
            self._wait_for_server(url)
            try:
                data = self._try(url, check)
            except _PassingError as error:
                reason, answered = str(error), answered or error.answered
                continue
            self._count(answered=True)
            return data
        self._count(answered)
        times = f"{self.manners.attempts} tries" if self.manners.attempts > 1 else "one try"
        raise FetchError(
            f"{url} could not be downloaded in {times}; the last: {reason}.",
            "Run the command again later: it goes on with what is missing.",
        )

    def _wait_before(self, attempt: int) -> float:
        wait = self.manners.backoff * 2.0 ** (attempt - 1) * self._random.uniform(0.5, 1.5)
        return min(wait, self.manners.longest_wait)

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise StoppedError

    def _count(self, answered: bool) -> None:
        with self._lock:
            self._silent = 0 if answered else self._silent + 1

    def _wait_for_server(self, url: str) -> None:
        """Wait as long as the server asked, or say why nothing is tried."""
        if self._silent >= self.manners.give_up_after:
            raise FetchError(
                f"{url} was not tried: the server could not be reached for {self._silent} files in a row.",
                "Check the network and the proxy (https_proxy), then run the command again.",
            )
        while (wait := self._closed_until - time.monotonic()) > 0:
            if wait > self.manners.longest_wait:
                raise FetchError(
                    f"{url} was not tried: the server asks to wait {wait:.0f} s.",
                    "Run the command again after that time: it goes on with what is missing.",
                )
            self._sleep(wait)
        if self._stopped.is_set():
            raise StoppedError

    def _try(self, url: str, check: Callable[[bytes], bytes]) -> bytes:
        try:
            return check(self._body(url))
        except UnusableError as error:
            raise _PassingError(str(error)) from None
        except urllib.error.HTTPError as error:
            error.close()
            raise self._judge(url, error) from None
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                raise FetchError(
                    f"{url} has a certificate that is not trusted: {error.reason.verify_message}.",
                    "Behind a proxy that opens HTTPS, name its certificate in SSL_CERT_FILE.",
                ) from None
            raise _PassingError(f"no connection ({error.reason})", answered=False) from None
        except TimeoutError:
            raise _PassingError(f"no byte for {self.manners.timeout:g} s", answered=False) from None
        except http.client.IncompleteRead as error:
            raise _PassingError(f"cut off after {len(error.partial)} bytes") from None
        except (http.client.HTTPException, OSError) as error:
            raise _PassingError(f"connection lost ({error or type(error).__name__})", answered=False) from None

    def _judge(self, url: str, error: urllib.error.HTTPError) -> Exception:
        """What an answer other than success means; a wait that the server asks for is noted."""
        if error.code in _ABSENT:
            self._count(answered=True)
            return FetchError(
                f"{url} does not exist (HTTP {error.code}).",
                "Check the name; the entry may be obsolete, superseded or not released yet.",
                "not_in_archive",
            )
        if error.code not in _PASSING:
            self._count(answered=True)
            return FetchError(
                f"{url} was refused (HTTP {error.code} {error.reason}).", "Check the address and your right to it."
            )
        asked = seconds_to_wait(error.headers.get("Retry-After"))
        if asked is not None or error.code in _PAUSE:
            until = time.monotonic() + (self.manners.backoff if asked is None else asked)
            with self._lock:
                self._closed_until = max(self._closed_until, until)
        return _PassingError(f"HTTP {error.code} {error.reason}")

    def _body(self, url: str) -> bytes:
        """The whole body of one request.

        Raises:
            UnusableError: It is shorter than announced, too slow, too large, or nothing tells whether it is whole.
        """
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        started = time.monotonic()
        with self._opener.open(urllib.request.Request(url, headers=headers), timeout=self.manners.timeout) as response:
            length = response.headers.get("Content-Length", "")
            chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
            parts: list[bytes] = []
            size = 0
            while part := response.read1(_CHUNK):
                parts.append(part)
                size += len(part)
                if self._stopped.is_set():
                    raise StoppedError
                if size > self.manners.most_bytes:
                    raise UnusableError(f"larger than {self.manners.most_bytes} bytes")
                if time.monotonic() - started > self.manners.deadline:
                    raise UnusableError(f"not done after {self.manners.deadline:g} s")
        body = b"".join(parts)
        if length.isdigit() and size != int(length):
            raise UnusableError(f"cut off after {size} of {length} bytes")
        if not length.isdigit() and not chunked and body[:2] != b"\x1f\x8b":  # gzip has a checksum of its own
            raise UnusableError("the server does not say how long the file is")
        return body


def seconds_to_wait(retry_after: str | None) -> float | None:
    """What a ``Retry-After`` header asks for, in seconds from now, or None where it says nothing that is understood.

    Args:
        retry_after: Whole seconds, or a date as in HTTP headers.
    """
    text = (retry_after or "").strip()
    if text.isdigit():
        return float(text)
    with suppress(ValueError):
        when = parsedate_to_datetime(text)
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        return max(0.0, (when - datetime.now(UTC)).total_seconds())
    return None
