"""Chooses what happens on a day."""

from __future__ import annotations

import random
from typing import Any

from tests.scenarios.formulas import LINES
from tests.scenarios.shop import ROWS, Shop


class Plan:
    """Chooses what happens, pessimistically enough that nobody runs dry. The figures come from the
    formulas, not from here."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self.shop, self.chance = shop, random.Random(seed)
        self.price = {code: float(price) for code, _, _, price in shop.codes}
        self.goods = {code: goods for code, _, goods, _ in shop.codes}
        self.money = {key: 0.0 for key, _, _ in shop.members}
        self.points = dict.fromkeys(self.money, 0.0)
        self.uses = dict.fromkeys(self.money, 0)
        self.checked: set[str] = set()
        self.coupons: set[str] = set()
        self.rows: list[dict[str, Any]] = []
        self.undoable: list[int] = []
        self.partly: list[int] = []
        self.gifts = shop.stock

    def make(self) -> list[dict[str, Any]]:
        kinds, weights = list(self.shop.plan), list(self.shop.plan.values())
        for key, _, _ in self.shop.members:
            self._recharge(key)
        while len(self.rows) < ROWS:
            kind = self.chance.choices(kinds, weights)[0]
            row = getattr(self, f"_{kind}")(self.chance.choice(list(self.money)))
            if row is not None:
                self._keep(row)
        for n, row in enumerate(self.rows, start=1):
            row["n"], row["minute"] = n, 540 + n * 4
        return self.rows

    def _keep(self, row: dict[str, Any]) -> None:
        self.rows.append(row)

    def _recharge(self, key: str) -> dict[str, Any] | None:
        if len(self.rows) >= len(self.money) and self.money[key] > 400:
            return None
        amount = self.chance.choice([100, 200, 300, 500, 500, 800])
        self.money[key] += amount
        row = {
            "op": "recharge", "member": key, "amount": amount,
            "tender": self.chance.choice(["cash", "wechat", "bank_card", "alipay"]),
        }  # fmt: skip
        if len(self.rows) < len(self.money):
            self._keep(row)
            return None
        return row

    def _lines(self, row: dict[str, Any], most: int) -> float:
        """One line of each kind of goods at most: sets of three count over lines."""
        sold = [c for c in self.price if c not in (self.shop.pass_code, self.shop.gift)]
        self.chance.shuffle(sold)
        total, seen = 0.0, set()
        for n in range(1, self.chance.randint(1, most) + 1):
            code = sold.pop()
            if self.goods[code] in seen and self.goods[code] == self.shop.every_third_free:
                continue
            seen.add(self.goods[code])
            dear = self.price[code] > 60
            row[f"code{n}"], row[f"qty{n}"] = code, 1 if dear else self.chance.randint(1, 4)
            total += self.price[code] * row[f"qty{n}"]
        if "code1" not in row:
            return self._lines(row, most)
        return total

    def _staff(self, row: dict[str, Any]) -> None:
        if not self.shop.comm_goods:
            return
        drawn = self.chance.random()
        row["senior"], row["junior"] = int(drawn < 0.65), int(drawn > 0.35)

    def _sale(self, key: str) -> dict[str, Any] | None:
        row: dict[str, Any] = {"op": "sale"}
        stranger = self.chance.random() < 0.15
        pay_points = not stranger and float(self.shop.points_step) > 0 and self.points[key] > 400
        pay_points = pay_points and self.chance.random() < 0.4
        total = self._lines(row, 1 if pay_points else LINES)
        self._staff(row)
        if pay_points:
            row["use_points"] = self.chance.choice([100, 200, 300])
            self.points[key] -= row["use_points"]
        tenders = ["cash", "wechat", "bank_card", "alipay"]
        if not stranger:
            row["member"] = key
            if total + 1 <= self.money[key] and total <= 480 and self.chance.random() < 0.75:
                row["tender"] = "stored"
                self.money[key] -= total
            elif self.money[key] > 30 and total > 35 and self.chance.random() < 0.6:
                # Less than any discount leaves: the rest is never nothing.
                part = min(total * 0.3, self.money[key] - 1)
                row["tender"], row["amount"] = "mixed", round(part, 2)
                row["note"] = self.chance.choice(tenders)
                self.money[key] -= row["amount"]
            if key in self.coupons and self.chance.random() < 0.5 and total > 40:
                self.coupons.discard(key)
                row["coupon"] = key
            self.points[key] += int(total * 0.3 * float(self.shop.points_per_yuan))
        row.setdefault("tender", self.chance.choice(tenders))
        if total > 20 and "coupon" not in row and "use_points" not in row:
            one_line = stranger and "code2" in row
            (self.partly if one_line else self.undoable).append(len(self.rows) + 1)
        return row

    def _buy_pass(self, key: str) -> dict[str, Any] | None:
        if not self.shop.pass_code or self.uses[key] > 4:
            return None
        self.uses[key] += self.shop.pass_count
        return {
            "op": "sale", "member": key, "code1": self.shop.pass_code, "qty1": 1,
            "tender": self.chance.choice(["cash", "wechat"]),
        }  # fmt: skip

    def _use_pass(self, key: str) -> dict[str, Any] | None:
        if self.uses[key] < 1:
            return None
        self.uses[key] -= 1
        row: dict[str, Any] = {
            "op": "pass", "member": key, "code1": self.shop.pass_of, "qty1": 1, "tender": "stored",
        }  # fmt: skip
        self._staff(row)
        return row

    def _gift(self, key: str) -> dict[str, Any] | None:
        if self.points[key] < self.shop.gift_points * 1.5 or not self.gifts:
            return None
        self.points[key] -= self.shop.gift_points
        self.gifts -= 1
        return {"op": "gift", "member": key, "code1": self.shop.gift, "qty1": 1}

    def _check_in(self, key: str) -> dict[str, Any] | None:
        if key in self.checked:
            return None
        self.checked.add(key)
        self.points[key] += self.shop.check_in
        return {"op": "check_in", "member": key}

    def _adjust(self, key: str) -> dict[str, Any] | None:
        amount = self.chance.choice([10, 20, 50, 100])
        self.points[key] += amount
        return {"op": "adjust", "member": key, "amount": amount, "note": "service recovery"}

    def _coupon(self, key: str) -> dict[str, Any] | None:
        if key in self.coupons or not float(self.shop.coupon_off):
            return None
        self.coupons.add(key)
        return {"op": "coupon", "member": key}

    def _undo(self, kind: str) -> dict[str, Any] | None:
        recent = [n for n in self.undoable if len(self.rows) - n < 30]
        if not recent:
            return None
        n = self.chance.choice(recent)
        self.undoable.remove(n)
        sold = self.rows[n - 1]
        return {"op": kind, "member": sold.get("member"), "refers": n}

    def _refund(self, _: str) -> dict[str, Any] | None:
        return self._undo("refund")

    def _void(self, _: str) -> dict[str, Any] | None:
        return self._undo("void")

    def _refund_line(self, _: str) -> dict[str, Any] | None:
        """The first line of a sale to nobody: what it cost comes back by the tender of the sale."""
        if not self.partly:
            return None
        return {"op": "refund_line", "refers": self.partly.pop(0)}

    def _cash_in(self, _: str) -> dict[str, Any] | None:
        return {"op": "cash_in", "amount": self.chance.choice([50, 100]), "note": "change"}

    def _cash_out(self, _: str) -> dict[str, Any] | None:
        return {"op": "cash_out", "amount": self.chance.choice([20, 35.5]), "note": "supplies"}
