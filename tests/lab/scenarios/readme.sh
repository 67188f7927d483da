#!/bin/bash
# The README on a machine that knows nothing of us: the package is installed, used and removed by the README's commands
# alone, all of them, in their order.
. "$(dirname "$0")/../scenario.sh"
# shellcheck source=../roots.sh
. "$LAB_SOURCE/roots.sh"

readme=$LAB_SOURCE/../../README.md
said=$LAB_DIR/said-$LAB

# Its commands are what stands indented, without the remark behind.
commands() { sed -n 's/^    \([^ ].*\)/\1/p' "$readme" | sed 's/  *#.*//'; }

renamed() { sed -i 's/^Package: .*/Package: foo/; s/^Architecture: .*/Architecture: amd64/' "$1/DEBIAN/control"; }

# What the commands are about: the package as its build leaves it, a package of somebody's in three versions, an archive,
# another tool's policy, a service; and the two other programs that are named.
prepare() {
    local made=$LAB_DIR/readme-$LAB version tool
    mkdir -p "$made"
    for version in 1.0-1 1.1-1 2.0-1; do
        mv "$(variant "$(package_build restart "$version" "$made")" "$version" renamed)" "$made/foo_${version}_amd64.deb"
    done
    lab_copy "$LAB" /root "$RCPOLICY_DEB"
    lab_copy "$LAB" /root/rcpolicy "$made"/foo_*.deb
    for tool in needrestart parallel; do
        lab_copy "$LAB" "/root/$tool" "$(roots_fetch "$SUITE" "$INIT" "$tool")"/*.deb
    done
    lab_sh "$LAB" <<'END'
# Some of it is what a root filesystem has in an older version.
dpkg -i --force-depends --force-confold /root/needrestart/*.deb /root/parallel/*.deb </dev/null >/dev/null 2>&1
cd /root/rcpolicy
mkdir old new pool
cp foo_1.0-1_amd64.deb old/
cp foo_1.1-1_amd64.deb new/
cp foo_2.0-1_amd64.deb pool/
mkdir /etc/service-policy.d
echo 'apache2 start deny' >/etc/service-policy.d/lab.pol
printf '[Service]\nExecStart=/usr/bin/sleep 100000\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/mariadb.service
systemctl daemon-reload
systemctl enable --quiet --now mariadb
END
}

# The status that a command has to end with.
wanted() { # COMMAND
    case $1 in
    # Such a policy says of each service that it has no line for what no policy file can say.
    'rcpolicy import '*) echo 1 ;;
    # A logind from 257 on does not come back to its bus, and is left alone unless `--all` is said.
    'rcpolicy restart-bus') [ "$SUITE" = bookworm ] && echo 0 || echo 1 ;;
    *) echo 0 ;;
    esac
}

run() { # COMMAND
    local status=0
    inside bash -o pipefail -c 'cd /root/rcpolicy && eval "$1"' run "$1" >"$said" 2>&1 </dev/null || status=$?
    [ "$status" = "$(wanted "$1")" ] || { lab_say "$(cat "$said")" && same "status of $1" "$(wanted "$1")" "$status"; }
}

require_stock
prepare
ran=0
while read -r -u 3 command; do
    case $command in
    # On the machine that builds: tests/package, tests/simulate.rs and whoever called this.
    'cargo run '* | tests/* | 'apt-get install build-essential '* | dpkg-buildpackage\ *) continue ;;
    'rcpolicy audit --explain ID') command=${command/ID/$(inside rcpolicy audit --list | awk '{ print $1; exit }')} ;;
    'rcpolicy audit --merge '*) inside cp /root/rcpolicy/all.jsonl /root/rcpolicy/more.jsonl ;;
    'journalctl '*) inside invoke-rc.d mariadb restart ;;
    esac
    run "$command"
    ran=$((ran + 1))
    case $command in
    'dpkg -i '*) require_ours ;;
    'cp '*) inside invoke-rc.d mariadb restart ;;
    'rcpolicy log '*) grep -q mariadb "$said" || same "the log of observe mode" "a line about mariadb" "$(cat "$said")" ;;
    'rcpolicy answer-others on') inside /usr/sbin/policy-rc.d mariadb restart ;;
    'journalctl '*) grep -q '"RCPOLICY_ACTION":"restart"\|"RCPOLICY_ACTION" : "restart"' "$said" || same "the journal" "the restart" "$(cat "$said")" ;;
    esac
done 3< <(commands)
[ "$ran" -gt 20 ] || same "commands of the README" "more than 20" "$ran"
# And those in its sentences.
for words in 'bypass on' 'bypass off' 'answer-others off'; do run "rcpolicy $words"; done
same "what is owed" "" "$(inside rcpolicy pending --json | sed -n 's/^ *"service": //p')"
holds "all $ran commands of the README do what it says"

run 'apt-get remove --yes rcpolicy'
fails inside test -e /usr/libexec/rcpolicy >/dev/null
same "diversions that are left" "" "$(inside dpkg-divert --list | grep rcpolicy || true)"
inside invoke-rc.d mariadb restart
inside dpkg --purge rcpolicy >/dev/null 2>&1
same "what is left of it" "" "$(inside sh -c 'find / -xdev -path /proc -prune -o -path /root -prune -o -name "*rcpolicy*" -print')"
holds "removed, the stock tools are back; purged, nothing is left"
