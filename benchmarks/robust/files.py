"""Damaged files for everything that reads one: tables, pickles, checkpoints, sets of images, run folders."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import pickle
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from archllm.errors import DataError
from archllm.objectives.images.folder import read_image
from archllm.objectives.images.loading import load_images
from archllm.objectives.tables.delimited import read_delimited
from archllm.objectives.tables.nasbench101 import read_nasbench101
from archllm.objectives.tables.nats import read_nats
from archllm.objectives.tables.parquet import read_parquet, write_parquet
from archllm.objectives.tables.pth import read_pth
from archllm.objectives.tables.table import make_table
from archllm.objectives.tables.tfrecord import masked_crc
from archllm.spaces import load_space
from benchmarks.robust.attack import Attack, Found, Round, Unavailable
from benchmarks.robust.mutating import damaged
from benchmarks.robust.texts import tally


@dataclass(frozen=True)
class Reader:
    """Something that reads a file."""

    seed: bytes
    """Content that it takes."""

    read: Callable[[Path, bytes], object]
    """Puts a content into a folder and reads it."""


def _table(name: str, read: Callable[..., object], content: bytes, space: str = "nasbench201") -> Reader:
    def reading(folder: Path, changed: bytes) -> object:
        (folder / name).write_bytes(changed)
        return read(folder / name, load_space(space), {})

    return Reader(content, reading)


def _images(name: str, content: bytes, beside: dict[str, bytes] | None = None, of: str = "") -> Reader:
    """Images in one file, or in a folder where `name` stands beside others."""

    def reading(folder: Path, changed: bytes) -> object:
        for each, found in {**(beside or {}), name: changed}.items():
            (folder / each).parent.mkdir(parents=True, exist_ok=True)
            (folder / each).write_bytes(found)
        return load_images(str(folder / of))

    return Reader(content, reading)


def _among_others(ending: str, form: str, mended: Callable[[bytes], bytes] = bytes) -> Reader:
    """A picture that tells much of itself, between others of its class, so that reading goes on without it."""
    others = {f"f/{where}/{number}.png": picture("PNG") for where in "ab" for number in range(3)}

    def reading(folder: Path, changed: bytes) -> object:
        for each, content in {**others, f"f/b/told.{ending}": mended(changed)}.items():
            (folder / each).parent.mkdir(parents=True, exist_ok=True)
            (folder / each).write_bytes(content)
        with suppress(DataError):
            read_image(folder / f"f/b/told.{ending}", (8, 8), 3)
        return load_images(str(folder / "f"), 8)

    return Reader(told(form), reading)


def results(index: int = 7) -> dict[str, Any]:
    """Results of an architecture of NAS-Bench-201 in their official form."""
    text = load_space("nasbench201").parse(str(index)).text
    result = {
        "epochs": 3,
        "params": np.float64(0.8),
        "flop": 113.9,
        "net_state_dict": None,
        "seed": "0777",
        "train_times": {0: 1.0, 1: 1.0, 2: 1.0},
        "eval_times": {"x-valid@2": 0.5, "ori-test@2": 0.5},
        "eval_names": ["x-valid", "ori-test"],
        "eval_acc1es": {"x-valid@2": 80.0, "ori-test@2": 79.0},
    }
    return {"arch_index": index, "arch_str": text, "all_results": {("cifar10-valid", 777): result}}


def record(content: bytes) -> bytes:
    """A content as TFRecord files frame it."""
    head = struct.pack("<Q", len(content))
    return head + struct.pack("<I", masked_crc(head)) + content + struct.pack("<I", masked_crc(content))


def _row() -> bytes:
    """A row of NAS-Bench-101: the cell without inner vertices, trained once."""
    space = load_space("nasbench101")
    cell = space.parse('{"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}')
    figures = b"".join(bytes([field << 3 | 1]) + struct.pack("<d", 0.5) for field in (1, 2, 4, 5))
    encoded = base64.b64encode(bytes([10, len(figures)]) + figures + b"\x10\x05").decode()
    return json.dumps([cell.official_hash, 4, "0100", "input,output", encoded]).encode()


def idx(shape: tuple[int, ...], values: int = 10) -> bytes:
    """Random bytes as an IDX file."""
    array = np.random.default_rng(0).integers(0, values, shape, dtype=np.uint8)
    return bytes([0, 0, 8, len(shape)]) + b"".join(struct.pack(">I", length) for length in shape) + array.tobytes()


def npz() -> bytes:
    """Twenty small images in a NumPy archive."""
    file = io.BytesIO()
    x = np.random.default_rng(0).integers(0, 255, (20, 8, 8), dtype=np.uint8)
    np.savez_compressed(file, x=x, y=np.arange(20) % 3)
    return file.getvalue()


def picture(form: str) -> bytes:
    """A small picture."""
    import PIL.Image

    file = io.BytesIO()
    PIL.Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(file, form)
    return file.getvalue()


def told(form: str) -> bytes:
    """A picture with all that its format can tell of it: orientation, resolution, colours, texts."""
    import PIL.Image
    import PIL.ImageCms
    import PIL.PngImagePlugin

    image = PIL.Image.fromarray(np.random.default_rng(1).integers(0, 255, (9, 8, 3), dtype=np.uint8))
    exif = image.getexif()
    exif[0x0112], exif[0x010E] = 6, "x" * 20
    colours = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    more: dict[str, Any] = {"exif": exif, "icc_profile": colours, "dpi": (72, 72)}
    if form == "PNG":
        more["pnginfo"] = PIL.PngImagePlugin.PngInfo()
        more["pnginfo"].add_text("a", "b" * 30)
        more["pnginfo"].add_text("c", "d" * 300, zip=True)
        more["pnginfo"].add_itxt("e", "f" * 30, zip=True)
    if form == "JPEG":
        more |= {"progressive": True, "comment": b"c" * 30}
    file = io.BytesIO()
    image.save(file, form, **more)
    return file.getvalue()


def with_checksums(png: bytes) -> bytes:
    """A PNG whose chunks have the checksums of what they hold now, so that no reader turns away at them."""
    content, at = bytearray(png), 8
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        if at + 12 + length > len(content):
            break
        checksum = zlib.crc32(content[at + 4 : at + 8 + length])
        content[at + 8 + length : at + 12 + length] = struct.pack(">I", checksum)
        at += 12 + length
    return bytes(content)


def batch() -> bytes:
    """A batch of CIFAR-10 with six images."""
    data = np.random.default_rng(0).integers(0, 255, (6, 3072), dtype=np.uint8)
    return pickle.dumps({b"data": data, b"labels": [0, 1, 2, 3, 4, 5]}, 2)


BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")


def archive() -> bytes:
    """The archive of CIFAR-10, with small batches."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name in BATCHES:
            entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            entry.size = len(batch())
            tar.addfile(entry, io.BytesIO(batch()))
    return file.getvalue()


