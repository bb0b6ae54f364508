"""E-mail requests in, SMTP out. `app.py` is the path; `core/` is pure; `adapters/` do the I/O."""
