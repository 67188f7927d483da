# Units and questions that the scenarios about differences and bad input share. Source it after scenario.sh.

OURS_DEB=/usr/bin/deb-systemd-invoke
OURS_INVOKE=/usr/sbin/invoke-rc.d

# hx with a socket of its own, hy alone, hfail whose start fails, hx.target that wants hx; all but the target enabled.
units_make() {
    lab_sh "$LAB" <<'END'
cd /etc/systemd/system
unit() { # NAME LINES...
    local file=$1
    shift
    printf '%s\n' '[Unit]' 'StartLimitIntervalSec=0' "$@" '[Install]' 'WantedBy=multi-user.target' >"$file"
}
unit hx.service '[Service]' 'ExecStart=/bin/sleep infinity'
unit hx.socket '[Socket]' 'ListenStream=/run/hx.sock'
unit hx.target 'Wants=hx.service'
unit hy.service '[Service]' 'ExecStart=/bin/sleep infinity' "ExecReload=/bin/sh -c 'echo 1 >>/run/hy.reloads'"
unit hfail.service '[Service]' 'Type=oneshot' 'ExecStart=/bin/false'
systemctl daemon-reload
systemctl enable --quiet hx.service hx.socket hy.service hfail.service
END
}

# hx, its socket and hy run, nothing is owed, no policy but what follows.
units_fresh() {
    lab_sh "$LAB" <<'END'
rm -rf /etc/rcpolicy/policy.d/* /usr/sbin/policy-rc.d /run/rcpolicy/ledger /var/lib/rcpolicy/last-good
systemctl stop hx.target hx.socket hx.service 2>/dev/null
systemctl reset-failed
systemctl start hx.socket hx.service hy.service
END
}

units_remove() {
    lab_sh "$LAB" <<'END'
rm -rf /etc/rcpolicy/policy.d/* /usr/sbin/policy-rc.d /run/rcpolicy/ledger /var/lib/rcpolicy/last-good
systemctl stop hx.target hx.socket hx.service hy.service
systemctl disable --quiet hx.service hx.socket hy.service hfail.service
rm /etc/systemd/system/h[xyf]*
systemctl daemon-reload
systemctl reset-failed
END
}

policy() { # TEXT
    inside sh -c 'printf "%b" "$1" >/etc/rcpolicy/policy.d/10-test.toml' sh "$1"
}

helper() { # SHELL LINES
    inside sh -c 'printf "#!/bin/sh\n%s\n" "$1" >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d' sh "$1"
}

# Calls a tool inside, for at most 30 s: its output is in $said, its status in $status.
call() { # COMMAND...
    status=0
    said=$(inside timeout 30 "$@" 2>&1 </dev/null) || status=$?
}

says() { # WORDS...
    local word
    for word; do
        [[ $said == *"$word"* ]] || same "what was said" "... $word ..." "$said"
    done
}

# What tells one run of a unit from the next; nothing where it does not run.
life() { # UNIT
    inside sh -c 'systemctl is-active --quiet "$1" && systemctl show --property=InvocationID --value "$1" || true' sh "$1"
}
