"""`tetik demo`: one week of real orders and simulated shoppers through the running system, and checked.

retail + shoppers -> script -> driver (clock, sending) -> reading -> check against expected -> report
"""
