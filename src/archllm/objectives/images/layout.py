"""Layouts of folders of images: a folder per class, perhaps inside of `train`, `val` and `test`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from archllm.errors import DataError, shown
from archllm.objectives.images.reading import LeftOut
from archllm.objectives.images.sources import Entry

ENDINGS = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".tif", ".tiff")
"""Files that are read, in either case; others are left out."""

FORMATS = "PNG, JPEG, WebP, BMP or TIFF"
"""Their formats, in words."""

_OF_PHONES = (".heic", ".heif", ".avif")  # photos that other programs turn into files that are read

TRAIN, VALIDATION, TEST = PARTS = ("train", "validation", "test")
"""Parts of a data set."""

_NAMES = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "dev": VALIDATION,
    "test": TEST,
    "testing": TEST,
}
_EXPECTED = "a folder for each class, with images in it, or train/CLASS, val/CLASS and test/CLASS"


@dataclass(frozen=True)
class Layout:
    """Which file is an image of which class and part."""

    classes: tuple[str, ...]
    """Names of the classes, sorted."""

    files: dict[str, list[tuple[Entry, int]]]
    """By part: files and the number of their class. Without a split of the source's own all are in `train`."""

    left_out: tuple[LeftOut, ...]
    """Files that are no images or lie elsewhere."""

    remarks: tuple[str, ...]
    """What a user should know."""


def understood(entries: Sequence[Entry], name: str) -> Layout:
    """The layout of files.

    A folder that holds nothing but one folder of folders is looked through, as archives are often packed so.

    Args:
        entries: files and folders below the source, sorted.
        name: of the source, for messages.

    Raises:
        DataError: there are no classes, a class has no images, or it looks like a split into train, validation and test
            and is none; the message says what is expected.
    """
    remarks: list[str] = []
    depth, top = 0, _folders(entries, ())
    while len(top) == 1 and not _images(entries, depth) and _folders(entries, top[0]):
        depth, top = depth + 1, _folders(entries, top[0])
    root = top[0][:depth] if top else ()
    place = "/".join((name, *root))
    if not top:
        raise DataError(f"{place} has no subfolders; one for each class is expected, with {FORMATS} images")
    parts = _parts(entries, top, place)
    if parts is None:
        if root:
            remarks.append(f"classes are the folders of {'/'.join(root)}")
        homes = {folder: (TRAIN, folder[-1]) for folder in top}
    else:
        homes = {inner: (part, inner[-1]) for folder, part in parts.items() for inner in _folders(entries, folder)}
        if len(parts) > 1:
            remarks.append(f"the source's own split is used: {', '.join(folder[-1] for folder in parts)}")
    layout, empty = _sorted(entries, homes, depth + (1 if parts is None else 2))
    for folder in empty:
        if homes[folder][0] == TRAIN:
            photos = any(entry.parts[:-1] == folder and _of_phone(entry) for entry in entries)
            raise DataError(
                f"the class folder {'/'.join((name, *folder))} holds no PNG or JPEG image, and none of another format "
                f"that is read (WebP, BMP, TIFF); {'save its photos as JPEG' if photos else 'fill it or remove it'}"
            )
    classes, files, left_out = layout
    _check_parts(files, classes, place)
    return Layout(classes, files, left_out, tuple(remarks))


def _parts(entries: Sequence[Entry], top: Sequence[tuple[str, ...]], place: str) -> dict[tuple[str, ...], str] | None:
    """The part that each folder at the top holds; `None` where they are classes."""
    named = {folder: _NAMES[folder[-1].lower()] for folder in top if folder[-1].lower() in _NAMES}
    deep = {folder for folder in named if any(_has_images(entries, inner) for inner in _folders(entries, folder))}
    if not named or (not deep and TRAIN not in named.values()):
        return None  # a class may be called "test"
    words = ", ".join(f"{folder[-1]}/" for folder in named)
    others = [folder[-1] for folder in top if folder not in named and _has_images(entries, folder)]
    if not deep:
        if others:
            return None
        raise DataError(f"{place} has {words}, which hold images but no folders of classes; {_EXPECTED} are expected")
    if others:
        raise DataError(
            f"{place} looks like a split ({words}) and has other folders of images beside it, such as "
            f"{shown(others[0])}; {_EXPECTED} are expected, not both"
        )
    if len(set(named.values())) < len(named):
        raise DataError(f"{place} has {words}: two of them are the same part of a split; keep one of them")
    if TRAIN not in named.values():
        raise DataError(f"{place} has {words} and no train/; {_EXPECTED} are expected")
    for folder in named:
        if folder not in deep:
            raise DataError(
                f"{place}/{folder[-1]} has no folders of classes with images, as its neighbours have; {_EXPECTED} are "
                "expected. Fill it or remove it"
            )
    return {folder: named[folder] for folder in sorted(named, key=lambda folder: PARTS.index(named[folder]))}


def _sorted(
    entries: Sequence[Entry], homes: dict[tuple[str, ...], tuple[str, str]], depth: int
) -> tuple[tuple[tuple[str, ...], dict[str, list[tuple[Entry, int]]], tuple[LeftOut, ...]], list[tuple[str, ...]]]:
    """Classes, files by part, what is left out; and class folders without images."""
    own: dict[tuple[str, ...], list[Entry]] = {folder: [] for folder in homes}
    left_out = []
    for entry in entries:
        if entry.folder:
            continue
        home = entry.parts[:depth]
        if len(entry.parts) <= depth or home not in own:
            left_out.append(LeftOut(entry.name, "it lies outside of the folders of classes"))
        elif is_image(entry):
            own[home].append(entry)
        else:
            advice = "; save it as JPEG" if _of_phone(entry) else ""
            left_out.append(LeftOut(entry.name, f"it is no {FORMATS} file{advice}"))
    classes = tuple(sorted({homes[folder][1] for folder, found in own.items() if found}))
    label = {name: number for number, name in enumerate(classes)}
    files: dict[str, list[tuple[Entry, int]]] = {part: [] for part in PARTS}
    for folder, found in own.items():
        part, name = homes[folder]
        files[part] += [(entry, label[name]) for entry in found]
    return (
        (classes, {part: found for part, found in files.items() if found}, tuple(left_out)),
        [folder for folder, found in own.items() if not found],
    )


def _check_parts(files: dict[str, list[tuple[Entry, int]]], classes: tuple[str, ...], place: str) -> None:
    trained = {label for _, label in files.get(TRAIN, ())}
    for part, found in files.items():
        for entry, label in found:
            if label not in trained:
                raise DataError(
                    f"{place}: class {shown(classes[label])} has images in {part} ({entry.name}) and none in train; a "
                    "class that is not trained on can't be recognised"
                )


def is_image(entry: Entry) -> bool:
    """Whether the name of a file ends as that of an image."""
    return not entry.folder and PurePosixPath(entry.parts[-1]).suffix.lower() in ENDINGS


def _of_phone(entry: Entry) -> bool:
    return not entry.folder and entry.name.lower().endswith(_OF_PHONES)


def _folders(entries: Sequence[Entry], below: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Folders directly below a folder."""
    return [entry.parts for entry in entries if entry.folder and entry.parts[:-1] == below]


def _images(entries: Sequence[Entry], depth: int) -> bool:
    """Whether there are images at a depth."""
    return any(len(entry.parts) == depth + 1 and is_image(entry) for entry in entries)


def _has_images(entries: Sequence[Entry], folder: tuple[str, ...]) -> bool:
    return any(entry.parts[: len(folder)] == folder and is_image(entry) for entry in entries)
