//! In a chroot nobody is contacted and nothing is noted; what is done there is said as the stock tools do it.

use super::world::{Seen, World};
use super::{asked_by, noting};

/// Where a chroot is made, on a file system of its own: one of the same root would be none.
const CHROOT: &str = "
mkdir -p /tmp/c; mount -t tmpfs c /tmp/c; cd /tmp/c
mkdir -p usr proc run etc tools dev tmp ran var/log var/lib
for dir in usr proc run etc tools dev tmp ran; do mount --rbind /$dir $dir; done
for link in bin sbin lib lib64; do ln -s usr/$link $link; done
cd /
";
/// A systemd that notes down who calls, on both of its sockets.
const SYSTEMD: &str = "
mkdir -p /run/systemd/system /run/dbus; rm -rf /tmp/contacted
for socket in /run/systemd/private /run/dbus/system_bus_socket; do
    rm -f $socket
    perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Local => shift, Listen => 5) or die;
        while ($c = $s->accept) { mkdir \"/tmp/contacted\"; close $c }' $socket >/dev/null 2>&1 &
    until [ -S $socket ]; do sleep 0.05; done
done
";

fn contacted(world: &World) -> bool {
    world.path("tmp/contacted").exists()
}

fn under_systemd() -> World {
    World::new().setup(SYSTEMD).setup(CHROOT)
}

fn explain(world: &World, words: &str) -> Seen {
    world.call(&format!("unshare --root=/tmp/c rcpolicy explain {words}"))
}

#[test]
fn nobody_is_contacted_from_a_chroot_and_that_is_said() {
    let world = under_systemd();
    for words in [
        "foo restart",
        "foo stop",
        "foo.socket restart",
        "foo status",
    ] {
        let seen = explain(&world, words);
        seen.ended(0);
        seen.ran(&[]);
        assert!(!contacted(&world), "{seen:#?}");
        for word in [
            "the stock tool takes over",
            "nobody was contacted",
            "machine: chroot",
        ] {
            assert!(seen.stdout.contains(word), "no `{word}` in {seen:#?}");
        }
    }
    insta::assert_snapshot!(explain(&world, "foo restart").stdout);
}

#[test]
fn outside_of_the_chroot_the_same_machine_is_contacted() {
    let world = under_systemd();
    let seen = world.call("rcpolicy explain foo restart; sleep 0.3");
    assert!(contacted(&world), "{seen:#?}");
    assert!(seen.stdout.contains("what systemd says"), "{seen:#?}");
}

#[test]
fn told_to_stay_offline_it_contacts_nobody_either() {
    let world = under_systemd();
    let seen = world.call("env SYSTEMD_OFFLINE=1 rcpolicy explain foo restart");
    seen.ended(0);
    assert!(!contacted(&world), "{seen:#?}");
    assert!(seen.stdout.contains("nobody was contacted"), "{seen:#?}");
}

#[test]
fn an_admins_deny_holds_in_a_chroot_and_then_nobody_is_asked() {
    let deny = "[[rule]]\nservice = \"foo\"\ndecide = \"deny\"\nbecause = \"not here\"\n";
    let world = noting(under_systemd().policy(deny), "exit 0");
    let (asked, seen) = asked_by(
        &world,
        "unshare --root=/tmp/c rcpolicy explain foo start --ask",
    );
    assert_eq!(asked, [""; 0]);
    insta::assert_snapshot!(seen.stdout);
    world
        .call("unshare --root=/tmp/c invoke-rc.d foo start")
        .says(&["not here"]);
}

#[test]
fn without_systemd_a_chroots_init_script_is_explained_as_on_any_machine_but_for_the_ledger() {
    let world = noting(World::new().setup(CHROOT), "exit 0");
    let (asked, seen) = asked_by(
        &world,
        "unshare --root=/tmp/c rcpolicy explain foo restart --ask",
    );
    assert_eq!(asked, ["foo restart 2"]);
    insta::assert_snapshot!(seen.stdout);
    world
        .call("unshare --root=/tmp/c invoke-rc.d foo restart")
        .ran(&["1 foo restart"]);
}
