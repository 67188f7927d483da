//! The order of versions against the real dpkg.

use std::process::Command;

use rcpolicy::audit::version::holds;

const VERSIONS: [&str; 12] = [
    "",
    "0",
    "1.0-1",
    "1.0-1~bpo12+1",
    "1.0-1+deb12u2",
    "1:0.9",
    "1.0.10",
    "1.0.9",
    "1.0~rc2-1",
    "1.0a",
    "1.0+b",
    "2024.01.02-00",
];
const RELATIONS: [&str; 14] = [
    "lt", "le", "eq", "ne", "ge", "gt", "lt-nl", "le-nl", "ge-nl", "gt-nl", "<<", "<=", "=", ">>",
];

#[test]
fn relations_hold_where_dpkg_says_so() {
    for left in VERSIONS {
        for right in VERSIONS {
            for relation in RELATIONS {
                let mut dpkg = Command::new("dpkg");
                dpkg.args(["--compare-versions", left, relation, right]);
                let real = dpkg.output().unwrap().status.code().unwrap();
                assert_eq!(
                    holds(left, relation, right),
                    Some(real == 0),
                    "`{left}` {relation} `{right}`"
                );
            }
        }
    }
}
