#!/bin/bash
# The Ansible example, run by the real Ansible: an upgrade that restarts nothing, and a flush that does.
. "$(dirname "$0")/../scenario.sh"
. "$LAB_SOURCE/deferral-units.sh"
# shellcheck source=../roots.sh
. "$LAB_SOURCE/roots.sh"

require_ours
deferral_make 2 | lab_sh "$LAB"
from=$(roots_fetch "$SUITE" "$INIT" ansible-core)
lab_copy "$LAB" /root/ansible "$from"/*.deb
inside sh -c 'dpkg -i --force-depends --force-confold /root/ansible/*.deb' >"$LAB_DIR/ansible-$LAB" 2>&1 </dev/null ||
    lab_fail "Ansible cannot be installed: $(tail -n 5 "$LAB_DIR/ansible-$LAB")"
lab_copy "$LAB" /root/ansible "$LAB_SOURCE/../../policy/ansible/upgrade.yml"

starts() { inside sh -c 'cat "/var/log/lab/$1"' starts "$1" | wc -l; } # NAME
play() { # UPGRADE
    inside sh -c 'cd /root/ansible && ansible-playbook -i localhost, -c local -e "{\"upgrade\": \"$1\"}" upgrade.yml' play "$1" \
        >"$LAB_DIR/ansible-$LAB" 2>&1 </dev/null || lab_fail "the play fails: $(tail -n 40 "$LAB_DIR/ansible-$LAB")"
}
inside sh -c 'for file in /var/log/lab/lab-d*; do : >"$file"; done'
play "dpkg -i /root/deferral/lab-d1_2.deb /root/deferral/lab-d2_2.deb"
grep -q '"lab-d1": "restart"' "$LAB_DIR/ansible-$LAB" || same "what the play shows" "what is owed" "$(cat "$LAB_DIR/ansible-$LAB")"
same "restarts" "1 1" "$(starts lab-d1) $(starts lab-d2)"
same "owed after it" 0 "$(inside rcpolicy pending --json | grep -c '"due"' || true)"
holds "the playbook upgrades, shows what is owed, and has it done once"
play "true"
same "restarts by a play that upgrades nothing" "1 1" "$(starts lab-d1) $(starts lab-d2)"
holds "a play that upgrades nothing restarts nothing"
inside sh -c 'rm -f /etc/rcpolicy/policy.d/60-ansible.toml; dpkg --purge --force-depends ansible-core' >/dev/null 2>&1
