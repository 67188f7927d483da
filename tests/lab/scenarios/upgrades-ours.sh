#!/bin/bash
# The main promise. Under `stop` no client starts a service between prerm's stop and postinst's start; under `quiesce` no
# client is refused; at the end of every upgrade it is always the new version that answers.
. "$(dirname "$0")/../scenario.sh"
. "$LAB_SOURCE/upgrades.sh"

require_ours
rounds=${LAB_ROUNDS:-20}

new_version_always() { # KIND
    same "$1: upgrades that left an old version" 0 "$old"
    same "$1: version at the end" $((rounds + 1)) "$final"
}

for kind in plain restart; do
    upgrade_rounds "$kind" "$rounds"
    figure "ours: $(summary "$kind" "$rounds")"
    new_version_always "$kind"
    holds "$kind: always the new version after $rounds upgrades"
done
[ "$INIT" = systemd ] || exit 0

for kind in socket pair; do
    upgrade_rounds "$kind" "$rounds"
    figure "ours, stop: $(summary "$kind" "$rounds")"
    same "$kind under stop: activations between stop and start" 0 "$activations"
    new_version_always "$kind"
    holds "$kind under stop: 0 activations between stop and start in $rounds upgrades, always the new version"
done

not_refused() { # KIND WHAT
    figure "ours, quiesce by $2: $(summary "$1" "$rounds")"
    same "$1 under quiesce: connections refused" 0 "$refused"
    same "$1 under quiesce: connections without a socket" 0 "$absent"
    new_version_always "$1"
    holds "$1 under quiesce, by $2: 0 connections refused in $rounds upgrades, always the new version"
}

upgrade_rounds pair-quiesce "$rounds"
not_refused pair-quiesce "the flag"

lab_sh "$LAB" <<'END'
cat >/etc/rcpolicy/policy.d/10-lab.toml <<'RULE'
[[rule]]
service = ["lab-socket"]
action = ["stop"]
phase = ["upgrade"]
decide = "quiesce"
because = "clients must never be refused"
RULE
END
upgrade_rounds socket "$rounds"
not_refused socket "a rule"
inside rm /etc/rcpolicy/policy.d/10-lab.toml
