#!/bin/bash
# Packages bring stock definitions of services, and the live ones follow at the end of dpkg's run: upgrade, what the admin
# changed, stopped or denied, one that does not come up, and a removal.
. "$(dirname "$0")/../scenario.sh"

require_ours
debs=$LAB_DIR/definitions-$LAB
mkdir -p "$debs"
NAME=lab-defined
case $INIT in
runit) STOCK=/usr/share/runit/sv/$NAME LIVE=/etc/sv/$NAME SCAN=/etc/service ;;
s6) STOCK=/usr/share/s6/sv/$NAME LIVE=/etc/s6/sv/$NAME SCAN=/run/service ;;
esac

# A package that only ships a stock definition, and has nothing restarted: what runs it is the admin's doing.
deb() { # VERSION [RUN [FINISH]]
    local tree=$debs/tree-$1 run=${2:-exec sleep 100000}
    mkdir -p "$tree/DEBIAN" "$tree$STOCK"
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: Nobody <nobody@localhost>\nDescription: a definition\n' \
        "$NAME" "$1" >"$tree/DEBIAN/control"
    printf '#!/bin/sh\necho "run %s" >>/var/log/%s\n%s\n' "$1" "$NAME" "$run" >"$tree$STOCK/run"
    printf '#!/bin/sh\necho "finish %s" >>/var/log/%s\n%s\n' "$1" "$NAME" "${3:-}" >"$tree$STOCK/finish"
    echo "$1" >"$tree$STOCK/only-$1"
    chmod 755 "$tree$STOCK/run" "$tree$STOCK/finish"
    dpkg-deb -Znone --root-owner-group --build "$tree" "$debs/${NAME}_$1.deb" >/dev/null
    rm -r "$tree"
    echo "$debs/${NAME}_$1.deb"
}

unpack() { # VERSION [RUN [FINISH]]
    local file
    file=$(deb "$@")
    lab_copy "$LAB" /root/debs "$file"
    inside dpkg -i "/root/debs/${file##*/}" </dev/null
}
# Also waits for who waits for the end of dpkg's runs.
upgrade() { # VERSION [RUN [FINISH]]
    unpack "$@"
    lab_wait_for 90 inside sh -c '! pgrep -x rcpolicy >/dev/null'
}

version() { inside sh -c 'cd "$1" && cat only-*' version "$LIVE"; }
is_up() {
    case $INIT in
    runit) inside sv status "$LIVE" | grep -q '^run:' ;;
    s6) inside s6-svstat -u "$LIVE" | grep -qx true ;;
    esac
}
last() { inside tail -n 1 "/var/log/$NAME"; }
# What runs has been started by this version, and runs.
runs() { is_up && [ "$(last)" = "run $1" ]; }
rule() {
    inside sh -c 'mkdir -p /etc/rcpolicy/policy.d
        printf "[[rule]]\nservice = \"%s\"\naction = \"restart\"\n%s\n" "$1" "$2" >/etc/rcpolicy/policy.d/10-defined.toml' rule "$NAME" "$1"
}

inside sh -c 'mkdir -p /etc/rcpolicy/policy.d && cat >/etc/rcpolicy/policy.d/20-lab.toml' <<END
[flush]
settle = "1s"
tries = 1
END
# Others have stock definitions too: where there is no directory of them at all nothing is done.
inside mkdir -p "$(dirname "$STOCK")/another"
upgrade 1
inside sh -c 'mkdir -p "$(dirname "$2")" && cp -a "$1" "$2" && ln -s "$2" "$3/"' live "$STOCK" "$LIVE" "$SCAN"
[ "$INIT" = runit ] || inside s6-svscanctl -a "$SCAN"
lab_wait_for 20 runs 1
inside rcpolicy flush </dev/null
directory=$(inside stat -c %d:%i "$LIVE")

upgrade 2
same "the live version" 2 "$(version)"
lab_wait_for 10 runs 2
same "the directory" "$directory" "$(inside stat -c %d:%i "$LIVE")"
same "starts and ends" "run 1 finish 1 run 2" "$(inside cat "/var/log/$NAME" | xargs)"
inside rcpolicy pending | grep -qx 'nothing is owed'
holds "a live definition follows its stock one when dpkg is done, in its own directory, and its service runs by it"

