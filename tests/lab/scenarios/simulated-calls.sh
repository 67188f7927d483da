#!/bin/bash
# What `rcpolicy simulate` foresees is what happens: the calls that the scripts of Debian's own packages make of the tools
# that services are about, in their order and with their words, in an upgrade and in a removal by the real dpkg.
. "$(dirname "$0")/../scenario.sh"
. "$LAB_SOURCE/roots.sh"

require_stock

# Not among them is postfix: its postinst asks so much of debconf that it is not followed to its end.
few=(cron uuid-runtime rpcbind avahi-daemon)
many=(acpid anacron apache2 at bind9 chrony cups-daemon dnsmasq docker.io dovecot-core exim4-daemon-light haproxy haveged
    irqbalance keepalived libvirt-daemon-system lighttpd mariadb-server memcached monit nfs-kernel-server nginx ntpsec
    openssh-server podman redis-server rsyslog samba smartmontools snapd snmpd tor unbound vsftpd
    # The last one: much depends on it.
    dbus)
packages=("${few[@]}")
[ "$LAB_FULL" = no ] || packages+=("${many[@]}")
# shellcheck disable=SC2206
[ -z "${LAB_CALLS_OF:-}" ] || packages=($LAB_CALLS_OF)

tools=$LAB_DIR/tools
mkdir -p "$tools"
dpkg-deb -x "$RCPOLICY_DEB" "$tools"
rcpolicy=${LAB_RCPOLICY:-$tools/usr/sbin/rcpolicy}

# A traced dpkg, inside; its calls on standard output.
trace() { # NAME ARGUMENTS...
    local name=$1 log=$LAB_DIR/$LAB/calls/$1
    shift
    mkdir -p "$log"
    lab_sh "$LAB" "$name" "$@" >"$log/dpkg" 2>&1 <<'END'
name=$1
shift
rm -rf "/root/traces/$name"
mkdir -p "/root/traces/$name"
strace -ff -ttt -s 4096 -e abbrev=none -e trace=execve,clone,clone3,fork,vfork -o "/root/traces/$name/t" dpkg --force-confold "$@" </dev/null
END
    inside tar -cf - -C "/root/traces/$name" . | tar -xf - -C "$log"
    "$LAB_SOURCE/calls.pl" traced "$log/t"
    rm -f "$log"/t.*
}

# What is foreseen, one file a way.
foresee() { # NAME ARGUMENTS...
    local log=$LAB_DIR/$LAB/calls/$1
    shift
    mkdir -p "$log"
    rm -f "$log"/way.*
    "$rcpolicy" simulate --json --clients 0 --ways 64 "$@" >"$log/play.json"
    "$LAB_SOURCE/calls.pl" simulated "$log/play.json" >"$log/ways"
    awk -v log_="$log" 'BEGIN { way = 1; printf "" >(log_ "/way.1") } /^--$/ { way++; printf "" >(log_ "/way." way); next }
        { print >(log_ "/way." way) }' "$log/ways"
}

# Which of the ways was gone: prints its number, or fails with the difference to the first.
compare() { # NAME
    local log=$LAB_DIR/$LAB/calls/$1 way=1
    while [ -e "$log/way.$way" ]; do
        if cmp -s "$log/called" "$log/way.$way"; then echo "$way" && return 0; fi
        way=$((way + 1))
    done
    diff -u --label called --label foreseen "$log/called" "$log/way.1" >"$log/difference" || true
    return 1
}

# Compares one operation; what differs is counted, so that one package hides no other.
differing=()
check() { # PACKAGE OPERATION
    local name=$1-$2 log=$LAB_DIR/$LAB/calls/$1-$2 way calls
    calls=$(wc -l <"$log/called")
    if way=$(compare "$name"); then
        holds "$1, $2: $calls calls as foreseen$([ "$way" = 1 ] || echo " (way $way)")"
    else
        differing+=("$name")
        figure "$1, $2: differs: $(grep -c '^[-+][^-+]' "$log/difference") lines of $calls"
        sed "s/^/   [$name] /" "$log/difference" >&2
    fi
}

play() { # PACKAGE
    local package=$1 from old new log=$LAB_DIR/$LAB/calls
    from=$(roots_fetch "$SUITE" "$INIT" "$package")
    lab_copy "$LAB" "/root/calls/$package" "$from"/*.deb
    lab_sh "$LAB" "$package" >"$LAB_DIR/$LAB/install-$package" 2>&1 <<'END' || { lab_say "$(tail -n 5 "$LAB_DIR/$LAB/install-$1")" && return 1; }
apt-get -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null --yes --no-install-recommends --allow-downgrades \
    --reinstall install /root/calls/$1/*.deb </dev/null
END
    old=$(find "$from" -name "${package}_*.deb")
    new=$(variant "$old" "$(dpkg-deb --field "$old" Version)+lab1")
    lab_copy "$LAB" "/root/calls/$package" "$new"
    foresee "$package-upgrade" "$old" "$new"
    trace "$package-upgrade" --install "/root/calls/$package/$(basename "$new")" >"$log/$package-upgrade/called" || return 1
    check "$package" upgrade
    foresee "$package-remove" "$new" --operation remove
    trace "$package-remove" --remove --force-depends "$package" >"$log/$package-remove/called" || return 1
    check "$package" remove
    inside dpkg --purge --force-depends "$package" >/dev/null 2>&1 || true
    inside rm -rf "/root/calls/$package" /root/traces
    rm -f "$new"
}

failed=()
for package in "${packages[@]}"; do
    play "$package" || failed+=("$package")
done
figure "${#packages[@]} packages: ${#differing[@]} comparisons differ: ${differing[*]:-none}; could not be played: ${failed[*]:-none}"
same "packages whose calls are not as foreseen" "" "${differing[*]:-}"
same "packages that could not be played" "" "${failed[*]:-}"
