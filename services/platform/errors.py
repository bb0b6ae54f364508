"""What can go wrong with the local platform, as sentences for people.

    PlatformError
    ├── PortTaken        another process listens on a port that we need
    ├── DataDirectoryBusy another `tetik up` owns the data directory
    ├── BrokerUnavailable Java, Maven, the artifacts or the address are missing
    ├── RedisUnavailable  no redis-server on this machine
    └── StartFailed      a process ended, or was not ready in time

The text says what is wrong and what to do; a command line prints it without a stack trace.
"""


class PlatformError(Exception):
    """One line that says what is wrong and what to do about it."""


class PortTaken(PlatformError):
    """A port that a component needs is in use."""


class DataDirectoryBusy(PlatformError):
    """Another platform runs on the same data directory."""


class BrokerUnavailable(PlatformError):
    """The chosen broker cannot be run here."""


class RedisUnavailable(PlatformError):
    """No Redis server was found."""


class StartFailed(PlatformError):
    """A process ended before it was ready, or was not ready in time."""
