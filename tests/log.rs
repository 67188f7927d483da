//! The decision log on real files: many writers, rotation, damage, links, full disks.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failing helper is a failing test"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use rcpolicy::domain::{
    Action, Caller, FrontEnd, Phase, Reason, ServiceName, Source, UnitName, Verdict,
};
use rcpolicy::report::log::{FILE, Filter, Log, LogLine, Passed, VERSION, read};
use rcpolicy::report::time;

fn line(service: &str, package: &str, time: &str) -> LogLine {
    LogLine {
        version: VERSION,
        time: time.to_owned(),
        front: FrontEnd::InvokeRcD,
        service: ServiceName::parse(service).unwrap(),
        concerns: Vec::new(),
        unit: UnitName::parse(service).unwrap(),
        action: Action::Restart,
        verdict: Verdict::Deny,
        reasons: vec![Reason::new(Source::PolicyRcD { status: 101 }, "says no")],
        context: Caller {
            package: Some(package.to_owned()),
            script: Some("postinst".to_owned()),
            phase: Phase::Upgrade,
        },
        outcome: None,
        status: Some(0),
        would: None,
        pid: 7,
    }
}

const NOON: &str = "2026-11-21T12:00:00.000000Z";

fn log(directory: &Path) -> Log {
    Log::at(directory, &directory.join("no-journal"))
}

fn all(directory: &Path, filter: &Filter) -> (Vec<LogLine>, Passed) {
    let mut lines = Vec::new();
    let passed = read(directory, filter, &mut |line| lines.push(line.clone())).unwrap();
    (lines, passed)
}

#[test]
fn what_is_logged_is_read_again_and_the_modes_are_as_promised() {
    let top = tempfile::tempdir().unwrap();
    let directory = top.path().join("rcpolicy");
    log(&directory).write(&line("foo", "foo", NOON)).unwrap();
    assert_eq!(
        all(&directory, &Filter::default()).0,
        [line("foo", "foo", NOON)]
    );
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o755);
    assert_eq!(mode(&directory.join(FILE)), 0o640);
}

#[test]
fn lines_of_many_writers_never_mix() {
    let top = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for n in 0..16 {
            let log = log(top.path());
            scope.spawn(move || {
                for _ in 0..50 {
                    log.write(&line(&format!("foo{n}"), "foo", NOON)).unwrap();
                }
            });
        }
    });
    let (lines, passed) = all(top.path(), &Filter::default());
    assert_eq!((lines.len(), passed), (16 * 50, Passed::default()));
}

#[test]
fn filters_by_package_service_and_time_keep_what_they_should() {
    let top = tempfile::tempdir().unwrap();
    for (service, package, time) in [
        ("a", "p", "2026-11-20T00:00:00.000000Z"),
        ("a", "q", "2026-11-21T00:00:00.000000Z"),
        ("b", "p", "2026-11-22T00:00:00.000000Z"),
    ] {
        log(top.path())
            .write(&line(service, package, time))
            .unwrap();
    }
    let count = |filter: Filter| all(top.path(), &filter).0.len();
    let at = |text: &str| Some(time::parse(text, 0).unwrap());
    let service = Some(ServiceName::parse("a.service").unwrap());
    let package = Some("p".to_owned());
    let none = Filter::default;
    assert_eq!(
        count(Filter {
            service: service.clone(),
            ..none()
        }),
        2
    );
    assert_eq!(
        count(Filter {
            package: package.clone(),
            ..none()
        }),
        2
    );
    assert_eq!(
        count(Filter {
            package,
            service,
            ..none()
        }),
        1
    );
    assert_eq!(
        count(Filter {
            since: at("2026-11-21"),
            ..none()
        }),
        2
    );
    assert_eq!(
        count(Filter {
            until: at("2026-11-21"),
            ..none()
        }),
        2
    );
    assert_eq!(
        count(Filter {
            since: at("2026-11-20 01:00"),
            until: at("2026-11-21 23:00"),
            ..none()
        }),
        1
    );
}

