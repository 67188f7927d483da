# Turns the answer to other tools on or off again and again, each time with another fault in that, and prints what came of it.
# usage: answer.sh WORD FOUND <PLAN     WORD is on or off, FOUND what stands at the path before: none, ours, disabled, foreign, link
# Prints a line for each line of PLAN, as play.sh has it: KIND WHAT NUMBER; the exit status; what stands there; what it said;
# and after a second call, which has no fault: its exit status, what stands there, and how many other files are left.

path=/usr/sbin/policy-rc.d
foreign='#!/bin/sh
exit 101'

fresh() {
    rm -f $path /usr/sbin/.policy-rc.d.*
    case $1 in
    ours) cp -p /srv/ours $path ;;
    disabled) cp -p /srv/ours $path && chmod 644 $path ;;
    foreign) echo "$foreign" >$path && chmod 755 $path ;;
    link) ln -s /srv/ours $path ;;
    esac
}

stands() {
    if [ -L $path ]; then
        [ "$(readlink $path)" = /srv/ours ] && echo link || echo spoilt
    elif [ ! -e $path ]; then
        echo none
    elif cmp -s $path /srv/ours; then
        case $(stat -c '%a %u' $path) in
        '755 0') echo ours ;;
        '644 0') echo disabled ;;
        *) echo spoilt ;;
        esac
    elif [ "$(cat $path)" = "$foreign" ] && [ -x $path ]; then
        echo foreign
    else
        echo spoilt
    fi
}

while read -r kind what number; do
    fresh "$2"
    case $kind in
    none) fault="strace -qq -o /srv/trace --" ;;
    *) fault="strace -qq -o /srv/met -e trace=$kind -e inject=$kind:$what:when=$number --" ;;
    esac
    $fault rcpolicy answer-others "$1" >/srv/said 2>&1
    status=$? found=$(stands)
    rcpolicy answer-others "$1" >/srv/again 2>&1
    again=$?
    printf '%s ' "$kind" "$what" "$number" "$status" "$found" "$(tr -s '\n ' '__' </srv/said)"
    printf '%s %s %s\n' "$again" "$(stands)" "$(find /usr/sbin -name '.policy-rc.d*' | wc -l)"
done
