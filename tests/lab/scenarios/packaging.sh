#!/bin/bash
# Our package through every way dpkg can go, watched: there is a working invoke-rc.d and deb-systemd-invoke at every moment.
. "$(dirname "$0")/../scenario.sh"

invoke=/usr/sbin/invoke-rc.d
dsi=/usr/bin/deb-systemd-invoke
stock_deb=$(inside sh -c 'echo /var/cache/lab/init-system-helpers/*.deb')

sum() { inside sha256sum "$1" | cut -d' ' -f1; }
attributes() { inside stat -L -c '%a %u:%g' "$1"; }

# Runs commands inside while the watcher looks, and prints the watcher's last line. Returns the command's status.
watch() { # COMMAND...
    local status=0
    inside rm -f /run/watch.stop
    inside perl /root/lab/watch.pl /run/watch.stop >"$LAB_DIR/watch-$LAB" 2>&1 &
    local watcher=$!
    lab_wait_for 10 grep -q '^watching' "$LAB_DIR/watch-$LAB"
    "$@" >"$LAB_DIR/output-$LAB" 2>&1 || status=$?
    inside touch /run/watch.stop
    wait "$watcher"
    tail -n 1 "$LAB_DIR/watch-$LAB"
    return "$status"
}

# Likewise; everything must have been there all the time.
watched() { # WHAT COMMAND...
    local what=$1 report status=0
    shift
    report=$(watch "$@") || status=$?
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
        same "what $path leads to" "/usr/libexec/rcpolicy/${path##*/}" "$(leads_to "$path")"
        same "who diverts $path" rcpolicy "$(inside dpkg-divert --listpackage "$path")"
        same "attributes of $path.distrib" "755 0:0" "$(attributes "$path.distrib")"
    done
    nothing_kept
}

# The old tools are at work, and those that came with the new version wait for postinst.
is_kept() {
    local path
    for path in $invoke $dsi; do
        same "what $path leads to" "/usr/libexec/rcpolicy/previous/${path##*/}" "$(leads_to "$path")"
        same "who diverts $path" rcpolicy "$(inside dpkg-divert --listpackage "$path")"
    done
}

is_handed_over() {
    local path
    for path in $invoke $dsi; do
        same "target of $path" "$path.distrib" "$(inside readlink -f "$path")"
    done
    nothing_kept
}

nothing_kept() { fails inside test -e /usr/libexec/rcpolicy/previous >/dev/null; }

is_stock() { # SUM of invoke-rc.d
    local path
    for path in $invoke $dsi; do
        same "type of $path" "regular file" "$(inside stat -c %F "$path")"
        same "attributes of $path" "755 0:0" "$(attributes "$path")"
        same "who diverts $path" "" "$(inside dpkg-divert --listpackage "$path")"
        fails inside test -e "$path.distrib" >/dev/null
        fails inside test -e "$path.rcpolicy-new" >/dev/null
    done
    fails inside test -e /usr/libexec/rcpolicy >/dev/null
    same "what stock's invoke-rc.d is" "$1" "$(sum $invoke)"
    same "dpkg --verify init-system-helpers" "" "$(inside dpkg --verify init-system-helpers)"
}

failing_postinst() { sed -i '2i exit 1' "$1/DEBIAN/postinst"; }
failing_preinst() { sed -i '2i exit 1' "$1/DEBIAN/preinst"; }
late_failing_preinst() { echo 'exit 1' >>"$1/DEBIAN/preinst"; }
# dpkg gives up in the middle of unpacking.
overwriting() { mkdir -p "$1/usr/bin" && touch "$1/usr/bin/dpkg"; }
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

install_debs "$RCPOLICY_DEB" >/dev/null 2>&1
inside dpkg --remove rcpolicy >/dev/null
# A link to a program in the script's place, by a rename: whoever was started for the script and opens it now reads the program.
by_a_link() {
    inside sh -c 'for path; do
        ln -sfT /usr/bin/true "$path.lab" && cp -p "$path" "$path.stock" && mv -T "$path.lab" "$path"
        sleep 0.2
        mv -T "$path.stock" "$path"
    done' by-a-link "$invoke" "$dsi"
}
report=$(watch by_a_link)
case $report in
*' misses=0') same "what the watcher sees of a link in the script's place" misses "$report" ;;
esac
is_stock "$stock_sum"
holds "the watcher sees a link to a program that takes a script's place ($report)"

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
is_kept
holds "works while unconfigured, by the tools of the version before"
watched "unpacked once more" inside dpkg --unpack /root/debs/rcpolicy_0.1.0+3.deb
is_kept
watched "configure" inside dpkg --configure -a
is_ours

