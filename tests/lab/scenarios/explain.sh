#!/bin/bash
# `rcpolicy explain --ask` puts those questions to policy-rc.d that the tool puts which it explains: all of them, in
# their order and their words. It changes nothing itself, so each case is explained first and carried out then.
. "$(dirname "$0")/../scenario.sh"
. "$LAB_SOURCE/hostile-units.sh"

require_ours
units_make
count=0

# policy-rc.d notes down what it is asked.
noting() { helper "echo \"\$*\" >>/run/asked; $1"; }

asked() { inside sh -c 'touch /run/asked; paste -sd, /run/asked; rm /run/asked'; }

state() {
    for unit in hx.service hx.socket hy.service; do
        inside systemctl show --property=Id,ActiveState,InvocationID "$unit"
    done
    inside sh -c 'cat /run/rcpolicy/ledger/* 2>/dev/null || true; wc -c /var/log/rcpolicy/* 2>/dev/null || true'
}

asks() { # WANTED EXPLAIN-ARGUMENTS TOOL...
    local wanted=$1 words before ours theirs
    read -ra words <<<"$2"
    shift 2
    inside rm -f /run/asked
    before=$(state)
    call /usr/sbin/rcpolicy explain --ask "${words[@]}"
    same "status of explain ${words[*]}: $said" 0 "$status"
    ours=$(asked)
    same "what explain ${words[*]} leaves" "$before" "$(state)"
    local question
    while read -r question; do
        says "policy-rc.d $question: exit status "
    done < <(tr , "\n" <<<"$ours" | grep . || true)
    call "$@"
    theirs=$(asked)
    same "questions of $*" "$wanted" "$theirs"
    same "questions of explain ${words[*]}" "$theirs" "$ours"
    count=$((count + 1))
}

upgrade=(env DPKG_MAINTSCRIPT_PACKAGE=hx DPKG_MAINTSCRIPT_NAME=postinst)
as="--as hx:postinst:upgrade"
fallback='[[rule]]\nservice = "hy"\naction = "restart"\ndecide = { fallback = ["stop", "start"] }\n'

# --- what is named alone
units_fresh
noting "exit 0"
for action in restart try-restart reload status; do
    asks "hy $action 5" "hy $action" "$OURS_INVOKE" hy "$action"
done
asks "hy.service restart" "hy.service restart" "$OURS_DEB" restart hy.service
asks "hy restart" "--front deb-systemd-invoke hy restart" "$OURS_DEB" restart hy
asks "hy.service restart" "$as hy.service restart" "${upgrade[@]}" "$OURS_DEB" restart hy.service
asks "nosuch stop 5" "nosuch stop" "$OURS_INVOKE" nosuch stop
holds "$count calls about one unit alone are explained with their own question"

# --- what a trigger or a target would start
units_fresh
noting "exit 0"
asks "hx.socket restart,hx.service restart" "hx.socket restart" "$OURS_DEB" restart hx.socket
asks "hx stop 5" "hx stop" "$OURS_INVOKE" hx stop
asks "hx.socket start,hx.service start" "hx.socket start" "$OURS_DEB" start hx.socket
units_fresh
inside systemctl stop hx.socket hx.service
noting 'case $1 in hx.service) exit 101 ;; esac'
asks "hx.target start,hx.service start" "hx.target start" "$OURS_DEB" start hx.target
asks "hx.service restart" "hx.service restart" "$OURS_DEB" restart hx.service
holds "what a trigger or a target would start is asked about by both"

# --- what a start brings back, and the restart that it may be
for how in "" "${upgrade[*]}"; do
    read -ra env <<<"$how"
    [ -n "$how" ] && said_by=$as || said_by=""
    units_fresh
    noting "exit 0"
    call "${env[@]}" "$OURS_INVOKE" hx stop
    inside rm /run/asked
    asks "hx start 5,hx.socket start 5" "$said_by hx start" "${env[@]}" "$OURS_INVOKE" hx start
    units_fresh
    call "${env[@]}" "$OURS_DEB" stop hx.service
    noting 'case $1 in hx.socket) exit 101 ;; esac'
    asks "hx.service start,hx.socket start" "$said_by hx.service start" "${env[@]}" "$OURS_DEB" start hx.service
    units_fresh
    call "${env[@]}" "$OURS_DEB" --quiesce stop hx.service
    inside systemctl start hx.service
    noting "exit 0"
    asks "hx.service start,hx.service restart" "$said_by hx.service start" "${env[@]}" "$OURS_DEB" start hx.service
done
holds "what a start brings back, and the restart that it turns into, is asked about by both"

# --- links and unit state
units_fresh
inside systemctl stop hy.service
inside systemctl disable --quiet hy.service
noting "exit 101"
asks "hy (start) 5" "hy start" "$OURS_INVOKE" hy start
policy '[[rule]]\nservice = "hy"\ndecide = "allow"\n'
asks "hy start 5" "hy start" "$OURS_INVOKE" hy start
inside systemctl enable --quiet hy.service
holds "what may not be started is asked about in parentheses by both, unless the admin allows it"

# --- other actions in the place of the one asked for
for way in "exit 0" 'case $2 in stop) exit 101 ;; esac' "exit 101"; do
    stop=",hy stop 5" unit=",hy.service stop"
    [ "$way" != "exit 101" ] || stop="" unit=""
    units_fresh
    policy "$fallback"
    noting "$way"
    asks "hy restart 5$stop" "hy restart" "$OURS_INVOKE" hy restart
    units_fresh
    policy "$fallback"
    noting "$way"
    asks "hy.service restart$unit" "hy.service restart" "$OURS_DEB" restart hy.service
done
units_fresh
noting '[ "$2" = restart ] || exit 0; echo stop start; exit 106'
asks "hy restart 5" "hy restart" "$OURS_INVOKE" hy restart
asks "hy restart 5" "--flag force hy restart" "$OURS_INVOKE" --force hy restart
asks "hy.service restart" "hy.service restart" "$OURS_DEB" restart hy.service
holds "a list of actions is asked about as far as both come with it"

# --- like the stock tools
units_fresh
policy '[compat]\nstrict = true\n'
noting "exit 0"
asks "hx.socket restart" "hx.socket restart" "$OURS_DEB" restart hx.socket
asks "hx restart 5" "hx restart" "$OURS_INVOKE" hx restart
noting "exit 101"
asks "hy.service restart" "hy.service restart" "$OURS_DEB" restart hy.service
holds "$count calls in all are explained with the questions that the tool asks"

inside rm -f /run/asked
units_remove
