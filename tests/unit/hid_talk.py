"""Reports of a magnetic reader in HID mode, made by the published layout alone: offsets and lengths
are those of tests/vectors/magstripe.json, not the daemon's."""

from __future__ import annotations

from tests.unit.card_talk import vectors

LAYOUT = vectors("magstripe")["magtek_hid_report"]
DESCRIPTOR = bytes.fromhex(LAYOUT["descriptor_head"])
FIELDS = {
    number: next(
        tuple(int(end) for end in offset.split("-"))
        for offset, what in LAYOUT["offsets"].items()
        if what.startswith(f"T{number} data")
    )
    for number in (1, 2, 3)
}


def report(*tracks: str | None, errors: int = 0, encoding: int = 0, rest: bytes = b"") -> bytes:
    """`tracks` with their sentinels; `errors` has a bit for each that could not be read; `rest` is
    what stands behind the tracks, which is undefined."""
    made = bytearray((rest * LAYOUT["length"] or bytes(LAYOUT["length"]))[: LAYOUT["length"]])
    made[6] = encoding
    for number in (1, 2, 3):
        track = (tracks[number - 1] if number <= len(tracks) else None) or ""
        first, last = FIELDS[number]
        assert len(track) <= last - first + 1
        made[number - 1] = errors >> (number - 1) & 1
        made[number + 2] = len(track)
        made[first : first + len(track)] = track.encode("ascii")
    return bytes(made)
