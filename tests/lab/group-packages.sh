# Packages whose services belong together, made from nothing. Each process writes to the log of its family when it comes
# up and when it goes down, with the version of the family that it found on the disk: the families' logs tell whether an
# old and a new one ever ran side by side. Source it after packages.sh.
#
# Families:
#   mail    lab-mail, lab-mail-boxes with the template lab-mail@, and lab-mail-filters with init scripts alone
#   stack   lab-low, lab-engine (Requires=) and lab-swarm (BindsTo= on lab-engine)

GROUP_TOML='[group.lab-mail]
members = ["lab-mail", "lab-mail@", "lab-mail-*"]'

# A program that stands for one service: family and name are its arguments.
group_program() {
    cat <<'END'
#!/usr/bin/perl
use strict; use warnings;
my ($family, $name) = @ARGV;
open my $file, '<', "/usr/share/$family/version" or die $!;
chomp(my $version = <$file>);
mkdir '/var/log/lab';
open my $log, '>>', "/var/log/lab/$family" or die $!;
my $stop = 0;
$SIG{TERM} = sub { $stop = 1 };
syswrite $log, "up $name $version\n";
open my $told, '>', "/run/$name.version" or die $!;
syswrite $told, "$version $$\n";
select undef, undef, undef, 0.05 until $stop;
# A service that takes its time to go.
select undef, undef, undef, 0.3;
syswrite $log, "down $name $version\n";
END
}

group_unit() { # FAMILY NAME DEPENDENCY...
    local family=$1 name=$2
    shift 2
    printf '[Unit]\nDescription=%s of the lab\nStartLimitIntervalSec=0\n' "$name"
    printf '%s\n' "$@"
    printf '[Service]\nExecStart=/usr/libexec/%s %s %s\n[Install]\nWantedBy=multi-user.target\n' "$family" "$family" "$name"
}

# A script fails where /run/lab-fail-PACKAGE is, and kills its dpkg where /run/lab-kill-SCRIPT-PACKAGE is: after the stop
# in prerm, and before the start in postinst.
# Calls of the maintainer scripts, as debhelper writes them for each of its ways, or words of their own.
group_scripts() { # TREE WAY UNIT...
    local tree=$1 way=$2
    shift 2
    local prerm='true' postinst='true' names='' name package
    package=$(basename "$tree" | sed 's/^tree-//; s/-[0-9]*$//')
    [ $# = 0 ] || names=$(printf '%s\n' "$@" | sed 's/\.service$//')
    case $way in
    stop-start)
        prerm=$(for name in $names; do group_call "$name" stop; done)
        postinst=$(for name in $names; do group_call "$name" start; done)
        ;;
    restart) postinst=$(for name in $names; do group_call "$name" restart; done) ;;
    none) ;;
    esac
    {
        printf '#!/bin/sh\nset -e\n'
        printf 'if [ "$1" = upgrade ]; then\n%s\nfi\n' "$prerm"
        printf '[ ! -e /run/lab-kill-prerm-%s ] || { kill -9 $PPID; exit 1; }\n' "$package"
        printf 'if [ "$1" = remove ]; then\n:\n%s\nfi\n' "$(for name in $names; do group_call "$name" stop; done)"
    } >"$tree/DEBIAN/prerm"
    {
        printf '#!/bin/sh\nset -e\n[ ! -d /run/systemd/system ] || systemctl daemon-reload\n'
        printf '[ ! -e /run/lab-fail-%s ] || exit 7\n' "$package"
        printf '[ ! -e /run/lab-kill-postinst-%s ] || { kill -9 $PPID; exit 1; }\n' "$package"
        printf 'if [ -n "$2" ]; then\n%s\nfi\n' "$postinst"
    } >"$tree/DEBIAN/postinst"
    chmod 755 "$tree/DEBIAN/prerm" "$tree/DEBIAN/postinst"
}

group_call() { # NAME ACTION
    case $1 in
    *@) echo "deb-systemd-invoke $2 $1.service" ;;
    *) echo "if [ -d /run/systemd/system ]; then deb-systemd-invoke $2 $1.service; else invoke-rc.d $1 $2; fi" ;;
    esac
}

# Begins a package; prints the tree.
group_tree() { # PACKAGE VERSION DIRECTORY
    local tree=$3/tree-$1-$2
    mkdir -p "$tree/DEBIAN" "$tree/usr/libexec" "$tree/usr/lib/systemd/system" "$tree/etc/init.d"
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: Nobody <nobody@localhost>\nDescription: a package of the lab\n' \
        "$1" "$2" >"$tree/DEBIAN/control"
    echo "$tree"
}

