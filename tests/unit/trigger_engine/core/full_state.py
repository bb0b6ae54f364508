"""A customer's state with every list and map at its bound, in characters of four bytes."""

from trigger_engine.core import limits
from trigger_engine.core.packed import add_occasion, add_recent
from trigger_engine.core.purchases import Purchase
from trigger_engine.core.state import (
    Cart,
    CustomerState,
    Engagement,
    Happening,
    Item,
    Offer,
    Orders,
    PendingMail,
    Profile,
    Run,
    Session,
    Slot,
    TriggerMemory,
    Window,
    new_state,
)
from trigger_engine.core.trim import keep
from trigger_engine.core.views import View, Views

WIDE = "𐍈"
NOW = 1_772_442_000_000


def text(number: int, length: int = limits.TEXT_LENGTH_MAX) -> str:
    """A text of this length that no other number has."""
    return (f"{number:05}" + WIDE * length)[:length]


def happening(number: int) -> Happening:
    """An event kept as large as it may be: properties and context take the bounds of `keep` each."""
    numbers = [0.1 + number for number in range(limits.KEPT_NODES_MAX - 10)]
    large = keep({"list": numbers, "long": WIDE * 9_999})
    assert (len(large["list"]), len(large["long"])) == (len(numbers), limits.KEPT_TEXT_MAX - len("listlong"))
    return Happening(text(number), "x" * 64, NOW, large, large)


def occasions() -> bytes:
    """As many as a trigger may remember."""
    packed = b""
    for number in range(limits.OCCASIONS_MAX):
        added = add_occasion(packed, f"o{number}", NOW, limits.OCCASION_MEMORY_MS, limits.OCCASIONS_MAX)
        assert added is not None
        packed = added
    return packed


def full_state(key: str) -> CustomerState:
    """Everything at its bound."""
    state = new_state(key)
    state.next_wake_up_at, state.rules_digest = NOW, "d" * 32
    for number in range(limits.RECENT_EVENTS_MAX):
        state.recent = add_recent(state.recent, f"e{number}") or b""
    state.profile = _profile()
    state.cart = Cart(
        text(0), True, [_item(number) for number in range(limits.CART_ITEMS_MAX)], "EUR", NOW, NOW
    )
    state.orders, state.session = Orders(9**9, NOW, 1e9, NOW), Session(NOW, NOW, 9**9, 9**9)
    state.orders.purchases.keep(_purchase(number) for number in range(limits.PURCHASES_MAX))
    state.engagement = Engagement(0.1, NOW, 9**9, 9**9, NOW, NOW)
    start = happening(0)
    for number in range(limits.RUNS_MAX):
        state.runs.append(_run(number, start))
    for number in range(limits.MAILS_PENDING_MAX):
        state.mails.append(_mail(number, start))
    packed = occasions()
    for number in range(limits.TRIGGERS_MAX):
        state.memories[f"trigger-{number:055}"] = TriggerMemory(b"", NOW, packed)
    state.ended_at = {f"{'x' * 64}?{number:012}": NOW for number in range(limits.ENDINGS_MAX)}
    state.last_at = {f"{number:064}": NOW for number in range(limits.EVENT_TYPES_MAX)}
    state.past_enders = [happening(number) for number in range(limits.PAST_ENDERS_MAX)]
    state.views = Views(9**9)
    state.views.keep(_view(number) for number in range(limits.VIEWS_MAX))
    each = limits.THRESHOLD_VALUES_MAX
    for number in range(limits.THRESHOLD_WINDOWS_MAX):
        events = [(NOW + at, 0.1) for at in range(limits.THRESHOLD_EVENTS_MAX)]
        state.windows.setdefault(f"trigger-{number // each}", {})[text(number)] = Window(events)
    for number in range(limits.SLOTS_MAX):
        state.slots += [Slot(NOW, f"{number:032}"), Slot(NOW, f"{number:032}", "t" * 64)]
    state.offers = [Offer(NOW, NOW, f"{number:032}") for number in range(limits.OFFERS_MAX)]
    state.arms = {f"{number:064}": "v" * 64 for number in range(limits.ARMS_MAX)}
    state.devices = [text(number) for number in range(limits.DEVICES_MAX)]
    state.hand_overs = b"h" * 8 * limits.HAND_OVERS_MAX
    return state


def _profile() -> Profile:
    profile = Profile("e" * limits.EMAIL_LENGTH_MAX, *(text(number) for number in range(5)))
    profile.traits = {text(number): text(number) for number in range(limits.TRAITS_MAX)}
    profile.preferences = {text(number): text(number) for number in range(limits.PREFERENCES_MAX)}
    profile.undeliverable_address = profile.unwanted_address = profile.email
    return profile


def _item(number: int) -> Item:
    url = text(number, limits.URL_LENGTH_MAX)
    return Item(text(number), NOW, limits.QUANTITY_MAX, 0.1, text(number), text(number), url, url)


def _view(number: int) -> View:
    url = text(number, limits.URL_LENGTH_MAX)
    return View(NOW + number, text(number), text(number), text(number), 0.1, url, url)


def _purchase(number: int) -> Purchase:
    url, most = text(number, limits.URL_LENGTH_MAX), limits.QUANTITY_MAX
    three = text(number), text(number), text(number)
    return Purchase(NOW + number, *three, 0.1, url, url, most, limits.CONSUMABLE_DAYS_MAX)


def _run(number: int, start: Happening) -> Run:
    occasion = f"{text(1)}/{text(number)}"
    run = Run(f"trigger-{number:055}", "v" * 12, occasion, start, 1, NOW, answer=start, value=text(number))
    run.attempts = {f"{step:064}": 9 for step in range(limits.STEPS_MAX)}
    return run


def _mail(number: int, start: Happening) -> PendingMail:
    occasion, trigger = f"{text(1)}/{text(number)}", f"trigger-{number:055}"
    return PendingMail(
        f"{number:032}", trigger, "v" * 12, occasion, "s" * 64, "marketing", "e" * 254, NOW, start, True, NOW
    )
