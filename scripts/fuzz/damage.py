"""Damages that files suffer: each function takes bytes and gives other bytes, by a random number generator.

Text is damaged by lines, columns and numbers, archives and weights inside their containers: a flipped byte alone would
only ever meet a checksum.
"""

from __future__ import annotations

import copy
import gzip
import io
import json
import random
import re
import struct
import zipfile
from collections.abc import Callable
from typing import Any, Final

Damage = Callable[[bytes, random.Random], bytes]

_NUMBER: Final = re.compile(rb"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
_NUMBERS: Final = tuple(
    b"nan inf -inf 1e308 -1e308 1e-320 0 -0 -1 1 2 5 999 1e6 65535 65536 2147483648 -2147483649 9999999999999999999999 "
    b"0.0000 -999.999 ******** 0x1f 1,5 1.2.3 + ? 1_000 \xd9\xa3 ".split(b" ")
)
_ODD: Final = (
    *(b"\x00", b"\xff\xfe", b"\xc3\x28", "é".encode(), "日本".encode(), "\u2028".encode(), b"\x0c", b"\x1a"),
    *(
        b"\x1b[31m",
        b"\t",
        b'"',
        b"'",
        b",",
        b";",
        b"\\",
        b"%s",
        b"{}",
        b"<b>",
        b"=1+1",
        b"../..",
        b" " * 90,
        b"A" * 5000,
    ),
)
#: Lines and words that mean something in one of the formats.
_MARKS: Final = (
    *b"END|TER|ENDMDL|MODEL        1|MODEL|ANISOU|CONECT 9001 9001|CONECT|HETATM|ATOM".split(b"|"),
    *b"$$$$|M  END|M  CHG  1   1   9|M  ISO  1   1 999|M  RAD  1   1   3|M  V30 BEGIN CTAB".split(b"|"),
    *b"> <x>|M  CHG 99|A    1".split(b"|"),
    *b"  0  0  0     0  0            999 V3000|  1  0  0  0  0  0            999 V2000".split(b"|"),
    *b"@<TRIPOS>MOLECULE|@<TRIPOS>ATOM|@<TRIPOS>BOND|@<TRIPOS>SUBSTRUCTURE|@<TRIPOS>|ROOT|ENDROOT".split(b"|"),
    *b"REMARK SMILES C(C)(C)(C)(C)(C)C|REMARK SMILES IDX 1 1 2|REMARK SMILES|BEGIN_RES|TORSDOF x".split(b"|"),
    *b"data_x|loop_|_atom_site.id|_atom_site.Cartn_x|save_|;|stop_|global_|#|sep=;".split(b"|"),
    *b"a: &a [*a]|b: !!python/object/apply:os.system [x]|? [a]\n: 1|<<: 1|x: 2001-01-01|---|- 1".split(b"|"),
    *b"[Fe]|C1CC|[13C@@H](F)(Cl)Br|c1cccc1|[#0]|*|[H][H]|CC>>CC|C%99".split(b"|"),
    *(b"|$R1$|", b"C(" * 60),
)


def damage_text(data: bytes, rng: random.Random) -> bytes:
    """One to four damages of lines, columns, numbers or letters; now and then of the whole file."""
    lines = data.split(b"\n")
    for _ in range(rng.randint(1, 4)):
        rng.choice(_LINES)(lines, rng)
        if not lines:
            lines = [b""]
    data = b"\n".join(lines)
    return rng.choice(_WHOLE)(data) if rng.random() < 0.04 else data


def _drop(lines: list[bytes], rng: random.Random) -> None:
    row = rng.randrange(len(lines))
    del lines[row : row + rng.choice((1, 1, 1, 2, 10))]


def _double(lines: list[bytes], rng: random.Random) -> None:
    row, size = rng.randrange(len(lines)), rng.choice((1, 1, 2, 5, 40, 200))
    block = lines[row : row + size]
    place = rng.choice((row, row + size, rng.randrange(len(lines) + 1)))
    lines[place:place] = block * rng.choice((1, 1, 2, 30))


def _swap(lines: list[bytes], rng: random.Random) -> None:
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]


def _cut(lines: list[bytes], rng: random.Random) -> None:
    row = rng.randrange(len(lines))
    lines[row:] = [lines[row][: rng.randint(0, len(lines[row]))]]


def _shift(lines: list[bytes], rng: random.Random) -> None:
    """Columns to the right, of one line or of all that begin alike."""
    row = rng.randrange(len(lines))
    place, by, word = rng.randint(0, len(lines[row])), rng.choice((1, 1, 2, 8)), lines[row][:6]
    for other, line in enumerate(lines):
        if other == row or (by == 2 and line[:6] == word):
            lines[other] = line[:place] + b" " * by + line[place:]


def _erase(lines: list[bytes], rng: random.Random) -> None:
    row = rng.randrange(len(lines))
    place = rng.randint(0, len(lines[row]))
    lines[row] = lines[row][:place] + lines[row][place + rng.choice((1, 1, 2, 9)) :]


