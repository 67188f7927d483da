# Many small services, each with a package of its own whose postinst asks for its restart. Source it, then call
# deferral_make inside the lab. The units and init scripts are the lab's, so that an upgrade has only to restart.
#
# Every start of a service is a line of /var/log/lab/NAME: the version of its package then.
# Packages: /root/deferral/NAME_VERSION.deb, versions 1 and 2; NAME_2+quiet.deb is version 2 that asks for nothing.

# A shell script, for lab_sh: makes the services lab-d1 to lab-dN, running, and installs version 1 of their packages.
deferral_make() { # N
    echo "count=$1"
    cat <<'END'
mkdir -p /root/deferral /var/log/lab /usr/share/lab
service() { # NAME
    if [ -d /run/systemd/system ]; then
        cat >"/etc/systemd/system/$1.service" <<UNIT
[Service]
# Before the start is done, so that it can be counted as soon as it is.
ExecStartPre=/bin/sh -c 'cat /usr/share/lab/$1 >>/var/log/lab/$1'
ExecStart=/bin/sleep 100000
[Install]
WantedBy=multi-user.target
UNIT
        return
    fi
    cat >"/etc/init.d/$1" <<SCRIPT
#!/bin/sh
### BEGIN INIT INFO
# Provides:          $1
# Required-Start:    \$remote_fs
# Required-Stop:     \$remote_fs
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: a daemon of the lab
### END INIT INFO
case \$1 in
start)
    cat /usr/share/lab/$1 >>/var/log/lab/$1
    start-stop-daemon --quiet --start --background --make-pidfile --pidfile /run/$1.pid --exec /bin/sleep -- 100000
    ;;
stop) start-stop-daemon --quiet --stop --oknodo --pidfile /run/$1.pid --remove-pidfile ;;
restart) "\$0" stop; "\$0" start ;;
status) start-stop-daemon --status --pidfile /run/$1.pid ;;
esac
SCRIPT
    chmod 755 "/etc/init.d/$1"
    update-rc.d "$1" defaults
}
package() { # NAME VERSION [quiet]
    local tree=/root/deferral/tree file=/root/deferral/$1_$2${3:++$3}.deb
    rm -rf "$tree" && mkdir -p "$tree/DEBIAN" "$tree/usr/share/lab"
    echo "$2" >"$tree/usr/share/lab/$1"
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: N <n@localhost>\nDescription: of the lab\n' "$1" "$2" >"$tree/DEBIAN/control"
    {
        printf '#!/bin/sh\nset -e\n'
        [ -n "${3:-}" ] || echo "[ -z \"\$2\" ] || if [ -d /run/systemd/system ]; then
            deb-systemd-invoke restart $1.service
        else
            invoke-rc.d $1 restart
        fi"
        # What the scenario does to dpkg in the middle.
        echo "[ ! -x /root/deferral/during-$1 ] || /root/deferral/during-$1"
    } >"$tree/DEBIAN/postinst"
    chmod 755 "$tree/DEBIAN/postinst"
    dpkg-deb -Znone --root-owner-group --build "$tree" "$file" >/dev/null
}
names=() first=()
for ((n = 1; n <= count; n++)); do
    names+=("lab-d$n") first+=("/root/deferral/lab-d${n}_1.deb")
    service "lab-d$n"
    package "lab-d$n" 1
    package "lab-d$n" 2
    package "lab-d$n" 2 quiet
done
dpkg -i "${first[@]}" >/dev/null
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl enable --now "${names[@]}" 2>/dev/null
else
    for name in "${names[@]}"; do invoke-rc.d "$name" start; done
fi
END
}

# Puts the restarts that their packages ask for off until the batch's end. SETTINGS are lines of `[flush]`.
deferral_policy() { # SETTINGS
    inside sh -c 'cat >/etc/rcpolicy/policy.d/10-lab.toml && rcpolicy check' policy <<END
[[rule]]
service = ["lab-d*"]
action  = ["restart"]
decide  = "defer"
until   = "batch"
because = "the lab defers"
[flush]
$1
END
}

# How often a service was started, and from now on.
starts() { inside sh -c 'cat "/var/log/lab/$1"' starts "$1" | wc -l; } # NAME
forget_starts() { inside sh -c 'for file in /var/log/lab/lab-d*; do : >"$file"; done'; }
