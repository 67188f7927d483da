//! A unit's state as `initctl status` writes it: what scripts and people have always read. Pure.

use super::queries::Look;
use super::state::Instance;
use crate::domain::UnitName;

/// `foo start/running, process 42`; `None` where `initctl` knows no such job, or would have to be told
/// which instance is meant.
pub(super) fn line(unit: &UnitName, look: &Look) -> Option<String> {
    let name = unit.service();
    match look {
        Look::NoJob | Look::Several(_) => None,
        Look::Absent(job) if job.instance.is_some() => None,
        Look::Absent(_) => Some(format!("{name} stop/waiting")),
        Look::There(job, instance) => {
            let name = match &job.instance {
                Some(which) => {
                    let job = name.as_str().split_once('@').map_or("", |(job, _)| job);
                    format!("{job} ({which})")
                }
                None => name.to_string(),
            };
            Some(format!("{name} {}{}", instance.words, processes(instance)))
        }
    }
}

/// The main process, or the one that comes before it, stands in the line; others each have their own.
fn processes(instance: &Instance) -> String {
    let mut text = String::new();
    for (index, (which, pid)) in instance.processes.iter().enumerate() {
        match (index, which.as_str()) {
            (0, "main" | "pre-start") => text.push_str(&format!(", process {pid}")),
            (_, which) => text.push_str(&format!("\n\t{which} process {pid}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::queries::Job;
    use super::super::state::{Goal, State};
    use super::*;

    fn look(words: &str, processes: &[(&str, u32)], which: Option<&str>) -> Look {
        let job = Job {
            path: "/foo".to_owned(),
            instance: which.map(str::to_owned),
        };
        let own = |(which, pid): &(&str, u32)| ((*which).to_owned(), *pid);
        let instance = Instance {
            path: "/foo/_".to_owned(),
            name: String::new(),
            words: words.to_owned(),
            goal: Some(Goal::Up),
            state: State::Running,
            processes: processes.iter().map(own).collect(),
        };
        Look::There(job, instance)
    }

    #[test]
    fn the_line_is_initctls() {
        let unit = UnitName::parse("foo").unwrap();
        let cases = [
            (
                "start/running",
                &[("main", 42)][..],
                "foo start/running, process 42",
            ),
            ("start/running", &[], "foo start/running"),
            (
                "start/pre-start",
                &[("pre-start", 7)],
                "foo start/pre-start, process 7",
            ),
            (
                "start/post-start",
                &[("main", 42), ("post-start", 43)],
                "foo start/post-start, process 42\n\tpost-start process 43",
            ),
            (
                "stop/post-stop",
                &[("post-stop", 9)],
                "foo stop/post-stop\n\tpost-stop process 9",
            ),
        ];
        for (words, processes, expected) in cases {
            let line = line(&unit, &look(words, processes, None));
            assert_eq!(line.as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_initctl_does_not_know_has_no_line_and_what_is_down_has_one() {
        let unit = UnitName::parse("tty@tty1").unwrap();
        let there = look("start/running", &[("main", 42)], Some("tty1"));
        assert_eq!(
            line(&unit, &there).unwrap(),
            "tty (tty1) start/running, process 42"
        );
        assert_eq!(line(&unit, &Look::NoJob), None);
        assert_eq!(line(&unit, &Look::Several(Vec::new())), None);
        let job = |instance| Job {
            path: "/x".to_owned(),
            instance,
        };
        assert_eq!(
            line(&unit, &Look::Absent(job(Some("tty1".to_owned())))),
            None
        );
        assert_eq!(
            line(&unit, &Look::Absent(job(None))).unwrap(),
            "tty@tty1 stop/waiting"
        );
    }
}
