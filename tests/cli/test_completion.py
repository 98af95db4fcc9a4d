"""Completion: the scripts know what the parser knows, and shells that are installed can use them."""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
from functools import cache

import pytest

from archllm.cli import COMMANDS, command_class, main
from archllm.cli.completion import command_words
from archllm.spaces import space_names


@cache
def script(shell: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main(["completion", shell]) == 0
    return out.getvalue()


def ran(shell: str, program: str, *arguments: str) -> list[str]:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    done = subprocess.run(
        [shell, *arguments], input=program, capture_output=True, text=True, check=False, errors="replace", timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def in_bash(line: str) -> list[str]:
    call = f"""{script("bash")}
COMP_LINE='{line}' COMP_POINT={len(line)}
_archllm
printf '%s\\n' "${{COMPREPLY[@]}}" """
    return [each for each in ran("bash", call, "--norc", "--noprofile") if each]


def in_fish(line: str) -> list[str]:
    found = ran("fish", f"{script('fish')}\ncomplete -C '{line}'", "--no-config")
    return [each.partition("\t")[0] for each in found]


IN_ZSH = r"""
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PROMPT=; autoload -Uz compinit; compinit -u -D; LISTMAX=10000'
zpty -w shell "source $1; bindkey '^I' complete-word; print re''ady"
zpty -r shell said '*ready*'
shift
while (($#)); do
    zpty -w -n shell $'\C-u'"$1"$'\t'
    zpty -r shell said "*$2*"
    shift 2
done
"""
"""Types lines into zsh on a pseudo-terminal, each ended by the tabulator key, and waits for a text after each."""


@pytest.mark.parametrize("complete", [in_bash, in_fish])
class TestShells:
    def test_commands_are_completed(self, complete):
        assert complete("archllm tr") == ["train", "trials"]

    def test_values_of_closed_lists_are_completed(self, complete):
        assert complete("archllm train nasbench201 --preset ") == ["quick", "standard", "thorough"]
        assert set(complete("archllm data import x --as nas")) == {
            "nasbench101-tfrecord",
            "nasbench201-pth",
            "nasbench-graph",
        }

    def test_names_of_spaces_are_completed(self, complete):
        named = complete("archllm search --space nas")
        assert (
            set(named) == {name for name in space_names() if name.startswith("nas")} >= {"nasbench101", "nasbench201"}
        )
        assert set(space_names()) <= set(complete("archllm train "))

    def test_options_of_the_command_are_completed(self, complete):
        assert "--max-latency" in complete("archllm fit --max-")
        assert complete("archllm sample --max-") == ["--max-draws"]
        assert complete("archllm train x --tokenizer.code-l") == ["--tokenizer.code-length"]


def test_bash_completes_what_follows_an_equals_sign_or_a_colon():
    assert in_bash("archllm train nasbench201 --preset=q") == ["quick"]
    assert in_bash("archllm search --method optuna:n") == ["nsga2"]  # readline holds what is before the colon


def test_bash_completes_lists_of_values():
    assert "evolution" in in_bash("archllm compare --methods random gp e")


def test_bash_leaves_other_values_to_its_completion_of_files():
    assert in_bash("archllm train nasbench201 --out ") == []
    assert in_bash("archllm report ") == []


def test_zsh_completes(tmp_path):
    (tmp_path / "typed.zsh").write_text(IN_ZSH)
    (tmp_path / "script.zsh").write_text(script("zsh"))
    completed = {
        "archllm evalu": "evaluate",
        "archllm train nasbench201 --preset=qu": "--preset=quick",
        "archllm sample --max-d": "--max-draws",
        "archllm search --method optuna:n": "optuna:nsga2",
        "archllm compare --methods random evol": "evolution",
    }
    words = [word for pair in completed.items() for word in pair]
    ran("zsh", "", "-f", str(tmp_path / "typed.zsh"), str(tmp_path / "script.zsh"), *words)


def test_every_word_of_the_scripts_is_one_of_the_parser(capsys):
    for name, command in command_words().items():
        kind = command_class(name)
        assert kind.__doc__ is not None
        capsys.readouterr()
        assert main([name, "--help"]) == 0
        told = " ".join(capsys.readouterr().out.split())
        for option in command.options:
            assert all(word in told for word in option.words), (name, option.words)
            assert option.about, (name, option.words)


def test_every_command_is_in_every_script():
    for shell in ("bash", "zsh", "fish"):
        assert all(name in script(shell) for name in COMMANDS)
