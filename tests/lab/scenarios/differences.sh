#!/bin/bash
# Where ours differs on purpose: each difference is tried with the stock tool, with ours, and with ours under
# `[compat] strict = true`, which has to give stock's result back.
. "$(dirname "$0")/../scenario.sh"
. "$LAB_SOURCE/hostile-units.sh"

require_ours
units_make

# Each prints what came of it, with the tools at $deb and $invoke.
stop_and_its_triggers() {
    call "$deb" stop hx.service
    echo "status $status, socket $(inside systemctl is-active hx.socket || true)"
}
one_answer_a_unit() {
    helper 'case $1 in hx*) exit 101 ;; esac; exit 0'
    local hx hy
    hx=$(life hx.service) hy=$(life hy.service)
    call "$deb" restart hx.service hy.service
    [ "$hx" = "$(life hx.service)" ] && hx=left || hx=restarted
    [ "$hy" = "$(life hy.service)" ] && hy=left || hy=restarted
    echo "status $status, hx $hx, hy $hy"
}
fallback_in_both() {
    helper '[ "$2" = stop ] && exit 0; echo stop; exit 106'
    call "$deb" restart hy.service
    echo "status $status, hy $(inside systemctl is-active hy.service || true)"
}
stop_of_what_is_not_there() {
    call "$deb" stop nosuch.service
    local first=$status
    call "$invoke" nosuch stop
    echo "deb-systemd-invoke $first, invoke-rc.d $status"
}
errors_name_the_unit() {
    call "$deb" restart hfail.service
    [ "$status" != 0 ] || echo "no failure"
    [[ $said == *'restart of hfail.service failed: '*'exit'* ]] && echo "unit and reason" ||
        echo "$(grep -c 'Could not execute systemctl' <<<"$said") line without"
}

differs() { # FUNCTION STOCK OURS WHAT
    local deb invoke strict='[compat]\nstrict = true\n'
    units_fresh
    same "$1 with the stock tools" "$2" "$(deb=$OURS_DEB.distrib invoke=$OURS_INVOKE.distrib && "$1")"
    deb=$OURS_DEB invoke=$OURS_INVOKE
    units_fresh
    same "$1 with ours" "$3" "$("$1")"
    units_fresh
    policy "$strict"
    same "$1 with ours, strict" "$2" "$("$1")"
    holds "$4"
}

differs stop_and_its_triggers "status 0, socket active" "status 0, socket inactive" "stop also stops the triggers"
differs one_answer_a_unit "status 0, hx left, hy left" "status 0, hx left, hy restarted" "one answer of policy-rc.d a unit"
differs fallback_in_both "status 0, hy active" "status 0, hy inactive" "106 is honoured by deb-systemd-invoke"
differs stop_of_what_is_not_there "deb-systemd-invoke 5, invoke-rc.d 5" "deb-systemd-invoke 0, invoke-rc.d 0" \
    "stop of what is not loaded succeeds"
differs errors_name_the_unit "1 line without" "unit and reason" "errors name the unit and the reason"

# What stock has no counterpart for.
units_fresh
call "$OURS_DEB" stop hy.service
call "$OURS_DEB" stop hy.service
same "status of a second stop" 0 "$status"
call "$OURS_DEB" stop hx.service
call "$OURS_DEB" start hx.service
same "the socket after the start" active "$(inside systemctl is-active hx.socket)"
holds "the start brings the triggers back"

units_fresh
inside systemctl stop hx.socket hx.service
policy '[[rule]]\nservice = "hx"\naction = "start"\ndecide = "deny"\nbecause = "not here"\n'
for unit in hx.socket hx.target hx.service; do
    call "$OURS_DEB" start "$unit"
    says "$unit" "not here" 10-test.toml:1
    same "$unit and hx.service" "inactive inactive" "$(inside systemctl is-active "$unit" hx.service | xargs)"
done
holds "a trigger and a target are judged as what they start"

# What the admin stopped before an upgrade: bypassed, so with the stock tools, and with ours.
units_fresh
for tools in stock ours; do
    for version in 1 2; do
        deb=$(package_build plain "$version" "$LAB_DIR/$LAB")
        if [ "$version" = 2 ]; then
            inside systemctl stop lab-plain.service
            sleep 2
            [ "$tools" = ours ] || inside rcpolicy bypass on >/dev/null
        fi
        install_debs "$deb" >/dev/null
    done
    inside rcpolicy bypass off >/dev/null
    case $tools in stock) wanted=active ;; ours) wanted=inactive ;; esac
    same "with $tools, after the upgrade of what was stopped" "$wanted" "$(inside systemctl is-active lab-plain.service || true)"
    inside dpkg --purge lab-plain >/dev/null
done
holds "what the admin stopped before the upgrade is not started by it"

units_remove
