#!/bin/bash
# Boots a real systemd over a throw-away overlay of this machine's own root, in private namespaces,
# and runs RIG/inside.sh in it. Usage: boot.sh RIG. Needs root, unshare and systemd-nspawn.
set -eu
rig=$1
if [ "${2:-}" != inside ]; then
    exec unshare --mount --propagation private "$0" "$rig" inside
fi
# nspawn wants a pure cgroup 2 tree; this namespace's own view of it is enough.
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
group=/sys/fs/cgroup/counterd-test-$$
mkdir -p "$group"
echo $$ >"$group/cgroup.procs"
mkdir -p "$rig/over"
mount -t tmpfs -o size=512m none "$rig/over"
mkdir "$rig/over/up" "$rig/over/work" "$rig/over/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$rig/over/up,workdir=$rig/over/work" "$rig/over/root"
root=$rig/over/root
rm -f "$root/etc/machine-id"
mkdir -p "$root/etc/systemd/system/multi-user.target.wants" "$root/opt/counterd"
cp "$rig/rig.service" "$root/etc/systemd/system/"
ln -s ../rig.service "$root/etc/systemd/system/multi-user.target.wants/rig.service"
binds=()
while read -r from to; do binds+=("--bind-ro=$from:$to"); mkdir -p "$root$to"; done <"$rig/binds"
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
# A console that is a terminal: with a pipe, PID 1 says nothing.
timeout -k 5 150 script -qec "systemd-nspawn --register=no --keep-unit --private-network \
    -D $root --bind=$rig/shared:/rig ${binds[*]} --console=interactive -b \
    systemd.unit=multi-user.target" "$rig/console.log" </dev/null >/dev/null 2>&1
