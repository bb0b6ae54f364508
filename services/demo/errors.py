"""What can stop the demo, as sentences for people.

DemoFailed
├── ModelMissing   nothing to check against
├── NotEmpty       the Kafka or Redis that was named holds something already
├── Refused        ingest did not take an event
└── Stalled        a service did not finish a step of the clock
"""


class DemoFailed(Exception):
    """One line that says what is wrong and what to do about it."""


class ModelMissing(DemoFailed):
    """The reference model, or what it needs, is not there; without it nothing would be checked."""


class NotEmpty(DemoFailed):
    """The demo counts everything, so it must begin with nothing."""


class Refused(DemoFailed):
    """An event of the script was not accepted."""


class Stalled(DemoFailed):
    """The clock cannot go on."""
