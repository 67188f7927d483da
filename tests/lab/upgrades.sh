# Upgrades of one of the lab's own packages with a client connecting every 10 ms, and what came of them. Sourced by the
# scenarios that say what must come of them.

# Builds VERSIONS of a kind once for all labs: version 1 is installed, each later one is an upgrade.
build_versions() { # KIND LAST
    mkdir -p "$LAB_DIR/packages"
    (
        flock 9
        local version
        for version in $(seq 1 "$2"); do
            [ -e "$LAB_DIR/packages/$(package_name "$1")_$version.deb" ] || package_build "$1" "$version" "$LAB_DIR/packages" >/dev/null
        done
    ) 9>"$LAB_DIR/packages.lock"
}

ask() { # KIND -> "VERSION PID"
    inside perl /root/lab/ask.pl "/run/$(package_name "$1").sock"
}

runs() { # KIND VERSION
    [ "$(ask "$1" | cut -d' ' -f1)" = "$2" ]
}

# Upgrades a kind ROUNDS times; sets activations, refused, absent, reset and old, each over all rounds, and final.
#   activations  starts of the daemon between prerm's stop and postinst's start
#   old          rounds after which an old version answered
#   final        the version that answers at the end
upgrade_rounds() { # KIND ROUNDS
    local kind=$1 rounds=$2 name version last
    name=$(package_name "$kind")
    last=$((rounds + 1))
    build_versions "$kind" "$last"
    lab_copy "$LAB" /root/lab "$LAB_SOURCE"/*.pl
    lab_copy "$LAB" /root/debs "$LAB_DIR/packages/${name}"_*.deb
    inside dpkg -i "/root/debs/${name}_1.deb" </dev/null >/dev/null
    lab_wait_for 10 runs "$kind" 1 || same "$kind: answer after its installation" "1" "$(ask "$kind" 2>&1 || true)"
    inside sh -c "rm -f /run/hammer*; : >/var/log/lab/$name"
    local socket hammers=()
    for socket in $(clients_of "$kind"); do
        inside perl /root/lab/hammer.pl "$socket" "/run/hammer-$(basename "$socket").log" /run/hammer.stop &
        hammers+=($!)
    done
    old=0
    for version in $(seq 2 "$last"); do
        inside dpkg -i "/root/debs/${name}_$version.deb" </dev/null >/dev/null
        # A service without a socket opens its own a moment after its start.
        lab_wait_for 2 runs "$kind" "$version" || old=$((old + 1))
    done
    inside touch /run/hammer.stop
    wait "${hammers[@]}"
    activations=$(inside cat "/var/log/lab/$name" | count_activations)
    refused=$(outcomes refused)
    absent=$(outcomes absent)
    reset=$(outcomes reset)
    attempts=$(inside sh -c 'cat /run/hammer-*.log' | grep -c .)
    final=$(ask "$kind" | cut -d' ' -f1)
    sockets_are_open "$kind"
    inside cat "/var/log/lab/$name" >"$LAB_DIR/$LAB/$SCENARIO-$kind.events"
    inside dpkg --purge "$name" >/dev/null
    [ "$attempts" -gt "$rounds" ] || same "$kind: connections of the clients" "some" "$attempts"
}

# A service whose sockets did not come back would open its own, and answer all the same.
sockets_are_open() { # KIND
    local unit
    [ "$INIT" = systemd ] || return 0
    for unit in $(package_units "$1"); do
        case $unit in *.socket) same "$1: $unit in the end" active "$(inside systemctl is-active "$unit" || true)" ;; esac
    done
}

outcomes() { inside sh -c 'cat /run/hammer-*.log' | awk -v what="$1" '$2 == what { n++ } END { print n + 0 }'; }

# Where clients of a kind connect: to each of its sockets, or to the one that the daemon opens itself.
clients_of() { # KIND
    if [ "$INIT" = systemd ]; then package_sockets "$1"; else package_sockets "$1" | sed -n 1p; fi
}

# A start counts when its line stands between `stopping` and `starting`, or when its process began before `starting` and
# only its line came later.
count_activations() {
    awk '$2 == "stopping" { window = 1; next }
         $2 == "starting" { window = 0; starting = $1; first = 1; next }
         $2 == "started" && window { n++ }
         $2 == "started" && !window && first { first = 0; if ($1 < starting - 0.011) n++ }
         END { print n + 0 }'
}

summary() { # KIND ROUNDS
    echo "$1, $2 upgrades, $attempts connections: $activations activations in the window, $old left the old version running, refused $refused, absent $absent, reset $reset"
}
