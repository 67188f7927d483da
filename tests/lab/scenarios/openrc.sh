#!/bin/bash
# The OpenRC backend's own tests, built by cargo and run inside (LAB_PROGRAMS, from tests/lab/run, has them as
# in_openrc=PATH), and what invoke-rc.d makes of upgrades whose services others start and stop, or that fail to start.
. "$(dirname "$0")/../scenario.sh"

program=
for named in ${LAB_PROGRAMS:-}; do
    [[ "$named" != in_openrc=* ]] || program=${named#*=}
done
[ -n "$program" ] || same "a test program to run inside" "in_openrc" "none"
lab_copy "$LAB" /root/programs "$program"
inside timeout 600 "/root/programs/$(basename "$program")" --test-threads=1 >"$LAB_DIR/$LAB/in_openrc.out" 2>&1 </dev/null || {
    cat "$LAB_DIR/$LAB/in_openrc.out" >&2
    same "in_openrc inside" "success" "failure"
}
holds "in_openrc inside: $(grep '^test result' "$LAB_DIR/$LAB/in_openrc.out")"

# lab-base, which does not start while /run/lab-base.fail is there, and lab-above, which needs it.
require_ours
inside sh -c 'cat >/root/make' <<'END'
for name in lab-base lab-above; do
    cp /bin/sleep "/usr/local/bin/$name"
    cat >"/etc/init.d/$name" <<SCRIPT
#!/sbin/openrc-run
command=/usr/local/bin/$name
command_args=infinity
command_background=true
pidfile=/run/$name.pid
SCRIPT
    chmod 755 "/etc/init.d/$name"
    update-rc.d "$name" defaults >/dev/null
done
printf 'start_pre() {\n\t[ ! -e /run/lab-base.fail ]\n}\n' >>/etc/init.d/lab-base
printf 'depend() {\n\tneed lab-base\n}\n' >>/etc/init.d/lab-above
cp /bin/sh /root/dpkg
rc-update --update
END
inside bash -eu /root/make </dev/null

up() { inside pgrep -x "$1" >/dev/null; }
both_up() { up lab-base && up lab-above; }
owed() { ! inside rcpolicy pending | grep -qx "nothing is owed"; }

# Lines of a maintainer script, in an upgrade that begins now: the shell that runs them is called dpkg.
upgrade() { # LINES
    inside /root/dpkg -c "touch /var/lib/dpkg/info/lab.list
        export DPKG_MAINTSCRIPT_PACKAGE=lab DPKG_MAINTSCRIPT_NAME=postinst
        $1
        exit" </dev/null >/dev/null 2>&1
}

inside rc-service lab-base start
lab_wait_for 10 up lab-base || same lab-base up down
inside rc-service lab-base stop
fails inside invoke-rc.d lab-base status >/dev/null
# Whoever stopped it before the upgrade began did so before its first second.
sleep 1.1
upgrade "invoke-rc.d lab-base start"
! up lab-base || same "what the admin stopped before the upgrade" down up
inside rc-service lab-base start
lab_wait_for 10 up lab-base || same lab-base up down
upgrade "rc-service lab-base stop; invoke-rc.d lab-base start"
lab_wait_for 10 up lab-base || same "what the admin started and the upgrade stopped without us" up down
holds "what ran when an upgrade began runs at its end, also where its prerm stops it by rc-service"

inside rc-service lab-above start
lab_wait_for 10 both_up || same "both" up down
inside touch /run/lab-base.fail
status=0
upgrade "invoke-rc.d lab-base restart" || status=$?
same "a restart that fails: its status" 1 "$status"
! up lab-base && ! up lab-above || same "both after a restart that failed" down up
owed || same "what is owed after a restart that failed" something nothing
inside rm /run/lab-base.fail
sleep 1.1
upgrade "invoke-rc.d lab-base restart"
lab_wait_for 10 both_up || same "both after the next restart" up down
! owed || same "what is owed after the next restart" nothing "$(inside rcpolicy pending)"
holds "what a restart that failed took down comes back with the next one"
inside rm -f /var/lib/dpkg/info/lab.list
