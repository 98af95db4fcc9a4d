"""Every block of the README and of the guides runs, and every command that they show is one."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from archllm.cli import command_class
from archllm.cli.parsing import parse

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "recipes").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)

TRAINING = re.compile(r"^archllm train nasbench201 --preset quick --out (\S+)$", flags=re.MULTILINE)
"""With what several guides begin. The first one trains; the others find the same run in its place."""

BRIEF = {"--tokenizer.steps": 100, "--prior.steps": 40}
"""Steps of trainings with `--preset quick`: how well a model does that a guide trains is the matter of other tests."""

BRIEFER = 4
"""Steps of priors where a page itself asks for few: those of language models are slow."""


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def brief(code: str) -> str:
    """The code of a block, with fewer steps of training."""
    code = re.sub(r"--prior\.steps \d+", f"--prior.steps {BRIEFER}", code)
    missing = "".join(f" {option} {steps}" for option, steps in BRIEF.items() if option not in code)
    return code.replace("--preset quick", f"--preset quick{missing}")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, started_fast: dict[str, str]) -> Callable[[], Path]:
    """Gives the run of `TRAINING`, which is trained when it is first asked for."""
    folder = tmp_path_factory.mktemp("trained") / "run"

    def run() -> Path:
        if not folder.exists():
            words = ["archllm", "train", "nasbench201", *shlex.split(brief("--preset quick")), "--out", str(folder)]
            done = subprocess.run(words, env=started_fast, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr[-2000:]
        return folder

    return run


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_the_page_runs(
    page: Path, tmp_path: Path, started_fast: dict[str, str], trained: Callable[[], Path]
) -> None:
    for language, code in blocks(page):
        if language == "sh":  # commands of the checkout itself: make knows each of them
            for line in code.splitlines():
                subprocess.run([*line.split(), "-n"], cwd=ROOT, capture_output=True, check=True)
            continue
        if language == "toml":  # what others put into a file of theirs
            tomllib.loads(code)
            continue
        if training := TRAINING.search(code):
            shutil.copytree(trained(), tmp_path / training[1])
            code = TRAINING.sub("", code)
        code = brief(code)
        command = {"bash": ["bash", "-euc", code], "python": ["python", "-c", code]}[language]
        done = subprocess.run(command, cwd=tmp_path, env=started_fast, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{language} block of {page.name} failed:\n{code}\n{done.stderr[-2000:]}"


def shown(page: Path) -> Iterator[str]:
    """Lines of indented blocks, which are not run: they need photos, another machine or much time."""
    rest = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for block in re.findall(r"(?:^    .*\n)+", rest, flags=re.MULTILINE):
        yield from (line.strip() for line in block.replace("\\\n", " ").splitlines())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_shown_and_not_run_is_one(page: Path) -> None:
    for line in shown(page):
        if line.startswith("archllm "):
            _, name, *words = shlex.split(line.removesuffix("&"), comments=True)
            parse(command_class(name), words, {}, line)


def test_every_extra_that_is_named_exists() -> None:
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = {
        extra
        for page in PAGES
        for extras in re.findall(r"archllm\[([a-z,]+)\]", page.read_text(encoding="utf-8"))
        for extra in extras.split(",")
    }
    assert {"images", "executorch"} <= named <= set(known)


def test_the_readme_shows_a_picture_and_both_ways_to_use_it() -> None:
    languages = {language for language, _ in blocks(ROOT / "README.md")}
    assert {"sh", "bash", "python"} <= languages
    for image in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert (ROOT / image).exists(), f"the README shows {image}, which is not there"
