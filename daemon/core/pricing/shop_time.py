"""The shop's own day and clock, from Unix milliseconds and its offset. No time zone database: shops
of one merchant share one civil time."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - civil time: the offset is added by hand


class Moment(NamedTuple):
    """`weekday` 0 is Monday; `minute` is minutes since midnight."""

    day: date
    weekday: int
    minute: int


def moment(now_ms: int, utc_offset_min: int) -> Moment:
    here = _EPOCH + timedelta(milliseconds=now_ms, minutes=utc_offset_min)
    return Moment(here.date(), here.weekday(), here.hour * 60 + here.minute)
