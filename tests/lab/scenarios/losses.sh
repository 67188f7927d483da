#!/bin/bash
# Actions while init executes itself anew, while the bus dies, while init stands still, and while our tool is killed: none
# is lost, none is done twice, and the exit status is right. With LAB_STOCK=yes the stock tools are counted as well.
. "$(dirname "$0")/../scenario.sh"

if [ "${LAB_FULL:-no}" = yes ]; then
    each=1000 storm=300 dbus=300 killed=500 stock=100
else
    each=50 storm=50 dbus=50 killed=50 stock=10
fi
late_policy=/etc/rcpolicy/policy.d/10-losses.toml

# A lab that is left frozen could not even be looked at.
thaw() { kill -CONT "$(lab_pid "$LAB")" 2>/dev/null || true; }
freeze() { kill -STOP "$(lab_pid "$LAB")"; }
trap thaw EXIT

# systemd 262 leaves four listening sockets open at each re-exec (those of Varlink), and ends for want of descriptors after
# some 2,500 where it may have 20,000: a long part begins with a new PID 1, and that may have more.
begin_anew() {
    [ "${LAB_FULL:-no}" = yes ] || return 0
    lab_stop "$LAB"
    lab_power_on "$LAB"
    prlimit --pid "$(lab_pid "$LAB")" --nofile=1000000
    inside sh /root/lab/losses-units.sh 3
}

# Counts one part; all of its output is kept, and of what is not zero the table and the first lines are shown.
counted() { # PART ours|stock COUNT -> status 1 if anything is not zero
    local out=$LAB_DIR/$LAB/losses-$1-$2 failed=0 line
    inside perl /root/lab/losses.pl "$@" "${LAB_SEED:-1}" >"$out" 2>&1 </dev/null || failed=1
    show "$out"
    return "$failed"
}

show() { # FILE
    sed -n 's/^! //p' "$1" | cut -c1-400 | sed -n 1,20p >&2
    local line
    while read -r line; do figure "$line"; done < <(sed '/^! /d' "$1")
}

none_lost() { # PART COUNT
    begin_anew
    counted "$1" ours "$2" || same "$1: what was lost, done twice, or ended with a wrong status" none "some"
    holds "$1, $2 actions: none lost, none done twice, every status right"
}

begin_frozen() { # PART -> its process is $asking
    inside rm -f /run/losses.ready /run/losses.go /run/losses.ended /run/losses.thawed
    counted "$1" "$2" 1 &
    asking=$!
    lab_wait_for 60 inside test -e /run/losses.ready || same "$1: ready" yes no
    freeze
    inside touch /run/losses.go
}

# Init stands still for 20 s, with one action of each kind by each tool under way.
frozen() { # ours|stock -> status
    begin_frozen freeze "$1"
    sleep 20
    thaw
    wait "$asking"
}

# Init stands still until all tools have given up.
frozen_for_long() {
    inside sh -c 'mkdir -p "${1%/*}"; printf "[init]\nwait = \"3s\"\n" >"$1"' sh "$late_policy"
    begin_frozen late ours
    lab_wait_for 100 inside test -e /run/losses.ended || true
    thaw
    inside touch /run/losses.thawed
    local status=0
    wait "$asking" || status=1
    inside rm "$late_policy"
    return "$status"
}

require_ours
lab_copy "$LAB" /root/lab "$LAB_SOURCE/losses.pl" "$LAB_SOURCE/losses-units.sh"
inside sh /root/lab/losses-units.sh 3

! counted signal stock "$stock" || same "losses with the stock tools, right after a re-exec signal" some none
holds "the stock tools do lose actions right after a re-exec signal, and the counting finds it"
if [ "${LAB_STOCK:-no}" = yes ]; then
    for part in "calm 100" "beside $each" "storm $storm" "dbus $dbus"; do
        read -r name count <<<"$part"
        counted "$name" stock "$count" || true
    done
    frozen stock || true
fi

none_lost calm "$each"
none_lost signal "$each"
none_lost beside "$each"
none_lost storm "$storm"
none_lost dbus "$dbus"
none_lost kill "$killed"
frozen ours || same "one action of each kind while init stands still for 20 s: lost" none some
holds "one action of each kind by each tool while init stands still for 20 s: none lost"
frozen_for_long || same "an init that stands still past the deadline" "said, noted, failed and paid later" "not all of it"
holds "past the deadline: said and noted, with a status that is no success; the flush pays exactly what is owed"

# What is stopped here is noted, and would be owed to the scenarios to come.
inside sh -c 'systemctl stop "loss-*"; rm -rf /run/rcpolicy/ledger /run/rcpolicy/begun /etc/systemd/system/loss-* /etc/tmpfiles.d/losses.conf; systemctl daemon-reload'
