"""Files made to run code, or to fill memory and time: pickles, packed files, headers that promise what is not there."""

from __future__ import annotations

import bz2
import gzip
import io
import pickle
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from archllm.objectives.images.loading import load_images
from archllm.objectives.tables.delimited import read_delimited
from archllm.objectives.tables.nasbench101 import read_nasbench101
from archllm.objectives.tables.nats import read_nats
from archllm.objectives.tables.pth import read_pth
from archllm.objectives.unpickle import load_restricted
from archllm.spaces import load_space
from benchmarks.robust.attack import Attack, Found, Round
from benchmarks.robust.files import BATCHES, batch, record, results, zipped
from benchmarks.robust.texts import tally
from benchmarks.robust.watching import watched_apart

_ARRAY = b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tC\x01btR"
_TYPE = b"cnumpy\ndtype\n(X\x02\x00\x00\x00u1K\x00K\x01tR"


def _of(operation: bytes, number: int) -> bytes:
    return operation + struct.pack("<I", number)


def pickles(command: str) -> dict[str, bytes]:
    """Pickles by what they do; `command` is what those that run something would run."""
    shell = command.encode()
    call = b"cos\nsystem\n(S'" + shell + b"'\ntR."
    fan = b"".join(
        b"](" + b"h" + bytes([k]) + (b"h" + bytes([k])) * 9 + b"eq" + bytes([k + 1]) + b"0" for k in range(20)
    )
    far, objects = b"\x8a\x08" + b"\xff" * 7 + b"\x7f", _TYPE.replace(b"u1", b"O8")
    big = _of(b"B", 1_000_000) + b"a" * 1_000_000
    return {
        "run a command": call,
        "run a command by name": b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c"
        + bytes([len(shell)])
        + shell
        + b"\x85R.",
        "evaluate": b"c__builtin__\neval\n(S'1'\ntR.",
        "an attribute of a builtin": b"\x80\x04\x8c\x08builtins\x8c\x0bset.__class__\x93.",
        "an instance": b"(S'" + shell + b"'\nios\nsystem\n.",
        "an object": b"(cos\nsystem\nS'" + shell + b"'\no.",
        "a new object": b"cos\nsystem\n(S'" + shell + b"'\nt\x81.",
        "an extension": b"\x82\x01.",
        "a persistent name": b"Px\n.",
        "a name that steers a terminal": b"c\x1b]0;x\x07\n\x1b[2J\n.",
        "memory for a far place": b"\x80\x02N" + _of(b"r", 2**27 - 1) + b".",
        "memory for a far place, written": b"Np999999999999999\n.",
        "a tuple of itself, 60 deep, as a key": b"\x80\x02}(K\x01\x85" + b"q\x00h\x00\x86" * 60 + b"K\x01u.",
        "a tuple of itself, 60 deep": b"\x80\x02K\x01\x85" + b"q\x00h\x00\x86" * 60 + b".",
        "lists of lists of one list": b"](" + b"K\x01" * 100 + b"eq\x000" + fan + b"h\x14.",
        "nested tuples": b"]" + b"\x85" * 1_000_000 + b".",
        "nested lists": b"]" * 100_000 + b"a" * 99_999 + b".",
        "nested from the outside": b"]q\x00]q\x01a" + b"".join(b"h\x01]q\x01a0" for _ in range(10_000)) + b".",
        "many lists": b"(" + b"]" * 1_000_000 + b"l.",
        "many marks": b"(" * 1_000_000,
        "many copies": b"K\x01" + b"2" * 1_000_000 + b".",
        "a list of itself": b"]q\x00h\x00a.",
        "a dictionary of itself": b"}q\x00K\x01h\x00s.",
        "keys that collide": b"}("
        + b"".join(b"\x8a\x0b" + (k * (2**61 - 1)).to_bytes(11, "little", signed=True) + b"N" for k in range(50_000))
        + b"u.",
        "tuples of numbers as keys": b"}(" + b"".join(_of(b"J", k) + b"\x85N" for k in range(50_000)) + b"u.",
        "floats as keys": b"}(G" + struct.pack(">d", float("nan")) + b"Nu.",
        "one array many times": big
        + b"q\x000("
        + (_ARRAY + b"(K\x01" + _of(b"J", 1_000_000) + b"\x85" + _TYPE + b"\x89h\x00tb") * 2_000
        + b"l.",
        "an array of another size": _ARRAY + b"(K\x01" + _of(b"J", 2**30) + b"\x85" + _TYPE + b"\x89C\x01atb.",
        "an array of nothing, far": _ARRAY + b"(K\x01K\x00" + far + b"\x86" + _TYPE + b"\x89C\x00tb.",
        "an array of addresses": _ARRAY + b"(K\x01K\x01\x85" + objects + b"\x89C\x08" + b"a" * 8 + b"tb.",
        "a number without end": b"\x8b\xff\xff\xff\x7f",
        "a number of many digits": b"L" + b"9" * 1_000_000 + b"L\n.",
        "a text of 2^63 bytes": b"\x8d" + b"\xff" * 7 + b"\x7f",
        "bytes of 2^64 bytes": b"\x8e" + b"\xff" * 8,
        "bytes that change": b"\x96" + b"\xff" * 8,
        "a frame of 2^64 bytes": b"\x95" + b"\xff" * 8 + b".",
        "a text of half characters": b"X\x03\x00\x00\x00\xed\xa0\x80.",
        "nothing": b"",
        "only an end": b".",
        "an array that is asked whether it is true": _ARRAY + b".",
        "a table whose text is a list": pickle.dumps(results() | {"arch_str": [[]] * 10_000}),
        "a table whose text is long": pickle.dumps(results() | {"arch_str": "|none~0|" * 30_000}),
        "a table of a billion epochs": pickle.dumps(results() | {"all_results": {("cifar100", 7): {"epochs": 10**9}}}),
    }


