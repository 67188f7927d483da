#!/bin/bash
# rcpolicy restart-bus: ten clients, four of which do not come back by themselves, and all ten are served afterwards.
# Nothing is forgotten where it is killed; policies and what cannot be restarted are respected; dbus-broker likewise,
# and users' buses.
# shellcheck source=../scenario.sh
. "$(dirname "$(realpath "$0")")/../scenario.sh"
# shellcheck source=../users.sh
. "$LAB_SOURCE/users.sh"
require_ours

BUS=/run/dbus/system_bus_socket
CLIENTS=/var/log/lab/bus-clients
NOTE=/run/rcpolicy/bus.json
GRACE=3s
# From systemd 257 on, logind lives on without its bus, and a shipped rule keeps it from being restarted.
ALL=(rcpolicy restart-bus --all --grace "$GRACE")

bus_prepare() {
    lab_copy "$LAB" /usr/local/lib/lab "$LAB_SOURCE/bus-client.pl"
    lab_sh "$LAB" <<'END'
mkdir -p /etc/dbus-1/system.d
cat >/etc/dbus-1/system.d/lab.conf <<'CONF'
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><policy context="mandatory"><allow own="*"/><allow send_type="method_call"/><allow receive_type="method_return"/></policy></busconfig>
CONF
busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig
END
}

# Ten services: 1 to 6 connect again, 7 to 10 live on without a bus. Each of these comes up after the one that follows it.
bus_services() {
    lab_sh "$LAB" <<'END'
for i in $(seq 1 10); do
    afterwards=back after=
    [ "$i" -le 6 ] || afterwards=away
    [ "$i" -le 6 ] || [ "$i" = 10 ] || after=After=lab-bus-$((i + 1)).service
    cat >/etc/systemd/system/lab-bus-$i.service <<UNIT
[Unit]
# So many restarts of the bus in so short a time are this lab's doing.
StartLimitIntervalSec=0
$after
[Service]
Type=notify
ExecStart=/usr/bin/perl /usr/local/lib/lab/bus-client.pl lab.Bus$i /run/dbus/system_bus_socket $afterwards
UNIT
done
# So it is with those who were there before.
mkdir -p /etc/systemd/system/service.d
printf '[Unit]\nStartLimitIntervalSec=0\n' >/etc/systemd/system/service.d/lab-bus.conf
systemctl daemon-reload
systemctl start lab-bus-{1,2,3,4,5,6,7,8,9,10}
END
}

served() { # how many of the ten answer a call
    local i count=0
    for i in $(seq 1 10); do
        if inside busctl --timeout=5 call "lab.Bus$i" / lab.Bus Who 2>/dev/null | grep -q "lab.Bus$i "; then count=$((count + 1)); fi
    done
    echo "$count"
}

bus_invocation() { inside systemctl show --value --property InvocationID dbus.service; }
pids() { inside systemctl show --value --property MainPID lab-bus-{1,2,3,4,5,6,7,8,9,10} dbus.service | tr -s '\n' ' '; }
log_line() { inside bash -c "wc -l <$CLIENTS"; }
logged_since() { inside bash -c "tail -n +$(($1 + 1)) $CLIENTS"; } # LINE

# Nothing is left of a restart.
require_finished() { # WHAT
    same "$1: clients that are served" 10 "$(served)"
    ! inside test -e "$NOTE" || same "$1: the note" "away" "$(inside cat "$NOTE")"
}

bus_prepare
bus_services
same "clients that are served at the beginning" 10 "$(served)"

# --- looking changes nothing
before=$(pids) invocation=$(bus_invocation)
files=$(inside find /run/rcpolicy -printf '%p %T@ %s\n' | sort | grep -v -e '/run/rcpolicy ' -e paying || true)
said=$(inside rcpolicy restart-bus --all --dry-run)
same "processes after a dry run" "$before" "$(pids)"
same "the bus after a dry run" "$invocation" "$(bus_invocation)"
same "notes after a dry run" "$files" "$(inside find /run/rcpolicy -printf '%p %T@ %s\n' | sort | grep -v -e '/run/rcpolicy ' -e paying || true)"
same "clients in a dry run" 10 "$(grep -c '  lab-bus-[0-9]*.service (lab.Bus[0-9]*): restarted unless it comes back' <<<"$said")"
holds "--dry-run lists the clients and changes nothing"

