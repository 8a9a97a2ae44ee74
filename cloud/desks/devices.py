"""Devices, their certificates and the codes that enrol them; settings; the operator's log."""

from __future__ import annotations

import json
from collections.abc import Mapping

from cloud.records import Device, DeviceState, LogLine
from cloud.statements import Row, Statements

_DEVICE = (
    "device, merchant, store, public_key, state, enrolled_ms, seen_ms, boot, version, have, reason"
)


class DeviceDesk:
    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    async def setting(self, name: str) -> str | None:
        row = await self._sql.row("SELECT value FROM setting WHERE name = ?", name)
        return None if row is None else row[0]

    async def put_setting(self, name: str, value: str) -> None:
        await self._sql.run(
            "INSERT INTO setting (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name,
            value,
        )

    async def device(self, device: str, *, hold: bool = False) -> Device | None:
        """`hold` keeps every other transaction from changing it until this one ends."""
        held = self._sql.for_update if hold else ""
        row = await self._sql.row(f"SELECT {_DEVICE} FROM device WHERE device = ?{held}", device)
        return None if row is None else _device(row)

    async def device_of_key(self, key_id: bytes) -> Device | None:
        row = await self._sql.row(f"SELECT {_DEVICE} FROM device WHERE key_id = ?", key_id)
        return None if row is None else _device(row)

    async def devices(self) -> list[Device]:
        rows = await self._sql.rows(f"SELECT {_DEVICE} FROM device ORDER BY device")
        return [_device(row) for row in rows]

    async def put_device(self, device: Device) -> None:
        """Makes or changes the row; a pinned key never changes by it."""
        await self._sql.run(
            "INSERT INTO device (device, merchant, store, key_id, public_key, state, enrolled_ms,"
            " seen_ms, boot, version, have, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (device) DO UPDATE SET store = excluded.store, state = excluded.state,"
            " seen_ms = excluded.seen_ms, boot = excluded.boot, version = excluded.version,"
            " have = excluded.have, reason = excluded.reason",
            device.device,
            device.merchant,
            device.store,
            device.key_id,
            device.public_key,
            device.state.value,
            device.enrolled_ms,
            device.seen_ms,
            device.boot,
            device.version,
            json.dumps(dict(device.have), sort_keys=True),
            device.reason,
        )

    async def put_certificate(
        self, fingerprint: bytes, device: str, not_after_ms: int, now_ms: int
    ) -> None:
        await self._sql.run(
            "INSERT INTO certificate (fingerprint, device, not_after_ms, state, issued_ms)"
            " VALUES (?, ?, ?, 'ACTIVE', ?) ON CONFLICT DO NOTHING",
            fingerprint,
            device,
            not_after_ms,
            now_ms,
        )

    async def certificate(self, fingerprint: bytes) -> tuple[str, int, bool] | None:
        """(device, not_after_ms, whether it counts)."""
        row = await self._sql.row(
            "SELECT device, not_after_ms, state FROM certificate WHERE fingerprint = ?", fingerprint
        )
        return None if row is None else (row[0], row[1], row[2] == "ACTIVE")

    async def revoke_certificates(self, device: str) -> None:
        await self._sql.run("UPDATE certificate SET state = 'REVOKED' WHERE device = ?", device)

    async def put_code(
        self, code_hash: bytes, device: str, store: str, expires_ms: int, made_by: str
    ) -> None:
        await self._sql.run(
            "INSERT INTO enrol_code (code_hash, device, store, expires_ms, used_ms, made_by)"
            " VALUES (?, ?, ?, ?, NULL, ?)",
            code_hash,
            device,
            store,
            expires_ms,
            made_by,
        )

    async def use_code(self, code_hash: bytes, now_ms: int) -> tuple[str, str] | None:
        """(device, store) of a code that is good; it is used up by it. None for any other."""
        row = await self._sql.row(
            "UPDATE enrol_code SET used_ms = ? WHERE code_hash = ? AND used_ms IS NULL"
            " AND expires_ms > ? RETURNING device, store",
            now_ms,
            code_hash,
            now_ms,
        )
        return None if row is None else (row[0], row[1])

    async def log(
        self, at_ms: int, who: str, verb: str, device: str, reason: str, **facts: int | str
    ) -> None:
        await self._sql.run(
            "INSERT INTO operator_log (at_ms, who, verb, device, reason, facts)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            at_ms,
            who,
            verb,
            device,
            reason,
            json.dumps(facts, ensure_ascii=False, sort_keys=True),
        )

    async def log_lines(self, most: int = 200) -> list[LogLine]:
        """Newest first."""
        rows = await self._sql.rows(
            "SELECT at_ms, who, verb, device, reason, facts FROM operator_log"
            " ORDER BY id DESC LIMIT ?",
            most,
        )
        return [LogLine(*(*row[:5], _facts(row[5]))) for row in rows]


def _device(row: Row) -> Device:
    device, merchant, store, key, state, enrolled, seen, boot, version, have, reason = row
    return Device(
        device,
        merchant,
        store,
        key,
        DeviceState(state),
        enrolled,
        seen,
        boot,
        version,
        json.loads(have),
        reason,
    )


def _facts(text: str) -> Mapping[str, int | str]:
    facts: Mapping[str, int | str] = json.loads(text)
    return facts
