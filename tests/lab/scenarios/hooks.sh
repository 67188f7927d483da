#!/bin/bash
# Test programs that need a running systemd, built by cargo and run inside: the protocol's own tests, and the cases that
# run against theirs and ours. LAB_PROGRAMS, from tests/lab/run, lists them as NAME=PATH.
. "$(dirname "$0")/../scenario.sh"

require_ours
[ -n "${LAB_PROGRAMS:-}" ] || same "test programs to run inside" "some" "none"
for program in $LAB_PROGRAMS; do
    lab_copy "$LAB" /root/programs "${program#*=}"
    inside sh -c "chmod +x /root/programs/* && cd /root && timeout 900 /root/programs/$(basename "${program#*=}")" >&2
    holds "${program%%=*} passes inside"
done