deb=$(variant "$RCPOLICY_DEB" 0.1.0+4 failing_postinst)
watched "upgrade whose postinst fails" fails install_debs "$deb"
is_kept
watched "configure that fails again" fails inside dpkg --configure -a
is_kept
holds "a failed postinst leaves the tools in place"
deb=$(variant "$RCPOLICY_DEB" 0.1.0+5)
watched "upgrade out of a failed one" install_debs "$deb"
is_ours

deb=$(variant "$RCPOLICY_DEB" 0.1.0+6 failing_preinst)
watched "upgrade whose preinst fails" fails install_debs "$deb"
same "version after an aborted upgrade" "0.1.0+5 install ok installed" "$(inside dpkg-query -W -f '${Version} ${Status}' rcpolicy)"
is_ours
deb=$(variant "$RCPOLICY_DEB" 0.1.0+6 late_failing_preinst)
watched "upgrade whose preinst fails at its end" fails install_debs "$deb"
is_ours
deb=$(variant "$RCPOLICY_DEB" 0.1.0+6 overwriting)
watched "upgrade whose unpacking fails" fails install_debs "$deb"
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
lab_copy "$LAB" /root/debs "$deb"
watched "unpacking of a version that cannot run" inside dpkg --unpack /root/debs/rcpolicy_0.1.0+7.deb
is_kept
watched "configuring it" inside dpkg --configure -a
is_handed_over
holds "where our tools cannot run the links go back to stock, and until then to the old version's"
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

# A tool of ours that has to be asked for what it owes before it goes, and that does not do as it should.
stand_in() { # SCRIPT
    inside sh -c 'rm -f /run/asked; mkdir -p /run/rcpolicy/ledger; echo "{}" >/run/rcpolicy/ledger/lab
        printf "#!/bin/sh\necho \"\$*\" >>/run/asked\n%s\n" "$1" >/usr/sbin/rcpolicy' stand-in "$1"
}
impatient_prerm() { sed -i 's/^\(\tseconds=\).*/\12/' "$1/DEBIAN/prerm"; }
deb=$(variant "$RCPOLICY_DEB" 0.1.0+20 impatient_prerm)
for script in true false '[ "$1" != flush ] || exec sleep 600'; do
    install_debs "$deb" >/dev/null 2>&1
    stand_in "$script"
    watched "remove where flush is '$script'" inside dpkg --remove rcpolicy
    same "what rcpolicy was asked first" flush "$(inside sed -n 1p /run/asked)"
    is_stock "$newer_sum"
    inside rm -r /run/rcpolicy
done
holds "what is owed is flushed before removal, and neither a failure nor a hang of that keeps it from going on"
install_debs "$deb" >/dev/null 2>&1

# What the administrator changed, and what the new version brings for the same files.
conffiles='/etc/apt/apt.conf.d/90rcpolicy /etc/init.d/rcpolicy /etc/logrotate.d/rcpolicy /etc/needrestart/conf.d/50-rcpolicy.conf'
edited() { for path in $conffiles; do echo "$path $(inside sha256sum "$path" | cut -d' ' -f1)"; done; }
newer_conffiles() { for path in $conffiles; do echo '# newer' >>"$1$path"; done; }
same "conffiles" "$(tr ' ' '\n' <<<"$conffiles" | sort)" "$(inside dpkg-query -W -f '${Conffiles}\n' rcpolicy | awk 'NF { print $1 }' | sort)"
for path in $conffiles; do inside sh -c 'echo "# mine" >>"$1"' edit "$path"; done
inside sh -c 'mkdir -p /etc/rcpolicy/policy.d
    sed "s/settle = \"10s\"/settle = \"25s\"/" /usr/lib/rcpolicy/policy.d/90-default.toml >/etc/rcpolicy/policy.d/90-default.toml'
