"""The two errors of the condition language.

Exception
├── CelError         at load time: the author can mend it, so it says where and how
└── EvaluationError  at run time: the caller counts the condition as false and records the message
"""


class CelError(Exception):
    """A condition that cannot be accepted.

    `line` and `column` count from 1 within the condition's own text. `suggestion` is a readable clause such
    as "did you mean 'value'?", or None.
    """

    def __init__(self, message: str, line: int = 1, column: int = 1, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.suggestion = suggestion

    @classmethod
    def at(cls, source: str, offset: int, message: str, suggestion: str | None = None) -> "CelError":
        """The error at a 0-based character offset of the source."""
        before = source[:offset]
        return cls(message, before.count("\n") + 1, offset - before.rfind("\n"), suggestion)

    def __str__(self) -> str:
        text = f"line {self.line}, column {self.column}: {self.message}"
        return f"{text}; {self.suggestion}" if self.suggestion else text


class EvaluationError(Exception):
    """A condition that has no answer for the values it met."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
