"""Which language a reader gets: tr-TR → tr → en → the first one that there is."""

from collections.abc import Collection

FALLBACK = "en"


def choose_locale(wanted: str | None, available: Collection[str]) -> str:
    """The best of `available` (not empty) for a BCP 47 tag such as `tr-TR` or `az_Latn_AZ`."""
    by_tag = {_tag(locale): locale for locale in sorted(available, reverse=True)}
    tag = _tag(wanted or "")
    while tag:
        if tag in by_tag:
            return by_tag[tag]
        tag = tag.rpartition("-")[0]
    return by_tag.get(FALLBACK) or sorted(available)[0]


def preferred_language(accept_language: str | None, available: Collection[str]) -> str:
    """The best of `available` for an Accept-Language header; weights are obeyed, damaged parts skipped."""
    wishes = []
    for order, part in enumerate((accept_language or "").split(",")[:20]):
        tag, _, weight = part.strip().partition(";q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        wishes.append((-quality, order, _tag(tag)))
    known = {_tag(locale): locale for locale in available}
    for _, _, tag in sorted(wishes):
        primary = tag.partition("-")[0]
        if tag in known or primary in known:
            return known.get(tag) or known[primary]
    return choose_locale(None, available)


def _tag(locale: str) -> str:
    return locale.strip().replace("_", "-").lower()
