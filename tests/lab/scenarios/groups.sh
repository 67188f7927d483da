#!/bin/bash
# Services that belong together: groups and templates go down and come up together, so that an old and a new one never run
# side by side; what fell with what it requires comes back; what did not run, or was stopped by the admin, stays down.
. "$(dirname "$0")/../scenario.sh"
# shellcheck source=../group-packages.sh
. "$LAB_SOURCE/group-packages.sh"

require_ours
debs=$LAB_DIR/groups-$LAB
mkdir -p "$debs"

# All versions of NAME are VERSION.
run_version() { # WHAT VERSION NAME...
    local name
    for name in "${@:3}"; do same "$1: $name" "$2" "$(group_version "$name")"; done
}

# Nothing of FAMILY ran beside another version of it since the last look, and nothing is owed any more.
never_mixed() { # WHAT FAMILY
    same "$1: moments at which two versions ran" "" "$(group_side_by_side "$2")"
    same "$1: what is owed" "nothing is owed" "$(inside rcpolicy pending)"
}

# What has happened until now may be mixed.
look_away() { # FAMILY
    group_side_by_side "$1" >/dev/null
}

upgrade() { # FILES...
    lab_copy "$LAB" /root/debs "$@"
    inside sh -c 'cd /root/debs && dpkg -i "$@" </dev/null' dpkg "${@##*/}"
}

# --- a group on sysvinit: what runs of it goes down and comes up together
if [ "$INIT" != systemd ]; then
    upgrade "$(group_mail 1 "$debs" stop-start)" "$(group_filters 1 "$debs" lab-mail-a lab-mail-b lab-mail-c)" >/dev/null
    for name in lab-mail lab-mail-a lab-mail-b lab-mail-c; do inside update-rc.d "$name" defaults; done
    for name in lab-mail lab-mail-a lab-mail-b; do inside invoke-rc.d "$name" start; done
    run_version "after installation" 1 lab-mail lab-mail-a lab-mail-b
    look_away mail
    upgrade "$(group_mail 2 "$debs" stop-start)"
    run_version "stop and start" 2 lab-mail lab-mail-a lab-mail-b
    never_mixed "stop and start" mail
    upgrade "$(group_mail 3 "$debs" restart)"
    upgrade "$(group_mail 4 "$debs" restart)"
    run_version "restart" 4 lab-mail lab-mail-a lab-mail-b
    same "the one that did not run" down "$(group_version lab-mail-c)"
    never_mixed "restart" mail
    holds "what runs of a group goes down and comes up together, by its init scripts"

    inside touch /run/lab-fail-lab-mail
    upgrade "$(group_mail 5 "$debs" stop-start)" >/dev/null 2>&1 || true
    fails upgrade "$(group_mail 6 "$debs" stop-start)" >/dev/null
    run_version "beside a postinst that failed" down lab-mail lab-mail-a lab-mail-b
    inside rm /run/lab-fail-lab-mail
    inside dpkg --configure -a </dev/null
    run_version "after dpkg --configure" 6 lab-mail lab-mail-a lab-mail-b
    same "the one that did not run" down "$(group_version lab-mail-c)"
    never_mixed "a postinst that failed" mail
    holds "what went down comes back after a postinst that failed, and nothing else"

    # --- put off: one stop of all and one start of all in the flush
    upgrade "$(group_mail 7 "$debs" restart)"
    lab_sh "$LAB" <<'END'
