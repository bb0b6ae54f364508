"""Fixtures shared by all tests."""

pytest_plugins = ["tests.fixtures.platform", "tests.fixtures.engine"]
