#!/bin/bash
# Users' managers: deb-systemd-invoke --user acts in each of them, by each user's own unit state; hostile ones cost little
# and keep nobody else from being served. And waiting: for an init that re-executes itself, by whomever it was asked.
. "$(dirname "$0")/../scenario.sh"
# shellcheck source=../users.sh
. "$LAB_SOURCE/users.sh"

require_ours
rounds=$((LAB_ROUNDS / 2))
alice=1500 bob=1501
users_prepare
users_unit demo
users_unit plain
inside ln -s ../demo.service /etc/systemd/user/default.target.wants/demo.service
users_add alice $alice
users_add bob $bob
user() { inside deb-systemd-invoke --user "$@"; }

changes() { # WHAT UID UNIT OLD
    local new
    new=$(users_process "$2" "$3")
    [ "$new" != "$4" ] && [ "$new" != 0 ] || same "$1" "another process than $4" "$new"
}

# --- the verbs, for each user
a=$(users_process $alice demo) b=$(users_process $bob demo)
user restart demo.service
changes "alice's demo after restart" $alice demo "$a"
changes "bob's demo after restart" $bob demo "$b"
user stop demo.service
same "alice's demo after stop" 0 "$(users_process $alice demo)"
same "bob's demo after stop" 0 "$(users_process $bob demo)"
user start demo.service
a=$(users_process $alice demo)
changes "alice's demo after start" $alice demo 0
changes "bob's demo after start" $bob demo 0
holds "restart, stop and start act in both users' managers"

# --- try-restart and reload: in the users' managers, not in the system's
lab_sh "$LAB" <<'END'
cp /etc/systemd/user/demo.service /run/systemd/system/demo.service
systemctl daemon-reload && systemctl start demo.service
END
main=$(inside systemctl show --value --property InvocationID,StateChangeTimestampMonotonic demo.service)
user try-restart demo.service
changes "alice's demo after try-restart" $alice demo "$a"
a=$(users_process $alice demo)
user reload demo.service
same "alice's demo after reload" "$a" "$(users_process $alice demo)"
user stop demo.service
same "the system's demo" "$main" "$(inside systemctl show --value --property InvocationID,StateChangeTimestampMonotonic demo.service)"
holds "no verb for users touches the system's unit of the same name"
user try-restart demo.service
user reload demo.service
same "alice's demo, stopped, after try-restart and reload" 0 "$(users_process $alice demo)"
user start demo.service

# --- each user's own unit state
users_systemctl $alice start plain.service
a=$(users_process $alice plain)
user restart plain.service 2>"$LAB_DIR/$LAB/plain.err"
changes "alice's plain, disabled but running" $alice plain "$a"
same "bob's plain, disabled and not running" 0 "$(users_process $bob plain)"
same "lines about bob's plain" 1 "$(grep -c '^plain.service is a disabled or a static unit not running, not starting it.$' "$LAB_DIR/$LAB/plain.err")"
lab_sh "$LAB" <<'END'
mkdir -p /home/bob/.config/systemd/user && ln -s /dev/null /home/bob/.config/systemd/user/demo.service
chown -R bob /home/bob/.config
END
users_systemctl $bob daemon-reload && users_systemctl $bob stop demo.service || true
user start demo.service 2>/dev/null
same "bob's demo, masked by him" 0 "$(users_process $bob demo)"
inside rm /home/bob/.config/systemd/user/demo.service
user daemon-reload
user start demo.service
changes "bob's demo, no longer masked, after daemon-reload" $bob demo 0
holds "each user's manager is asked for its own units' state, and daemon-reload reaches each"

# --- policies
a=$(users_process $alice demo)
lab_sh "$LAB" <<'END'
printf '#!/bin/sh\necho "$*" >>/run/policy-calls\n[ "$1" != demo.service ] || exit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
END
user restart demo.service plain.service 2>/dev/null
same "policy-rc.d's calls" "demo.service restart;plain.service restart;" "$(inside cat /run/policy-calls | tr '\n' ';')"
same "alice's demo under policy-rc.d's deny" "$a" "$(users_process $alice demo)"
inside rm /usr/sbin/policy-rc.d
lab_sh "$LAB" <<'END'
printf '[[rule]]\nservice = ["demo"]\nscope = "user"\ndecide = "deny"\n' >/etc/rcpolicy/policy.d/10-users.toml
END
user restart demo.service 2>/dev/null
same "alice's demo under a rule for users" "$a" "$(users_process $alice demo)"
main=$(inside systemctl show --value --property MainPID demo.service)
inside deb-systemd-invoke try-restart demo.service
[ "$main" != "$(inside systemctl show --value --property MainPID demo.service)" ] || same "the system's demo" "restarted" "not"
inside rm /etc/rcpolicy/policy.d/10-users.toml
inside systemctl stop demo.service
holds "policy-rc.d is asked once a unit, and a rule for users binds them alone"

# --- hostile ones: a frozen crowd, a link to PID 1, a listener that is not the manager
for uid in 1510 1511 1512 1513 1514 1515; do users_add "mallory$uid" "$uid"; done
for uid in 1510 1511 1512 1513; do inside kill -STOP "$(users_manager $uid)"; done
lab_sh "$LAB" <<'END'
cd /run/user/1514/systemd && mv private kept && ln -s /run/systemd/private private
cd /run/user/1515/systemd && mv private kept
setsid setpriv --reuid 1515 --regid 1515 --clear-groups perl -MSocket -e '
    socket my $s, PF_UNIX, SOCK_STREAM, 0 or die; bind $s, pack_sockaddr_un("private") or die; listen $s, 0; sleep 600' </dev/null >/dev/null 2>&1 &
