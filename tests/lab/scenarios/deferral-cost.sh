#!/bin/bash
# What it costs to put off 50 restarts and do them at the end, against the stock tools, who do each at once. A run of dpkg
# that asks for nothing is subtracted from both. dpkg's database lies in memory, since what its disk takes comes and goes.
# Its figures count on a quiet machine only, so `tests/bench` calls it; `tests/run` does not.
#
# An init script is measured as packages have it: on /lib/init/init-d-script, as Debian's template for init scripts is, which
# waits until its daemon has ended before it starts it again. Beside it stands one that waits for nothing, in which there is
# nothing but processor time. Both have to keep the limit.
. "$(dirname "$0")/../scenario.sh"
. "$LAB_SOURCE/deferral-units.sh"

services=50 rounds=15
require_ours
deferral_make "$services" | lab_sh "$LAB"
deferral_policy 'settle = "60s"'
# Not in /run, where sysvinit lets nothing be executed.
inside sh -c 'mkdir /run/dpkg && mount -t tmpfs dpkg /run/dpkg && cp -a /var/lib/dpkg/. /run/dpkg && mount --bind /run/dpkg /var/lib/dpkg'
if [ "$INIT" = systemd ]; then
    shapes=(unit)
    # Services that are started at once; and more rounds are more starts than the default allows in so short a time.
    inside sh -c 'mkdir /etc/systemd/system/lab-.service.d
        printf "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStartPre=\n" >/etc/systemd/system/lab-.service.d/quick.conf
        systemctl daemon-reload; systemctl restart "lab-d*"'
else
    shapes=(template plain)
    lab_sh "$LAB" <<'END'
mkdir -p /root/deferral/plain /root/deferral/template
cp -a /etc/init.d/lab-d* /root/deferral/plain/
for script in /root/deferral/plain/*; do
    name=${script##*/}
    cp /bin/sleep "/usr/local/sbin/$name"
    {
        printf '#!/bin/sh\nif [ true != "$INIT_D_SCRIPT_SOURCED" ]; then\n'
        printf '    set "$0" "$@"; INIT_D_SCRIPT_SOURCED=true . /lib/init/init-d-script\nfi\n'
        sed -n '/^### BEGIN/,/^### END/p' "$script"
        printf 'DESC="a daemon of the lab"\nDAEMON=/usr/local/sbin/%s\nDAEMON_ARGS=100000\n' "$name"
        printf 'PIDFILE=/run/%s.pid\nSTART_ARGS="--background --make-pidfile"\n' "$name"
        printf 'do_restart_prepare() { cat /usr/share/lab/%s >>/var/log/lab/%s; }\n' "$name" "$name"
    } >"/root/deferral/template/$name"
    chmod 755 "/root/deferral/template/$name"
done
END
fi

# All services by init scripts of this shape; units have but one.
in_shape() { # SHAPE
    [ "$INIT" != systemd ] || return 0
    inside sh -c 'for name in /etc/init.d/lab-d*; do "$name" stop; done >/dev/null
        cp -a /root/deferral/"$1"/. /etc/init.d/
        for name in /etc/init.d/lab-d*; do "$name" start; done >/dev/null' in-shape "$1"
}

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
declare -A cost bare
measure() { # WHO SHAPE
    local round asked=() quiet=() alone=()
    in_shape "$2"
    forget_starts
    for ((round = 1; round <= rounds; round++)); do
        quiet+=("$(time_of 2+quiet)")
        asked+=("$(time_of 2)")
        alone+=("$(time_of_restarts)")
    done
    bare[$1,$2]=$(median "${alone[@]}") cost[$1,$2]=$(($(median "${asked[@]}") - $(median "${quiet[@]}")))
    figure "$services packages, $1, $2: ${cost[$1,$2]} ms; the restarts alone take ${bare[$1,$2]} ms, dpkg alone $(median "${quiet[@]}") ms (medians of $rounds)"
    [ "$INIT" = systemd ] || same "the restarts of all, $1, $2" $((services * rounds * 2)) "$(inside sh -c 'cat /var/log/lab/lab-d* | wc -l')"
}
ratio() { printf '%d.%03d' $(($1 / $2)) $(($1 * 1000 / $2 % 1000)); } # A B

for shape in "${shapes[@]}"; do
    measure ours "$shape"
    same "what is owed after it" 0 "$(inside rcpolicy pending --json | grep -c '"service"' || true)"
done
require_stock
for shape in "${shapes[@]}"; do
    measure stock "$shape"
    figure "$shape, deferred against stock: $(ratio "${cost[ours,$shape]}" "${cost[stock,$shape]}") (${cost[ours,$shape]} ms / ${cost[stock,$shape]} ms); the restarts alone are $(ratio "${bare[stock,$shape]}" "${cost[stock,$shape]}")"
done
# On two processors sysvinit misses it: init scripts side by side, with nobody who decides, keep both busy for longer.
most=4
for shape in "${shapes[@]}"; do
    ours=${cost[ours,$shape]} stock=${cost[stock,$shape]}
    [ $((ours * most)) -le "$stock" ] || same "what deferring costs, in ms, $shape, at most 1/$most of stock's $stock" $((stock / most)) "$ours"
done
holds "$services deferred restarts cost at most 1/$most of what they cost with the stock tools"
