# Small packages for the labs, made from nothing: a daemon in perl that answers each client with its version and logs
# each of its starts, with the sysv script, the unit and the maintainer scripts of one kind of package. Source it.
#
# Kinds:
#   plain         stop in prerm, start in postinst; no socket unit
#   restart       restart in postinst, the old version runs while it is replaced
#   socket        socket-activated; stop and start name the service alone
#   pair          two sockets with Requires= on them; likewise, through invoke-rc.d
#   pair-quiesce  as pair, its scripts ask for --quiesce
#   forgets       stop in prerm, and no start in postinst but at its first installation
# While /run/NAME.fail is there, its postinst fails.
# Every event of an upgrade is a line of /var/log/lab/NAME: "SECONDS what version".

package_name() { echo "lab-$1"; } # KIND

# The sockets of a kind: one in /run, which is the one clients use, or two.
package_sockets() { # KIND
    echo "/run/$(package_name "$1").sock"
    case $1 in pair*) echo "/run/$(package_name "$1")-second.sock" ;; esac
}

# The units of a kind, sockets first, in one line.
package_units() { # KIND
    local name
    name=$(package_name "$1")
    case $1 in
    socket) echo "$name.socket $name.service" ;;
    pair*) echo "$name.socket $name-second.socket $name.service" ;;
    *) echo "$name.service" ;;
    esac
}

# Builds one package and prints its path.
package_build() { # KIND VERSION DIRECTORY
    local kind=$1 version=$2 name tree
    name=$(package_name "$kind")
    tree=$3/tree-$name-$version
    mkdir -p "$tree/DEBIAN" "$tree/usr/libexec" "$tree/usr/lib/systemd/system" "$tree/etc/init.d"
    {
        echo "Package: $name"
        echo "Version: $version"
        echo "Architecture: all"
        echo "Maintainer: Nobody <nobody@localhost>"
        echo "Description: a package of the lab"
    } >"$tree/DEBIAN/control"
    package_daemon "$name" "$version" >"$tree/usr/libexec/$name"
    package_script "$name" >"$tree/etc/init.d/$name"
    package_service "$name" "$kind" >"$tree/usr/lib/systemd/system/$name.service"
    package_socket_units "$name" "$kind" "$tree/usr/lib/systemd/system"
    package_prerm "$name" "$kind" "$version" >"$tree/DEBIAN/prerm"
    package_postinst "$name" "$kind" "$version" >"$tree/DEBIAN/postinst"
    package_postrm "$name" "$kind" >"$tree/DEBIAN/postrm"
    chmod 755 "$tree/usr/libexec/$name" "$tree/etc/init.d/$name" "$tree/DEBIAN/"{prerm,postinst,postrm}
    dpkg-deb -Znone --root-owner-group --build "$tree" "$3/${name}_$version.deb" >/dev/null
    rm -r "$tree"
    echo "$3/${name}_$version.deb"
}

package_daemon() { # NAME VERSION
    cat <<EOF_DAEMON
#!/usr/bin/perl
# Answers every client with version and process id. Its sockets come from the init, or it opens them itself.
use strict; use warnings; use Socket; use IO::Handle; use IO::Select;
my (\$name, \$version) = ('$1', '$2');
EOF_DAEMON
    cat <<'EOF_DAEMON'
sub first_line { open my $file, '<', $_[0] or die "$_[0]: $!"; return scalar <$file> }
# Field 22 of stat is when the process began, in ticks of a hundredth of a second since boot.
my $ticks = (split ' ', (first_line('/proc/self/stat') =~ s/^.*\) //r))[19];
open my $log, '>>', "/var/log/lab/$name" or die $!;
syswrite $log, sprintf("%.2f started %s %d\n", $ticks / 100, $version, $$);
my @sockets;
if (($ENV{LISTEN_PID} // 0) == $$) {
    for my $fd (3 .. 2 + $ENV{LISTEN_FDS}) { push @sockets, IO::Handle->new_from_fd($fd, 'r+') }
} else {
    unlink "/run/$name.sock";
    socket my $listener, PF_UNIX, SOCK_STREAM, 0 or die $!;
    bind $listener, pack_sockaddr_un("/run/$name.sock") or die $!;
    listen $listener, 128 or die $!;
    push @sockets, $listener;
}
open my $pid_file, '>', "/run/$name.pid" or die $!;
syswrite $pid_file, "$$\n";
my $select = IO::Select->new(@sockets);
my $stop = 0;
$SIG{TERM} = sub { $stop = 1 };
until ($stop) {
    for my $ready ($select->can_read(0.1)) {
        accept my $client, $ready or next;
        syswrite $client, "$version $$\n";
        close $client;
    }
}
syswrite $log, sprintf("%.2f ended %s %d\n", (split ' ', first_line('/proc/uptime'))[0], $version, $$);
EOF_DAEMON
}

package_script() { # NAME
    cat <<EOF_SCRIPT
#!/bin/sh
### BEGIN INIT INFO
# Provides:          $1
# Required-Start:    \$remote_fs
# Required-Stop:     \$remote_fs
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: a daemon of the lab
### END INIT INFO
run() { start-stop-daemon --quiet --pidfile /run/$1.pid "\$@"; }
case \$1 in
start) run --start --oknodo --background --exec /usr/libexec/$1 ;;
stop) run --stop --oknodo --retry 10 --remove-pidfile ;;
restart | force-reload) "\$0" stop; "\$0" start ;;
status) run --status ;;
*) echo "usage: \$0 start|stop|restart|force-reload|status" >&2; exit 3 ;;
esac
EOF_SCRIPT
}

