"""What the notebooks print and draw, kept beside them for the site, which has no minutes to run them in.

    python -m docs_site.notebooks [NAME ...]

runs the notebooks of `examples/`, which themselves are kept without outputs, and writes `examples/outputs/NAME.json`.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"

_LONGEST = 20_000  # characters of a text that is shown
_BLANK = re.compile(r"\n\s*\n")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def code_of(notebook: dict[str, Any]) -> str:
    """A fingerprint of the cells of code: outputs of another one are out of date."""
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return sha256(json.dumps(cells).encode()).hexdigest()[:16]


def outputs_file(file: Path) -> Path:
    """Where the outputs of a notebook are kept."""
    return file.parent / "outputs" / f"{file.stem}.json"


def shown(outputs: list[dict[str, str]]) -> str:
    """The outputs of a cell as Markdown.

    Example:
        >>> shown([{"text": "1 < 2"}])
        '<pre class="output">1 &lt; 2</pre>'
    """
    parts = []
    for each in outputs:
        if "html" in each:
            parts.append(f'<div class="output">{_BLANK.sub(chr(10), each["html"])}</div>')  # a blank line would end it
        elif "png" in each:
            parts.append(
                f'<p class="output"><img alt="What the cell draws" src="data:image/png;base64,{each["png"]}"></p>'
            )
        else:
            parts.append(f'<pre class="output">{escape(each["text"], quote=False)}</pre>')
    return "\n\n".join(parts)


def _kept(outputs: list[Any]) -> list[dict[str, str]]:
    """What is kept of outputs as Jupyter has them: drawings, and texts that belong together as one."""
    found: list[dict[str, str]] = []
    for each in outputs:
        data = each.get("data", {})
        if "site-packages" in each.get("text", ""):  # a library warns of how it was installed here
            continue
        if "image/svg+xml" in data:
            found.append({"html": data["image/svg+xml"]})
        elif "image/png" in data:
            found.append({"png": "".join(data["image/png"].split())})
        elif "text/html" in data:
            found.append({"html": data["text/html"]})
        else:
            text = _ESCAPES.sub("", each.get("text", "") or data.get("text/plain", ""))
            lines = [line.rpartition("\r")[2].rstrip() for line in text.splitlines()]
            text = "\n".join(lines)[:_LONGEST]
            if found and "text" in found[-1]:
                found[-1]["text"] += f"\n{text}"
            elif text.strip():
                found.append({"text": text})
    return found


def run(file: Path) -> None:
    """Runs a notebook and keeps its outputs."""
    import nbclient
    import nbformat

    read: Any = nbformat.read  # has no types
    notebook = read(file, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        nbclient.NotebookClient(notebook, timeout=3_600, resources={"metadata": {"path": folder}}).execute()
        cells = [_kept(cell.outputs) for cell in notebook.cells if cell.cell_type == "code"]
        texts = json.dumps({"code": code_of(json.loads(file.read_text("utf-8"))), "cells": cells}, indent=1)
    outputs_file(file).parent.mkdir(exist_ok=True)
    outputs_file(file).write_text(texts.replace(folder, "") + "\n", encoding="utf-8")


def main(names: list[str]) -> None:
    """Runs the notebooks of these names, by default all."""
    for file in sorted(EXAMPLES.glob("*.ipynb")):
        if not names or file.stem in names:
            sys.stderr.write(f"{file.stem} ...\n")
            run(file)


if __name__ == "__main__":
    main(sys.argv[1:])
