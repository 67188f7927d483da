#!/bin/bash
# What it costs to put off 50 restarts and do them at the end, against the stock tools, who do each at once. A run of dpkg
# that asks for nothing is subtracted from both. dpkg's database lies in memory, since what its disk takes comes and goes.
# Its figures count on a quiet machine only, so `tests/bench` calls it; `tests/run` does not.
. "$(dirname "$0")/../scenario.sh"
. "$LAB_SOURCE/deferral-units.sh"

services=50 rounds=5
require_ours
deferral_make "$services" | lab_sh "$LAB"
deferral_policy 'settle = "60s"'
# Not in /run, where sysvinit lets nothing be executed.
inside sh -c 'mkdir /run/dpkg && mount -t tmpfs dpkg /run/dpkg && cp -a /var/lib/dpkg/. /run/dpkg && mount --bind /run/dpkg /var/lib/dpkg'
if [ "$INIT" = systemd ]; then
    # Services that are started at once; and more rounds are more starts than the default allows in so short a time.
    inside sh -c 'mkdir /etc/systemd/system/lab-.service.d
        printf "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStartPre=\n" >/etc/systemd/system/lab-.service.d/quick.conf
        systemctl daemon-reload; systemctl restart "lab-d*"'
fi

# All in milliseconds.
clock='began=${EPOCHREALTIME/./}'
passed='echo $(((${EPOCHREALTIME/./} - began) / 1000))'
time_of() { # VERSION: a run of dpkg, until nothing is owed
    local n debs=()
    for ((n = 1; n <= services; n++)); do debs+=("/root/deferral/lab-d${n}_$1.deb"); done
    inside bash -c "$clock"'; dpkg -i "$@" >/dev/null 2>&1; [ ! -x /usr/sbin/rcpolicy ] || rcpolicy flush >/dev/null; '"$passed" \
        time-of "${debs[@]}"
}
# The restarts alone, with nobody who decides: of init scripts as many at once as at boot.
time_of_restarts() {
    if [ "$INIT" = systemd ]; then
        inside bash -c "$clock"'; systemctl restart "lab-d*"; '"$passed"
    else
        inside bash -c "$clock"'; n=0
            for script in /etc/init.d/lab-d*; do
                "$script" restart >/dev/null 2>&1 &
                [ $((n += 1)) -lt 4 ] || wait -n
            done
            wait; '"$passed"
    fi
}
median() { printf '%s\n' "$@" | sort -n | sed -n $((($# + 1) / 2))p; }
measure() { # WHAT, sets cost and bare
    local round asked=() quiet=() alone=()
    for ((round = 1; round <= rounds; round++)); do
        quiet+=("$(time_of 2+quiet)")
        asked+=("$(time_of 2)")
        alone+=("$(time_of_restarts)")
    done
    bare=$(median "${alone[@]}") cost=$(($(median "${asked[@]}") - $(median "${quiet[@]}")))
    figure "$services packages, $1: $cost ms; the restarts alone take $bare ms, dpkg alone $(median "${quiet[@]}") ms (medians of $rounds)"
}
ratio() { printf '%d.%03d' $(($1 / $2)) $(($1 * 1000 / $2 % 1000)); } # A B

measure "deferred, until all is done"
ours=$cost
same "what is owed after it" 0 "$(inside rcpolicy pending --json | grep -c '"service"' || true)"
require_stock
measure "with the stock tools"
figure "deferred against stock: $(ratio "$ours" "$cost") ($ours ms / $cost ms); the restarts alone are $(ratio "$bare" "$cost")"
# On two processors sysvinit misses it: init scripts side by side, with nobody who decides, keep both busy for a third.
most=4
[ $((ours * most)) -le "$cost" ] || same "what deferring costs, in ms, at most 1/$most of stock's $cost" $((cost / most)) "$ours"
holds "$services deferred restarts cost at most 1/$most of what they cost with the stock tools"
