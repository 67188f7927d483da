//! The clock on the wall: how far it is ahead of UTC, by the machine's time zone (localtime(5)). The environment's `TZ` is
//! whoever calls us, and decides nothing.

use std::fs;
use std::path::Path;

use tz::TimeZone;

/// Where the machine's zone is, below its root directory.
const FILE: &str = "etc/localtime";
/// The largest there are have some 4 KiB.
const LARGEST: u64 = 256 * 1024;

/// A time zone.
#[derive(Debug, Clone, Default)]
pub struct Zone(Option<TimeZone>);

impl Zone {
    /// That of the machine below `root`, or UTC with the reason where it cannot be read. Where none is set it is UTC.
    pub fn under(root: &Path) -> (Self, Option<String>) {
        let path = root.join(FILE);
        match read(&path) {
            Ok(zone) => (Self(zone), None),
            Err(why) => {
                let path = path.display();
                let why = format!("windows are taken as UTC, for `{path}` {why}");
                (Self::default(), Some(why))
            }
        }
    }

    /// How many seconds it is ahead of UTC at an instant, in seconds since the epoch.
    pub fn offset(&self, at: i64) -> i64 {
        let Some(zone) = &self.0 else { return 0 };
        let local = zone.find_local_time_type(at);
        local.map_or(0, |local| i64::from(local.ut_offset()))
    }
}

fn read(path: &Path) -> Result<Option<TimeZone>, String> {
    let data = match fs::metadata(path) {
        Ok(data) => data,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot be read: {error}")),
    };
    if !data.is_file() || data.len() > LARGEST {
        return Err("is no time zone".to_owned());
    }
    let bytes = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    parse(&bytes).map(Some)
}

fn parse(bytes: &[u8]) -> Result<TimeZone, String> {
    TimeZone::from_tz_data(bytes).map_err(|error| format!("is no time zone: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Debian's tzdata has it for Europe/Berlin: nothing but the rule that holds from now on.
    pub(crate) fn berlin() -> Vec<u8> {
        let header = |counts: [u32; 6]| {
            let mut bytes = b"TZif2".to_vec();
            bytes.extend([0; 15]);
            bytes.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
            bytes
        };
        let body = |bytes: &mut Vec<u8>| {
            bytes.extend(3600_i32.to_be_bytes());
            bytes.extend([0, 0]);
            bytes.extend(b"CET\0");
        };
        let counts = [0, 0, 0, 0, 1, 4];
        let mut bytes = header(counts);
        body(&mut bytes);
        bytes.extend(header(counts));
        body(&mut bytes);
        bytes.extend(b"\nCET-1CEST,M3.5.0,M10.5.0/3\n");
        bytes
    }

    fn machine(bytes: &[u8]) -> (Zone, Option<String>) {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("etc")).unwrap();
        fs::write(root.path().join(FILE), bytes).unwrap();
        Zone::under(root.path())
    }

    #[test]
    fn summer_and_winter_are_told_apart_in_years_to_come() {
        let (zone, trouble) = machine(&berlin());
        assert_eq!(trouble, None);
        // 2026-11-21 and 2045-07-01
        assert_eq!(zone.offset(1_795_230_103), 3600);
        assert_eq!(zone.offset(2_382_652_800), 7200);
    }

    #[test]
    fn no_zone_is_utc_and_a_damaged_one_is_told() {
        let root = tempfile::tempdir().unwrap();
        let (zone, trouble) = Zone::under(root.path());
        assert_eq!((zone.offset(0), trouble), (0, None));
        let whole = berlin();
        for end in (0..whole.len()).step_by(7) {
            let (zone, trouble) = machine(&whole[..end]);
            assert_eq!(zone.offset(0), 0);
            assert!(
                trouble.is_some_and(|why| why.contains("etc/localtime")),
                "{end}"
            );
        }
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join(FILE)).unwrap();
        assert!(Zone::under(root.path()).1.is_some());
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        crate::testing::mutations::mutated(
            &[&berlin()],
            &["CET-1CEST", ",M3.5.0/2", "J366", "<+24>-24", "\n"],
            |bytes| {
                let Ok(zone) = parse(bytes) else {
                    return;
                };
                let zone = Zone(Some(zone));
                for at in [i64::MIN, -1, 0, 1_795_230_103, 1 << 40, i64::MAX] {
                    let _ = zone.offset(at);
                }
            },
        );
    }
}