def zipped(content: bytes) -> bytes:
    """A pickle in an archive, as torch saves it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as stored:
        stored.writestr("a/data.pkl", content)
    return file.getvalue()


def parquet() -> bytes:
    """A table of thirty rows in a Parquet file."""
    pa = _pyarrow()
    file = io.BytesIO()
    pa.parquet.write_table(pa.table({"arch": [str(k) for k in range(30)], "acc": [k / 7 for k in range(30)]}), file)
    return file.getvalue()


def _own(folder: Path) -> bytes:
    """The same as this project writes it."""
    space = load_space("nasbench201")
    texts = [str(k) for k in range(30)]
    table = make_table(space, texts, {"acc": np.arange(30.0)}, {"source": "x"}, str)
    write_parquet(table, space, folder / "own.parquet")
    return (folder / "own.parquet").read_bytes()


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise Unavailable("pyarrow is not installed") from error
    return pyarrow


def readers(folder: Path) -> dict[str, Callable[[], Reader]]:
    """Everything that reads a file, by name."""
    labels, csv = idx((20,)), b"arch,acc\n" + b"".join(f"{k},{k / 7:.3f}\n".encode() for k in range(40))
    metrics = _row()
    info = {"arch2infos": {7: {"full": results()}}}
    torch = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2)

    def nats(where: Path, changed: bytes) -> object:
        (where / "000007.pickle.pbz2").write_bytes(changed)
        return read_nats(where, load_space("nasbench201"), {})

    def framed(where: Path, changed: bytes) -> object:
        (where / "a.tfrecord").write_bytes(record(changed) * 2)
        return read_nasbench101(where / "a.tfrecord", load_space("nasbench101"), {})

    return {
        "nats-pickle": lambda: Reader(
            pickle.dumps({"3": results()}, 4), lambda where, changed: nats(where, bz2.compress(changed, 1))
        ),
        "nats-bz2": lambda: Reader(bz2.compress(pickle.dumps({"3": results()}, 4)), nats),
        "pth-pickle": lambda: _table("a.pth", read_pth, torch + pickle.dumps(info, 2)),
        "pth-zip": lambda: _table("a.pth", read_pth, zipped(pickle.dumps(info, 2))),
        "tfrecord-frames": lambda: _table("a.tfrecord", read_nasbench101, record(metrics) * 3, "nasbench101"),
        "tfrecord-rows": lambda: Reader(metrics, framed),
        "csv": lambda: _table("a.csv", read_delimited, csv),
        "csv-gzip": lambda: _table("a.csv.gz", read_delimited, gzip.compress(csv)),
        "parquet": lambda: _table("a.parquet", read_delimited, parquet()),
        "parquet-own": lambda: _table("a.parquet", lambda path, space, _: read_parquet(path, space), _own(folder)),
        "npz": lambda: _images("a.npz", npz(), of="a.npz"),
        "idx": lambda: _images("train-images-idx3-ubyte", idx((20, 8, 8)), {"train-labels-idx1-ubyte": labels}),
        "idx-gzip": lambda: _images(
            "train-images-idx3-ubyte.gz", gzip.compress(idx((20, 8, 8))), {"train-labels-idx1-ubyte": labels}
        ),
        "cifar-batch": lambda: _images("data_batch_2", batch(), dict.fromkeys(BATCHES, batch())),
        "cifar-archive": lambda: _images("a.tar.gz", archive(), of="a.tar.gz"),
        "png": lambda: _images("f/b/2.png", picture("PNG"), {"f/a/1.png": picture("PNG")}, of="f"),
        "jpeg": lambda: _images("f/b/2.jpg", picture("JPEG"), {"f/a/1.png": picture("PNG")}, of="f"),
        "png-to-the-end": lambda: _among_others("png", "PNG", with_checksums),
        "jpeg-to-the-end": lambda: _among_others("jpg", "JPEG"),
        "webp-to-the-end": lambda: _among_others("webp", "WEBP"),
        "tiff-to-the-end": lambda: _among_others("tif", "TIFF"),
        "bmp-to-the-end": lambda: _among_others("bmp", "BMP"),
    }


def read_all(name: str, round_: Round) -> Found:
    """Gives a reader its seed, and so many damaged copies of it."""
    reader = readers(round_.folder)[name]()
    where = round_.folder / "damaged"
    where.mkdir(exist_ok=True)
    chance = random.Random(round_.seed)

    def calls() -> Iterator[Callable[[], object]]:
        yield partial(reader.read, where, reader.seed)
        for _ in range(round_.count):
            yield partial(reader.read, where, damaged(reader.seed, chance))

    return tally(name, calls())


def _attack(name: str) -> Attack:
    return Attack("mutated-files", f"files for {name}", lambda round_: read_all(name, round_), 1_000, brief=50)


ATTACKS = {f"files-{name}": _attack(name) for name in readers(Path())}
