#!/bin/bash
# A service that has only an init script, under systemd. Up to 259 a generator makes a unit of it; from 260 on nothing
# does: then the script is run, with `--skip-systemd-native` too.
. "$(dirname "$0")/../scenario.sh"
. "$LAB_SOURCE/hostile-units.sh"

require_ours

inside sh -c 'cat >/etc/init.d/old && chmod 755 /etc/init.d/old && update-rc.d old defaults && systemctl daemon-reload' <<'END'
#!/bin/sh
### BEGIN INIT INFO
# Provides:          old
# Required-Start:
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: a service of the old kind
### END INIT INFO
running() { [ -e /run/old.pid ] && kill -0 "$(cat /run/old.pid)" 2>/dev/null; }
start() { running || { sleep infinity & echo $! >/run/old.pid; }; }
stop() { ! running || kill "$(cat /run/old.pid)"; rm -f /run/old.pid; }
echo "$1" >>/run/old.calls
case $1 in
start) start ;;
stop) stop ;;
restart) stop; start ;;
status) running || exit 3 ;;
reload) : ;;
*) exit 2 ;;
esac
END

pid() { inside cat /run/old.pid 2>/dev/null || echo none; }
calls() { inside sh -c 'tr "\n" " " </run/old.calls; rm -f /run/old.calls' 2>/dev/null || true; }
ours() { # ARGUMENTS...: the exit status
    local status=0
    inside /usr/sbin/invoke-rc.d "$@" >/dev/null 2>&1 </dev/null || status=$?
    echo "$status"
}
is_up() { inside sh -c 'kill -0 "$(cat /run/old.pid)"' 2>/dev/null && echo up || echo down; }

calls >/dev/null
same "start" "0" "$(ours old start)"
same "after start" "up" "$(is_up)"
same "status of what runs" "0" "$(ours old status)"
first=$(pid)
same "restart" "0" "$(ours old restart)"
same "after restart" "up" "$(is_up)"
[ "$(pid)" != "$first" ]
second=$(pid)
same "restart with --skip-systemd-native" "0" "$(ours --skip-systemd-native old restart)"
same "after that restart" "up" "$(is_up)"
[ "$(pid)" != "$second" ]
same "reload" "0" "$(ours old reload)"
same "stop" "0" "$(ours old stop)"
same "after stop" "down" "$(is_up)"
same "status of what is down" "3" "$(ours old status)"
called=$(calls)
if inside test -e /usr/lib/systemd/system-generators/systemd-sysv-generator; then
    holds "a service with only an init script is started, restarted, asked and stopped as the unit that systemd makes of it"
else
    same "what the script was called with" "start status restart restart reload stop status " "$called"
    stock=0
    inside /usr/sbin/invoke-rc.d.distrib --skip-systemd-native old start >/dev/null 2>&1 </dev/null || stock=$?
    same "stock's --skip-systemd-native does nothing and says 0" "0 down" "$stock $(is_up)"
    policy '[compat]\nstrict = true\n'
    same "start with ours, strict" "5" "$(ours old start)"
    policy ''
    helper 'exit 101'
    same "start that is denied" "0" "$(ours old start)"
    same "after a denied start" "down" "$(is_up)"
    holds "a service with only an init script, which systemd does not know, is run by its script"
fi
inside sh -c "rm -rf /usr/sbin/policy-rc.d /etc/rcpolicy/policy.d/10-test.toml; update-rc.d -f old remove; rm /etc/init.d/old; systemctl daemon-reload" >/dev/null 2>&1
