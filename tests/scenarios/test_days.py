"""A day of 200 operations in each sample shop, over the HTTP interface, must come out to the
fen as its spreadsheet says: every sale, every member, every employee, the stock and the drawer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl import Workbook

from daemon.web.server import WebSettings
from tests.fakes.card_readers import PlasticCard
from tests.fakes.clock import HandClock
from tests.scenarios.rules import NOTES_FEN, documents, fen, rows, said
from tests.web.till import MANAGER, Counter, desfire, living

DAYS = Path(__file__).parent / "days"
SHOPS = ("canteen", "salon", "bakery", "car_wash")
TENDERS = ("cash", "wechat", "bank_card", "alipay")
WEIGHTS = {"senior": 60, "junior": 40}
SIGN_IN_EVERY = 50
"""Operations; a session is shorter than the day."""

Row = dict[str, Any]


class Day:
    """One shop's day: set up by the workbook's rules, then row by row."""

    def __init__(self, counter: Counter, book: Workbook) -> None:
        self.counter, self.book, self.rule = counter, book, said(book)
        self.members: dict[str, str] = {}
        self.cards: dict[str, PlasticCard] = {}
        self.staff: dict[str, str] = {}
        self.coupons: dict[str, str] = {}
        self.sales: dict[int, str] = {}
        self.clock_minute = 0.0

    # -- before the shop opens -------------------------------------------------------------------

    async def set_up(self) -> None:
        counter = self.counter
        for section, content in documents(self.book).items():
            kept = await counter.get(f"/rules/{section}")
            body = {"base_version": kept["version"], "content": content, "note": "scenario"}
            reply = await counter.ask("PUT", f"/rules/{section}", body)
            assert reply.status == 200, (section, reply.body)
        for number, grade in (("2", "senior"), ("3", "junior")):
            employee = {"number": number, "name": grade, "role": "cashier", "grade": grade}
            made = await counter.post("/staff", {**employee, "pin": "135790"}, expect=201)
            self.staff[grade] = made["employee_id"]
        for place, (key, name, category, *_) in enumerate(rows(self.book, "members"), start=1):
            body = {"name": name, "number": key, "category": category}
            member = await counter.post("/members", body, expect=201)
            self.members[key], self.cards[key] = member["member_id"], desfire(place)
            await counter.issue(member["member_id"], self.cards[key])
        body = {"code": self.rule["gift"], "on_hand": self.rule["stock"], "reason": "counted"}
        await counter.post("/stock", body, key=counter.new_key())
        float_fen = fen(self.rule["float"])
        await counter.post("/shifts", {"float_fen": float_fen}, key=counter.new_key())

    # -- operations ------------------------------------------------------------------------------

    async def run(self) -> None:
        names, *lines = list(self.book["day"].iter_rows(values_only=True))
        for line in lines:
            row = dict(zip(map(str, names), line, strict=True))
            self._set_clock(row["minute"])
            if row["n"] % SIGN_IN_EVERY == 1:
                await self.counter.sign_in(MANAGER)
            await getattr(self, f"_{row['op']}")(row)
            if row["member"]:
                await self._require_money(row)

    def _set_clock(self, minute: int) -> None:
        local = self.counter.shop.local(self.counter.clock.now_ms())
        now = local.hour * 60 + local.minute + local.second / 60
        assert now <= minute + 1, "the day goes on"
        self.counter.clock.advance(max(0.0, (minute - now) * 60))

    async def _recharge(self, row: Row) -> None:
        member_id = self.members[row["member"]]
        done = await self.counter.recharge(member_id, fen(row["amount"]), row["tender"])
        assert done["bonus_fen"] == fen(row["bonus_given"]), row

    async def _sale(self, row: Row) -> None:
        body: Row = {"lines": self._lines(row), "tenders": self._tenders(row)}
        if row["use_points"]:
            body["points_to_use"] = row["use_points"]
        if row["coupon"]:
            body["coupons"] = [self.coupons[row["member"]]]
        await self._sell(row, body)

    async def _pass(self, row: Row) -> None:
        wallet = await self._wallet(row["member"])
        held = next(each for each in wallet["passes"] if each["left"])
        lines = self._lines(row)
        uses = [{"line_id": "1", "pass_id": held["pass_id"], "count": row["qty1"]}]
        await self._sell(row, {"lines": lines, "passes": uses, "tenders": []})

    async def _gift(self, row: Row) -> None:
        lines = [{"line_id": "1", "code": str(row["code1"]), "quantity": row["qty1"], "gift": True}]
        await self._sell(row, {"lines": lines, "tenders": []})

    async def _sell(self, row: Row, body: Row) -> None:
        """By the member's card where the account is used, else at once. With a coupon the card lies
        there before the sale is begun, so that it is known whose coupon it is."""
        counter, key = self.counter, row["member"]
        from_card = row["op"] != "sale" or row["tender"] in ("stored", "mixed")
        from_card = from_card or row["use_points"] or row["coupon"] or row["pass_given"]
        if key and not from_card:
            body["member_id"] = self.members[key]
        if row["coupon"]:
            await counter.lay(self.cards[key])
        reply = await counter.ask("POST", "/sales", body, key=counter.new_key())
        assert reply.status == 202, (row["n"], reply.body)
        sale_id = reply.body["sale_id"]
        if row["coupon"]:
            await counter.lift()
        elif from_card:
            await counter.tap(self.cards[key])
        sale = await counter.sale(sale_id)
        assert sale["status"] == "approved", (row["n"], sale)
        assert sale["amount_fen"] == fen(row["due"]), (row["n"], sale)
        if key:
            purse = sale["taken"] or {"principal_fen": 0, "bonus_fen": 0}
            assert purse["principal_fen"] == fen(row["principal"]), (row["n"], sale)
            assert purse["bonus_fen"] == fen(row["bonus"]), (row["n"], sale)
        self.sales[row["n"]] = sale_id

    def _lines(self, row: Row) -> list[Row]:
        served = [
            {"employee_id": self.staff[grade], "weight": weight}
            for grade, weight in WEIGHTS.items()
            if row[grade]
        ]
        return [
            {
                "line_id": str(line),
                "code": str(row[f"code{line}"]),
                "quantity": row[f"qty{line}"],
                "staff": served,
            }
            for line in (1, 2, 3)
            if row[f"code{line}"] is not None
        ]

    @staticmethod
    def _tenders(row: Row) -> list[Row]:
        if row["tender"] == "mixed":
            return [
                {"kind": "stored", "amount_fen": fen(row["amount"])},
                {"kind": row["note"], "amount_fen": None},
            ]
        return [{"kind": row["tender"], "amount_fen": None}]

    async def _refund(self, row: Row) -> None:
        await self._bring_back(row, None)

    async def _refund_line(self, row: Row) -> None:
        await self._bring_back(row, "1")

    async def _bring_back(self, row: Row, line_id: str | None) -> None:
        sale_id = self.sales[row["refers"]]
        lines = None
        if line_id is not None:
            sold = await self.counter.sale(sale_id)
            (line,) = (each for each in sold["lines"] if each["line_id"] == line_id)
            lines = {line_id: line["quantity"]}
        reply = await self.counter.ask(
            "POST", f"/sales/{sale_id}/refunds", {"lines": lines}, key=self.counter.new_key()
        )
        assert reply.status == 200, (row["n"], reply.body)

    async def _void(self, row: Row) -> None:
        sale_id = self.sales[row["refers"]]
        reply = await self.counter.ask(
            "POST", f"/sales/{sale_id}/void", {}, key=self.counter.new_key()
        )
        assert reply.status == 200, (row["n"], reply.body)

    async def _check_in(self, row: Row) -> None:
        path = f"/members/{self.members[row['member']]}/check-ins"
        await self.counter.post(path, key=self.counter.new_key())

    async def _adjust(self, row: Row) -> None:
        path = f"/members/{self.members[row['member']]}/points"
        body = {"points": row["amount"], "reason": "goodwill"}
        await self.counter.post(path, body, key=self.counter.new_key())

    async def _coupon(self, row: Row) -> None:
        body = {"campaign": "thanks", "member_ids": [self.members[row["member"]]]}
        made = await self.counter.post("/coupons", body, key=self.counter.new_key())
        self.coupons[row["member"]] = made["coupons"][0]["code"]

    async def _cash_in(self, row: Row) -> None:
        await self._move("in", row)

    async def _cash_out(self, row: Row) -> None:
        await self._move("out", row)

    async def _move(self, way: str, row: Row) -> None:
        body = {"way": way, "amount_fen": fen(row["amount"]), "reason": row["note"]}
        await self.counter.post("/drawer/cash", body, key=self.counter.new_key())

    # -- what came of it -------------------------------------------------------------------------

    async def _wallet(self, key: str) -> Any:
        return await self.counter.get(f"/members/{self.members[key]}/wallet")

    async def _require_money(self, row: Row) -> None:
        """After each operation the member holds what the sheet's rows so far add up to."""
        key, n = row["member"], row["n"]
        sheet = self.book["low"][n + 1]
        principal, bonus = await self.counter.balance(self.members[key])
        assert (principal, bonus) == (fen(sheet[0].value), fen(sheet[1].value)), row

    async def figures(self) -> dict[str, int]:
        """By the names of the sheet `expected`; money in fen."""
        found: dict[str, int] = {}
        for key, member_id in self.members.items():
            principal, bonus = await self.counter.balance(member_id)
            wallet = await self._wallet(key)
            found |= {
                f"member/{key}/principal": principal,
                f"member/{key}/bonus": bonus,
                f"member/{key}/points": wallet["points"]["available"],
                f"member/{key}/pass": sum(each["left"] for each in wallet["passes"]),
            }
        found["stock"] = await self._on_hand()
        return found | await self._earned() | await self._drawer()

    async def _on_hand(self) -> int:
        stock = await self.counter.get("/stock")
        (row,) = (each for each in stock["stock"] if each["code"] == str(self.rule["gift"]))
        return int(row["on_hand"])

    async def _earned(self) -> dict[str, int]:
        day = self.counter.shop.day(self.counter.clock.now_ms())
        told = await self.counter.get(f"/statements?from_day={day}&to_day={day}")
        by_grade = {each["grade"]: each for each in told["statements"]}
        assert all(each["agrees"] for each in told["statements"])
        return {
            f"commission/{grade}": by_grade[grade]["total_fen"] if grade in by_grade else 0
            for grade in WEIGHTS
        }

    async def _drawer(self) -> dict[str, int]:
        """Closes the shift by a blind count that agrees, and reads its Z report."""
        expected = fen(self.expected()["drawer/expected"])
        closed = await self.counter.post(
            "/shifts/current/close", {"counted": notes(expected)}, key=self.counter.new_key()
        )
        report = closed["report"]
        assert report["cash"]["difference_fen"] == 0, report["cash"]
        flows = {each["tender"]: each for each in report["tenders"]}
        none = {"taken_fen": 0, "paid_out_fen": 0}
        found = {
            "drawer/expected": report["cash"]["expected_fen"],
            "drawer/in": report["cash"]["in_fen"],
            "drawer/out": report["cash"]["out_fen"],
            "sold": report["sales"]["fen"],
            "recharged": report["recharges"]["fen"],
            "bonus_given": report["bonus_fen"],
            "count/recharge": report["recharges"]["count"],
            "count/sold": report["sales"]["count"],
            "count/refunds": report["refunds"]["count"],
            "gone/refunds": report["refunds"]["fen"],
            "count/void": report["voids"]["count"],
            "gone/void": report["voids"]["fen"],
        }
        for tender in TENDERS:
            flow = flows.get(tender, none)
            found[f"taken/{tender}"] = flow["taken_fen"]
            found[f"back/{tender}"] = flow["paid_out_fen"]
        return found

    def expected(self) -> dict[str, Any]:
        return {str(name): value for name, value, *_ in rows(self.book, "expected")}


