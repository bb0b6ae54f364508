"""Publishing rules: files → one validated set on `tetik.rules` → a marker in every partition of events.

The set is written and acknowledged first, so that no partition can meet a marker before its set. The
marker's position in the log is the moment the rules change, for the live engine and for every re-run.
A repeated publish of the same files is harmless: same digest, same marker ids.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from aiokafka import AIOKafkaProducer

from schemas.event import Event
from schemas.headers import cloud_event_headers
from schemas.ids import marker_event_id
from schemas.instants import Instant, format_instant
from schemas.records import EventRecord, encode_record
from schemas.rule_set import RuleSet
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

    Raises PublishRefused with every problem of the trigger files; if they are fine, of the templates, whose
    kind they decide; if those are fine, of the names between them.
    """
    files = _read_triggers(triggers)
    definitions = [file.definition for file in files]
    try:
        compiled = read_templates(templates, _kinds(definitions))
    except ValueError as error:
        raise PublishRefused(str(error)) from error
    _refuse_if(_missing_templates(files, {template.name for template in compiled}, templates))
    rule_set = RuleSet.of(definitions, templates=compiled)
    try:
        load_rules(rule_set)
    except RulesError as error:
        raise PublishRefused(str(error)) from error
    return rule_set


@dataclass(frozen=True, slots=True)
class _TriggerFile:
    name: str
    text: str
    definition: dict[str, Any]

    def line_of(self, field: str, value: str) -> int:
        """Where `field: value` stands first; the normal form has no lines."""
        match = re.search(rf"\b{field}:\s*['\"]?{re.escape(value)}(?![\w-])", self.text)
        return 1 if match is None else self.text.count("\n", 0, match.start()) + 1


def _read_triggers(folder: Path) -> list[_TriggerFile]:
    paths = sorted(folder.glob("*.yaml")) + sorted(folder.glob("*.yml"))
    if not paths:
        raise PublishRefused(f"{folder}: no trigger files (*.yaml) here")
    files: list[_TriggerFile] = []
    problems: list[str] = []
    for path in paths:
        try:
            text = path.read_text("utf-8")
            files.append(_TriggerFile(path.name, text, parse_trigger(text, path.name)))
        except TriggerFileErrors as error:
            problems.append(str(error))
        except UnicodeDecodeError:
            problems.append(f"{path.name}:1: file: it is no text in UTF-8; save it as UTF-8")
    _refuse_if(problems + _taken_ids(files))
    return files


def _taken_ids(files: list[_TriggerFile]) -> list[str]:
    owners: dict[str, str] = {}
    problems = []
    for file in files:
        name = file.definition["id"]
        if name in owners:
            said = f"{name!r} is the id of {owners[name]}; give each trigger its own"
            problems.append(f"{file.name}:{file.line_of('id', name)}: id: {said}")
        owners.setdefault(name, file.name)
    return problems


def _missing_templates(files: list[_TriggerFile], known: set[str], folder: Path) -> list[str]:
    problems = []
    for file in files:
        for position, step in enumerate(file.definition["steps"]):
            template = step.get("mail")
            if template is not None and template not in known:
                near = get_close_matches(template, known, n=1)
                there = f"there are: {', '.join(sorted(known)) or 'none'}"
                problems.append(
                    f"{file.name}:{file.line_of('mail', template)}: steps[{position}].mail: "
                    f"there is no template {template!r} in {folder.name}/; "
                    + (f"did you mean {near[0]!r}?" if near else there)
                )
    return problems


def _refuse_if(problems: list[str]) -> None:
    if problems:
        raise PublishRefused("\n".join(problems))


def _kinds(definitions: list[dict[str, Any]]) -> dict[str, Kind]:
    """The kind of each template used: marketing if any marketing trigger mails it (that asks for more)."""
    kinds: dict[str, Kind] = {}
    for definition in definitions:
        for step in definition["steps"]:
            if "mail" in step and kinds.get(step["mail"]) != "marketing":
                kinds[step["mail"]] = definition["kind"]
    return kinds


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
