"""Downloads through every fault of the server, and the manners that spare it."""

from __future__ import annotations

import gzip
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from archive_server import (
    HTML,
    cut_off,
    cut_off_without_length,
    drop,
    hang,
    in_chunks,
    instead,
    status,
    trickle,
)

from binding.archive.download import USER_AGENT, Downloader, Manners, StoppedError, seconds_to_wait
from binding.archive.store import Archive
from binding.errors import FetchError, UsageError

PATH = "/mmCIF/cu/4cup.cif.gz"
COMPONENT = "/ligands/ZYB.cif"


@pytest.fixture
def archive(server, manners, tmp_path):
    return Archive(tmp_path / "kept", Downloader(manners), **server.addresses)


def test_an_entry_is_fetched_once_and_kept(server, archive, served):
    path = archive.entry("4CUP")
    assert path.name == "4cup.cif.gz"
    assert path.read_bytes() == served[PATH]
    assert archive.entry("4cup") == path
    assert server.asked[PATH] == 1
    assert server.headers["User-Agent"] == USER_AGENT


def test_a_plain_component_is_kept_gzipped(archive, served):
    path = archive.component("zyb")
    assert path.name == "ccd_ZYB.cif.gz"
    assert gzip.decompress(path.read_bytes()) == served[COMPONENT]


@pytest.mark.parametrize(
    "faults",
    [
        [status(500)],
        [status(502), status(504)],
        [cut_off],
        [drop],
        [hang],
        [instead(HTML)],
        [instead(b"")],
        [instead(b'{"error": "rate"}')],
        [instead(b"data_4CUP\n_entry.id 4CUP\n")],
        [status(429, Retry_After="0"), cut_off],
    ],
    ids=["500", "502-504", "cut", "drop", "hang", "html", "empty", "json", "header", "429-cut"],
)
def test_what_passes_is_tried_again(server, archive, served, faults):
    server.faults[PATH] = list(faults)
    assert archive.entry("4cup").read_bytes() == served[PATH]
    assert server.asked[PATH] == len(faults) + 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (status(500), "HTTP 500"),
        (cut_off, "cut off after"),
        (cut_off_without_length, "damaged gzip"),
        (drop, "connection lost"),
        (hang, "no byte for 0.5 s"),
        (instead(HTML), "a web page instead"),
        (instead(b"data_4CUP\n_entry.id 4CUP\n"), "not an mmCIF file with _atom_site"),
    ],
    ids=["500", "cut", "gzip", "drop", "hang", "html", "header"],
)
def test_what_stays_is_a_failure_with_its_reason_and_leaves_nothing(server, archive, tmp_path, fault, reason):
    server.faults[PATH] = [fault] * 3
    with pytest.raises(FetchError, match=reason) as caught:
        archive.entry("4cup")
    assert caught.value.code == "download_failed"
    assert server.asked[PATH] == 3
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    with pytest.raises(FetchError):  # the next row that needs the file costs no further requests
        archive.entry("4cup")
    assert server.asked[PATH] == 3


def test_a_plain_body_that_nothing_measures_is_refused(server, archive):
    server.faults[COMPONENT] = [cut_off_without_length] * 3
    with pytest.raises(FetchError, match="does not say how long"):
        archive.component("ZYB")


def test_chunks_are_a_measure(server, archive, served):
    server.faults[COMPONENT] = [in_chunks]
    assert gzip.decompress(archive.component("ZYB").read_bytes()) == served[COMPONENT]
    assert server.asked[COMPONENT] == 1


def test_a_body_that_trickles_is_given_up(server, manners):
    downloader = Downloader(replace(manners, attempts=1, deadline=0.3))
    server.faults[PATH] = [trickle]
    started = time.monotonic()
    with pytest.raises(FetchError, match=r"not done after 0\.3 s"):
        downloader.fetch(server.url + PATH, bytes)
    assert time.monotonic() - started < 2.0


def test_a_body_that_is_too_large_is_refused(server, manners):
    with pytest.raises(FetchError, match="larger than 100 bytes"):
        Downloader(replace(manners, attempts=1, most_bytes=100)).fetch(server.url + PATH, bytes)


@pytest.mark.parametrize("code", [404, 410])
def test_what_is_not_there_is_not_asked_for_again(server, archive, code):
    server.faults[PATH] = [status(code)]
    with pytest.raises(FetchError) as caught:
        archive.entry("4cup")
    assert caught.value.code == "not_in_archive"
    assert server.asked[PATH] == 1


@pytest.mark.parametrize("code", [400, 401, 403])
def test_a_refusal_is_not_asked_for_again(server, archive, code):
    server.faults[PATH] = [status(code)]
    with pytest.raises(FetchError, match=f"HTTP {code}") as caught:
        archive.entry("4cup")
    assert caught.value.code == "download_failed"
    assert server.asked[PATH] == 1


