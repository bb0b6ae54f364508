"""The real half of the demo: the orders and cancellations of a real shop (UCI Online Retail, CC BY 4.0).

What the file lacks is made up and named so: the address `retail-<CustomerID>@customers.example`. Nobody has
agreed to marketing, so these customers get order confirmations alone. The months before the week are history:
all orders of the month before, from which it is known what sells and what is bought together, and whatever
the week's customers bought since the file begins.

An invoice is an event at the minute of its first line:
- number begins with C: `order_cancelled`;
- its lines add up to more than nothing: `order_completed`;
- else it is a correction of the stock, not a sale, and is left out.
Invoices without CustomerID were entered for somebody unknown: each gets an anonymous id of its own, so there
is no address and the decision must be `no_address`.
"""

import csv
import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from schemas.instants import DAY_MS, Instant, datetime_of, instant_of
from services.demo.script import MONDAY, ScriptedEvent, since_start

DATA = Path(__file__).resolve().parents[2] / "deploy" / "demo" / "data" / "online-retail.csv.gz"
CURRENCY = "GBP"
FILE_BEGINS: Instant = instant_of(datetime(2010, 12, 1, tzinfo=UTC))
BEST_SELLERS_MS = 30 * DAY_MS
"""What recommendations look back at."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an invoice; the price is for one piece, in pounds."""

    product_id: str
    name: str
    quantity: int
    price: float


@dataclass(frozen=True, slots=True)
class Invoice:
    """An order, a cancellation (quantities below zero) or a correction of the stock."""

    number: str
    at: Instant
    customer: str | None
    country: str
    lines: list[Line] = field(default_factory=list)

    @property
    def total(self) -> float:
        """In pounds; below zero for a cancellation."""
        return round(sum(line.price * line.quantity for line in self.lines), 2)

    @property
    def cancels(self) -> bool:
        """Whether it takes an order, or part of one, back."""
        return self.number.startswith("C")


def read_invoices(start: Instant, end: Instant, path: Path = DATA) -> list[Invoice]:
    """The invoices whose first line lies in [start, end), in the order of time.

    Raises FileNotFoundError if the project's copy of the data is missing.
    """
    first_day, last_day = datetime_of(start).date().isoformat(), datetime_of(end).date().isoformat()
    invoices: dict[str, Invoice] = {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            # The file is sorted by time: text comparison finds the days without reading every date.
            day = row["InvoiceDate"][: len(date.min.isoformat())]
            if day < first_day:
                continue
            if day > last_day:
                break
            _add_line(invoices, row)
    return [invoice for invoice in invoices.values() if start <= invoice.at < end]


def _add_line(invoices: dict[str, Invoice], row: dict[str, str]) -> None:
    number = row["InvoiceNo"]
    if number not in invoices:
        at = instant_of(datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=UTC))
        customer = row["CustomerID"].partition(".")[0] or None
        invoices[number] = Invoice(number, at, customer, row["Country"])
    line = Line(
        row["StockCode"], " ".join(row["Description"].split()), int(row["Quantity"]), float(row["UnitPrice"])
    )
    invoices[number].lines.append(line)


def read_history(week: Iterable[Invoice], path: Path = DATA) -> list[Invoice]:
    """What happened before the week: the last month, and of the week's customers everything. As
    `read_invoices`."""
    customers = {invoice.customer for invoice in week} - {None}
    return [
        invoice
        for invoice in read_invoices(FILE_BEGINS, MONDAY, path)
        if invoice.customer in customers or invoice.at >= MONDAY - BEST_SELLERS_MS
    ]


def retail_events(invoices: Iterable[Invoice]) -> Iterator[ScriptedEvent]:
    """A customer's profile before her first invoice, then each invoice; those before the week as history."""
    return map(since_start, _events(invoices))


def _events(invoices: Iterable[Invoice]) -> Iterator[ScriptedEvent]:
    known: set[str] = set()
    for invoice in invoices:
        if not invoice.cancels and invoice.total <= 0:
            continue
        if invoice.customer is not None and invoice.customer not in known:
            known.add(invoice.customer)
            yield _profile(invoice, invoice.customer)
        yield _order(invoice)


def _customer_id(customer: str) -> str:
    return f"retail-{customer}"


def _profile(invoice: Invoice, customer: str) -> ScriptedEvent:
    customer_id = _customer_id(customer)
    return ScriptedEvent(
        at=invoice.at,
        path="native",
        event_id=f"{customer_id}-profile",
        type="profile_updated",
        customer_id=customer_id,
        properties={
            "email": f"{customer_id}@customers.example",
            "country": invoice.country,
            "locale": "en",
        },
    )


def _order(invoice: Invoice) -> ScriptedEvent:
    sign = -1 if invoice.cancels else 1
    products: list[dict[str, Any]] = [
        {
            "product_id": line.product_id,
            "name": line.name,
            "price": line.price,
            "quantity": sign * line.quantity,
        }
        for line in invoice.lines
    ]
    return ScriptedEvent(
        at=invoice.at,
        path="native",
        event_id=f"retail-invoice-{invoice.number}",
        type="order_cancelled" if invoice.cancels else "order_completed",
        customer_id=None if invoice.customer is None else _customer_id(invoice.customer),
        anonymous_id=f"retail-invoice-{invoice.number}" if invoice.customer is None else None,
        properties={
            "order_id": invoice.number,
            "total": sign * invoice.total,
            "currency": CURRENCY,
            "products": products,
        },
    )
