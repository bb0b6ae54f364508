"""deploy/settings/*.env and what a process does with settings that are missing or wrong."""

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.sender import sender_settings_of
from services.settings import EngineProcess, IngestProcess, ProcessSettings, SenderProcess, load_settings

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "settings"
KINDS: dict[str, type[ProcessSettings]] = {
    "ingest": IngestProcess,
    "engine": EngineProcess,
    "sender": SenderProcess,
}
EVERY_PROCESS = pytest.mark.parametrize("process", KINDS)

SHARED = {
    "kafka": "kafka.example:9092",
    "clock": "system",
    "partitions": 4,
    "replication": 1,
    "check_crcs": True,
    "log_level": "INFO",
}
INGEST = SHARED | {
    "ingest_host": "127.0.0.1",
    "ingest_port": 8080,
    "write_keys": "shop=replace-this-key",
}
ENGINE = SHARED | {
    "http_host": "127.0.0.1",
    "engine_http_port": 8081,
    "rejected_max": 100,
    "session_timeout_s": 20.0,
    "snapshot_every_s": 3600.0,
    "state_store": "memory",
    "state_dir": None,
    "standby": False,
    "engine_instance": None,
}
SENDER = SHARED | {
    "redis": "redis://redis.example:6379/0",
    "smtp": "relay.example:587",
    "mail_from": "Example Shop <shop@shop.example>",
    "public_url": "https://mail.shop.example",
    "secret": "replace-with-openssl-rand-hex-32",
    "http_host": "127.0.0.1",
    "sender_http_port": 8082,
    "sender_instance": "sender-0",
    "smtp_user": None,
    "smtp_password": None,
    "smtp_tls": "opportunistic",
    "brand": "Tetik Demo Shop",
    "shop_url": None,
    "survey_url": None,
    "utm_source": "tetik",
    "on_ambiguous": "skip",
}
EXPECTED = {"ingest": INGEST, "engine": ENGINE, "sender": SENDER}
OPTIONAL = {
    "TETIK_SMTP_USER": "tetik",
    "TETIK_SMTP_PASSWORD": "replace-this-password",
    "TETIK_ENGINE_INSTANCE": "engine-0",
    "TETIK_STATE_DIR": "/var/lib/tetik/state",
    "TETIK_SHOP_URL": "https://shop.example",
    "TETIK_SURVEY_URL": "https://shop.example/answers",
}


@dataclass(frozen=True)
class Setting:
    """One line NAME=value of a file; `given` is false where it is commented out."""

    name: str
    value: str
    given: bool
    processes: frozenset[str]
    comment: str = field(compare=False)


def settings_in(file: str) -> Iterator[Setting]:
    """The settings of a file, each with the processes named above it and the comment it belongs to."""
    processes: frozenset[str] = frozenset()
    comment = ""
    for line in (FOLDER / file).read_text("utf-8").splitlines():
        if match := re.fullmatch(r"(# )?(TETIK_[A-Z_]+)=(.*)", line):
            yield Setting(match[2], match[3], match[1] is None, processes, comment)
        elif match := re.fullmatch(r"# process: ([a-z ]+)", line):
            processes = frozenset(match[1].split())
        elif line.startswith("# "):
            comment += line[1:]
        else:
            assert line == "", f"neither comment nor setting: {line!r}"
            comment = ""


def of_process(file: str, process: str) -> list[Setting]:
    return [setting for setting in settings_in(file) if process in setting.processes]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TETIK_")]:
        monkeypatch.delenv(name)


def load(file: str, process: str, monkeypatch: pytest.MonkeyPatch) -> ProcessSettings:
    for setting in of_process(file, process):
        if setting.given:
            monkeypatch.setenv(setting.name, setting.value)
    return load_settings(KINDS[process])


