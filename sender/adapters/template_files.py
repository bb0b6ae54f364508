"""Templates from a directory: a folder each, `_<anything>/*` holds partials and the words they share.

A directory's own partials stand over the shipped ones, so a shop can replace the base and keep the mails; of
the shared words it need only write those that it wants otherwise.
"""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Literal

from schemas.rule_set import Template
from sender.core.template_compiler import TemplateRefused, compile_template

SHIPPED = Path(str(files("sender").joinpath("templates")))
SHIPPED_KINDS: Mapping[str, Literal["marketing", "transactional"]] = dict.fromkeys(
    (
        "order-confirmation",
        "order-confirmation-offer",
        "order-shipped",
        "order-delivered",
        "complaint-apology",
        "complaint-compensation",
        "renewal-notice",
        "renewal-reminder",
        "renewal-last-day",
    ),
    "transactional",
)
"""Mails about an order, a contract or a complaint of hers; all others are marketing."""

_ENDINGS = (".mjml", ".txt", ".toml")


def read_templates(
    directory: Path = SHIPPED,
    kinds: Mapping[str, Literal["marketing", "transactional"]] = SHIPPED_KINDS,
) -> list[Template]:
    """Every template of a directory, compiled, by name. Raises TemplateRefused with all findings.

    `kinds` names the transactional ones; marketing is assumed, since it asks for more.
    """
    if not directory.is_dir():
        raise TemplateRefused(f"{directory} is no directory of templates")
    partials = [_partials(SHIPPED), _partials(directory)] if directory != SHIPPED else [_partials(SHIPPED)]
    templates, findings = [], []
    for folder in sorted(each for each in directory.iterdir() if each.is_dir() and each.name[0] not in "_."):
        try:
            templates.append(
                compile_template(
                    folder.name,
                    _texts(folder),
                    partials=partials,
                    kind=kinds.get(folder.name, "marketing"),
                )
            )
        except TemplateRefused as error:
            findings.append(str(error))
    if findings:
        raise TemplateRefused("\n".join(findings))
    return templates


def _partials(directory: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for folder in sorted(each for each in directory.glob("_*") if each.is_dir()):
        found.update(_texts(folder))
    return found


def _texts(folder: Path) -> dict[str, str]:
    return {
        file.name: file.read_text("utf-8") for file in sorted(folder.iterdir()) if file.suffix in _ENDINGS
    }
