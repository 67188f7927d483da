#!/bin/bash
# A chroot on a running machine, with the machine's own /run and /proc bound into it: no verb of either tool touches a
# service outside, and each says and returns what the stock tool does.
. "$(dirname "$0")/../scenario.sh"
. "$LAB_SOURCE/packages.sh"

require_ours
target=/srv/chroot
deb=$(package_build plain 1 "$LAB_DIR/$LAB")
install_debs "$deb" >/dev/null
lab_sh "$LAB" "$target" <<'END'
mkdir -p $1 $1/run $1/proc $1/dev $1/tmp $1/sys
for part in bin sbin lib lib64 usr etc var opt; do
    [ -e /$part ] && cp -a --reflink=auto /$part $1/ || true
done
mount --rbind /run $1/run
mount --bind /proc $1/proc
mount --rbind /dev $1/dev
END

main_pids() {
    inside systemctl list-units --type=service --state=running --plain --no-legend | awk '{print $1}' | sort |
        while read -r unit; do echo "$unit $(inside systemctl show -P MainPID -P InvocationID "$unit" </dev/null | tr '\n' ' ')"; done
}

# Runs a tool inside the chroot; prints its status, then what it said.
inside_chroot() { # COMMAND...
    local status=0 output
    output=$(inside chroot "$target" "$@" 2>&1 </dev/null) || status=$?
    echo "status $status"
    # Stock names itself by the path it was called with.
    sed "s,\.distrib,,g" <<<"$output"
}

before=$(main_pids)
grep -q '^lab-plain.service' <<<"$before" || same "running services" "lab-plain.service among them" "$before"
count=0
for action in start stop restart try-restart reload force-reload status reload-or-restart; do
    for call in "/usr/sbin/invoke-rc.d@lab-plain $action" "/usr/sbin/invoke-rc.d@lab-plain.service $action" \
        "/usr/bin/deb-systemd-invoke@$action lab-plain.service" "/usr/bin/deb-systemd-invoke@$action lab-plain.service dbus.socket"; do
        read -ra arguments <<<"${call#*@}"
        stock=$(inside_chroot "${call%@*}.distrib" "${arguments[@]}")
        ours=$(inside_chroot "${call%@*}" "${arguments[@]}")
        same "${call/@/ } in a chroot" "$stock" "$ours"
        same "services outside after ${call/@/ } in a chroot" "$before" "$(main_pids)"
        count=$((count + 1))
    done
done
holds "$count calls in a chroot with the machine's /run and /proc: no process outside changed, output and status as stock's"

lab_sh "$LAB" "$target" <<'END'
umount -R $1/run $1/dev $1/proc
rm -rf --one-file-system $1
END
inside dpkg --purge lab-plain >/dev/null
