"""Reading pickles of other people: data only, nothing is executed, in bounded time and memory.

A pickle is a program for a small machine. Python's own machine lets a program of nine bytes ask for gigabytes, and
hashes whatever is to be a key, which takes for ever if it holds one thing many times over. So this is a machine of our
own, for plain data alone. It calls a few functions of ours (`pickled`) and nothing else, and every walk through what it
gives is bounded by the length of the pickle:

- what is memorised needs a place no larger than the pickle is long; steps, containers and copied bytes are counted;
- keys are texts, whole numbers, or short tuples of them: nothing nested or shared is ever hashed;
- what stands in a container can't be changed any more, so there are no circles and the depth of everything is known;
- what stands in several containers counts once for each, as if it had been written there again.
"""

from __future__ import annotations

import codecs
import mmap
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from archllm.errors import DataError, shown
from archllm.objectives.pickled import GLOBALS, Array, DType, Global, is_key

HARMLESS = frozenset(GLOBALS)
"""Module and name of the globals that a pickle may call."""

DEEPEST = 50
"""Most containers within one another; those of benchmarks have about 8."""

_CONTAINERS = frozenset({list, dict, OrderedDict, tuple, set, frozenset})
_LONGEST_NUMBER = 32  # bytes of a whole number


def load_restricted(
    content: bytes | mmap.mmap,
    source: str,
    allowed: frozenset[tuple[str, str]] = HARMLESS,
    encoding: str = "ASCII",
    most_steps: int | None = None,
) -> Any:
    """Reads a pickle that may use no other globals than those allowed.

    Args:
        content: the pickle; what stands behind its end is not looked at.
        source: what it is called in messages.
        allowed: which of the `HARMLESS` globals may occur.
        encoding: of byte strings from Python 2; `bytes` leaves them as they are.
        most_steps: operations that it may have; by default as many as dense data of its length has.

    Raises:
        DataError: the pickle is damaged, asks for another global, or for more time or memory than plain data of its
            length needs; nothing of it was executed.

    Example:
        >>> load_restricted(pickle.dumps({"scores": [1, 2.5]}), "mine.pickle")
        {'scores': [1, 2.5]}
    """
    return _Machine(content, 0, source, allowed & HARMLESS, encoding, most_steps).load()


def load_several(content: bytes | mmap.mmap, source: str, count: int) -> list[Any]:
    """Reads pickles that stand one behind the other; see `load_restricted`."""
    found, at = [], 0
    for _ in range(count):
        machine = _Machine(content, at, source, HARMLESS, "ASCII", None)
        found.append(machine.load())
        at = machine.at
    return found