package_service() { # NAME KIND
    echo "[Unit]"
    echo "Description=$1, a daemon of the lab"
    echo "StartLimitIntervalSec=0"
    case $2 in
    pair*) printf 'Requires=%s.socket %s-second.socket\nAfter=%s.socket %s-second.socket\n' "$1" "$1" "$1" "$1" ;;
    esac
    printf '[Service]\nExecStart=/usr/libexec/%s\n' "$1"
    printf '[Install]\nWantedBy=multi-user.target\n'
}

package_socket_units() { # NAME KIND DIRECTORY
    local name=$1 kind=$2 path unit
    case $kind in socket* | pair*) ;; *) return 0 ;; esac
    for path in $(package_sockets "$kind"); do
        unit=$(basename "$path" .sock)
        # The default allows five starts in ten seconds; so many upgrades in a row are this lab's doing.
        printf '[Unit]\nDescription=%s\nStartLimitIntervalSec=0\n[Socket]\nListenStream=%s\nService=%s.service\n[Install]\nWantedBy=sockets.target\n' \
            "$unit" "$path" "$name" >"$3/$unit.socket"
    done
}

# The call a kind's scripts make for an action. invoke-rc.d under sysv for all.
package_call() { # NAME KIND ACTION
    case $2 in
    socket | restart) echo "if [ -d /run/systemd/system ]; then deb-systemd-invoke $3 $1.service; else invoke-rc.d $1 $3; fi" ;;
    *-quiesce) echo "invoke-rc.d --quiesce $1 $3" ;;
    *) echo "invoke-rc.d $1 $3" ;;
    esac
}

package_note() { # NAME WORDS -> a shell line that logs them with the time
    echo "mkdir -p /var/log/lab; read -r now _ </proc/uptime; echo \"\$now $2\" >>/var/log/lab/$1"
}

package_prerm() { # NAME KIND VERSION
    printf '#!/bin/sh\nset -e\n'
    case $2 in restart) echo '[ "$1" = remove ] || exit 0' ;; esac
    package_note "$1" "stopping $3"
    package_call "$1" "$2" stop
    package_removal_stop "$1" "$2"
    package_note "$1" "stopped $3"
}

# On removal the sockets go too.
package_removal_stop() { # NAME KIND
    echo "if [ \"\$1\" = remove ] && [ -d /run/systemd/system ]; then"
    echo "    systemctl stop $(package_units "$2")"
    echo "fi"
}

package_postinst() { # NAME KIND VERSION
    printf '#!/bin/sh\nset -e\n'
    echo "[ ! -e /run/$1.fail ]"
    echo "update-rc.d $1 defaults"
    echo "if [ -d /run/systemd/system ]; then"
    echo "    deb-systemd-helper enable $(package_units "$2") >/dev/null"
    echo "    systemctl daemon-reload"
    case $2 in
    socket | pair*) echo "    [ -n \"\$2\" ] || systemctl start $(package_units "$2" | sed 's/ [^ ]*$//')" ;;
    esac
    echo "fi"
    package_note "$1" "starting $3"
    case $2 in
    restart) package_call "$1" "$2" 'restart' ;;
    forgets) printf '[ -n "$2" ] || ' && package_call "$1" "$2" start ;;
    *) package_call "$1" "${2%-quiesce}" start ;;
    esac
    package_note "$1" "configured $3"
}

package_postrm() { # NAME KIND
    printf '#!/bin/sh\nset -e\n'
    echo "if [ \"\$1\" = purge ]; then update-rc.d $1 remove; rm -f /var/log/lab/$1; fi"
    echo "if [ \"\$1\" = purge ] && [ -d /run/systemd/system ]; then deb-systemd-helper purge $(package_units "$2") >/dev/null; fi"
    echo "if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi"
}