inside sh -c 'echo "# mine" >>"$1/finish"' edit "$LIVE"
upgrade 3
same "the live version" 3 "$(version)"
inside grep -q '^# mine' "$LIVE/finish"
inside grep -q '"finish 2"' "$LIVE/finish"
inside rcpolicy pending 2>&1 | grep -q "$NAME: changed here, and kept: finish"
inside cp -a "$STOCK/finish" "$LIVE/finish"
holds "what the admin changed is kept and shown, and the rest is brought up to date"

rule 'decide = "deny"'
upgrade 4
same "the live version" 3 "$(version)"
runs 3
inside rcpolicy pending 2>&1 | grep -q "$NAME: its stock definition is newer"
inside rm /etc/rcpolicy/policy.d/10-defined.toml
inside rcpolicy flush </dev/null
same "the live version" 4 "$(version)"
lab_wait_for 10 runs 4
holds "who may not be restarted keeps the old definition, until a flush may"

upgrade 5 'exit 1'
same "the live version" 4 "$(version)"
lab_wait_for 20 runs 4
inside rcpolicy pending 2>&1 | grep -q "$NAME: its new definition was rolled back"
holds "one that does not come up is rolled back, runs on, and is shown"

case $INIT in
runit) inside sv down "$LIVE" ;;
s6) inside s6-svc -wD -d "$LIVE" ;;
esac
before=$(inside grep -c '^run' "/var/log/$NAME")
upgrade 6
same "the live version" 6 "$(version)"
same "starts" "$before" "$(inside grep -c '^run' "/var/log/$NAME")"
holds "what the admin has down is brought up to date and not started"

# Cut off while the service goes down, which takes a while, and then a boot while no window is open: what was cut off does not
# wait for one, and nothing else is begun.
case $INIT in
runit) inside sv up "$LIVE" ;;
s6) inside s6-svc -u "$LIVE" ;;
esac
upgrade 7 '' 'sleep 5'
lab_wait_for 20 runs 7
is_under_way() { inside sh -c 'grep -qs "\"update\":" /var/lib/rcpolicy/definitions/*/"$1".json' update "$NAME"; }
unpack 8
lab_wait_for 60 is_under_way
inside pkill -KILL -x rcpolicy
is_under_way
hour=$(inside date +%-H)
inside sh -c 'printf "[flush]\nsettle = \"1s\"\nwindow = \"daily %02d:00-%02d:00\"\n" "$1" "$2" >/etc/rcpolicy/policy.d/10-window.toml && rcpolicy check' \
    window $(((hour + 12) % 24)) $(((hour + 13) % 24))
inside rcpolicy flush --boot </dev/null
fails is_under_way
whole=$(version)
[ "$whole" = 7 ] || [ "$whole" = 8 ] || same "the live version" "7 or 8" "$whole"
lab_wait_for 20 runs "$whole" || same "what runs" "run $whole" "$(last)"
unpack 9
inside rcpolicy flush --boot </dev/null
same "the live version before the window opens" "$whole" "$(version)"
runs "$whole"
inside rm /etc/rcpolicy/policy.d/10-window.toml
inside rcpolicy flush </dev/null
same "the live version" 9 "$(version)"
lab_wait_for 20 runs 9
lab_wait_for 60 inside sh -c '! pgrep -x rcpolicy >/dev/null'
holds "what was cut off is whole and up after a boot outside of the window, and nothing else was begun"

case $INIT in
runit) inside sv down "$LIVE" ;;
s6) inside s6-svc -wD -d "$LIVE" ;;
esac
inside dpkg --remove "$NAME" </dev/null
inside test -e "$LIVE/run"
inside rm "$SCAN/$NAME"
case $INIT in
runit) lab_wait_for 20 inside sh -c '! sv status "$1" 2>&1 | grep -q "^down"' gone "$LIVE" ;;
s6) inside s6-svscanctl -an "$SCAN" && lab_wait_for 20 inside sh -c '! s6-svok "$1"' gone "$LIVE" ;;
esac
inside rcpolicy flush </dev/null
fails inside test -e "$LIVE"
holds "a live definition goes after its package once nothing supervises it"
