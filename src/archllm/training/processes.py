"""Several processes that train one model together, as `accelerate launch` or `torchrun` start them.

One of them, the main process, decides, writes and speaks; the others only compute.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from archllm.errors import InvalidInput, MissingExtra, PeerFailed

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

_LAUNCHERS = ("ACCELERATE_MIXED_PRECISION", "TORCHELASTIC_RUN_ID")  # each launcher leaves one of them
_RANK = ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")
_COUNT = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
_WAIT = timedelta(hours=12)  # others wait while the main process trains a tokenizer; a launcher ends those left behind
BUCKET = 2**24  # numbers that travel in one message


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of one training, as one of them sees itself; by default of world size 1.

    Example:
        >>> ProcessGroup().is_main, ProcessGroup(rank=1, size=2).is_main
        (True, False)
    """

    rank: int = 0
    """Number of this process, from 0."""

    size: int = 1
    """Number of processes."""

    device: str = "cpu"
    """Where this process computes."""

    @property
    def is_main(self) -> bool:
        """Whether this process decides, writes and speaks."""
        return self.rank == 0

    def shard(self, rows: torch.Tensor) -> torch.Tensor:
        """What this process works through of `b x …` rows."""
        return rows[self.rank :: self.size]

    def broadcast(self, make: Callable[[], T]) -> T:
        """What the main process makes, in all processes; the others wait for it.

        Raises:
            PeerFailed: the main process failed, or another one is gone.
        """
        if self.size == 1:
            return make()
        if self.is_main:
            try:
                made = make()
            except Exception:
                with suppress(PeerFailed):  # they may be gone already
                    self._broadcast(None)
                raise
            self._broadcast((made,))
            return made
        received = self._broadcast(None)
        if received is None:
            raise PeerFailed("the main process could not go on; it says why")
        result: T = received[0]
        return result

    def on_main(self, make: Callable[[], T]) -> T | None:
        """What the main process makes, which it keeps for itself; the others wait until it is done, and get nothing.

        Raises:
            PeerFailed: the main process failed, or another one is gone.
        """
        kept: list[T] = []
        self.broadcast(lambda: kept.append(make()))
        return kept[0] if self.is_main else None

    @contextmanager
    def shared_folder(self, save: Callable[[Path], object]) -> Iterator[Path]:
        """A folder in which every process finds the files that the main process saves there, on any host.

        Raises:
            PeerFailed: the main process failed, or another one is gone.
        """

        def files() -> dict[str, bytes]:
            save(folder)
            return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}

        with TemporaryDirectory(prefix="archllm-") as name:
            folder = Path(name)
            received = self.broadcast(files)
            for file, content in received.items() if not self.is_main else ():
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (folder / file).write_bytes(content)
            yield folder

    def all_reduce(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replaces each tensor by its sum over all processes, which have the same number of the same shapes.

        Raises:
            PeerFailed: another process is gone.
        """
        if self.size == 1:
            return
        import torch

        for bucket in _buckets(tensors):
            flat = torch.cat([tensor.flatten() for tensor in bucket])
            with _in_touch():
                torch.distributed.all_reduce(flat)
            for tensor, total in zip(bucket, flat.split([tensor.numel() for tensor in bucket]), strict=True):
                tensor.copy_(total.view_as(tensor))

    def _broadcast(self, value: tuple[Any] | None) -> tuple[Any] | None:
        import torch

        box = [value]
        with _in_touch():
            torch.distributed.broadcast_object_list(box, src=0, device=torch.device(self.device))
        return box[0]


SINGLE_PROCESS = ProcessGroup()
"""A process that trains by itself."""


def started(environment: Mapping[str, str] | None = None) -> tuple[int, int]:
    """Number of this process, and how many were started together: `(0, 1)` without a launcher."""
    environment = os.environ if environment is None else environment
    if not any(name in environment for name in _LAUNCHERS):
        return 0, 1
    return _number(environment, _RANK, 0), _number(environment, _COUNT, 1)


def check_launch(environment: Mapping[str, str]) -> None:
    """Makes sure that as many processes were started as were asked for, as far as this one can tell.

    Raises:
        InvalidInput: `accelerate launch` was asked for several and has started only this one.
    """
    launched = _LAUNCHERS[0] in environment and not any(name in environment for name in _COUNT)
    if launched and "MASTER_ADDR" in environment:  # which it leaves when asked for several
        raise InvalidInput(
            "accelerate launch was asked for several processes but started only this one, as it does where it sees no "
            "GPUs: give it --multi_gpu, which works on CPUs too; for one process, leave accelerate launch out"
        )


def process_group(device: str) -> ProcessGroup:
    """Finds the processes that were started together with this one, and waits until all of them are there.

    Args:
        device: where to compute; of several GPUs, each process takes its own.

    Raises:
        InvalidInput: they can't be joined, or fewer were started than were asked for.
        MissingExtra: accelerate is not installed.
    """
    check_launch(os.environ)
    count = started()[1]
    if count == 1:
        return ProcessGroup(device=device)
    if find_spec("accelerate") is None:
        raise MissingExtra("training in several processes", "llm")
    import torch
    from accelerate import PartialState

    joined = torch.distributed.is_initialized()
    state = PartialState(cpu=torch.device(device).type == "cpu", timeout=_WAIT)
    if state.num_processes != count:
        raise InvalidInput(f"{count} processes were started, but on {device} they can't be joined; try --device cpu")
    if not joined:
        atexit.register(state.destroy_process_group)
    own = torch.device(state.device)
    return ProcessGroup(state.process_index, count, "cpu" if own.type == "cpu" else str(own))


@contextmanager
def _in_touch() -> Iterator[None]:
    """Tells of a broken connection what it means."""
    try:
        yield
    except RuntimeError as error:
        raise PeerFailed("another process is gone; it says why") from error


def _number(environment: Mapping[str, str], names: Sequence[str], default: int) -> int:
    found = [environment[name] for name in names if environment.get(name, "").isdecimal()]
    return int(found[0]) if found else default


def _buckets(tensors: Sequence[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """The tensors in order, in groups of one type that are not too large to travel at once."""
    bucket: list[torch.Tensor] = []
    for tensor in tensors:
        full = sum(each.numel() for each in bucket) + tensor.numel() > BUCKET
        if bucket and (full or (tensor.dtype, tensor.device) != (bucket[0].dtype, bucket[0].device)):
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket
