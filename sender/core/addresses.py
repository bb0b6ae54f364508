"""E-mail addresses: one spelling for the wire, one hashed key for suppression.

The domain goes out in punycode always; a local part beyond ASCII would need SMTPUTF8 and is refused here
with that reason. Suppression is keyed by a hash, so that an erasure can forget the address and keep the
block; there the whole address is folded to lower case, because blocking one mailbox too many is better
than mailing someone who said no.
"""

from email.utils import parseaddr
from hashlib import sha256

from email_validator import EmailNotValidError, validate_email

ADDRESS_LENGTH_MAX = 254


class AddressRefused(ValueError):
    """The text is no address that can be mailed; the message says why."""


def normalise_address(text: str) -> str:
    """`Ad Soyad <a@Örnek.com>` → `a@xn--rnek-4qa.com`. Raises AddressRefused.

    Control characters are refused before parsing, or they could end an SMTP command early.
    """
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in text):
        raise AddressRefused("the address holds a control character")
    bare = parseaddr(text)[1] if "<" in text else text.strip()
    try:
        checked = validate_email(bare, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise AddressRefused(str(error)) from error
    if checked.ascii_email is None:
        raise AddressRefused("the part before the @ is not ASCII; that needs SMTPUTF8, which is not used yet")
    if len(checked.ascii_email) > ADDRESS_LENGTH_MAX:
        raise AddressRefused(f"the address is longer than {ADDRESS_LENGTH_MAX} characters")
    return checked.ascii_email


def display_name(text: str) -> str:
    """The name before the angle brackets, or an empty string."""
    return parseaddr(text)[0] if "<" in text else ""


def address_hash(address: str) -> str:
    """The key of an address in the suppression list: 128 bits in hex, the same for any case of letters."""
    return sha256(b"tetik-address\0" + address.lower().encode()).hexdigest()[:32]
