#!/bin/bash
# The real needrestart beside rcpolicy: what is owed, held or was just paid it neither asks about nor restarts, and what it
# finds goes the policy's way where its list is handed over.
. "$(dirname "$0")/../scenario.sh"
# shellcheck source=../roots.sh
. "$LAB_SOURCE/roots.sh"

require_ours
from=$(roots_fetch "$SUITE" "$INIT" needrestart)
lab_copy "$LAB" /root/needrestart "$from"/*.deb
# Some of it is what a root filesystem has in an older version.
inside sh -c 'dpkg -i --force-depends --force-confold /root/needrestart/*.deb' >"$LAB_DIR/needrestart-$LAB" 2>&1 </dev/null ||
    lab_fail "needrestart cannot be installed: $(tail -n 5 "$LAB_DIR/needrestart-$LAB")"

# Three services that run a program which is then replaced.
lab_sh "$LAB" <<'END'
cp /usr/bin/sleep /usr/local/sbin/lab-nap
for n in 1 2 3; do
    printf '[Service]\nType=exec\nExecStart=/usr/local/sbin/lab-nap 100000\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/lab-n$n.service
done
cat >/etc/rcpolicy/policy.d/10-lab.toml <<'RULE'
[[rule]]
service = ["lab-n1", "lab-n2"]
action  = ["restart", "try-restart"]
decide  = "defer"
until   = "flush"
because = "the lab defers"
RULE
systemctl daemon-reload
systemctl enable --quiet --now lab-n1 lab-n2 lab-n3
END
replaced() { inside sh -c 'cp /usr/bin/sleep /usr/local/sbin/lab-nap.new && mv /usr/local/sbin/lab-nap.new /usr/local/sbin/lab-nap'; }
listed() { inside needrestart -b -l 2>/dev/null </dev/null | sed -n 's/^NEEDRESTART-SVC: \(lab-n[0-9]\).*/\1/p' | sort | tr '\n' ' '; }
pid() { inside systemctl show -P MainPID "$1"; }

replaced
same "what needrestart finds" "lab-n1 lab-n2 lab-n3 " "$(listed)"
inside env DPKG_MAINTSCRIPT_PACKAGE=lab-n1 DPKG_MAINTSCRIPT_NAME=postinst deb-systemd-invoke restart lab-n1.service >/dev/null 2>&1
inside rcpolicy hold lab-n3 --until 2h --because "the lab looks at it" >/dev/null
same "what needrestart finds beside what is owed and held" "lab-n2 " "$(listed)"
one=$(pid lab-n1) two=$(pid lab-n2) three=$(pid lab-n3)
inside needrestart -r a -l >/dev/null 2>&1 </dev/null
same "processes of what is owed and held" "$one $three" "$(pid lab-n1) $(pid lab-n3)"
[ "$(pid lab-n2)" != "$two" ] || same "the process of the other" another "$two"
holds "needrestart leaves alone what is owed until later, and what is held"

inside rcpolicy flush lab-n1 >/dev/null
inside rcpolicy unhold lab-n3 >/dev/null
[ "$(pid lab-n1)" != "$one" ]
same "what needrestart finds after the flush" "lab-n3 " "$(listed)"
holds "what was just paid is not found again"

replaced
inside sh -c 'needrestart -b -l 2>/dev/null </dev/null | sed -n "s/^NEEDRESTART-SVC: \(lab-n.*\)/\1/p" | xargs -r deb-systemd-invoke try-restart' >/dev/null 2>&1
same "owed then" "lab-n1 lab-n2" "$(inside rcpolicy pending --json | sed -n 's/^ *"service": "\(lab-n[0-9]\)".*/\1/p' | sort -u | xargs)"
[ "$(pid lab-n3)" != "$three" ] || same "the process of what no rule puts off" another "$three"
same "what needrestart finds then" "" "$(listed)"
holds "what needrestart finds goes the policy's way where its list is handed over"

inside mv /usr/sbin/rcpolicy /usr/sbin/rcpolicy.lab
same "what needrestart finds without rcpolicy" "lab-n1 lab-n2 " "$(listed)"
inside mv /usr/sbin/rcpolicy.lab /usr/sbin/rcpolicy
holds "where rcpolicy does not answer needrestart does as ever"

inside sh -c 'rcpolicy forget lab-n1; rcpolicy forget lab-n2; systemctl disable --quiet --now lab-n1 lab-n2 lab-n3
    rm -f /etc/systemd/system/lab-n?.service /etc/rcpolicy/policy.d/10-lab.toml; systemctl daemon-reload
    dpkg --purge --force-depends needrestart' >/dev/null 2>&1
