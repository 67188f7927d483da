# Booted labs: really running inits in namespaces of their own. Source it. What a lab is stands in $LAB_DIR/NAME, so
# every process that sources this file can use every lab. Needs root and a cgroup v2 hierarchy; touches nothing of the
# host but $LAB_DIR and its own cgroups. Root filesystems come from roots.sh.

LAB_SOURCE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
LAB_ROOTS=${RCPOLICY_LAB_ROOTS:-/var/cache/rcpolicy-lab/roots}
LAB_DIR=${LAB_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/rcpolicy-lab.XXXXXX")}
LAB_BOOT_SECONDS=${LAB_BOOT_SECONDS:-90}
export LAB_DIR

lab_say() { printf '%s\n' "$*" >&2; }

lab_fail() {
    lab_say "FAILED: $*"
    exit 1
}

# Where the unified cgroup hierarchy is mounted.
lab_cgroup_mount() { findmnt --noheadings --types cgroup2 --output TARGET | sed -n 1p; }

# Says why no lab can run here and returns 1, or says nothing and returns 0.
lab_obstacle() {
    [ "$(id -u)" = 0 ] || { echo "not root" && return 1; }
    [ -n "$(lab_cgroup_mount)" ] || { echo "no cgroup v2 hierarchy is mounted" && return 1; }
    local probe
    probe=$(lab_cgroup_mount)/rcpolicy-probe-$$
    mkdir "$probe" 2>/dev/null || { echo "cannot make a cgroup in $(lab_cgroup_mount)" && return 1; }
    rmdir "$probe"
    unshare -m -p -u -i -n -C --fork true 2>/dev/null || { echo "namespaces are not permitted" && return 1; }
    modprobe overlay 2>/dev/null || true
    grep -qw overlay /proc/filesystems || { echo "the kernel has no overlayfs" && return 1; }
}

# Unpacks a root filesystem once; all labs of it are overlays over that copy.
lab_base() { # SUITE INIT -> path
    local base=$LAB_DIR/base/$1-$2
    (
        mkdir -p "$LAB_DIR/base"
        flock 9
        [ -d "$base" ] && exit 0
        mkdir "$base.new"
        tar -xf "$LAB_ROOTS/$1-$2.tar" -C "$base.new" && mv -T "$base.new" "$base"
    ) 9>"$LAB_DIR/base-$1-$2.lock" || lab_fail "cannot unpack $LAB_ROOTS/$1-$2.tar"
    echo "$base"
}

# Boots a lab and waits until it is up. `container` sets container= for its init; the default is a plain machine.
lab_boot() { # SUITE INIT NAME [container]
    local dir=$LAB_DIR/$3 group
    lab_base "$1" "$2" >/dev/null
    group=$(lab_cgroup_mount)/rcpolicy-lab-$$-$3
    mkdir -p "$dir/root" "$dir/upper" "$dir/work"
    echo "$group" >"$dir/cgroup"
    echo "$1 $2" >"$dir/kind"
    lab_power_on "$3" "${4:-plain}"
}

# Boots a lab from what its disk holds.
lab_power_on() { # NAME [container]
    local name=$1 dir=$LAB_DIR/$1 base group
    base=$(lab_base "$(lab_suite "$name")" "$(lab_init "$name")")
    group=$(cat "$dir/cgroup")
    rm -f "$dir/pid"
    mkdir "$group"
    setsid bash -c 'echo $$ >"$1/cgroup.procs" && shift
        unshare -m -p -u -i -n -C --fork --kill-child bash "$@" && status=0 || status=$?
        echo "lab: its init ended with status $status"' \
        lab "$group" "$LAB_SOURCE/enter.sh" "$base" "$dir" "$(lab_init "$name")" "${2:-plain}" >"$dir/console" 2>&1 </dev/null &
    disown
    lab_wait_for "$LAB_BOOT_SECONDS" test -e "$dir/pid" || lab_fail "lab $name: no init; see $dir/console: $(cat "$dir/console")"
    lab_wait_for "$LAB_BOOT_SECONDS" lab_is_up "$name" || lab_fail "lab $name does not come up: $(lab_state "$name"); $(lab_troubles "$name") $(tail -n 20 "$dir/console")"
}

# Boots a lab as it was in the beginning: whatever was written to its disk is gone.
lab_renew() { # NAME
    local suite init
    suite=$(lab_suite "$1") init=$(lab_init "$1")
    lab_stop "$1"
    rm -rf --one-file-system "${LAB_DIR:?}/$1/root" "$LAB_DIR/$1/upper" "$LAB_DIR/$1/work"
    lab_boot "$suite" "$init" "$1"
}

# Calls a command every 0.1 s until it succeeds; fails after so many seconds.
lab_wait_for() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

lab_is_up() { # NAME
    case $(lab_init "$1") in
    systemd) [ "$(lab_state "$1")" = running ] ;;
    runit) lab_exec "$1" pgrep -x runsvdir && ! lab_exec "$1" pgrep -f /lib/runit/run_sysv_scripts ;;
    openrc) [ "$(lab_state "$1")" = default ] && ! lab_exec "$1" pgrep -x openrc ;;
    s6) [ "$(lab_state "$1")" = "N 2" ] && ! lab_exec "$1" pgrep -f /etc/init.d/rc && lab_exec "$1" pgrep -x s6-svscan ;;
    sysvinit) [ "$(lab_state "$1")" = "N 2" ] && ! lab_exec "$1" pgrep -f /etc/init.d/rc ;;
    esac
}