_CODES = bytes(range(33, 127)) + bytes(range(0x80, 0x99))


def random_pickle(chance: random.Random, command: str) -> bytes:
    """A row of operations by chance, with small arguments."""
    found = bytearray()
    whole = list(pickles(command).values())
    for _ in range(chance.choice([3, 10, 40])):
        if chance.random() < 0.2:
            piece = chance.choice(whole)[:2_000]
            start = chance.randrange(len(piece) + 1)
            found += piece[start : start + chance.choice([5, 20, 100])]
        else:
            found.append(chance.choice(_CODES))
            found += chance.randbytes(chance.choice([0, 0, 1, 4]))
    return bytes(found) + b"."


def _nats(folder: Path, content: bytes) -> object:
    (folder / "000007.pickle.pbz2").write_bytes(bz2.compress(content, 1))
    return read_nats(folder, load_space("nasbench201"), {})


def _pth(folder: Path, content: bytes) -> object:
    head = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2)
    (folder / "a.pth").write_bytes(head + content)
    return read_pth(folder / "a.pth", load_space("nasbench201"), {})


def _first(folder: Path, content: bytes) -> object:
    (folder / "a.pth").write_bytes(content)
    return read_pth(folder / "a.pth", load_space("nasbench201"), {})


def _zip(folder: Path, content: bytes) -> object:
    (folder / "a.pth").write_bytes(zipped(content))
    return read_pth(folder / "a.pth", load_space("nasbench201"), {})


def _cifar(folder: Path, content: bytes) -> object:
    for name in BATCHES:
        (folder / name).write_bytes(batch() if name != "data_batch_3" else content)
    return load_images(str(folder))


READERS: dict[str, Callable[[Path, bytes], object]] = {
    "alone": lambda folder, content: load_restricted(content, "x.pickle"),
    "nats": _nats,
    "pth": _pth,
    "pth-first": _first,
    "pth-zip": _zip,
    "cifar": _cifar,
}
"""What reads pickles."""


@cache
def _zeros(packed_by: str, size: int) -> bytes:
    """So many zero bytes, packed."""
    packer = bz2.BZ2Compressor(9) if packed_by == "bz2" else zlib.compressobj(9, wbits=31)
    block = bytes(1 << 20)
    return b"".join(packer.compress(block) for _ in range(size >> 20)) + packer.flush()


def _zip_of(content: bytes, kind: int = zipfile.ZIP_DEFLATED, name: str = "a/data.pkl") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as stored:
        stored.writestr(name, content)
    return file.getvalue()


def _npz(head: str, size: int) -> bytes:
    text = head.encode() + b" " * (-(len(head) + 11) % 64) + b"\n"
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as stored, stored.open("x.npy", "w") as member:
        member.write(array)
        for _ in range(size >> 20):
            member.write(bytes(1 << 20))
    return file.getvalue()


def _archive(kind: bytes, size: int) -> bytes:
    """A gzipped tar archive with an entry of a kind, of so many zero bytes."""
    entry = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
    entry.type, entry.size = kind, size
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(entry.tobuf())] + [packer.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return b"".join(parts) + packer.flush()


@dataclass(frozen=True)
class Hostile:
    """A file, and what reads it."""

    name: str
    """What it is called."""

    content: Callable[[], bytes]
    """Makes what stands in it."""

    read: Callable[[Path], object]
    """Reads it."""


_LABELS = bytes([0, 0, 8, 1, 0, 0, 0, 1, 0])
_SHAPE = "{{'descr': '|u1', 'fortran_order': False, 'shape': ({}, 64, 64), }}"


def _idx(path: Path) -> object:
    (path.parent / "train-labels-idx1-ubyte").write_bytes(_LABELS)
    return load_images(str(path.parent))


def _table(path: Path) -> object:
    return read_delimited(path, load_space("nasbench201"), {})


def _checkpoint(path: Path) -> object:
    return read_pth(path, load_space("nasbench201"), {})


def _frames(path: Path) -> object:
    return read_nasbench101(path, load_space("nasbench101"), {})


def _pictures(path: Path) -> object:
    return load_images(str(path))


def _huge_idx() -> bytes:
    return bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1)


