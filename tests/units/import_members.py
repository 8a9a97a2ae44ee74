"""Runs inside the booted container, by the machine's own Python: takes a workbook of members in at
the daemon that the unit has started, and writes what happens to /rig/report (NAME=VALUE a line).

Usage: import_members.py EMPLOYEE PIN"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

RIG = Path("/rig")
API = "http://127.0.0.1:8080/api/v1"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
JSON = "application/json"
LOOKS = 240
LOOK_EVERY_S = 0.25


def ask(method: str, path: str, token: str, body: bytes | None, kind: str) -> bytes:
    """The body of the answer, also of a refusal: the report says what it was."""
    headers = {"Content-Type": kind} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(f"{API}{path}", body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            whole: bytes = response.read()
    except urllib.error.HTTPError as error:
        whole = error.read()
    return whole


def told(method: str, path: str, token: str, body: Any = None) -> Any:
    sent = None if body is None else json.dumps(body).encode()
    return json.loads(ask(method, path, token, sent, JSON))


def main(employee: str, pin: str) -> None:
    token = told("POST", "/session", "", {"employee": employee, "pin": pin})["token"]
    book = (RIG / "members.xlsx").read_bytes()
    job = json.loads(ask("POST", "/member-imports", token, book, XLSX))
    report = {"import_preview": json.dumps(job.get("answer", job).get("preview", job))}
    if "job_id" in job:
        told("POST", f"/jobs/{job['job_id']}/start", token, {})
        for _ in range(LOOKS):
            now = told("GET", f"/jobs/{job['job_id']}", token)
            if now["state"] not in ("running", "ready"):
                break
            time.sleep(LOOK_EVERY_S)
        report["import_state"] = now["state"]
        bad = ask("GET", f"/member-imports/{job['job_id']}/bad-rows", token, None, JSON)
        (RIG / "bad-rows.csv").write_bytes(bad)
        found = told("GET", "/members?q=13900000002", token)
        report["import_found"] = ",".join(each["number"] for each in found["members"])
    wanted = json.dumps({"format": "xlsx"}).encode()
    (RIG / "export.xlsx").write_bytes(ask("POST", "/member-exports", token, wanted, JSON))
    with (RIG / "report").open("a", encoding="utf-8") as lines:
        lines.writelines(f"{name}={value}\n" for name, value in report.items())


if __name__ == "__main__":
    main(*sys.argv[1:])