for try in $(seq 100); do [ ! -S private ] || break; sleep 0.1; done
END
system=$(inside systemctl show --value --property MainPID systemd-journald.service)
for words in "restart demo.service" "stop demo.service" "daemon-reload" "daemon-reexec" "--no-dbus daemon-reexec" "start demo.service"; do
    a=$(users_process $alice demo)
    # shellcheck disable=SC2086
    ms=$(took user $words)
    [ "$ms" -le 5000 ] || same "milliseconds of --user $words among six hostile users" "5000 at most" "$ms"
    figure "--user $words among six hostile users: $ms ms"
    # shellcheck disable=SC2086
    set -- $words
    case $1 in
    restart) changes "alice's demo among hostile users" $alice demo "$a" ;;
    stop) same "alice's demo among hostile users" 0 "$(users_process $alice demo)" ;;
    esac
    grep -q 'for user 1510: ' "$LAB_DIR/took.out" || same "what is said of user 1510" "something" "$(cat "$LAB_DIR/took.out")"
    grep -q 'user 1500' "$LAB_DIR/took.out" && same "what is said of alice" "nothing" "$(cat "$LAB_DIR/took.out")"
done
changes "alice's demo after all that" $alice demo 0
same "journald" "$system" "$(inside systemctl show --value --property MainPID systemd-journald.service)"
# One that takes the job on and falls silent over it.
users_add mallory1516 1516
lab_sh "$LAB" <<'END'
mkdir -p /home/mallory1516/.config/systemd/user/demo.service.d
printf '[Service]\nExecStop=/bin/kill -STOP $MANAGERPID\n' >/home/mallory1516/.config/systemd/user/demo.service.d/freeze.conf
chown -R mallory1516 /home/mallory1516/.config
END
users_systemctl 1516 daemon-reload
ms=$(took user stop demo.service)
[ "$ms" -le 5000 ] || same "milliseconds of --user stop where a manager falls silent over its job" "5000 at most" "$ms"
grep -q 'for user 1516: it does not answer' "$LAB_DIR/took.out" || same "what is said of user 1516" "something" "$(cat "$LAB_DIR/took.out")"
same "alice's demo after that" 0 "$(users_process $alice demo)"
inside kill -CONT "$(users_manager 1516)"
user start demo.service 2>/dev/null
for uid in 1510 1511 1512 1513; do inside kill -CONT "$(users_manager $uid)"; done
for uid in 1510 1511 1512 1513 1514 1515 1516; do inside systemctl kill --signal=KILL "user@$uid.service"; done
holds "six hostile users cost 5 s at most and keep nobody from being served"

# --- a re-exec is over when it returns
socket() { inside stat --format %i "/run/user/$alice/systemd/private"; }
for words in "daemon-reexec" "--no-dbus daemon-reexec"; do
    before=$(socket) a=$(users_process $alice demo) manager=$(users_manager $alice)
    # shellcheck disable=SC2086
    user $words
    [ "$(socket)" != "$before" ] || same "alice's socket after --user $words" "another" "the same"
    same "alice's manager and service" "$manager $a" "$(users_manager $alice) $(users_process $alice demo)"
    users_systemctl $alice is-active --quiet demo.service
done
inside cp /etc/systemd/user/plain.service /run/systemd/system/waits.service
inside systemctl daemon-reload
inside systemctl start waits.service
lost=0
for round in $(seq $rounds); do
    for words in "--system daemon-reexec" "--no-dbus daemon-reexec"; do
        # shellcheck disable=SC2086
        inside deb-systemd-invoke $words
        inside systemctl try-restart waits.service || lost=$((lost + 1))
    done
    # As somebody else's postinst would: nobody waits but whoever calls systemctl next.
    inside sh -c 'kill -59 1; rcpolicy wait init && systemctl try-restart waits.service' || lost=$((lost + 1))
done
same "calls of systemctl that were lost right after a re-exec of ours, or after waiting, of $((3 * rounds))" 0 "$lost"
figure "systemctl right after daemon-reexec, --no-dbus daemon-reexec and wait init: 0 of $((3 * rounds)) lost"
holds "daemon-reexec, with and without D-Bus, returns when systemd answers again, and so does wait init"

# --- waiting has an end, and its own status
kill -STOP "$(lab_pid "$LAB")"
said=$(inside sh -c 'rcpolicy wait init --timeout 2s 2>&1; echo "status $?"')
kill -CONT "$(lab_pid "$LAB")"
case $said in
*'the init does not answer after 2 s'*'status 1') ;;
*) same "wait init with a frozen PID 1" "it does not answer, status 1" "$said" ;;
esac
inside rcpolicy wait init --timeout 10s
inside rcpolicy wait flush --timeout 5s
holds "wait init gives up in time"

# --- rcpolicy reexec compares before and after
inside rcpolicy reexec --sessions >"$LAB_DIR/$LAB/reexec.out"
same "managers that are back" 3 "$(grep -c 'is back after .* active units are as before' "$LAB_DIR/$LAB/reexec.out")"
holds "rcpolicy reexec --sessions: $(sed -n 1p "$LAB_DIR/$LAB/reexec.out")"

# --- the trigger
inside sh -c 'dpkg-trigger --by-package=libc6 --no-await libc-upgrade; kill -59 1; dpkg --triggers-only rcpolicy'
same "our package after its trigger" "install ok installed" "$(inside dpkg-query --show --showformat '${Status}' rcpolicy)"
inside dpkg --configure --pending
inside systemctl is-active --quiet systemd-journald.service
holds "libc-upgrade makes the end of the run wait for the init"
