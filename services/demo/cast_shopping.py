"""The cast of the plays about coming, looking round and leaving: welcome, activation, carts, browsing.

What nobody is mailed about stands beside it: who buys in time, who comes back, who never agreed.
"""

from services.demo.cast import Member, Role, act, added, answered, ordered, viewed

CAKESTAND, HOLDER, TINS, BAG, TEACUP, QUILT = "22423", "85123A", "22720", "85099B", "22699", "22803"
BUNTING, CLOCK, SCALES, DOORMAT, LUNCH_BAG, SLATE = "47566", "22726", "22624", "48138", "20727", "22457"

WELCOME = Role(
    play="welcome-series",
    by_day=1,
    meets=(
        Member(
            name="welcome-defne",
            called=("Defne", "Aksoy"),
            of="tr",
            traits={"source": "site"},
            acts=(
                act("mon 09:05", "signed_up", method="form"),
                answered("wed 12:00", "first-impression", "good"),
            ),
        ),
        Member(
            name="welcome-leyla",
            called=("Leyla", "Hüseynova"),
            of="az",
            traits={"source": "store"},
            acts=(act("mon 09:20", "signed_up", method="till"),),
        ),
        Member(
            name="welcome-george",
            called=("George", "Hughes"),
            of="en",
            consent=False,
            acts=(ordered("-5d 15:00", "1", (TINS, 1)), act("mon 10:10", "subscribed", list="news")),
        ),
    ),
    spared=(
        Member(  # never agreed
            name="welcome-burak",
            called=("Burak", "Yıldız"),
            of="tr",
            consent=False,
            acts=(act("mon 09:40", "signed_up", method="form"),),
        ),
    ),
)

ACTIVATION = Role(
    play="activation",
    by_day=1,
    meets=(
        Member(
            name="activation-elif",
            called=("Elif", "Çelik"),
            of="tr",
            acts=(act("-7d 09:30", "signed_up", method="form"),),
        ),
    ),
    spared=(
        Member(  # comes back an hour before her week is over
            name="activation-murad",
            called=("Murad", "Nağıyev"),
            of="az",
            acts=(
                act("-7d 10:30", "signed_up", method="form"),
                act("mon 09:30", "page_viewed", name="Home", category="home"),
            ),
        ),
    ),
)

CART = Role(
    play="cart-abandoned",
    by_day=1,
    meets=(
        Member(  # tells why, and the next mail follows
            name="cart-zeynep",
            called=("Zeynep", "Koç"),
            of="tr",
            acts=(added("mon 09:30", CAKESTAND, 2), answered("thu 12:00", "cart-questions", "price")),
        ),
        Member(  # a cart worth an offer
            name="cart-orxan",
            called=("Orxan", "Məlikov"),
            of="az",
            acts=(added("mon 10:00", QUILT, 30), answered("thu 13:00", "cart-questions", "shipping_cost")),
        ),
        Member(  # buys for a business
            name="cart-harriet",
            called=("Harriet", "Moore"),
            of="en",
            traits={"company": "Moore & Daughters"},
            acts=(added("mon 10:20", DOORMAT, 12), answered("thu 14:00", "cart-questions", "information")),
        ),
        Member(  # two pounds more and it is sent free of charge; asks for time, and gets it
            name="cart-can",
            called=("Can", "Polat"),
            of="tr",
            acts=(
                added("mon 10:40", TEACUP, 5, free_shipping_limit=30.0, missing_for_free_shipping=1.05),
                answered("thu 11:45", "cart-questions", "later"),
            ),
        ),
    ),
    spared=(
        Member(  # buys before anybody has to remind her
            name="cart-alice",
            called=("Alice", "Webb"),
            of="en",
            acts=(added("mon 11:00", BUNTING), ordered("mon 11:30", "1", (BUNTING, 1))),
        ),
        Member(  # takes it out again
            name="cart-nihat",
            called=("Nihat", "Arslan"),
            of="tr",
            acts=(added("mon 11:05", CLOCK), act("mon 11:25", "product_removed", (CLOCK, 1))),
        ),
    ),
)

