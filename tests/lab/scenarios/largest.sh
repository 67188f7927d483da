#!/bin/bash
# The largest service packages of Debian, all on one machine: installed, upgraded in one run of apt and removed, with the
# stock tools, with ours as they come, and with ours putting off what can be put off. Afterwards every unit is as it was,
# and as with the stock tools. Counts the starts of services and the time, in turn in each of LAB_LARGEST_ROUNDS rounds (3).
# Called by `tests/run --full`: it fetches much.
. "$(dirname "$0")/../scenario.sh"
. "$LAB_SOURCE/roots.sh"

packages=(mariadb-server postgresql-15 redis-server memcached apache2 haproxy squid bind9 postfix dovecot-core cups-daemon
    samba docker.io podman libvirt-daemon-system openssh-server snmpd rsyslog chrony tor)
# shellcheck disable=SC2206
[ -z "${LAB_LARGEST:-}" ] || packages=($LAB_LARGEST)
log=$LAB_DIR/$LAB/largest
mkdir -p "$log"

require_stock
apt='apt-get -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null --yes --no-install-recommends --allow-downgrades'

# What is fetched is kept; a package that several need is copied once.
fetch() {
    local package from
    inside mkdir -p /root/largest
    for package in "${packages[@]}"; do
        from=$(roots_fetch "$SUITE" "$INIT" "$package") || return 1
        ls "$from"/*.deb
    done | awk -F/ '!seen[$NF]++' >"$log/debs"
    xargs tar -cPf - --transform 's,.*/,,' <"$log/debs" | inside tar -xf - -C /root/largest
}

install_all() { lab_sh "$LAB" "$apt" >>"$log/install" 2>&1 <<<'$1 install /root/largest/*.deb </dev/null'; }

# Versions of the packages themselves that dpkg takes for newer.
bump_all() { # SUFFIX
    lab_sh "$LAB" "$@" "${packages[@]}" <<'END'
suffix=$1
shift
rm -rf /root/bumped && mkdir /root/bumped
for package; do
    dpkg-deb -R /root/largest/"$package"_*.deb /root/bumped/tree
    sed -i "s/^Version: .*/&+$suffix/" /root/bumped/tree/DEBIAN/control
    # Only what the scripts do counts, not the disk.
    dpkg-deb -Znone --root-owner-group -b /root/bumped/tree "/root/bumped/$package.deb" >/dev/null
    rm -r /root/bumped/tree
done
END
}

# Once nothing is under way: a line for each unit of all that was installed, its state and whether it is enabled.
states() {
    lab_sh "$LAB" <<'END'
tries=0
while systemctl list-jobs --no-legend | grep -q . && [ $tries -lt 600 ]; do tries=$((tries + 1)); sleep 0.1; done
# One that is on its way by itself gets to its end.
sleep 3
for package in $(ls /root/largest | sed 's/_.*//'); do dpkg -L "$package" 2>/dev/null; done |
    sed -n 's,^.*/systemd/system/\([^/]*\.\(service\|socket\|timer\|path\)\)$,\1,p' | sort -u | while read -r unit; do
        case $unit in
        *@.*) systemctl list-units --no-legend --plain --all "${unit%@*}@*.${unit##*.}" | awk '{ print $1, $3 }' ;;
        *) echo "$unit $(systemctl show -P ActiveState "$unit") $(systemctl is-enabled "$unit" 2>/dev/null)" ;;
        esac
    done
END
}

# Where the journal ends now.
END_OF_JOURNAL='journalctl --quiet --lines=0 --show-cursor | sed -n "s/^-- cursor: //p"'

clock='began=${EPOCHREALTIME/./}'
passed='echo $(((${EPOCHREALTIME/./} - began) / 1000))'
# One run of apt, until nothing is owed; prints its milliseconds.
upgrade() {
    inside bash -c "$clock"'
        $1 -o Dpkg::Options::=--force-confold install /root/bumped/*.deb </dev/null >/root/upgrade.log 2>&1 || echo "apt: $?" >>/root/upgrade.log
        if [ -x /usr/sbin/rcpolicy ]; then
            tries=0
            until rcpolicy pending 2>&1 | grep -q "nothing is owed" || [ $tries -ge 600 ]; do tries=$((tries + 1)); sleep 0.1; done
        fi
        '"$passed" upgrade "$apt"
}

# Units that are otherwise than before, with what their journal says of it since CURSOR.
changed() { # WHO CURSOR
    comm -13 <(sort "$log/before-$1") <(sort "$log/after-$1") >"$log/changed-$1"
    local unit state
    while read -r unit state; do
        figure "$1: $unit was $(sed -n "s/^$unit //p" "$log/before-$1"), is $state: $(inside journalctl --quiet --output cat --unit "$unit" \
            --after-cursor "$2" | tail -n 6 | tr '\n' ';')"
    done <"$log/changed-$1"
}

played=0
declare -A milliseconds starts
play() { # WHO
    local who=$1 cursor took
    played=$((played + 1))
    bump_all "lab$played"
    states >"$log/before-$who"
    cursor=$(inside sh -c "$END_OF_JOURNAL")
    took=$(upgrade)
    milliseconds[$who]+=" $took"
    inside cat /root/upgrade.log >"$log/dpkg-$who"
    ! grep -q '^apt: [0-9]' "$log/dpkg-$who" || { tail -n 20 "$log/dpkg-$who" >&2 && same "$who: apt" "" "$(grep '^apt: [0-9]' "$log/dpkg-$who")"; }
    states >"$log/after-$who"
    # By what the journal says of each unit that was started; our own waiter is no service of theirs.
    inside journalctl --quiet --output cat --identifier systemd --after-cursor "$cursor" |
        sed -n 's/^Started \([^ ]*\.service\) .*/\1/p' | grep -v '^rcpolicy' | sort | uniq -c >"$log/starts-$who" || true
    starts[$who]=$(awk '{ sum += $1 } END { print sum + 0 }' "$log/starts-$who")
    changed "$who" "$cursor"
    same "$who: the units after the upgrade" "$(cat "$log/before-$who")" "$(cat "$log/after-$who")"
    figure "$who: $took ms, ${starts[$who]} starts, most often $(sort -rn "$log/starts-$who" | awk 'NR <= 3 { printf "%s%s %s", (NR > 1 ? ", " : ""), $1, $2 }')"
}

