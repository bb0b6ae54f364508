"""The cast of the plays about days and dates: birthdays, holidays, contracts, points, guides to download."""

from services.demo.cast import Member, Role, act, ordered

CAKESTAND, TINS = "22423", "22720"
GUIDE = {
    "topic": "süfrə",
    "title": "Gözəl süfrə: bələdçi",
    "url": "https://shop.example/guides/table-setting",
}
PLAN = {"plan": "Candle club", "price": 9.5, "currency": "GBP"}

CONTENT = Role(
    play="useful-content-series",
    by_day=1,
    meets=(
        Member(
            name="content-rashad",
            called=("Rəşad", "Məmmədov"),
            of="az",
            acts=(act("mon 10:55", "content_downloaded", **GUIDE),),
        ),
    ),
    spared=(
        Member(
            name="content-lily",
            called=("Lily", "Ward"),
            of="en",
            consent=False,
            acts=(act("mon 11:15", "content_downloaded", **GUIDE),),
        ),
    ),
)

BIRTHDAY = Role(
    play="birthday",
    by_day=1,
    meets=(
        Member(  # at nine in the morning in Istanbul, seven by the shop's clock
            name="birthday-umut",
            called=("Umut", "Güneş"),
            of="tr",
            traits={"birthday": "1985-03-14"},
            acts=(ordered("-20d 12:00", "1", (CAKESTAND, 1)),),
        ),
        Member(
            name="birthday-sophie",
            called=("Sophie", "Dean"),
            of="en",
            traits={"birthday": "1990-03-15"},
            acts=(act("-10d 12:00", "page_viewed", name="Home", category="home"),),
        ),
    ),
    spared=(
        Member(
            name="birthday-vusal",
            called=("Vüsal", "Cəfərov"),
            of="az",
            traits={"birthday": "1979-09-14"},
            acts=(ordered("-20d 12:00", "1", (CAKESTAND, 1)),),
        ),
    ),
)

ANNIVERSARY = Role(
    play="anniversary",
    by_day=2,
    meets=(
        Member(  # a customer for a year
            name="anniversary-pinar",
            called=("Pınar", "Eren"),
            of="tr",
            acts=(ordered("-364d 12:00", "1", (TINS, 1)), ordered("-30d 12:00", "2", (CAKESTAND, 1))),
        ),
    ),
    spared=(
        Member(
            name="anniversary-ella",
            called=("Ella", "Boyd"),
            of="en",
            acts=(ordered("-200d 12:00", "1", (TINS, 1)), ordered("-30d 12:00", "2", (CAKESTAND, 1))),
        ),
    ),
)

HOLIDAY = Role(
    play="holiday",
    by_day=7,
    meets=(
        Member(
            name="holiday-elchin",
            called=("Elçin", "Həsənov"),
            of="az",
            acts=(ordered("-40d 12:00", "1", (TINS, 1)),),
        ),
    ),
    spared=(
        Member(
            name="holiday-arthur",
            called=("Arthur", "Nash"),
            of="en",
            acts=(ordered("-40d 12:00", "1", (TINS, 1)),),
        ),
    ),
)

RENEWAL = Role(
    play="subscription-renewal",
    by_day=1,
    meets=(
        Member(
            name="renewal-ilaha",
            called=("İlahə", "Mustafayeva"),
            of="az",
            traits={"renews_at": "2011-03-21", **PLAN},
            acts=(act("-340d 12:00", "subscription_started", **PLAN),),
        ),
    ),
    spared=(
        Member(  # gave notice
            name="renewal-charlie",
            called=("Charlie", "Hunt"),
            of="en",
            traits={"renews_at": "2011-03-22", **PLAN},
            acts=(
                act("-340d 12:00", "subscription_started", **PLAN),
                act("mon 11:35", "profile_updated", renews_at=None),
                act("mon 11:36", "subscription_cancelled", **PLAN),
            ),
        ),
    ),
)

POINTS = Role(
    play="loyalty-points",
    by_day=1,
    meets=(
        Member(
            name="points-hakan",
            called=("Hakan", "Öz"),
            of="tr",
            acts=(
                act("mon 11:40", "loyalty_level_reached", points=1000, level="Gold"),
                act("wed 11:40", "loyalty_level_reached", points=2000, level="Platinum"),  # monthly at most
            ),
        ),
        Member(
            name="points-daisy",
            called=("Daisy", "Pope"),
            of="en",
            acts=(act("mon 11:45", "loyalty_points_expiring", points=120, expires_at="2011-03-31"),),
        ),
    ),
    spared=(
        Member(
            name="points-aytac",
            called=("Aytac", "Salmanova"),
            of="az",
            acts=(act("mon 11:55", "loyalty_points_earned", points=40),),
        ),
    ),
)

ROLES = (CONTENT, BIRTHDAY, ANNIVERSARY, HOLIDAY, RENEWAL, POINTS)
