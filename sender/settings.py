"""What one sender process is told: one frozen object, checked before anything starts.

`services/sender.py` builds it from the environment; nothing in this package reads a setting elsewhere.
"""

from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import urlsplit

from schemas import topics
from sender.core.addresses import AddressRefused, normalise_address

SECRET_LENGTH_MIN = 16


class Clock(Protocol):
    """The only source of `now`: the machine's clock in production, the clock topic's in the demo."""

    def now(self) -> int:
        """Epoch milliseconds, UTC."""
        ...

    async def wait(self, timeout_s: float) -> None:
        """Returns when the clock has moved, or after at most `timeout_s` of machine time."""
        ...


class SettingsRefused(ValueError):
    """A setting is missing or wrong; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """The relay. Time-outs are machine seconds; RFC 5321 4.5.3.2 wants ten minutes after the final dot,
    because a client that hangs up sooner gets its mail delivered and sends it again."""

    host: str = "127.0.0.1"
    port: int = 25
    username: str | None = None
    password: str | None = None
    tls: Literal["none", "opportunistic", "starttls", "implicit"] = "opportunistic"
    verify_certificate: bool = True
    connections_max: int = 8
    messages_per_connection_max: int = 100
    connection_age_s_max: float = 300.0
    idle_s_max: float = 15.0
    connect_timeout_s: float = 30.0
    reply_timeout_s: float = 120.0
    final_reply_timeout_s: float = 600.0


@dataclass(frozen=True, slots=True)
class SenderTopics:
    """The topics' names; tests give their own, because they share a broker."""

    outbound: str = topics.OUTBOUND
    rules: str = topics.RULES
    deliveries: str = topics.DELIVERIES
    events: str = topics.EVENTS
    dead_letters: str = topics.DEAD_LETTERS


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """One sender process.

    `instance` names this sender across restarts: a successor of the same name inherits the claims of its
    predecessor at once, others wait for the lease. Two live processes must never share a name.
    `mail_from` may carry a display name. `on_ambiguous` says what happens to a mail whose relay vanished
    between the final dot and its answer: `skip` (perhaps none) or `retry_once` (perhaps two).
    """

    kafka: str
    redis_url: str
    mail_from: str
    public_url: str
    secret: str
    smtp: SmtpSettings = SmtpSettings()
    topics: SenderTopics = SenderTopics()
    instance: str = "sender-0"
    http_host: str = "127.0.0.1"
    http_port: int = 8083
    on_ambiguous: Literal["skip", "retry_once"] = "skip"
    concurrency: int = 16
    pending_max: int = 500
    ledger_days: int = 30
    key_prefix: str = "tetik:sender:"
    group: str = "tetik-sender"
    check_crcs: bool = True
    brand: str = "Tetik Demo Shop"
    feedback_id_sender: str = "tetik"
    reply_to: str | None = None
    shop_url: str | None = None
    survey_url: str | None = None
    utm_source: str | None = "tetik"

    def __post_init__(self) -> None:
        if len(self.secret) < SECRET_LENGTH_MIN:
            raise SettingsRefused(
                f"The sender's secret signs unsubscribe links: give at least {SECRET_LENGTH_MIN} characters."
            )
        if urlsplit(self.public_url).scheme not in ("http", "https") or not urlsplit(self.public_url).netloc:
            raise SettingsRefused(
                f"public_url is {self.public_url!r}: give the address at which mail readers reach this "
                "sender, as https://mail.example.com"
            )
        try:
            normalise_address(self.mail_from)
        except AddressRefused as error:
            raise SettingsRefused(f"mail_from is {self.mail_from!r}: {error}") from error
        if not self.instance or ":" in self.instance:
            raise SettingsRefused(f"instance is {self.instance!r}: give a name without a colon")
        if min(self.concurrency, self.pending_max, self.smtp.connections_max, self.ledger_days) < 1:
            raise SettingsRefused("concurrency, pending_max, connections_max and ledger_days start at 1")

    @property
    def lease_ms(self) -> int:
        """Longer than the longest a claim can rightly last: connect, the replies, the final dot, a margin."""
        waits_s = self.smtp.connect_timeout_s + 5 * self.smtp.reply_timeout_s
        return int(1000 * (waits_s + self.smtp.final_reply_timeout_s + 60))
