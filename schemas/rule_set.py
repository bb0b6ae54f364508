"""`RuleSet`: everything a partition decides by, as one value (topic `tetik.rules`, keyed by its digest).

The digest covers the content, so the same files always make the same set, and a decision that names
the digest can be re-run to the same answer.
"""

import hashlib
import json
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from schemas.contract import Contract, Identifier, JsonObject

DIGEST_LENGTH = 32


def content_digest(content: Any) -> str:
    """The first 128 bits of SHA-256 over the canonical JSON (sorted keys, no spaces), in hex."""
    canonical = json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()[:DIGEST_LENGTH]


class TemplateText(BaseModel):
    """A message in one language: Jinja2 sources; `html` is MJML already compiled."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    subject: Annotated[str, Field(min_length=1)]
    """The subject line."""
    html: Annotated[str, Field(min_length=1)]
    """The HTML part."""
    text: Annotated[str, Field(min_length=1)]
    """The text part."""


class Template(BaseModel):
    """A message in all its languages, by locale (`tr`, `az`, `en`). `digest` covers `locales`."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    name: str
    """The template's name."""
    digest: str
    """What `EmailRequest.template_digest` names."""
    locales: dict[str, TemplateText] = Field(min_length=1)
    """The message by language."""

    @classmethod
    def of(cls, name: str, locales: dict[str, TemplateText]) -> "Template":
        """A template with its digest."""
        return cls(
            name=name,
            digest=content_digest({locale: text.model_dump() for locale, text in locales.items()}),
            locales=locales,
        )


class RuleSet(Contract):
    """Triggers, segments and policy as the validated files' JSON, and the compiled templates."""

    schema_name: ClassVar[str] = "rule_set"

    digest: Identifier
    """The set's id, made from its content."""
    triggers: list[JsonObject]
    """The trigger files."""
    segments: list[JsonObject] = Field(default_factory=list)
    """The segment files."""
    policy: JsonObject = Field(default_factory=dict)
    """The policy file."""
    templates: list[Template] = Field(default_factory=list)
    """The templates that the triggers name, compiled."""

    @classmethod
    def of(
        cls,
        triggers: list[JsonObject],
        *,
        segments: list[JsonObject] | None = None,
        policy: JsonObject | None = None,
        templates: list[Template] | None = None,
    ) -> "RuleSet":
        """A rule set with its digest; the order of the files does not count."""
        content: dict[str, Any] = {
            "triggers": sorted(triggers, key=lambda trigger: str(trigger["id"])),
            "segments": sorted(segments or [], key=lambda segment: str(segment["id"])),
            "policy": policy or {},
            "templates": [
                t.model_dump() for t in sorted(templates or [], key=lambda template: template.name)
            ],
        }
        return cls(digest=content_digest(content), **content)
