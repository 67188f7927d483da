#!/bin/bash
# What a flush does with many debts: one that fails keeps none of the others, and stays owed with its reason; a start
# limit is not run into; what has happened is not done again; definitions are read again once; on sysvinit the scripts
# are run in the order of their links.
. "$(dirname "$0")/../scenario.sh"

require_ours
inside sh -c 'cat >/etc/rcpolicy/policy.d/10-flush.toml && rcpolicy check' <<'END'
[[rule]]
service = ["lab-f*"]
action  = ["restart"]
decide  = "defer"
until   = "flush"
END
trap 'inside rm -f /etc/rcpolicy/policy.d/10-flush.toml' EXIT

owe() { # NAME...
    local name
    for name in "$@"; do inside invoke-rc.d "$name" restart 2>/dev/null; done
}
flush() { # the exit status; what it said is in $said
    status=0
    said=$(inside rcpolicy flush 2>&1) || status=$?
}
says() { # LINE
    grep -qF "$1" <<<"$said" || same "what the flush says" "$1" "$said"
}
nothing_owed() { same "$1: what is owed" "nothing is owed" "$(inside rcpolicy pending)"; }

on_sysv() {
    inside sh -c 'cat >/etc/init.d/lab-fa && chmod 755 /etc/init.d/lab-fa
        cp /etc/init.d/lab-fa /etc/init.d/lab-fb; cp /etc/init.d/lab-fa /etc/init.d/lab-fc
        level=$(runlevel | cut -d" " -f2)
        ln -sf ../init.d/lab-fc "/etc/rc$level.d/S01lab-fc"
        ln -sf ../init.d/lab-fa "/etc/rc$level.d/S05lab-fa"
        ln -sf ../init.d/lab-fb "/etc/rc$level.d/S09lab-fb"' <<'END'
#!/bin/sh
echo "${0##*/} $1" >>/var/log/lab-flush
[ ! -e "/var/lib/broken-${0##*/}" ]
END
    owe lab-fa lab-fb lab-fc
    inside touch /var/lib/broken-lab-fa
    flush
    same "exit status with one that fails" 1 "$status"
    says "lab-fa: still owed: restart ended with status 1"
    same "the order of the scripts" "lab-fc restart lab-fa restart lab-fb restart" \
        "$(inside cat /var/log/lab-flush | tr '\n' ' ' | sed 's/ $//')"
    holds "scripts are run in the order of their start links, and one that fails keeps none of the others"
    flush
    says "(failed 2 times)"
    inside rm /var/lib/broken-lab-fa
    flush
    same "exit status in the end" 0 "$status"
    nothing_owed "in the end"
    holds "what failed stays owed with its reason, and is done by a later flush"
}

if [ "$INIT" != systemd ]; then
    on_sysv
    exit 0
fi

inside sh -c 'mkdir -p /etc/systemd/system-generators
    printf "#!/bin/sh\necho x >>/run/lab-reloads\n" >/etc/systemd/system-generators/lab-count
    chmod 755 /etc/systemd/system-generators/lab-count
    for n in 1 2 3 4 5; do
        printf "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n" >"/etc/systemd/system/lab-f$n.service"
    done
    printf "[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=3\n" >>/etc/systemd/system/lab-f2.service
    printf "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sleep 4\n[Install]\nWantedBy=multi-user.target\n" >/etc/systemd/system/lab-f5.service
    systemctl daemon-reload
    systemctl enable --quiet --now lab-f1 lab-f2 lab-f3 lab-f4 lab-f5'
invocation() { inside systemctl show -P InvocationID "$1"; }
reloads() { inside sh -c 'cat /run/lab-reloads 2>/dev/null; rm -f /run/lab-reloads' | wc -l; }

# --- one fails, the others do not
inside sh -c 'sed -i "s|^ExecStart=.*|ExecStart=/bin/false\nType=oneshot|" /etc/systemd/system/lab-f3.service'
owe lab-f1 lab-f3 lab-f4
reloads >/dev/null
first=$(invocation lab-f1) other=$(invocation lab-f4)
flush
same "exit status with one that fails" 1 "$status"
says "lab-f1: restart of lab-f1.service done"
says "lab-f3: still owed: restart"
[ "$(invocation lab-f1)" != "$first" ] && [ "$(invocation lab-f4)" != "$other" ]
inside rcpolicy pending | grep -q '^lab-f3 .*1 of 3 failed' || same "pending" "the failure" "$(inside rcpolicy pending)"
holds "one that fails keeps none of the others from being restarted, and pending says why it is still owed"
same "how often definitions were read again" 1 "$(reloads)"
flush
same "reloads where nothing changed" 0 "$(reloads)"
holds "the definitions are read again once, and only where one has changed"
inside sh -c 'printf "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n" >/etc/systemd/system/lab-f3.service'
flush
same "exit status once it can be started" 0 "$status"
same "lab-f3" active "$(inside systemctl is-active lab-f3)"
nothing_owed "after the repair"
holds "a later flush starts what an earlier try left down"

# --- a start limit that is hit
owe lab-f2
inside sh -c 'for n in 1 2 3; do systemctl restart lab-f2 2>/dev/null; done; systemctl stop lab-f2; systemctl start lab-f2 2>/dev/null' || true
same "lab-f2" start-limit-hit "$(inside systemctl show -P Result lab-f2)"
owe lab-f1
# As if it had been asked for right after the boot.
inside sh -c 'at=$(systemctl show -P UserspaceTimestampMonotonic) && sed -i "s/\"at\":[0-9]*/\"at\":$((at + 1))/" /run/rcpolicy/ledger/lab-f2.json'
flush
same "exit status with a start limit" 1 "$status"
says "lab-f2: still owed: "
says "start-limit-hit"
same "lab-f2 after the flush" start-limit-hit "$(inside systemctl show -P Result lab-f2)"
inside systemctl reset-failed lab-f2
flush
same "exit status after reset-failed" 0 "$status"
same "lab-f2" active "$(inside systemctl is-active lab-f2)"
nothing_owed "after the start limit"
holds "a start limit that is hit is told and left to the admin"

# --- what has meanwhile happened
owe lab-f1 lab-f4
inside systemctl restart lab-f1
first=$(invocation lab-f1) other=$(invocation lab-f4)
flush
says "lab-f1: was started since its restart was asked for"
same "lab-f1's run" "$first" "$(invocation lab-f1)"
[ "$(invocation lab-f4)" != "$other" ]
nothing_owed "after one that has happened"
holds "a restart that has meanwhile happened is struck, not done"

# --- one that takes long
owe lab-f5 lab-f1
first=$(invocation lab-f1)
inside sh -c 'rcpolicy flush >/run/lab-flush 2>&1; echo $? >>/run/lab-flush' &
lab_wait_for 3 inside sh -c '! test -e /run/rcpolicy/ledger/lab-f1.json'
inside test -e /run/rcpolicy/ledger/lab-f5.json
[ "$(invocation lab-f1)" != "$first" ]
wait $!
same "the last line of the flush" 0 "$(inside tail -n 1 /run/lab-flush)"
nothing_owed "after one that takes long"
holds "one that takes long keeps no other from being struck"

inside sh -c 'systemctl disable --quiet --now lab-f1 lab-f2 lab-f3 lab-f4 lab-f5; rm -f /etc/systemd/system/lab-f*.service /etc/systemd/system-generators/lab-count; systemctl daemon-reload'
