"""What mkdocs calls: adds the pages that are made, mends links out of `docs/`, and checks what was built."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

from docs_site import commands, reference
from docs_site.files import linked, pages
from docs_site.notebooks import ROOT

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

_LOADED = re.compile(
    r"<(?:script|img|iframe|link rel=\"?(?:stylesheet|preconnect|preload)\"?)[^>]*(?:src|href)=\"?(?:https?:)?//[^>]*>"
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are not kept in the repository."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    for path, text in (pages(citation) | reference.pages() | {commands.FILE: commands.page()}).items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links to files beside `docs/` lead to their pages."""
    path = page.file.src_uri
    return markdown if page.file.generated_by else linked(markdown, f"docs/{path}", path)


def on_post_build(config: MkDocsConfig) -> None:
    """Makes sure that each public name can be found, and that no page loads anything from elsewhere.

    Raises:
        PluginError: that is not so.
    """
    site = Path(config.site_dir)
    shown = set(
        re.findall(r'\bid="(archllm[\w.]*)"', "".join(page.read_text() for page in site.glob("reference/*.html")))
    )
    if missing := sorted(set(reference.documented()) - shown):
        raise PluginError(f"the API reference does not show {', '.join(missing)}")
    for page in site.rglob("*.html"):
        if found := _LOADED.search(page.read_text(encoding="utf-8")):
            raise PluginError(f"{page.relative_to(site)} loads from another host: {found[0]}")
