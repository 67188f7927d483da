#!/bin/bash
# What a rule puts off until the batch's end is done then: once for many runs in a row, all together for many services,
# at apt's end at once, and after dpkg was killed. Nobody waits for the waiter.
. "$(dirname "$0")/../scenario.sh"
. "$LAB_SOURCE/deferral-units.sh"

services=50
require_ours
deferral_make "$services" | lab_sh "$LAB"

settle() { deferral_policy "settle = \"$1\""; } # TIME
settle 3s

all_starts() { inside sh -c 'cat /var/log/lab/lab-d* | sort | uniq -c' | tr -s ' '; }
owed() { inside rcpolicy pending --json; }
has_waiter() { inside pgrep -f '^/usr/sbin/rcpolicy flush --settled' >/dev/null; }
no_waiter() { ! has_waiter; }
paid() { inside rcpolicy wait flush --timeout 60s; }
# The waiter goes when nothing is left to do.
is_over() {
    paid
    lab_wait_for 5 no_waiter || same "the waiter" "gone" "still there"
}
deb() { echo "/root/deferral/lab-d$1_$2.deb"; } # NUMBER VERSION
debs() { # VERSION
    local n
    for ((n = 1; n <= services; n++)); do deb "$n" "$1"; done
}

# Many bare runs of dpkg.
forget_starts
for round in 1 2 3 4 5 6 7 8 9 10; do
    inside dpkg -i "$(deb 1 2)" >/dev/null 2>&1
done
same "restarts while dpkg runs in a row" 0 "$(starts lab-d1)"
has_waiter
is_over
same "restarts for ten runs of dpkg" 1 "$(starts lab-d1)"
holds "ten runs of dpkg in a row that each ask for the same restart end in one"
if [ "$INIT" = systemd ]; then
    same "state of the service" active "$(inside systemctl is-active lab-d1)"
    fails inside systemctl is-failed lab-d1 >/dev/null
fi

# One run of dpkg, many services.
forget_starts
# shellcheck disable=SC2046 # each is a word
inside dpkg -i $(debs 2) >/dev/null 2>&1
same "owed after it" "$services" "$(owed | grep -o '"service"' | wc -l)"
is_over
same "restarts for $services services in one run" " $services 2" "$(all_starts)"
holds "$services packages that ask for $services services: each restarted once, after the run"

# What dpkg writes to goes on to its end although the waiter lives on.
forget_starts
began=$SECONDS
inside sh -c 'dpkg -i "$1" 2>&1 | cat >/dev/null' pipe "$(deb 2 2)"
[ $((SECONDS - began)) -lt 3 ] || same "seconds that a reader of dpkg's output waited" 0 $((SECONDS - began))
has_waiter
holds "nobody who reads dpkg's output waits for the waiter"
is_over

# apt tells its end.
forget_starts
inside apt-get install --yes --reinstall "$(deb 3 2)" "$(deb 4 2)" >"$LAB_DIR/apt-$LAB" 2>&1
same "restarts when apt is back" "1 1" "$(starts lab-d3) $(starts lab-d4)"
grep -q '^lab-d3: ' "$LAB_DIR/apt-$LAB" || same "what apt shows" "the flush's results" "$(cat "$LAB_DIR/apt-$LAB")"
is_over
same "restarts after that" "1 1" "$(starts lab-d3) $(starts lab-d4)"
holds "apt's end does it at once, and shows it"

# Many small runs of one upgrade.
forget_starts
inside sh -c 'cat >/root/deferral/unattended-upgrade && chmod 755 /root/deferral/unattended-upgrade' <<'END'
#!/bin/bash
for n in 5 6 7; do apt-get install --yes --reinstall "/root/deferral/lab-d5_2.deb"; done
cat /var/log/lab/lab-d5 | wc -l >/run/in-between
END
inside /root/deferral/unattended-upgrade >/dev/null 2>&1
same "restarts while an unattended upgrade goes on" 0 "$(inside cat /run/in-between)"
is_over
same "restarts after an unattended upgrade" 1 "$(starts lab-d5)"
holds "the many runs of an unattended upgrade are one batch"

# dpkg is killed in the middle.
forget_starts
inside sh -c 'cat >/root/deferral/during-lab-d7 && chmod 755 /root/deferral/during-lab-d7' <<'END'
#!/bin/sh
rm /root/deferral/during-lab-d7
kill -9 "$(ps -o ppid= -p "$PPID" | tr -d " ")"
sleep 1
END
fails inside dpkg -i "$(deb 6 2)" "$(deb 7 2)" "$(deb 8 2)" >/dev/null
has_waiter
lab_wait_for 30 test "$(starts lab-d6)" = 1 || true
sleep 5
same "restarts of what was configured, of what was not, of what was not reached" "1 0 0" \
    "$(starts lab-d6) $(starts lab-d7) $(starts lab-d8)"
inside rcpolicy pending | grep -q 'lab-d7.*' || same "pending" "lab-d7" "$(inside rcpolicy pending)"
inside dpkg --configure -a >/dev/null 2>&1
is_over
same "restarts after dpkg --configure -a" "1 1 1" "$(starts lab-d6) $(starts lab-d7) $(starts lab-d8)"
holds "after dpkg was killed and went on, all is new and nothing is owed"