# What the init says of itself.
lab_state() { # NAME
    case $(lab_init "$1") in
    systemd) lab_exec "$1" systemctl is-system-running 2>&1 || true ;;
    openrc) lab_exec "$1" rc-status --runlevel 2>&1 || true ;;
    *) lab_exec "$1" runlevel 2>&1 || true ;;
    esac
}

# What keeps it from being up.
lab_troubles() { # NAME
    [ "$(lab_init "$1")" != systemd ] || lab_exec "$1" systemctl --failed --no-legend --plain 2>&1 || true
}

lab_suite() { cut -d' ' -f1 "$LAB_DIR/$1/kind"; }
lab_init() { cut -d' ' -f2 "$LAB_DIR/$1/kind"; }
lab_pid() { cat "$LAB_DIR/$1/pid"; }

# Runs a command inside, as root, with a clean environment.
lab_exec() { # NAME COMMAND...
    local name=$1
    shift
    nsenter -t "$(lab_pid "$name")" -a -- env -i HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# Runs a shell script, given on standard input, inside.
lab_sh() { # NAME [ARGUMENTS...]
    local name=$1
    shift
    lab_exec "$name" bash -euo pipefail -s -- "$@"
}

# Copies files of the host into a directory inside.
lab_copy() { # NAME DIRECTORY FILES...
    local name=$1 to=$2
    shift 2
    # Through nsenter, not through /proc/PID/root: absolute links inside must not be followed on the host.
    tar -cf - --absolute-names --transform='s,.*/,,' "$@" | lab_exec "$name" bash -c 'mkdir -p "$1" && tar -xf - -C "$1"' copy "$to"
}

# What a failed scenario leaves for its reader.
lab_logs() { # NAME
    lab_say "--- console of lab $1"
    tail -n 20 "$LAB_DIR/$1/console" >&2 || true
    [ "$(lab_init "$1")" = systemd ] || return 0
    lab_say "--- last lines of its journal"
    lab_exec "$1" journalctl --no-pager -n 20 >&2 || true
}

# Kills all of a lab and takes its cgroups away.
lab_stop() { # NAME
    local dir=$LAB_DIR/$1 group
    [ -e "$dir/cgroup" ] || return 0
    group=$(cat "$dir/cgroup")
    [ -d "$group" ] || return 0
    echo 1 >"$group/cgroup.kill"
    lab_wait_for 10 grep -q 'populated 0' "$group/cgroup.events" || lab_say "lab $1 still has processes"
    find "$group" -depth -type d -exec rmdir {} + || true
}

# Prints what the labs of this run have left on the host, which has to be nothing.
lab_leftovers() {
    ls -d "$(lab_cgroup_mount)"/rcpolicy-lab-$$-* 2>/dev/null || true
    grep -F "$LAB_DIR" /proc/self/mounts || true
    pgrep -a -f "$LAB_DIR" || true
}

# Stops every lab and removes what they were made of.
lab_stop_all() {
    local file
    for file in "$LAB_DIR"/*/cgroup; do
        [ -e "$file" ] && lab_stop "$(basename "$(dirname "$file")")"
    done
    rm -rf --one-file-system "$LAB_DIR"
}
