"""`archllm doctor`."""

from __future__ import annotations

from dataclasses import dataclass

from archllm.cli.command import Command
from archllm.cli.console import Console, fields


@dataclass(frozen=True, kw_only=True)
class Doctor(Command):
    """Tell what is installed, how many threads are fastest, and which data is found."""

    def run(self, console: Console) -> None:
        from archllm.workflows.doctor import doctor

        found = doctor()
        console.document(found.to_json())
        pairs = {"archllm": found.archllm, "python": f"{found.python} on {found.platform}"}
        pairs |= {name: version or "MISSING" for name, version in found.packages.items()}
        for extra, packages in found.extras.items():
            for name, version in packages.items():
                pairs[name] = f"{version or 'not installed'} (extra [{extra}])"
        timed = ", ".join(f"{ms:.1f} ms a step with {threads}" for threads, ms in found.milliseconds.items())
        pairs["cores"] = str(found.cores)
        pairs["threads"] = f"--threads {found.threads} is fastest now for small models ({timed})"
        pairs["device"] = found.device
        pairs["tables"] = ", ".join(found.tables) or f"none in {found.data_folder}"
        for line in fields(pairs):
            console.say(line)
        if not found.tables:
            console.note("Tables of benchmarks are optional; $ARCHLLM_DATA names the folder that holds them.")
        missing = [name for name, version in found.packages.items() if version is None]
        if missing:
            console.note(f"Missing: {', '.join(missing)}; reinstall with `pip install archllm`.")
