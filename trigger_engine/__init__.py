"""Events in, decisions and mail requests out: `app.py` is the path, `core/` is pure, `adapters/` do I/O."""
