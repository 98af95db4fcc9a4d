"""Reading: what became of the files that images were read from."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import PurePosixPath

NAMED = 3
"""Files that a line names, of each kind; the record names all."""


@dataclass(frozen=True)
class LeftOut:
    """A file that is not among the images, and why.

    Example:
        >>> LeftOut("cats/7.png", "is cut off").reason
        'is cut off'
    """

    file: str
    """Its path below the source."""

    reason: str
    """Why, in words."""


@dataclass(frozen=True)
class Reading:
    r"""What a folder or an archive of images held, and how it was read.

    Example:
        >>> found = Reading({"train": ("a/1.png", "b/1.png")}, ((8, 8, 1), (9, 9, 1)), resized=8, hidden=1)
        >>> print(*found.lines(), sep="\n")
        images are of 2 sizes, 8 x 8 to 9 x 9: all are resized to 8 x 8; image_size sets another size
        1 hidden file (or folder) skipped
    """

    files: dict[str, tuple[str, ...]]
    """The file of each image, by part (`train`, `validation`, `test`), in the order of the images."""

    sizes: tuple[tuple[int, int, int], ...]
    """Width, height and how many images have them, the commonest first."""

    resized: int | None = None
    """Width and height that all images were resized to; `None` where they are as they were."""

    asked: bool = False
    """Whether that size was asked for."""

    white: float = 255.0
    """The value of the files that became full brightness: 255 for images of 8 bits, else the largest of the set."""

    rotated: int = 0
    """Images that were turned as their EXIF orientation says."""

    hidden: int = 0
    """Hidden files and folders, which were skipped."""

    left_out: tuple[LeftOut, ...] = ()
    """Files that are no images, lie elsewhere, or can't be read here."""

    damaged: tuple[LeftOut, ...] = ()
    """Images that are damaged, and so not among those that were read."""

    remarks: tuple[str, ...] = ()
    """What else was found, such as the source's own split."""

    def lines(self) -> list[str]:
        """What a user should know, a line each; none where there is nothing to tell."""
        told = list(self.remarks)
        if self.resized is not None and not self.asked:
            areas = sorted(self.sizes, key=lambda size: size[0] * size[1])
            first, last = (f"{width} x {height}" for width, height, _ in (areas[0], areas[-1]))
            found = f"of {len(self.sizes)} sizes, {first} to {last}" if len(self.sizes) > 1 else f"of {first} pixels"
            told.append(
                f"images are {found}: all are resized to {self.resized} x {self.resized}; image_size sets another size"
            )
        if self.white != 255:
            told.append(
                f"images have more than 8 bits a channel: all are kept, {self.white:g}, the largest value, is 1"
            )
        if self.rotated:
            told.append(f"{_counted(self.rotated, 'image')} turned upright as their EXIF orientation says")
        if self.hidden:
            told.append(f"{_counted(self.hidden, 'hidden file')} (or folder) skipped")
        if self.left_out:
            told.append(f"{_counted(len(self.left_out), 'file')} left out: {_examples(self.left_out)}")
        if self.damaged:
            told.append(f"{_counted(len(self.damaged), 'damaged image')} left out: {_examples(self.damaged)}")
        return told


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' if number > 1 else ''}"


def _examples(files: tuple[LeftOut, ...]) -> str:
    """The first of each kind: kinds are reasons and endings."""
    kinds: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for each in files:
        kinds[each.reason, PurePosixPath(each.file).suffix.lower()].append(each.file)
    told = []
    for (reason, _), names_of in sorted(kinds.items(), key=lambda kind: -len(kind[1]))[:NAMED]:
        count, names = len(names_of), ", ".join(map(repr, names_of[:NAMED]))
        told.append(f"{names}{f' and {count - NAMED:,} more' if count > NAMED else ''} ({reason})")
    rest = len(kinds) - NAMED
    return "; ".join(told) + (f"; and {rest:,} other kinds" if rest > 0 else "")
