"""The cast of the plays about orders: what is said of each, the question afterwards, and the next order."""

from services.demo.cast import Member, Role, act, answered, ordered, parcel

CAKESTAND, TINS, TEACUP, BAG, CLOCK, NAPKINS = "22423", "22720", "22699", "85099B", "22726", "21080"
CANDLES, HOLDER, JELLY, DOORMAT = "22969", "85123A", "22993", "48138"
TRACKING = {"carrier": "Royal Mail", "delivery_estimate": "2011-03-16"}

CONFIRMATION = Role(
    play="order-confirmation",
    by_day=1,
    meets=(
        Member(  # her first order, and she wants our mails: something for the next
            name="order-esra",
            called=("Esra", "Güler"),
            of="tr",
            acts=(ordered("mon 09:10", "1", (TINS, 1), (TEACUP, 4)),),
        ),
        Member(  # the shop reports it twice, which is one order
            name="order-kamran",
            called=("Kamran", "Rzayev"),
            of="az",
            consent=False,
            acts=(ordered("mon 09:15", "1", (CLOCK, 2)), ordered("mon 09:16", "1", (CLOCK, 2))),
        ),
    ),
    spared=(
        Member(  # nothing was ordered yet
            name="order-poppy",
            called=("Poppy", "Lane"),
            of="en",
            acts=(act("mon 09:18", "order_updated", order="1", note="asks for an invoice"),),
        ),
    ),
)

SHIPPED = Role(
    play="order-shipped",
    by_day=1,
    meets=(
        Member(
            name="shipped-kerem",
            called=("Kerem", "Uçar"),
            of="tr",
            consent=False,  # about her order: it needs none
            acts=(
                ordered("-2d 12:00", "1", (CAKESTAND, 1)),
                parcel(
                    "mon 09:25", "order_shipped", "1", (CAKESTAND, 1),
                    tracking_number="RM390512478GB", tracking_url="https://track.example/RM390512478GB",
                    **TRACKING,
                ),
            ),
        ),
    ),
    spared=(
        Member(  # known from before the week: history starts nothing
            name="shipped-fidan",
            called=("Fidan", "Vəliyeva"),
            of="az",
            acts=(
                ordered("-4d 12:00", "1", (CAKESTAND, 1)),
                parcel("-3d 12:00", "order_shipped", "1", (CAKESTAND, 1), tracking_number="RM1", **TRACKING),
            ),
        ),
    ),
)  # fmt: skip

DELIVERED = Role(
    play="order-delivered",
    by_day=1,
    meets=(
        Member(
            name="delivered-gunel",
            called=("Günel", "Quliyeva"),
            of="az",
            acts=(
                ordered("-4d 10:00", "1", (TEACUP, 6)),
                parcel("mon 09:35", "order_delivered", "1", (TEACUP, 6), tracking_number="RM390512479GB"),
            ),
        ),
    ),
    spared=(
        Member(  # under way
            name="delivered-lewis",
            called=("Lewis", "Grant"),
            of="en",
            acts=(
                ordered("-1d 12:00", "1", (TEACUP, 6)),
                parcel("mon 09:45", "order_shipped", "1", (TEACUP, 6), tracking_number="RM3", **TRACKING),
            ),
        ),
    ),
)

FEEDBACK = Role(
    play="post-purchase-feedback",
    by_day=4,
    meets=(
        Member(  # and a bad mark is answered at once
            name="feedback-emily",
            called=("Emily", "Clarke"),
            of="en",
            acts=(
                ordered("-3d 10:00", "1", (BAG, 5)),
                parcel("mon 09:50", "order_delivered", "1", (BAG, 5), tracking_number="RM4"),
                answered("thu 12:00", "feedback", "1"),
            ),
        ),
        Member(
            name="feedback-deniz",
            called=("Deniz", "Kurt"),
            of="tr",
            acts=(
                ordered("-3d 11:00", "1", (BAG, 2)),
                parcel("mon 09:55", "order_delivered", "1", (BAG, 2), tracking_number="RM5"),
                answered("thu 13:00", "feedback", "5"),
            ),
        ),
    ),
    spared=(
        Member(  # sent it back
            name="feedback-samir",
            called=("Samir", "İsmayılov"),
            of="az",
            acts=(
                ordered("-3d 12:00", "1", (BAG, 1)),
                parcel("mon 10:05", "order_delivered", "1", (BAG, 1), tracking_number="RM6"),
                parcel("wed 10:00", "order_refunded", "1", (BAG, 1)),
            ),
        ),
    ),
)

COMPLAINT = Role(
    play="complaint-recovery",
    by_day=1,
    meets=(
        Member(  # marketing is silent for her until it is resolved
            name="complaint-aylin",
            called=("Aylin", "Demir"),
            of="tr",
            acts=(
                ordered("-6d 12:00", "1", (CLOCK, 1)),
                act("mon 10:15", "complaint_received", order="1", complaint_id="C-1041"),
                act("mon 10:30", "product_added", (CLOCK, 1)),
                act("wed 10:00", "complaint_resolved", complaint_id="C-1041"),
            ),
        ),
        Member(
            name="complaint-thomas",
            called=("Thomas", "Reed"),
            of="en",
            acts=(
                ordered("-6d 13:00", "1", (CAKESTAND, 1)),
                act("mon 10:25", "complaint_received", order="1", complaint_id="C-1042", compensate=True),
            ),
        ),
    ),
    spared=(
        Member(  # is content
            name="complaint-rena",
            called=("Rəna", "Əsgərova"),
            of="az",
            acts=(ordered("-6d 14:00", "1", (CAKESTAND, 1)), answered("mon 10:35", "feedback", "4")),
        ),
    ),
)

CROSS_SELL = Role(
    play="cross-sell-series",
    by_day=6,
    meets=(
        Member(
            name="crosssell-onur",
            called=("Onur", "Aydın"),
            of="tr",
            acts=(ordered("-90d 12:00", "1", (TINS, 1)), ordered("mon 10:45", "2", (CAKESTAND, 1))),
        ),
        Member(
            name="crosssell-grace",
            called=("Grace", "Bell"),
            of="en",
            acts=(ordered("-80d 12:00", "1", (BAG, 1)), ordered("mon 10:50", "2", (HOLDER, 3))),
        ),
    ),
    spared=(
        Member(  # buys of the same category again by herself; what goes with that is next week's
            name="crosssell-tofiq",
            called=("Tofiq", "Zeynalov"),
            of="az",
            acts=(ordered("mon 10:52", "1", (HOLDER, 2)), ordered("thu 10:52", "2", (CANDLES, 6))),
        ),
    ),
)

REPLENISHMENT = Role(
    play="replenishment",
    by_day=1,
    meets=(
        Member(  # every thirty days, by her own orders
            name="refill-nigar",
            called=("Nigar", "Babayeva"),
            of="az",
            acts=(
                ordered("-90d 12:00", "1", (NAPKINS, 4)),
                ordered("-60d 12:00", "2", (NAPKINS, 4)),
                ordered("-30d 12:00", "3", (NAPKINS, 4)),
            ),
        ),
    ),
    spared=(
        Member(  # has bought again
            name="refill-henry",
            called=("Henry", "Cole"),
            of="en",
            acts=(
                ordered("-60d 12:00", "1", (CANDLES, 4)),
                ordered("-3d 12:00", "2", (CANDLES, 4)),
            ),
        ),
    ),
)

ROLES = (CONFIRMATION, SHIPPED, DELIVERED, FEEDBACK, COMPLAINT, CROSS_SELL, REPLENISHMENT)
