"""The contracts: all that crosses a process, and nothing else.

The pydantic models (`event.py`, `decision.py`, ...) are the source of truth; `records.py` holds the
msgspec twins that hot paths decode; `topics.toml` says which topic carries what; `catalogue.py` names them
all. This package imports no stage, does no I/O and reads no clock; only `export.py`, the tool that derives
the JSON Schemas, the AsyncAPI document and the tables of `docs/contracts.md`, touches files.
"""
