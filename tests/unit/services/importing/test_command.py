"""`tetik import products` as people call it: what it says, what it sends, how it ends."""

import csv
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from services.cli import main
from services.importing import run
from services.importing.products import products as products_kind
from tests.fixtures.platform import free_ports
from tests.unit.services.importing.answering import Answer, Answering, answering, took

NO_SETTINGS = {"TETIK_INGEST_URL": None, "TETIK_WRITE_KEY": None}
SHOP = "id;title;price;colour\np-1;Teapot;12,50 EUR;red\np-2;Kettle;1.234,00 EUR;\n"


def products(*arguments: str | Path, given: str | None = None, **environment: str) -> Result:
    """Run the command here; an exception that is no exit is raised."""
    words = ["import", "products", *map(str, arguments)]
    return CliRunner().invoke(main, words, input=given, env=NO_SETTINGS | environment, catch_exceptions=False)


def load(ingest: Answering, *arguments: str | Path, **options: Any) -> Result:
    return products(*arguments, "--url", ingest.url, "--write-key", "wk_test", **options)


def rows(count: int, first: int = 0) -> str:
    return "".join(f"p-{number},name {number}\n" for number in range(first, first + count))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "shop.csv"


def test_a_file_that_is_taken(ingest: Answering, file: Path) -> None:
    file.write_text(SHOP, "utf-8-sig")
    result = load(ingest, file)
    assert (result.exit_code, result.stdout) == (0, "import: 2 products taken\n")
    assert result.stderr == "ignored columns: colour\n"
    assert ingest.items == [
        {"product_id": "p-1", "name": "Teapot", "price": 12.5, "currency": "EUR"},
        {"product_id": "p-2", "name": "Kettle", "price": 1234.0, "currency": "EUR"},
    ]


def test_the_settings_say_where_and_with_which_key(ingest: Answering, file: Path) -> None:
    file.write_text(SHOP, "utf-8")
    result = products(file, TETIK_INGEST_URL=ingest.url, TETIK_WRITE_KEY="wk_set")
    assert result.exit_code == 0
    assert ingest.headers["x-write-key"] == "wk_set"


def test_stdin_and_json_lines(ingest: Answering) -> None:
    given = '{"id": 1, "title": "a", "colour": "red"}\n{"id": 2, "name": "b", "prise": 1}\n{"id"}\n'
    result = load(ingest, "-", "--format", "jsonl", given=given)
    assert result.exit_code == 1
    said = result.stderr.splitlines()
    assert said[:2] == ["ignored columns: colour", "ignored columns: prise (is price meant?)"]
    assert said[2].startswith("<stdin>:3: the line is no valid JSON: ")
    assert said[3] == "import: 2 products taken, 1 row not"
    assert [item["product_id"] for item in ingest.items] == [1, 2]


def test_batches_are_bounded_and_in_order(ingest: Answering, file: Path) -> None:
    file.write_text("id,name\n" + rows(1_201), "utf-8")
    assert load(ingest, file).stdout == "import: 1,201 products taken\n"
    assert [len(body) for body in ingest.bodies] == [500, 500, 201]
    assert [item["product_id"] for item in ingest.items] == [f"p-{number}" for number in range(1_201)]


def test_batches_are_bounded_in_bytes(ingest: Answering, file: Path) -> None:
    url = "https://shop.example/" + "u" * 1_900
    file.write_text("id,name,link\n" + "".join(f"{n},a,{url}\n" for n in range(600)), "utf-8")
    assert load(ingest, file).exit_code == 0
    assert all(len(json.dumps(body)) < 600_000 for body in ingest.bodies)
    assert len(ingest.bodies) == 3


