"""The words of a mail: one structure for all languages, and a `words.<locale>.toml` for each.

A value is text, a list of texts, a table of texts, or a list of tables. All is plain text: what would be
markup is escaped in the HTML part. `{{ }}` and `{% %}` may stand in it, for the time of sending. A word that
one language has and another lacks is refused, with the name of the template, the language and the word.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

FILE = re.compile(r"words\.(?P<locale>[A-Za-z0-9_-]+)\.toml")
NO_BREAK_HYPHEN = "\u2011"
_SINGLE_LETTER = re.compile(r"\b(\w)-(?=\w)")
_LAST_BLOCK = re.compile(r"(?<![-+])%\}$")
_EXPRESSION = re.compile(r"(\{\{.*?\}\}|\{%.*?%\})", re.DOTALL)


class WordsRefused(ValueError):
    """A word is missing or is none; the message lists every finding, a line each."""


class Words:
    """`words.headline`, `words.answers.later`, also `words.answers["later"]`; iterating gives the names.

    A word that is not there raises WordsRefused: an empty spot in a mail helps nobody.
    """

    def __init__(self, values: Mapping[str, Any], file: str, *, escaped: bool, path: str = "") -> None:
        """`file` is where a missing word belongs; `escaped` is for parts that are markup."""
        self.__values = values
        self.__file = file
        self.__escaped = escaped
        self.__path = path

    def __getitem__(self, name: str) -> Any:
        path = f"{self.__path}{name}"
        if name not in self.__values:
            raise WordsRefused(f"{self.__file}: the word {path!r} is missing")
        return self.__shown(self.__values[name], path)

    def __iter__(self) -> Iterator[str]:
        return iter(self.__values)

    def __shown(self, value: Any, path: str) -> Any:
        if isinstance(value, str):
            return as_markup(value) if self.__escaped else as_text(value)
        if isinstance(value, list):
            return [self.__shown(each, f"{path}[{place}]") for place, each in enumerate(value)]
        return Words(value, self.__file, escaped=self.__escaped, path=f"{path}.")


def as_markup(text: str) -> str:
    """HTML-escaped but for the expressions in it; a line never ends behind the first letter of `e-mail`."""
    parts = _EXPRESSION.split(text)
    return "".join(
        part if place % 2 else _SINGLE_LETTER.sub(rf"\1{NO_BREAK_HYPHEN}", escape(part, quote=False))
        for place, part in enumerate(parts)
    )


def as_text(text: str) -> str:
    """For text parts, where Jinja takes the end of the line away behind a block: not behind this one."""
    return _LAST_BLOCK.sub("+%}", text)


def read_words(file: str, source: str) -> dict[str, Any]:
    """The words of a TOML file. Raises WordsRefused with every finding."""
    try:
        words = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        said = re.fullmatch(r"(.*) \(at line (\d+), column \d+\)", str(error))
        where, what = (f", line {said[2]}", said[1]) if said else ("", str(error))
        raise WordsRefused(f"{file}{where}: the file is no TOML: {what}") from error
    findings = [
        f"{file}: the word {path!r} is {'empty' if isinstance(value, str) else 'no text'}"
        for path, value in _leaves(words)
        if not isinstance(value, str) or not value.strip()
    ]
    if findings:
        raise WordsRefused("\n".join(findings))
    return words


def refuse_differences(name: str, words: Mapping[str, Mapping[str, Any]]) -> None:
    """`words` by locale must have the same words in each. Raises WordsRefused with all that are missing."""
    paths = {locale: [path for path, _ in _leaves(values)] for locale, values in words.items()}
    union = {path: locale for locale in sorted(paths, reverse=True) for path in paths[locale]}
    findings = [
        f"{name}/words.{locale}.toml: the word {path!r} is missing; words.{has}.toml has it"
        for locale in sorted(paths)
        for path, has in union.items()
        if path not in paths[locale]
    ]
    if findings:
        raise WordsRefused("\n".join(findings))


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both, the second over the first; tables are merged, all else is replaced."""
    result = dict(below)
    for name, value in above.items():
        under = result.get(name)
        if isinstance(value, dict) and isinstance(under, dict):
            result[name] = merged(under, value)
        else:
            result[name] = value
    return result


def as_partial(words: Mapping[str, Any]) -> str:
    """The words as a partial that older templates import; only plain texts, as they had."""
    texts = {name: value for name, value in words.items() if isinstance(value, str) and name.isidentifier()}
    return "\n".join(
        f"[% set {name} = {json.dumps(text, ensure_ascii=False)} %]" for name, text in texts.items()
    )


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{place}]")
    else:
        yield path, value
