"""The operator's page: devices, what they hold, what does not agree, and the log, in Chinese or
English. Plain HTML with forms; nothing runs in the browser."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any, Final

from cloud.records import Discrepancy, DiscrepancyState, LogLine
from cloud.settlement import MONEY, Crossed, Owed
from daemon.core.money import yuan

CHINA: Final = timedelta(hours=8)
STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:75em;padding:0 1em}"
    "table{border-collapse:collapse;width:100%;margin:.5em 0 2em}"
    "th,td{text-align:left;padding:.3em .6em;border-bottom:1px solid #ccc;vertical-align:top}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}"
    "form{display:inline}input{font:inherit;width:11em}button{font:inherit}"
    ".bad{color:#a00}.told{background:#efe;padding:.5em 1em;border:1px solid #7b7}"
)
POLICY: Final = (
    "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; style-src"
    f" 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)
_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "title": ("连锁云端", "Cloud of the chain"),
    "devices": ("设备", "Devices"),
    "device": ("设备", "Device"),
    "store": ("门店", "Store"),
    "state": ("状态", "State"),
    "seen": ("最近联系", "Last heard"),
    "journal": ("账本", "Journal"),
    "cursor": ("批次 / 分录", "Batch / entry"),
    "held": ("持有", "Holds"),
    "quarantined": ("隔离", "Quarantined"),
    "never": ("从未", "never"),
    "ACTIVE": ("启用", "active"),
    "REVOKED": ("已吊销", "revoked"),
    "force": ("收回额度", "Force"),
    "revoke": ("吊销", "Revoke"),
    "reason": ("原因", "Reason"),
    "discrepancies": ("未解决的差异", "Open discrepancies"),
    "none": ("没有", "none"),
    "type": ("类型", "Type"),
    "severity": ("级别", "Severity"),
    "amount": ("金额(元)", "Amount (yuan)"),
    "about": ("相关", "About"),
    "first": ("首次发现", "First seen"),
    "deadline": ("期限", "Deadline"),
    "owner": ("负责人", "Owner"),
    "note": ("说明", "Note"),
    "settle": ("处理", "Settle"),
    "EXPLAINED": ("已说明", "explained"),
    "ADJUSTED": ("已调整", "adjusted"),
    "WRITTEN_OFF": ("已核销", "written off"),
    "settlement": ("跨店结算(近 30 天)", "Settlement between branches (30 days)"),
    "home": ("充值门店", "Topped up at"),
    "seller": ("消费门店", "Sold at"),
    "asset": ("账户", "Account"),
    "sold": ("消费", "Sold"),
    "back": ("退回", "Given back"),
    "net": ("净额", "Net"),
    "owes": ("应付", "owes"),
    "enrol": ("新设备", "New device"),
    "code": ("生成一次性注册码", "Make a one-time code"),
    "code_told": ("设备 {device} 的注册码(24 小时内有效)", "Code for {device}, good for 24 hours"),
    "log": ("操作记录", "Log"),
    "when": ("时间", "When"),
    "who": ("操作人", "Who"),
    "what": ("操作", "What"),
    "principal": ("本金", "principal"),
    "bonus": ("赠金", "bonus"),
    "points": ("积分", "points"),
    "sums": ("全部账户", "All accounts"),
    "funded": ("已充值", "Funded"),
    "reserve": ("可用", "Free"),
    "settled": ("已消费", "Settled"),
    "overspent": ("超支", "Overspent"),
    "at_risk": ("风险", "At risk"),
    "in_debit": ("在途", "Under way"),
}
LANGUAGES: Final = ("zh-CN", "en")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the page shows."""

    merchant: str
    devices: Sequence[Mapping[str, Any]]
    discrepancies: Sequence[Discrepancy]
    sums: Mapping[str, Mapping[str, int]]
    crossed: Sequence[Crossed]
    owed: Sequence[Owed]
    log: Sequence[LogLine]
    code: tuple[str, str] | None = None