CHECKOUT = Role(
    play="checkout-abandoned",
    by_day=1,
    meets=(
        Member(
            name="checkout-ruby",
            called=("Ruby", "Shaw"),
            of="en",
            acts=(added("mon 11:10", SCALES), act("mon 11:14", "checkout_started", (SCALES, 1))),
        ),
    ),
    spared=(
        Member(  # it took her twenty minutes
            name="checkout-sevinc",
            called=("Sevinc", "Abbasova"),
            of="az",
            acts=(
                added("mon 11:20", SCALES, 2),
                act("mon 11:22", "checkout_started", (SCALES, 2)),
                ordered("mon 11:42", "1", (SCALES, 2)),
            ),
        ),
    ),
)

BROWSE = Role(
    play="browse-abandoned",
    by_day=1,
    meets=(
        Member(  # two of one category
            name="browse-mert",
            called=("Mert", "Doğan"),
            of="tr",
            acts=(viewed("mon 11:50", LUNCH_BAG), viewed("mon 11:53", BAG)),
        ),
        Member(  # of two categories
            name="browse-aysel",
            called=("Aysel", "Kərimova"),
            of="az",
            acts=(viewed("mon 12:00", HOLDER), viewed("mon 12:04", TINS)),
        ),
        Member(
            name="browse-jack",
            called=("Jack", "Palmer"),
            of="en",
            acts=(viewed("mon 12:10", CAKESTAND, best_seller=True),),
        ),
    ),
    spared=(
        Member(  # puts it into the cart: that is another play's
            name="browse-nurlan",
            called=("Nurlan", "Səfərov"),
            of="az",
            acts=(viewed("mon 12:15", SLATE), added("mon 12:25", SLATE, 2)),
        ),
    ),
)

PRICE_PAGE = Role(
    play="price-page-visited",
    by_day=1,
    meets=(
        Member(
            name="prices-tural",
            called=("Tural", "Əhmədov"),
            of="az",
            acts=(
                act("mon 12:30", "page_viewed", name="Prices", category="pricing"),
                act("tue 12:30", "page_viewed", name="Prices", category="pricing"),  # once in thirty days
            ),
        ),
        Member(
            name="prices-selin",
            called=("Selin", "Taş"),
            of="tr",
            acts=(
                act(
                    "mon 12:40", "page_viewed", name="Hediye paketi", category="service",
                    title="Hediye paketi", url="https://shop.example/services/gift-wrapping",
                ),
            ),
        ),
    ),
    spared=(
        Member(  # has decided
            name="prices-oscar",
            called=("Oscar", "Byrne"),
            of="en",
            acts=(
                act("mon 12:50", "page_viewed", name="Prices", category="pricing"),
                ordered("mon 13:20", "1", (CAKESTAND, 1)),
            ),
        ),
    ),
)  # fmt: skip

CATEGORY = Role(
    play="category-interest",
    by_day=1,
    meets=(
        Member(
            name="category-irmak",
            called=("Irmak", "Şen"),
            of="tr",
            acts=(viewed("-2d 19:00", TINS), viewed("mon 13:00", CAKESTAND), viewed("mon 13:05", TEACUP)),
        ),
        Member(  # has had an offer with her first order, so she is shown a choice instead
            name="category-nina",
            called=("Nina", "Marsh"),
            of="en",
            acts=(
                ordered("mon 09:12", "1", (BUNTING, 1)),
                viewed("tue 13:00", BAG),
                viewed("tue 13:02", LUNCH_BAG),
                viewed("tue 13:04", "22383"),
            ),
        ),
    ),
    spared=(
        Member(  # bought of the category in between
            name="category-maya",
            called=("Maya", "Fox"),
            of="en",
            acts=(
                viewed("-2d 18:00", TINS),
                viewed("mon 13:10", CAKESTAND),
                ordered("mon 13:15", "1", (CAKESTAND, 1)),
                viewed("mon 13:25", TEACUP),
            ),
        ),
    ),
)

ROLES = (WELCOME, ACTIVATION, CART, CHECKOUT, BROWSE, PRICE_PAGE, CATEGORY)