def test_retry_after_holds_up_every_thread(server, archive):
    other = "/mmCIF/wq/6wqa.cif.gz"
    server.faults[PATH] = [status(429, Retry_After="1")]
    first = threading.Thread(target=archive.entry, args=["4cup"])
    first.start()
    while not server.asked[PATH]:
        time.sleep(0.005)
    time.sleep(0.1)  # the answer is on its way
    archive.entry("6wqa")
    first.join()
    assert server.times[PATH][1] - server.times[PATH][0] > 0.95
    assert server.times[other][0] - server.times[PATH][0] > 0.95


def test_a_wait_that_is_too_long_ends_the_downloads(server, archive):
    server.faults[PATH] = [status(503, Retry_After="3600")]
    with pytest.raises(FetchError, match=r"asks to wait 3[56]\d\d s"):
        archive.entry("4cup")
    with pytest.raises(FetchError, match="asks to wait"):
        archive.entry("6wqa")
    assert sum(server.asked.values()) == 1


def test_a_server_that_is_away_is_not_asked_for_every_file(server, manners):
    downloader = Downloader(replace(manners, attempts=2, give_up_after=3))
    server.faults[PATH] = [drop] * 100
    for _ in range(3):
        with pytest.raises(FetchError, match="connection lost"):
            downloader.fetch(server.url + PATH, bytes)
    with pytest.raises(FetchError, match="could not be reached for 3 files in a row"):
        downloader.fetch(server.url + PATH, bytes)
    assert server.asked[PATH] == 6


def test_a_server_that_answers_badly_is_not_away(server, manners, served):
    downloader = Downloader(replace(manners, attempts=1, give_up_after=2))
    server.faults[PATH] = [status(500), status(500), status(404), drop, status(500)]
    for _ in range(5):
        with pytest.raises(FetchError):
            downloader.fetch(server.url + PATH, bytes)
    assert downloader.fetch(server.url + PATH, bytes) == served[PATH]


def test_nobody_at_the_address(manners):
    with pytest.raises(FetchError, match="no connection"):
        Downloader(manners).fetch("http://127.0.0.1:9/4cup.cif.gz", bytes)


def test_redirects_lead_on_but_never_to_files(server, archive, manners, served):
    server.faults[PATH] = [status(302, Location=server.url + "/mmCIF/wq/6wqa.cif.gz")]
    assert archive.entry("4cup").read_bytes() == served["/mmCIF/wq/6wqa.cif.gz"]
    server.faults[PATH] = [status(302, Location="file:///etc/hostname")] * 3
    with pytest.raises(FetchError):
        Downloader(manners).fetch(server.url + PATH, bytes)


def test_stopping_ends_a_wait(server, manners):
    downloader = Downloader(replace(manners, backoff=60.0, longest_wait=60.0))
    server.faults[PATH] = [status(500)]
    seen = []

    def wait():
        try:
            downloader.fetch(server.url + PATH, bytes)
        except StoppedError as error:
            seen.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    while not server.asked[PATH]:
        time.sleep(0.005)
    downloader.stop()
    thread.join(2.0)
    assert len(seen) == 1
    with pytest.raises(StoppedError):
        downloader.fetch(server.url + PATH, bytes)


def test_a_kept_file_that_was_damaged_is_fetched_again(server, archive, served):
    path = archive.entry("4cup")
    path.write_bytes(served[PATH][:1000])
    assert archive.entry("4cup").read_bytes() == served[PATH]
    assert server.asked[PATH] == 2


@pytest.mark.parametrize("answer", ["120", " 7 "])
def test_retry_after_in_seconds(answer):
    assert seconds_to_wait(answer) == float(answer)


def test_retry_after_as_a_date():
    later = datetime.now(UTC) + timedelta(seconds=90)
    assert seconds_to_wait(format_datetime(later, usegmt=True)) == pytest.approx(90, abs=2)
    assert seconds_to_wait(format_datetime(later - timedelta(hours=1), usegmt=True)) == 0.0


@pytest.mark.parametrize("answer", [None, "", "soon", "-5"])
def test_retry_after_that_says_nothing(answer):
    assert seconds_to_wait(answer) is None


@pytest.mark.parametrize(
    "address",
    ["ftp://files/{id}.cif", "file:///mirror/{id}.cif", "https://x/4cup.cif", "https://x/{pdb}.cif", "https://x/{id"],
)
def test_addresses_that_cannot_be_used(tmp_path, address):
    with pytest.raises(UsageError) as caught:
        Archive(tmp_path, Downloader(), entry_url=address)
    assert "{id}" in caught.value.hint


@pytest.mark.parametrize("bad", [{"attempts": 0}, {"timeout": 0.0}, {"timeout": float("nan")}])
def test_no_try_or_no_time_is_refused(bad):
    with pytest.raises(UsageError):
        Manners(**bad)


def test_extended_pdb_ids_are_sorted_by_the_same_letters(server, archive, served):
    server.files["/mmCIF/cu/pdb_00004cup.cif.gz"] = served[PATH]
    assert archive.entry("pdb_00004CUP").name == "pdb_00004cup.cif.gz"
