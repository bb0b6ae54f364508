"""The project's copy of the real data, and the events made of it."""

import gzip
import json

import pytest

from schemas.instants import DAY_MS, MINUTE_MS, format_instant
from services.demo.retail import DATA, Invoice, Line, read_history, read_invoices, retail_events
from services.demo.script import MONDAY, ScriptedEvent, merge, span

INGEST_EVENT_BYTES_MAX = 32_768


@pytest.fixture(scope="module")
def week() -> list[Invoice]:
    return read_invoices(*span(7))


@pytest.fixture(scope="module")
def events(week: list[Invoice]) -> list[ScriptedEvent]:
    return list(retail_events(week))


def test_the_copy_is_whole_and_attributed() -> None:
    with gzip.open(DATA, "rt", encoding="utf-8") as file:
        assert sum(1 for _ in file) == 541_909 + 1
    notice = (DATA.parent / "NOTICE.md").read_text("utf-8")
    assert "Daqing Chen" in notice
    assert "CC BY 4.0" in notice
    assert "10.24432/C5BW33" in notice


def test_the_stated_week(week: list[Invoice]) -> None:
    assert len(week) == 413
    assert sum(invoice.cancels for invoice in week) == 67
    assert format_instant(week[0].at)[:10] == "2011-03-14"
    assert format_instant(week[-1].at)[:10] == "2011-03-20"
    assert [invoice.at for invoice in week] == sorted(invoice.at for invoice in week)


def test_an_invoice_as_the_file_has_it(week: list[Invoice]) -> None:
    invoice = next(each for each in week if each.number == "C547091")
    assert invoice.customer is None
    assert invoice.cancels
    assert invoice.total == -53.35
    assert len(invoice.lines) == 3


def test_events_of_the_week(events: list[ScriptedEvent]) -> None:
    types = [event.type for event in events]
    assert types.count("order_completed") == 340
    assert types.count("order_cancelled") == 67
    assert types.count("profile_updated") == 291


def test_six_corrections_of_the_stock_are_no_orders(week: list[Invoice], events: list[ScriptedEvent]) -> None:
    corrections = [invoice.number for invoice in week if not invoice.cancels and invoice.total <= 0]
    assert len(corrections) == 6
    sent = {event.properties.get("order_id") for event in events}
    assert sent.isdisjoint(corrections)


def test_each_customer_is_introduced_once_before_her_first_invoice(events: list[ScriptedEvent]) -> None:
    introduced: list[str] = []
    for event in events:
        if event.type == "profile_updated":
            assert event.key not in introduced
            assert event.properties["email"] == f"{event.key}@customers.example"
            assert "consent" not in event.properties
            introduced.append(event.key)
        elif event.customer_id is not None:
            assert event.key in introduced
        else:
            assert event.key == f"anon:retail-invoice-{event.properties['order_id']}"


def test_amounts_of_a_cancellation_are_positive(events: list[ScriptedEvent]) -> None:
    cancelled = [event for event in events if event.type == "order_cancelled"]
    assert all(event.properties["total"] >= 0 for event in cancelled)
    assert all(line["quantity"] > 0 for event in cancelled for line in event.properties["products"])


def test_the_largest_invoice_is_an_event_that_ingest_takes(events: list[ScriptedEvent]) -> None:
    largest = max(len(json.dumps(event.properties)) for event in events)
    assert 20_000 < largest < INGEST_EVENT_BYTES_MAX - 1_000


def test_an_invoice_without_a_customer_has_no_address() -> None:
    invoice = Invoice("7", MONDAY, None, "United Kingdom", [Line("a", "A", 2, 1.5)])
    (order,) = retail_events([invoice])
    assert order.customer_id is None
    assert order.properties == {
        "order_id": "7",
        "total": 3.0,
        "currency": "GBP",
        "products": [{"product_id": "a", "name": "A", "price": 1.5, "quantity": 2}],
    }


def test_a_script_is_ordered_cut_and_on_whole_minutes() -> None:
    late = ScriptedEvent(at=MONDAY + 2 * MINUTE_MS, path="sdk", event_id="b", type="t", customer_id="x")
    early = ScriptedEvent(at=MONDAY, path="sdk", event_id="a", type="t", customer_id="x")
    assert merge([late], [early], until=late.at + 1) == [early, late]
    assert merge([late], [early], until=late.at) == [early]
    with pytest.raises(ValueError, match="two events have the id a"):
        merge([early], [early], until=late.at)
    odd = ScriptedEvent(at=MONDAY + 1, path="sdk", event_id="c", type="t", customer_id="x")
    with pytest.raises(ValueError, match="whole minute"):
        merge([odd], until=late.at)


def test_the_months_before_are_history(week: list[Invoice]) -> None:
    """Of the week's customers everything, of others the last month; sent at the first instant."""
    history = read_history(week)
    customers = {invoice.customer for invoice in week} - {None}
    month = MONDAY - 30 * DAY_MS
    assert all(invoice.at < MONDAY for invoice in history)
    assert all(invoice.customer in customers or invoice.at >= month for invoice in history)
    assert sum(invoice.at < month for invoice in history) > 500
    assert sum(invoice.customer not in customers for invoice in history) > 1_000
    events = list(retail_events(history))
    assert {(event.at, event.backfill) for event in events} == {(MONDAY, True)}
    assert {event.occurred_at for event in events} == {
        invoice.at for invoice in history if invoice.cancels or invoice.total > 0
    }
    assert max(len(json.dumps(event.properties)) for event in events) < INGEST_EVENT_BYTES_MAX - 1_000
    assert [event.occurred_at for event in merge(events, until=span(1)[1])] == sorted(
        event.occurred_at for event in events
    )