def test_errors_are_shown_up_to_fifty_and_kept_all(ingest: Answering, file: Path, tmp_path: Path) -> None:
    broken = "".join(f"p-{number},name,-{number + 1}\n" for number in range(120))
    file.write_text(f"id,name,stock\n{broken}p-x,last,1\n", "utf-8")
    errors = tmp_path / "errors.csv"
    result = load(ingest, file, "--errors", errors)
    said = result.stderr.splitlines()
    assert result.exit_code == 1
    assert len(said) == 51
    why = "stock must be a whole number from 0 to 1,000,000,000; leave it out if it is unknown"
    assert said[0] == f"{file}:2: {why}"
    assert said[49] == f"{file}:51: {why}"
    assert said[50] == (
        f"import: 1 product taken, 120 rows not, of which 70 are not shown; all of them are in {errors}"
    )
    with errors.open(encoding="utf-8", newline="") as kept:
        table = list(csv.reader(kept))
    assert table[0] == ["line", "reason", "row"]
    assert table[1] == ["2", why, "p-0,name,-1"]
    assert table[120] == ["121", why, "p-119,name,-120"]
    assert len(ingest.items) == 1
    assert load(ingest, file).stderr.endswith("70 are not shown; --errors FILE keeps all of them\n")


def test_a_line_number_is_no_picture(ingest: Answering, file: Path) -> None:
    file.write_text("id,name\n" + rows(98) + "p-x,\n", "utf-8")
    assert f"{file}:100: a product needs `name`" in load(ingest, file).stderr


def test_what_a_file_holds_cannot_steer_the_terminal(ingest: Answering, file: Path) -> None:
    file.write_text("id,name,a\x1b[31mb\np-1,[red]x,1\n", "utf-8")
    result = load(ingest, file)
    assert result.stderr == "ignored columns: a\ufffd[31mb\n"


def test_a_terminal_sees_the_progress(ingest: Answering, tmp_path: Path) -> None:
    file = tmp_path / "[red]shop.csv"
    file.write_text("id,name\n" + rows(1_201), "utf-8")
    command = [sys.executable, "-m", "services.cli", "import", "products", str(file), "--url", ingest.url]
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TETIK_WRITE_KEY": "k", "TERM": "xterm", "COLUMNS": "250"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, env=environment, text=True
    ) as running:
        os.close(theirs)
        screen = b"".join(iter(lambda: read_terminal(ours), b"")).decode()
        assert running.stdout is not None
        said = running.stdout.read()
    os.close(ours)
    assert (running.returncode, said) == (0, "import: 1,201 products taken\n")
    assert "[red]shop.csv" in screen
    assert "1,000 taken, 0 not" in screen


def read_terminal(descriptor: int) -> bytes:
    """What the program writes next; empty at its end, which Linux reports as an error."""
    try:
        return os.read(descriptor, 65_536)
    except OSError:
        return b""


def test_what_ingest_rejects_is_told_by_line(file: Path) -> None:
    def picky(body: Any) -> Answer:
        bad = [
            {"index": i, "message": "not this one"}
            for i, item in enumerate(body)
            if item["product_id"] == "p-7"
        ]
        return 200, {}, {"accepted": len(body) - len(bad), "rejected": bad}

    file.write_text('id,name\np-6,"two\nlines"\np-7,b\np-8,c\n', "utf-8")
    with answering(picky) as ingest:
        result = load(ingest, file)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [f"{file}:4: not this one", "import: 2 products taken, 1 row not"]


def test_ingest_goes_away_amid_the_import(file: Path) -> None:
    def tired(body: Any) -> Answer:
        return took(body) if len(ingest.bodies) <= 2 else (503, {}, {"message": "Kafka is away"})

    file.write_text("id,name\n" + rows(1_201), "utf-8")
    with answering(tired) as ingest:
        result = load(ingest, file, "--patience", "0")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"import: {ingest.url}/v1/products answered 503: Kafka is away. All rows above line 1002 are done: "
        "go on with the same command and --from-line 1002",
        "import: 1,000 products taken",
    ]
    with answering() as later:
        assert load(later, file, "--from-line", "1002").stdout == "import: 201 products taken\n"
    assert [item["product_id"] for item in later.items] == [f"p-{number}" for number in range(1_000, 1_201)]