defers() {
    inside sh -c 'cat >/etc/rcpolicy/policy.d/10-lab.toml && rcpolicy check' <<'END'
[[rule]]
service = "*"
action  = ["restart", "try-restart", "reload", "force-reload"]
decide  = "defer"
until   = "batch"
because = "the lab defers"
END
}

median() { printf '%s\n' "$@" | sort -n | sed -n $((($# + 1) / 2))p; }
# shellcheck disable=SC2086
median_of() { median ${milliseconds[$1]}; }

remove() { # WHO
    local who=$1
    inside bash -c "$clock"'
        dpkg --purge --force-depends "$@" </dev/null >/root/purge.log 2>&1 || echo "dpkg: $?" >>/root/purge.log
        '"$passed" purge "${packages[@]}" >"$log/purged-$who.ms"
    inside cat /root/purge.log >"$log/purge-$who"
    # What is left of them: processes that run on, units that are known.
    inside systemctl list-units --no-legend --plain --all --type service,socket,timer,path | awk '{ print $1, $2, $3 }' |
        grep -vE '^(user|session|run|systemd-tmpfiles)|^dpkg-db-backup|^apt-daily' | sort >"$log/left-$who"
    figure "$who: purged in $(cat "$log/purged-$who.ms") ms; $(grep -c '^dpkg: [0-9]' "$log/purge-$who" || true) failures"
}

fetch
lab_sh "$LAB" <<'END'
# No service is to be asked about by what depends on a terminal.
printf 'postfix postfix/main_mailer_type select Local only\npostfix postfix/mailname string lab\n' | debconf-set-selections
END
# podman's storage does not lie on an overlay, which a lab's disk is.
inside sh -c 'mkdir -p /var/lib/containers && mount -t tmpfs containers /var/lib/containers'
install_all || { tail -n 15 "$log/install" >&2 && same "the installation" 0 failed; }
# libvirtd ends by itself once nobody has used it for two minutes, which would come at any time in between.
inside sh -c '[ ! -e /lib/systemd/system/libvirtd.service ] || { echo LIBVIRTD_ARGS= >/etc/default/libvirtd && systemctl restart libvirtd; }'
figure "${#packages[@]} packages, $(wc -l <"$log/debs") with what they need; $(states | grep -c ' active ') of $(states | wc -l) units run"

# Each is the first of the three in turn.
orders=("stock ours deferring" "ours deferring stock" "deferring stock ours")
for ((round = 0; round < ${LAB_LARGEST_ROUNDS:-3}; round++)); do
    for who in ${orders[round % 3]}; do
        case $who in
        stock)
            require_stock
            play stock
            ;;
        ours)
            require_ours
            play ours
            ;;
        deferring)
            require_ours
            defers
            play deferring
            inside rm /etc/rcpolicy/policy.d/10-lab.toml
            ;;
        esac
    done
    for who in ours deferring; do
        same "the units after the upgrade, $who against stock" "$(cat "$log/after-stock")" "$(cat "$log/after-$who")"
        [ "${starts[$who]}" -le "${starts[stock]}" ] || same "starts of services, $who, at most stock's" "${starts[stock]}" "${starts[$who]}"
    done
done
require_ours
holds "${#packages[@]} packages upgraded: every unit as before and as with the stock tools; starts ${starts[stock]} | ${starts[ours]} | ${starts[deferring]}, ms $(median_of stock) | $(median_of ours) | $(median_of deferring) (stock | ours | deferring)"

remove ours
install_all
require_stock
remove stock
same "what is left after the removal" "$(cat "$log/left-stock")" "$(cat "$log/left-ours")"
holds "${#packages[@]} packages purged: the same is left as with the stock tools"
