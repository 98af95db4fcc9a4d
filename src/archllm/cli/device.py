"""`archllm device kit | import | list | remove`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from archllm.cli.command import Command, Switch
from archllm.cli.console import Console, fields
from archllm.config import Option, Seed
from archllm.errors import InvalidInput

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Device(Command):
    """Predict the latency of another device from ten timings.

    `kit` writes ten networks of a space and a program that times them, for any device with Python and ONNX Runtime.
    `import` takes the file that the program wrote; `latency:NAME` is an objective and a limit from then on.
    """

    ACTIONS = ("kit", "import", "list", "remove")

    action: Annotated[Literal["kit", "import", "list", "remove"], Option("{kit,import,list,remove}", positional=True)]
    """What to do."""

    what: Annotated[str | None, Option("FILE|NAME", positional=True)] = None
    """For import: the file of timings. For remove: the name of the device."""

    space: Annotated[str | None, Option("SPACE")] = None
    """For kit: the space, or the path of a space file. For import: the path of a custom space."""

    network: Annotated[tuple[str, ...], Option("KEY=VALUE")] = ()
    """For kit: fields of the space's network setting, such as `channels=8 cells=1`; the rest is as in its paper."""

    out: Annotated[Path | None, Option("DIR")] = None
    """For kit: the folder to write."""

    name: str | None = None
    """For import: what the device is to be called."""

    seed: Seed = 0
    """For kit: another seed chooses other networks."""

    overwrite: Switch = False
    """Replace an existing kit, or timings that are kept under the name."""

    def run(self, console: Console) -> None:
        {"kit": self._kit, "import": self._import, "list": self._list, "remove": self._remove}[self.action](console)

    def _kit(self, console: Console) -> None:
        from archllm.workflows.device import kit

        space, out = self._needed("--space SPACE", self.space), self._needed("--out DIR", self.out)
        with console.progress() as listener:
            found = kit(space, out, self.network, seed=self.seed, overwrite=self.overwrite, listener=listener)
        console.document(
            {"kit": str(found.folder), "space": found.space, "network": found.network, "architectures": found.texts}
        )
        console.say(f"wrote {found.folder}: {len(found.texts)} networks of {found.space}, run.py and timing.py")
        console.say("On the device: python run.py")
        console.say("Then here:     archllm device import timings.json --name NAME")

    def _import(self, console: Console) -> None:
        from archllm.workflows.device import import_timings

        file, name = self._needed("the file of timings", self.what), self._needed("--name NAME", self.name)
        found = import_timings(Path(file), name, self.space, overwrite=self.overwrite)
        console.document({"device": found.name, **found.timings.to_json()})
        console.say(
            f"device {found.name}: {len(found.timings.ms)} timings of {found.timings.space}, kept in {found.file}"
        )
        console.say(f'Use it: --objective latency:{found.name}, or --where "latency:{found.name} <= 5ms"')

    def _list(self, console: Console) -> None:
        from archllm.workflows.device import devices

        found = devices()
        console.document(
            [
                {
                    "device": each.name,
                    "space": each.timings.space,
                    "timings": len(each.timings.ms),
                    "file": str(each.file),
                }
                for each in found
            ]
        )
        pairs = {
            each.name: f"{len(each.timings.ms)} timings of {each.timings.space}, "
            f"{min(each.timings.ms):.3g} to {max(each.timings.ms):.3g} ms"
            for each in found
        }
        for line in fields(pairs):
            console.say(line)
        if not found:
            console.say("There are no devices yet; archllm device kit makes a kit for one.")

    def _remove(self, console: Console) -> None:
        from archllm.workflows.device import remove_device

        found = remove_device(self._needed("the name of a device", self.what))
        console.document({"removed": found.name})
        console.say(f"removed {found.name}")

    def _needed(self, what: str, value: _T | None) -> _T:
        if value is None:
            raise InvalidInput(f"archllm device {self.action} needs {what}")
        return value
