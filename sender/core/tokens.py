"""Unsubscribe tokens: who and which mail, signed, readable without any store, never expiring.

An unsubscribe link has to work years later, after Redis was rebuilt. The token is
base64url(payload) `.` base64url(first 128 bits of HMAC-SHA256), with the version in the payload.
It names the address by its hash only.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

import msgspec

VERSION = 1
MAC_BYTES = 16
TOKEN_LENGTH_MAX = 800
KEY_BYTES_MAX = 400
"""A longer customer key is left out, so that the header line stays below 998 octets; the unsubscription
still acts on the address, only the engine isn't told whose it was."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Whose mails end: the address by `addresses.address_hash`; `customer_key` may be unknown."""

    address_hash: str
    customer_key: str | None
    send_id: str
    locale: str


class TokenRefused(ValueError):
    """No token of ours, or a damaged one."""


def sign_token(subscription: Subscription, secret: str) -> str:
    """The token of a mail; the same mail always gets the same one."""
    key = subscription.customer_key
    if key is not None and len(key.encode()) > KEY_BYTES_MAX:
        key = None
    payload = msgspec.msgpack.encode(
        (VERSION, bytes.fromhex(subscription.address_hash), key, subscription.send_id, subscription.locale)
    )
    return f"{_encode(payload)}.{_encode(_mac(payload, secret))}"


def read_token(token: str, secret: str) -> Subscription:
    """Raises TokenRefused."""
    payload_text, _, mac_text = token.partition(".")
    if len(token) > TOKEN_LENGTH_MAX or not mac_text:
        raise TokenRefused("the link is incomplete")
    try:
        payload, mac = _decode(payload_text), _decode(mac_text)
    except ValueError as error:
        raise TokenRefused("the link is damaged") from error
    if not hmac.compare_digest(mac, _mac(payload, secret)):
        raise TokenRefused("the link is not one of ours")
    try:
        version, address, key, send_id, locale = msgspec.msgpack.decode(
            payload, type=tuple[int, bytes, str | None, str, str]
        )
    except msgspec.MsgspecError as error:
        raise TokenRefused("the link's contents are unknown") from error
    if version != VERSION:
        raise TokenRefused(f"version {version} of the link is unknown")
    return Subscription(address.hex(), key, send_id, locale)


def _mac(payload: bytes, secret: str) -> bytes:
    return hmac.new(secret.encode(), b"tetik-unsubscribe\0" + payload, hashlib.sha256).digest()[:MAC_BYTES]


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    if not text.isascii():
        raise ValueError("not ASCII")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
