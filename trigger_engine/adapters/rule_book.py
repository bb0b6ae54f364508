"""The rule sets on `tetik.rules`, read on demand and compiled when they are asked for."""

import asyncio
import logging

from pydantic import ValidationError

from schemas.rule_set import RuleSet
from schemas.topics import RULES
from trigger_engine.adapters.log_port import EngineLog, LogReader
from trigger_engine.core.rules import NO_RULES, Rules, RulesError, load_rules

logger = logging.getLogger(__name__)

ATTEMPTS = 30
ATTEMPT_WAIT_S = 1.0


class UnknownRules(RuntimeError):
    """A marker names a rule set that the rules topic does not hold."""


class RuleBook:
    """Rule sets by digest. A marker is written after its set, so an unknown digest means: read on.

    The topic is read to its end whenever a set is asked for, known or not: runs of a partition that is taken
    over may have begun under sets that were published since this worker asked last.
    """

    def __init__(self, log: EngineLog) -> None:
        self._log = log
        self._reader: LogReader | None = None
        self._sets: dict[str, RuleSet] = {}
        self._alone: dict[str, Rules] = {}
        self._rules: dict[str, Rules] = {}
        self._reading = asyncio.Lock()

    async def rules_of(self, digest: str) -> Rules:
        """The compiled rules of a digest. Raises UnknownRules after half a minute of looking, and
        RulesError if the set is not valid for this version of the engine."""
        async with self._reading:
            if digest == NO_RULES.digest:
                return NO_RULES
            for attempt in range(ATTEMPTS):
                if attempt:
                    logger.warning("the rule set %s is not on %s yet; looking again", digest, RULES)
                    await asyncio.sleep(ATTEMPT_WAIT_S)
                await self._read_to_end()
                if digest not in self._rules:
                    self._compile(digest)
                if digest in self._rules:
                    return self._rules[digest]
        raise UnknownRules(
            f"a marker activates the rule set {digest}, but the topic {RULES} does not hold it. "
            "Publish it again: tetik triggers publish"
        )

    def _compile(self, wanted: str) -> None:
        """Compile a set with the versions of all others at hand: runs may be pinned to any of them, also to
        later ones when a set was rolled back."""
        for digest, rule_set in self._sets.items():
            if digest in self._alone:
                continue
            try:
                self._alone[digest] = load_rules(rule_set)
            except RulesError as error:
                if digest == wanted:
                    raise
                logger.warning("the other rule set %s is not usable by this version: %s", digest, error)
        if wanted in self._alone:
            others = [self._alone[digest] for digest in self._sets if digest in self._alone]
            self._rules[wanted] = load_rules(self._sets[wanted], others)

    async def close(self) -> None:
        """Stop reading."""
        if self._reader is not None:
            await self._reader.close()
            self._reader = None

    async def _read_to_end(self) -> None:
        if self._reader is None:
            self._reader = await self._log.open_reader(RULES, 0)
        async for records in self._reader.read_on():
            for record in records:
                if record.value is not None:
                    self._admit(record.value)

    def _admit(self, value: bytes) -> None:
        try:
            rule_set = RuleSet.model_validate_json(value)
        except ValidationError as error:
            logger.error("%s holds a record that is no rule set, passed over: %s", RULES, error)
            return
        if rule_set.digest not in self._sets:
            self._rules = {}  # compiled without the versions of this one
        # In the order of the compacted topic, where a set published again comes last.
        self._sets.pop(rule_set.digest, None)
        self._sets[rule_set.digest] = rule_set
