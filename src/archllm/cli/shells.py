r"""What shells complete: the words of the command line as a script for bash, zsh or fish.

A script is made once and holds all words, so that completing starts no Python. In bash and fish, what is no option and
has no closed list of values is completed as a path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archllm.cli.described import Described


@dataclass(frozen=True)
class CommandWords:
    """One command."""

    about: str
    """Its help in a line."""

    options: Sequence[Described]
    """What it takes."""


Commands = Mapping[str, CommandWords]
"""By name of the command."""


def bash(commands: Commands) -> str:
    """The script for bash 3.2 and later."""
    cases = []
    for name, command in commands.items():
        named = [each for each in command.options if each.words and each.metavar]
        listed = [each for each in named if each.values]
        cases += [_bash_case(name, each.words, each.values) for each in listed if not each.many]
        if free := [word for each in named if not each.values and not each.many for word in each.words]:
            cases.append(f"        {'|'.join(f'{name}:{word}:*' for word in free)}) return ;;")
        for each in (each for each in listed if each.many):
            cases.append(_bash_case(name, each.words, each.values, last=True))
        words = [word for each in command.options for word in each.words]
        values = [value for each in command.options if not each.words for value in each.values]
        cases.append(f"        {name}:*) if [[ $word == -* ]]; then names='{' '.join(words)}'")
        cases.append(f"            else names='{' '.join(values)}'; fi ;;")
    return _BASH.replace("COMMANDS", " ".join(commands)).replace("        CASES", "\n".join(cases))


def _bash_case(name: str, words: Sequence[str], values: Sequence[str], *, last: bool = False) -> str:
    patterns = "|".join(f"{name}:*:{word}" if last else f"{name}:{word}:*" for word in words)
    return f"        {patterns}) names='{' '.join(values)}' ;;"


_BASH = r"""# archllm completion bash: load it with  source <(archllm completion bash)
_archllm() {
    local line=${COMP_LINE:0:COMP_POINT} command='' before='' last='' names='' each
    local word=${line##*[[:space:]]}
    local -a words
    COMPREPLY=()
    read -ra words <<< "${line%"$word"}"
    for each in "${words[@]:1}"; do
        if [[ $each == -* ]]; then last=$each
        elif [[ -z $command ]]; then command=$each; fi
        before=$each
    done
    if [[ $word == --*=* ]]; then
        before=${word%%=*} word=${word#*=}
    elif [[ $word == -* ]]; then
        last=''
    fi
    case "$command:$before:$last" in
        :*) names='COMMANDS --help --version' ;;
        help:*) names='COMMANDS' ;;
        CASES
    esac
    local held=${word%"${word##*:}"}  # readline takes what follows a colon for a new word
    COMPREPLY=($(compgen -W "$names" -- "$word"))
    COMPREPLY=("${COMPREPLY[@]#"$held"}")
}
complete -o default -F _archllm archllm
"""


def zsh(commands: Commands) -> str:
    """The script for zsh, to be loaded or to lie as `_archllm` in a folder of `fpath`."""
    abouts = [f"            {_quoted(f'{name}:{command.about}')}" for name, command in commands.items()]
    cases = []
    for name, command in commands.items():
        specs = [_zsh_spec(each) for each in command.options]
        cases.append(f"            {name}) _arguments {' '.join(map(_quoted, specs))} ;;")
    return _ZSH.replace("            ABOUTS", "\n".join(abouts)).replace("            CASES", "\n".join(cases))


def _zsh_spec(each: Described) -> str:
    told = each.about.replace("[", "(").replace("]", ")").replace(":", "\\:")
    name = each.metavar.replace(":", "")
    values = " ".join(each.values).replace(":", "\\:")
    value = f"({values})" if each.values else "_files" if each.path else " "
    if not each.words:
        return f"{'*' if each.many else ''}:{name}:{value}"
    word, *others = each.words
    if not each.metavar:
        return f"{word}[{told}]"
    if each.many:  # up to the next option
        return f"{word}[{told}]:*-*:{name}:{value}"
    head = "*" if each.repeats else f"({' '.join(each.words)})" if others else ""
    return f"{head}{word}=[{told}]:{name}:{value}"


_ZSH = r"""#compdef archllm
# archllm completion zsh: load it with  source <(archllm completion zsh)
_archllm() {
    local curcontext=$curcontext state line
    typeset -A opt_args
    _arguments -C '1:command:->command' '*::options:->options'
    case $state in
        command)
            local -a commands
            commands=(
            ABOUTS
            )
            _describe -t commands command commands ;;
        options)
            case $line[1] in
            CASES
            esac ;;
    esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _archllm "$@"; else compdef _archllm archllm; fi
"""


def fish(commands: Commands) -> str:
    """The script for fish."""
    lines = ["# archllm completion fish: load it with  archllm completion fish | source"]
    lines.append("complete -c archllm -n __fish_use_subcommand -f")
    for name, command in commands.items():
        lines.append(f"complete -c archllm -n __fish_use_subcommand -a {name} -d {_fish(command.about)}")
        seen = f"complete -c archllm -n '__fish_seen_subcommand_from {name}'"
        for each in command.options:
            values = f" -a {_fish(' '.join(each.values))}" if each.values else ""
            if not each.words and values:
                lines.append(f"{seen}{values}")
            takes = "" if not each.metavar else " -r" if each.path else " -x"
            for word in each.words:
                name_of = f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}"
                lines.append(f"{seen} {name_of}{takes}{values} -d {_fish(each.about)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A text as one word of bash and zsh."""
    return "'" + text.replace("'", "'\\''") + "'"


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
