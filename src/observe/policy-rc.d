#!/bin/sh
# rcpolicy answers other tools here, by the policy in /etc/rcpolicy/policy.d.
# Put here by `rcpolicy answer-others on`; `rcpolicy answer-others off` takes it away, and so does the package's removal.
tool=/usr/libexec/rcpolicy/policy-rc-d
if [ -x "$tool" ]; then
    "$tool" --called-as "$0" "$@"
    status=$?
    # These are the shell's own: it cannot be started on this machine, whose invoke-rc.d is the stock one then.
    [ "$status" = 126 ] || [ "$status" = 127 ] || exit "$status"
fi
# The package is gone, or cannot work: as if this file were gone too. What is asked for in parentheses is not to be done then.
case " $*" in
*" ("*) exit 101 ;;
esac
exit 0
