//! The examples at the end of each command's help, which are also in the manual. A test reads each of them with
//! the tables that parse command lines.

/// Names a command's examples.
macro_rules! examples {
    ($($name:ident: $text:literal)*) => {
        $(pub(super) const $name: &str = concat!("Examples:", $text);)*
    };
}

examples! {
    PENDING: "
  rcpolicy pending                          what is owed, why, and what it waits for
  rcpolicy pending --json                   the same for a program"
    CHECK: "
  rcpolicy check                            the policy files of this machine
  rcpolicy check policy/                    files of yours, before they are installed
  rcpolicy check --tier lib debian/policy/  as what a package ships"
    EXPLAIN: "
  rcpolicy explain ssh restart              somebody at a command line
  rcpolicy explain ssh stop --as openssh-server:prerm:upgrade
  rcpolicy explain cups.socket stop --as cups-daemon:prerm:remove
  rcpolicy explain mariadb restart --ask    asks policy-rc.d too"
    FLUSH: "
  rcpolicy flush                            all that may be done now
  rcpolicy flush mariadb                    what is owed to mariadb, also what waits for you"
    FORGET: "
  rcpolicy forget mariadb                   its restart is not owed any more"
    HOLD: "
  rcpolicy hold                             what is held, and until when
  rcpolicy hold db --until 2h --because 'the DBA looks at it'
  rcpolicy hold db --until '2026-11-22 08:00' --because 'month end'"
    UNHOLD: "
  rcpolicy unhold db                        packages may restart it again"
    LOG: "
  rcpolicy log --since 2h                   what was decided lately
  rcpolicy log --service ssh                all about one service
  rcpolicy log --package mariadb-server --since 7d
  rcpolicy log --since 1d --json            for a program"
    WAIT: "
  rcpolicy wait init --timeout 30s          until systemd answers again
  rcpolicy wait flush --timeout 10min       until nothing is owed before the next boot"
    REEXEC: "
  rcpolicy reexec                           the init alone
  rcpolicy reexec --sessions --timeout 30s  the users' managers, too"
    RESTART_BUS: "
  rcpolicy restart-bus --dry-run            who would lose the system's bus
  rcpolicy restart-bus --grace 30s          more time to come back by themselves
  rcpolicy restart-bus --user               your own bus, or as root those of all users"
    BYPASS: "
  rcpolicy bypass on                        the stock tools do everything
  rcpolicy bypass off                       policies apply again
  rcpolicy bypass status                    tells which it is"
    ANSWER_OTHERS: "
  rcpolicy answer-others on                 whoever asks policy-rc.d is told what your policy says
  rcpolicy answer-others off                the script goes again, if nobody changed it
  rcpolicy answer-others status             tells which it is"
    IMPORT: "
  rcpolicy import /usr/sbin/policy-rc.d     on standard output, to be looked at
  rcpolicy import /etc/service-policy.d/*.pol --output /etc/rcpolicy/policy.d/30-imported.toml
  rcpolicy import --format needrestart /etc/needrestart/conf.d/local.conf"
    SIMULATE: "
  rcpolicy simulate                         the demonstration
  rcpolicy simulate --way stop --clients 10
  rcpolicy simulate foo_1.0-1_amd64.deb foo_1.1-1_amd64.deb --svg foo.svg
  rcpolicy simulate foo_1.1-1_amd64.deb --operation remove --init sysv"
}
