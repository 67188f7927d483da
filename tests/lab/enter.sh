#!/bin/bash
# Turns the new namespaces it runs in into a machine of its own and becomes its init. Started by lab_boot only;
# never mounts anything that the host would see.
# usage: enter.sh BASE DIR INIT CONTAINER
set -euo pipefail
base=$1 dir=$2 init=$3 container=$4

# The old /proc is still the host's, so this is our process id as the host sees it.
read -r pid _ </proc/self/stat
echo "$pid" >"$dir/pid.new"

mount --make-rprivate /
root=$dir/root
mount -t overlay lab -o "lowerdir=$base,upperdir=$dir/upper,workdir=$dir/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 dev "$root/dev"
for node in null zero full random urandom tty; do
    touch "$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
mkdir -p "$root/run/lock" "$root/var/log/lab"

case $init in
# A kernel without modules fails this unit, and the machine would count as degraded.
systemd) ln -sf /dev/null "$root/etc/systemd/system/systemd-modules-load.service" ;;
# There are no terminals, and what is supervised on one would be started again and again.
runit) rm -f "$root"/etc/runit/runsvdir/*/getty-* ;;
s6)
    grep -q s6-svscan "$root/etc/inittab" ||
        echo "S6:2345:respawn:/bin/sh -c 'mkdir -p /run/service && exec s6-svscan /run/service'" >>"$root/etc/inittab"
    ;;
esac

hostname lab
cd "$root"
pivot_root . mnt
mv "mnt$dir/pid.new" "mnt$dir/pid"
umount -l /mnt
environment=(PATH=/usr/sbin:/usr/bin:/sbin:/bin)
[ "$container" = plain ] || environment+=(container=lab)
case $init in
systemd) exec env -i "${environment[@]}" /lib/systemd/systemd --system </dev/null ;;
*) exec env -i "${environment[@]}" /sbin/init </dev/null ;;
esac
