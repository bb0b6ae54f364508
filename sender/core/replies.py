"""What an SMTP reply means and what follows from it.

The classes are those of IANA's enhanced codes (RFC 3463) as KumoMTA and Postal use them. The point of the
table: a refusal of *us* (policy, spam, authentication) must never suppress the recipient, and only a reply
that says that the mailbox does not exist may.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

_ENHANCED = re.compile(r"(?:^|\s)([245]\.\d{1,3}\.\d{1,3})(?=\s|$)")
_INVALID_RECIPIENT = frozenset(
    {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.7.13"}
)  # no such mailbox or domain, bad syntax, moved, null MX, disabled
_QUOTA = frozenset({"5.2.2", "4.2.2", "4.3.1", "5.3.4", "4.3.4"})
_INVALID_TEXT = re.compile(
    r"user unknown|unknown user|no such (user|mailbox|recipient)|mailbox (not found|unavailable)"
    r"|does ?n.t exist|does not exist|invalid (recipient|mailbox)|recipient (rejected|not found|unknown)",
    re.IGNORECASE,
)
_POLICY_TEXT = re.compile(
    r"spam|blocked|block ?list|blacklist|denied|policy|reputation|dmarc|dkim|\bspf\b|relay|not authori[sz]ed",
    re.IGNORECASE,
)
REPLY_TEXT_MAX = 300


class Phase(StrEnum):
    """Where in the transaction a reply came."""

    CONNECT = "connect"
    MAIL = "mail"
    RECIPIENT = "rcpt"
    DATA = "data"
    FINAL_DOT = "dot"


class ReplyClass(StrEnum):
    """Only `INVALID_RECIPIENT` suppresses; `POLICY` and `CONFIGURATION` stop the stream."""

    ACCEPTED = "accepted"
    INVALID_RECIPIENT = "invalid_recipient"
    QUOTA = "quota"
    POLICY = "policy"
    TEMPORARY = "temporary"
    CONFIGURATION = "configuration"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of the relay, with its enhanced code if it named one."""

    phase: Phase
    code: int
    text: str

    @property
    def enhanced(self) -> str | None:
        """`5.1.1`, if the text begins with (or holds) one that fits the reply's first digit."""
        found = _ENHANCED.search(self.text)
        return found[1] if found and found[1][0] == str(self.code)[0] else None

    def describe(self) -> str:
        """`550 5.1.1 No such user here (at rcpt)`: for reasons and logs; no line breaks, bounded."""
        text = " ".join(self.text.split())[:REPLY_TEXT_MAX]
        return f"{self.code} {text} (at {self.phase})"


def classify(reply: Reply) -> ReplyClass:
    """The class of a reply, by phase, code, enhanced code, and where those are silent, text."""
    if reply.phase is Phase.FINAL_DOT and 200 <= reply.code < 300:
        return ReplyClass.ACCEPTED
    enhanced = reply.enhanced
    if enhanced in _QUOTA or reply.code in (452, 552):
        return ReplyClass.QUOTA
    if reply.code < 500:
        return ReplyClass.TEMPORARY
    if reply.phase in (Phase.CONNECT, Phase.MAIL):
        return ReplyClass.CONFIGURATION
    if enhanced in _INVALID_RECIPIENT:
        return ReplyClass.INVALID_RECIPIENT
    if enhanced is not None and enhanced.startswith("5.7."):
        return ReplyClass.POLICY
    return _classify_by_text(reply)


def _classify_by_text(reply: Reply) -> ReplyClass:
    if reply.code == 554 or _POLICY_TEXT.search(reply.text):
        return ReplyClass.POLICY
    if reply.phase is Phase.RECIPIENT and reply.code in (550, 551, 553) and _INVALID_TEXT.search(reply.text):
        return ReplyClass.INVALID_RECIPIENT
    return ReplyClass.REFUSED


_BACKOFF_S = (30, 120, 300, 900, 1800, 3600)


def backoff_ms(attempt: int) -> int:
    """How long to hold a mail after its `attempt`-th try (from 1): 30 s, 2, 5, 15, 30 min, then hourly.

    RFC 5321 4.5.4.1 wants half an hour between tries in general and allows more at first; a cart mail is
    worthless after hours, and its own expiry ends the tries.
    """
    return 1000 * _BACKOFF_S[min(max(attempt, 1), len(_BACKOFF_S)) - 1]


_UNREACHABLE_S = (2, 5, 10, 20, 40, 60)


def unreachable_backoff_ms(attempt: int) -> int:
    """How long to hold a mail while the relay can't be reached: nothing was said about it, so briefly."""
    return 1000 * _UNREACHABLE_S[min(max(attempt, 1), len(_UNREACHABLE_S)) - 1]
