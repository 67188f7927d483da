//! `rcpolicy simulate`: what it prints, and what its figures must be whatever they are drawn with.

#![allow(clippy::unwrap_used, reason = "what a test cannot do ends it")]

use std::process::Command;

use rcpolicy::report::timeline::{Charset, Color, Look};
use rcpolicy::simulate::{Figures, Format, Options, Scenario, Way, play, run};

const PLAIN: Look = Look {
    color: Color::None,
    charset: Charset::Unicode,
};

fn options() -> Options {
    Options {
        format: Format::Text(PLAIN),
        seed: 1,
        clients: 3,
        every_ms: 10,
        ways: Way::ALL.to_vec(),
    }
}

fn figures(options: &Options, way: Way) -> Figures {
    let scenario = Scenario::acpid(options).unwrap();
    Figures::of(&scenario, &play(&scenario, way).unwrap())
}

/// Several seeds and loads: what is claimed of a way holds for all of them.
fn loads() -> impl Iterator<Item = Options> {
    (1..=20).map(|seed| Options {
        seed,
        clients: 1 + u32::try_from(seed).unwrap() % 5,
        every_ms: 2 + seed % 12,
        ..options()
    })
}

fn printed(options: &Options) -> String {
    let mut out = Vec::new();
    assert_eq!(run(options, &mut out), 0);
    String::from_utf8(out).unwrap()
}

/// Status, stdout and stderr of `rcpolicy simulate` with these arguments.
fn command(arguments: &[&str]) -> String {
    let ran = Command::new(env!("CARGO_BIN_EXE_rcpolicy"))
        .arg("simulate")
        .args(arguments)
        .env_clear()
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    format!(
        "status: {}\n--- stdout\n{}--- stderr\n{}",
        ran.status.code().unwrap(),
        String::from_utf8(ran.stdout).unwrap(),
        String::from_utf8(ran.stderr).unwrap()
    )
}

#[test]
fn the_default_run_shows_four_ways_and_a_table() {
    insta::assert_snapshot!(command(&[]));
}

#[test]
fn one_way_can_be_had_as_json() {
    insta::assert_snapshot!(command(&["--way", "stop", "--json", "--seed", "7"]));
}

#[test]
fn a_number_that_makes_no_sense_is_wrong_usage() {
    for arguments in [["--every", "0"], ["--clients", "101"], ["--way", "none"]] {
        let shown = command(&arguments);
        assert!(
            shown.starts_with("status: 2\n--- stdout\n--- stderr\n"),
            "{shown}"
        );
        assert!(shown.contains(arguments[0]), "{shown}");
    }
}

#[test]
fn stock_is_reactivated_in_the_window_and_ends_with_old_code() {
    for load in loads() {
        let figures = figures(&load, Way::Stock);
        assert!(figures.woken_in_window >= 1, "{load:?}: {figures:?}");
        assert_ne!(figures.version_at_end, "new", "{load:?}");
    }
}

#[test]
fn stop_is_never_reactivated_and_never_runs_old_code_on_new_files() {
    for load in loads() {
        let figures = figures(&load, Way::Stop);
        assert_eq!(figures.woken_in_window, 0, "{load:?}");
        assert_eq!(figures.served_by_other_version, 0, "{load:?}");
        assert_eq!(figures.versions_together_ms, 0, "{load:?}");
        assert_eq!(figures.version_at_end, "new", "{load:?}");
        assert!(figures.refused > 0, "{load:?}: nobody listens meanwhile");
    }
}

#[test]
fn quiesce_refuses_nobody_and_ends_with_the_new_version() {
    for load in loads() {
        let figures = figures(&load, Way::Quiesce);
        assert_eq!(figures.refused, 0, "{load:?}");
        assert_eq!(figures.version_at_end, "new", "{load:?}");
    }
}

#[test]
fn restart_goes_down_once_refuses_nobody_and_ends_with_the_new_version() {
    for load in loads() {
        let restarted = figures(&load, Way::Restart);
        assert_eq!(restarted.woken_in_window, 0, "{load:?}");
        assert_eq!(restarted.refused, 0, "{load:?}");
        assert_eq!(restarted.version_at_end, "new", "{load:?}");
        assert!(restarted.down_ms < figures(&load, Way::Stop).down_ms);
    }
}

#[test]
fn without_clients_nothing_wakes_anybody_and_every_way_ends_with_the_new_version() {
    let alone = Options {
        clients: 0,
        ..options()
    };
    for way in Way::ALL {
        let figures = figures(&alone, way);
        assert_eq!((figures.woken_in_window, figures.connections), (0, 0));
        assert_eq!(figures.version_at_end, "new", "{way:?}");
    }
}

#[test]
fn every_connection_is_accounted_for() {
    for load in loads() {
        for way in Way::ALL {
            let figures = figures(&load, way);
            assert_eq!(figures.served + figures.refused, figures.connections);
        }
    }
}

#[test]
fn the_same_seed_prints_the_same_and_another_does_not() {
    let other = Options {
        seed: 2,
        ..options()
    };
    assert_eq!(printed(&options()), printed(&options()));
    assert_ne!(printed(&options()), printed(&other));
}

#[test]
fn lines_fit_a_terminal_of_80_columns_and_ascii_is_ascii() {
    let ascii = Look {
        charset: Charset::Ascii,
        ..PLAIN
    };
    for look in [PLAIN, ascii] {
        let text = printed(&Options {
            format: Format::Text(look),
            ..options()
        });
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest.unwrap() <= 80, "{text}");
        assert!(
            look.charset == Charset::Unicode || text.is_ascii(),
            "{text}"
        );
    }
}

#[test]
fn a_reader_that_went_away_is_no_failure_and_a_full_disk_is() {
    struct Broken(std::io::ErrorKind);
    impl std::io::Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let json = Options {
        format: Format::Json,
        ..options()
    };
    for options in [options(), json] {
        let closed = &mut Broken(std::io::ErrorKind::BrokenPipe);
        assert_eq!(run(&options, closed), 0);
        let full = &mut Broken(std::io::ErrorKind::StorageFull);
        assert_eq!(run(&options, full), 1);
    }
}
