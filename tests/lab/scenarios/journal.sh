#!/bin/bash
# Decisions in the machine's own journal: found by their fields and by their unit, and carried by systemd-journal-remote as
# they are.
. "$(dirname "$0")/../scenario.sh"
# shellcheck source=../roots.sh
. "$LAB_SOURCE/roots.sh"

require_ours
id=374dc18f552d49dc992492322e09a148
inside sh -c 'printf "[Service]\nExecStart=/bin/sleep 100000\n" >/etc/systemd/system/lab-j.service && systemctl daemon-reload && systemctl start lab-j'
inside env DPKG_MAINTSCRIPT_PACKAGE=lab-j DPKG_MAINTSCRIPT_NAME=postinst deb-systemd-invoke restart lab-j.service
# The fields of ours that a journal has of the decision, a line each.
fields() { inside journalctl "$@" -o export --no-pager "MESSAGE_ID=$id" RCPOLICY_SERVICE=lab-j | grep -a -E '^(RCPOLICY_[A-Z]*|MESSAGE|MESSAGE_ID|PRIORITY|UNIT)=' | sort; }
has_it() { fields | grep -q '^RCPOLICY_ACTION=restart$'; }
lab_wait_for 10 has_it || same "what the journal has" "a restart" "$(fields)"
for field in RCPOLICY_SERVICE=lab-j RCPOLICY_VERDICT= RCPOLICY_PACKAGE=lab-j RCPOLICY_SCRIPT=postinst RCPOLICY_FRONT=deb-systemd-invoke UNIT=lab-j.service PRIORITY=6; do
    fields | grep -q "^$field" || same "a field of the journal" "$field" "$(fields)"
done
holds "the journal has each part of a decision in a field"
inside journalctl -u lab-j --no-pager | grep -q 'lab-j restart: ' || same "the unit's journal" "the decision" "$(inside journalctl -u lab-j --no-pager)"
holds "journalctl -u shows the decisions about a unit"

from=$(roots_fetch "$SUITE" "$INIT" systemd-journal-remote)
mapfile -t debs < <(ls "$from"/systemd-journal-remote_*.deb "$from"/lib*.deb | grep -v -e /libc6_ -e /libsystemd)
lab_copy "$LAB" /root/remote "${debs[@]}"
inside sh -c 'mkdir -p /root/remote/root && for deb in /root/remote/*.deb; do dpkg-deb -x "$deb" /root/remote/root; done'
inside sh -c 'cd /root/remote/root && libraries=$(dirname "$(find . -name "libmicrohttpd.so.*" | head -n 1)") &&
    journalctl -o export --no-pager MESSAGE_ID='"$id"' | LD_LIBRARY_PATH=$libraries "$(find . -path "*/systemd/systemd-journal-remote" -type f -perm -100 | head -n 1)" -o /root/remote/remote.journal - >/dev/null 2>/root/remote/log' ||
    same "systemd-journal-remote" "takes them" "$(inside cat /root/remote/log)"
same "what another machine's journal has" "$(fields)" "$(fields --file /root/remote/remote.journal)"
holds "systemd-journal-remote carries the fields as they are"
inside sh -c 'systemctl stop lab-j; rm -rf /etc/systemd/system/lab-j.service /root/remote; systemctl daemon-reload'
