#!/bin/bash
# dpkg killed in the middle, a postinst that fails, the power cut, the flush killed at each call that changes something:
# once dpkg was brought to its end, or after a boot, every service runs the installed version and nothing is owed.
. "$(dirname "$0")/../scenario.sh"
. "$LAB_SOURCE/upgrades.sh"

# What `tests/run` counts on three labs: 60 and more; in full 1,000 and more.
if [ "${LAB_FULL:-no}" = yes ]; then
    kill=170 fail=50 power=16 flush=100
else
    kill=9 fail=3 power=2 flush=7
fi
versions=12
seed=${LAB_SEED:-1}

kinds() { case $INIT in systemd) echo plain restart socket pair forgets ;; *) echo plain restart forgets ;; esac }

counted() { # PART ARGUMENTS... -> status 1 if anything is not as it should be
    local out=$LAB_DIR/$LAB/crashes-$1 failed=0 line
    inside perl /root/lab/crashes.pl "$@" >"$out" 2>&1 </dev/null || failed=1
    sed '/^figures: /d' "$out" | cut -c1-400 | sed -n 1,40p >&2
    # A repair is a part of a power cut, which is counted as a whole.
    [ "$1" = repair ] || while read -r line; do figure "$line"; done < <(sed -n 's/^figures: //p' "$out")
    return "$failed"
}

none_lost() { # PART COUNT
    counted "$1" "$2" "$seed" || same "$1: what is old, owed or started twice" none some
    holds "$1, $2 runs: every service runs the installed version, nothing is owed"
}

# Cuts the power at a random moment of a package run, and boots from what the disk holds.
cut_power() { # NUMBER
    inside perl /root/lab/crashes.pl upgrade "$1" >/dev/null 2>&1 </dev/null &
    local upgrade=$!
    sleep "$(awk -v seed="$1" 'BEGIN { srand(seed); printf "%.2f", rand() * 1.5 }')"
    lab_stop "$LAB"
    wait "$upgrade" || true
    lab_power_on "$LAB"
    counted repair || same "power cut $1: what is old or owed" none some
}

require_ours
lab_copy "$LAB" /root/lab "$LAB_SOURCE"/*.pl
debs=()
for kind in $(kinds); do
    build_versions "$kind" "$versions"
    for version in $(seq 1 "$versions"); do debs+=("$LAB_DIR/packages/$(package_name "$kind")_$version.deb"); done
done
lab_copy "$LAB" /root/debs "${debs[@]}"
lab_sh "$LAB" $(kinds) <<'END'
mkdir -p /var/log/lab
for kind; do dpkg -i "/root/debs/lab-${kind}_1.deb"; done >/dev/null </dev/null
cat >/etc/rcpolicy/policy.d/10-crashes.toml <<'RULE'
[flush]
settle = "1s"

[[rule]]
service = ["lab-restart", "lab-pair"]
phase = ["upgrade"]
decide = "defer"
RULE
END

none_lost kill "$kill"
none_lost fail "$fail"
for number in $(seq 1 "$power"); do cut_power "$((seed * 1000 + number))"; done
figure "power: $power cuts, 0 old versions, 0 still owed"
holds "power, $power cuts: after the boot every service runs the installed version, nothing is owed"
# The flush by hand is to come first.
inside sed -i 's/^settle = .*/settle = "20s"/' /etc/rcpolicy/policy.d/10-crashes.toml
none_lost flush "$flush"

inside rm /etc/rcpolicy/policy.d/10-crashes.toml
for kind in $(kinds); do inside dpkg --purge "$(package_name "$kind")" >/dev/null; done