class Page:
    """In one language."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._place = LANGUAGES.index(language)

    def say(self, word: str) -> str:
        """A word of the page; what has none is shown as it is."""
        return _WORDS[word][self._place] if word in _WORDS else word

    def render(self, seen: Seen) -> str:
        title = escape(f"{self.say('title')} · {seen.merchant}")
        other = LANGUAGES[1 - self._place]
        parts = [
            f'<!doctype html><html lang="{self._language}"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
            f"<style>{STYLE}</style></head><body><h1>{title}</h1>"
            f'<p><a href="?lang={other}" hreflang="{other}">{_NAMES[other]}</a></p>',
            self._code(seen.code),
            self._devices(seen.devices),
            self._discrepancies(seen.discrepancies),
            self._sums(seen.sums),
            self._settlement(seen.crossed, seen.owed),
            self._enrol(),
            self._log(seen.log),
            "</body></html>",
        ]
        return "".join(parts)

    def _code(self, code: tuple[str, str] | None) -> str:
        if code is None:
            return ""
        told = self.say("code_told").format(device=code[0])
        return (
            f'<p class="told" role="status">{escape(told)}: <strong>{escape(code[1])}</strong></p>'
        )

    def _devices(self, rows: Sequence[Mapping[str, Any]]) -> str:
        heads = ("device", "store", "state", "seen", "journal", "cursor", "held", "quarantined", "")
        body = []
        for row in rows:
            held = "、".join(
                f"{self.say(asset)} {_units(asset, out)}" for asset, out in row["held"].items()
            )
            cells = [
                escape(row["device"]),
                escape(row["store"]),
                self.say(row["state"]) + (f"<br>{escape(row['reason'])}" if row["reason"] else ""),
                _time(row["seen_ms"]) if row["seen_ms"] else self.say("never"),
                f"{row['journal']} ({row['epoch']})",
                f"{row['bseq']} / {row['dseq']}",
                escape(held),
                str(row["quarantined"] or ""),
                self._act(row["device"]) if row["state"] == "ACTIVE" else "",
            ]
            body.append(cells)
        return self._table("devices", heads, body)

    def _act(self, device: str) -> str:
        reason = self.say("reason")
        return "".join(
            f'<form method="post" action="/operator/{verb}">'
            f'<input type="hidden" name="device" value="{escape(device, quote=True)}">'
            f'<input name="reason" required aria-label="{reason}" placeholder="{reason}">'
            f"<button>{self.say(verb)}</button></form> "
            for verb in ("force", "revoke")
        )

    def _discrepancies(self, rows: Sequence[Discrepancy]) -> str:
        heads = ("type", "severity", "amount", "device", "about", "first", "deadline", "owner", "")
        body = []
        for row in rows:
            refs = ", ".join(f"{name} {value}" for name, value in row.refs.items())
            body.append(
                [
                    escape(row.type),
                    row.severity.value,
                    yuan(row.amount),
                    escape(row.device),
                    escape(" ".join(filter(None, (row.account, refs)))),
                    _time(row.first_seen_ms),
                    _time(row.deadline_ms),
                    escape(row.owner),
                    self._settle(row),
                ]
            )
        return self._table("discrepancies", heads, body)

    def _settle(self, row: Discrepancy) -> str:
        states = (s.value for s in DiscrepancyState if s is not DiscrepancyState.OPEN)
        options = "".join(f'<option value="{s}">{self.say(s)}</option>' for s in states)
        note = self.say("note")
        return (
            '<form method="post" action="/operator/settle">'
            f'<input type="hidden" name="id" value="{escape(row.discrepancy_id, quote=True)}">'
            f'<select name="state" aria-label="{self.say("state")}">{options}</select>'
            f'<input name="reason" required aria-label="{note}" placeholder="{note}">'
            f"<button>{self.say('settle')}</button></form>"
        )

    def _sums(self, sums: Mapping[str, Mapping[str, int]]) -> str:
        letters = ("funded", "reserve", "settled", "in_debit", "overspent", "at_risk")
        body = [
            [escape(self.say(asset)), *(_units(asset, told[letter]) for letter in letters)]
            for asset, told in sums.items()
        ]
        return self._table("sums", ("asset", *letters), body)

    def _settlement(self, rows: Sequence[Crossed], owing: Sequence[Owed]) -> str:
        body = [
            [
                escape(row.home),
                escape(row.seller),
                escape(self.say(row.asset)),
                *(_units(row.asset, amount) for amount in (row.sold, row.back, row.net)),
            ]
            for row in rows
        ]
        lines = "".join(
            f"<li>{escape(each.debtor)} {self.say('owes')} {escape(each.creditor)}"
            f" {yuan(each.amount_fen)}</li>"
            for each in owing
        )
        heads = ("home", "seller", "asset", "sold", "back", "net")
        return self._table("settlement", heads, body) + (f"<ul>{lines}</ul>" if lines else "")

    def _enrol(self) -> str:
        fields = "".join(
            f'<input name="{name}" required maxlength="64" aria-label="{self.say(name)}"'
            f' placeholder="{self.say(name)}"> '
            for name in ("device", "store")
        )
        return (
            f"<h2>{self.say('enrol')}</h2>"
            f'<form method="post" action="/operator/enrol-code">{fields}'
            f"<button>{self.say('code')}</button></form>"
        )

    def _log(self, lines: Sequence[LogLine]) -> str:
        body = [
            [
                _time(line.at_ms),
                escape(line.who),
                escape(line.verb),
                escape(line.device),
                escape(line.reason),
            ]
            for line in lines
        ]
        return self._table("log", ("when", "who", "what", "device", "reason"), body)

    def _table(self, name: str, heads: Iterable[str], rows: Sequence[Sequence[str]]) -> str:
        title = f"<h2>{self.say(name)}</h2>"
        if not rows:
            return f"{title}<p>{self.say('none')}</p>"
        head = "".join(f'<th scope="col">{self.say(each)}</th>' for each in heads)
        body = "".join(
            "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows
        )
        return f"{title}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


_NAMES: Final = {"zh-CN": "中文", "en": "English"}


def _units(asset: str, amount: int) -> str:
    return yuan(amount) if asset in (*MONEY, "owed") else str(amount)


def _time(at_ms: int) -> str:
    """China's."""
    return (datetime.fromtimestamp(at_ms / 1000, UTC) + CHINA).strftime("%Y-%m-%d %H:%M")