FILES = {
    "results of 256 MB in bzip2": Hostile(
        "000000.pickle.pbz2",
        lambda: _zeros("bz2", 1 << 28),
        lambda path: read_nats(path.parent, load_space("nasbench201"), {}),
    ),
    "images of 256 MB in gzip": Hostile(
        "train-images-idx3-ubyte.gz",
        lambda: gzip.compress(bytes([0, 0, 8, 3]) + struct.pack(">3I", 1 << 16, 64, 64)) + _zeros("gzip", 1 << 28),
        _idx,
    ),
    "images of 2^96 bytes": Hostile("train-images-idx3-ubyte", _huge_idx, _idx),
    "images of 2^96 bytes in gzip": Hostile("train-images-idx3-ubyte.gz", lambda: gzip.compress(_huge_idx()), _idx),
    "an array of 256 MB in an archive": Hostile("a.npz", lambda: _npz(_SHAPE.format(1 << 16), 1 << 28), _pictures),
    "an array of 1 TB in an archive": Hostile("b.npz", lambda: _npz(_SHAPE.format(1 << 28), 1 << 20), _pictures),
    "an array head without end": Hostile("c.npz", lambda: _npz("(" * 9_000, 0), _pictures),
    "an array head of signs": Hostile("d.npz", lambda: _npz("-" * 9_000 + "1", 0), _pictures),
    "a table of 400 MB of commas in gzip": Hostile(
        "a.csv.gz", lambda: gzip.compress(b"arch,acc\n" + b",\n" * (200 << 20), 9), _table
    ),
    "a table of 30 MB in gzip": Hostile(
        "b.csv.gz", lambda: gzip.compress(b"arch,acc\n" + b"0,1\n" * (8 << 20), 9), _table
    ),
    "a line without end": Hostile("c.csv", lambda: b"arch,acc\n" + b"0" * (30 << 20), _table),
    "quotes without end": Hostile("d.csv", lambda: b'arch,acc\n"' + b"0\n" * (4 << 20), _table),
    "a checkpoint that is compressed": Hostile("a.pth", lambda: _zip_of(bytes(400 << 20)), _checkpoint),
    "a checkpoint in bzip2": Hostile("b.pth", lambda: _zip_of(b"." * 100, zipfile.ZIP_BZIP2), _checkpoint),
    "a checkpoint in LZMA": Hostile("c.pth", lambda: _zip_of(b"." * 100, zipfile.ZIP_LZMA), _checkpoint),
    "a checkpoint by an unknown method": Hostile(
        "d.pth",
        lambda: _zip_of(b"N.", zipfile.ZIP_STORED).replace(b"\x14" + bytes(5), b"\x14\0\0\0\x63\0"),
        _checkpoint,
    ),
    "an archive with a name of 512 MB": Hostile(
        "a.tar.gz", lambda: _archive(tarfile.GNUTYPE_LONGNAME, 1 << 29), _pictures
    ),
    "an archive with a head of 512 MB": Hostile("b.tar.gz", lambda: _archive(tarfile.XHDTYPE, 1 << 29), _pictures),
    "an archive with a file of 512 MB": Hostile("c.tar.gz", lambda: _archive(tarfile.REGTYPE, 1 << 29), _pictures),
    "a record of 2^60 bytes": Hostile("a.tfrecord", lambda: struct.pack("<Q", 2**60) + b"abcd", _frames),
    "records of many trainings": Hostile(
        "b.tfrecord",
        lambda: b"".join(record(f'["{k:032x}", {k}, "0100", "input,output", "CgA="]'.encode()) for k in range(20_000)),
        _frames,
    ),
}
"""Files by what they are."""


def read_pickles(round_: Round, readers: Iterable[str] = tuple(READERS)) -> Found:
    """Gives readers of pickles all of them, and so many random ones."""
    mark = round_.folder / "ran"
    command = f"touch {mark}"
    chance = random.Random(round_.seed)
    made = [*pickles(command).values(), *(random_pickle(chance, command) for _ in range(round_.count))]
    calls = []
    for name in readers:
        (round_.folder / name).mkdir()
        calls += [partial(READERS[name], round_.folder / name, content) for content in made]
    return _unharmed(calls, mark)


def read_files(round_: Round) -> Found:
    """Reads the files, each in a copy of this process."""
    calls = []
    for number, file in enumerate(list(FILES.values())[: round_.count]):
        folder = round_.folder / str(number)
        folder.mkdir()
        (folder / file.name).write_bytes(file.content())
        calls.append(partial(file.read, folder / file.name))
    return _unharmed(calls, round_.folder / "ran", apart=True)


def _unharmed(calls: Iterable[Callable[[], object]], mark: Path, apart: bool = False) -> Found:
    found = tally("hostile", calls, watched_apart if apart else None)
    return Found(found.done, found.wrong | {"executed": int(mark.exists())}, found.figures, found.notes)


ATTACKS = {
    "hostile-pickles": Attack("hostile", "pickles for six readers", read_pickles, 400, brief=60),
    "hostile-files": Attack("hostile", "packed files and headers", read_files, len(FILES), brief=8),
}
