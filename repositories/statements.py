"""Find `sql/<engine>/*.sql` and make each named statement callable.

A file holds statements under headings, `-- name: find`; the statement is then `<file>.find`.
Inside:

* `:name` is a bound parameter, in every dialect;
* a line that ends in `-- when name` is left out where that parameter is not given (None, or False
  for a flag that is only named so); `-- when not name` is the other way round. Absent filters
  are thereby absent from the statement, and the server plans for the ones that are there;
* `{name}` is an identifier from the catalogue's own list (the schema of the jobs database, say), or
  another statement of ours that stands there in brackets (a Relation).
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1] / "sql"
HEADING = re.compile(r"^--[ ]name:[ ](\w+)[ ]*\n", re.MULTILINE)
CONDITION = re.compile(r"[ ]*--[ ]when[ ](not[ ])?([a-z_]\w*)[ ]*$")
IDENTIFIER = re.compile(r"\{([a-z_]\w*)\}")
SAFE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
TOKEN = re.compile(
    r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|::|(?<![\w:]):([a-z_]\w*)", re.DOTALL
)


class Relation(str):
    """A statement of ours without parameters, to be read from within others."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Variant:
    """One text for the driver, and the names of its parameters in placeholder order."""

    text: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A named statement: its lines, each with the parameter it depends on."""

    lines: tuple[tuple[str, str | None, bool], ...]
    parameters: frozenset[str]
    flags: frozenset[str]
    placeholder: str
    _variants: dict[frozenset[str], Variant] = field(default_factory=dict)

    def bind(self, values: Mapping[str, object]) -> tuple[str, list[object]]:
        """The text for these values and the values in its order.

        A missing or surplus name is a bug: TypeError.
        """
        if values.keys() != self.parameters | self.flags:
            known = sorted(self.parameters | self.flags)
            raise TypeError(f"expected {known}, got {sorted(values)}")
        given = frozenset(
            name
            for name, value in values.items()
            if value is not None and not (value is False and name in self.flags)
        )
        variant = self._variants.get(given)
        if variant is None:
            variant = self._variants[given] = self._compile(given)
        return variant.text, [values[name] for name in variant.names]

    def relation(self, given: Collection[str]) -> Relation:
        """This statement in brackets and on one line, with the lines of these flags."""
        text, _ = self.bind({flag: flag in given for flag in self.flags})
        return Relation(f"({' '.join(text.split())})")

    def _compile(self, given: frozenset[str]) -> Variant:
        kept = (
            line
            for line, condition, negated in self.lines
            if condition is None or (condition in given) is not negated
        )
        return _swap_placeholders("\n".join(kept), self.placeholder)


class Catalogue(Mapping[str, Statement]):
    """The statements of an engine by name, each compiled when first asked for."""

    def __init__(self, texts: Mapping[str, str], compiled: Callable[[str], Statement]) -> None:
        self._texts, self._compiled = texts, compiled
        self._statements: dict[str, Statement] = {}

    def __getitem__(self, name: str) -> Statement:
        if name not in self._statements:
            self._statements[name] = self._compiled(self._texts[name])
        return self._statements[name]

    def relations(self, flags: Mapping[str, Collection[str]]) -> dict[str, Relation]:
        """`relations.<name>` for each name, with the lines of its flags."""
        return {name: self[f"relations.{name}"].relation(given) for name, given in flags.items()}

    def changed(self, change: Callable[[Statement], Statement]) -> "Catalogue":
        return Catalogue(self._texts, lambda text: change(self._compiled(text)))

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


def load(engine: str, placeholder: str, names: Mapping[str, str]) -> Catalogue:
    """Every statement of an engine; `names` fills its `{identifiers}`."""
    texts = {
        f"{path.stem}.{name}": text
        for path in sorted((ROOT / engine).glob("*.sql"))
        for name, text in sections(path.read_text("utf-8"))
    }
    return Catalogue(texts, lambda text: compile_statement(text, placeholder, names))


def sections(source: str) -> list[tuple[str, str]]:
    """Name and text of each statement; a name that stands twice is a ValueError."""
    _, *parts = HEADING.split(source)
    if len(set(parts[::2])) < len(parts[::2]):
        raise ValueError(f"two statements of one name among {', '.join(parts[::2])}")
    return list(zip(parts[::2], parts[1::2], strict=True))


def compile_statement(text: str, placeholder: str, names: Mapping[str, str]) -> Statement:
    """Parse one statement; an unknown or unsafe identifier is a ValueError."""
    filled = IDENTIFIER.sub(lambda match: _identifier(match[1], names), text).strip().rstrip(";")
    lines = tuple(_conditional(line) for line in filled.splitlines())
    everything = _swap_placeholders("\n".join(line for line, _, _ in lines), placeholder)
    parameters = frozenset(everything.names)
    conditions = frozenset(condition for _, condition, _ in lines if condition)
    return Statement(lines, parameters, conditions - parameters, placeholder)


def _identifier(name: str, names: Mapping[str, str]) -> str:
    value = names.get(name)
    if isinstance(value, Relation):
        return value
    if value is None or not SAFE_NAME.fullmatch(value):
        raise ValueError(f"{value!r} cannot be the name of {name}")
    return value


def _conditional(line: str) -> tuple[str, str | None, bool]:
    match = CONDITION.search(line)
    if match is None:
        return line, None, False
    return line[: match.start()], match[2], match[1] is not None


def _swap_placeholders(text: str, placeholder: str) -> Variant:
    """Put the driver's own mark for `:name`, leaving quotes, comments and casts alone."""
    names: list[str] = []

    def swap(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        names.append(match[1])
        return placeholder

    if placeholder.startswith("%"):
        text = text.replace("%", "%%")
    return Variant(TOKEN.sub(swap, text), tuple(names))
