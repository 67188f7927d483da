#!/bin/bash
# One story on every init, and the ends that `same.table` has for all of them: install, upgrade, failed upgrade, removal,
# quiesce, defer, policy deny, what the admin stopped, and a restart whose invoke-rc.d is killed.
. "$(dirname "$0")/../scenario.sh"
# shellcheck source=../same-packages.sh
. "$LAB_SOURCE/same-packages.sh"

require_ours
debs=$LAB_DIR/same-$LAB
mkdir -p "$debs"

# What the table has for a step: "RUNNING STARTS OWED".
expected() { # WAY STEP
    awk -v init="$INIT" -v way="$1" -v step="$2" '
        $1 == way && $2 == step { all = $3 " " $4 " " $5 }
        $1 == init && $2 == way && $3 == step { own = $4 " " $5 " " $6 }
        END { print own == "" ? all : own }' "$LAB_SOURCE/same.table"
}

# How it stands: version or "down", the starts since the last look that counted, and whether anything is owed.
found() {
    inside sh -c '
        running=down owed=yes
        read -r version pid <"/run/$1.version" && grep -aqs "$1" "/proc/$pid/cmdline" && running=$version
        starts=$(awk "/^look/ { n = 0 } /^started/ { n++ } END { print n + 0 }" "$2")
        rcpolicy pending | grep -qx "nothing is owed" && owed=no
        echo "$running $starts $owed"' found "$SAME" "$SAME_LOG" 2>/dev/null
}

look() { inside sh -c 'mkdir -p /var/log/lab; echo look >>"$1"' look "$SAME_LOG"; }

runs() { found | grep -q "^$1 "; } # VERSION

is_as_expected() { [ "$(found)" = "$1" ]; }

# It comes to what the table has, and stays there.
ends() { # WAY STEP
    local wanted
    wanted=$(expected "$1" "$2")
    [ -n "$wanted" ] || lab_fail "$SCENARIO: the table has no line for $1 $2"
    lab_wait_for 40 is_as_expected "$wanted" || true
    same "$1, $2: running, starts, owed" "$wanted" "$(found)"
    holds "$1, $2: $wanted"
    look
}

dpkg_i() { # WAY VERSION
    local deb
    deb=$(same_deb "$1" "$2" "$debs")
    lab_copy "$LAB" /root/debs "$deb"
    inside dpkg -i "/root/debs/${deb##*/}" </dev/null
}

rule() { # LINE
    inside sh -c 'mkdir -p /etc/rcpolicy/policy.d
        printf "[[rule]]\nservice = [\"%s\"]\n%s\n" "$1" "$2" >/etc/rcpolicy/policy.d/10-same.toml' rule "$SAME" "$1"
}

no_rule() { inside rm /etc/rcpolicy/policy.d/10-same.toml; }

# The admin's own stop, with the tool of the init.
stopped_by_admin() {
    case $INIT in
    systemd) inside systemctl stop "$SAME" ;;
    sysvinit) inside "/etc/init.d/$SAME" stop ;;
    openrc) inside rc-service "$SAME" stop ;;
    runit) inside sv down "$SAME" ;;
    s6) inside s6-svc -wD -d "/run/service/$SAME" ;;
    esac
    lab_wait_for 10 inside sh -c '! pgrep -f "^/usr/bin/perl /usr/libexec/$1"' gone "$SAME"
}

# invoke-rc.d dies in the middle of a restart, and a flush looks what became of it.
killed_restart() {
    inside touch "/run/$SAME.slow"
    inside invoke-rc.d "$SAME" restart </dev/null >/dev/null 2>&1 &
    lab_wait_for 30 inside sh -c 'awk "/^look/ { n = 0 } /^going/ { n++ } END { exit n == 0 }" "$1"' going "$SAME_LOG"
    inside sh -c 'kill -9 $(pgrep -x invoke-rc-d; pgrep -x invoke-rc.d)' 2>/dev/null || true
    wait $! || true
    inside rm "/run/$SAME.slow"
    # What still ends may let a first try fail; what is owed is tried again.
    lab_wait_for 30 inside rcpolicy flush
}

begin() { # WAY
    look
    dpkg_i "$1" 1
    ends "$1" install
    dpkg_i "$1" 2
    ends "$1" upgrade
    inside sh -c 'printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d'
    dpkg_i "$1" 3
    ends "$1" policy-deny
    inside rm /usr/sbin/policy-rc.d
    rule 'decide = "defer"
until = "flush"'
    dpkg_i "$1" 4
    ends "$1" deferred
    inside rcpolicy flush
    ends "$1" defer
    no_rule
}

fail() { # WAY VERSION
    inside touch "/run/$SAME.fail"
    fails dpkg_i "$1" "$2" >/dev/null
    ends "$1" failed-upgrade
    inside rm "/run/$SAME.fail"
    inside dpkg --configure -a </dev/null
    ends "$1" configure
}

# A `down` file says what is done at boot. What runs all the same, and goes down for an upgrade, comes back; what does
# not run is not started by one.
ran_although_down() {
    local file
    case $INIT in
    runit) file=/etc/sv/$SAME/down ;;
    s6) file=/etc/s6/sv/$SAME/down ;;
    *) return 0 ;;
    esac
    inside touch "$file"
    dpkg_i stop-start 7
    lab_wait_for 40 is_as_expected "7 1 no" || true
    same "an upgrade of what runs beside a down file" "7 1 no" "$(found)"
    look
    stopped_by_admin
    inside invoke-rc.d "$SAME" start
    same "a start of what is down, beside a down file" "down 0 no" "$(found)"
    inside rm "$file"
    inside invoke-rc.d "$SAME" start
    lab_wait_for 40 is_as_expected "7 1 no" || true
    same "a start of what is down" "7 1 no" "$(found)"
    look
    holds "a down file keeps a service from being started, and not from coming back after an upgrade"
}

finish() { # WAY VERSION
    stopped_by_admin
    # Whoever stopped it before the upgrade began did so before its first second.
    sleep 1.1
    dpkg_i "$1" "$2"
    ends "$1" admin-stopped
    # What is down already would end as the table has it whatever a removal does.
    inside invoke-rc.d "$SAME" start </dev/null
    lab_wait_for 40 runs "$2" || lab_fail "$SCENARIO: it does not run before its removal: $(found)"
    look
    inside dpkg --remove "$SAME" </dev/null
    ends "$1" removal
    inside dpkg --purge "$SAME" </dev/null
}

begin restart
fail restart 5
killed_restart
ends restart killed
finish restart 6

begin stop-start
rule 'action = ["stop"]
decide = "quiesce"'
dpkg_i stop-start 5
ends stop-start quiesce
no_rule
fail stop-start 6
ran_although_down
finish stop-start 8