# --- ten clients; a restart of the bus that was put off is not owed any more
inside invoke-rc.d --defer dbus restart
same "what is owed" 1 "$(inside rcpolicy pending | grep -c '^dbus ')"
line=$(log_line)
began=$(date +%s%N)
said=$(inside "${ALL[@]}")
took=$((($(date +%s%N) - began) / 1000000))
[ "$(bus_invocation)" != "$invocation" ] || same "the bus" "a new one" "$invocation"
require_finished "after a restart"
same "clients that came back by themselves" 6 "$(grep -c 'lab-bus-[1-6].service: back by itself' <<<"$said")"
same "clients that were restarted" 4 "$(grep -c 'lab-bus-\(7\|8\|9\|10\).service: restarted' <<<"$said")"
same "the init" 1 "$(grep -c 'init.scope: back by itself' <<<"$said")"
same "what is owed after the restart" 0 "$(inside rcpolicy pending | grep -c '^dbus ' || true)"
order=$(logged_since "$line" | sed -n 's/lab\.Bus\(7\|8\|9\|10\) .*/\1/p' | tr '\n' ' ')
same "the order in which they came up" "10 9 8 7 " "$order"
for i in 1 2 3 4 5 6; do
    pid=$(inside systemctl show --value --property MainPID "lab-bus-$i")
    [[ " $before " == *" $pid "* ]] || same "main process of lab-bus-$i, which came back by itself" "as before" "$pid"
done
figure "restart-bus with 10 clients, 4 of which do not come back in $GRACE: $took ms"
holds "after a restart all ten are served, four of them restarted in the order of their units"

# --- what is not restarted is told with its reason, and the status is 1
lab_sh "$LAB" <<'END'
cat >/etc/rcpolicy/policy.d/10-bus.toml <<'TOML'
[[rule]]
service = "lab-bus-8"
action = "restart"
decide = "deny"
because = "the night shift restarts it"
[[rule]]
service = "lab-bus-9"
action = "restart"
decide = "defer"
until = "reboot"
because = "it holds the screen"
TOML
cat >/etc/systemd/system/lab-task.service <<'UNIT'
[Service]
Type=oneshot
ExecStart=/usr/bin/perl /usr/local/lib/lab/bus-client.pl lab.Task /run/dbus/system_bus_socket away
UNIT
systemctl daemon-reload
systemctl start --no-block lab-task
systemd-run --quiet --scope --unit=lab-loose perl /usr/local/lib/lab/bus-client.pl lab.Loose /run/dbus/system_bus_socket away </dev/null >/dev/null 2>&1 &
systemd-run --quiet --scope --unit=lab-ends perl /usr/local/lib/lab/bus-client.pl lab.Ends /run/dbus/system_bus_socket end </dev/null >/dev/null 2>&1 &
for name in Task Loose Ends; do
    for _ in $(seq 50); do busctl --no-pager list | grep -q "^lab.$name " && break; sleep 0.1; done
done
END
task=$(inside systemctl show --value --property MainPID lab-task)
said=$(inside bash -c "rcpolicy restart-bus --grace $GRACE 2>&1; echo status \$?")
for line in "status 1" "lab-bus-7.service: restarted" \
    "lab-bus-8.service: not back: it is not connected; it is not restarted: denies restart of lab-bus-8: the night shift restarts it" \
    "lab-bus-9.service: not back: it is not connected; its restart is put off: it holds the screen" \
    "lab-task.service: not back: it is not connected; it is at a task that is not begun twice" \
    "lab-loose.scope: not back: it is not connected; it cannot be restarted: a scope" \
    "lab-ends.scope: not needed back: it has ended"; do
    grep -qF "$line" <<<"$said" || same "what is told" "$line" "$said"
done
same "the task's process" "$task" "$(inside systemctl show --value --property MainPID lab-task)"
same "what is owed" 1 "$(inside rcpolicy pending | grep -c lab-bus-9)"
if grep -q '^rcpolicy: systemd-logind' <<<"$said"; then
    grep -q 'systemd-logind.service: not back: .* its restart is put off: running desktops' <<<"$said" || same "logind" "put off" "$said"
    inside bash -c 'rcpolicy forget systemd-logind; systemctl restart systemd-logind'
fi
holds "a deny, a restart until reboot, a task and a scope are left alone and named"

# --- --all passes over what is put off, not over a deny
said=$(inside bash -c "systemctl restart lab-bus-9; rcpolicy forget lab-bus-9; rcpolicy restart-bus --all --grace $GRACE 2>&1; echo status \$?")
grep -qF "lab-bus-9.service: restarted" <<<"$said" || same "with --all" "lab-bus-9 restarted" "$said"
grep -qF "lab-bus-8.service" <<<"$said" && same "lab-bus-8, which was not connected before" "not named" "$said"
inside bash -c 'rm /etc/rcpolicy/policy.d/10-bus.toml; systemctl stop lab-loose.scope lab-task; systemctl restart lab-bus-8'
same "clients that are served" 10 "$(served)"
holds "--all restarts what a rule puts off"

