"""Reads YAML with errors for people: broken places, and values that YAML reads differently than they look."""

import re
from collections.abc import Hashable
from datetime import date
from typing import Any

import yaml

from bakeoff.errors import ConfigError

WORDS = {True: "true, yes or on", False: "false, no or off", None: "nothing, null or ~"}
"""The words that YAML 1.1 reads as a truth value or as null, where a person may have meant the word."""

WORD_EXPECTED = ("string_type", "path_type", "literal_error")
"""Pydantic's names of errors in which text was expected."""

LIST_EXPECTED = ("tuple_type", "list_type")
"""Those in which a list was, perhaps of words."""

BASES = re.compile(r"[-+]?(0[xb]?[0-9a-fA-F_]+|[0-9][0-9_]*(:[0-9]+)+)")
"""Numbers that YAML does not read in tens: 007 is octal, 0x1F hexadecimal, 1:30 sexagesimal (90)."""


def load_yaml(text: str) -> Any:
    """The value of a YAML text; refuses repeated keys and numbers in another base than they look.

    Raises ConfigError with the line and the column, from 1.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        began = error.context_mark
        # An unclosed bracket is where the context began, not where the parser failed.
        context = ""
        if error.context and began and mark and began.line != mark.line:
            context = f" (in {_construct(error.context)} that begins in line {began.line + 1})"
        ours = isinstance(error, yaml.constructor.ConstructorError)
        what = f"{at}{error.problem}{context}.{_shown(text, mark)}"
        raise ConfigError(what if ours else f"is not YAML: {what}") from None
    except yaml.YAMLError as error:  # characters that no YAML may hold
        raise ConfigError(f"is not YAML: {' '.join(str(error).split())}") from None
    except ValueError as error:  # invalid dates or numbers
        raise ConfigError(f"is not YAML: {error}: text that is meant needs quotes.") from None
    except RecursionError:
        raise ConfigError("is not YAML: its brackets are too deep.") from None


def found(value: Any, mistake: str) -> str:
    """The value found where another was expected; `mistake` is Pydantic's name of the error.

    Where a word was expected and YAML read something else, it advises to quote the word.
    """
    if mistake not in WORD_EXPECTED + LIST_EXPECTED:
        return repr(value)
    if value is None or isinstance(value, bool):
        word = "null" if value is None else str(value).lower()
        return f"{word}: YAML reads {WORDS[value]} so; write the word that is meant in quotes"
    if mistake in LIST_EXPECTED:
        return f"{value!r}; write it in brackets, [ ]"
    if isinstance(value, int | float | date):
        kind = "date" if isinstance(value, date) else "number"
        return f"the {kind} {value}; write it in quotes, '{value}'"
    return repr(value)


def _construct(context: str) -> str:
    """The parser's `while parsing a flow sequence` as the characters in the file."""
    kind = re.sub(r"^while (parsing|scanning) ", "", context)
    return {"a flow sequence": "the [...]", "a flow mapping": "the {...}"}.get(kind, kind)


def _shown(text: str, mark: yaml.Mark | None) -> str:
    """The line, with a caret below the column."""
    lines = text.splitlines()
    if mark is None or mark.line >= len(lines):
        return ""
    line = lines[mark.line].replace("\t", " ")
    return f"\n    {line}\n    {' ' * mark.column}^" if len(line) <= 100 else ""


class _Loader(yaml.SafeLoader):
    """A safe loader that refuses a key given twice, of which YAML takes the last, and numbers in disguise."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.constructor.ConstructorError(
                    None, None, f"a key is a word, found {key!r}", key_node.start_mark
                )
            if key is None or isinstance(key, bool):
                raise yaml.constructor.ConstructorError(
                    None,
                    None,
                    f"a key is a word, and YAML reads {key_node.value or 'nothing'} as "
                    f"{str(key).lower()}: write it in quotes",
                    key_node.start_mark,
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_in_tens(self, node: yaml.ScalarNode) -> int | float:
        """A number; one in another base than it looks like is a mistake more often than meant."""
        value = self._number(node)
        if BASES.fullmatch(node.value) and node.value.strip("-+0"):
            raise yaml.constructor.ConstructorError(
                None,
                None,
                f"YAML reads {node.value} as {value}: write {value}, or '{node.value}' in quotes",
                node.start_mark,
            )
        return value

    def _number(self, node: yaml.ScalarNode) -> int | float:
        if node.tag.endswith(":int"):
            return int(self.construct_yaml_int(node))
        return float(self.construct_yaml_float(node))


for kind in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{kind}", _Loader.construct_in_tens)
