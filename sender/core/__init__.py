"""Pure decisions of the sender: no I/O, no clock."""