def test_an_ingest_that_is_not_there(file: Path) -> None:
    (port,) = free_ports(1)
    file.write_text(SHOP, "utf-8")
    url = f"http://127.0.0.1:{port}"
    result = products(file, "--url", url, "--patience", "0", TETIK_WRITE_KEY="k")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{url}/v1/products does not answer" in result.stderr
    assert "No row was taken: run the same command again" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_wrong_key_ends_it_at_once(file: Path) -> None:
    file.write_text("id,name\n" + rows(1_201), "utf-8")
    with answering(lambda body: (401, {}, {"message": "the write key is unknown"})) as ingest:
        result = load(ingest, file)
    assert result.exit_code == 1
    assert "answered 401: the write key is unknown" in result.stderr
    assert len(ingest.bodies) == 1


@pytest.fixture
def interruptible() -> Iterator[None]:
    """As at a terminal: what a shell starts in the background ignores Ctrl-C, and its children do."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_says_how_to_go_on(file: Path) -> None:
    shell = threading.main_thread().ident
    assert shell is not None

    def interrupting(body: Any) -> Answer:
        if len(ingest.bodies) == 2:
            signal.pthread_kill(shell, signal.SIGINT)
        return took(body)

    file.write_text("id,name\n" + rows(1_201), "utf-8")
    with answering(interrupting) as ingest:
        result = load(ingest, file)
    assert result.exit_code == 1
    assert "interrupted. All rows above line 502 are done" in result.stderr
    assert "import: 500 products taken" in result.stderr
    assert len(ingest.bodies) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file is empty: there is nothing to import"),
        ("name,price\na,1\n", "no column is named product_id (or id); the header has name, price"),
        ("id\n1\n", "no column is named name (or title)"),
    ],
)
def test_files_that_hold_no_products(ingest: Answering, file: Path, text: str, says: str) -> None:
    file.write_text(text, "utf-8")
    result = load(ingest, file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr
    assert ingest.bodies == []


def test_a_header_alone_is_no_mistake(ingest: Answering, file: Path) -> None:
    file.write_text("id,name\n", "utf-8")
    assert load(ingest, file).stdout == "import: 0 products taken\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("gone.csv",), "does not exist"),
        ((".",), "is a directory"),
        (("-",), "say --format csv or --format jsonl"),
        (("-", "--format", "xml"), "'xml' is not one of"),
        (("-", "--format", "csv", "--url", "shop.example"), "must begin with http:// or https://"),
        (("-", "--format", "csv", "--write-key", "ключ"), "no request can carry"),
        (("-", "--format", "csv", "--patience", "-1"), "not in the range"),
        (("-", "--format", "csv", "--errors", "."), "is a directory"),
    ],
)
def test_wrong_arguments_are_refused(arguments: tuple[str, ...], says: str) -> None:
    result = products(*arguments, given="", TETIK_WRITE_KEY="k")
    assert result.exit_code == 2
    assert says in result.stderr


def test_a_key_is_needed(file: Path) -> None:
    file.write_text(SHOP, "utf-8")
    result = products(file)
    assert result.exit_code == 2
    assert "TETIK_WRITE_KEY" in result.stderr


def test_the_errors_do_not_overwrite_the_file(ingest: Answering, file: Path) -> None:
    file.write_text(SHOP, "utf-8")
    assert load(ingest, file, "--errors", file).exit_code == 2
    assert file.read_text("utf-8") == SHOP


@contextmanager
def nobody() -> Iterator[None]:
    """As a user who may read nothing of ours: root may read all, and tests run as root in containers."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_file_without_permission(ingest: Answering, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(SHOP, "utf-8")
    file.chmod(0)
    with nobody():
        assert run.import_file(run.Options(file, "csv", ingest.url, "k"), products_kind("auto")) == 1
    assert capsys.readouterr() == ("", f"import: {file}: Permission denied\n")
    assert ingest.bodies == []


def test_an_errors_file_that_cannot_be_written(ingest: Answering, file: Path, tmp_path: Path) -> None:
    file.write_text(SHOP, "utf-8")
    result = load(ingest, file, "--errors", tmp_path / "gone" / "errors.csv")
    assert result.exit_code == 1
    assert "errors.csv: No such file or directory" in result.stderr
    assert ingest.bodies == []
