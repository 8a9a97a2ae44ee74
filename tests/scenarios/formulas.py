"""What each operation must do, as formulas of a spreadsheet. Nothing here knows a price."""

from __future__ import annotations

from openpyxl.worksheet.worksheet import Worksheet

from tests.scenarios.shop import ROWS

LINES = 3
FIRST = 2
"""The first row of operations; row 1 holds the names of the columns."""
INPUTS = (
    "n", "minute", "op", "member", "code1", "qty1", "code2", "qty2", "code3", "qty3", "tender",
    "amount", "refers", "senior", "junior", "use_points", "coupon", "note",
)  # fmt: skip
PER_LINE = ("price", "goods", "list", "pass", "rate", "member", "promo")
WORKED = (
    "category", "level", "due_lines", "full_off", "coupon_off", "points_off", "wipe", "due",
    "stored", "rest", "principal", "bonus", "bonus_given", "earned", "spent_points", "comm_senior",
    "comm_junior", "pass_used", "pass_given", "d_principal", "d_bonus", "d_points", "d_pass",
    "cash", "wechat", "bank_card", "alipay", "spend", "d_comm_senior", "d_comm_junior",
)  # fmt: skip


def column(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


NAMES = [*INPUTS, *(f"{name}{line}" for line in (1, 2, 3) for name in PER_LINE), *WORKED]
AT = {name: column(place) for place, name in enumerate(NAMES, start=1)}


def cell(name: str, row: int) -> str:
    return f"${AT[name]}{row}"


def above(name: str, row: int) -> str:
    """The column's cells over this row; the heading is among them, so there always is one."""
    return f"${AT[name]}$1:${AT[name]}{row - 1}"


def of_row(name: str, number: str) -> str:
    """The value of the operation that `number` refers to."""
    return f"INDEX(${AT[name]}$2:${AT[name]}${ROWS + 1},{number})"


def line_formulas(row: int, line: int) -> dict[str, str]:
    code, qty = cell(f"code{line}", row), cell(f"qty{line}", row)
    price, goods = cell(f"price{line}", row), cell(f"goods{line}", row)
    listed, uses = cell(f"list{line}", row), cell(f"pass{line}", row)
    member_rate = (
        f'IFERROR(INDEX(rates!$D:$D,MATCH({cell("category", row)}&"/"&{goods},rates!$A:$A,0)),1)'
    )
    level_rate = f'IF(AND({cell("level", row)}="vip",{goods}<>"card"),rule!$B$20,1)'
    third = f"INT({qty}/3)*{price}"
    evening = f"{qty}*({price}-rule!$B$18)"
    return {
        "price": f'IF({code}="",0,INDEX(codes!$D:$D,MATCH({code},codes!$A:$A,0)))',
        "goods": f'IF({code}="","",INDEX(codes!$C:$C,MATCH({code},codes!$A:$A,0)))',
        "list": f'IF({code}="",0,{price}*{qty})',
        "pass": f'IF(AND({cell("op", row)}="pass",{code}=rule!$B$9),{qty},0)',
        "rate": f'IF({cell("member", row)}="",1,MIN({member_rate},{level_rate}))',
        "member": f"ROUND(ROUND(({listed}-{uses}*{price})*{cell(f'rate{line}', row)},6),2)",
        "promo": (
            f'IF({code}="",0,IF({goods}=rule!$B$16,{third},'
            f"IF(AND({code}=rule!$B$17,{cell('minute', row)}>=1200),{evening},0)))"
        ),
    }


def money_formulas(row: int) -> dict[str, str]:
    """From the lines to what is due and who pays it."""
    sums = "+".join(f"{cell(f'member{n}', row)}-{cell(f'promo{n}', row)}" for n in (1, 2, 3))
    counted = "+".join(cell(f"member{n}", row) for n in (1, 2, 3))
    op, member, tender = cell("op", row), cell("member", row), cell("tender", row)
    sells = f'OR({op}="sale",{op}="pass")'
    due_lines, off, coupon = cell("due_lines", row), cell("full_off", row), cell("coupon_off", row)
    left = f"({due_lines}-{off}-{coupon})"
    points, due = cell("points_off", row), cell("due", row)
    stored = cell("stored", row)
    held_p = f"SUMIFS({above('d_principal', row)},{above('member', row)},{member})"
    held_b = f"SUMIFS({above('d_bonus', row)},{above('member', row)},{member})"
    share_b = f"INT(ROUND({stored}*100*{held_b}/({held_p}+{held_b}),6))/100"
    return {
        "category": (f'IF({member}="","",INDEX(members!$C:$C,MATCH({member},members!$A:$A,0)))'),
        "level": (
            f'IF(AND(rule!$B$19>0,{member}<>""),IF(OR(COUNTIFS({above("member", row)},{member},'
            f'{above("level", row)},"vip")>0,SUMIFS({above("spend", row)},{above("member", row)},'
            f'{member})>=rule!$B$19),"vip",""),"")'
        ),
        "due_lines": f"IF({sells},ROUND({sums},2),0)",
        "full_off": (f"IF(AND({sells},rule!$B$5>0,ROUND({counted},2)>=rule!$B$5),rule!$B$6,0)"),
        "coupon_off": (
            f'IF(AND({sells},{cell("coupon", row)}<>"",ROUND({counted},2)>=rule!$B$15),'
            "rule!$B$14,0)"
        ),
        "points_off": (
            f"IF(AND({sells},{cell('use_points', row)}>0),MIN({cell('use_points', row)}/100*"
            f"rule!$B$12,INT(ROUND({left}*rule!$B$13/rule!$B$12,6))*rule!$B$12),0)"
        ),
        "wipe": (f"ROUND(({left}-{points})-INT(ROUND(({left}-{points})/rule!$B$7,6))*rule!$B$7,2)"),
        "due": f"ROUND({left}-{points}-{cell('wipe', row)},2)",
        "stored": (
            f'IF(NOT({sells}),0,IF({tender}="stored",{due},IF({tender}="mixed",'
            f"MIN({cell('amount', row)},{due}),0)))"
        ),
        "rest": f"IF({sells},ROUND({due}-{stored},2),0)",
        "principal": (
            f'IF({stored}=0,0,IF(rule!$B$2="principal_first",MIN({stored},{held_p}),'
            f'IF(rule!$B$2="bonus_first",ROUND({stored}-MIN({stored},{held_b}),2),'
            f"ROUND({stored}-{share_b},2))))"
        ),
        "bonus": f"ROUND({stored}-{cell('principal', row)},2)",
        "bonus_given": (
            f'IF({op}="recharge",INT(ROUND({cell("amount", row)}*100*'
            f"LOOKUP({cell('amount', row)},tiers!$A:$A,tiers!$B:$B),6))/100,0)"
        ),
    }


def gain_formulas(row: int) -> dict[str, str]:
    """Points, passes and commission."""
    op, member = cell("op", row), cell("member", row)
    sells = f'OR({op}="sale",{op}="pass")'
    counts = f"({cell('due', row)}-IF(rule!$B$4=1,0,{cell('bonus', row)}))"
    made: dict[str, str] = {
        "earned": (
            f'IF(AND({sells},{member}<>""),INT(ROUND({counts}*rule!$B$3,6)),'
            f'IF({op}="check_in",rule!$B$11,IF({op}="adjust",{cell("amount", row)},0)))'
        ),
        "spent_points": (
            f'IF({op}="gift",rule!$B$10*{cell("qty1", row)},ROUND({cell("points_off", row)}/'
            "IF(rule!$B$12>0,rule!$B$12,1)*100,0))"
        ),
        "pass_used": "+".join(cell(f"pass{n}", row) for n in (1, 2, 3)),
        "pass_given": (
            f'IF(AND({op}="sale",{cell("code1", row)}=rule!$B$8),{cell("qty1", row)}*rule!$B$21,0)'
        ),
    }
    for who, grade in (("senior", "senior"), ("junior", "junior")):
        made[f"comm_{who}"] = commission(row, grade)
    return made


def commission(row: int, grade: str) -> str:
    """Two employees share a line 60 to 40, one has it whole; a line's sum is rounded once and the
    odd fen goes to the larger remainder. Uses of a pass count for what one use was paid with."""
    senior, junior = cell("senior", row), cell("junior", row)
    both = f"AND({senior}<>0,{junior}<>0)"
    parts = []
    for n in (1, 2, 3):
        goods, qty = cell(f"goods{n}", row), cell(f"qty{n}", row)
        uses = cell(f"pass{n}", row)
        paid = (
            f"({cell(f'member{n}', row)}-{cell(f'promo{n}', row)}-IF({cell('due_lines', row)}=0,0,"
            f"{cell('points_off', row)})+{uses}*rule!$B$22)"
        )

        def claim(of: str, paid: str = paid, goods: str = goods, qty: str = qty) -> str:
            found = f'MATCH({goods}&"/{of}",comm!$A:$A,0)'
            count = f"IFERROR(INDEX(comm!$D:$D,{found}),0)"
            share = f"IFERROR(INDEX(comm!$E:$E,{found}),0)"
            weight = f"IF({both},{'0.6' if of == 'senior' else '0.4'},IF({cell(of, row)}<>0,1,0))"
            return f"ROUND(({count}*{qty}+{share}*{paid})*{weight}*100,6)"

        mine, other = claim(grade), claim("junior" if grade == "senior" else "senior")
        total = f"INT(ROUND({mine}+{other}+0.5,6))"
        odd = f"({total}-INT({mine})-INT({other}))"
        larger = f"IF(({mine}-INT({mine}))>({other}-INT({other})),1,0)"
        parts.append(
            f'IF({cell(f"code{n}", row)}="",0,(INT({mine})+IF({odd}=1,{larger},'
            f"IF({odd}=2,1,0)))/100)"
        )
    sells = f'OR({cell("op", row)}="sale",{cell("op", row)}="pass")'
    return f"IF({sells},ROUND({'+'.join(parts)},2),0)"


def change_formulas(row: int) -> dict[str, str]:
    """What the operation does to the member and to each tender; a refund undoes another row."""
    op, tender = cell("op", row), cell("tender", row)
    refers = cell("refers", row)
    back = f'OR({op}="refund",{op}="void")'

    def undone(name: str, formula: str) -> str:
        return f"IF({back},-{of_row(name, refers)},{formula})"

    def taken(name: str) -> str:
        mixed = f'AND({tender}="mixed",{cell("note", row)}="{name}")'
        sale = f'IF(OR({tender}="{name}",{mixed}),{cell("rest", row)},0)'
        recharge = f'IF(AND({op}="recharge",{tender}="{name}"),{cell("amount", row)},0)'
        drawer = (
            f'IF({op}="cash_in",{cell("amount", row)},IF({op}="cash_out",-{cell("amount", row)},0))'
        )
        line = f"({of_row('member1', refers)}-{of_row('promo1', refers)})"
        brought = f'IF({op}="refund_line",IF({of_row("tender", refers)}="{name}",-{line},0),0)'
        return f"{sale}+{recharge}+{brought}" + (f"+{drawer}" if name == "cash" else "")

    return {
        "d_principal": undone(
            "d_principal",
            f'IF({op}="recharge",{cell("amount", row)},-{cell("principal", row)})',
        ),
        "d_bonus": undone("d_bonus", f"{cell('bonus_given', row)}-{cell('bonus', row)}"),
        "d_points": undone("d_points", f"{cell('earned', row)}-{cell('spent_points', row)}"),
        "d_pass": undone("d_pass", f"{cell('pass_given', row)}-{cell('pass_used', row)}"),
        "cash": undone("cash", taken("cash")),
        "wechat": undone("wechat", taken("wechat")),
        "bank_card": undone("bank_card", taken("bank_card")),
        "alipay": undone("alipay", taken("alipay")),
        "spend": undone(
            "spend",
            f'IF({op}="refund_line",{of_row("promo1", refers)}-{of_row("member1", refers)},'
            f"{cell('due', row)})",
        ),
        "d_comm_senior": undone("d_comm_senior", cell("comm_senior", row)),
        "d_comm_junior": undone("d_comm_junior", cell("comm_junior", row)),
    }


def fill_row(sheet: Worksheet, row: int) -> None:
    formulas: dict[str, str] = {}
    for line in range(1, LINES + 1):
        formulas |= {f"{name}{line}": f for name, f in line_formulas(row, line).items()}
    formulas |= money_formulas(row) | gain_formulas(row) | change_formulas(row)
    for name, formula in formulas.items():
        sheet[f"{AT[name]}{row}"] = "=" + formula