def _glue(lines: list[bytes], rng: random.Random) -> None:
    row = rng.randrange(len(lines))
    lines[row : row + 2] = [b"".join(lines[row : row + 2])]


def _mark(lines: list[bytes], rng: random.Random) -> None:
    lines.insert(rng.randint(0, len(lines)), rng.choice(_MARKS))


def _odd(lines: list[bytes], rng: random.Random) -> None:
    row, text = rng.randrange(len(lines)), rng.choice(_ODD)
    place = rng.randint(0, len(lines[row]))
    lines[row] = lines[row][:place] + text + lines[row][place + rng.choice((0, len(text))) :]


def _letter(lines: list[bytes], rng: random.Random) -> None:
    row = rng.randrange(len(lines))
    if lines[row]:
        place = rng.randrange(len(lines[row]))
        lines[row] = lines[row][:place] + bytes([rng.randrange(32, 127)]) + lines[row][place + 1 :]


def _number(lines: list[bytes], rng: random.Random) -> None:
    """A number, its width kept as often as not."""
    row = rng.randrange(len(lines))
    found = list(_NUMBER.finditer(lines[row]))
    if not found:
        return
    match, new = rng.choice(found), rng.choice(_NUMBERS)
    if rng.random() < 0.5:
        new = new.rjust(match.end() - match.start())[: match.end() - match.start()]
    lines[row] = lines[row][: match.start()] + new + lines[row][match.end() :]


def _column(lines: list[bytes], rng: random.Random) -> None:
    """The same columns of all lines that begin alike."""
    row = rng.randrange(len(lines))
    line, word, new = lines[row], lines[row][:4], rng.choice(_NUMBERS)
    found = list(_NUMBER.finditer(line))
    if found:
        first, last = rng.choice(found).span()
        for other, text in enumerate(lines):
            if text[:4] == word:
                lines[other] = text[:first] + new.rjust(last - first)[: last - first] + text[last:]


_LINES: Final = (
    *(_drop, _double, _swap, _cut, _shift, _erase, _glue, _mark, _odd, _letter),
    *(_number, _number, _number, _column),
)
_WHOLE: Final[tuple[Callable[[bytes], bytes], ...]] = (
    lambda data: data.replace(b"\n", b"\r\n"),
    lambda data: data.replace(b"\n", b"\r"),
    lambda data: b"\xef\xbb\xbf" + data,
    lambda data: data.decode("latin-1").encode("utf-16"),
    gzip.compress,
    lambda data: gzip.compress(data)[:-9],
    lambda data: data.replace(b" ", b"\t"),
    lambda data: data + data,
    lambda data: data.upper(),
    lambda data: data.lower(),
    lambda data: b"",
)


def damage_bytes(data: bytes, rng: random.Random) -> bytes:
    """Some bytes changed, cut out, repeated or cut off."""
    changed = bytearray(data or b"\x00")
    for _ in range(rng.choice((1, 1, 2, 8))):
        place = rng.randrange(len(changed))
        how = rng.randrange(5)
        if how == 0:
            changed[place] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
        elif how == 1 and len(changed) > 1:
            del changed[place : place + rng.choice((1, 4, 64))]
        elif how == 2:
            changed[place:place] = changed[place : place + rng.choice((1, 4, 64))]
        elif how == 3:
            size = rng.choice((2, 4, 8))
            changed[place : place + size] = rng.choice((0, 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1)).to_bytes(
                size, "little"
            )
        elif rng.random() < 0.2:
            del changed[place:]
        if not changed:
            changed = bytearray(b"\x00")
    return bytes(changed)


_VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1, 2, 10**30, 1e308, float("nan"), float("inf"), -0.5),
    *("", "x", "nan", "1e999", "\x00", "é" * 50, "../../etc/passwd", "A" * 5000),
    *([], {}, [[]], {"": {}}, [1, "a", None], [0] * 300),
)


