"""Lays out the scenario workbooks: `python -m tests.scenarios.make FOLDER`, then a spreadsheet
program works the formulas out (`soffice --headless --convert-to xlsx --outdir tests/scenarios/days
FOLDER/*.xlsx`).

Each workbook is a day of one shop: its rules, 200 operations, and beside every operation formulas
that say what it must do to the fen. Nothing here knows a price or a balance; the formulas do. The
program under test is not imported: what is expected comes from the spreadsheet alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from tests.scenarios.formulas import AT, FIRST, INPUTS, NAMES, cell, column, fill_row
from tests.scenarios.plan import Plan
from tests.scenarios.shop import ROWS, Shop
from tests.scenarios.shops import SHOPS


def fill_rules(book: Workbook, shop: Shop) -> None:
    rule = book.create_sheet("rule")
    worth = ""
    if shop.pass_count:
        worth = f"=INDEX(codes!$D:$D,MATCH($B$8,codes!$A:$A,0))/{shop.pass_count}"
    said: Sequence[tuple[str, Any]] = (
        ("name", shop.name),
        ("order", shop.order),
        ("points_per_yuan", float(shop.points_per_yuan)),
        ("bonus_earns", shop.bonus_earns),
        ("full", float(shop.full)),
        ("off", float(shop.off)),
        ("wipe", float(shop.wipe)),
        ("pass_code", shop.pass_code),
        ("pass_of", shop.pass_of),
        ("gift_points", shop.gift_points),
        ("check_in", shop.check_in),
        ("points_step", float(shop.points_step)),
        ("points_share", float(shop.points_share)),
        ("coupon_off", float(shop.coupon_off)),
        ("coupon_minimum", float(shop.coupon_minimum)),
        ("every_third_free", shop.every_third_free),
        ("evening_code", shop.evening_code),
        ("evening_price", float(shop.evening_price)),
        ("level_from", float(shop.level_from)),
        ("level_rate", float(shop.level_rate)),
        ("pass_count", shop.pass_count),
        ("pass_worth", worth or 0),
        ("gift", shop.gift),
        ("stock", shop.stock),
        ("float", float(shop.floats)),
    )
    for row, (name, value) in enumerate(said, start=1):
        rule.cell(row, 1, name)
        rule.cell(row, 2, value if value != "" else "-")
    codes = book.create_sheet("codes")
    for code, name, goods, price in shop.codes:
        codes.append([code, name, goods, float(price)])
    rates = book.create_sheet("rates")
    for category, goods, rate in shop.rates:
        rates.append([f"{category}/{goods}", category, goods, float(rate)])
    members = book.create_sheet("members")
    for member in shop.members:
        members.append(list(member))
    tiers = book.create_sheet("tiers")
    tiers.append([0.0, 0.0])
    for least, ratio in shop.tiers:
        tiers.append([float(least), float(ratio)])
    comm = book.create_sheet("comm")
    for goods, grade, count, part in shop.comm_goods:
        comm.append([f"{goods}/{grade}", goods, grade, float(count), float(part)])


def fill_expected(book: Workbook, shop: Shop) -> None:
    sheet = book.create_sheet("expected")

    def summed(name: str, *conditions: tuple[str, str]) -> str:
        where = ",".join(f"day!{span(on)},{value}" for on, value in conditions)
        if not where:
            return f"=ROUND(SUM(day!{span(name)}),2)"
        return f"=ROUND(SUMIFS(day!{span(name)},{where}),2)"

    def span(name: str) -> str:
        return f"${AT[name]}${FIRST}:${AT[name]}${FIRST + ROWS - 1}"

    for key, _, _ in shop.members:
        for asset, name in (
            ("principal", "d_principal"),
            ("bonus", "d_bonus"),
            ("points", "d_points"),
            ("pass", "d_pass"),
        ):
            sheet.append([f"member/{key}/{asset}", summed(name, ("member", f'"{key}"'))])
    for who in ("senior", "junior"):
        sheet.append([f"commission/{who}", summed(f"d_comm_{who}")])
    for tender in ("cash", "wechat", "bank_card", "alipay"):
        for op in ("sale", "recharge"):
            figure = summed(tender, ("op", f'"{op}"'))
            if op == "sale":
                figure += f'+ROUND(SUMIFS(day!{span(tender)},day!{span("op")},"pass"),2)'
            sheet.append([f"{op}/{tender}", figure])
        sheet.append(
            [
                f"back/{tender}",
                f'=-ROUND(SUMIFS(day!{span(tender)},day!{span("op")},"refund")'
                f'+SUMIFS(day!{span(tender)},day!{span("op")},"refund_line")'
                f'+SUMIFS(day!{span(tender)},day!{span("op")},"void"),2)',
            ]
        )
    sheet.append(["drawer/in", summed("amount", ("op", '"cash_in"'))])
    sheet.append(["drawer/out", summed("amount", ("op", '"cash_out"'))])
    sheet.append(["drawer/expected", f"=ROUND(rule!$B$25+SUM(day!{span('cash')}),2)"])
    sheet.append(["sold", summed("due")])
    sheet.append(["recharged", summed("amount", ("op", '"recharge"'))])
    sheet.append(["bonus_given", summed("bonus_given")])
    for op in ("sale", "pass", "gift", "recharge", "refund", "refund_line", "void", "check_in"):
        sheet.append([f"count/{op}", f'=COUNTIF(day!{span("op")},"{op}")'])
    sheet.append(["stock", f'=rule!$B$24-SUMIFS(day!{span("qty1")},day!{span("op")},"gift")'])
    for op in ("refund", "refund_line", "void"):
        sheet.append([f"gone/{op}", f'=-SUMIFS(day!{span("spend")},day!{span("op")},"{op}")'])
    lows = [f"MIN(low!$A$2:${column(3)}${ROWS + 1})"]
    sheet.append(["check/lowest_balance", "=" + lows[0]])
    low = book.create_sheet("low")
    low.append(["principal", "bonus", "points"])
    for row in range(FIRST, FIRST + ROWS):
        low.append(
            [
                f'=IF(day!{cell("member", row)}="",0,ROUND(SUMIFS(day!${AT[name]}${FIRST}:'
                f"${AT[name]}{row},day!${AT['member']}${FIRST}:${AT['member']}{row},"
                f"day!{cell('member', row)}),2))"
                for name in ("d_principal", "d_bonus", "d_points")
            ]
        )


def make(shop: Shop, path: Path, seed: int) -> None:
    book = Workbook()
    day = book.active
    assert day is not None
    day.title = "day"
    day.append(NAMES)
    for number, row in enumerate(Plan(shop, seed).make(), start=FIRST):
        for name in INPUTS:
            value = row.get(name)
            if value is not None:
                day[f"{AT[name]}{number}"] = value
        fill_row(day, number)
    day.freeze_panes = "E2"
    fill_rules(book, shop)
    fill_expected(book, shop)
    book.save(path)


def main() -> None:
    (folder,) = sys.argv[1:]
    for key, shop in SHOPS.items():
        make(shop, Path(folder) / f"{key}.xlsx", shop.seed)


if __name__ == "__main__":
    main()