# --- the bus itself may be denied, by policy-rc.d too
invocation=$(bus_invocation)
inside bash -c 'printf "#!/bin/sh\n[ \$1 != dbus ] || exit 101\n" >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d'
said=$(fails inside rcpolicy restart-bus)
grep -q 'dbus.service is not restarted: denies restart of dbus.service (policy-rc.d' <<<"$said" || same "policy-rc.d" "a deny" "$said"
inside rm /usr/sbin/policy-rc.d
same "the bus" "$invocation" "$(bus_invocation)"
require_finished "after a deny"
holds "policy-rc.d's deny keeps the bus"

# --- killed at any moment: the guard finishes it, or a flush, or the next call where the guard was killed too
kill_after() { # SECONDS GUARD
    lab_sh "$LAB" "$1" "$2" <<'END'
rcpolicy restart-bus --all --grace 1s >/tmp/killed.out 2>&1 &
sleep "$1"
kill -STOP $! 2>/dev/null || true
[ "$2" = kept ] || systemctl kill --signal=KILL rcpolicy-restart-bus.service 2>/dev/null || true
kill -9 $! 2>/dev/null || true
wait $! 2>/dev/null || true
END
}
away() { ! inside test -e "$NOTE"; }
left=0
delays=(0.02 0.06 0.1 0.2 0.5 1.1)
[ "${LAB_FULL:-no}" = no ] || delays=(0.01 0.02 0.03 0.04 0.05 0.06 0.07 0.08 0.09 0.1 0.12 0.14 0.17 0.2 0.3 0.5 0.8 1.0 1.02 1.05 1.1 1.2 1.3 1.5)
for delay in "${delays[@]}"; do
    case $((left % 3)) in
    0) kill_after "$delay" kept ;;
    *) kill_after "$delay" killed ;;
    esac
    if inside test -e "$NOTE"; then
        said=$(inside rcpolicy pending 2>&1)
        grep -q 'a restart of dbus.service' <<<"$said" || away || same "pending" "names the restart" "$said"
        case $((left % 3)) in
        0) lab_wait_for 20 away || same "the note, beside a guard" "away" "there" ;;
        1) inside rcpolicy flush >/dev/null ;;
        *) inside "${ALL[@]}" >/dev/null ;;
        esac
        left=$((left + 1))
    fi
    # Killed before the bus went, or after all was done.
    require_finished "killed after $delay s"
done
[ "$left" -ge 3 ] || same "runs that were killed in the middle" "3 at least" "$left"
figure "of ${#delays[@]} runs killed with SIGKILL $left were in the middle, and all were finished"
holds "killed at any moment it is finished by its guard, by a flush or by the next call"

# --- a terminal that goes away does not end it
invocation=$(bus_invocation)
lab_sh "$LAB" "$GRACE" <<'END'
rcpolicy restart-bus --all --grace "$1" >/tmp/hangup.out 2>&1 &
for _ in $(seq 100); do [ -e /run/rcpolicy/bus.json ] && break; sleep 0.02; done
kill -HUP $!
wait $!
END
[ "$(bus_invocation)" != "$invocation" ] || same "the bus" "a new one" "$invocation"
require_finished "after SIGHUP"
holds "it does not end with its terminal"

# --- a bus that does not come up: its clients are not forgotten
lab_sh "$LAB" <<'END'
mkdir -p /run/systemd/system/dbus.service.d
printf '[Service]\nExecStartPre=/bin/sh -c "test ! -e /run/no-bus"\n' >/run/systemd/system/dbus.service.d/lab.conf
systemctl daemon-reload
touch /run/no-bus
END
said=$(fails inside "${ALL[@]}")
grep -q 'restart of dbus.service failed' <<<"$said" || same "a bus that does not come up" "told" "$said"
inside test -e "$NOTE"
fails inside rcpolicy flush >/dev/null
inside test -e "$NOTE"
inside bash -c 'rm /run/no-bus; systemctl reset-failed dbus.service dbus.socket; systemctl start dbus.socket'
inside rcpolicy flush >/dev/null
require_finished "after a bus that did not come up at first"
inside bash -c 'rm -r /run/systemd/system/dbus.service.d; systemctl daemon-reload'
holds "where the bus does not come up its clients stay noted, and a flush looks after them"

