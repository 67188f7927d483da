#!/bin/bash
# What waits for a maintenance window: nothing that is only owed is done before it opens, what is down comes back at any
# time, and whoever asks by hand need not wait.
. "$(dirname "$0")/../scenario.sh"
. "$LAB_SOURCE/deferral-units.sh"

require_ours
deferral_make 3 | lab_sh "$LAB"

# Windows by the lab's own clock, which is UTC: one that is open for the next hours, and one that is not.
hour=$(inside date +%-H)
around=$(printf 'daily %02d:00-%02d:00' $(((hour + 23) % 24)) $(((hour + 4) % 24)))
away=$(printf 'daily %02d:00-%02d:00' $(((hour + 12) % 24)) $(((hour + 13) % 24)))
allow() { deferral_policy "$(printf 'settle = "1s"\nwindow = "%s"' "$1")"; } # WINDOW
has_waiter() { inside pgrep -f '^/usr/sbin/rcpolicy flush --settled' >/dev/null; }
no_waiter() { ! has_waiter; }
deb() { echo "/root/deferral/lab-d$1_2.deb"; } # NUMBER

forget_starts
allow "$away"
inside dpkg -i "$(deb 1)" >/dev/null 2>&1
inside apt-get install --yes --reinstall "$(deb 2)" >"$LAB_DIR/apt-$LAB" 2>&1
grep -q 'wait for the window that opens' "$LAB_DIR/apt-$LAB" || same "what apt shows" "the window" "$(cat "$LAB_DIR/apt-$LAB")"
has_waiter
# Longer than its quiet time and its first tries.
sleep 8
same "restarts before the window" "0 0" "$(starts lab-d1) $(starts lab-d2)"
inside rcpolicy pending | grep -q 'the window that opens'
has_waiter
holds "before its window opens nothing is restarted that is only owed"

inside rcpolicy flush lab-d1 >"$LAB_DIR/flush-$LAB" 2>&1
grep -q 'no window opens before' "$LAB_DIR/flush-$LAB"
same "restarts by hand" "1 0" "$(starts lab-d1) $(starts lab-d2)"
holds "by hand it is done before the window opens, and said so"

# Between its stop and its start dpkg is killed: the service is down, and nobody waits for a window with that.
inside sh -c 'cat >/etc/init.d/lab-down && chmod 755 /etc/init.d/lab-down' <<'END'
#!/bin/sh
### BEGIN INIT INFO
# Provides: lab-down
# Required-Start:
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
case $1 in
start) touch /run/lab-down ;;
stop) rm -f /run/lab-down ;;
status) [ -e /run/lab-down ] ;;
restart) touch /run/lab-down ;;
esac
END
inside update-rc.d lab-down defaults >/dev/null 2>&1
[ "$INIT" != systemd ] || inside systemctl daemon-reload
inside invoke-rc.d lab-down start
inside env DPKG_MAINTSCRIPT_PACKAGE=lab-down DPKG_MAINTSCRIPT_NAME=prerm invoke-rc.d lab-down stop
up() { inside test -e /run/lab-down; }
fails up
inside rcpolicy pending | grep -q '^lab-down '
inside dpkg -i "$(deb 3)" >/dev/null 2>&1
lab_wait_for 30 up || same "what is down while the window is shut" up "$(inside rcpolicy pending)"
same "restarts by then" "0 0" "$(starts lab-d2) $(starts lab-d3)"
holds "what an upgrade has left down comes back before the window opens"

allow "$around"
is_done() { [ "$(starts lab-d2) $(starts lab-d3)" = "1 1" ]; }
lab_wait_for 45 is_done || same "restarts in the window" "1 1" "$(starts lab-d2) $(starts lab-d3)"
lab_wait_for 10 no_waiter || same "the waiter after the window" gone "still there"
same "owed after it" 0 "$(inside rcpolicy pending --json | grep -c '"due"')"
holds "once the window is open the waiter does what is owed, and goes"
inside sh -c 'update-rc.d -f lab-down remove; rm -f /etc/init.d/lab-down /etc/rcpolicy/policy.d/10-lab.toml' >/dev/null 2>&1
