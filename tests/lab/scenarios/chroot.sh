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
# An overlay, not a bind mount: that would have the same root as the machine, and be no chroot.
mkdir -p $1 /tmp/chroot/upper /tmp/chroot/work
mount -t overlay chroot -o lowerdir=/,upperdir=/tmp/chroot/upper,workdir=/tmp/chroot/work $1
mount --rbind /run $1/run
mount --bind /proc $1/proc
mount --rbind /dev $1/dev
END

# Every service that runs, with its process and its invocation.
main_pids() {
    inside systemctl show -p Id,MainPID,InvocationID '*.service' |
        awk -F= '$1 == "" { if (pid) print id, pid, call; pid = 0; next }
                 $1 == "Id" { id = $2 } $1 == "MainPID" { pid = $2 } $1 == "InvocationID" { call = $2 }
                 END { if (pid) print id, pid, call }' | sort
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

# What policy-rc.d is asked there is up to the stock tool, and `explain` asks the same.
lab_sh "$LAB" "$target" <<'END'
printf '#!/bin/sh\necho "$*" >>/asked\nexit 101\n' >$1/usr/sbin/policy-rc.d
chmod 755 $1/usr/sbin/policy-rc.d
END
asked() { inside sh -c 'cat "$1/asked"; rm "$1/asked"' sh "$target"; }
for call in "invoke-rc.d lab-plain restart" "invoke-rc.d lab-plain stop" "invoke-rc.d nosuch start" \
    "deb-systemd-invoke restart lab-plain.service"; do
    read -r tool first second <<<"$call"
    words=("$first" "$second")
    [ "$tool" = invoke-rc.d ] || words=("$second" "$first")
    said=$(inside_chroot rcpolicy explain --ask "${words[@]}")
    [[ $said == *"nobody was contacted"* ]] || same "what explain says of $call in a chroot" "... nobody was contacted ..." "$said"
    ours=$(asked)
    inside_chroot "$tool" "$first" "$second" >/dev/null
    same "what explain asks about $call in a chroot" "$(asked)" "$ours"
done
same "services outside after explain in a chroot" "$before" "$(main_pids)"
holds "explain contacts nobody from a chroot, and asks policy-rc.d as the stock tool does"

lab_sh "$LAB" "$target" <<'END'
umount -R $1
rm -r /tmp/chroot
END
inside dpkg --purge lab-plain >/dev/null
