"""Pages made of files beside `docs/`, and links between the two."""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docs_site.notebooks import ROOT, outputs_file, shown

_LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")

_COPIED = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
_MADE = {"README.md": "index.md", "CITATION.cff": "cite.md", "examples": "notebooks/index.md"}


def pages(citation: Mapping[str, Any]) -> dict[str, str]:
    """Files of the site -> their Markdown, links as in `docs/`.

    Args:
        citation: what CITATION.cff holds.
    """
    made = {}
    for name, file in _COPIED.items():
        made[file] = linked((ROOT / name).read_text(encoding="utf-8"), name, file)
    made["cite.md"] = _citation(citation)
    titles = {}
    for notebook in sorted((ROOT / "examples").glob("*.ipynb")):
        text = _notebook(notebook)
        made[f"notebooks/{notebook.stem}.md"] = linked(
            text, f"examples/{notebook.name}", f"notebooks/{notebook.stem}.md"
        )
        titles[notebook] = text.splitlines()[0].removeprefix("# ")
    listed = "\n".join(f"- [{title}]({notebook.stem}.md)" for notebook, title in titles.items())
    made["notebooks/index.md"] = (
        f"# Notebooks\n\nEach runs in minutes, in Jupyter or wherever notebooks run.\n\n{listed}\n"
    )
    return made


def linked(text: str, source: str, page: str) -> str:
    """The text of a page with links that hold in the site.

    A file of the repository that the site doesn't show becomes plain words, or a link into the repository where
    `ARCHLLM_FILES_URL` says where that is on the web.

    Args:
        text: Markdown.
        source: where it stands in the repository.
        page: where it stands in the site.

    Example:
        >>> linked("[this](../CHANGELOG.md#x) [that](../Makefile) [here](fit.md)", "docs/search.md", "search.md")
        '[this](changelog.md#x) that [here](fit.md)'
    """

    def held(link: re.Match[str]) -> str:
        path, hash_, anchor = link["target"].partition("#")
        if not path or re.match(r"[a-z]+:", path):
            return link[0]
        place = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        target = _place_in_site(place)
        if target is not None:
            relative = posixpath.relpath(target, posixpath.dirname(page) or ".")
            return f"{link['picture']}[{link['text']}]({relative}{hash_}{anchor})"
        files = os.environ.get("ARCHLLM_FILES_URL", "").rstrip("/").replace("/raw/", "/blob/")
        return f"[{link['text']}]({files}/{place}{hash_}{anchor})" if files else link["text"]

    return _LINK.sub(held, text)


def _place_in_site(place: str) -> str | None:
    """Where a file of the repository is in the site."""
    known = _COPIED | _MADE
    if place in known:
        return known[place]
    if place.startswith("docs/"):
        return place.removeprefix("docs/")
    folder, name = posixpath.split(place)
    return f"notebooks/{name.removesuffix('.ipynb')}.md" if folder == "examples" else None


def _notebook(file: Path) -> str:
    """The cells of a notebook as Markdown, with the outputs that are kept of it."""
    notebook, kept = json.loads(file.read_text(encoding="utf-8")), outputs_file(file)
    outputs = iter(json.loads(kept.read_text(encoding="utf-8"))["cells"] if kept.is_file() else ())
    parts = []
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(text)
        else:
            parts += [f"```python\n{text}\n```", shown(next(outputs, []))]
    return "\n\n".join([*parts, f"The notebook itself is `examples/{file.name}`.", ""])


def _citation(citation: Mapping[str, Any]) -> str:
    (paper,) = citation["references"]
    authors = " and ".join(f"{each['family-names']}, {each['given-names']}" for each in paper["authors"])
    number = next(each["value"] for each in paper["identifiers"]).removeprefix("arXiv:")
    software = " and ".join(f"{{{each['name']}}}" for each in citation["authors"])
    return f"""# How to cite

{citation["message"]}

```bibtex
@software{{archllm,
  title   = {{{citation["title"]}}},
  author  = {{{software}}},
  version = {{{citation["version"]}}},
  license = {{{citation["license"]}}},
}}

@misc{{poddenige{paper["year"]}archllm,
  title         = {{{paper["title"]}}},
  author        = {{{authors}}},
  year          = {{{paper["year"]}}},
  eprint        = {{{number}}},
  archivePrefix = {{arXiv}},
}}
```

Reports and result pages name the version and the commit with which they were made: give it with your numbers.
"""
