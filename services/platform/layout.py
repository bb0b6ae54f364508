"""What each component is: image, command, environment, ports, order. The one place that says so.

`tetik up` runs it with a `Place` on loopback; `docker-compose.yml` is the same with the place `COMPOSE`, and
tests/contract/test_compose.py compares the two, so that they cannot drift.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.platform.kafka import NODE_SETTINGS
from services.platform.kafka_artifacts import KAFKA_VERSION
from services.platform.ports import Ports
from services.platform.redis import DURABILITY

OUR_IMAGE = "tetik:local"
KAFKA_INTERNAL = "kafka:19092"
MAIL_FROM = "Tetik <shop@tetik.example>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where things are, as the services see them, and what they are told."""

    kafka: str
    redis: str
    smtp: str
    listen: str
    public_url: str
    mail_folder: str
    write_keys: str
    secret: str
    ports: Ports
    clock: str = "system"
    mail_from: str = MAIL_FROM


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """`command` follows `python` for our own components. `ports` are those people or other machines use;
    `after` names what must be ready (a one-shot: done) before this starts."""

    name: str
    image: str = OUR_IMAGE
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[int, ...] = ()
    after: tuple[str, ...] = ()
    health_path: str | None = None
    health_port: int | None = None
    once: bool = False


COMPOSE = Place(
    kafka=KAFKA_INTERNAL,
    redis="redis://redis:6379/0",
    smtp="catcher:2525",
    listen="0.0.0.0",  # noqa: S104 - inside a container; the published port is on loopback
    public_url="http://localhost:8082",
    mail_folder="/data/mail",
    write_keys="${TETIK_WRITE_KEYS}",
    secret="${TETIK_SECRET}",  # noqa: S106 - the name of a variable
    ports=Ports(),
)


def own_components(place: Place) -> tuple[Component, ...]:
    """The mail catcher and our services, in the order of their start."""
    return (
        _catcher(place),
        _topics(place),
        _rules(place),
        _ingest(place),
        _engine(place),
        _sender(place),
    )


def peer_components() -> tuple[Component, ...]:
    """Kafka and Redis as images. On one machine they are `kafka.kafka_specs` and `redis.redis_spec`, which
    share NODE_SETTINGS and DURABILITY with these."""
    return (_kafka_image(), _redis_image())


def _kafka_image() -> Component:
    ports = COMPOSE.ports
    settings = {
        **NODE_SETTINGS,
        "listeners": f"PLAINTEXT://:19092,HOST://:{ports.kafka},CONTROLLER://:{ports.kafka_controller}",
        "advertised.listeners": f"PLAINTEXT://{KAFKA_INTERNAL},HOST://localhost:{ports.kafka}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,HOST:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.quorum.voters": f"1@localhost:{ports.kafka_controller}",
        "log.dirs": "/var/lib/kafka/data",
    }
    environment = {f"KAFKA_{key.upper().replace('.', '_')}": value for key, value in settings.items()}
    return Component(
        name="kafka", image=f"apache/kafka:{KAFKA_VERSION}", environment=environment, ports=(ports.kafka,)
    )


def _redis_image() -> Component:
    return Component(
        name="redis",
        image="redis:7-alpine",
        command=("redis-server", *DURABILITY),
        ports=(COMPOSE.ports.redis,),
    )


def _catcher(place: Place) -> Component:
    smtp, mail = str(place.ports.smtp), str(place.ports.mail)
    listen = ("--host", place.listen, "--smtp-port", smtp, "--http-port", mail)
    return Component(
        name="catcher",
        command=("-m", "services.catcher", *listen, "--data", place.mail_folder),
        ports=(place.ports.smtp, place.ports.mail),
        health_path="/healthz",
        health_port=place.ports.mail,
    )


def _topics(place: Place) -> Component:
    return Component(
        name="topics",
        command=("-m", "services.cli", "topics", "create"),
        environment={"TETIK_KAFKA": place.kafka},
        after=("kafka",),
        once=True,
    )


def _rules(place: Place) -> Component:
    """The shipped triggers, unless rules were published here before: somebody's own are left alone."""
    return Component(
        name="rules",
        command=("-m", "services.cli", "triggers", "publish", "--if-empty"),
        environment={"TETIK_KAFKA": place.kafka, "TETIK_CLOCK": place.clock},
        after=("topics",),
        once=True,
    )


def _ingest(place: Place) -> Component:
    return Component(
        name="ingest",
        command=("-m", "services.cli", "ingest"),
        environment={
            "TETIK_KAFKA": place.kafka,
            "TETIK_INGEST_HOST": place.listen,
            "TETIK_INGEST_PORT": str(place.ports.ingest),
            "TETIK_WRITE_KEYS": place.write_keys,
            "TETIK_CLOCK": place.clock,
        },
        ports=(place.ports.ingest,),
        after=("rules",),
        health_path="/readyz",
        health_port=place.ports.ingest,
    )


def _engine(place: Place) -> Component:
    return Component(
        name="engine",
        command=("-m", "services.cli", "engine"),
        environment={
            "TETIK_KAFKA": place.kafka,
            "TETIK_HTTP_HOST": place.listen,
            "TETIK_ENGINE_HTTP_PORT": str(place.ports.engine),
            "TETIK_CLOCK": place.clock,
        },
        ports=(place.ports.engine,),
        after=("rules",),
        health_path="/readyz",
        health_port=place.ports.engine,
    )


def _sender(place: Place) -> Component:
    return Component(
        name="sender",
        command=("-m", "services.cli", "sender"),
        environment={
            "TETIK_KAFKA": place.kafka,
            "TETIK_REDIS": place.redis,
            "TETIK_SMTP": place.smtp,
            "TETIK_HTTP_HOST": place.listen,
            "TETIK_SENDER_HTTP_PORT": str(place.ports.sender),
            "TETIK_PUBLIC_URL": place.public_url,
            "TETIK_SECRET": place.secret,
            "TETIK_MAIL_FROM": place.mail_from,
            "TETIK_CLOCK": place.clock,
        },
        ports=(place.ports.sender,),
        after=("rules", "redis", "catcher"),
        health_path="/readyz",
        health_port=place.ports.sender,
    )
