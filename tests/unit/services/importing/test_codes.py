"""`tetik import codes`: which files hold codes, what is sent for them, what is said of the others.

Batches, patience, errors and exit codes are the same for every kind: `test_command.py` has them.
"""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from services.cli import main
from tests.unit.services.importing.answering import Answer, Answering, answering, took


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "codes.csv"


def load(
    ingest: Answering, *arguments: str | Path, pool: str = "cart-10", given: str | None = None
) -> Result:
    words = ["import", "codes", pool, *map(str, arguments), "--url", ingest.url, "--write-key", "wk_test"]
    return CliRunner().invoke(main, words, input=given, catch_exceptions=False)


@pytest.mark.parametrize(
    ("text", "ignored"),
    [
        ("code\nA-1\nB_2\n", ""),
        ("\ufeffCode;Status\nA-1;open\n B_2 ;open\n", "ignored columns: Status\n"),
        ("Name,Value,Value Type\nA-1,-10.0,percentage\nB_2,-10.0,percentage\n", "Value, Value Type"),
        ("Name,Coupon Code\nautumn,A-1\nautumn,B_2\n", "ignored columns: Name\n"),
        ("coupon,discount code\nx,A-1\nx,B_2\n", "ignored columns: coupon\n"),
        ("Coupon\n\nA-1\nB_2", ""),
    ],
)
def test_csv(ingest: Answering, file: Path, text: str, ignored: str) -> None:
    file.write_text(text, "utf-8")
    result = load(ingest, file)
    assert (result.exit_code, result.stdout) == (0, "import: 2 codes taken\n")
    assert ignored in result.stderr
    assert bool(ignored) == bool(result.stderr)
    assert ingest.bodies == [{"pool": "cart-10", "codes": ["A-1", "B_2"]}]
    assert (ingest.path, ingest.headers["x-write-key"]) == ("/v1/offer-codes", "wk_test")


def test_a_list(ingest: Answering, tmp_path: Path) -> None:
    file, errors = tmp_path / "codes.txt", tmp_path / "errors.csv"
    file.write_bytes(b"\xef\xbb\xbfA-1\r\n\r\n  B_2\t\nSAVE 10%\n\xff\nC-3,x\nD")
    result = load(ingest, file, "--errors", errors)
    rule = "is no code that mails can carry: 1 to 64 of A-Z, a-z, 0-9, - and _"
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        f"{file}:4: 'SAVE 10%' {rule}",
        f"{file}:5: the line is not UTF-8 (byte 1 of it): save the file as UTF-8",
        f"{file}:6: 'C-3,x' {rule}",
        f"import: 3 codes taken, 3 rows not; all of them are in {errors}",
    ]
    assert ingest.items == ["A-1", "B_2", "D"]
    assert f"4,\"'SAVE 10%' {rule}\",SAVE 10%" in errors.read_text("utf-8")


def test_stdin_needs_a_format(ingest: Answering) -> None:
    assert load(ingest, "-", "--format", "list", given="A\n").stdout == "import: 1 code taken\n"
    assert load(ingest, "-", "--format", "csv", given="code\nB\n").exit_code == 0
    assert ingest.items == ["A", "B"]
    result = load(ingest, "-", given="A\n")
    assert result.exit_code == 2
    assert "say --format csv or --format list" in result.stderr


@pytest.mark.parametrize(
    ("form", "text", "says"),
    [
        ("csv", "A-1\nB-2\n", "the header has A-1. For one code a line, without a header, say --format list"),
        ("csv", "id,value\n1,2\n", "no column is named code (or discount_code, coupon_code, coupon, name)"),
        ("list", "code\nA-1\n", "the first line is the header 'code': say --format csv"),
        ("list", "\n Coupon Code \nA-1\n", "the first line is the header 'Coupon Code': say --format csv"),
        ("list", "\n \n", "the file is empty"),
        ("csv", "", "the file is empty"),
    ],
)
def test_files_that_are_something_else(
    ingest: Answering, file: Path, form: str, text: str, says: str
) -> None:
    file.write_text(text, "utf-8")
    result = load(ingest, file, "--format", form)
    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr
    assert ingest.bodies == []


@pytest.mark.parametrize("pool", ["Cart 10", "10-cart", "", "x" * 65, "cart_10"])
def test_a_pool_is_named_as_in_triggers(ingest: Answering, file: Path, pool: str) -> None:
    file.write_text("code\nA\n", "utf-8")
    result = load(ingest, file, pool=pool)
    assert result.exit_code == 2
    assert f"{pool[:60]!r} cannot be its name" in result.stderr
    assert ingest.bodies == []


def test_batches_hold_two_thousand(ingest: Answering, file: Path) -> None:
    codes = [f"C-{number}" for number in range(4_001)]
    file.write_text("\n".join(["code", *codes]), "utf-8")
    assert load(ingest, file).stdout == "import: 4,001 codes taken\n"
    assert [len(body["codes"]) for body in ingest.bodies] == [2_000, 2_000, 1]
    assert ingest.items == codes


def test_a_code_that_a_request_repeats_is_an_answer_as_any(file: Path) -> None:
    def once(body: Any) -> Answer:
        return 200, {}, {"accepted": 1, "rejected": [{"index": 1, "message": "not this one"}], "repeated": 1}

    file.write_text("code\nA\nB\nA\n", "utf-8")
    with answering(once) as ingest:
        result = load(ingest, file)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [f"{file}:3: not this one", "import: 2 codes taken, 1 row not"]


def test_an_import_that_ends_early_says_how_to_go_on(file: Path) -> None:
    def tired(body: Any) -> Answer:
        return took(body) if len(served.bodies) == 1 else (503, {}, {"message": "Kafka is away"})

    file.write_text("\n".join(["code", *(f"C-{number}" for number in range(2_500))]), "utf-8")
    with answering(tired) as served:
        result = load(served, file, "--patience", "0")
    assert result.exit_code == 1
    assert "/v1/offer-codes answered 503: Kafka is away. All rows above line 2002 are done" in result.stderr
    with answering() as later:
        assert load(later, file, "--from-line", "2002").stdout == "import: 500 codes taken\n"
    assert later.items[0] == "C-2000"
