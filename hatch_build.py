"""What the build adds to `pyproject.toml`: a README that holds away from the repository, as on a package index.

There, a link to a file of the repository leads nowhere and a picture stays empty. `ARCHLLM_FILES_URL` says where these
files are on the web, such as https://HOST/OWNER/archllm/raw/main; without it, pictures are left out and links to files
become plain words.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")


class IndexReadme(MetadataHookInterface):
    """Puts the README into the metadata, as an index page needs it."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Adds the field `readme`, which `pyproject.toml` calls dynamic."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": index_text(text, os.environ.get("ARCHLLM_FILES_URL", "")),
        }


def index_text(text: str, files: str) -> str:
    """The text with no relative link.

    Args:
        text: Markdown.
        files: where the files of the repository are on the web; nothing if they are not.
    """

    def absolute(link: re.Match[str]) -> str:
        target = link["target"]
        if re.match(r"[a-z]+:|#", target):
            return link[0]
        if not files:
            return "" if link["picture"] else link["text"]
        # Hosts show a picture under raw/ and a page for a text under blob/.
        base = files.rstrip("/") if link["picture"] else files.rstrip("/").replace("/raw/", "/blob/")
        return f"{link['picture']}[{link['text']}]({base}/{target})"

    return _LINK.sub(absolute, text)
