"""How failures are told: letters of one cause share a digest, whatever data the error quotes."""

from trigger_engine.core.failures import in_one_line, traceback_digest


def price_of(products: dict[str, float], name: str) -> float:
    return products[name]


def failure(name: str) -> Exception:
    try:
        price_of({}, name)
    except KeyError as error:
        return error
    raise AssertionError("it fails")


def test_errors_of_one_place_share_a_digest_whatever_they_quote() -> None:
    one, other = failure("lantern"), failure("candle")
    assert in_one_line(one) != in_one_line(other)
    assert traceback_digest(one) == traceback_digest(other)


def test_another_place_or_kind_has_another_digest() -> None:
    try:
        raise KeyError("lantern")
    except KeyError as error:
        elsewhere = traceback_digest(error)
    try:
        price_of(None, "lantern")  # type: ignore[arg-type]  # on purpose
    except TypeError as error:
        of_another_kind = traceback_digest(error)
    assert len({elsewhere, of_another_kind, traceback_digest(failure("lantern"))}) == 3