class _Machine:
    """Runs one pickle, from `at` on; behind its end `at` stands afterwards."""

    def __init__(
        self,
        content: bytes | mmap.mmap,
        at: int,
        source: str,
        allowed: frozenset[tuple[str, str]],
        encoding: str,
        most_steps: int | None,
    ) -> None:
        self.content, self.at, self.end, self.source = content, at, len(content), source
        self.allowed, self.encoding = allowed, encoding
        length = self.end - at
        self.most_steps = most_steps or 100_000 + length // 2
        self.most_containers = 50_000 + length // 32
        self.left = 4 * self.most_steps + length  # bytes and entries that may still be copied, or stand somewhere again
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.known: dict[int, list[int]] = {}  # containers by identity: depth, entries in all, whether they are closed

    def load(self) -> Any:
        """The value that the pickle stands for.

        Raises:
            DataError: it can't be read.
        """
        try:
            return self.run()
        except DataError:
            raise
        except (IndexError, struct.error) as error:
            raise DataError(f"{self.source} is damaged or no pickle: it is truncated") from error
        except Exception as error:  # whatever a damaged pickle makes the machine stumble over
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise DataError(f"{self.source} is damaged or no pickle: {reason}") from error

    def run(self) -> Any:
        """The value that the pickle stands for."""
        content, stack, memo, end, at = self.content, self.stack, self.memo, self.end, self.at
        put, double, others = stack.append, _DOUBLE.unpack_from, _OTHERS
        for _ in range(self.most_steps):
            code = content[at]
            at += 1
            # What results consist of comes first: numbers, texts, and what is memorised.
            if code == 0x47:  # BINFLOAT
                put(double(content, at)[0])
                at += 8
            elif code == 0x94:  # MEMOIZE
                memo[len(memo)] = stack[-1]
            elif code == 0x8C:  # SHORT_BINUNICODE
                start, at = at + 1, at + 1 + content[at]
                if at > end:
                    raise EOFError("it is truncated")
                put(str(content[start:at], "utf-8", "surrogatepass"))
            elif code == 0x4B:  # BININT1
                put(content[at])
                at += 1
            elif code == 0x71:  # BINPUT
                memo[content[at]] = stack[-1]
                at += 1
            elif code == 0x68:  # BINGET
                put(memo[content[at]])
                at += 1
            elif code == 0x2E:  # STOP
                self.at = at
                if len(stack) != 1 or self.marks:
                    raise ValueError("it ends with more or less than one value")
                return stack[0]
            elif code in others:
                self.at = at
                others[code](self)
                at = self.at
            else:
                name = repr(chr(code)) if 32 < code < 127 else hex(code)
                raise DataError(
                    f"{self.source} is damaged, no pickle, or one that asks for more than plain data needs "
                    f"(operation {name} at byte {at - 1}): refused, nothing of it was executed"
                )
        raise ValueError("it has more steps than plain data of its length needs")

    # What the operations are made of.

    def cut(self, length: int) -> bytes:
        """So many bytes from here on."""
        start, self.at = self.at, self.at + length
        if length < 0 or self.at > self.end:
            raise EOFError("it is truncated")
        return self.content[start : self.at]

    def whole(self, length: int) -> int:
        """A whole number of so many bytes."""
        return int.from_bytes(self.cut(length), "little")

    def line(self) -> bytes:
        """The rest of a line."""
        end = self.content.find(b"\n", self.at)
        if end < 0:
            raise EOFError("it is truncated")
        found = self.content[self.at : end]
        self.at = end + 1
        return found

    def memorise(self, place: int) -> None:
        """Memorises the last value."""
        if not 0 <= place <= self.end:
            raise ValueError(f"it memorises at place {shown(place)}, more than a pickle of {self.end} bytes has")
        self.memo[place] = self.stack[-1]

    def spend(self, amount: int) -> None:
        """Notes that so many bytes or entries are copied, or stand somewhere once more."""
        self.left -= amount
        if self.left < 0:
            raise ValueError("it unfolds to more than plain data of its length does")

    def mark(self) -> None:
        self.marks.append(len(self.stack))
        if len(self.marks) > 2 * DEEPEST:
            raise ValueError("it is nested too deeply")

    def marked(self) -> list[Any]:
        """Takes the values behind the last mark from the stack."""
        start = self.marks.pop()
        found = self.stack[start:]
        del self.stack[start:]
        return found

    def pop(self) -> Any:
        """Takes the last value from the stack; what stood before a mark stays there."""
        if self.marks and self.marks[-1] >= len(self.stack):
            raise ValueError("it takes what stands before a mark")
        return self.stack.pop()

    def new(self, container: Any, values: Any = ()) -> None:
        """Puts a container on the stack; the values are what it was made with."""
        if len(self.known) >= self.most_containers:
            raise ValueError("it has more containers than plain data of its length needs")
        self.known[id(container)] = [1, 0, 0]
        self.put(container, values)
        self.stack.append(container)

    def put(self, container: Any, values: Any) -> None:
        """Notes that values stand in a container from now on."""
        own = self.known[id(container)]
        size = len(values)
        if not _CONTAINERS.isdisjoint(map(type, values)):
            for value in values:
                if type(value) not in _CONTAINERS or (entry := self.known.get(id(value))) is None:
                    continue  # no container, or the empty tuple
                if value is container:
                    raise ValueError("it holds itself")
                size += entry[1]
                if entry[2]:
                    self.spend(entry[1] + 1)
                entry[2] = 1
                own[0] = max(own[0], entry[0] + 1)
                if own[0] > DEEPEST:
                    raise ValueError("it is nested too deeply")
        own[1] += size

    def opened(self, *kinds: type) -> Any:
        """The container on the stack that may still take values."""
        container = self.stack[-1]
        if type(container) not in kinds:
            raise ValueError(f"it puts values into a {type(container).__name__}")
        if self.known[id(container)][2]:
            raise ValueError("it changes what stands in a container already")
        return container

    def append(self, values: list[Any]) -> None:
        container = self.opened(list)
        self.put(container, values)
        container.extend(values)

    def add(self, values: list[Any]) -> None:
        container = self.opened(set)
        if not all(map(is_key, values)):
            raise ValueError("a set of something else than texts and whole numbers")
        self.put(container, values)
        container.update(values)

    def set_items(self, values: list[Any]) -> None:
        container = self.opened(dict, OrderedDict)
        keys, found = values[::2], values[1::2]
        if len(keys) != len(found):
            raise ValueError("a key without a value")
        for key in keys:
            if not is_key(key):
                raise ValueError(f"a key of type {type(key).__name__} that is no text, whole number or pair of them")
        self.put(container, values)
        container.update(zip(keys, found, strict=True))

    def named(self, module: Any, name: Any) -> None:
        """A global, if it is allowed."""
        if (module, name) not in self.allowed:
            raise DataError(
                f"{self.source} is a pickle that asks for {_plain(module)}.{_plain(name)}, which plain data does not "
                "need: refused, nothing of it was executed"
            )
        self.stack.append(GLOBALS[module, name])

    def call(self) -> None:
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, Global) or function.make is None or not isinstance(arguments, tuple):
            raise ValueError("it calls what can't be called")
        made = function.make(self.spend, *arguments)
        if type(made) in _CONTAINERS:
            values = [*made, *made.values()] if isinstance(made, OrderedDict) else made
            self.new(made, values)
        else:
            self.stack.append(made)

    def build(self) -> None:
        """Gives an array, or its type, the state that follows it."""
        state, made = self.pop(), self.stack[-1]
        if not isinstance(made, Array | DType):
            raise ValueError(f"it changes a {type(made).__name__}")
        made.complete(state, self.spend)

    def tuple_of(self, count: int) -> None:
        if len(self.stack) - (self.marks[-1] if self.marks else 0) < count:
            raise ValueError("it takes what stands before a mark")
        values = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.new(values, values)

    def made_of_marked(self, container: Any, fill: Callable[[list[Any]], None]) -> None:
        values = self.marked()
        self.new(container)
        fill(values)

    def tuple_of_marked(self) -> None:
        values = tuple(self.marked())
        self.new(values, values) if values else self.stack.append(())

    def frozen(self) -> None:
        values = self.marked()
        if not all(map(is_key, values)):
            raise ValueError("a set of something else than texts and whole numbers")
        self.new(frozenset(values), values)

    def number(self, length: int) -> None:
        if length > _LONGEST_NUMBER:
            raise ValueError(f"a whole number of {shown(length)} bytes")
        self.stack.append(int.from_bytes(self.cut(length), "little", signed=True))

    def old_string(self, content: bytes) -> None:
        """A byte string of Python 2."""
        self.stack.append(content if self.encoding == "bytes" else content.decode(self.encoding))

    def written_number(self) -> None:
        word = self.line()
        if word in (b"00", b"01"):
            self.stack.append(word == b"01")
            return
        word = word.removesuffix(b"L")
        if len(word) > 2 * _LONGEST_NUMBER:
            raise ValueError(f"a whole number of {len(word)} digits")
        self.stack.append(int(word))

    def written_string(self) -> None:
        word = self.line().strip()
        if len(word) < 2 or word[:1] != word[-1:] or word[:1] not in (b"'", b'"'):
            raise ValueError("a text without quotes")
        self.old_string(codecs.escape_decode(word[1:-1])[0])

    def frame(self) -> None:
        if self.whole(8) > self.end - self.at:
            raise EOFError("it is truncated")

    def protocol(self) -> None:
        if self.whole(1) > pickle.HIGHEST_PROTOCOL:
            raise ValueError("it is of an unknown protocol")


