#!/bin/bash
# Bad input and hostile surroundings on a booted systemd: what tests/hostile tries under sysv, for both tools.
. "$(dirname "$0")/../scenario.sh"
. "$LAB_SOURCE/hostile-units.sh"

require_ours
units_make
units_fresh
upgrade=(env DPKG_MAINTSCRIPT_PACKAGE=hx)
denied='[[rule]]\nservice = "hx"\naction = "start"\ndecide = "deny"\nbecause = "not here"\n'

snapshot() {
    inside sh -c 'systemctl list-units --all --no-legend --plain | grep -v "^dev-\|^run-\|device" | cut -d" " -f1 | sort; find /run/systemd/system /run/rcpolicy /etc/systemd /tmp -xdev 2>/dev/null | grep -v systemd-private | sort'
}

# --- names
before=$(snapshot)
for name in .. ../hx /etc/passwd 'hx hy' $'hx\nhy' '$(touch /tmp/x)' '`touch /tmp/x`' 'hx;hy' '*' $'h\e[2Jx' 'hx|hy' "h'x"; do
    for action in start stop restart status; do
        call "$OURS_INVOKE" "$name" "$action"
        same "status of invoke-rc.d with the name ${name@Q}" 103 "$status"
        same "lines said" 1 "$(wc -l <<<"$said")"
        says "syntax error: "
        call "$OURS_DEB" "$action" hy.service "$name"
        same "status of deb-systemd-invoke with the name ${name@Q}" 1 "$status"
        same "lines said" 1 "$(wc -l <<<"$said")"
        says "is not a service name"
    done
done
same "units and files after odd names" "$before" "$(snapshot)"
holds "names that are none are refused by both tools, and leave nothing behind"

# --- policy files
for broken in '[[rule' '[[rule]]\nfrobnicate = 1\n' directory fifo writable foreign large; do
    units_fresh
    policy "$denied"
    inside systemctl stop hx.socket hx.service
    call "$OURS_DEB" start hx.service
    says "not here"
    case $broken in
    directory) inside sh -c 'cd /etc/rcpolicy/policy.d && rm 10-test.toml && mkdir 10-test.toml' ;;
    fifo) inside sh -c 'cd /etc/rcpolicy/policy.d && rm 10-test.toml && mkfifo 10-test.toml' ;;
    writable) inside chmod 664 /etc/rcpolicy/policy.d/10-test.toml ;;
    foreign) inside chown 12345 /etc/rcpolicy/policy.d/10-test.toml ;;
    large) inside truncate -s 100M /etc/rcpolicy/policy.d/10-test.toml ;;
    *) policy "$broken" ;;
    esac
    for tool in "$OURS_DEB start hx.service" "$OURS_DEB start hx.socket" "$OURS_INVOKE hx start" "$OURS_INVOKE --force hx start"; do
        read -ra words <<<"$tool"
        call "${words[@]}"
        same "status of $tool with the policy ${broken@Q}" 0 "$status"
        says 10-test.toml "the last that read well" hx "not here"
        same "hx after $tool with the policy ${broken@Q}" inactive "$(inside systemctl is-active hx.service || true)"
    done
    inside rm -rf /var/lib/rcpolicy/last-good
    inside systemctl start hx.socket hx.service
    old=$(life hx.service)
    for step in "prerm stop" "postinst start" "postinst restart"; do
        call "${upgrade[@]}" DPKG_MAINTSCRIPT_NAME="${step% *}" "$OURS_DEB" "${step#* }" hx.service
        same "status of an upgrade's ${step#* } with the policy ${broken@Q}" 0 "$status"
        says 10-test.toml "no earlier policy to go by" "${step#* } of hx.service is held"
        same "hx after an upgrade's ${step#* } with the policy ${broken@Q}" "$old" "$(life hx.service)"
    done
done
holds "with a broken policy what was denied stays denied, and upgrades leave services as they run"

# --- policy-rc.d
units_fresh
policy '[policy-rc-d]\nlimit = "500ms"\nmax-output = "1KiB"\n'
old=$(life hy.service)
for text in 'exec sleep 1000' 'exec >&- 2>&-; exec sleep 1000' 'exec yes' 'sleep 1000 2>&- & exit 0'; do
    helper "$text"
    call "$OURS_DEB" restart hy.service
    same "status of deb-systemd-invoke with the policy-rc.d ${text@Q}" 1 "$status"
    says /usr/sbin/policy-rc.d killed "'restart hy.service' is not run"
    call "$OURS_INVOKE" hy restart
    same "status of invoke-rc.d with the policy-rc.d ${text@Q}" 102 "$status"
    says /usr/sbin/policy-rc.d killed "restart of hy is not run"
done
inside sh -c 'rm /usr/sbin/policy-rc.d && mkdir /usr/sbin/policy-rc.d'
call "$OURS_INVOKE" hy restart
same "status with a directory as policy-rc.d" 102 "$status"
same "hy after a policy-rc.d that gives no answer" "$old" "$(life hy.service)"
holds "a policy-rc.d that hangs, floods or is a directory starts nothing, in time"

# --- disks
spoil() { # full | read-only | in-the-way | foreign
    lab_sh "$LAB" "$1" <<'END'
rm -rf /run/rcpolicy
case $1 in
in-the-way) mkdir /run/rcpolicy; : >/run/rcpolicy/ledger; exit ;;
foreign) mkdir -p /run/rcpolicy/ledger; chown 12345 /run/rcpolicy/ledger; exit ;;
esac
for directory in /run/rcpolicy /var/log/rcpolicy /var/lib/rcpolicy; do
    mkdir -p $directory
    mount -t tmpfs -o mode=755,size=64k hostile $directory
    case $1 in
    full) mkdir $directory/ledger; : >$directory/lock; : >$directory/decisions.jsonl; cat /dev/zero >$directory/fill 2>/dev/null || true ;;
    read-only) mount -o remount,ro $directory ;;
    esac
