#!/bin/bash
# Init scripts that need nothing of each other run side by side in a flush, as at boot; one that needs another runs after
# it; what they write is not mixed; one that fails stays owed; a flush that is killed in the middle loses nothing; and
# where the boot runs one after the other, so does the flush. The scripts note when they begin and end.
. "$(dirname "$0")/../scenario.sh"

require_ours
names=(lab-s1 lab-s2 lab-s3 lab-s4 lab-s5 lab-t)
clean_up() {
    inside sh -c 'rm -f /etc/rcpolicy/policy.d/10-beside.toml /etc/init.d/lab-s? /etc/init.d/lab-t /run/lab-up-*
        sed -i /^CONCURRENCY/d /etc/default/rcS
        for name; do update-rc.d -f "$name" remove; done' clean "${names[@]}" >/dev/null 2>&1
}
trap clean_up EXIT

inside sh -c 'cat >/etc/rcpolicy/policy.d/10-beside.toml && rcpolicy check' <<'END'
[[rule]]
service = ["lab-s?", "lab-t"]
action  = ["restart"]
decide  = "defer"
until   = "flush"
END

# What a script does beside that is told by files in /var/lib/lab-beside.
lab_sh "$LAB" "${names[@]}" <<'MAKE'
script() { # NAME NEEDS
    cat <<SCRIPT
#!/bin/sh
### BEGIN INIT INFO
# Provides:          $1
# Required-Start:    \$remote_fs $2
# Required-Stop:     \$remote_fs $2
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: a service of the lab
### END INIT INFO
name=$1
SCRIPT
    cat <<'SCRIPT'
at=/var/lib/lab-beside
await() { n=0; until [ -e "$1" ]; do n=$((n + 1)); [ $n -lt 2000 ] || exit 9; sleep 0.01; done; }
say() { echo "$1 $name" >>/var/log/lab-beside; }
case $1 in
start) : >"/run/lab-up-$name" ;;
stop) rm -f "/run/lab-up-$name" ;;
status) [ -e "/run/lab-up-$name" ] || exit 3 ;;
restart)
    say begin
    rm -f "/run/lab-up-$name"
    [ ! -e "$at/hold" ] || await "$at/go"
    if [ -e "$at/with-$name" ]; then
        echo "$name: one"
        : >"$at/here-$name"
        await "$at/here-$(cat "$at/with-$name")"
        echo "$name: two"
    fi
    : >"/run/lab-up-$name"
    say end
    [ ! -e "$at/broken-$name" ] || exit 7 ;;
*) exit 2 ;;
esac
SCRIPT
}
mkdir -p /var/lib/lab-beside
for name; do
    needs=
    [ "$name" != lab-t ] || needs=lab-s1
    script "$name" "$needs" >"/etc/init.d/$name"
    chmod 755 "/etc/init.d/$name"
    update-rc.d "$name" defaults
    "/etc/init.d/$name" start
done
MAKE

renew() { # all are owed a restart, and nothing else is to be done
    inside sh -c 'rm -rf /var/lib/lab-beside; mkdir /var/lib/lab-beside; : >/var/log/lab-beside
        for name; do invoke-rc.d "$name" restart 2>/dev/null; done' renew "${names[@]}"
}
flush() { # the exit status; what it said is in $said
    status=0
    said=$(inside rcpolicy flush 2>&1) || status=$?
}
# The most that ran at once, who ran while lab-t did, and who ended after it had begun.
seen() {
    inside cat /var/log/lab-beside | awk '
        $1 == "begin" { on[$2] = 1; if (++n > most) most = n }
        $1 == "end" { delete on[$2]; n-- }
        ("lab-t" in on) && n > 1 { beside = 1 }
        $2 == "lab-t" && $1 == "begin" { late = 6 - 1 - ended }
        $1 == "end" { ended++ }
        END { print most + 0, beside + 0, late + 0 }'
}
nothing_owed() { same "$1: what is owed" "nothing is owed" "$(inside rcpolicy pending)"; }
owed() { inside rcpolicy pending --json | grep -c '"service"' || true; }
all_up() { same "$1: what is up" "${#names[@]}" "$(inside sh -c 'ls /run/lab-up-* | wc -l')"; }

