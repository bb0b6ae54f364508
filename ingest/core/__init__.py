"""Pure decisions of ingest: no I/O, no clock."""
