"""Templates from a directory: `<name>/<locale>.mjml` and `<locale>.txt`; `_<anything>/*` holds partials.

A directory's own partials stand over the shipped ones, so a shop can replace the base and keep the mails.
"""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Literal

from schemas.rule_set import Template
from sender.core.template_compiler import TemplateRefused, compile_template

SHIPPED = Path(str(files("sender").joinpath("templates")))
SHIPPED_KINDS: Mapping[str, Literal["marketing", "transactional"]] = {"order-confirmation": "transactional"}


def read_templates(
    directory: Path = SHIPPED,
    kinds: Mapping[str, Literal["marketing", "transactional"]] = SHIPPED_KINDS,
) -> list[Template]:
    """Every template of a directory, compiled, by name. Raises TemplateRefused with all findings.

    `kinds` names the transactional ones; marketing is assumed, since it asks for more.
    """
    if not directory.is_dir():
        raise TemplateRefused(f"{directory} is no directory of templates")
    partials = {**_partials(SHIPPED), **_partials(directory)}
    templates, findings = [], []
    for folder in sorted(each for each in directory.iterdir() if each.is_dir() and each.name[0] not in "_."):
        try:
            templates.append(
                compile_template(
                    folder.name,
                    _sources(folder),
                    partials=partials,
                    kind=kinds.get(folder.name, "marketing"),
                )
            )
        except TemplateRefused as error:
            findings.append(str(error))
    if findings:
        raise TemplateRefused("\n".join(findings))
    return templates


def _sources(folder: Path) -> dict[str, tuple[str, str | None]]:
    sources: dict[str, tuple[str, str | None]] = {}
    for mjml in sorted(folder.glob("*.mjml")):
        text = mjml.with_suffix(".txt")
        sources[mjml.stem] = (
            mjml.read_text("utf-8"),
            text.read_text("utf-8") if text.is_file() else None,
        )
    return sources


def _partials(directory: Path) -> dict[str, str]:
    return {
        file.name: file.read_text("utf-8")
        for folder in sorted(directory.glob("_*"))
        for file in sorted(folder.iterdir())
        if file.suffix in (".mjml", ".txt")
    }
