#!/bin/sh
# rcpolicy answers other tools here, by the policy in /etc/rcpolicy/policy.d.
# Put here by `rcpolicy answer-others on`; `rcpolicy answer-others off` takes it away, and so does the package's removal.
tool=/usr/libexec/rcpolicy/policy-rc-d
[ ! -x "$tool" ] || exec "$tool" --called-as "$0" "$@"
# The package is gone: as if this file were gone too. What is asked for in parentheses is not to be done then.
case " $*" in
*" ("*) exit 101 ;;
esac
exit 0