#[test]
fn rotated_files_are_read_first_and_compressed_ones_named() {
    let top = tempfile::tempdir().unwrap();
    for (name, service) in [
        ("", "new"),
        (".1", "old"),
        (".2", "older"),
        (".10", "oldest"),
    ] {
        let text = serde_json::to_string(&line(service, "p", NOON)).unwrap() + "\n";
        fs::write(top.path().join(format!("{FILE}{name}")), text).unwrap();
    }
    fs::write(top.path().join(format!("{FILE}.11.gz")), "x").unwrap();
    fs::write(top.path().join("other.txt"), "x").unwrap();
    let (lines, passed) = all(top.path(), &Filter::default());
    let services: Vec<&str> = lines.iter().map(|l| l.service.as_str()).collect();
    assert_eq!(services, ["oldest", "older", "old", "new"]);
    assert_eq!(
        passed.compressed,
        [top.path().join(format!("{FILE}.11.gz"))]
    );
}

#[test]
fn a_line_cut_off_by_a_full_disk_damages_no_other() {
    let top = tempfile::tempdir().unwrap();
    log(top.path()).write(&line("a", "p", NOON)).unwrap();
    let file = top.path().join(FILE);
    let mut bytes = fs::read(&file).unwrap();
    bytes.extend(b"{\"version\":1,\"ti");
    fs::write(&file, bytes).unwrap();
    log(top.path()).write(&line("b", "p", NOON)).unwrap();
    let mut bytes = fs::read(&file).unwrap();
    bytes.extend(b"\xff\xfe\n\n");
    fs::write(&file, bytes).unwrap();
    let (lines, passed) = all(top.path(), &Filter::default());
    assert_eq!(lines, [line("a", "p", NOON), line("b", "p", NOON)]);
    let numbers: Vec<usize> = passed.damaged.iter().map(|(_, n, _)| *n).collect();
    assert_eq!(numbers, [2, 4]);
}

#[test]
fn a_missing_log_is_empty_and_a_link_is_never_written_through() {
    let top = tempfile::tempdir().unwrap();
    assert!(
        all(&top.path().join("none"), &Filter::default())
            .0
            .is_empty()
    );
    let victim = top.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, top.path().join(FILE)).unwrap();
    assert!(log(top.path()).write(&line("a", "p", NOON)).is_err());
    let link = top.path().join("link");
    symlink(top.path(), &link).unwrap();
    assert!(log(&link).write(&line("a", "p", NOON)).is_err());
    assert_eq!(fs::read_to_string(victim).unwrap(), "precious");
}

#[test]
fn the_journal_is_told_even_where_the_file_cannot_be_written() {
    let top = tempfile::tempdir().unwrap();
    let socket = top.path().join("socket");
    let journal = UnixDatagram::bind(&socket).unwrap();
    fs::write(top.path().join("file"), "").unwrap();
    let log = Log::at(&top.path().join("file/log"), &socket);
    assert!(log.write(&line("a", "p", NOON)).is_err());
    let mut buffer = [0; 4096];
    let length = journal.recv(&mut buffer).unwrap();
    insta::assert_snapshot!(String::from_utf8_lossy(&buffer[..length]));
}

#[test]
fn a_journal_that_is_full_or_away_takes_nothing_from_our_own_log() {
    let top = tempfile::tempdir().unwrap();
    let socket = top.path().join("socket");
    let journal = UnixDatagram::bind(&socket).unwrap();
    let directory = top.path().join("log");
    let log = Log::at(&directory, &socket);
    for _ in 0..600 {
        log.write(&line("a", "p", NOON)).unwrap();
    }
    journal.set_nonblocking(true).unwrap();
    let mut buffer = [0; 4096];
    let told = std::iter::from_fn(|| journal.recv(&mut buffer).ok()).count();
    assert!((1..600).contains(&told), "its queue was never full: {told}");
    drop(journal);
    fs::remove_file(&socket).unwrap();
    log.write(&line("a", "p", NOON)).unwrap();
    let (lines, passed) = all(&directory, &Filter::default());
    assert_eq!((lines.len(), passed), (601, Passed::default()));
}

#[test]
fn the_journal_has_each_part_of_a_decision_in_a_field_of_its_own() {
    let mut decision = line("a", "p", NOON);
    decision.verdict = Verdict::Defer {
        action: Action::Restart,
        until: rcpolicy::domain::Until::Batch,
    };
    decision.outcome = Some("put off".to_owned());
    decision.concerns = ["b", "c"]
        .map(|name| ServiceName::parse(name).unwrap())
        .to_vec();
    insta::assert_snapshot!(String::from_utf8_lossy(decision.message().as_bytes()));
}
