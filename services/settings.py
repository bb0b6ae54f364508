"""Settings: one frozen typed object a process, read from `TETIK_*` environment variables.

`deploy/settings/minimal.env` and `deploy/settings/reference.env` show them; tests parse both to exact
values. A process that misses a setting refuses to start and says which.
"""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=0, le=65535)]
HostPort = Annotated[str, Field(pattern=r"^[^\s:]+:\d{1,5}$")]


class ProcessSettings(BaseSettings):
    """What every process needs."""

    model_config = SettingsConfigDict(env_prefix="TETIK_", frozen=True, extra="ignore")

    kafka: Annotated[str, Field(pattern=r"^[^\s,]+:\d+(,[^\s,]+:\d+)*$", description="host:port[,...]")]
    clock: Annotated[Literal["system", "topic"], Field(description="topic: the demo's clock")] = "system"
    partitions: Annotated[int, Field(ge=1, le=1024, description="of customer-keyed topics")] = 4
    replication: Annotated[int, Field(ge=1, le=7, description="replication factor of the topics")] = 1
    check_crcs: Annotated[
        bool, Field(description="off only for the broker in memory: its CRCs are wrong")
    ] = True
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class IngestProcess(ProcessSettings):
    """`tetik ingest`."""

    ingest_host: str = "127.0.0.1"
    ingest_port: Port = 8080
    write_keys: Annotated[
        str, Field(min_length=1, description="NAME=KEY[,NAME=KEY]; the name becomes the events' source")
    ]

    def keys_by_source(self) -> dict[str, str]:
        """Write keys by the name of their source; a bare key is named `default`.

        Raises ValueError if there are none, or two sources have one name.
        """
        keys: dict[str, str] = {}
        for item in filter(None, (part.strip() for part in self.write_keys.split(","))):
            name, separator, key = item.rpartition("=")
            source = name.strip() if separator else "default"
            if source in keys:
                raise ValueError(f"two keys are named {source!r}: write NAME=KEY,NAME=KEY")
            keys[source] = key.strip()
        if not keys:
            raise ValueError("name at least one key: NAME=KEY")
        return keys


class EngineProcess(ProcessSettings):
    """`tetik engine`."""

    http_host: str = "127.0.0.1"
    engine_http_port: Port = 8081
    rejected_max: Annotated[int, Field(ge=1, le=1000, description="failed of 1,000 that stop it")] = 100
    session_timeout_s: Annotated[float, Field(ge=6, le=300)] = 20.0
    snapshot_every_s: Annotated[
        float, Field(ge=1, le=86_400, description="how often recommendations are worked out anew")
    ] = 3_600.0
    state_store: Annotated[
        Literal["memory", "rocksdb"], Field(description="where customers' states are kept at work")
    ] = "memory"
    state_dir: Annotated[
        Path | None, Field(validate_default=True, description="the folder of rocksdb's files")
    ] = None
    standby: Annotated[bool, Field(description="whether to keep copies of other engines' states at hand")] = (
        False
    )
    engine_instance: Annotated[
        str | None,
        Field(min_length=1, description="a name kept over restarts; no two live engines may share it"),
    ] = None

    @field_validator("state_dir")
    @classmethod
    def _has_a_folder(cls, state_dir: Path | None, others: ValidationInfo) -> Path | None:
        if state_dir is None and others.data.get("state_store") == "rocksdb":
            raise ValueError("required where states are kept by rocksdb")
        return state_dir


class SenderProcess(ProcessSettings):
    """`tetik sender`."""

    redis: Annotated[str, Field(pattern=r"^rediss?://", description="redis://host:port/0")]
    smtp: HostPort
    mail_from: Annotated[str, Field(min_length=3, description="Name <address>")]
    public_url: Annotated[
        str, Field(pattern=r"^https?://[^\s/]+", description="base of the unsubscribe page")
    ]
    secret: Annotated[str, Field(min_length=16, description="signs unsubscribe links; keep it for ever")]
    http_host: str = "127.0.0.1"
    sender_http_port: Port = 8082
    sender_instance: Annotated[
        str,
        Field(pattern="^[^:]+$", description="a name kept over restarts; no two live senders may share it"),
    ] = "sender-0"
    smtp_user: str | None = None
    smtp_password: str | None = None
    smtp_tls: Literal["none", "opportunistic", "starttls", "implicit"] = "opportunistic"
    brand: Annotated[str, Field(min_length=1, description="the shop's name in mails and pages")] = (
        "Tetik Demo Shop"
    )
    shop_url: Annotated[
        str | None, Field(pattern=r"^https?://", description="where the mails' buttons lead")
    ] = None
    survey_url: Annotated[
        str | None,
        Field(pattern=r"^https?://", description="where answers to the mails' questions go"),
    ] = None
    utm_source: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9._-]{0,64}$",
            description="utm_source of the mails' links to the shop; empty: links carry no UTM parameters",
        ),
    ] = "tetik"
    on_ambiguous: Annotated[
        Literal["skip", "retry_once"], Field(description="a mail cut off after its last byte")
    ] = "skip"

    @field_validator("mail_from")
    @classmethod
    def _can_be_answered(cls, mail_from: str) -> str:
        from sender.core.addresses import normalise_address  # the other processes do without

        normalise_address(mail_from)
        return mail_from


_FROM_THE_ENVIRONMENT: dict[str, Any] = {}

Settings = TypeVar("Settings", bound=ProcessSettings)


def load_settings(kind: type[Settings], **given: str | None) -> Settings:
    """The settings of this process; ends it with a readable message if they are missing or wrong. What is
    `given` and not None stands above the environment."""
    try:
        chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return kind(**_FROM_THE_ENVIRONMENT | chosen)
    except ValidationError as error:
        _refuse(kind, error)


def _refuse(kind: type[ProcessSettings], error: ValidationError) -> NoReturn:
    lines = [f"tetik: the settings of this process are missing or wrong ({kind.__name__}):"]
    for problem in error.errors():
        name = str(problem["loc"][0]) if problem["loc"] else "?"
        field = kind.model_fields.get(name)
        hint = f"  ({field.description})" if field is not None and field.description else ""
        lines.append(f"  TETIK_{name.upper()}: {_plain(problem['msg'])}{hint}")
    lines.append("All settings with their meaning: deploy/settings/reference.env")
    sys.exit("\n".join(lines))


def faults(error: ValueError) -> str:
    """What is wrong, in one line, without pydantic's addresses and input values."""
    if isinstance(error, ValidationError):
        return "; ".join(_plain(problem["msg"]) for problem in error.errors())
    return str(error)


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")
