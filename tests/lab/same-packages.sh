# One package for every init: its service has a unit, an init script, and service directories for runit and s6. Each of
# its processes logs that it comes up and that it goes, with its version. Source it after packages.sh.
#
# Ways of its maintainer scripts:
#   restart      restart in postinst, the old version runs while it is replaced
#   stop-start   stop in prerm, start in postinst
# While /run/lab-same.fail is there its postinst fails; while /run/lab-same.slow is there it takes a second to go.

SAME=lab-same
SAME_LOG=/var/log/lab/$SAME

# Builds one version and prints its path.
same_deb() { # WAY VERSION DIRECTORY
    local way=$1 version=$2 tree=$3/tree-$SAME-$2
    mkdir -p "$tree/DEBIAN" "$tree/usr/libexec" "$tree/usr/lib/systemd/system" "$tree/etc/init.d" "$tree/etc/sv/$SAME" \
        "$tree/etc/s6/sv/$SAME"
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: Nobody <nobody@localhost>\nDescription: a package of the lab\n' \
        "$SAME" "$version" >"$tree/DEBIAN/control"
    same_program "$version" >"$tree/usr/libexec/$SAME"
    same_unit >"$tree/usr/lib/systemd/system/$SAME.service"
    same_script >"$tree/etc/init.d/$SAME"
    printf '#!/bin/sh\nexec /usr/libexec/%s\n' "$SAME" | tee "$tree/etc/sv/$SAME/run" >"$tree/etc/s6/sv/$SAME/run"
    same_prerm "$way" >"$tree/DEBIAN/prerm"
    same_postinst "$way" >"$tree/DEBIAN/postinst"
    same_postrm >"$tree/DEBIAN/postrm"
    chmod 755 "$tree/usr/libexec/$SAME" "$tree/etc/init.d/$SAME" "$tree"/etc/{sv,s6/sv}/"$SAME/run" "$tree/DEBIAN/"{prerm,postinst,postrm}
    dpkg-deb -Znone --root-owner-group --build "$tree" "$3/${SAME}_$version.deb" >/dev/null
    rm -r "$tree"
    echo "$3/${SAME}_$version.deb"
}

same_program() { # VERSION
    cat <<END
#!/usr/bin/perl
use strict; use warnings;
my (\$name, \$version) = ('$SAME', '$1');
END
    cat <<'END'
mkdir '/var/log/lab';
open my $log, '>>', "/var/log/lab/$name" or die $!;
$SIG{HUP} = 'IGNORE';
$SIG{TERM} = sub {
    syswrite $log, "going $version $$\n";
    select undef, undef, undef, 1 if -e "/run/$name.slow";
    exit 0;
};
open my $told, '>', "/run/$name.version.new" or die $!;
syswrite $told, "$version $$\n";
close $told;
rename "/run/$name.version.new", "/run/$name.version";
syswrite $log, "started $version $$\n";
sleep 1000 while 1;
END
}

same_unit() {
    printf '[Unit]\nDescription=the same on every init\nStartLimitIntervalSec=0\n'
    printf '[Service]\nExecStart=/usr/libexec/%s\n[Install]\nWantedBy=multi-user.target\n' "$SAME"
}

same_script() {
    if [ "$INIT" = openrc ]; then
        # Not with the header that the others have: Debian's openrc-run then runs none of a script's functions.
        printf '#!/sbin/openrc-run\nsupervisor=supervise-daemon\ncommand=/usr/libexec/%s\npidfile=/run/%s.pid\n' "$SAME" "$SAME"
        return
    fi
    cat <<END
#!/bin/sh
### BEGIN INIT INFO
# Provides:          $SAME
# Required-Start:    \$remote_fs
# Required-Stop:     \$remote_fs
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: the same on every init
### END INIT INFO
run() { start-stop-daemon --quiet --pidfile /run/$SAME.pid "\$@"; }
case \$1 in
start) run --start --oknodo --background --make-pidfile --startas /usr/libexec/$SAME ;;
stop) run --stop --oknodo --retry 10 --remove-pidfile ;;
restart | force-reload) "\$0" stop; "\$0" start ;;
status) run --status ;;
*) echo "usage: \$0 start|stop|restart|force-reload|status" >&2; exit 3 ;;
esac
END
}

same_prerm() { # WAY
    printf '#!/bin/sh\nset -e\n'
    [ "$1" = stop-start ] || echo '[ "$1" = remove ] || exit 0'
    echo "invoke-rc.d $SAME stop"
    cat <<END
[ "\$1" = remove ] || exit 0
if [ -e /etc/service/$SAME ]; then rm /etc/service/$SAME; sv exit /etc/sv/$SAME >/dev/null || true; fi
if [ -e /run/service/$SAME ]; then rm /run/service/$SAME; s6-svscanctl -an /run/service; fi
END
}

# What makes the service known to the init that runs, as the packages of each do it.
same_postinst() { # WAY
    printf '#!/bin/sh\nset -e\n[ ! -e /run/%s.fail ] || exit 7\n' "$SAME"
    cat <<END
update-rc.d $SAME defaults
known() { for try in \$(seq 100); do [ ! -p "\$1" ] || return 0; sleep 0.1; done; }
if [ -d /run/systemd/system ]; then
    deb-systemd-helper enable $SAME.service >/dev/null
    systemctl daemon-reload
elif [ -e /run/runit.stopit ]; then
    [ -e /etc/service/$SAME ] || ln -s /etc/sv/$SAME /etc/service/
    known /etc/sv/$SAME/supervise/ok
elif [ -d /run/service ]; then
    [ -e /run/service/$SAME ] || ln -s /etc/s6/sv/$SAME /run/service/
    s6-svscanctl -a /run/service
    known /etc/s6/sv/$SAME/supervise/control
fi
END
    case $1 in
    restart) echo "if [ -n \"\$2\" ]; then invoke-rc.d $SAME restart; else invoke-rc.d $SAME start; fi" ;;
    stop-start) echo "invoke-rc.d $SAME start" ;;
    esac
}

same_postrm() {
    printf '#!/bin/sh\nset -e\n[ "$1" = purge ] || exit 0\nupdate-rc.d %s remove\nrm -rf /etc/sv/%s /etc/s6/sv/%s\n' "$SAME" "$SAME" "$SAME"
    echo "if [ -d /run/systemd/system ]; then deb-systemd-helper purge $SAME.service >/dev/null; systemctl daemon-reload; fi"
}
