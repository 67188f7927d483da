# Plays one story again and again, each time with another fault in the tool that the story is about, and prints what came
# of it. A fault is one call of the kernel that fails, or at which the tool is killed, or a clock that is wrong.
# usage: play STORY <PLAN     a line of PLAN: KIND WHAT NUMBER, as `openat error=EMFILE 3`, `clock -400d 0`, `none - 0`
# Prints a line each: KIND WHAT NUMBER; the exit status; what runs; the starts; what is owed; what it said; the call that failed.
# Calls made in between, and after it, have no fault: the admin's, or dpkg's second try of what failed.

fresh() {
    rm -rf /run/rcpolicy /var/log/rcpolicy /var/lib/rcpolicy
    mkdir -m 755 /var/lib/rcpolicy
    echo old >/srv/version
    echo old >/srv/running
    : >/srv/starts
}

prerm() { DPKG_MAINTSCRIPT_PACKAGE=foo DPKG_MAINTSCRIPT_NAME=prerm "$@"; }
postinst() { DPKG_MAINTSCRIPT_PACKAGE=foo DPKG_MAINTSCRIPT_NAME=postinst "$@"; }

# What comes before the fault, the call that meets it, and what comes after it.
before() {
    case $1 in
    deferred | merged | flushed | forgotten | restarted) echo new >/srv/version ;;
    started) prerm invoke-rc.d foo stop && echo new >/srv/version ;;
    stopped | held | denied | forbidden) ;;
    *) exit 250 ;;
    esac
    case $1 in
    merged) invoke-rc.d foo reload ;;
    flushed | forgotten) invoke-rc.d foo restart ;;
    # As on a machine on which a policy was read before.
    denied | forbidden) rm /srv/running && invoke-rc.d foo start ;;
    esac
}
story() {
    case $1 in
    deferred | merged | restarted) postinst $fault invoke-rc.d foo restart ;;
    flushed) $fault rcpolicy flush ;;
    forgotten) $fault rcpolicy forget foo ;;
    stopped) prerm $fault invoke-rc.d foo stop ;;
    started) postinst $fault invoke-rc.d foo start ;;
    held) $fault rcpolicy hold foo --until 2099-01-01 --because later ;;
    denied | forbidden) $fault invoke-rc.d foo start ;;
    esac
}
after() {
    case $1 in
    stopped) echo new >/srv/version && postinst invoke-rc.d foo start ;;
    held) echo new >/srv/version && postinst invoke-rc.d foo restart ;;
    esac
    case $1 in
    denied | forbidden) ;;
    *) rcpolicy flush ;;
    esac
}

faketime=$(echo /usr/lib/*/faketime/libfaketime.so.1)
while read -r kind what number; do
    fault=
    : >/srv/met
    fresh
    before "$1" >/dev/null 2>&1
    case $kind in
    none) fault="strace -qq -o /srv/trace --" ;;
    clock) fault="env LD_PRELOAD=$faketime FAKETIME=$what FAKETIME_DONT_FAKE_MONOTONIC=1" ;;
    *) fault="strace -qq -o /srv/met -e trace=$kind -e inject=$kind:$what:when=$number --" ;;
    esac
    story "$1" >/srv/said 2>&1
    status=$?
    fault=
    [ "$status" = 0 ] || story "$1" >/srv/again 2>&1
    after "$1" >/srv/after 2>&1
    # Not by echo, which would make two lines of a \n that was written.
    printf '%s ' "$kind" "$what" "$number" "$status" "$(cat /srv/running 2>/dev/null || echo down)" "$(wc -l </srv/starts)"
    printf '%s %s %s\n' "$(rcpolicy pending 2>&1 | tr -s '\n ' '__')" "$(tr -s '\n ' '__' </srv/said)" \
        "$(grep INJECTED /srv/met | tr -s '\n ' '__')"
done
