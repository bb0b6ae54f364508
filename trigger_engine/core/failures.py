"""How a dead letter tells of an exception."""

from hashlib import blake2b
from traceback import walk_tb


def in_one_line(error: Exception) -> str:
    """Kind and message."""
    return f"{type(error).__name__}: {error}".replace("\n", " ")[:1000]


def traceback_digest(error: Exception) -> str:
    """Groups dead letters of one cause: the same kind of error in the same place, whatever data it quotes."""
    frames = [f"{frame.f_code.co_qualname}:{line}" for frame, line in walk_tb(error.__traceback__)]
    return blake2b("\n".join([type(error).__name__, *frames]).encode(), digest_size=8).hexdigest()