before=$(edited)
deb=$(variant "$RCPOLICY_DEB" 0.1.0+21 newer_conffiles)
lab_copy "$LAB" /root/debs "$deb"
watched "upgrade over edited files" inside dpkg --force-confold --install "/root/debs/$(basename "$deb")"
same "edited files after an upgrade" "$before" "$(edited)"
for path in $conffiles; do same "the new version of $path" "# newer" "$(inside tail -n 1 "$path.dpkg-dist")"; done
inside rcpolicy check >/dev/null
same "the setting of the administrator's" 'settle = "25s"' "$(inside grep -o '^settle = .*' /etc/rcpolicy/policy.d/90-default.toml)"
watched "remove" inside dpkg --remove rcpolicy
is_stock "$newer_sum"
same "edited files after a removal" "$before" "$(edited)"
inside dpkg --purge rcpolicy >/dev/null 2>&1
for path in $conffiles /etc/rcpolicy; do fails inside sh -c 'ls -d "$1"*' left "$path" >/dev/null; done
holds "what the administrator edited stays through upgrades and removals"
install_debs "$RCPOLICY_DEB" >/dev/null 2>&1
inside rcpolicy bypass on >/dev/null
watched "remove while calls are handed over to the stock tools" inside dpkg --remove rcpolicy
is_stock "$newer_sum"
install_debs "$RCPOLICY_DEB" >/dev/null 2>&1
inside rcpolicy bypass off >/dev/null
inside sh -c 'touch /run/reading; (exec 9<"$1"; sleep 1; rm /run/reading) >/dev/null 2>&1 &' reader "$invoke"
inside dpkg --remove rcpolicy >/dev/null
fails inside test -e /run/reading >/dev/null
holds "our tools stay until nobody has the script open that leads to them"

lab_copy "$LAB" /root/debs "$RCPOLICY_DEB"
rounds=$((LAB_ROUNDS / 2))
# Beside what keeps both processors busy.
in_and_out() {
    inside bash -c 'for n in 1 2; do (while [ ! -e /run/watch.stop ]; do :; done) & done
        for ((n = 0; n < $1; n++)); do dpkg --install "$2" && dpkg --remove rcpolicy || exit; done' \
        in-and-out "$rounds" "/root/debs/$(basename "$RCPOLICY_DEB")"
}
watched "$rounds times installed and removed" in_and_out
is_stock "$newer_sum"
holds "after removal the newer stock tools are plain files again"
watched "install after removal" install_debs "$RCPOLICY_DEB"
is_ours
inside sh -c 'mkdir -p /var/lib/rcpolicy /var/log/rcpolicy /run/rcpolicy && touch /var/log/rcpolicy/x.jsonl /run/rcpolicy/x'
watched "purge" inside dpkg --purge rcpolicy
is_stock "$newer_sum"
for path in /var/lib/rcpolicy /var/log/rcpolicy /run/rcpolicy /etc/rcpolicy /etc/logrotate.d/rcpolicy /etc/apt/apt.conf.d/90rcpolicy \
    /usr/libexec/rcpolicy /etc/init.d/rcpolicy /etc/rc2.d/S??rcpolicy; do
    fails inside test -e "$path" >/dev/null
done
holds "a purge leaves nothing behind"

# Where prerm is not run: dpkg runs none for what is unpacked only.
install_debs "$RCPOLICY_DEB" >/dev/null 2>&1
lab_copy "$LAB" /root/debs "$v2" "$RCPOLICY_DEB"
for way in remove purge; do
    inside dpkg --unpack /root/debs/rcpolicy_0.1.0+2.deb
    is_kept
    watched "$way of an upgrade that is only unpacked" inside dpkg "--$way" rcpolicy
    is_stock "$newer_sum"
    install_debs "$RCPOLICY_DEB" >/dev/null 2>&1
    deb=$(variant "$RCPOLICY_DEB" 0.1.0+4 failing_postinst)
    fails install_debs "$deb" >/dev/null
    is_kept
    watched "$way of an upgrade whose postinst failed" inside dpkg "--$way" rcpolicy
    is_stock "$newer_sum"
    install_debs "$RCPOLICY_DEB" >/dev/null 2>&1