# Ends it; prints the package.
group_deb() { # TREE DIRECTORY
    local name
    name=$(basename "$1" | sed 's/^tree-//; s/-\([0-9]*\)$/_\1/')
    dpkg-deb -Znone --root-owner-group --build "$1" "$2/$name.deb" >/dev/null
    rm -r "$1"
    echo "$2/$name.deb"
}

# What all of a family shares.
group_base() { # TREE FAMILY VERSION
    mkdir -p "$1/usr/share/$2"
    echo "$3" >"$1/usr/share/$2/version"
    group_program >"$1/usr/libexec/$2"
    chmod 755 "$1/usr/libexec/$2"
}

# The first package of the family, with its program and the group; ways as in group_scripts.
group_mail() { # VERSION DIRECTORY WAY
    local tree
    tree=$(group_tree lab-mail "$1" "$2")
    group_base "$tree" mail "$1"
    group_unit mail lab-mail >"$tree/usr/lib/systemd/system/lab-mail.service"
    group_init_script lab-mail >"$tree/etc/init.d/lab-mail"
    chmod 755 "$tree/etc/init.d/lab-mail"
    mkdir -p "$tree/usr/lib/rcpolicy/policy.d"
    echo "$GROUP_TOML" >"$tree/usr/lib/rcpolicy/policy.d/50-lab-mail.toml"
    group_scripts "$tree" "$3" lab-mail.service
    group_deb "$tree" "$2"
}

# Services that have init scripts alone, in the order in which they stand in the group after the master.
group_filters() { # VERSION DIRECTORY NAME...
    local tree name
    tree=$(group_tree lab-mail-filters "$1" "$2")
    for name in "${@:3}"; do
        group_init_script "$name" >"$tree/etc/init.d/$name"
        chmod 755 "$tree/etc/init.d/$name"
    done
    group_scripts "$tree" none
    group_deb "$tree" "$2"
}

# The package with the template.
group_boxes() { # VERSION DIRECTORY WAY
    local tree
    tree=$(group_tree lab-mail-boxes "$1" "$2")
    group_unit mail lab-mail@%i >"$tree/usr/lib/systemd/system/lab-mail@.service"
    group_scripts "$tree" "$3" lab-mail@.service
    group_deb "$tree" "$2"
}

group_stack() { # NAME VERSION DIRECTORY WAY DEPENDENCY...
    local name=$1 tree
    tree=$(group_tree "$name" "$2" "$3")
    [ "$name" != lab-low ] || group_base "$tree" stack "$2"
    group_unit stack "$name" "${@:5}" >"$tree/usr/lib/systemd/system/$name.service"
    group_scripts "$tree" "$4" "$name.service"
    group_deb "$tree" "$3"
}

group_init_script() { # NAME
    cat <<END
#!/bin/sh
### BEGIN INIT INFO
# Provides:          $1
# Required-Start:    \$remote_fs
# Required-Stop:     \$remote_fs
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: a service of the lab
### END INIT INFO
run() { start-stop-daemon --quiet --pidfile /run/$1.pid "\$@"; }
case \$1 in
start) run --start --oknodo --background --make-pidfile --startas /usr/libexec/mail -- mail $1 ;;
stop) run --stop --oknodo --retry 10 --remove-pidfile ;;
restart | force-reload) "\$0" stop; "\$0" start ;;
status) run --status ;;
*) exit 3 ;;
esac
END
}

# Prints each moment of a family's log, since the last such look, at which two versions ran at once.
group_side_by_side() { # FAMILY
    inside sh -c 'cat "/var/log/lab/$1"; echo look >>"/var/log/lab/$1"' log "$1" | awk '
        $1 == "look" { mixed = ""; next }
        $1 == "up" { running[$2] = $3 }
        $1 == "down" { delete running[$2] }
        {
            first = ""
            for (name in running) {
                if (first == "") first = running[name]
                else if (running[name] != first) mixed = mixed NR ": " $0 "; "
            }
        }
        END { if (mixed != "") print mixed }'
}

# The version of a service that runs, once it has come up, or "down".
group_version() { # NAME
    local try
    for try in $(seq 50); do
        inside sh -c '
            if [ -d /run/systemd/system ]; then
                main=$(systemctl show --value --property MainPID "$1.service")
            else
                main=$(cat "/run/$1.pid" 2>/dev/null || echo 0)
                kill -0 "$main" 2>/dev/null || main=0
            fi
            [ "$main" != 0 ] || { echo down; exit; }
            read -r version pid <"/run/$1.version"
            [ "$main" = "$pid" ] && echo "$version"' version "$1" 2>/dev/null && return
        sleep 0.1
    done
    echo "unknown after $try looks"
}
