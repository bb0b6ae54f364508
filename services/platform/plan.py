"""From what was asked to what will run: a look at the machine that changes nothing on it.

wish ──plan()──► Plan(broker, redis, specs in order) ──runner.run()──► running processes
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from services.platform.broker import Broker, BrokerKind, choose_broker
from services.platform.kafka import KafkaNode, kafka_specs
from services.platform.kafka_artifacts import cache_directory, find_java_tools
from services.platform.layout import MAIL_FROM, Component, Place, own_components
from services.platform.ports import Ports, require_distinct
from services.platform.probes import http_ready, kafka_ready
from services.platform.process import ProcessSpec
from services.platform.redis import RedisChoice, choose_redis, redis_spec

LOOPBACK = "127.0.0.1"
LOCAL_WRITE_KEY = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What `tetik up` was asked for. `environment` is this process's own (TETIK_KAFKA, TETIK_REDIS, PATH …);
    `extra` is handed to every component of ours on top of the layout."""

    data: Path
    secret: str
    environment: Mapping[str, str]
    ports: Ports = field(default_factory=Ports)
    broker: str = "auto"
    write_keys: str = LOCAL_WRITE_KEY
    clock: str = "system"
    mail_from: str = MAIL_FROM
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`specs` start in this order. `ports_needed` are fields of `Ports` that must be free."""

    data: Path
    ports: Ports
    broker: Broker
    redis: RedisChoice
    place: Place
    specs: tuple[ProcessSpec, ...]
    ports_needed: tuple[str, ...]

    @property
    def mail_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.mail}"

    @property
    def ingest_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.ingest}"


def plan(wish: Wish) -> Plan:
    """Raises a PlatformError when something that was asked for cannot be had here."""
    require_distinct(wish.ports)
    data, ports = wish.data.absolute(), wish.ports
    broker = choose_broker(wish.broker, wish.environment, ports.kafka, find_java_tools)
    redis = choose_redis(wish.environment, ports.redis)
    place = Place(
        kafka=broker.bootstrap,
        redis=redis.url,
        smtp=f"{LOOPBACK}:{ports.smtp}",
        listen=LOOPBACK,
        public_url=f"http://localhost:{ports.sender}",
        mail_folder=str(data / "mail"),
        write_keys=wish.write_keys,
        secret=wish.secret,
        ports=ports,
        clock=wish.clock,
        mail_from=wish.mail_from,
    )
    specs = _broker_specs(broker, data, ports, wish.environment)
    if redis.executable is not None:
        specs.append(redis_spec(redis, data, ports.redis))
    specs += [
        component_spec(each, {**_only_here(each, broker), **wish.extra}) for each in own_components(place)
    ]
    return Plan(
        data=data, ports=ports, broker=broker, redis=redis, place=place, specs=tuple(specs),
        ports_needed=_ports_needed(broker, redis),
    )  # fmt: skip


def _only_here(component: Component, broker: Broker) -> dict[str, str]:
    """What holds for one machine and not for the image."""
    settings: dict[str, str] = {}
    if component.name == "engine":
        # The only one here: with a name of its own it goes on at once after a crash.
        settings["TETIK_ENGINE_INSTANCE"] = "engine-0"
    if broker.kind is BrokerKind.MEMORY:
        # This broker writes transaction markers without a valid checksum.
        settings["TETIK_CHECK_CRCS"] = "false"
    return settings


def component_spec(component: Component, extra: Mapping[str, str]) -> ProcessSpec:
    """One of our own components as a child process of this interpreter."""
    ready = None
    if component.health_path is not None:
        ready = http_ready(f"http://{LOOPBACK}:{component.health_port}{component.health_path}")
    return ProcessSpec(
        name=component.name,
        command=(sys.executable, *component.command),
        environment={"PYTHONUNBUFFERED": "1", **component.environment, **extra},
        ready=ready,
        once=component.once,
    )


def _broker_specs(
    broker: Broker, data: Path, ports: Ports, environment: Mapping[str, str]
) -> list[ProcessSpec]:
    if broker.kind is BrokerKind.MEMORY:
        command = (sys.executable, "-m", "services.platform.memory_broker", "--port", str(ports.kafka))
        # Restarted, it would be empty beneath the services; better that it is seen to be gone.
        ready = kafka_ready(broker.bootstrap)
        return [ProcessSpec(name="memory-broker", command=command, ready=ready, restart=False)]
    if broker.kind is BrokerKind.KAFKA and broker.java is not None:
        cache = cache_directory(environment)
        node = KafkaNode(broker.java, cache / "lib", data / "kafka", ports.kafka, ports.kafka_controller)
        return kafka_specs(node, cache)
    return []


def _ports_needed(broker: Broker, redis: RedisChoice) -> tuple[str, ...]:
    kafka = {BrokerKind.KAFKA: ("kafka", "kafka_controller"), BrokerKind.MEMORY: ("kafka",)}
    own_redis = ("redis",) if redis.executable is not None else ()
    return (*kafka.get(broker.kind, ()), *own_redis, "smtp", "mail", "ingest", "engine", "sender")
