"""The templates, from `tetik.rules`: read from the beginning, kept by digest, read on as they come.

A rule set is written before anybody can decide by it. So a digest that is not there when the topic has
been read to an end offset fetched *after* the request came will not come any more: the request is at fault.
"""

import asyncio
import logging

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from schemas.rule_set import RuleSet, Template
from sender.core.locales import choose_locale
from sender.core.rendering import CompiledTemplate

log = logging.getLogger("tetik.sender")

COMPILED_MAX = 512
RETRY_S_MAX = 10.0
POLL_MS = 200
GRACE_S = 3.0


class TemplateUnknown(LookupError):
    """No rule set that was published holds this template."""


class TemplateStore:
    """Every published template by digest; compiled on first use."""

    def __init__(self, bootstrap: str, topic: str, *, check_crcs: bool = True) -> None:
        self._bootstrap = bootstrap
        self._check_crcs = check_crcs
        self._partition = TopicPartition(topic, 0)
        self._templates: dict[str, Template] = {}
        self._compiled: dict[tuple[str, str], CompiledTemplate] = {}
        self._position = -1
        self._end = -1
        self._read = asyncio.Condition()
        self._ask_end = asyncio.Event()
        self._stopped = False
        self.caught_up = False

    def stop(self) -> None:
        """Asks `run` to end."""
        self._stopped = True

    async def run(self) -> None:
        """Reads until `stop` or cancelled; waits while Kafka is away."""
        delay_s = 0.5
        while not self._stopped:
            try:
                await self._read_on()
            except (KafkaError, OSError) as error:
                log.warning(
                    "Templates: Kafka at %s: %s; trying again", self._bootstrap, error or type(error).__name__
                )
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, RETRY_S_MAX)

    async def get(self, name: str, digest: str, locale: str | None) -> CompiledTemplate:
        """The template in the reader's language. Reads on for an unknown digest; raises TemplateUnknown.

        Raises RenderFailed if its source can't be compiled (publishing refuses such a template).
        """
        if digest not in self._templates:
            await self._await_digest(digest)
        template = self._templates.get(digest)
        if template is None:
            raise TemplateUnknown(f"no published rule set holds template {name} with digest {digest}")
        chosen = choose_locale(locale, template.locales)
        if (digest, chosen) not in self._compiled:
            while len(self._compiled) >= COMPILED_MAX:
                self._compiled.pop(next(iter(self._compiled)))
            parts = template.locales[chosen]
            self._compiled[digest, chosen] = CompiledTemplate(
                template.name, chosen, subject=parts.subject, html=parts.html, text=parts.text
            )
        return self._compiled[digest, chosen]

    def add(self, template: Template) -> None:
        """Keeps a template; also for previews, which read no topic."""
        self._templates[template.digest] = template

    async def _await_digest(self, digest: str) -> None:
        """Until the digest is here, or the topic is read to its end as of now, and for `GRACE_S` more."""
        async with self._read:
            self._end = -1
            self._ask_end.set()
            await self._read.wait_for(lambda: digest in self._templates or 0 <= self._end <= self._position)
            if digest not in self._templates:
                try:
                    async with asyncio.timeout(GRACE_S):
                        await self._read.wait_for(lambda: digest in self._templates)
                except TimeoutError:
                    return

    async def _read_on(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id="tetik-sender-templates",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            check_crcs=self._check_crcs,
        )
        try:
            await consumer.start()
            consumer.assign([self._partition])
            self._ask_end.set()
            while not self._stopped:
                batches = await consumer.getmany(self._partition, timeout_ms=POLL_MS)
                for record in batches.get(self._partition, ()):
                    self._take(record.offset, record.value)
                await self._note_progress(consumer)
        finally:
            await consumer.stop()

    async def _note_progress(self, consumer: AIOKafkaConsumer) -> None:
        if self._ask_end.is_set():
            self._ask_end.clear()
            self._end = (await consumer.end_offsets([self._partition]))[self._partition]
        self._position = await consumer.position(self._partition)
        if self._end <= self._position and not self.caught_up:
            self.caught_up = True
            log.info("%d templates known", len(self._templates))
        async with self._read:
            self._read.notify_all()

    def _take(self, offset: int, value: bytes | None) -> None:
        if value is None:
            return
        try:
            rules = RuleSet.model_validate_json(value)
        except ValidationError as error:
            log.error(
                "%s offset %d is no rule set: %s", self._partition.topic, offset, error.errors()[0]["msg"]
            )
            return
        for template in rules.templates:
            self.add(template)
