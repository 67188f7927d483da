//! What a flush brings back in part: the rest waits, for dpkg or for a person.

use super::*;

#[test]
fn a_dependent_that_is_not_configured_is_waited_for_and_one_that_is_denied_is_not() {
    let deny = "[[rule]]\nservice = [\"bar\"]\naction = [\"start\"]\ndecide = \"deny\"\n";
    for (state, rule, again) in [
        ("unpacked", "", Again::Later),
        ("installed", deny, Again::No),
    ] {
        let mut room = Room::new();
        room.init.add(Spec::new(name("bar")), Image::Whole(1));
        room.stopped();
        let mut entry = room.ledger().all().unwrap().entries.remove(0);
        entry.down.as_mut().unwrap().units.push(Stopped {
            unit: name("bar"),
            was_enabled: Some(true),
            down_since: None,
            dependent: true,
        });
        room.ledger().lock().unwrap().put(&entry).unwrap();
        let dpkg = room.directory.path().join("var/lib/dpkg");
        fs::create_dir_all(dpkg.join("info")).unwrap();
        let status = format!("Package: bar\nStatus: install ok {state}\n");
        fs::write(dpkg.join("status"), status).unwrap();
        fs::write(
            dpkg.join("info/bar.list"),
            "/usr/lib/systemd/system/bar.service\n",
        )
        .unwrap();
        let (ledger, root) = (room.ledger(), room.directory.path().to_path_buf());
        let (left, said) = flush_on(Occasion::BatchEnd, &mut room.init, ledger, root, rule);
        assert_eq!(left.again, again, "{said}");
        assert!(
            room.is_up("foo") && !room.is_up("bar") && room.is_owed(),
            "{said}"
        );
        let why = match again {
            Again::Later => "bar.service waits until its package is configured",
            Again::No => "start of bar.service is denied",
        };
        assert!(said.contains(why), "{said}");
    }
}
