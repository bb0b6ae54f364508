"""Which broker: the choice behind `--broker auto|kafka|memory|host:port`.

An explicit choice is obeyed or refused, never replaced. `auto` takes TETIK_KAFKA, else a real Kafka where
this machine can run one, else the broker in memory, and says why.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.platform.errors import BrokerUnavailable
from services.platform.kafka_artifacts import KAFKA_VERSION, POM, JavaTools, cache_directory, jars_cached
from services.platform.probes import split_address

LOOPBACK = "127.0.0.1"
IN_MEMORY = "in memory, gone when it stops, for a look around only"


FindTools = Callable[[Mapping[str, str]], JavaTools]


class BrokerKind(StrEnum):
    EXTERNAL = "external"
    KAFKA = "kafka"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Broker:
    """`reason` is for the screen; `java` and `maven` are paths for a real Kafka of ours."""

    kind: BrokerKind
    bootstrap: str
    reason: str
    java: str | None = None
    maven: str | None = None


def choose_broker(
    choice: str,
    environment: Mapping[str, str],
    port: int,
    find_tools: Callable[[Mapping[str, str]], JavaTools],
) -> Broker:
    """`port` is where one of ours would listen. Raises BrokerUnavailable for a choice that cannot be had."""
    here = f"{LOOPBACK}:{port}"
    named = environment.get("TETIK_KAFKA", "").strip()
    if choice == "auto" and named:
        return Broker(BrokerKind.EXTERNAL, _addresses(named, "TETIK_KAFKA"), "TETIK_KAFKA")
    if choice == "memory":
        return Broker(BrokerKind.MEMORY, here, f"as chosen: {IN_MEMORY}")
    if choice not in ("auto", "kafka"):
        return Broker(BrokerKind.EXTERNAL, _addresses(choice, "--broker"), "as chosen")
    tools = find_tools(environment)
    missing = _missing(tools, environment)
    if not missing:
        return Broker(BrokerKind.KAFKA, here, f"Apache Kafka {KAFKA_VERSION}", tools.java, tools.maven)
    if choice == "kafka":
        raise BrokerUnavailable(
            f"A real Kafka cannot run here: {missing}. Install Java 17 or newer and Maven, "
            "or choose --broker memory."
        )
    return Broker(BrokerKind.MEMORY, here, f"{missing}, so the broker is {IN_MEMORY}")


def _missing(tools: JavaTools, environment: Mapping[str, str]) -> str:
    """What keeps a real Kafka from running, or nothing. Jars fetched before make Maven needless."""
    if tools.java is None:
        return tools.problem
    if not POM.is_file():
        return "the list of Kafka's artifacts (deploy/kafka/pom.xml) is not beside this installation"
    if tools.maven is None and not jars_cached(cache_directory(environment)):
        return tools.problem
    return ""


def _addresses(text: str, origin: str) -> str:
    try:
        parts = [split_address(each.strip()) for each in text.split(",")]
    except ValueError as error:
        raise BrokerUnavailable(
            f"{origin}: {error}. Give auto, kafka, memory, or an address such as {LOOPBACK}:9092."
        ) from None
    return ",".join(f"{host}:{port}" for host, port in parts)
