"""`tetik demo`: one week of real orders and simulated shoppers through the running system, and checked.

retail + shoppers -> script -> driver (clock, sending) -> reading -> check -> report
                     script -> reference (what must come of it) -> check
"""
