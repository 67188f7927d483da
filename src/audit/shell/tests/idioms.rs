//! What debhelper and packagers write.

use super::{calls, ways};

const STARTS: &str = r#"#!/bin/sh
set -e
# Automatically added by dh_installsystemd/13.11.4
if [ "$1" = "configure" ] || [ "$1" = "abort-upgrade" ] || [ "$1" = "abort-deconfigure" ] || [ "$1" = "abort-remove" ] ; then
	if [ -d /run/systemd/system ]; then
		systemctl --system daemon-reload >/dev/null || true
		if [ -n "$2" ]; then
			_dh_action=restart
		else
			_dh_action=start
		fi
		deb-systemd-invoke $_dh_action 'foo.service' 'foo.socket' >/dev/null || true
	fi
fi
# End automatically added section
"#;

#[test]
fn debhelpers_start_is_a_restart_on_an_upgrade() {
    assert_eq!(
        calls(STARTS, &["configure", ""]),
        [
            "systemctl --system daemon-reload",
            "deb-systemd-invoke start foo.service foo.socket"
        ]
    );
    assert_eq!(
        calls(STARTS, &["configure", "1.0"])[1],
        "deb-systemd-invoke restart foo.service foo.socket"
    );
    assert_eq!(calls(STARTS, &["triggered", "x"]), [""; 0]);
}

#[test]
fn the_version_before_decides_without_anything_assumed() {
    let text = r#"#!/bin/sh -e
case "$1" in
configure)
    if dpkg --compare-versions "$2" lt-nl "2.4-3~"; then
        invoke-rc.d foo restart
    else
        invoke-rc.d foo reload
    fi
    ;;
abort-*) exit 0 ;;
*) echo "unknown: $1" >&2; exit 1 ;;
esac
"#;
    assert_eq!(
        calls(text, &["configure", "2.4-2"]),
        ["invoke-rc.d foo restart"]
    );
    assert_eq!(
        calls(text, &["configure", "2.4-3"]),
        ["invoke-rc.d foo reload"]
    );
    assert_eq!(calls(text, &["configure", ""]), ["invoke-rc.d foo reload"]);
    assert_eq!(calls(text, &["abort-remove"]), [""; 0]);
}

#[test]
fn debconf_is_no_other_program() {
    let text = r#"#!/bin/sh
set -e
. /usr/share/debconf/confmodule
db_version 2.0
db_input low foo/bar || true
db_go || true
db_get foo/restart
if [ "$RET" = true ]; then
    service foo restart
fi
db_stop
"#;
    assert_eq!(
        ways(text, &["configure", "1"]),
        [vec![], vec!["service foo restart".to_owned()]]
    );
}

#[test]
fn a_loop_over_services_is_one_call_each() {
    let text = "#!/bin/sh\nfor service in one two 'three four'; do\n systemctl stop \"$service.service\" || :\ndone\n";
    assert_eq!(
        calls(text, &[]),
        [
            "systemctl stop one.service",
            "systemctl stop two.service",
            "systemctl stop three four.service"
        ]
    );
}

#[test]
fn what_a_configuration_file_sets_is_not_known() {
    let text = r#"#!/bin/sh
ENABLED=no
if [ -r /etc/default/foo ]; then
    . /etc/default/foo
fi
if [ "$ENABLED" = yes ]; then systemctl start foo; fi
"#;
    assert_eq!(
        ways(text, &[]),
        [vec![], vec!["systemctl start foo".to_owned()]]
    );
}

#[test]
fn a_function_stands_for_the_calls_in_it() {
    let text = r#"#!/bin/sh
set -e
act() {
    local what="$1"; shift
    for unit; do deb-systemd-invoke "$what" "$unit" || return $?; done
}
act stop a.socket a.service
"#;
    assert_eq!(
        calls(text, &[]),
        [
            "deb-systemd-invoke stop a.socket",
            "deb-systemd-invoke stop a.service"
        ]
    );
}

#[test]
fn programs_that_run_others_are_looked_through() {
    let text = r#"#!/bin/sh
env LC_ALL=C nice -n 5 timeout -k 3 20 systemctl stop a
command systemctl stop b
sh -c 'systemctl stop "$1"' sh c
sh /etc/init.d/d stop
/usr/sbin/service e stop
DPKG=1 invoke-rc.d f stop
exec systemctl stop g
systemctl stop never
"#;
    assert_eq!(
        calls(text, &[]),
        [
            "systemctl stop a",
            "systemctl stop b",
            "systemctl stop c",
            "/etc/init.d/d stop",
            "/usr/sbin/service e stop",
            "invoke-rc.d f stop",
            "systemctl stop g",
        ]
    );
}

#[test]
fn a_bash_script_is_read_as_bash_reads_it() {
    let text = r#"#!/bin/bash
units=(a b)
[[ $1 == conf* && -n $2 ]] && systemctl stop one &>/dev/null
if [[ "$1" =~ ^(a|b)$ ]]; then :; fi
(( 1 + 1 == 2 )) && systemctl stop two
function last { systemctl stop three; }
last <<< text
"#;
    assert_eq!(
        calls(text, &["configure", "1"]),
        [
            "systemctl stop one",
            "systemctl stop two",
            "systemctl stop three"
        ]
    );
}
