"""Who a customer is, and what she has agreed to: a part of her record (`state`).

Fields are only ever added at the end, with a default, as there.
"""

from typing import Any

import msgspec

from schemas.instants import Instant


class Profile(msgspec.Struct, array_like=True, gc=False):
    """Who she is and what she allows. An address that bounced stays noted until she has another one."""

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    locale: str | None = None
    time_zone: str | None = None
    country: str | None = None
    traits: dict[str, Any] = {}
    updated_at: Instant = 0
    marketing_email: bool | None = None
    consent_at: Instant = 0
    unsubscribed_at: Instant | None = None
    undeliverable_address: str | None = None
    unwanted_address: str | None = None
    """The sender refused marketing to this address (its own suppression or consent list)."""
    preferences: dict[str, Any] = {}
    """What `set` steps wrote."""
    paused_until: Instant | None = None
    """Marketing is paused until then (`FOREVER`: until a `set` step ends it)."""
    given_at: Instant | None = None
    """Since when she has agreed without a break; None although she has: a record from before it was kept, see
    `agreed_at`. Of no meaning while she has not."""

    @property
    def agreed_at(self) -> Instant | None:
        """Since when she has agreed to marketing, as far as is known; None if she has not."""
        if self.marketing_email is not True:
            return None
        return self.consent_at if self.given_at is None else self.given_at
