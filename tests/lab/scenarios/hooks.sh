#!/bin/bash
# Test programs that need a running systemd, built by cargo and run inside: the protocol's own tests, and the cases that
# run against theirs and ours. LAB_PROGRAMS, from tests/lab/run, lists them as NAME=PATH.
. "$(dirname "$0")/../scenario.sh"

require_ours
[ -n "${LAB_PROGRAMS:-}" ] || same "test programs to run inside" "some" "none"
# The stock tools under their own names, as the compliance suite wants both sides.
inside sh -c 'mkdir -p /root/theirs && for tool in /usr/sbin/invoke-rc.d /usr/bin/deb-systemd-invoke; do
    cp -L "$tool.distrib" "/root/theirs/${tool##*/}"; done'

for program in $LAB_PROGRAMS; do
    name=${program%%=*}
    [ "$name" != in_openrc ] || continue
    # Its tests share one init, and some of them re-exec it: one after the other.
    arguments=()
    [[ "$name" != in_systemd* ]] || arguments=(--test-threads=1)
    lab_copy "$LAB" /root/programs "${program#*=}"
    inside env RCPOLICY_THEIRS=/root/theirs RCPOLICY_OURS=/usr/libexec/rcpolicy \
        ${RCPOLICY_COMPLIANCE_FULL:+RCPOLICY_COMPLIANCE_FULL=1} timeout 1800 \
        "/root/programs/$(basename "${program#*=}")" "${arguments[@]}" >"$LAB_DIR/$LAB/$name.out" 2>&1 </dev/null || {
        cat "$LAB_DIR/$LAB/$name.out" >&2
        same "$name inside" "success" "failure"
    }
    holds "$name inside: $(grep -v '^$' "$LAB_DIR/$LAB/$name.out" | tail -n 1)"
done
