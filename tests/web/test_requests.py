"""What the interface refuses before any operation is asked, and how it says so."""

from __future__ import annotations

import asyncio
import re
import resource
from pathlib import Path
from typing import Any

import pytest

from daemon.core import errors
from daemon.web.api import ROUTES
from daemon.web.problems import problem_of
from daemon.web.server import WebSettings
from daemon.web.session import is_our_host

from .till import MANAGER, Counter, customer, desfire

NOBODY = "01JD8ZK3V7Q4M9T2X6R5W1C0BA"


def named(path: str, wanted: str = NOBODY) -> str:
    """The path with `wanted` for each of its ids."""
    return re.sub(r"{\w+}", wanted, path)


def bodies() -> dict[str, Any]:
    """A right body for each route that needs one."""
    return {
        "begin_sale": {"amount_fen": 100},
        "give_pin": {"pin": "1234"},
        "recharge": {"member_id": NOBODY, "amount_fen": 100, "tender": "cash"},
        "new_member": {"name": "A"},
        "set_member_pin": {"pin": "1234"},
        "reset_member_pin": {"pin": "1234"},
        "keep_member_identity": {"kind": "passport", "number": "E12345678", "name": "A"},
        "begin_issue": {"member_id": NOBODY},
        "change_card_status": {"status": "lost"},
        "open_session": {"employee": "1", "pin": "123456"},
        "change_employee": {"number": "3", "name": "A", "role": "cashier"},
        "reset_employee_pin": {"pin": "123456"},
        "adjust_member_points": {"points": 1, "reason": "goodwill"},
        "set_level": {"level": None, "reason": "by_hand"},
        "change_member": {"version": "0" * 16},
        "unmask_member": {"reason": "asked"},
        "change_filter": {"name": "A", "filter": []},
        "map_columns": {"mapping": ["name"], "on_match": "skip"},
        "decide_deed": {"outcome": "done", "reason": "seen"},
    }


@pytest.mark.parametrize("route", [one for one in ROUTES if one.signed_in], ids=lambda r: r.name)
async def test_every_route_needs_a_session(bare: Counter, route: Any) -> None:
    path = named(route.path)
    for token in (None, "nonsense", "x" * 200, ""):
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        reply = await bare.ask(
            route.method, path, bodies().get(route.name, {}), token=None, key="k", headers=headers
        )
        assert (reply.status, reply.key) == (401, "not_signed_in")
        assert reply.headers["WWW-Authenticate"] == "Bearer"
        assert reply.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("route", [one for one in ROUTES if "{" in one.path], ids=lambda r: r.name)
async def test_what_is_not_there_is_not_found(bare: Counter, route: Any) -> None:
    await bare.sign_in(MANAGER)
    for wrong in (NOBODY, "1", "%00", "%ED%A0%80", "01jd8zk3v7q4m9t2x6r5w1c0ba", "%F0%9F%80%84"):
        path = named(route.path, wrong)
        reply = await bare.ask(route.method, path, bodies().get(route.name, {}), key="k")
        assert reply.status == 404, (wrong, reply)
        assert reply.key.endswith("_unknown")


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {"amount_fen": 0},
        {"amount_fen": -5},
        {"amount_fen": 10**12},
        {"amount_fen": 10**40},
        {"amount_fen": 18.5},
        {"amount_fen": True},
        {"amount_fen": "1850"},
        {"amount_fen": None},
        {"amount_fen": 5, "tip_fen": 5},
    ],
)
async def test_amounts_that_are_none(counter: Counter, body: Any) -> None:
    reply = await counter.ask("POST", "/sales", body, key="k", raw=None if body else _raw(body))
    assert (reply.status, reply.key) == (422, "request_invalid")
    assert all(set(one) == {"at", "why"} for one in reply.body["errors"])


def _raw(body: Any) -> bytes:
    return {"None": b"null", "[]": b"[]", "{}": b"{}"}[str(body)]


async def test_an_integral_float_is_an_integer(counter: Counter) -> None:
    reply = await counter.ask("POST", "/sales", raw=b'{"amount_fen": 18.0}', key="k")
    assert (reply.status, reply.body["amount_fen"]) == (202, 18)
    assert isinstance(reply.body["amount_fen"], int)


async def test_amount_above_the_shops_limit(counter: Counter) -> None:
    reply = await counter.ask("POST", "/sales", {"amount_fen": 500_001}, key="k")
    assert (reply.status, reply.key) == (422, "amount_too_large")
    assert reply.body["facts"] == {"most_fen": 500_000}


