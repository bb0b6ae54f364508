"""The cast of the plays about coming back and belonging: win-back, products, engagement, the best customers.

Two products change in the week: one that was sold out is there again, one costs less.
"""

from typing import Any

from services.demo.cast import Member, Role, act, added, ordered, viewed

CAKESTAND, TINS, CLOCK, QUILT, BASKET = "22423", "22720", "22727", "22803", "22502"
SOLD_OUT, REDUCED = BASKET, CLOCK
CHANGES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("mon 00:00", SOLD_OUT, {"stock": 0}),
    ("tue 10:00", SOLD_OUT, {"stock": 40}),
    ("wed 10:00", REDUCED, {"price": 2.95}),
)
"""What the catalogue says otherwise from then on."""
CAMPAIGNS = tuple(
    act(f"-{day}d 09:00", "campaign_mailed", campaign=f"week {day}") for day in range(80, 8, -7)
)
"""Another tool's mails, one a week; the last is older than the policy looks back."""

WIN_BACK = Role(
    play="win-back",
    by_day=1,
    meets=(
        Member(
            name="winback-ayse",
            called=("Ayşe", "Yılmaz"),
            of="tr",
            acts=(ordered("-90d 12:00", "1", (TINS, 1)), viewed("-60d 12:05", CAKESTAND)),
        ),
    ),
    spared=(
        Member(  # was here yesterday
            name="winback-rafael",
            called=("Rafael", "Bağırov"),
            of="az",
            acts=(
                ordered("-60d 12:10", "1", (TINS, 1)),
                act("-1d 12:00", "page_viewed", name="Home", category="home"),
            ),
        ),
        Member(  # has ordered nothing, ever
            name="winback-molly",
            called=("Molly", "Kerr"),
            of="en",
            acts=(viewed("-60d 12:15", CAKESTAND),),
        ),
    ),
)

BACK_IN_STOCK = Role(
    play="back-in-stock",
    by_day=2,
    meets=(
        Member(
            name="stock-fatma",
            called=("Fatma", "Sezer"),
            of="tr",
            acts=(viewed("-9d 12:00", SOLD_OUT),),
        ),
        Member(
            name="stock-daniel",
            called=("Daniel", "Frost"),
            of="en",
            acts=(act("-8d 12:00", "product_wished", (SOLD_OUT, 1)),),
        ),
    ),
    spared=(
        Member(  # looked at another one
            name="stock-zaur",
            called=("Zaur", "Həmidov"),
            of="az",
            acts=(viewed("-9d 12:30", TINS),),
        ),
    ),
)

PRICE_DROP = Role(
    play="price-drop",
    by_day=3,
    meets=(
        Member(
            name="price-ulviyya",
            called=("Ülviyyə", "Kazımova"),
            of="az",
            acts=(viewed("-6d 12:00", REDUCED),),
        ),
    ),
    spared=(
        Member(  # bought it at the old price: no word of the new one
            name="price-martha",
            called=("Martha", "Quinn"),
            of="en",
            acts=(added("-6d 12:30", REDUCED), ordered("-6d 12:40", "1", (REDUCED, 1))),
        ),
    ),
)

ENGAGEMENT = Role(
    play="engagement-drop",
    by_day=1,
    meets=(
        Member(  # eleven mails and no click; the last one was ninety days ago at noon
            name="silent-gokhan",
            called=("Gökhan", "Işık"),
            of="tr",
            acts=(act("-90d 12:20", "email_clicked"), *CAMPAIGNS),
        ),
    ),
    spared=(
        Member(  # clicked once more
            name="silent-farida",
            called=("Fəridə", "Orucova"),
            of="az",
            acts=(act("-90d 12:25", "email_clicked"), *CAMPAIGNS, act("-9d 09:30", "email_clicked")),
        ),
    ),
)

VIP = Role(
    play="vip-entered",
    by_day=1,
    meets=(
        Member(
            name="vip-victoria",
            called=("Victoria", "Stone"),
            of="en",
            acts=(
                *(ordered(f"-{day}d 12:00", f"{day}", (QUILT, 36)) for day in (150, 110, 75, 40)),
                ordered("mon 12:30", "now", (CAKESTAND, 20)),
            ),
        ),
    ),
    spared=(
        Member(  # as often, for less
            name="vip-leman",
            called=("Leman", "Tunç"),
            of="tr",
            acts=(
                *(ordered(f"-{day}d 12:00", f"{day}", (QUILT, 1)) for day in (150, 110, 75, 40)),
                ordered("mon 12:35", "now", (CAKESTAND, 1)),
            ),
        ),
    ),
)

ROLES = (WIN_BACK, BACK_IN_STOCK, PRICE_DROP, ENGAGEMENT, VIP)
