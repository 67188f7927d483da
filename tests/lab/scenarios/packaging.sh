#!/bin/bash
# Our package through every way dpkg can go, watched: there is a working invoke-rc.d and deb-systemd-invoke at every moment.
. "$(dirname "$0")/../scenario.sh"

invoke=/usr/sbin/invoke-rc.d
dsi=/usr/bin/deb-systemd-invoke
stock_deb=$(inside sh -c 'echo /var/cache/lab/init-system-helpers/*.deb')

sum() { inside sha256sum "$1" | cut -d' ' -f1; }
attributes() { inside stat -L -c '%a %u:%g' "$1"; }

# Runs commands inside while the watcher looks; everything must have been there all the time.
watched() { # WHAT COMMAND...
    local what=$1 report
    shift
    inside rm -f /run/watch.stop
    inside perl /root/lab/watch.pl /run/watch.stop >"$LAB_DIR/watch-$LAB" 2>&1 &
    local watcher=$!
    sleep 0.2
    local status=0
    "$@" >"$LAB_DIR/output-$LAB" 2>&1 || status=$?
    inside touch /run/watch.stop
    wait "$watcher"
    report=$(tail -n 1 "$LAB_DIR/watch-$LAB")
    case $report in
    *' misses=0') ;;
    *) lab_say "$(cat "$LAB_DIR/output-$LAB")" && same "$what" "no misses" "$(cat "$LAB_DIR/watch-$LAB")" ;;
    esac
    [ "$status" = 0 ] || { lab_say "$(cat "$LAB_DIR/output-$LAB")" && same "$what, status" 0 "$status"; }
    holds "$what: never a moment without a working invoke-rc.d ($report)"
}

is_ours() {
    local path
    for path in $invoke $dsi; do
        same "target of $path" "/usr/libexec/rcpolicy/${path##*/}" "$(inside readlink -f "$path")"
        same "who diverts $path" rcpolicy "$(inside dpkg-divert --listpackage "$path")"
        same "attributes of $path.distrib" "755 0:0" "$(attributes "$path.distrib")"
    done
}

is_stock() { # SUM of invoke-rc.d
    local path
    for path in $invoke $dsi; do
        same "type of $path" "regular file" "$(inside stat -c %F "$path")"
        same "attributes of $path" "755 0:0" "$(attributes "$path")"
        same "who diverts $path" "" "$(inside dpkg-divert --listpackage "$path")"
        fails inside test -e "$path.distrib" >/dev/null
        fails inside test -e "$path.rcpolicy-new" >/dev/null
    done
    same "what stock's invoke-rc.d is" "$1" "$(sum $invoke)"
    same "dpkg --verify init-system-helpers" "" "$(inside dpkg --verify init-system-helpers)"
}

failing_postinst() { sed -i '2i exit 1' "$1/DEBIAN/postinst"; }
failing_preinst() { sed -i '2i exit 1' "$1/DEBIAN/preinst"; }
failing_prerm() { sed -i '2i [ "$1" != remove ] || exit 1' "$1/DEBIAN/prerm"; }
# As where a library is missing: the kernel finds no loader for it.
unable_to_run() {
    printf '#!/nonexistent/loader\n' >"$1/usr/libexec/rcpolicy/invoke-rc.d"
    cp "$1/usr/libexec/rcpolicy/invoke-rc.d" "$1/usr/libexec/rcpolicy/deb-systemd-invoke"
}
newer_stock() { echo '# newer' >>"$1/usr/sbin/invoke-rc.d"; rm "$1/DEBIAN/md5sums"; }