_DOUBLE = struct.Struct(">d")
_INT = struct.Struct("<i")


def _constant(value: Any) -> Callable[[_Machine], None]:
    return lambda machine: machine.stack.append(value)


def _global(machine: _Machine) -> None:
    module, name = machine.line(), machine.line()
    machine.named(module.decode(), name.decode())


def _stack_global(machine: _Machine) -> None:
    name, module = machine.pop(), machine.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise ValueError("a global without a name")
    machine.named(module, name)


def _pop(machine: _Machine) -> None:
    if machine.marks and machine.marks[-1] == len(machine.stack):
        machine.marks.pop()
    else:
        machine.stack.pop()


def _set_item(machine: _Machine) -> None:
    value, key = machine.pop(), machine.pop()
    machine.set_items([key, value])


_OTHERS: dict[int, Callable[[_Machine], Any]] = {
    ord("("): _Machine.mark,
    ord("u"): lambda m: m.set_items(m.marked()),
    ord("s"): _set_item,
    ord("}"): lambda m: m.new({}),
    ord("]"): lambda m: m.new([]),
    ord(")"): _constant(()),
    ord("a"): lambda m: m.append([m.pop()]),
    ord("e"): lambda m: m.append(m.marked()),
    ord("R"): _Machine.call,
    ord("b"): _Machine.build,
    0x85: lambda m: m.tuple_of(1),
    0x86: lambda m: m.tuple_of(2),
    0x87: lambda m: m.tuple_of(3),
    ord("t"): _Machine.tuple_of_marked,
    ord("l"): lambda m: m.made_of_marked([], m.append),
    ord("d"): lambda m: m.made_of_marked({}, m.set_items),
    0x8F: lambda m: m.new(set()),
    0x90: lambda m: m.add(m.marked()),
    0x91: _Machine.frozen,
    ord("N"): _constant(None),
    0x88: _constant(True),
    0x89: _constant(False),
    ord("X"): lambda m: m.stack.append(str(m.cut(m.whole(4)), "utf-8", "surrogatepass")),
    ord("r"): lambda m: m.memorise(m.whole(4)),
    ord("j"): lambda m: m.stack.append(m.memo[m.whole(4)]),
    ord("M"): lambda m: m.stack.append(m.whole(2)),
    ord("J"): lambda m: m.stack.append(_INT.unpack(m.cut(4))[0]),
    0x8A: lambda m: m.number(m.whole(1)),
    0x8B: lambda m: m.number(m.whole(4)),
    ord("I"): _Machine.written_number,
    ord("L"): _Machine.written_number,
    ord("F"): lambda m: m.stack.append(float(m.line())),
    ord("V"): lambda m: m.stack.append(m.line().decode("raw-unicode-escape")),
    ord("S"): _Machine.written_string,
    ord("T"): lambda m: m.old_string(m.cut(m.whole(4))),
    ord("U"): lambda m: m.old_string(m.cut(m.whole(1))),
    0x8D: lambda m: m.stack.append(str(m.cut(m.whole(8)), "utf-8", "surrogatepass")),
    ord("B"): lambda m: m.stack.append(m.cut(m.whole(4))),
    ord("C"): lambda m: m.stack.append(m.cut(m.whole(1))),
    0x8E: lambda m: m.stack.append(m.cut(m.whole(8))),
    0x96: lambda m: m.stack.append(m.cut(m.whole(8))),  # a byte string that could be changed; here it can't
    ord("c"): _global,
    0x93: _stack_global,
    ord("g"): lambda m: m.stack.append(m.memo[int(m.line())]),
    ord("p"): lambda m: m.memorise(int(m.line())),
    ord("0"): _pop,
    ord("1"): _Machine.marked,
    ord("2"): lambda m: m.stack.append(m.stack[-1]),
    0x95: _Machine.frame,
    0x80: _Machine.protocol,
}
"""The other operations of pickles that plain data needs, by their code."""


def _plain(name: str) -> str:
    return name if name.replace(".", "").replace("_", "").isalnum() and len(name) < 100 else shown(name)
