"""Events in, decisions and e-mail requests out. `app.py` is the path; `core/` is pure; `adapters/` do the I/O."""
