"""Every block of the README and of the guides runs."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_the_page_runs(page, tmp_path):
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "OMP_NUM_THREADS": "1",
    }
    for language, code in blocks(page):
        if language == "sh":  # commands of the checkout itself: make knows each of them
            for line in code.splitlines():
                subprocess.run([*line.split(), "-n"], cwd=ROOT, capture_output=True, check=True)
            continue
        if language == "toml":  # what others put into a file of theirs
            tomllib.loads(code)
            continue
        command = {"bash": ["bash", "-euc", code], "python": [sys.executable, "-c", code]}[language]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{language} block of {page.name} failed:\n{code}\n{done.stderr[-2000:]}"


def test_the_readme_shows_a_picture_and_both_ways_to_use_it():
    languages = {language for language, _ in blocks(ROOT / "README.md")}
    assert {"sh", "bash", "python"} <= languages
    for image in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert (ROOT / image).exists(), f"the README shows {image}, which is not there"
