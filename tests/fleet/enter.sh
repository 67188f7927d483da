# Becomes process 1 of a machine of the fleet. Arguments: its root, the programs, where events are noted, etcdctl.
set -eu
root=$1 programs=$2 log=$3 etcdctl=$4
mount --make-rprivate /
mount --bind "$root" "$root"
for directory in usr/bin usr/lib usr/lib64; do
    [ -d "/$directory" ] && [ ! -L "/$directory" ] || continue
    mkdir -p "$root/$directory"
    mount --bind "/$directory" "$root/$directory"
    mount -o remount,bind,ro "$root/$directory"
done
for pair in rcpolicy:usr/sbin/rcpolicy invoke-rc-d:usr/sbin/invoke-rc.d; do
    mount --bind "$programs/${pair%%:*}" "$root/${pair#*:}"
done
mount --bind "$etcdctl" "$root/usr/local/bin/etcdctl"
mount --bind "$log" "$root/log"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs -o mode=755 dev "$root/dev"
for node in null zero urandom; do
    : >"$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
cd "$root"
pivot_root . old
umount -l /old
cd /
: >/run/up
# Collects who is left by others.
exec env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -c 'while :; do sleep 1; done'
