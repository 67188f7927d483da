#!/bin/sh
# Makes the services of the test about losses, inside a lab. Each notes its starts, stops and reloads itself, one line
# each, before systemd can say that they are done: "WHAT SECONDS PID INVOCATION" in /run/losses/NAME.
# usage: losses-units.sh COPIES
set -eu

mkdir -p /run/losses /opt/losses /etc/tmpfiles.d
# They are enabled, and need it at a boot too.
echo 'd /run/losses' >/etc/tmpfiles.d/losses.conf
cat >/opt/losses/note <<'END'
#!/bin/sh
read -r now _ </proc/uptime
echo "$2 $now $$ ${INVOCATION_ID:-none}" >>"/run/losses/$1"
END
# Ready for systemd by its own word.
cat >/opt/losses/ready <<'END'
#!/usr/bin/perl
use strict;
use warnings;
use Socket;
socket my $socket, PF_UNIX, SOCK_DGRAM, 0 or die $!;
send $socket, 'READY=1', 0, pack_sockaddr_un($ENV{NOTIFY_SOCKET}) or die $!;
exec 'sleep', 'infinity';
END
chmod 755 /opt/losses/note /opt/losses/ready

service() { # NAME LINES...
    name=$1
    shift
    {
        printf '[Unit]\nStartLimitIntervalSec=0\n[Service]\n'
        printf '%s\n' "$@"
        printf 'ExecReload=/opt/losses/note %s reload\n' "$name"
        # The one that is run at every end.
        printf 'ExecStopPost=/opt/losses/note %s stop\n' "$name"
        printf '[Install]\nWantedBy=multi-user.target\n'
    } >"/etc/systemd/system/$name.service"
    names="${names-} $name.service"
}

for copy in $(seq "$1"); do
    for kind in plain socket; do
        name=loss-$kind-$copy
        service "$name" "ExecStartPre=/opt/losses/note $name start" 'ExecStart=/bin/sleep infinity'
    done
    name=loss-notify-$copy
    service "$name" Type=notify "ExecStartPre=/opt/losses/note $name start" ExecStart=/opt/losses/ready
    name=loss-once-$copy
    service "$name" Type=oneshot RemainAfterExit=yes "ExecStart=/opt/losses/note $name start"
    name=loss-socket-$copy.socket
    printf '[Unit]\nStartLimitIntervalSec=0\n[Socket]\nListenStream=/run/losses.%s\n[Install]\nWantedBy=sockets.target\n' "$copy" \
        >"/etc/systemd/system/$name"
    names="$name $names"
done

# A service of the old kind. The unit that systemd before 260 makes of it forks and has no main process, and cannot
# reload: invoke-rc.d leaves that to the script.
if [ -x /usr/lib/systemd/system-generators/systemd-sysv-generator ]; then
    for copy in $(seq "$1"); do
        name=loss-script-$copy
        cat >"/etc/init.d/$name" <<END
#!/bin/sh
### BEGIN INIT INFO
# Provides:          $name
# Required-Start:
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: a service of the old kind
### END INIT INFO
END
        cat >>"/etc/init.d/$name" <<'END'
name=${0##*/}
name=${name#[SK][0-9][0-9]}
pid() { cat "/run/$name.pid" 2>/dev/null; }
running() { [ -n "$(pid)" ] && kill -0 "$(pid)" 2>/dev/null; }
start() {
    running && return
    /opt/losses/note "$name" start
    setsid sleep infinity </dev/null >/dev/null 2>&1 &
    echo $! >"/run/$name.pid"
}
stop() {
    running || return
    /opt/losses/note "$name" stop
    kill "$(pid)"
    while running; do sleep 0.01; done
}
case $1 in
start) start ;;
stop) stop ;;
restart) stop; start ;;
reload) running && /opt/losses/note "$name" reload ;;
status) running || exit 3 ;;
*) exit 2 ;;
esac
END
        chmod 755 "/etc/init.d/$name"
        update-rc.d "$name" defaults
        names="${names-} $name.service"
    done
fi

# The default allows a bus five starts in ten seconds.
for unit in dbus.service dbus.socket systemd-logind.service; do
    mkdir -p "/etc/systemd/system/$unit.d"
    printf '[Unit]\nStartLimitIntervalSec=0\n' >"/etc/systemd/system/$unit.d/losses.conf"
done
# Killed on purpose: the machine is no worse for it, and a reload goes on being waited for.
printf '[Service]\nSuccessExitStatus=SIGKILL\n' >>/etc/systemd/system/dbus.service.d/losses.conf
printf '[Socket]\nTriggerLimitIntervalSec=0\n' >>/etc/systemd/system/dbus.socket.d/losses.conf

systemctl daemon-reload
# shellcheck disable=SC2086
systemctl enable --quiet $(echo "$names" | tr ' ' '\n' | grep -v script)
# shellcheck disable=SC2086
systemctl start $names
