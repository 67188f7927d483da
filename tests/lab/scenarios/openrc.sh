#!/bin/bash
# The OpenRC backend's own tests, built by cargo and run inside. LAB_PROGRAMS, from tests/lab/run, has them as in_openrc=PATH.
. "$(dirname "$0")/../scenario.sh"

program=
for named in ${LAB_PROGRAMS:-}; do
    [[ "$named" != in_openrc=* ]] || program=${named#*=}
done
[ -n "$program" ] || same "a test program to run inside" "in_openrc" "none"
lab_copy "$LAB" /root/programs "$program"
inside timeout 600 "/root/programs/$(basename "$program")" --test-threads=1 >"$LAB_DIR/$LAB/in_openrc.out" 2>&1 </dev/null || {
    cat "$LAB_DIR/$LAB/in_openrc.out" >&2
    same "in_openrc inside" "success" "failure"
}
holds "in_openrc inside: $(grep '^test result' "$LAB_DIR/$LAB/in_openrc.out")"
