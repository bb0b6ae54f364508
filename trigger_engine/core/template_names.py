"""Which of the data that not every mail needs a template names, so that requests carry no more.

A word of a mail's text that is called like that has it given too, which does no harm.
"""

import re

from schemas.rule_set import Template

ANSWER, PURCHASE, RECOMMENDED, VIEWS = "answer", "purchase", "recommended", "views"
ON_DEMAND = {name: re.compile(rf"\b{name}\b") for name in (ANSWER, PURCHASE, RECOMMENDED, VIEWS)}
"""What is given only to a template that names it."""
EVENT_FIELD = re.compile(r"\bevent\.\w+")
"""In a run that nothing of hers started, it shows a trait."""


def data_read_by(template: Template) -> frozenset[str]:
    """The names of `ON_DEMAND` that a template has in any part and language, and its `event.…`."""
    sources = [part for text in template.locales.values() for part in (text.subject, text.html, text.text)]
    fields = frozenset(field for source in sources for field in EVENT_FIELD.findall(source))
    return fields | frozenset(
        name
        for name, word in ON_DEMAND.items()
        if any(name in source and word.search(source) for source in sources)
    )
