"""The engine itself: pure functions over rules, state and inputs; no I/O, no clock."""
