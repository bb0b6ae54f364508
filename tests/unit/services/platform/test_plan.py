"""From a wish to the processes and what they are told."""

import os
import socket
from pathlib import Path

import pytest

from services.platform.data_directory import local_secret, locked
from services.platform.errors import DataDirectoryBusy, PortTaken
from services.platform.plan import Plan, Wish, plan
from services.platform.ports import Ports, flag, listener, require_distinct, require_free
from services.platform.process import ProcessSpec
from services.settings import EngineProcess, IngestProcess, ProcessSettings, SenderProcess, load_settings

EXTERNAL = {"TETIK_KAFKA": "k.example:9092", "TETIK_REDIS": "redis://r.example:6379/0"}


def planned(tmp_path: Path, broker: str = "auto", environment: dict[str, str] | None = None) -> Plan:
    wish = Wish(
        data=tmp_path, secret="s3cret-of-the-test", environment=environment or {}, broker=broker,
        ports=Ports(ingest=18080, smtp=12525), write_keys="one,two", clock="topic", extra={"EXTRA": "yes"},
    )  # fmt: skip
    return plan(wish)


def spec(of: Plan, name: str) -> ProcessSpec:
    (found,) = [each for each in of.specs if each.name == name]
    return found


def test_peers_first_then_topics_then_services(tmp_path: Path) -> None:
    made = planned(tmp_path, "memory")
    names = [each.name for each in made.specs]
    assert names == ["memory-broker", "redis", "catcher", "topics", "rules", "ingest", "engine", "sender"]
    assert made.ports_needed == ("kafka", "redis", "smtp", "mail", "ingest", "engine", "sender")
    assert not list(tmp_path.iterdir()), "planning changes nothing"


def test_peers_elsewhere_are_neither_started_nor_need_ports(tmp_path: Path) -> None:
    made = planned(tmp_path, environment=EXTERNAL)
    assert [each.name for each in made.specs] == ["catcher", "topics", "rules", "ingest", "engine", "sender"]
    assert made.ports_needed == ("smtp", "mail", "ingest", "engine", "sender")
    assert spec(made, "engine").environment["TETIK_KAFKA"] == "k.example:9092"
    assert spec(made, "sender").environment["TETIK_REDIS"] == "redis://r.example:6379/0"


def test_what_the_services_are_told(tmp_path: Path) -> None:
    made = planned(tmp_path, environment=EXTERNAL)
    ingest, sender = spec(made, "ingest").environment, spec(made, "sender").environment
    assert ingest["TETIK_INGEST_HOST"] == "127.0.0.1"
    assert ingest["TETIK_INGEST_PORT"] == "18080"
    assert ingest["TETIK_WRITE_KEYS"] == "one,two"
    assert sender["TETIK_SMTP"] == "127.0.0.1:12525"
    assert sender["TETIK_SECRET"] == "s3cret-of-the-test"
    assert sender["TETIK_PUBLIC_URL"] == "http://localhost:8082"
    assert {
        spec(made, name).environment["TETIK_CLOCK"] for name in ("rules", "ingest", "engine", "sender")
    } == {"topic"}
    assert all(each.environment.get("EXTRA") == "yes" for each in made.specs)
    assert "TETIK_SECRET" not in ingest, "a service is told what it needs"


def test_one_shots_end_and_servers_have_a_probe(tmp_path: Path) -> None:
    made = planned(tmp_path, "memory")
    assert [each.name for each in made.specs if each.once] == ["topics", "rules"]
    assert all(each.ready is not None for each in made.specs if not each.once)


def test_the_same_port_twice_is_refused() -> None:
    with pytest.raises(
        PortTaken, match=r"Port 8025 is given to both mail and ingest: change one with --ingest-port"
    ):
        require_distinct(Ports(ingest=8025))


def test_a_taken_port_names_its_user() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listener(port) is not None
        with pytest.raises(
            PortTaken, match=rf"Port {port} \(kafka_controller\) is taken by .* --kafka-controller-port N"
        ):
            require_free(Ports(kafka_controller=port), ["kafka_controller"])
        require_free(Ports(kafka_controller=port), [])
    assert listener(port) is None
    assert flag("kafka_controller") == "--kafka-controller-port"


def test_the_data_directory_is_held_by_one(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with (
        locked(data),
        pytest.raises(DataDirectoryBusy, match="choose another directory with --data"),
        locked(data),
    ):
        pass
    with locked(data):
        pass


def test_the_secret_is_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    secret = local_secret(tmp_path / "data")
    assert len(secret) == 64
    assert local_secret(tmp_path / "data") == secret
    assert (tmp_path / "data" / "secret").stat().st_mode & 0o777 == 0o600
    assert local_secret(tmp_path / "other") != secret


@pytest.mark.parametrize(
    ("name", "kind"), [("ingest", IngestProcess), ("engine", EngineProcess), ("sender", SenderProcess)]
)
def test_each_service_understands_what_the_layout_tells_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: type[ProcessSettings]
) -> None:
    """A name that the layout misspells would be ignored, and the service would run on a default."""
    environment = spec(planned(tmp_path, environment=EXTERNAL), name).environment
    told = {key: value for key, value in environment.items() if key.startswith("TETIK_")}
    for key in [key for key in os.environ if key.startswith("TETIK_")]:
        monkeypatch.delenv(key)
    for key, value in told.items():
        monkeypatch.setenv(key, value)
    settings = load_settings(kind)
    assert {key: str(getattr(settings, key.removeprefix("TETIK_").lower())) for key in told} == told
