"""The trigger files that ship. Each is described in `docs/triggers/` and played in the tests."""