def damage_json(data: bytes, rng: random.Random) -> bytes:
    """Entries of a JSON document replaced, dropped, renamed or moved; nothing but text now and then."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return damage_text(data, rng)
    if rng.random() < 0.1:
        return damage_text(data, rng)
    for _ in range(rng.randint(1, 3)):
        content = _damaged_value(content, rng)
    return json.dumps(content).encode()


def _damaged_value(content: Any, rng: random.Random) -> Any:
    if not isinstance(content, dict | list) or not content or rng.random() < 0.02:
        return copy.deepcopy(rng.choice(_VALUES))  # it may be damaged in turn
    key = rng.choice(list(content)) if isinstance(content, dict) else rng.randrange(len(content))
    how = rng.random()
    if how < 0.6 and isinstance(content[key], dict | list) and content[key]:
        content[key] = _damaged_value(content[key], rng)
    elif how < 0.8:
        content[key] = copy.deepcopy(rng.choice(_VALUES))
    elif how < 0.9:
        del content[key]
    elif isinstance(content, dict):
        content[rng.choice(("", "x", str(key).upper()))] = content.pop(key)
    else:
        content += content[: rng.choice((1, 50))]
    return content


def damage_npz(data: bytes, rng: random.Random) -> bytes:
    """Arrays of an ``.npz`` file: their shapes, types, values, names; or JSON and text that they hold."""
    members = _unzip(data)
    if not members or rng.random() < 0.05:
        return damage_bytes(data, rng)
    for _ in range(rng.randint(1, 2)):
        name = rng.choice(list(members))
        how = rng.random()
        if how < 0.06:
            del members[name]
            if not members:
                break
        elif how < 0.12:
            members[rng.choice(list(members))] = members[name]
        elif how < 0.16:
            members[rng.choice(("x.npy", "../x.npy", "meta", name.upper()))] = members[name]
        elif how < 0.22:
            members[name] = damage_bytes(members[name], rng)
        else:
            members[name] = _damaged_npy(members[name], rng)
    return _zip(members)


def _damaged_npy(member: bytes, rng: random.Random) -> bytes:
    """One array; where it holds JSON or a table, that text as often as not."""
    import numpy as np

    try:
        array = np.load(io.BytesIO(member), allow_pickle=False)
    except Exception:  # noqa: BLE001 - what earlier damages left
        return damage_bytes(member, rng)
    if array.dtype == np.uint8 and array.ndim == 1 and array.size > 1 and rng.random() < 0.8:
        text = array.tobytes()
        array = np.frombuffer((damage_json if text[:1] in b"{[" else damage_text)(text, rng), dtype=np.uint8)
    else:
        array = _damaged_array(array, rng)
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _damaged_array(array: Any, rng: random.Random) -> Any:
    """Other values, another shape or another type."""
    import numpy as np

    how = rng.randrange(7)
    if how <= 2 and array.size and array.dtype.kind in "fiu":
        array = array.copy()
        flat = array.reshape(-1)
        first = rng.randrange(flat.size)
        if array.dtype.kind == "f":
            new: Any = rng.choice((np.nan, np.inf, -np.inf, -1.0, 0.0, float(np.finfo(array.dtype).max)))
        else:
            limits = np.iinfo(array.dtype)
            new = rng.choice((limits.min, limits.max, 0, 1, min(int(flat[first]) + 1, limits.max)))
        flat[first : first + rng.choice((1, 1, 3, flat.size))] = new
    elif how == 3:
        array = array[: rng.choice((0, 1, max(len(array) - 1, 0)))] if array.ndim else array.reshape(1)
    elif how == 4:
        array = np.concatenate([array, array]) if array.ndim else np.repeat(array, 2)
    elif how == 5:
        array = array.reshape(rng.choice(((-1,), (1, *array.shape), (*array.shape, 1))))
    else:
        with np.errstate(all="ignore"):
            try:
                array = array.astype(rng.choice(("f8", "f4", "i8", "i1", "u2", "U3", "S2", "c8", "bool", "M8[s]")))
            except (TypeError, ValueError, OverflowError):
                array = np.zeros(array.shape)
    return array


def damage_safetensors(data: bytes, rng: random.Random) -> bytes:
    """Tensors of a file, or its header."""
    from safetensors.numpy import load, save

    if rng.random() < 0.4:  # the header alone: names, shapes, places in the file
        (size,) = struct.unpack("<Q", data[:8].ljust(8, b"\0"))
        header = damage_json(data[8 : 8 + size], rng)
        return struct.pack("<Q", len(header)) + header + data[8 + size :]
    try:
        tensors = load(data)
    except Exception:  # noqa: BLE001 - what earlier damages left
        return damage_bytes(data, rng)
    if not tensors:
        return damage_bytes(data, rng)
    name = rng.choice(sorted(tensors))  # the reader gives them in no order
    if rng.random() < 0.1:
        del tensors[name]
    else:
        tensors[name] = _damaged_array(tensors[name], rng)
    try:
        return save({key: value.copy(order="C") for key, value in tensors.items()})
    except Exception:  # noqa: BLE001 - no such type in this format
        return damage_bytes(data, rng)


def damage_spreadsheet(data: bytes, rng: random.Random) -> bytes:
    """One part of an ``.xlsx`` file as text."""
    members = _unzip(data)
    if not members or rng.random() < 0.1:
        return damage_bytes(data, rng)
    name = rng.choice([*members, *(name for name in members if "sheet" in name)])
    if rng.random() < 0.1:
        del members[name]
    else:
        members[name] = damage_text(members[name].replace(b">", b">\n"), rng)
    return _zip(members)


def _unzip(data: bytes) -> dict[str, bytes]:
    """The files of an archive; none where earlier damages have left no archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # noqa: BLE001 - zipfile raises many kinds
        return {}


def _zip(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # of 1980: the same bytes at any time
    return stream.getvalue()