@EVERY_PROCESS
@pytest.mark.parametrize("file", ["minimal.env", "reference.env"])
def test_both_files_say_the_same_to_a_process(
    file: str, process: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the reference holds the defaults, and the minimum is enough."""
    assert load(file, process, monkeypatch).model_dump() == EXPECTED[process]


@EVERY_PROCESS
def test_the_reference_names_every_setting_and_nothing_else(process: str) -> None:
    named = [setting.name for setting in of_process("reference.env", process)]
    assert sorted(named) == sorted(f"TETIK_{name.upper()}" for name in KINDS[process].model_fields)


@EVERY_PROCESS
def test_the_minimum_is_what_has_no_default(process: str) -> None:
    named = {setting.name for setting in of_process("minimal.env", process)}
    required = {
        f"TETIK_{name.upper()}" for name, each in KINDS[process].model_fields.items() if each.is_required()
    }
    assert named == required


@pytest.mark.parametrize("file", ["minimal.env", "reference.env"])
def test_each_setting_stands_once_under_known_processes(file: str) -> None:
    names = [setting.name for setting in settings_in(file)]
    assert len(names) == len(set(names))
    assert all(setting.processes and setting.processes <= set(KINDS) for setting in settings_in(file))


@pytest.mark.parametrize("setting", list(settings_in("reference.env")), ids=lambda setting: setting.name)
def test_each_setting_is_explained(setting: Setting) -> None:
    """The comment says whether it is required, else its default."""
    if not setting.given:
        assert (setting.name, setting.value) in OPTIONAL.items()
        assert "Absent by default" in setting.comment
        return
    fields = {
        name: each for process in setting.processes for name, each in KINDS[process].model_fields.items()
    }
    each = fields[setting.name.removeprefix("TETIK_").lower()]
    said = "Required" if each.is_required() else f"Default: {each.default}"
    assert said in setting.comment


def test_what_is_commented_out_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OPTIONAL.items():
        monkeypatch.setenv(name, value)
    settings = load("reference.env", "sender", monkeypatch)
    assert isinstance(settings, SenderProcess)
    assert (settings.smtp_user, settings.smtp_password) == ("tetik", "replace-this-password")


def test_the_sender_takes_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load("reference.env", "sender", monkeypatch)
    assert isinstance(settings, SenderProcess)
    stage = sender_settings_of(settings)
    assert (stage.smtp.host, stage.smtp.port, stage.smtp.tls) == ("relay.example", 587, "opportunistic")
    assert (stage.http_port, stage.instance, stage.brand) == (8082, "sender-0", "Tetik Demo Shop")


@EVERY_PROCESS
def test_settings_do_not_change(process: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load("minimal.env", process, monkeypatch)
    with pytest.raises(ValidationError, match="frozen"):
        settings.kafka = "other.example:9092"  # type: ignore[misc]  # that it cannot be set is the point


@EVERY_PROCESS
def test_a_process_without_settings_names_all_it_misses(process: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "services.cli", process],
        cwd=ROOT, env={}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    for name in (setting.name for setting in of_process("minimal.env", process)):
        assert len(re.findall(rf"^  {name}: ", result.stderr, re.MULTILINE)) == 1, result.stderr
    assert "deploy/settings/reference.env" in result.stderr


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What a process says when it ends for one setting; fails if it goes on to run."""

    def refuse(process: str, name: str, value: str) -> str:
        for setting in of_process("minimal.env", process):
            monkeypatch.setenv(setting.name, setting.value)
        monkeypatch.setenv(name, value)
        module = importlib.import_module(f"services.{process}")
        monkeypatch.setattr(module, "start_logging", lambda level: None)
        monkeypatch.setattr(module, "run_process", lambda main: pytest.fail("it would have run"))
        with pytest.raises(SystemExit) as ended:
            module.main()
        assert isinstance(ended.value.code, str), "a text: it is printed, and the exit code is 1"
        return ended.value.code

    return refuse


@pytest.mark.parametrize(
    ("process", "name", "value"),
    [
        ("ingest", "TETIK_KAFKA", "kafka.example"),
        ("ingest", "TETIK_INGEST_PORT", "70000"),
        ("ingest", "TETIK_WRITE_KEYS", ","),
        ("ingest", "TETIK_WRITE_KEYS", "a=1,a=2"),
        ("ingest", "TETIK_WRITE_KEYS", "a=1,b=1"),
        ("ingest", "TETIK_WRITE_KEYS", "shop="),
        ("ingest", "TETIK_WRITE_KEYS", f"{'s' * 65}=key"),
        ("engine", "TETIK_PARTITIONS", "many"),
        ("engine", "TETIK_CLOCK", "sundial"),
        ("engine", "TETIK_SESSION_TIMEOUT_S", "1"),
        ("engine", "TETIK_STATE_STORE", "disk"),
        ("engine", "TETIK_STANDBY", "two"),
        ("sender", "TETIK_SMTP", "relay.example"),
        ("sender", "TETIK_SECRET", "short"),
        ("sender", "TETIK_PUBLIC_URL", "mail.shop.example"),
        ("sender", "TETIK_PUBLIC_URL", "https://"),
        ("sender", "TETIK_SMTP_TLS", "yes"),
        ("sender", "TETIK_MAIL_FROM", "nobody"),
        ("sender", "TETIK_SENDER_INSTANCE", "a:b"),
    ],
)
def test_a_wrong_setting_is_named(process: str, name: str, value: str, refused: Callable[..., str]) -> None:
    said = refused(process, name, value)
    assert name in said
    others = {each.name for each in of_process("reference.env", process)} - {name}
    assert not [other for other in others if re.search(rf"\b{other}\b", said)], said
    assert "pydantic" not in said


def test_files_need_a_folder(refused: Callable[..., str]) -> None:
    assert "TETIK_STATE_DIR: required where states are kept by rocksdb" in refused(
        "engine", "TETIK_STATE_STORE", "rocksdb"
    )


def test_a_secret_is_not_shown_when_it_is_refused(refused: Callable[..., str]) -> None:
    assert "hunter2" not in refused("sender", "TETIK_SECRET", "hunter2")
    assert "hunter2" not in refused("ingest", "TETIK_WRITE_KEYS", "shop=sha256:hunter2")
