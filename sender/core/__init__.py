"""The sender's decisions, pure: bytes and values in, bytes and values out; no I/O, no clock, no random."""
