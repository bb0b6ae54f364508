"""What a shop under chaos decides by: every pattern that fires in seconds, on waits short enough for a run.

All runs end, and every wake-up leaves a decision, so that the log tells what was handed in, and when.
"""

from schemas.rule_set import RuleSet
from tests.fixtures.engine_cases import rules_from

CONFIRMATION = """
id: order-confirmation
status: live
kind: transactional
when: {event: order_completed}
once_per: event.properties.order_id
steps: [{mail: order-confirmation}]
"""
CART = """
id: cart-abandoned
status: live
kind: marketing
priority: 80
when: {event: [product_added, cart_updated], where: cart.value > 0.0}
wait: 3s
unless: [order_completed, cart_emptied]
once_per: cart.id
cooldown: 8s
steps: [{mail: cart-reminder}, {wait: 4s}, {mail: cart-questions}]
exit: [order_completed, cart_emptied]
"""
KEEN = """
id: keen
status: live
kind: marketing
when: {count: product_viewed, per: event.properties.product_id, within: 20s, at_least: 3}
wait: 2s
unless: order_completed
cooldown: 5s
steps: [{mail: keen}]
"""
WELCOME = """
id: welcome
status: live
kind: marketing
when: {event: signed_up}
steps:
  - mail: welcome
  - wait: 2s
  - choose:
      - if: orders.count > 0
        mail: welcome-back
      - mail: welcome-tips
  - wait: 3s
  - mail: welcome-last
exit: unsubscribed
"""
AWAY = """
id: away
status: live
kind: marketing
when: {inactive: 6s, after: signed_up}
wait: 1s
exit: order_completed
steps: [{mail: come-back}]
"""
POLICY = {"caps": [{"at_most": 4, "within": "10s"}]}
LONGEST_MS = 20_000
"""After so long without an event nobody has anything due any more."""


def shop_rules() -> RuleSet:
    """An event, an absence with a series, a threshold, a series with branches and an inactivity, under a cap
    and cooldowns."""
    return rules_from(CONFIRMATION, CART, KEEN, WELCOME, AWAY, policy=POLICY)