mkdir -p /etc/rcpolicy/policy.d
printf '[[rule]]\nservice = ["lab-mail"]\naction = ["restart"]\ndecide = "defer"\nuntil = "flush"\n' >/etc/rcpolicy/policy.d/10-lab.toml
END
    look_away mail
    upgrade "$(group_mail 8 "$debs" restart)"
    run_version "while the restart is put off" 7 lab-mail lab-mail-a lab-mail-b
    inside rcpolicy flush
    run_version "after the flush" 8 lab-mail lab-mail-a lab-mail-b
    same "the one that did not run" down "$(group_version lab-mail-c)"
    # The group lets lab-mail go last, and the links say the same of the other two. When a daemon has come up it writes so
    # by itself.
    same "in which order" "down lab-mail-a down lab-mail-b down lab-mail up up up" \
        "$(inside tail -n 6 /var/log/lab/mail | awk '{ print $1 == "up" ? $1 : $1 " " $2 }' | xargs)"
    never_mixed "a flush" mail
    holds "a flush takes down what runs of a group in reverse order, and starts it in order"

    said=$(inside rcpolicy explain --as lab-mail:prerm:upgrade lab-mail stop)
    for step in 'group lab-mail goes down with it: lab-mail-a.service lab-mail-b.service' 'run `/etc/init.d/lab-mail-b stop`'; do
        grep -qF "$step" <<<"$said" || same "explain" "$step" "$said"
    done
    holds "explain names the members that go down too"

    upgrade "$(group_mail 9 "$debs" stop-start)"
    inside invoke-rc.d lab-mail stop && for name in lab-mail-b lab-mail-a; do inside invoke-rc.d "$name" stop; done
    for name in lab-mail lab-mail-a lab-mail-b; do inside invoke-rc.d "$name" start; done
    look_away mail
    upgrade "$(group_mail 10 "$debs" restart)"
    run_version "stopped in prerm, whose restart a rule puts off" 10 lab-mail lab-mail-a lab-mail-b
    never_mixed "stopped in prerm, whose restart a rule puts off" mail
    holds "a restart is not put off where the stop has been done already"

    # --- a flush that is killed at any of the calls by which it notes something or runs a script
    calls=clone,clone3,vfork,rename,renameat,renameat2
    version=10
    owe() {
        version=$((version + 1))
        upgrade "$(group_mail "$version" "$debs" restart)" >/dev/null
        look_away mail
    }
    flush_traced() { # CALL NTH
        inside strace -o /run/lab.trace -e "trace=$calls" -e "inject=$1:signal=KILL:when=$2" rcpolicy flush >/dev/null 2>&1
    }
    owe
    flush_traced clone 65000
    mapfile -t all < <(inside cat /run/lab.trace | sed -n 's/^\([a-z0-9]*\)(.*/\1/p' | awk '{ print $1, ++seen[$1] }')
    step=5
    [ "${LAB_FULL:-no}" = no ] || step=1
    killed=0
    for ((n = 0; n < ${#all[@]}; n += step)); do
        owe
        read -r call nth <<<"${all[n]}"
        flush_traced "$call" "$nth" || killed=$((killed + 1))
        # What the flush has begun ends by itself; a daemon writes its pid file a moment after its start.
        lab_wait_for 30 inside sh -c '! pgrep -f "/etc/init[.]d/lab-mail" >/dev/null'
        sleep 0.5
        inside rcpolicy flush >/dev/null
        run_version "after a flush that was killed at its $nth. $call" "$version" lab-mail lab-mail-a lab-mail-b
        same "the one that did not run" down "$(group_version lab-mail-c)"
        never_mixed "a flush that was killed at its $nth. $call" mail
    done
    figure "a flush of a group makes ${#all[@]} such calls; it was killed at $killed of them"
    holds "a flush that is killed while a group is down is brought to the end by the next one, never beside an old member"
    inside rm /etc/rcpolicy/policy.d/10-lab.toml
    inside dpkg --purge lab-mail-filters lab-mail >/dev/null 2>&1
    exit 0
fi

# --- the mail family: a master, two instances that run, one of them not enabled, and one that does not run
install_mail() {
    upgrade "$(group_mail 1 "$debs" stop-start)" "$(group_boxes 1 "$debs" none)" >/dev/null
    inside systemctl enable --now lab-mail.service lab-mail@a.service
    inside systemctl enable lab-mail@c.service
    inside systemctl start lab-mail@b.service
    run_version "after installation" 1 lab-mail lab-mail@a lab-mail@b
    look_away mail
}
install_mail

upgrade "$(group_mail 2 "$debs" stop-start)"
upgrade "$(group_mail 3 "$debs" stop-start)"
run_version "stop and start of the master" 3 lab-mail lab-mail@a lab-mail@b
same "the instance that did not run" down "$(group_version lab-mail@c)"
never_mixed "stop and start of the master" mail
holds "a stop in prerm takes the group down, and the start in postinst brings back what ran"

upgrade "$(group_mail 4 "$debs" restart)"
run_version "a stop by the old package, a restart by the new one" 4 lab-mail lab-mail@a lab-mail@b
upgrade "$(group_mail 5 "$debs" restart)"
run_version "restart of the master" 5 lab-mail lab-mail@a lab-mail@b
same "the instance that did not run" down "$(group_version lab-mail@c)"
never_mixed "restart of the master" mail
holds "a restart in postinst restarts the group, all down before the first is up"

# --- both packages in one run; the template is named by the second one's scripts
upgrade "$(group_mail 6 "$debs" stop-start)" "$(group_boxes 5 "$debs" stop-start)"
look_away mail
upgrade "$(group_mail 7 "$debs" stop-start)" "$(group_boxes 6 "$debs" stop-start)"
run_version "both packages" 7 lab-mail lab-mail@a lab-mail@b
same "the instance that did not run" down "$(group_version lab-mail@c)"
never_mixed "both packages" mail
upgrade "$(group_mail 8 "$debs" restart)" "$(group_boxes 7 "$debs" restart)"
upgrade "$(group_mail 9 "$debs" restart)" "$(group_boxes 8 "$debs" restart)"
run_version "both packages, restarted" 9 lab-mail lab-mail@a lab-mail@b
same "the instance that did not run" down "$(group_version lab-mail@c)"
never_mixed "both packages, restarted" mail
holds "two packages of one group in one run: what ran runs the new version, and a template stands for its instances"

# --- deferred: one stop and one start of all at the end
# The scripts until here restart; a stop in prerm comes with the package that is replaced.
upgrade "$(group_mail 9.1 "$debs" stop-start)"
lab_sh "$LAB" <<'END'
mkdir -p /etc/rcpolicy/policy.d
printf '[[rule]]\nservice = ["lab-mail"]\ndecide = "defer"\n' >/etc/rcpolicy/policy.d/10-lab.toml
END
upgrade "$(group_mail 10 "$debs" stop-start)"
lab_wait_for 30 inside sh -c 'rcpolicy pending | grep -qx "nothing is owed"' || inside rcpolicy flush
run_version "deferred" 10 lab-mail lab-mail@a lab-mail@b
same "the instance that did not run" down "$(group_version lab-mail@c)"
never_mixed "deferred" mail
inside rm /etc/rcpolicy/policy.d/10-lab.toml
holds "a stop that was put off becomes one restart of the group when the batch is over"

# --- a postinst that fails: what belongs to its package waits for it
inside touch /run/lab-fail-lab-mail-boxes
fails upgrade "$(group_mail 11 "$debs" stop-start)" "$(group_boxes 10 "$debs" stop-start)" >/dev/null
run_version "beside a postinst that failed" 11 lab-mail
run_version "of the package whose postinst failed" down lab-mail@a lab-mail@b
inside rm /run/lab-fail-lab-mail-boxes
inside dpkg --configure -a </dev/null
inside rcpolicy flush >/dev/null
run_version "after dpkg --configure" 11 lab-mail lab-mail@a lab-mail@b
same "the instance that did not run" down "$(group_version lab-mail@c)"
never_mixed "a postinst that failed" mail
holds "members whose package is not configured stay down and owed, and come back when it is"

# --- who may not be stopped keeps the group from going down; what the admin stopped or disabled stays down
lab_sh "$LAB" <<'END'
printf '[[rule]]\nservice = ["lab-mail@a"]\naction = ["stop"]\ndecide = "deny"\n' >/etc/rcpolicy/policy.d/10-lab.toml
END
upgrade "$(group_mail 12 "$debs" stop-start)" >"$debs/said" 2>&1
grep -q 'the rest of group lab-mail goes on: lab-mail@a.service' "$debs/said" || same "what was said" "that the group goes on" "$(cat "$debs/said")"
run_version "beside a member that may not be stopped" 12 lab-mail
run_version "which may not be stopped" 11 lab-mail@a lab-mail@b
inside rm /etc/rcpolicy/policy.d/10-lab.toml
inside systemctl stop lab-mail@b.service
inside systemctl disable --quiet lab-mail@b.service
inside systemctl restart lab-mail.service lab-mail@a.service
look_away mail
upgrade "$(group_mail 13 "$debs" stop-start)"
run_version "without the one that the admin stopped" 13 lab-mail lab-mail@a
run_version "stopped by the admin" down lab-mail@b lab-mail@c
never_mixed "without the one that the admin stopped" mail
holds "a member that may not be stopped keeps the group up; what the admin stopped stays down"

# --- dpkg is killed while the group is down
inside systemctl enable --quiet lab-mail@b.service
inside systemctl start lab-mail@b.service
look_away mail
killed() { # SCRIPT VERSION
    inside touch "/run/lab-kill-$1-lab-mail"
    upgrade "$(group_mail "$2" "$debs" stop-start)" >/dev/null 2>&1 || true
    run_version "dpkg killed in $1" down lab-mail lab-mail@a lab-mail@b
    inside rm "/run/lab-kill-$1-lab-mail"
    inside dpkg --configure -a </dev/null || true
    upgrade "$(group_mail "$(($2 + 1))" "$debs" stop-start)"
    run_version "after dpkg was killed in $1" "$(($2 + 1))" lab-mail lab-mail@a lab-mail@b
    same "the instance that did not run" down "$(group_version lab-mail@c)"
    never_mixed "dpkg killed in $1" mail
}
killed prerm 20
killed postinst 30
holds "dpkg killed while a group is down: the next run brings back what ran, all of it in the new version"

# --- what explain says
said=$(inside rcpolicy explain --as lab-mail:prerm:upgrade lab-mail.service stop)
grep -q 'group lab-mail goes down with it: lab-mail@a.service' <<<"$said" || same "explain" "the members" "$said"
grep -q 'stop lab-mail@a.service' <<<"$said" || same "explain" "their jobs" "$said"
holds "explain names the members that go down too"
inside dpkg --purge lab-mail-boxes lab-mail >/dev/null 2>&1

# --- the stack: what falls with what it requires
low() { group_stack lab-low "$1" "$debs" "$2"; }
engine() { group_stack lab-engine "$1" "$debs" "$2" Requires=lab-low.service After=lab-low.service; }
swarm() { group_stack lab-swarm "$1" "$debs" "$2" BindsTo=lab-engine.service After=lab-engine.service; }
upgrade "$(low 1 stop-start)" "$(engine 1 stop-start)" "$(swarm 1 stop-start)" >/dev/null
inside systemctl enable --now lab-low.service lab-engine.service lab-swarm.service
run_version "the stack" 1 lab-low lab-engine lab-swarm
upgrade "$(low 2 stop-start)"
run_version "the stack after an upgrade of the lowest" 2 lab-low lab-engine lab-swarm
holds "an upgrade of what others require leaves them running, those that require them too"

inside touch /run/lab-fail-lab-engine
fails upgrade "$(low 3 stop-start)" "$(engine 3 stop-start)" >/dev/null
run_version "the lowest, which is configured" 3 lab-low
run_version "what is not configured, and what requires it" down lab-engine lab-swarm
inside rm /run/lab-fail-lab-engine
inside dpkg --configure -a </dev/null
inside rcpolicy flush >/dev/null
run_version "the stack after dpkg --configure" 3 lab-low lab-engine lab-swarm
same "what is owed" "nothing is owed" "$(inside rcpolicy pending)"
holds "what fell and is not configured waits, and comes back with what requires it"

inside systemctl stop lab-swarm.service
upgrade "$(low 4 stop-start)"
run_version "without what the admin stopped" 4 lab-low lab-engine
run_version "stopped by the admin" down lab-swarm
inside systemctl start lab-swarm.service

# --- the service itself, where no script brings it back
inside touch /run/lab-fail-lab-low
fails upgrade "$(low 5 stop-start)" >/dev/null
run_version "after a postinst that failed before its start" down lab-low lab-engine lab-swarm
inside rm /run/lab-fail-lab-low
upgrade "$(low 6 none)"
inside rcpolicy flush >/dev/null
run_version "although its new scripts start nothing" 6 lab-low lab-engine lab-swarm
same "what is owed" "nothing is owed" "$(inside rcpolicy pending)"
inside touch /run/lab-fail-lab-low
upgrade "$(low 7 stop-start)" >/dev/null 2>&1 || true
upgrade "$(low 8 stop-start)" >/dev/null 2>&1 || true
inside rm /run/lab-fail-lab-low
sleep 2
inside dpkg --configure -a </dev/null
run_version "by the next run of dpkg, for which it was stopped before" 8 lab-low
inside rcpolicy flush >/dev/null
run_version "with what fell" 8 lab-engine lab-swarm
holds "a service that an upgrade stopped comes back by the next run of dpkg, or at the batch's end"

# --- a stop that is put off, and then a removal
inside sh -c 'printf "[[rule]]\nservice = [\"lab-low\"]\ndecide = \"defer\"\nuntil = \"flush\"\n" >/etc/rcpolicy/policy.d/10-lab.toml'
upgrade "$(low 9 stop-start)"
run_version "whose stop was put off" 8 lab-low lab-engine lab-swarm
inside rcpolicy pending | grep -q lab-low || same "what is owed" "lab-low" "$(inside rcpolicy pending)"
inside dpkg --purge lab-swarm lab-engine lab-low >/dev/null 2>&1
inside rm /etc/rcpolicy/policy.d/10-lab.toml
same "what still runs of it" "" "$(inside pgrep -f /usr/libexec/stack || true)"
holds "a removal stops at once what a rule puts off in upgrades, and nothing is owed any more"
same "what is owed" "nothing is owed" "$(inside rcpolicy pending)"
