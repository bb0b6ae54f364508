"""Publishing rules: files → one validated set on `tetik.rules` → a marker in every partition of events.

The set is written and acknowledged first, so that no partition can meet a marker before its set. The
marker's position in the log is the moment the rules change, for the live engine and for every re-run.
A repeated publish of the same files is harmless: same digest, same marker ids.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aiokafka import AIOKafkaProducer

from schemas.event import Event
from schemas.headers import cloud_event_headers
from schemas.ids import marker_event_id
from schemas.instants import Instant, format_instant
from schemas.records import EventRecord, encode_record
from schemas.rule_set import RuleSet, Template
from schemas.topics import EVENTS, RULES, all_topics
from sender.adapters.template_files import read_templates
from trigger_engine.core.rules import RulesError, load_rules
from trigger_engine.core.trigger_file import TriggerFileErrors, parse_trigger

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "trigger_engine" / "library"
TEMPLATES = ROOT / "sender" / "templates"
SOURCE = "/tetik/publish"
RECORD_BYTES_DEFAULT = 2**20


Kind = Literal["marketing", "transactional"]


class PublishRefused(ValueError):
    """The files are not fit to publish; the message lists every problem, one a line."""


@dataclass(frozen=True, slots=True)
class Published:
    """What was published: the set's digest and what it holds."""

    digest: str
    trigger_ids: tuple[str, ...]
    template_names: tuple[str, ...]


def read_rule_set(triggers: Path, templates: Path) -> RuleSet:
    """Validate a folder of trigger files (`*.yaml`) against a folder of templates.

    Raises PublishRefused with every problem found in any file.
    """
    files = sorted(triggers.glob("*.yaml")) + sorted(triggers.glob("*.yml"))
    if not files:
        raise PublishRefused(f"{triggers}: no trigger files (*.yaml) here")
    problems: list[str] = []
    definitions: list[dict[str, Any]] = []
    for file in files:
        try:
            definitions.append(parse_trigger(file.read_text("utf-8"), file.name))
        except (TriggerFileErrors, UnicodeDecodeError) as error:
            problems.append(str(error))
    compiled = _read_templates(templates, _kinds(definitions), problems)
    known = {template.name for template in compiled}
    for definition in definitions:
        for step in definition["steps"]:
            template = step.get("mail")
            if template is not None and template not in known:
                problems.append(
                    f"{definition['id']}.yaml: steps: there is no template {template!r} in {templates.name}/ "
                    f"(there are: {', '.join(sorted(known)) or 'none'})"
                )
    if problems:
        raise PublishRefused("\n".join(problems))
    rule_set = RuleSet.of(definitions, templates=compiled)
    try:
        load_rules(rule_set)
    except RulesError as error:
        raise PublishRefused(str(error)) from error
    return rule_set


def _kinds(definitions: list[dict[str, Any]]) -> dict[str, Kind]:
    """The kind of each template used: marketing if any marketing trigger mails it (that asks for more)."""
    kinds: dict[str, Kind] = {}
    for definition in definitions:
        for step in definition["steps"]:
            if "mail" in step and kinds.get(step["mail"]) != "marketing":
                kinds[step["mail"]] = definition["kind"]
    return kinds


def _read_templates(templates: Path, kinds: dict[str, Kind], problems: list[str]) -> list[Template]:
    try:
        return read_templates(templates, kinds)
    except ValueError as error:
        problems.append(str(error))
        return []


async def publish(kafka: str, rule_set: RuleSet, partitions: int, now: Instant) -> Published:
    """Write the set, then the markers; returns when the broker has acknowledged all of it."""
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka,
        acks="all",
        enable_idempotence=True,
        max_request_size=all_topics()[RULES].record_bytes_max or RECORD_BYTES_DEFAULT,
    )
    try:
        await producer.start()
        await producer.send_and_wait(
            RULES,
            rule_set.model_dump_json().encode(),
            key=rule_set.digest.encode(),
            partition=0,  # its only one; the broker in the wheel makes more, and readers read this one
            headers=cloud_event_headers(RuleSet, record_id=rule_set.digest, source=SOURCE, time=now),
        )
        for partition in range(partitions):
            marker = _marker(rule_set.digest, partition, now)
            await producer.send_and_wait(
                EVENTS,
                encode_record(marker),
                partition=partition,
                headers=cloud_event_headers(Event, record_id=marker.event_id, source=SOURCE, time=now),
            )
    finally:
        await producer.stop()
    return Published(
        rule_set.digest,
        tuple(str(trigger["id"]) for trigger in rule_set.triggers),
        tuple(template.name for template in rule_set.templates),
    )


def _marker(digest: str, partition: int, now: Instant) -> EventRecord:
    return EventRecord(
        event_id=marker_event_id(digest, partition),
        type="rules_activated",
        occurred_at=format_instant(now),
        received_at=format_instant(now),
        source="publish",
        properties={"digest": digest},
    )
