#!/bin/bash
# if-stale on services that really map a library which a package really replaces; what is held until a time; and what
# waits for the next boot. The services are copies of sleep, the library one of libm that they are made to map.
. "$(dirname "$0")/../scenario.sh"

require_ours
parts=$LAB_DIR/parts-$LAB
mkdir -p "$parts"
inside cat /bin/sleep >"$parts/sleep"
inside sh -c 'cat /lib/*/libm.so.6' >"$parts/libm"

# A package of these files, whose scripts make these calls. Prints its path.
make_package() { # NAME VERSION PRERM POSTINST [FILE SOURCE]...
    local tree=$parts/tree-$1 out=$parts/$1_$2.deb
    mkdir -p "$tree/DEBIAN"
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: Nobody <nobody@localhost>\nDescription: of the lab\n' \
        "$1" "$2" >"$tree/DEBIAN/control"
    printf '#!/bin/sh\nset -e\n%s\n' "$3" >"$tree/DEBIAN/prerm"
    printf '#!/bin/sh\nset -e\n%s\n' "$4" >"$tree/DEBIAN/postinst"
    chmod 755 "$tree/DEBIAN/prerm" "$tree/DEBIAN/postinst"
    shift 4
    while [ $# -gt 0 ]; do
        case $1 in usr/libexec/* | etc/init.d/*) install -D -m 755 "$2" "$tree/$1" ;; *) install -D -m 644 "$2" "$tree/$1" ;; esac
        case $1 in etc/*) echo "/$1" >>"$tree/DEBIAN/conffiles" ;; esac
        shift 2
    done
    dpkg-deb -Znone --root-owner-group --build "$tree" "$out" >/dev/null
    rm -r "$tree"
    echo "$out"
}

policy() { # TEXT
    inside mkdir -p /etc/rcpolicy/policy.d
    printf '%b' "$1" | inside sh -c 'cat >/etc/rcpolicy/policy.d/10-stale.toml'
}

# What stays owed is paid here, whoever else may pay it too.
flushed() {
    inside rcpolicy flush >/dev/null 2>&1 || true
    inside rcpolicy wait flush --timeout 60s
}

unit() { # [MORE LINES]
    printf '[Unit]\nDescription=of the lab\nStartLimitIntervalSec=0\n[Service]\nExecStart=/usr/libexec/lab-sleep infinity\n%b' "$1"
    printf '[Install]\nWantedBy=multi-user.target\n'
}

units_of_systemd() {
    local jail=/srv/lab-jail
    unit 'Environment=LD_PRELOAD=/usr/lib/lab/liblab.so.1\n' >"$parts/lab-maps.service"
    unit '' >"$parts/lab-plain2.service"
    # In a mount namespace of its own, and in a root directory of its own.
    unit 'Environment=LD_PRELOAD=/usr/lib/lab/liblab.so.1\nPrivateTmp=yes\nProtectSystem=strict\n' >"$parts/lab-apart.service"
    unit "Environment=LD_PRELOAD=/usr/lib/lab/liblab.so.1\nRootDirectory=$jail\n" >"$parts/lab-jail.service"
    echo x >"$parts/lab.conf"
    local package
    package=$(make_package lab-services 1 ':' \
        'systemctl daemon-reload; systemctl start lab-maps lab-plain2 lab-apart' \
        usr/libexec/lab-sleep "$parts/sleep" etc/lab.conf "$parts/lab.conf" \
        usr/lib/systemd/system/lab-maps.service "$parts/lab-maps.service" \
        usr/lib/systemd/system/lab-apart.service "$parts/lab-apart.service" \
        usr/lib/systemd/system/lab-plain2.service "$parts/lab-plain2.service")
    install_debs "$(library 1)" "$package" >/dev/null
    lab_copy "$LAB" /etc/systemd/system "$parts/lab-jail.service"
    lab_sh "$LAB" $jail <<'END'
mkdir -p "$1"/usr/lib/lab "$1"/usr/libexec "$1"/dev "$1"/proc
for file in /lib/*/libc.so.6 /lib/*/libm.so.6 /lib64/ld-linux* /lib/ld-linux*; do
    [ ! -e "$file" ] || { mkdir -p "$1${file%/*}" && cp -L "$file" "$1$file"; }
done
cp /usr/libexec/lab-sleep "$1"/usr/libexec/ && cp /usr/lib/lab/liblab.so.1 "$1"/usr/lib/lab/
systemctl daemon-reload && systemctl start lab-jail.service
END
}

# Its postinst asks for everybody to be restarted, as libc's does.
library() { # VERSION
    make_package lab-library "$1" ':' \
        '[ -z "$2" ] || deb-systemd-invoke restart lab-maps.service lab-plain2.service lab-apart.service lab-jail.service' \
        usr/lib/lab/liblab.so.1 "$parts/libm"
}

process() { # SERVICE
    inside systemctl show -P MainPID "$1.service"
}

# What was decided last about a service, and why.
last_of() { # SERVICE
    inside rcpolicy log --service "$1" | tail -n 1
}

if_stale() {
    units_of_systemd
    policy '[[rule]]\nservice = "lab-*"\nphase = ["none", "install", "upgrade", "remove", "trigger"]\ndecide = "if-stale"\nbecause = "clients are dropped"\n'
    # A start in the same second as the files' last change would count as before it.
    sleep 1.1
    inside systemctl restart lab-maps lab-plain2 lab-apart lab-jail

    local maps plain apart jail said
    maps=$(process lab-maps) plain=$(process lab-plain2) apart=$(process lab-apart) jail=$(process lab-jail)
    for name in lab-maps lab-apart lab-plain2 lab-jail; do
        said=$(inside rcpolicy explain "$name" restart)
        [[ $said == *"not stale: its process runs what lies on the disk"* ]] || same "$name when nothing changed" "not stale" "$said"
    done
    said=$(inside rcpolicy explain lab-maps restart --as lab-library:postinst:upgrade)
    [[ $said == *"verdict: "*"defer"*"age of lab-maps.service now: not stale"* ]] || same "explain of a postinst's call" "what is found now" "$said"
    holds "explain finds nothing stale in a mount namespace or a root directory of its own"

    install_debs "$(library 2)" >/dev/null
    flushed
    [ "$maps" != "$(process lab-maps)" ] || same "the process that maps the replaced library" renewed "$maps"
    [ "$apart" != "$(process lab-apart)" ] || same "the one in its own mount namespace" renewed "$apart"
    same "the process that does not map it" "$plain" "$(process lab-plain2)"
    same "the process with a library of its own" "$jail" "$(process lab-jail)"
    for name in lab-maps lab-apart; do
        [[ $(last_of "$name") == *"runs replaced files: /usr/lib/lab/liblab.so.1"* ]] || same "log of $name" "names the library" "$(last_of "$name")"
    done
    for name in lab-plain2 lab-jail; do
        [[ $(last_of "$name") == *"not stale"* ]] || same "log of $name" "says why not" "$(last_of "$name")"
        same "owed to $name" 0 "$(inside rcpolicy pending | grep -c "^$name " || true)"
    done
    holds "only what maps the replaced library was restarted, and each reason is in the log"

    changed_definition lab-plain2 'echo y >>/etc/lab.conf' 'configuration file /etc/lab.conf'
    changed_definition lab-plain2 'mkdir -p /etc/systemd/system/lab-plain2.service.d; echo "[Service]" >/etc/systemd/system/lab-plain2.service.d/x.conf; systemctl daemon-reload' \
        'lab-plain2.service.d'
    changed_definition lab-jail 'cp /srv/lab-jail/usr/lib/lab/liblab.so.1 /srv/lab-jail/new && mv /srv/lab-jail/new /srv/lab-jail/usr/lib/lab/liblab.so.1' \
        'runs replaced files: /usr/lib/lab/liblab.so.1'
    changed_definition lab-plain2 'cp /usr/libexec/lab-sleep /usr/libexec/new && mv /usr/libexec/new /usr/libexec/lab-sleep' \
        'runs replaced files: /usr/libexec/lab-sleep'
    holds "a changed configuration file, drop-in, program or jail is seen, asked for by hand"
}

# By hand: left alone before the change, restarted after it, left alone again.
changed_definition() { # SERVICE CHANGE WHY
    local before
    sleep 1.1
    inside systemctl restart "$1"
    before=$(process "$1")
    inside deb-systemd-invoke restart "$1.service"
    same "$1 before: $2" "$before" "$(process "$1")"
    inside sh -c "$2"
    inside deb-systemd-invoke restart "$1.service"
    [ "$before" != "$(process "$1")" ] || same "$1 after: $2" renewed "$(last_of "$1")"
    [[ $(last_of "$1") == *"$3"* ]] || same "why $1 was restarted" "$3" "$(last_of "$1")"
}

held() { # SERVICE RESTART-COMMAND...
    local service=$1 before
    shift
    before=$("$PROCESS" "$service")
    inside rcpolicy hold "$service" --until 1h --because 'the cable is being changed' >/dev/null
    [[ $(inside rcpolicy hold) == *"$service"*"the cable"* ]] || same "what is held" "$service" "$(inside rcpolicy hold)"
    inside "$@" || true
    inside rcpolicy flush >/dev/null 2>&1 || true
    same "$service while it is held" "$before" "$("$PROCESS" "$service")"
    [[ $(last_of "$service") == *"deny (hold until "*"the cable is being changed"* ]] || same "the log" "names the hold" "$(last_of "$service")"
    inside rcpolicy unhold "$service" >/dev/null
    inside "$@"
    [ "$before" != "$("$PROCESS" "$service")" ] || same "$service after the hold" renewed "$before"
    before=$("$PROCESS" "$service")
    inside rcpolicy hold "$service" --until 2s --because 'for a moment' >/dev/null
    inside "$@" || true
    same "$service while it is held for a moment" "$before" "$("$PROCESS" "$service")"
    sleep 2.5
    inside "$@"
    [ "$before" != "$("$PROCESS" "$service")" ] || same "$service once the hold has ended by itself" renewed "$before"
    holds "a held $service is left as it is, until the hold is lifted or has ended"
}

# A display manager as far as its name goes.
reboot_instead() {
    local package before again
    printf '#!/bin/sh\n### BEGIN INIT INFO\n# Provides: lightdm\n# Required-Start:\n# Required-Stop:\n# Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n### END INIT INFO\n%s\n' \
        'run() { start-stop-daemon --quiet --pidfile /run/lightdm.pid "$@"; }
case $1 in
start) run --start --oknodo --background --make-pidfile --exec /usr/libexec/lightdm -- infinity ;;
stop) run --stop --oknodo --retry 10 --remove-pidfile ;;
restart) "$0" stop; "$0" start ;;
status) run --status ;;
esac' >"$parts/script"
    unit '' | sed 's,lab-sleep,lightdm,' >"$parts/lightdm.service"
    for package in 1 2 3; do
        make_package lab-desktop "$package" '[ "$1" = upgrade ] && invoke-rc.d lightdm stop || true' \
            'update-rc.d lightdm defaults; [ ! -d /run/systemd/system ] || { deb-systemd-helper enable lightdm.service >/dev/null; systemctl daemon-reload; }
invoke-rc.d lightdm start' \
            usr/libexec/lightdm "$parts/sleep" etc/init.d/lightdm "$parts/script" usr/lib/systemd/system/lightdm.service "$parts/lightdm.service" >/dev/null
    done
    inside sh -c 'rm -f /run/reboot-required*'
    install_debs "$parts/lab-desktop_1.deb" >/dev/null
    before=$("$PROCESS" lightdm)
    [ "${before:-0}" != 0 ] || same "the first installation" started "$before"
    same "what the first installation enters" "" "$(inside sh -c 'ls /run/reboot-required* 2>/dev/null || true')"
    for again in 2 3; do install_debs "$parts/lab-desktop_$again.deb" >/dev/null; done
    flushed
    same "the display manager after two upgrades and a flush" "$before" "$("$PROCESS" lightdm)"
    same "what is entered" "*** System restart required ***" "$(inside cat /run/reboot-required)"
    same "for which packages" lab-desktop "$(inside cat /run/reboot-required.pkgs)"
    [[ $(inside rcpolicy pending) == *"lightdm"*"until reboot"* ]] || same "what is owed" "a restart until reboot" "$(inside rcpolicy pending)"
    inside rcpolicy flush lightdm >/dev/null
    [ "$before" != "$("$PROCESS" lightdm)" ] || same "flushed by name" renewed "$before"
    before=$("$PROCESS" lightdm)
    policy '[compat]\nstrict = true\n'
    install_debs "$parts/lab-desktop_2.deb" >/dev/null 2>&1
    [ "$before" != "$("$PROCESS" lightdm)" ] || same "in strict compatibility" "as stock" "$before"
    policy ''
    inside dpkg --purge lab-desktop >/dev/null 2>&1
    holds "an upgrade leaves a display manager running and enters it in reboot-required; strict compatibility does as stock"
}

# The real one, by the scripts of its own package, which are Debian's: made anew from what is installed.
dbus_goes_on() {
    local before version packages=()
    before=$(process dbus)
    inside sh -c 'rm -f /run/reboot-required*'
    for version in 1 2; do
        packages+=("$(make_package lab-pusher "$version" ':' '[ -z "$2" ] || deb-systemd-invoke restart dbus.service')")
    done
    lab_sh "$LAB" >/dev/null <<'END'
tree=/root/dbus-again
mkdir -p $tree/DEBIAN
dpkg -L dbus | while read -r path; do [ -d "$path" ] || cp -a --parents "$path" $tree; done
for part in preinst postinst prerm postrm conffiles triggers; do
    [ ! -e /var/lib/dpkg/info/dbus.$part ] || cp -a /var/lib/dpkg/info/dbus.$part $tree/DEBIAN/$part
done
dpkg-query -f 'Package: dbus\nVersion: ${Version}+lab1\nArchitecture: ${Architecture}\nMaintainer: Nobody <nobody@localhost>\nMulti-Arch: foreign\nDescription: of the lab\n' \
    -W dbus | sed 's/^Multi-Arch: *$//' >$tree/DEBIAN/control
dpkg-deb -Znone -b $tree /root/dbus-again.deb
dpkg -i --force-depends /root/dbus-again.deb
END
    flushed
    same "the system bus after the upgrade of its package" "$before" "$(process dbus)"
    same "for which packages a reboot is required" dbus "$(inside cat /run/reboot-required.pkgs)"
    install_debs "${packages[0]}" >/dev/null
    install_debs "${packages[1]}" >/dev/null
    flushed
    same "the system bus after another package wanted it restarted" "$before" "$(process dbus)"
    same "for which packages a reboot is required then" "dbus lab-pusher" "$(inside cat /run/reboot-required.pkgs | xargs)"
    [[ $(inside rcpolicy pending) == *"dbus"*"until reboot"* ]] || same "what is owed" "a restart until reboot" "$(inside rcpolicy pending)"
    inside rcpolicy forget dbus >/dev/null
    inside dpkg --purge lab-pusher >/dev/null 2>&1
    holds "Debian's own dbus goes on through its upgrade and another's restart, and each is entered once"
}

process_of_script() { # SERVICE
    inside cat "/run/$1.pid" 2>/dev/null || true
}

PROCESS=process
if [ "$INIT" = systemd ]; then
    if_stale
    policy ''
    held lab-plain2 deb-systemd-invoke restart lab-plain2.service
    reboot_instead
    dbus_goes_on
    inside dpkg --purge lab-services lab-library >/dev/null 2>&1
    inside sh -c 'systemctl stop lab-jail; rm -rf /srv/lab-jail /etc/systemd/system/lab-*; systemctl daemon-reload'
else
    PROCESS=process_of_script
    reboot_instead
    install_debs "$(package_build plain 1 "$parts")" >/dev/null
    lab_wait_for 10 inside test -s /run/lab-plain.pid
    held_by_script() { held lab-plain sh -c 'invoke-rc.d lab-plain restart; sleep 0.5'; }
    held_by_script
    policy '[[rule]]\nservice = "lab-plain"\nphase = ["none"]\ndecide = "if-stale"\n'
    before=$("$PROCESS" lab-plain)
    inside sh -c 'invoke-rc.d lab-plain restart; sleep 0.5'
    [ "$before" != "$("$PROCESS" lab-plain)" ] || same "a service of an init script" "restarted: unknown is no no" "$before"
    inside dpkg --purge lab-plain >/dev/null 2>&1
    holds "of an init script's service nobody knows whether it is stale: it is restarted"
fi
inside rm -f /etc/rcpolicy/policy.d/10-stale.toml
