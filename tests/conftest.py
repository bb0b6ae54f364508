"""Fixtures shared by all tests."""

import os

# A test's broker lives for seconds: what the JVM's second compiler costs never comes back. For a fresh one and
# its engine that is 9 seconds of CPU instead of 14.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")

pytest_plugins = ["tests.fixtures.platform", "tests.fixtures.engine"]
