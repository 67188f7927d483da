#!/bin/bash
# Debian's own packages, installed and upgraded by dpkg through our tools: afterwards their services are as they were
# before, but for the process, which is a new one.
. "$(dirname "$0")/../scenario.sh"

require_ours
lab_copy "$LAB" /root/lab "$LAB_SOURCE"/*.pl

# What each package has: its service, and its sockets.
service_of() { case $1 in uuid-runtime) echo uuidd ;; *) echo "$1" ;; esac; }
socket_of() {
    case $1 in
    rpcbind) echo /run/rpcbind.sock ;;
    acpid) echo /run/acpid.socket ;;
    uuid-runtime) echo /run/uuidd/request ;;
    esac
}

# Rebuilds a package with a higher version, inside; prints nothing.
bump() { # PACKAGE
    lab_sh "$LAB" "$1" <<'END'
cd /var/cache/lab/$1
mkdir -p /root/bumped
dpkg-deb -R $1_*.deb /root/bumped/$1
sed -i 's/^Version: .*/&+lab1/' /root/bumped/$1/DEBIAN/control
dpkg-deb -Znone --root-owner-group -b /root/bumped/$1 /root/bumped/$1.deb >/dev/null
END
}

# The state of a service's process: "running PID" or "stopped".
process() { # SERVICE
    local pid
    case $INIT in
    systemd) pid=$(inside systemctl show -P MainPID "$1.service") ;;
    *) pid=$(inside pgrep -o -x "$1" || true) ;;
    esac
    case $pid in '' | 0) echo stopped ;; *) echo "running $pid" ;; esac
}

# The state of everything of a package that systemd knows: a line a unit.
units() { # PACKAGE
    [ "$INIT" = systemd ] || return 0
    lab_sh "$LAB" "$1" <<'END'
for unit in $(dpkg -L $1 | sed -n 's,^.*/systemd/system/\([^/]*\.\(service\|socket\|timer\|path\)\)$,\1,p' | sort -u); do
    # An instance-less template has no state.
    case $unit in *@.*) continue ;; esac
    echo "$unit $(systemctl show -P ActiveState $unit)"
done
END
}

accepts() { # SOCKET
    inside perl -MSocket -e 'socket my $s, PF_UNIX, SOCK_STREAM, 0; connect $s, pack_sockaddr_un($ARGV[0]) or die "$ARGV[0]: $!\n"' "$1"
}

check() { # PACKAGE
    local package=$1 service socket before after units_before
    service=$(service_of "$package")
    socket=$(socket_of "$package")
    lab_sh "$LAB" "$package" >/dev/null <<'END'
cd /var/cache/lab/$1
# What it depends on first: some have to be configured before it is unpacked.
others=$(ls | grep -v "^$1_" || true)
[ -z "$others" ] || dpkg -i $others
dpkg -i $1_*.deb
END
    # What only runs on demand is woken, so that there is a process to be replaced.
    [ -z "$socket" ] || accepts "$socket"
    if [ "$INIT" = systemd ] && [ "$(process "$service")" = stopped ]; then inside systemctl start "$service"; fi
    lab_wait_for 10 is_running "$service" || same "$package after its installation" running "$(process "$service")"
    before=$(process "$service")
    units_before=$(units "$package")

    bump "$package"
    inside dpkg -i "/root/bumped/$package.deb" >/dev/null </dev/null
    lab_wait_for 10 is_running "$service" || {
        # A service that runs on demand may wait for its next client.
        [ -n "$socket" ] && accepts "$socket" && lab_wait_for 10 is_running "$service"
    } || same "$package after its upgrade" running "$(process "$service")"
    after=$(process "$service")
    [ "$before" != "$after" ] || same "$package: a new process after its upgrade" "not $before" "$after"
    same "$package: its units" "$units_before" "$(units "$package")"
    [ -z "$socket" ] || accepts "$socket"
    holds "$package: upgraded; $service runs as a new process${socket:+, $socket accepts}; units: $(tr '\n' ';' <<<"$units_before")"
}

is_running() { [ "$(process "$1")" != stopped ]; }

# A namespace counts as a container for some versions of systemd; acpid's units would skip themselves.
if [ "$INIT" = systemd ]; then
    lab_sh "$LAB" <<'END'
for unit in acpid.socket acpid.path acpid.service; do
    mkdir -p /etc/systemd/system/$unit.d
    printf '[Unit]\nConditionVirtualization=\n' >/etc/systemd/system/$unit.d/lab.conf
done
systemctl daemon-reload
END
fi

for package in rpcbind acpid uuid-runtime cron; do check "$package"; done