@pytest.mark.parametrize(
    "raw", [b"{", b"\xff\xfe", b'{"amount_fen": 1', b"[" * 10_000, b'{"amount_fen": 01}', b"nul"]
)
async def test_a_body_that_is_not_json(counter: Counter, raw: bytes) -> None:
    reply = await counter.ask("POST", "/sales", raw=raw, key="k")
    assert (reply.status, reply.key) == (400, "body_not_json")


async def test_body_without_its_media_type_or_too_large(counter: Counter) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=x"):
        reply = await counter.ask(
            "POST", "/sales", raw=b"{}", key="k", headers={"Content-Type": kind}
        )
        assert (reply.status, reply.key) == (415, "media_type_unsupported")
    large = await counter.ask("POST", "/sales", raw=b" " * 20_000, key="k")
    assert (large.status, large.key) == (413, "body_too_large")


async def test_unknown_path_and_method(counter: Counter) -> None:
    gone = await counter.ask("GET", "/nothing")
    assert (gone.status, gone.key) == (404, "not_found")
    wrong = await counter.ask("PATCH", "/sales")
    assert (wrong.status, wrong.key) == (405, "method_not_allowed")
    assert set(wrong.headers["Allow"].split(",")) == {"GET", "POST"}


async def test_a_mistake_never_repeats_what_was_typed(counter: Counter) -> None:
    reply = await counter.ask("POST", "/session", {"employee": "1", "pin": "secret99"}, token=None)
    assert reply.status == 422
    assert "secret99" not in str(reply.body)
    assert reply.body["errors"][0]["at"] == "pin"


async def test_lone_surrogates_are_refused(counter: Counter) -> None:
    for path, raw in (
        ("/members", b'{"name": "\\ud800"}'),
        ("/session", b'{"employee": "\\ud800", "pin": "123456"}'),
    ):
        reply = await counter.ask("POST", path, raw=raw)
        assert reply.status in (400, 422)


