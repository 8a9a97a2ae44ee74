"""Where the cards lie between runs: one JSON file per card, replaced as a whole.

The files hold the cards' keys, like the chips do: the folder is for its owner only.
"""

import json
import os
import re
from pathlib import Path
from typing import Any, Final

CARD_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class ShelfError(Exception):
    """A card could not be stored or read back."""


class Shelf:
    """A folder of card documents."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder. Raises ShelfError."""
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ShelfError(f"{folder}: {error.strerror}") from error

    def load_all(self) -> dict[str, dict[str, Any]]:
        """All documents by card id. Raises ShelfError for one that cannot be read."""
        documents = {}
        for path in sorted(self._folder.glob("*.json")):
            try:
                documents[path.stem] = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise ShelfError(f"{path.name}: {error}") from error
        return documents

    def save(self, card_id: str, document: dict[str, Any]) -> None:
        """Durable when it returns: written aside, synced, renamed. Raises ShelfError."""
        path, aside = self._path(card_id), self._path(card_id).with_suffix(".new")
        encoded = json.dumps(document, ensure_ascii=False, indent=1).encode()
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(encoded)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
            self._sync_folder()
        except OSError as error:
            raise ShelfError(f"{path.name}: {error.strerror}") from error

    def remove(self, card_id: str) -> None:
        """Harmless where there is none. Raises ShelfError."""
        try:
            self._path(card_id).unlink(missing_ok=True)
            self._sync_folder()
        except OSError as error:
            raise ShelfError(f"{card_id}: {error.strerror}") from error

    def _path(self, card_id: str) -> Path:
        assert CARD_ID.fullmatch(card_id)
        return self._folder / f"{card_id}.json"

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
