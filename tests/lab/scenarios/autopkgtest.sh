#!/bin/bash
# The package's own tests, debian/tests, as the archive runs them: by autopkgtest, with our package installed by apt.
# usage: autopkgtest.sh LAB [renew]
#   renew  boots the lab as it was in the beginning, and ends: autopkgtest wants that between tests
. "$(dirname "$0")/../scenario.sh"
# shellcheck source=../roots.sh
. "$LAB_SOURCE/roots.sh"

# What autopkgtest needs inside to make an archive of our package. There is no network, and nothing else to come from it.
prepare() {
    local from
    from=$(roots_fetch "$SUITE" "$INIT" apt-utils)
    install_debs "$from"/*.deb >/dev/null
    inside sh -c 'rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*'
}

if [ "${2:-}" = renew ]; then
    lab_renew "$LAB"
    prepare
    exit 0
fi

require_stock
prepare
# What autopkgtest wants of a source package; by debian/files it sees that the binary ones are built.
source=$LAB_DIR/source-$LAB
mkdir -p "$source"
tar -C "$LAB_SOURCE/../.." -cf - debian | tar -C "$source" -xf -
touch "$source/debian/files"
status=0
autopkgtest --no-built-binaries --output-dir "$LAB_DIR/autopkgtest-$LAB" --timeout-test 300 "$RCPOLICY_DEB" "$source/" -- \
    "$LAB_SOURCE/autopkgtest-virt-lab" "$LAB_DIR/$LAB/pid" bash "$0" "$LAB" renew >"$LAB_DIR/autopkgtest-$LAB.log" 2>&1 || status=$?
summary=$(cat "$LAB_DIR/autopkgtest-$LAB/summary" 2>/dev/null) || true
# Without systemd one of the tests says that it is left out, and then the status is 2.
case "$INIT $status" in
'systemd 0' | 'sysvinit 2') ;;
*) cat "$LAB_DIR/autopkgtest-$LAB.log" && same "status of autopkgtest ($summary)" 0 "$status" ;;
esac
wanted=3
[ "$INIT" = systemd ] || wanted=2
same "tests that passed, of: $summary" "$wanted" "$(grep -c ' PASS' <<<"$summary" || true)"
same "tests that failed" 0 "$(grep -c ' FAIL' <<<"$summary" || true)"
holds "the package's own tests pass under autopkgtest: $(awk '{ print $1 }' <<<"$summary" | paste -sd' ')"
