"""The server of ``conftest.py``, and the files it serves, made from the example complexes."""

from __future__ import annotations

import gzip
import threading
import time
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import gemmi

HTML = b"<!DOCTYPE html><html><body>Down for maintenance</body></html>"


class ArchiveServer:
    """Serves a dictionary of files; each fault that is queued for a path spoils one answer.

    Attributes:
        files: Content by path.
        faults: By path, functions that answer with the handler and the content in place of the server.
        asked: How often each path was asked for.
        headers: Of the last request.
        at_once: The most requests that were under way together.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.faults: defaultdict[str, list] = defaultdict(list)
        self.asked: Counter[str] = Counter()
        self.times: defaultdict[str, list[float]] = defaultdict(list)
        self.headers = {}
        self.at_once = 0
        self.delay = 0.0
        self._under_way = 0
        self._lock = threading.Lock()
        self.closing = threading.Event()
        archive = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                archive.answer(self)

            def log_message(self, *_):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self.asked[handler.path] += 1
            self.times[handler.path].append(time.monotonic())
            self.headers = dict(handler.headers)
            self._under_way += 1
            self.at_once = max(self.at_once, self._under_way)
            fault = self.faults[handler.path].pop(0) if self.faults[handler.path] else None
        try:
            time.sleep(self.delay)
            body = self.files.get(handler.path)
            if fault is not None:
                fault(self, handler, body)
            elif body is None:
                send(handler, 404, b"not found")
            else:
                send(handler, 200, body)
        finally:
            handler.close_connection = True
            with self._lock:
                self._under_way -= 1

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def addresses(self) -> dict[str, str]:
        return {
            "entry_url": self.url + "/mmCIF/{middle}/{id}.cif.gz",
            "component_url": self.url + "/ligands/{code}.cif",
        }

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()


def send(handler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def status(code: int, **headers: str):
    return lambda server, handler, body: send(handler, code, b"later", **headers)


def instead(other: bytes):
    return lambda server, handler, body: send(handler, 200, other)


def cut_off(server, handler, body: bytes) -> None:
    """Announces the whole and sends half."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])


def cut_off_without_length(server, handler, body: bytes) -> None:
    """What an old proxy does: half of the body, and nothing that says so."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])


def hang(server, handler, body: bytes) -> None:
    server.closing.wait(10)


def trickle(server, handler, body: bytes) -> None:
    """A byte now and then, so that no single wait is long."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    for byte in body[:200]:
        if server.closing.wait(0.05):
            return
        try:
            handler.wfile.write(bytes([byte]))
        except OSError:
            return


def drop(server, handler, body: bytes) -> None:
    """Closes the connection without a word."""


def in_chunks(server, handler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for start in range(0, len(body), 1000):
        part = body[start : start + 1000]
        handler.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
    handler.wfile.write(b"0\r\n\r\n")


# ---------------------------------------------------------------- files


def document_of(path: Path) -> gemmi.cif.Document:
    return gemmi.cif.read_string(gzip.decompress(path.read_bytes()).decode())


def packed(document: gemmi.cif.Document) -> bytes:
    return gzip.compress(document.as_string().encode(), mtime=0)


def entry_without_bonds(path: Path) -> bytes:
    document = document_of(path)
    document.sole_block().find_mmcif_category("_chem_comp_bond.").erase()
    return packed(document)


def change_atoms(data: bytes, change) -> bytes:
    """An entry with other atom rows: ``change`` gets each as a dictionary and gives the rows to put in its place."""
    return change_all_atoms(data, lambda rows: [row for old in rows for row in change(old)])


def change_all_atoms(data: bytes, change) -> bytes:
    document = gemmi.cif.read_string(gzip.decompress(data).decode())
    loop = document.sole_block().find_mmcif_category("_atom_site.").loop
    tags = [tag.partition(".")[2] for tag in loop.tags]
    width, values = loop.width(), loop.values
    new = change([dict(zip(tags, values[k : k + width], strict=True)) for k in range(0, len(values), width)])
    loop.set_all_values([[row[tag] for row in new] for tag in tags])
    return packed(document)


def moved(row: dict[str, str], shift: float, **values: str) -> dict[str, str]:
    """An atom row farther along x, Å, with other values."""
    return row | {"Cartn_x": f"{float(row['Cartn_x']) + shift:.3f}"} | values


def with_second_copy(data: bytes, lacking: str = "") -> bytes:
    """The entry with a second protein and ligand, 100 Å away, as chain B; the ligand's number is 11 there.

    Args:
        data: The entry.
        lacking: An atom of the first ligand that is not in the model.
    """

    def copy(row):
        return moved(row, 100.0, auth_asym_id="B", **({"auth_seq_id": "11"} if row["label_comp_id"] == "ZYB" else {}))

    def both(rows):
        first = [row for row in rows if (row["label_comp_id"], row["label_atom_id"]) != ("ZYB", lacking)]
        return first + [copy(row) for row in rows]

    return change_all_atoms(data, both)


def component_of(path: Path, code: str, *, more_atoms: tuple = (), more_bonds: tuple = ()) -> bytes:
    """A file of the chemical component dictionary, with hydrogens, from the bonds in an example."""
    block = document_of(path).sole_block()
    atoms = {}
    for row in block.find("_atom_site.", ["label_comp_id", "label_atom_id", "type_symbol"]):
        if row.str(0) == code:
            atoms.setdefault(row.str(1), row.str(2))
    bonds = [
        [row.str(k) for k in range(1, 4)]
        for row in block.find("_chem_comp_bond.", ["comp_id", "atom_id_1", "atom_id_2", "value_order"])
        if row.str(0) == code
    ]
    return component_cif(
        code,
        [(name, element, 0, "N") for name, element in atoms.items()] + list(more_atoms),
        bonds + list(more_bonds),
    )


def component_cif(code: str, atoms: list, bonds: list) -> bytes:
    document = gemmi.cif.Document()
    block = document.add_new_block(code)
    block.set_pair("_chem_comp.id", code)
    columns = ["comp_id", "atom_id", "type_symbol", "charge", "pdbx_leaving_atom_flag"]
    loop = block.init_loop("_chem_comp_atom.", columns)
    for name, element, charge, leaving in [*atoms, ("HX", "H", 0, "N")]:
        loop.add_row([code, gemmi.cif.quote(name), element, str(charge), leaving])
    loop = block.init_loop("_chem_comp_bond.", ["comp_id", "atom_id_1", "atom_id_2", "value_order"])
    for first, second, order in [*bonds, (atoms[0][0], "HX", "SING")]:
        loop.add_row([code, gemmi.cif.quote(first), gemmi.cif.quote(second), order])
    return document.as_string().encode()
