# What every scenario begins with. A scenario is a script of its own, called with the name of a booted lab; it ends at
# the first thing that is not as it should be. Each thing seen to hold is one line of $LAB_DIR/results.
# From tests/lab/run: LAB_DIR, LAB_ROUNDS, RCPOLICY_DEB (the package under test).

set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/lib.sh"
# shellcheck source=packages.sh
. "$LAB_SOURCE/packages.sh"

LAB=$1
SCENARIO=$(basename "$0" .sh)
INIT=$(lab_init "$LAB")
SUITE=$(lab_suite "$LAB")

on_error() {
    lab_say "FAILED: $SCENARIO on $LAB, line $1: $2"
    lab_logs "$LAB"
}
trap 'on_error "$LINENO" "$BASH_COMMAND"' ERR
set -E

holds() { # what was seen to hold
    printf 'pass\t%s\t%s\t%s\n' "$LAB" "$SCENARIO" "$*" >>"$LAB_DIR/results"
    lab_say "ok $LAB $SCENARIO: $*"
}

# A number that the README or a reader wants; neither passes nor fails.
figure() {
    printf 'figure\t%s\t%s\t%s\n' "$LAB" "$SCENARIO" "$*" >>"$LAB_DIR/results"
    lab_say "   $LAB $SCENARIO: $*"
}

# Fails unless the two are equal.
same() { # WHAT WANTED GOT
    [ "$2" = "$3" ] && return 0
    lab_say "FAILED: $SCENARIO on $LAB: $1: wanted '$2', got '$3'"
    lab_logs "$LAB"
    exit 1
}

# Runs a command that has to fail, and prints what it said.
fails() { # COMMAND...
    local output
    if output=$("$@" 2>&1); then
        lab_say "FAILED: $SCENARIO on $LAB: should have failed: $*: $output"
        exit 1
    fi
    echo "$output"
}

inside() { lab_exec "$LAB" "$@"; }

# Installs packages of the host inside.
install_debs() { # FILES...
    lab_copy "$LAB" /root/debs "$@"
    local file names=()
    for file in "$@"; do names+=("/root/debs/$(basename "$file")"); done
    inside dpkg -i "${names[@]}" </dev/null
}

# A copy of a package with another version, and changed by a function that gets its unpacked tree. Prints its path.
variant() { # DEB VERSION [FUNCTION]
    local tree=$LAB_DIR/variant-$LAB-$2 out
    out=$LAB_DIR/variants-$LAB/$(dpkg-deb --field "$1" Package)_$2.deb
    mkdir -p "$LAB_DIR/variants-$LAB"
    dpkg-deb -R "$1" "$tree"
    sed -i "s/^Version: .*/Version: $2/" "$tree/DEBIAN/control"
    [ $# -lt 3 ] || "$3" "$tree"
    dpkg-deb -Znone --root-owner-group -b "$tree" "$out" >/dev/null
    rm -r "$tree"
    echo "$out"
}

# Our package is in place and its tools are what the two paths hold.
require_ours() {
    inside dpkg -s rcpolicy >/dev/null 2>&1 || install_debs "$RCPOLICY_DEB" >/dev/null
    local path
    for path in /usr/sbin/invoke-rc.d /usr/bin/deb-systemd-invoke; do
        same "what $path leads to" "/usr/libexec/rcpolicy/${path##*/}" "$(leads_to "$path")"
    done
}

# The tool that a stock path leads to: the interpreter of our script, or the file itself.
leads_to() { # PATH
    local first
    first=$(inside sh -c 'head -n 1 "$1" | tr -d "\0"' first "$1")
    case $first in
    '#!/usr/libexec/rcpolicy/'*' --called-as') first=${first#'#!'} && echo "${first% --called-as}" ;;
    *) inside readlink -f "$1" ;;
    esac
}

require_stock() {
    ! inside dpkg -s rcpolicy >/dev/null 2>&1 || inside dpkg --purge rcpolicy >/dev/null
}
