"""Where mails are kept: one file each, `<received ms>-<number>.eml`, and an index of their headers in memory.

A file is written beside and renamed into place, so that a reader never sees half a mail. The envelope is put
on top as a delivery agent does (`Return-Path`, `Delivered-To`); the bytes below are the sender's own.
"""

import re
import time
from collections.abc import Sequence
from pathlib import Path

from services.catcher.message import Mail, Summary, read_mail, summarise

_NAME = re.compile(r"\d{13}-\d{7}")


class MailStore:
    """Newest last in the index; lists are given newest first."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        for unfinished in directory.glob("*.part"):
            unfinished.unlink()
        names = sorted(path for path in directory.glob("*.eml") if _NAME.fullmatch(path.stem))
        self._index: dict[str, Summary] = {path.stem: summarise(path) for path in names}
        self._number = max((int(each.partition("-")[2]) for each in self._index), default=0)
        self._deleted = 0

    @property
    def arrivals(self) -> int:
        """Grows with each mail, also across deletions: a page compares it to see that there is news."""
        return len(self._index) + self._deleted

    def __len__(self) -> int:
        return len(self._index)

    def add(self, sender: str, recipients: Sequence[str], content: bytes) -> Summary:
        """Keeps one mail. When this returns, it is in the folder. Raises OSError when the disk refuses."""
        self._number += 1
        name = f"{time.time_ns() // 1_000_000:013d}-{self._number:07d}"
        envelope = [f"Return-Path: <{sender}>", *(f"Delivered-To: {each}" for each in recipients)]
        top = "".join(f"{line}\r\n" for line in envelope).encode("utf-8", "surrogateescape")
        unfinished, path = self._directory / f"{name}.part", self._path(name)
        unfinished.write_bytes(top + content)
        unfinished.rename(path)
        summary = summarise(path)
        self._index[name] = summary
        return summary

    def find(self, query: str = "", to: str = "", trigger: str = "") -> list[Summary]:
        """Newest first. `query` is looked for in addresses, subject and trigger; `to` is one whole address,
        `trigger` one whole name."""
        words, address = query.casefold().split(), to.casefold().strip()
        return [
            each
            for each in reversed(self._index.values())
            if all(word in each.searchable for word in words)
            and (not address or address in (one.casefold() for one in each.recipients))
            and (not trigger or trigger == each.trigger)
        ]

    def triggers(self) -> dict[str, int]:
        """How many mails there are of each trigger, by name."""
        counts: dict[str, int] = {}
        for each in self._index.values():
            if each.trigger:
                counts[each.trigger] = counts.get(each.trigger, 0) + 1
        return dict(sorted(counts.items()))

    def read(self, mail_id: str) -> Mail | None:
        return read_mail(self._path(mail_id)) if mail_id in self._index else None

    def raw(self, mail_id: str) -> bytes | None:
        return self._path(mail_id).read_bytes() if mail_id in self._index else None

    def clear(self) -> int:
        """Deletes every mail; how many there were."""
        count = len(self._index)
        for name in list(self._index):
            self._path(name).unlink(missing_ok=True)
            del self._index[name]
        self._deleted += count
        return count

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.eml"
