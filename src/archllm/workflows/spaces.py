"""What search spaces there are, and whether a space file defines one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from archllm.errors import DefinitionError, InvalidInput
from archllm.networks.record import is_ours
from archllm.plugins import resolve_stored
from archllm.spaces import SearchSpace, load_space, space_names
from archllm.spaces.definition import ChoicesDefinition, Definition
from archllm.spaces.fingerprints import collision_chance
from archllm.spaces.kinds.grammar.definition import GrammarDefinition
from archllm.spaces.kinds.grammar.derivations import ambiguity, count_derivations
from archllm.spaces.kinds.grammar.space import Grammar
from archllm.spaces.registry import is_file_name
from archllm.spaces.sizes import MOST_DIGITS, rounded_size
from archllm.spaces.space_file import placed


@dataclass(frozen=True)
class SpaceFacts:
    """What can be said of a space before anything is trained."""

    name: str
    """What it is called."""

    kind: str
    """The family it belongs to."""

    about: str
    """A line about it."""

    size: int
    """Number of architectures; JSON has a text of its magnitude where it has more than 4,000 digits."""

    exact: bool
    """Whether they were counted; else `size` is an estimate."""

    counts_writings: bool
    """Whether an architecture that can be written in several ways counts, and is drawn, once for each."""

    exact_keys: bool
    """Whether different architectures always have different keys."""

    collision_chance: float
    """The chance that two of 10 million architectures have the same key."""

    classes: int | None
    """Number of architectures that differ by a coarser notion of "the same network"; `None` where there is none."""

    ideal_nats: float
    """ln(size): what a perfect prior needs per architecture."""

    enumerable: bool
    """Whether the whole space can be listed, and so trained on."""

    networks: bool
    """Whether networks are made of its architectures."""

    imports: dict[str, str | None]
    """Modules of others that building a network imports, and the files that Python would import them from, if any."""

    ops: list[str]
    """Node labels."""

    roles: dict[str, str]
    """What the operations do."""

    guessed: list[str]
    """Operations of which that is guessed from their names."""

    unknown: list[str]
    """Operations of which that is not known."""

    constraints: list[str]
    """What every architecture fulfils."""

    derivations: int | None
    """Of a grammar: derivations of its architectures; `None` for other kinds, or if they are too many to count."""

    ambiguous: str | None
    """Of a grammar: the line of a rule that derives something in several ways, if one was found."""

    def to_json(self) -> dict[str, Any]:
        """The contract of `archllm spaces NAME --json`."""
        large = {
            name: rounded_size(number)
            for name, number in (("size", self.size), ("derivations", self.derivations))
            if number is not None and number >= 10**MOST_DIGITS
        }
        return asdict(self) | large


@dataclass(frozen=True)
class Checked:
    """A space file that defines a space."""

    file: Path
    """The file."""

    facts: SpaceFacts
    """What can be said of the space."""

    examples: list[str]
    """A few random architectures."""

    def to_json(self) -> dict[str, Any]:
        """What `archllm spaces check FILE --json` prints."""
        return {"file": str(self.file), **self.facts.to_json(), "examples": self.examples}


def spaces(name: str | Path | None = None) -> list[SpaceFacts]:
    """Facts of one space, or of all that come with archllm.

    Args:
        name: the space, or the path of a space file; `None` for all.

    Raises:
        InvalidInput: no space has that name.
    """
    return [_facts(load_space(each)) for each in ([name] if name is not None else space_names())]


def check_space_file(file: str | Path, examples: int = 3) -> Checked:
    """Reads a space file, counts the space and draws from it.

    Args:
        file: the space file.
        examples: how many architectures to draw.

    Raises:
        InvalidInput: it is no space file.
        DefinitionError: it defines no space that can be worked with; the message names the line and the key.
    """
    if not is_file_name(str(file)):
        if Path(file).is_file():
            raise InvalidInput(
                f"a space file is known by its ending: rename it {file}.toml, and every command takes it"
            )
        raise InvalidInput(f"a space file is needed, such as mine.toml, got {str(file)!r}")
    space = load_space(Path(file))
    _check_blocks(space)
    texts = space.format(space.sample(examples, np.random.default_rng(0)))
    return Checked(Path(file), _facts(space), [text for text in texts if text is not None])


def _facts(space: SearchSpace) -> SpaceFacts:
    networks = space.networks
    member = space.sample(1, np.random.default_rng(0))
    operations = [each for part, _ in space.parted(member) for each in part.definition.operations.values()]
    return SpaceFacts(
        name=space.name,
        kind=space.kind,
        about=space.definition.about,
        size=space.size,
        exact=space.exact_size,
        counts_writings=space.counts_writings,
        exact_keys=space.exact_keys,
        collision_chance=0.0 if space.exact_keys else collision_chance(),
        classes=space.class_count,
        ideal_nats=space.ideal_nats,
        enumerable=space.enumerable,
        networks=networks is not None,
        imports={name: str(file) if file else None for name, file in networks.imports().items()} if networks else {},
        ops=list(space.op_names),
        roles={operation.name: operation.told for operation in operations},
        guessed=[operation.name for operation in operations if operation.source == "name"],
        unknown=[operation.name for operation in operations if operation.source == "unknown"],
        constraints=list(space.definition.constraints),
        derivations=count_derivations(space.language.rules) if isinstance(space, Grammar) else None,
        ambiguous=_ambiguous(space) if isinstance(space, Grammar) else None,
    )


def _check_blocks(space: SearchSpace) -> None:
    """Refuses names of blocks and builders that ArchLLM does not have; modules of others are not imported to look.

    Raises:
        DefinitionError: there is no such block or builder; the message names the line and the key.
    """
    for part, _ in space.parted(space.sample(1, np.random.default_rng(0))):
        outer = () if part is space else ("parts", part.name)
        for key, where in _named(part.definition):
            if is_ours(where.partition(":")[0]):
                try:
                    resolve_stored(where, space.origin or "")
                except InvalidInput as error:
                    whole = DefinitionError(str(error), *outer, *key)
                    raise placed(whole, space.file or "", space.origin or space.name) from error


def _named(definition: Definition) -> list[tuple[tuple[str, ...], str]]:
    """Keys of the file, and the functions and classes that they name."""
    if isinstance(definition, GrammarDefinition):
        downsampling = definition.downsampling
        return [
            (("downsampling" if block in downsampling else "blocks", block), call.where)
            for block, call in definition.callables.items()
        ]
    if isinstance(definition, ChoicesDefinition):
        return [(("network", "builder"), definition.builder)]
    return [(("ops", op), where) for op, where in getattr(definition, "callables", {}).items()]


def _ambiguous(space: Grammar) -> str | None:
    found = ambiguity(space.language)
    if found is None:
        return None
    rule, what = found
    return str(placed(DefinitionError(what, "rules", rule), space.file or "", space.origin or space.name))
