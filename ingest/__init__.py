"""HTTP in, events on the log out. `app.py` is the path; `core/` is pure; `adapters/` do the I/O."""