def notes(amount_fen: int) -> list[Row]:
    """The drawer's notes and coins, the largest first."""
    counted = []
    for note_fen in NOTES_FEN:
        count, amount_fen = divmod(amount_fen, note_fen)
        counted.append({"note_fen": note_fen, "count": count})
    return counted


def wanted(sheet: dict[str, Any]) -> dict[str, int]:
    """The sheet's figures under the names of the report, where the report adds some of them up."""
    counted = ("points", "pass", "stock")
    made = {
        name: round(value or 0)
        if name.split("/")[-1] in counted or name.startswith("count/")
        else fen(value)
        for name, value in sheet.items()
        if not name.startswith("check/")
    }
    for tender in TENDERS:
        made[f"taken/{tender}"] = made.pop(f"sale/{tender}") + made.pop(f"recharge/{tender}")
    made["count/sold"] = sum(made.pop(f"count/{op}") for op in ("sale", "pass", "gift"))
    for kind in ("count", "gone"):
        parts = [made.pop(f"{kind}/refund"), made.pop(f"{kind}/refund_line")]
        made[f"{kind}/refunds"] = sum(parts)
    del made["count/check_in"]
    return made


@pytest.mark.parametrize("shop", SHOPS)
def test_the_sheet_is_whole(shop: str) -> None:
    book = openpyxl.load_workbook(DAYS / f"{shop}.xlsx", data_only=True)
    cells = [cell for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row]
    assert not [cell for cell in cells if isinstance(cell, str) and cell.startswith(("#", "Err:"))]
    assert book["day"].max_row == 201
    figures = {str(name): value for name, value, *_ in rows(book, "expected")}
    assert figures["check/lowest_balance"] >= 0


@dataclass(frozen=True)
class Lived:
    """What a day came to, what its sheet says, and where its ledger lies."""

    found: dict[str, int]
    wanted: dict[str, int]
    folder: Path


async def live(shop: str, folder: Path) -> Lived:
    book = openpyxl.load_workbook(DAYS / f"{shop}.xlsx", data_only=True)
    settings = WebSettings(port=0, static=folder / "static")
    # Early on 2026-11-23 in the shop: everything is set up before it opens.
    clock = HandClock(1_795_363_200_000 + 6 * 3_600_000)
    async with living(Counter(folder, clock, settings=settings)) as counter:
        await counter.hire()
        await counter.sign_in(MANAGER)
        day = Day(counter, book)
        await day.set_up()
        await day.run()
        return Lived(await day.figures(), wanted(day.expected()), folder)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("shop", SHOPS)
def test_a_day_comes_out_to_the_fen(shop: str, lived: Callable[[str], Lived]) -> None:
    day = lived(shop)
    assert day.found == day.wanted
