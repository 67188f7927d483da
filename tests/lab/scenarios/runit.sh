#!/bin/bash
# What invoke-rc.d does where runit is process 1, next to what the stock tool does there: for services of its own, for init
# scripts, and for what is both.
. "$(dirname "$0")/../scenario.sh"

# Each has what its name says: a service directory, an init script that reads LSB's functions, or one that does not.
inside sh -c 'cat >/root/make' <<'END'
service() {
    mkdir -p "/etc/sv/$1"
    printf '#!/bin/sh\ntrap "exit 0" TERM\nwhile :; do sleep 0.05; done\n' >"/etc/sv/$1/run"
    chmod 755 "/etc/sv/$1/run"
}
script() {
    printf '%s\n' '#!/bin/sh' '### BEGIN INIT INFO' "# Provides: $1" '# Required-Start:' '# Required-Stop:' \
        '# Default-Start: 2 3 4 5' '# Default-Stop:' '### END INIT INFO' "$2" "echo \"\$1\" >>/run/$1.script" >"/etc/init.d/$1"
    chmod 755 "/etc/init.d/$1"
    update-rc.d "$1" defaults >/dev/null
}
lsb='. /lib/lsb/init-functions'
for name in lab-both lab-helped lab-plain lab-native lab-disabled; do service "$name"; done
for name in lab-both lab-helped lab-disabled lab-script; do script "$name" "$lsb"; done
script lab-plain ""
for name in lab-both lab-helped lab-plain lab-native; do ln -s "/etc/sv/$name" "/etc/service/$name"; done
mkdir -p /usr/share/runit/meta/lab-helped
touch /usr/share/runit/meta/lab-helped/installed
END
inside bash -eu /root/make
up() { inside sv status "$1" 2>/dev/null | grep -q '^run'; }
for name in lab-both lab-helped lab-plain lab-native; do
    lab_wait_for 20 up "$name" || same "$name" up down
done

pid() { inside cat "/etc/sv/$1/supervise/pid"; }
# Whether a call did what it says: "renewed", "left", or "scripted" where the init script ran; and its exit status.
does() { # NAME COMMAND...
    local before status=0 name=$1
    shift
    before=$(pid "$name" 2>/dev/null || true)
    inside rm -f "/run/$name.script"
    inside "$@" </dev/null >/dev/null 2>&1 || status=$?
    if inside test -e "/run/$name.script"; then
        echo "scripted $status"
    elif [ "$before" = "$(pid "$name" 2>/dev/null || true)" ]; then
        echo "left $status"
    else
        echo "renewed $status"
    fi
}
from_postinst=(env DPKG_MAINTSCRIPT_PACKAGE=lab DPKG_MAINTSCRIPT_NAME=postinst)

# What an admin leaves to init scripts: by the one file they do it all, by the other those that read LSB's functions do
# nothing where there is a service directory.
left_to_scripts() { # WHOSE
    local file name expected
    while read -r file name expected <&3; do
        inside touch "/etc/runit/$file"
        same "$1, with $file: $name" "$expected" "$(does "$name" "${from_postinst[@]}" invoke-rc.d "$name" restart)"
        inside rm "/etc/runit/$file"
    done 3<<'END'
lsb.runit.sysv lab-both scripted 0
lsb.runit.sysv lab-helped scripted 0
lsb.runit.sysv lab-plain scripted 0
lsb.runit.sysv lab-native left 0
lsb.runit.sysv lab-disabled scripted 0
lsb.runit.sysv lab-script scripted 0
lsb.runit.mask lab-both left 0
lsb.runit.mask lab-helped left 0
lsb.runit.mask lab-plain scripted 0
lsb.runit.mask lab-native left 0
lsb.runit.mask lab-disabled left 0
lsb.runit.mask lab-script scripted 0
END
}

require_stock
same "stock: both" "renewed 0" "$(does lab-both invoke-rc.d lab-both restart)"
same "stock: helped" "left 0" "$(does lab-helped invoke-rc.d lab-helped restart)"
same "stock: plain" "scripted 0" "$(does lab-plain invoke-rc.d lab-plain restart)"
same "stock: native" "left 0" "$(does lab-native invoke-rc.d lab-native restart)"
same "stock: disabled" "left 0" "$(does lab-disabled invoke-rc.d lab-disabled start)"
same "stock: script" "scripted 0" "$(does lab-script invoke-rc.d lab-script restart)"
holds "with the stock tool a script of LSB's hands over to sv, and one for which dh_runit has a helper does nothing"
left_to_scripts stock

require_ours
for name in lab-both lab-plain lab-native; do
    same "ours: $name" "renewed 0" "$(does "$name" "${from_postinst[@]}" invoke-rc.d "$name" restart)"
done
same "ours: disabled" "left 0" "$(does lab-disabled invoke-rc.d lab-disabled start)"
same "ours: script" "scripted 0" "$(does lab-script invoke-rc.d lab-script restart)"
holds "what runit supervises is restarted by runit, and what it does not have by its script"

same "ours: helped, by its package" "left 0" "$(does lab-helped "${from_postinst[@]}" invoke-rc.d lab-helped restart)"
same "ours: helped, by hand" "renewed 0" "$(does lab-helped invoke-rc.d lab-helped restart)"
holds "what runit's helpers do for a package is left to them, and what a hand asks is done"

left_to_scripts ours
holds "what an admin leaves to init scripts they do, or do not, as with the stock tool"

inside invoke-rc.d lab-both force-stop
! up lab-both || same "lab-both after force-stop" down up
same "its status" 3 "$(inside invoke-rc.d lab-both status >/dev/null && echo 0 || echo $?)"
inside invoke-rc.d lab-both start
same "its status" 0 "$(inside invoke-rc.d lab-both status >/dev/null && echo 0 || echo $?)"
holds "what is forced to stop stays down until it is started"

inside sh -c 'mv /etc/sv/lab-both/run /etc/sv/lab-both/run.good && printf "#!/bin/sh\nexit 1\n" >/etc/sv/lab-both/run && chmod 755 /etc/sv/lab-both/run'
said=$(fails inside invoke-rc.d lab-both restart)
[[ $said == *"ends at once"* ]] || same "what is said" "... ends at once" "$said"
inside sh -c 'mv /etc/sv/lab-both/run.good /etc/sv/lab-both/run'
inside invoke-rc.d lab-both restart
holds "a service whose run ends at once is a failure, and said to be one"

inside sh -c 'chmod 777 /etc/sv/lab-both'
before=$(pid lab-both)
fails inside invoke-rc.d lab-both restart >/dev/null
same "the process of a service in a directory that anybody may write to" "$before" "$(pid lab-both)"
inside sh -c 'chmod 755 /etc/sv/lab-both'
holds "a service directory that anybody may write to is refused"

inside sh -c 'for name in lab-both lab-helped lab-plain lab-native lab-disabled; do rm -f "/etc/service/$name"; done'