done
# Not watched: without prerm nothing runs between dpkg's removal of the files and postrm.
inside sh -c 'rm /var/lib/dpkg/info/rcpolicy.prerm'
inside dpkg --remove rcpolicy >/dev/null
is_stock "$newer_sum"
inside dpkg --purge rcpolicy >/dev/null
holds "postrm gives stock back where prerm was not run"

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

# Other tools are answered by the policy at every moment of an upgrade, and by nobody afterwards.
inside sh -c 'mkdir -p /etc/rcpolicy/policy.d && cat >/etc/rcpolicy/policy.d/10-lab.toml' <<'END'
[[rule]]
service = "lab-denied"
decide = "deny"
because = "the lab denies it"
END
asks_over_and_over() {
    inside sh -c 'while [ ! -e /run/asking.stop ]; do
        for word in denied:101 other:0; do
            /usr/sbin/policy-rc.d --quiet "lab-${word%:*}" start
            status=$?
            echo "$word $status"
        done
    done' >"$LAB_DIR/asked-$LAB" 2>&1
}
# Each answer as it should be, or what came instead.
answered_through() { # WHAT COMMAND...
    local what=$1 status=0
    shift
    inside rm -f /run/asking.stop
    asks_over_and_over &
    lab_wait_for 10 grep -q other "$LAB_DIR/asked-$LAB"
    "$@" >"$LAB_DIR/output-$LAB" 2>&1 || status=$?
    inside touch /run/asking.stop
    wait $!
    same "$what, status" 0 "$status"
    same "answers to others, $what" "" "$(awk '{ split($1, word, ":") } word[2] != $2' "$LAB_DIR/asked-$LAB" | sort | uniq -c)"
    holds "$what: $(wc -l <"$LAB_DIR/asked-$LAB") times others were answered by the policy"
}
install_debs "$RCPOLICY_DEB" >/dev/null 2>&1
inside rcpolicy answer-others on >/dev/null
deb=$(variant "$RCPOLICY_DEB" 0.1.0+2)
answered_through "upgrade" install_debs "$deb"
lab_copy "$LAB" /root/debs "$RCPOLICY_DEB"
answered_through "unpacking" inside dpkg --unpack "/root/debs/$(basename "$RCPOLICY_DEB")"
answered_through "configuring" inside dpkg --configure -a
deb=$(variant "$RCPOLICY_DEB" 0.1.0+4 failing_postinst)
answered_through "upgrade whose postinst fails" fails install_debs "$deb"
answered_through "upgrade out of a failed one" install_debs "$RCPOLICY_DEB"
asked() { inside sh -c '/usr/sbin/policy-rc.d --quiet lab-denied start 2>/dev/null; echo $?'; }
unable_to_answer() {
    unable_to_run "$1"
    cp "$1/usr/libexec/rcpolicy/invoke-rc.d" "$1/usr/libexec/rcpolicy/policy-rc-d"
}
deb=$(variant "$RCPOLICY_DEB" 0.1.0+7 unable_to_answer)
install_debs "$deb" >/dev/null 2>&1
is_handed_over
same "what a version that cannot run answers" 0 "$(asked)"
install_debs "$RCPOLICY_DEB" >/dev/null 2>&1
same "what one that runs again answers" 101 "$(asked)"
for way in remove purge; do
    inside rcpolicy answer-others on >/dev/null
    inside dpkg "--$way" rcpolicy >/dev/null
    is_stock "$newer_sum"
    same "what the $way left at policy-rc.d's path" "" "$(inside sh -c 'ls -A /usr/sbin | grep policy-rc.d || true')"
    install_debs "$RCPOLICY_DEB" >/dev/null 2>&1
done
holds "answers to others go with the package, and where its tools cannot run"
inside sh -c 'printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d'
inside dpkg --purge rcpolicy >/dev/null
same "what somebody else put there, after a purge" "exit 101" "$(inside tail -n 1 /usr/sbin/policy-rc.d)"
inside rm /usr/sbin/policy-rc.d

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
