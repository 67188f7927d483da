# Users with managers of their own, for scenarios. Source it after scenario.sh. The labs have neither logind nor a users'
# bus: the managers get their directory by hand, and nothing but their private sockets leads to them.

# Lets user@.service run without PAM, which would set the directory.
users_prepare() {
    lab_sh "$LAB" <<'END'
mkdir -p /run/systemd/system/user@.service.d /etc/systemd/user/default.target.wants
printf '[Service]\nPAMName=\nEnvironment=XDG_RUNTIME_DIR=/run/user/%%i\n' >/run/systemd/system/user@.service.d/lab.conf
systemctl daemon-reload
END
}

users_add() { # NAME UID
    inside useradd --create-home --uid "$2" "$1"
    inside systemctl start "user@$2.service"
}

users_manager() { inside systemctl show --value --property MainPID "user@$1.service"; } # UID

# A unit for every user, which all of them have or which only some enable.
users_unit() { # NAME
    lab_sh "$LAB" "$1" <<'END'
printf '[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=exec\nExecStart=/bin/sleep inf\nExecReload=/bin/true\n[Install]\nWantedBy=default.target\n' \
    >"/etc/systemd/user/$1.service"
END
}

# The process of a unit in a user's manager, 0 if none: its cgroup tells.
users_process() { # UID UNIT
    lab_sh "$LAB" "$@" <<'END'
for group in /sys/fs/cgroup/user.slice/user-"$1".slice/user@"$1".service/{,*/}"$2.service"; do
    [ ! -e "$group/cgroup.procs" ] || pids=$(cat "$group/cgroup.procs")
done
echo "${pids:-0}"
END
}

users_systemctl() { # UID ARGUMENTS...
    local uid=$1
    shift
    inside setpriv --reuid "$uid" --regid "$uid" --clear-groups env "XDG_RUNTIME_DIR=/run/user/$uid" systemctl --user "$@"
}

# Milliseconds that a command took; its output goes to $LAB_DIR/took.out.
took() { # COMMAND...
    local began
    began=$(date +%s%N)
    "$@" >"$LAB_DIR/took.out" 2>&1 || true
    echo $((($(date +%s%N) - began) / 1000000))
}