# A postinst that fails.
forget_starts
inside sh -c 'printf "#!/bin/sh\nexit 1\n" >/root/deferral/during-lab-d9 && chmod 755 /root/deferral/during-lab-d9'
fails inside dpkg -i "$(deb 9 2)" >/dev/null
sleep 5
same "restarts of what is half-configured" 0 "$(starts lab-d9)"
inside rm /root/deferral/during-lab-d9
inside dpkg --configure -a >/dev/null 2>&1
is_over
same "restarts after that" 1 "$(starts lab-d9)"
holds "what is not configured waits until it is"

# Before a new libc has taken over nothing is restarted.
forget_starts
settle 1s
inside sh -c 'cat >/root/deferral/during-lab-d10 && chmod 755 /root/deferral/during-lab-d10' <<'END'
#!/bin/sh
rm /root/deferral/during-lab-d10
dpkg-trigger --no-await libc-upgrade
kill -9 "$(ps -o ppid= -p "$PPID" | tr -d " ")"
sleep 1
END
fails inside dpkg -i "$(deb 11 2)" "$(deb 10 2)" >/dev/null
sleep 4
same "restarts before libc's trigger was processed" 0 "$(starts lab-d11)"
inside dpkg --configure -a >/dev/null 2>&1
is_over
same "restarts after it" "1 1" "$(starts lab-d10) $(starts lab-d11)"
holds "nothing is restarted while a new libc has not taken over"

# The waiter is told to end, and is not needed.
forget_starts
settle 30s
inside dpkg -i "$(deb 12 2)" >/dev/null 2>&1
has_waiter
inside pkill -TERM -f '^/usr/sbin/rcpolicy flush --settled'
lab_wait_for 3 no_waiter || same "the waiter after SIGTERM" gone "still there"
same "restarts by then" 0 "$(starts lab-d12)"
inside rcpolicy flush >/dev/null
same "restarts by hand" 1 "$(starts lab-d12)"
holds "the waiter ends when it is told to, and loses nothing"

# Where nothing can follow dpkg's end does it itself.
forget_starts
settle 0s
inside dpkg -i "$(deb 13 2)" >/dev/null 2>&1
is_over
same "restarts with no quiet time" 1 "$(starts lab-d13)"
holds "without a quiet time dpkg's end is the batch's end"

# The waiter is killed: whoever notes something next starts another.
forget_starts
settle 2s
inside dpkg -i "$(deb 14 2)" >/dev/null 2>&1
has_waiter
inside pkill -KILL -f '^/usr/sbin/rcpolicy flush --settled'
lab_wait_for 3 no_waiter
inside dpkg -i "$(deb 15 2)" >/dev/null 2>&1
is_over
same "restarts after the waiter was killed" "1 1" "$(starts lab-d14) $(starts lab-d15)"
holds "another waiter takes a killed one's place"

# Our own package is replaced while it waits.
forget_starts
settle 4s
inside dpkg -i "$(deb 16 2)" >/dev/null 2>&1
install_debs "$RCPOLICY_DEB" >/dev/null 2>&1
waits_with() { inside sh -c 'readlink "/proc/$(pgrep -f "^/usr/sbin/rcpolicy flush --settled")/exe"'; }
is_new() { [ "$(waits_with)" = /usr/sbin/rcpolicy ]; }
lab_wait_for 5 is_new || same "what waits after an upgrade of ours" /usr/sbin/rcpolicy "$(waits_with)"
is_over
same "restarts after it" 1 "$(starts lab-d16)"
holds "an upgrade of rcpolicy goes on waiting, with the new program"

# apt runs in a session that a service carries, and that service is to be restarted.
if [ "$INIT" = systemd ]; then
    inside sh -c 'mkdir -p /etc/systemd/system/lab-d17.service.d && cat >/etc/systemd/system/lab-d17.service.d/session.conf' <<'END'
[Service]
ExecStart=
ExecStart=/bin/sh -c '/root/deferral/session; exec sleep 100000'
END
    inside sh -c 'cat >/root/deferral/session && chmod 755 /root/deferral/session && systemctl daemon-reload' <<'END'
#!/bin/sh
rm /root/deferral/session
apt-get install --yes --reinstall /root/deferral/lab-d17_2.deb /root/deferral/lab-d18_2.deb >/root/deferral/session.log 2>&1
echo "apt ended with $?" >>/root/deferral/session.log
END
    forget_starts
    inside systemctl restart lab-d17
    lab_wait_for 60 inside sh -c '[ "$(cat /var/log/lab/lab-d17 | wc -l)" = 2 ]' || same "the session's log" "a restart" "$(inside cat /root/deferral/session.log)"
    is_over
    same "starts of what carries the session, of the other" "2 1" "$(starts lab-d17) $(starts lab-d18)"
    same "what dpkg has not finished" "" "$(inside dpkg --audit)"
    inside grep -q '^lab-d18: .*done' /root/deferral/session.log
    inside grep -q '^lab-d17 carries this session' /root/deferral/session.log
    holds "what carries the session that runs apt is restarted last, from outside of it"
fi

# Nothing is left behind.
forget_starts
settle 60s
inside dpkg -i "$(deb 19 2)" >/dev/null 2>&1
has_waiter
inside dpkg --remove rcpolicy >/dev/null 2>&1
same "restarts after our removal" 1 "$(starts lab-d19)"
lab_wait_for 5 no_waiter || same "the waiter after our removal" gone "still there"
holds "what is owed is done before our package goes, and the waiter goes with it"
install_debs "$RCPOLICY_DEB" >/dev/null 2>&1
require_ours
inside rm -f /etc/rcpolicy/policy.d/10-lab.toml
