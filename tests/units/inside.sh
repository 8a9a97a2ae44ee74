#!/bin/bash
# Runs as a service inside the booted container: installs the unit as a shop's image has it and
# writes what happens to /rig/report (one NAME=VALUE a line).
exec >/rig/inside.log 2>&1
set -x
report() { printf '%s=%s\n' "$1" "$2" >>/rig/report; }
src=/opt/counterd/app/systemd
mkdir -p /opt/counterd/bin
cp /rig/counterd /opt/counterd/bin/counterd; chmod 755 /opt/counterd/bin/counterd
cp "$src/counterd.service" /etc/systemd/system/
mkdir -p /etc/sysusers.d /etc/tmpfiles.d
cp "$src/sysusers.d/counterd.conf" /etc/sysusers.d/; cp "$src/tmpfiles.d/counterd.conf" /etc/tmpfiles.d/
systemd-sysusers; systemd-tmpfiles --create counterd.conf
# Set-up, as store IT does it: keys are made once, into a folder that only root reads.
sed 's#^\[storage\]#[storage]\nkeys = "/etc/counterd/keys"#' "$src/counterd.toml" >/etc/counterd/setup.toml
cp "$src/counterd.toml" /etc/counterd/counterd.toml
/opt/counterd/bin/counterd init --config /etc/counterd/setup.toml
echo 246810 | /opt/counterd/bin/counterd employee --config /etc/counterd/setup.toml --number 1001 --name A --role manager
mkdir -p /var/lib/counterd; chown -R counterd:counterd /var/lib/counterd
mkdir -p /etc/systemd/system/counterd.service.d
printf '[Service]\nWatchdogSec=4\nSystemCallLog=\n' >/etc/systemd/system/counterd.service.d/quick.conf
systemctl daemon-reload
finish() { journalctl -b -u counterd --no-pager >/rig/journal.log; systemctl poweroff; exit 0; }
systemctl start counterd; started=$?; report start $started
[ "$started" = 0 ] || finish
show() { systemctl show counterd -p "$1" --value; }
# Waits until the unit is active after its N-th restart; a slow machine takes as long as it takes.
back() { for _ in $(seq 240); do
    [ "$(show NRestarts)" -ge "$1" ] && [ "$(show ActiveState)" = active ] && return; sleep 0.25
done; }
health() { python3 - <<'P'
import json, urllib.request, urllib.error
try:
    body = urllib.request.urlopen("http://127.0.0.1:8080/healthz", timeout=5)
except urllib.error.HTTPError as error:
    body = error
print(json.load(body)["ledger"]["ok"])
P
}
report active "$(show ActiveState)"
report status "$(show StatusText)"
report health "$(health)"
pid=$(show MainPID)
report user "$(ps -o user= -p "$pid")"
report environ_has_key "$(tr '\0' '\n' <"/proc/$pid/environ" | grep -c -i -F -f <(cat /etc/counterd/keys/*) || true)"
# A workbook is read, and written, by a child of the hardened daemon, through its private /tmp.
python3 /rig/import_members.py 1001 246810 || report import_preview "no answer"
report keys_readable_by_service "$(runuser -u counterd -- cat /etc/counterd/keys/ledger-key >/dev/null 2>&1 && echo yes || echo no)"
kill -9 "$pid"; back 1
report after_kill "$(show ActiveState)"; report restarts_after_kill "$(show NRestarts)"; report health_after_kill "$(health)"
pid=$(show MainPID); kill -STOP "$pid"; back 2
report restarts_after_hang "$(show NRestarts)"; report after_hang "$(show ActiveState)"
report watchdog_said "$(journalctl -b -u counterd --no-pager | grep -c -i 'watchdog timeout' || true)"
systemctl stop counterd; report stop $?; report result "$(show Result)"
report journal_has_key "$(journalctl -b --no-pager | grep -c -i -F -f <(cat /etc/counterd/keys/*) || true)"
/opt/counterd/bin/counterd verify --config /etc/counterd/setup.toml --json >/rig/verify.json; report verify $?
finish