# --- dbus-broker in place of dbus-daemon
inside bash -c 'dpkg -i /var/cache/lab/dbus-broker/*.deb' >/dev/null 2>&1
# What a reboot would do: the name goes to the other program only once no unit is loaded under it.
lab_sh "$LAB" <<'END'
systemctl stop dbus.socket dbus.service
systemctl daemon-reload
systemctl start dbus.socket dbus.service
systemctl restart systemd-logind
for i in $(seq 1 10); do systemctl restart "lab-bus-$i"; done
END
same "what runs the bus" dbus-broker-lau "$(inside sh -c 'cat /proc/$(systemctl show --value --property MainPID dbus.service)/comm')"
same "clients that dbus-broker serves" 10 "$(served)"
said=$(inside "${ALL[@]}")
require_finished "after a restart of dbus-broker"
same "clients that were restarted" 4 "$(grep -c 'lab-bus-\(7\|8\|9\|10\).service: restarted' <<<"$said")"
grep -q '^dbus-broker.service serves' <<<"$said" || same "the unit" dbus-broker.service "$said"
holds "dbus-broker: all ten are served"

# --- users' buses
users_prepare
lab_sh "$LAB" <<'END'
cd /etc/systemd/user
rm -f dbus.service
printf '[Socket]\nListenStream=%%t/bus\n[Install]\nWantedBy=sockets.target\n' >dbus.socket
printf '[Service]\nType=notify\nNotifyAccess=main\nExecStart=/usr/bin/dbus-daemon --session --address=systemd: --nofork --nopidfile --systemd-activation --syslog-only\n' >dbus.service
for afterwards in back away; do
    printf '[Unit]\nRequires=dbus.socket\nAfter=dbus.socket\n[Service]\nType=notify\nEnvironment=BUS_CLIENTS=%%t/clients\nExecStart=/usr/bin/perl /usr/local/lib/lab/bus-client.pl lab.User.%s %%t/bus %s\n[Install]\nWantedBy=default.target\n' $afterwards $afterwards >lab-user-$afterwards.service
    mkdir -p default.target.wants && ln -sf ../lab-user-$afterwards.service default.target.wants/
done
END
users_add ann 1001
users_add bob 1002
as_user() { # UID COMMAND...
    local uid=$1
    shift
    inside setpriv --reuid "$uid" --regid "$uid" --clear-groups env XDG_RUNTIME_DIR="/run/user/$uid" "$@"
}
user_served() { # UID
    local name count=0
    for name in back away; do
        if as_user "$1" busctl --user --timeout=5 call "lab.User.$name" / lab.Bus Who >/dev/null 2>&1; then count=$((count + 1)); fi
    done
    echo "$count"
}
for uid in 1001 1002; do
    lab_wait_for 10 test "$(user_served "$uid")" = 2 || same "clients of user $uid's bus" 2 "$(user_served "$uid")"
done
said=$(inside rcpolicy restart-bus --user --dry-run)
same "clients in a dry run for users" 4 "$(grep -c 'user 100[12]:   lab-user-.*: restarted unless it comes back' <<<"$said")"
said=$(inside rcpolicy restart-bus --user --grace "$GRACE")
for uid in 1001 1002; do
    same "clients of user $uid's bus" 2 "$(user_served "$uid")"
    grep -qF "user $uid: lab-user-away.service: restarted" <<<"$said" || same "user $uid" "lab-user-away restarted" "$said"
    grep -qF "user $uid: lab-user-back.service: back by itself" <<<"$said" || same "user $uid" "lab-user-back back" "$said"
done
holds "--user: all users' buses as root, as the users themselves"
said=$(as_user 1001 rcpolicy restart-bus --user --grace "$GRACE")
grep -qF "lab-user-away.service: restarted" <<<"$said" || same "as a user" "restarted" "$said"
fails as_user 1001 rcpolicy restart-bus >/dev/null
holds "--user: a user their own, and not the system's"

# --- a user whose manager is silent keeps nobody waiting for longer than the limit
inside systemctl kill --kill-whom=main --signal=STOP user@1002.service 2>/dev/null || inside systemctl kill --kill-who=main --signal=STOP user@1002.service
began=$SECONDS
said=$(inside bash -c "rcpolicy restart-bus --user --grace $GRACE 2>&1; echo status \$?")
[ $((SECONDS - began)) -le 12 ] || same "seconds beside a silent manager" "12 at most" "$((SECONDS - began))"
inside systemctl kill --kill-whom=main --signal=CONT user@1002.service 2>/dev/null || inside systemctl kill --kill-who=main --signal=CONT user@1002.service
grep -qF "user 1001: lab-user-away.service: restarted" <<<"$said" || same "user 1001 beside a silent manager" "restarted" "$said"
grep -qF "status 1" <<<"$said" || grep -qF "status 3" <<<"$said" || same "the status" "not 0" "$said"
holds "--user: a silent manager is given up, and the others are served"