require_stock
lab_copy "$LAB" /root/lab "$LAB_SOURCE"/*.pl
stock_sum=$(sum $invoke)

watched "first install" install_debs "$RCPOLICY_DEB"
is_ours
same "the diverted stock tool" "$stock_sum" "$(sum $invoke.distrib)"
holds "after install both paths are ours and the stock tools lie beside them"

watched "reinstall" install_debs "$RCPOLICY_DEB"
is_ours

v2=$(variant "$RCPOLICY_DEB" 0.1.0+2)
watched "upgrade" install_debs "$v2"
is_ours

deb=$(variant "$RCPOLICY_DEB" 0.1.0+3)
lab_copy "$LAB" /root/debs "$deb"
watched "upgrade, unpacked only" inside dpkg --unpack /root/debs/rcpolicy_0.1.0+3.deb
same "state" "install ok unpacked" "$(inside dpkg-query -W -f '${Status}' rcpolicy)"
inside invoke-rc.d --help >/dev/null 2>&1
is_ours
holds "works while unconfigured"
watched "configure" inside dpkg --configure -a
is_ours

deb=$(variant "$RCPOLICY_DEB" 0.1.0+4 failing_postinst)
watched "upgrade whose postinst fails" fails install_debs "$deb"
is_ours
holds "a failed postinst leaves the tools in place"
deb=$(variant "$RCPOLICY_DEB" 0.1.0+5)
watched "upgrade out of a failed one" install_debs "$deb"
is_ours

deb=$(variant "$RCPOLICY_DEB" 0.1.0+6 failing_preinst)
watched "upgrade whose preinst fails" fails install_debs "$deb"
same "version after an aborted upgrade" "0.1.0+5 install ok installed" "$(inside dpkg-query -W -f '${Version} ${Status}' rcpolicy)"
is_ours
holds "an aborted upgrade leaves the old version in place"

inside sh -c "cp $stock_deb /root/ish.deb"
lab_fetch_ish() { inside cat /root/ish.deb >"$LAB_DIR/ish-$LAB.deb"; }
lab_fetch_ish
stock_version=$(dpkg-deb --field "$LAB_DIR/ish-$LAB.deb" Version)
newer=$(variant "$LAB_DIR/ish-$LAB.deb" "$stock_version+lab1" newer_stock)
watched "reinstall of init-system-helpers" inside dpkg -i /root/ish.deb
is_ours
same "the diverted stock tool" "$stock_sum" "$(sum $invoke.distrib)"
watched "upgrade of init-system-helpers" install_debs "$newer"
is_ours
newer_sum=$(sum $invoke.distrib)
same "last line of the newer stock tool" "# newer" "$(inside tail -n 1 $invoke.distrib)"
holds "an upgrade of init-system-helpers goes to the diverted name"

deb=$(variant "$RCPOLICY_DEB" 0.1.0+7 unable_to_run)
# Not watched: between unpack and configure the link leads to the new tool, and that it can run is what Pre-Depends is for.
install_debs "$deb" >/dev/null 2>&1
same "target of $invoke" "$invoke.distrib" "$(inside readlink -f $invoke)"
same "target of $dsi" "$dsi.distrib" "$(inside readlink -f $dsi)"
holds "where our tools cannot run the links go back to stock"
deb=$(variant "$RCPOLICY_DEB" 0.1.0+8)
watched "version that runs again" install_debs "$deb"
is_ours

deb=$(variant "$RCPOLICY_DEB" 0.1.0+9 failing_prerm)
watched "upgrade to one that cannot be removed" install_debs "$deb"
watched "remove that fails" fails inside dpkg --remove rcpolicy
is_ours
holds "a failed removal leaves the tools in place"
deb=$(variant "$RCPOLICY_DEB" 0.1.0+10)
watched "upgrade after it" install_debs "$deb"

watched "remove" inside dpkg --remove rcpolicy
is_stock "$newer_sum"
holds "after removal the newer stock tools are plain files again"
watched "install after removal" install_debs "$RCPOLICY_DEB"
is_ours
inside sh -c 'mkdir -p /var/lib/rcpolicy /var/log/rcpolicy /run/rcpolicy && touch /var/log/rcpolicy/x.jsonl /run/rcpolicy/x'
watched "purge" inside dpkg --purge rcpolicy
is_stock "$newer_sum"
for path in /var/lib/rcpolicy /var/log/rcpolicy /run/rcpolicy /etc/rcpolicy /etc/logrotate.d/rcpolicy /usr/libexec/rcpolicy; do
    fails inside test -e "$path" >/dev/null
done
holds "a purge leaves nothing behind"

deb=$(variant "$RCPOLICY_DEB" 0.1.0+11 failing_preinst)
watched "first install whose preinst fails" fails install_debs "$deb"
is_stock "$newer_sum"
deb=$(variant "$RCPOLICY_DEB" 0.1.0+12 failing_postinst)
watched "first install whose postinst fails" fails install_debs "$deb"
watched "remove of the failed" inside dpkg --purge rcpolicy
is_stock "$newer_sum"
deb=$(variant "$RCPOLICY_DEB" 0.1.0+13 unable_to_run)
watched "first install of one that cannot run here" install_debs "$deb"
same "target of $invoke" "$invoke.distrib" "$(inside readlink -f $invoke)"
watched "remove of it" inside dpkg --purge rcpolicy
is_stock "$newer_sum"
lab_copy "$LAB" /root/debs "$RCPOLICY_DEB"
watched "first install, unpacked only" inside dpkg --unpack "/root/debs/$(basename "$RCPOLICY_DEB")"
same "type of $invoke" "regular file" "$(inside stat -c %F $invoke)"
watched "remove of the unpacked" inside dpkg --purge rcpolicy
is_stock "$newer_sum"
holds "first installs that fail or stop half-way leave stock in place"

inside dpkg-divert --package openrc --no-rename --divert $invoke.openrc --add $invoke >/dev/null
message=$(fails install_debs "$RCPOLICY_DEB")
case $message in
*"$invoke is diverted by openrc already, so rcpolicy cannot be installed"*) ;;
*) same "message" "is diverted by openrc" "$message" ;;
esac
inside dpkg-divert --package openrc --no-rename --remove $invoke >/dev/null
inside dpkg --purge rcpolicy >/dev/null 2>&1 || true
is_stock "$newer_sum"
holds "another package's diversion is found before anything is changed, and named"

inside dpkg -i /root/ish.deb >/dev/null 2>&1
is_stock "$stock_sum"