done
END
}
mend() { inside sh -c 'umount -q /run/rcpolicy /var/log/rcpolicy /var/lib/rcpolicy; rm -rf /run/rcpolicy'; }

# hy's restarts and reloads are put off, in upgrades its stop is held, by two rules of which each has its phase.
put_off='[[rule]]\nservice = "hy"\naction = ["restart", "reload"]\nphase = "none"\ndecide = "defer"\n[[rule]]\nservice = "hy"\nphase = "upgrade"\ndecide = "restart"\n'

# Without a ledger what is put off is done at once, and says so.
done_at_once() { # TOOL WHY
    local old words
    old=$(life hy.service)
    inside rm -f /run/hy.reloads
    read -ra words <<<"$1"
    call "${words[@]}"
    same "status of a deferred '$1' ($2)" 0 "$status"
    says "$2" /run/rcpolicy "hy.service" "at once"
    case $1 in
    *reload*) same "hy's reloads after '$1' ($2)" 1 "$(inside sh -c 'cat /run/hy.reloads')" ;;
    *) [ "$old" != "$(life hy.service)" ] || same "hy after '$1' ($2)" "a new run" "the old one" ;;
    esac
}

# What has to be held fails, and what runs goes on.
fails_loudly() { # TOOL WHY
    local old words
    old=$(life hy.service)
    read -ra words <<<"$1"
    call "${upgrade[@]}" DPKG_MAINTSCRIPT_NAME=prerm "${words[@]}"
    same "status of a held '$1' ($2)" 1 "$status"
    says stop hy.service "cannot hold it back" "$2" /run/rcpolicy
    same "hy after a held '$1' ($2)" "$old" "$(life hy.service)"
    # On a spoiled disk there is the journal alone.
    inside journalctl --sync
    [[ $(inside journalctl --quiet --output=cat --lines=1 SYSLOG_IDENTIFIER=rcpolicy RCPOLICY_SERVICE=hy) == *"cannot hold it back"* ]] ||
        same "the journal's word about a held '$1'" "... cannot hold it back ..." "another"
}

for how in full read-only in-the-way foreign; do
    case $how in
    full) why="No space left on device" ;;
    read-only) why="Read-only file system" ;;
    in-the-way) why="is not a directory" ;;
    foreign) why="belongs to user 12345" ;;
    esac
    units_fresh
    policy "$denied$put_off"
    spoil "$how"
    for tool in "$OURS_DEB restart hy.service" "$OURS_DEB reload hy.service" "$OURS_DEB --defer restart hy.service" \
        "$OURS_INVOKE hy restart" "$OURS_INVOKE hy reload" "$OURS_INVOKE --defer hy restart"; do
        done_at_once "$tool" "$why"
    done
    for tool in "$OURS_DEB stop hy.service" "$OURS_INVOKE hy stop" "$OURS_INVOKE --quiet hy stop"; do
        fails_loudly "$tool" "$why"
    done
    call "$OURS_DEB" stop hx.service
    same "status of a stop ($how)" 0 "$status"
    same "hx after a stop ($how)" "" "$(life hx.service)"
    says "$why" hx.service
    inside systemctl stop hx.socket hx.service
    for tool in "$OURS_DEB start hx.socket" "$OURS_DEB start hx.service" "$OURS_INVOKE --force hx start"; do
        read -ra words <<<"$tool"
        call "${words[@]}"
        same "status of a denied '$tool' ($how)" 0 "$status"
        says "not here" hx
        same "hx after '$tool' ($how)" "" "$(life hx.service)"
    done
    mend
    same "what is owed afterwards ($how)" "nothing is owed" "$(inside rcpolicy pending)"
    holds "with a ledger that is $how nothing is deferred, what is held fails loudly, what is denied stays denied"
done

# --- surroundings
units_fresh
count=0
for tool in "$OURS_DEB restart hy.service" "$OURS_INVOKE hy restart"; do
    while read -r around; do
        old=$(life hy.service)
        call sh -c "${around//CALL/$tool}"
        same "status of $tool in: $around" 0 "$status"
        [ "$old" != "$(life hy.service)" ] || same "hy after $tool in: $around" "a new run" "the old one: $said"
        [[ $said != *panicked* ]] || same "what was said" "no panic" "$said"
        count=$((count + 1))
    done <<'END'
CALL <&- >&- 2>&-
CALL 2>&-
CALL >/dev/full 2>&1
mkfifo /tmp/p; exec 3<>/tmp/p 4>/tmp/p 3>&-; rm /tmp/p; CALL >&4 2>&4
prlimit --nofile=16 CALL
prlimit --fsize=0 CALL
mkdir /tmp/gone; cd /tmp/gone; rmdir /tmp/gone; CALL
env -i CALL
env LANG=xx_YY.NOPE LC_ALL=../../etc CALL
perl -e '$SIG{CHLD} = "IGNORE"; exec @ARGV' CALL
x=$(head -c 100000 /dev/zero | tr '\0' x); env A=$x B=$x C=$x D=$x E=$x F=$x G=$x CALL
umask 777; CALL
END
done
holds "$count calls in hostile surroundings are carried out"

old=$(life hy.service)
call setpriv --reuid=65534 --regid=65534 --clear-groups "$OURS_DEB" restart hy.service
[ "$status" != 0 ] || same "status of a caller who may not" "not 0" "$status: $said"
says hy.service
same "hy after a caller who may not" "$old" "$(life hy.service)"
holds "who may not restart a service is told so"

units_remove
