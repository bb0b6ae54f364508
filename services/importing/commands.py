"""`tetik import …` on the command line. What it does is imported when it runs."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

READABLE = click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True, path_type=Path)
WRITABLE = click.Path(dir_okay=False, writable=True, path_type=Path)
PRODUCT_FORMATS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
CODE_FORMATS = {".csv": "csv", ".tsv": "csv", ".txt": "list"}
"""The format by a file's ending."""


def importing_options(endings: dict[str, str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The file and the options that every import has."""
    forms = sorted(set(endings.values()))
    options = (
        click.argument("file", type=READABLE),
        click.option("--format", "form", type=click.Choice(forms), help="[default: by the file's ending]"),
        click.option(
            "--url", envvar="TETIK_INGEST_URL", default="http://127.0.0.1:8080", show_default=True,
            show_envvar=True, help="Where ingest is.",
        ),
        click.option(
            "--write-key", envvar="TETIK_WRITE_KEY", required=True, show_envvar=True, help="A key of ingest."
        ),
        click.option("--errors", type=WRITABLE, help="Write every row that was not taken here, as CSV."),
        click.option(
            "--from-line", type=click.IntRange(1), default=1, help="Begin with the row at this line."
        ),
        click.option(
            "--patience", "patience_s", type=click.FloatRange(0), default=60.0, show_default=True,
            metavar="SECONDS", help="How long to try again while ingest does not answer.",
        ),
    )  # fmt: skip

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@click.group("import")
def importing() -> None:
    """Load files through ingest."""


@importing.command("products", short_help="Load the catalogue from a CSV or JSON lines file.")
@importing_options(PRODUCT_FORMATS)
@click.option(
    "--decimal", type=click.Choice(["auto", "point", "comma"]), default="auto", show_default=True,
    help="The mark before decimals; auto refuses what can be read in two ways, as 1,234.",
)  # fmt: skip
def import_products(decimal: Any, **given: Any) -> None:
    """Load the products in FILE (- for stdin) into the catalogue: CSV with a header, or JSON lines.

    Columns: product_id and name; category, price, currency, stock, url, image_url, consumable_days; or as
    Google's feeds name them. Ends with 1 unless every row was taken; a repeated import is harmless.
    """
    from services.importing.products import products

    _run(products(decimal), PRODUCT_FORMATS, **given)


@importing.command("codes", short_help="Load codes for offers from a CSV file or a list.")
@click.argument("pool")
@importing_options(CODE_FORMATS)
def import_codes(pool: str, **given: Any) -> None:
    """Load the single-use codes in FILE (- for stdin) into POOL, from which triggers' offers draw them.

    A list with one code a line, or CSV with a column code (or discount_code, coupon_code, coupon, name).
    Ends with 1 unless every row was taken; a repeated import is harmless.
    """
    from ingest.core.fields import pool_name
    from ingest.core.outcomes import Refused
    from services.importing.codes import codes

    try:
        kind = codes(pool_name(pool))
    except Refused as refused:
        raise click.UsageError(refused.message) from refused
    _run(kind, CODE_FORMATS, **given)


def _run(
    kind: Any, endings: dict[str, Any], file: Path, form: Any, url: str, write_key: str, errors: Path | None,
    **rest: Any,
) -> None:  # fmt: skip
    from services.importing import run

    form = form or endings.get(file.suffix.lower())
    if form is None:
        choice = " or ".join(f"--format {each}" for each in sorted(set(endings.values())))
        raise click.UsageError(f"the file's ending does not tell its format: say {choice}")
    if errors is not None and errors.exists() and file.exists() and errors.samefile(file):
        raise click.UsageError("--errors would write over the file itself: name another one")
    if not (write_key.isascii() and write_key.isprintable()):
        raise click.UsageError("the write key holds a character that no request can carry")
    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"--url {url!r} must begin with http:// or https://")
    options = run.Options(file=file, form=form, url=url, write_key=write_key, errors=errors, **rest)
    sys.exit(run.import_file(options, kind))