# --- side by side, and each heard for itself
renew
# Each waits for the other: one after the other both would fail.
inside sh -c 'echo lab-s2 >/var/lib/lab-beside/with-lab-s1; echo lab-s1 >/var/lib/lab-beside/with-lab-s2'
flush
same "exit status" 0 "$status"
same "what is said" "lab-s1: one lab-s1: two lab-s1: restart done lab-s2: one lab-s2: two lab-s2: restart done" \
    "$(grep -E '^lab-s[12]: ' <<<"$said" | tr '\n' ' ' | sed 's/ $//')"
nothing_owed "side by side"
read -r most beside late < <(seen)
[ "$most" -gt 1 ] && [ "$most" -le 4 ] || same "how many ran at once" "2 to 4" "$most"
same "whether anything ran beside what needs it, and how many ended after that began" "0 0" "$beside $late"
all_up "side by side"
holds "scripts that need nothing of each other run side by side, at most 4, and what they write is not mixed"
holds "a script that needs another runs after it, and beside none that it needs"

# --- one that fails
renew
inside touch /var/lib/lab-beside/broken-lab-s3
flush
same "exit status with one that fails" 1 "$status"
grep -qF "lab-s3: still owed: restart ended with status 7" <<<"$said" || same "what is said of lab-s3" "its status" "$said"
same "what is owed" 1 "$(owed)"
inside rm /var/lib/lab-beside/broken-lab-s3
flush
same "exit status in the end" 0 "$status"
nothing_owed "in the end"
holds "one that fails stays owed with its reason, and keeps no other"

# --- killed while four of them run
for signal in KILL TERM; do
    renew
    inside touch /var/lib/lab-beside/hold
    inside sh -c 'rcpolicy flush >/run/lab-said 2>&1 & echo $! >/run/lab-flush-pid'
    lab_wait_for 20 inside sh -c '[ "$(grep -c ^begin /var/log/lab-beside)" = 4 ]'
    inside sh -c 'kill -s "$1" "$(cat /run/lab-flush-pid)"' kill "$signal"
    lab_wait_for 20 inside sh -c '! kill -0 "$(cat /run/lab-flush-pid)"'
    same "what is owed after SIG$signal" "${#names[@]}" "$(owed)"
    inside touch /var/lib/lab-beside/go
    lab_wait_for 20 inside sh -c '[ "$(grep -c ^end /var/log/lab-beside)" = 4 ]'
    flush
    same "exit status after SIG$signal" 0 "$status"
    nothing_owed "after SIG$signal"
    all_up "after SIG$signal"
done
# And where the scripts do not live on either: they are down then.
renew
inside touch /var/lib/lab-beside/hold
inside sh -c 'setsid rcpolicy flush >/run/lab-said 2>&1 & echo $! >/run/lab-flush-pid'
lab_wait_for 20 inside sh -c '[ "$(grep -c ^begin /var/log/lab-beside)" = 4 ]'
inside sh -c 'kill -s KILL -- "-$(cat /run/lab-flush-pid)"'
same "what is up while four are between stop and start" 2 "$(inside sh -c 'ls /run/lab-up-* | wc -l')"
inside rm /var/lib/lab-beside/hold
flush
same "exit status after all were killed" 0 "$status"
nothing_owed "after all were killed"
all_up "after all were killed"
holds "a flush that is killed while four scripts run, with them or without, loses nothing"

# --- where the boot runs one after the other
renew
inside sh -c 'echo CONCURRENCY=none >>/etc/default/rcS'
flush
same "exit status one after the other" 0 "$status"
nothing_owed "one after the other"
read -r most beside late < <(seen)
same "how many ran at once" 1 "$most"
inside sed -i /^CONCURRENCY/d /etc/default/rcS
holds "where the boot runs one script after the other, so does the flush"