async def test_what_is_no_http_is_refused_and_not_logged(
    counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    """A line that breaks the rules of HTTP may be the one with the token."""
    host, port = counter.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET / HTTP/1.1\r\nAuthorization: Bearer sec\x00ret\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert answer.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
    assert "a request was not answered" in caplog.text and "Bearer" not in caplog.text


async def test_query_is_bounded(counter: Counter) -> None:
    for path in ("/sales?limit=0", "/sales?limit=x", "/sales?status=gone", "/members?limit=51"):
        reply = await counter.ask("GET", path)
        assert (reply.status, reply.key) == (422, "request_invalid"), path
        assert reply.body["errors"][0]["at"].startswith("query.")
    assert (await counter.get("/sales?limit=1&unheard=of")) == {"sales": []}


# -- where requests come from ---------------------------------------------------------------------


async def test_a_foreign_name_is_refused(bare: Counter) -> None:
    for path in ("/healthz", "/", "/api/v1/openapi.json"):
        for host in ("evil.example", "evil.example:80", "localhost.evil.example", "a@localhost"):
            reply = await bare.ask("GET", path, headers={"Host": host}, token=None)
            assert (reply.status, reply.key) == (403, "host_refused"), (path, host)
    for host in ("localhost", "LOCALHOST:99", "127.0.0.1:8080", "[::1]:80", "192.168.1.20"):
        assert (await bare.ask("GET", "/healthz", headers={"Host": host})).status == 200


def test_allowed_names() -> None:
    allowed = ("counter.local", "till.example:8443")
    assert is_our_host("counter.local", allowed) and is_our_host("Counter.Local:81", allowed)
    assert is_our_host("till.example:8443", allowed)
    for host in ("till.example", "x.counter.local", "", "counter.local/", "counter.local:x", "[::"):
        assert not is_our_host(host, allowed), host


async def test_a_foreign_page_cannot_use_the_cookie(bare: Counter) -> None:
    token = await bare.sign_in()
    cookie = {"Cookie": f"counterd_session={token}"}
    own = bare.address
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": own.replace("http", "ftp")},
        {"Origin": own + "0"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": own},
    ):
        reply = await bare.ask(
            "POST", "/sales", {"amount_fen": 1}, key="k", token=None, headers={**cookie, **headers}
        )
        assert (reply.status, reply.key) == (403, "origin_refused"), headers
    login = await bare.ask(
        "POST",
        "/session",
        {"employee": "1", "pin": "123456"},
        token=None,
        headers={"Origin": "https://evil.example"},
    )
    assert (login.status, login.key) == (403, "origin_refused")
    for headers in ({"Origin": own}, {"Sec-Fetch-Site": "same-origin"}, {}):
        reply = await bare.ask(
            "POST", "/sales", {"amount_fen": 1}, key="k", token=None, headers={**cookie, **headers}
        )
        assert reply.status == 202, headers
    # A page of elsewhere cannot set this header without being asked first.
    bearer = await bare.ask("GET", "/status", headers={"Origin": "https://evil.example"})
    assert bearer.status == 200


async def test_security_headers_are_on_every_answer(counter: Counter) -> None:
    for path in ("/", "/healthz", "/status", "/nothing", "/api/v1/openapi.json"):
        headers = (await counter.ask("GET", path)).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


# -- the page and the device ----------------------------------------------------------------------


async def test_page_without_and_with_a_build(tmp_path: Path, counter: Counter) -> None:
    static = tmp_path / "static"
    await counter.stop()
    built = counter.reborn()
    built.settings = WebSettings(port=0, static=static, frame_ancestors=("https://shop.example",))
    await built.start()
    missing = await built.ask("GET", "/", token=None)
    assert missing.status == 503 and "npm run build" in missing.body.decode()
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html><p>page</p>")
    (static / "assets" / "app-1a2b.js").write_text("1")
    (static / "secret.txt").write_text("2")
    page = await built.ask("GET", "/", token=None)
    assert page.status == 200 and page.headers["Cache-Control"] == "no-cache"
    assert "frame-ancestors https://shop.example" in page.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in page.headers
    script = await built.ask("GET", "/assets/app-1a2b.js", token=None)
    assert "immutable" in script.headers["Cache-Control"]
    assert "javascript" in script.headers["Content-Type"]
    for path in ("..%2fsecret.txt", "%2e%2e/secret.txt", ".hidden", "nothing.js", "a%00b"):
        gone = await built.ask("GET", f"/assets/{path}", token=None)
        assert gone.status in (400, 404), path
    await built.stop()
    await counter.start()


async def test_health(bare: Counter) -> None:
    body = await bare.get("/healthz", token=None)
    assert body["status"] == "ok" and body["version"]
    assert {one["name"] for one in body["readers"]} == {"desk", "window"}
    parts = {"readers", "printer", "panel", "ledger", "sync", "clock"}
    assert set(body) == {"status", "version"} | parts
    bare.printer.run_out_of_paper()
    assert (await bare.get("/healthz", token=None))["status"] == "degraded"


async def test_status_names_the_device(counter: Counter) -> None:
    body = await counter.get("/status")
    device = {"id": "d1", "store": "S1", "name": "counter 1", "shop": "测试店"}
    assert body["device"] == device
    assert body["languages"] == ["zh-CN", "en"] and body["demo"] is False
    assert body["counter"]["state"] == "idle" and body["last_run"] is None


async def test_a_disk_that_takes_no_more_stops_the_counter(counter: Counter) -> None:
    """The file size limit of the process stands for a full disk: the write truly fails."""
    member = await customer(counter, desfire())
    await counter.papers(1)
    wal = counter.folder / "ledger.db-wal"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size, hard))
    try:
        body = {"member_id": member.member_id, "amount_fen": 30_000, "tender": "cash"}
        first = await counter.ask("POST", "/recharges", body, key="k")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert first.status == 503 and first.key.startswith("ledger_"), first
    health = await counter.ask("GET", "/healthz", token=None)
    assert (health.status, health.body["status"]) == (503, "stopped")
    later = await counter.ask("POST", "/sales", {"amount_fen": 100}, key="k2")
    assert (later.status, later.key) == (503, "ledger_stopped")
    assert await counter.balance(member.member_id) == (50_000, 5_000)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.NotFound("sale_unknown"), 404),
        (errors.Conflict("already_voided"), 409),
        (errors.BadRequest("pin_malformed"), 422),
        (errors.Refused("balance_ceiling"), 409),
        (errors.NotAllowed("not_signed_in"), 401),
        (errors.NotAllowed("session_over"), 401),
        (errors.NotAllowed("sign_in_failed", left=2), 401),
        (errors.NotAllowed("sign_in_locked", seconds=60), 429),
        (errors.NotAllowed("pin_locked", seconds=60), 429),
        (errors.NotAllowed("pin_wrong", left=1), 403),
        (errors.NotAllowed("void_not_allowed"), 403),
        (errors.CardGone("card_gone"), 503),
        (errors.ReaderError("reader_absent"), 503),
        (errors.PrinterError("printer_absent"), 503),
        (errors.KeyMissing("card_key_missing"), 503),
        (errors.LedgerFull("ledger_full"), 503),
        (errors.SyncError("batch_malformed"), 500),
    ],
)
def test_each_error_has_its_status(error: errors.CounterError, status: int) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.key) == (status, error.key)
    if status == 429:
        assert problem.headers["Retry-After"] == "60"
