//! Times as daemontools and its descendants write them: a TAI64N label of 12 bytes. Pure.

/// Length of a label in bytes.
pub(in crate::init) const LENGTH: usize = 12;

/// The label's second of the epoch: 2^62, and the 10 s that TAI was ahead of it in 1970. Both runit and s6
/// count no leap seconds unless built for a clock that does, which Debian's are not.
const EPOCH: u64 = (1 << 62) + 10;

/// One moment, by the time of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::init) struct Stamp {
    /// TAI64: seconds.
    seconds: u64,
    /// Nanoseconds into that second.
    nanos: u32,
}

impl Stamp {
    /// The moment of a label; `None` for what is none.
    pub(in crate::init) fn parse(label: &[u8]) -> Option<Self> {
        let (seconds, nanos) = label.split_first_chunk::<8>()?;
        let seconds = u64::from_be_bytes(*seconds);
        let nanos = u32::from_be_bytes(nanos.try_into().ok()?);
        (seconds >= EPOCH && nanos < 1_000_000_000).then_some(Self { seconds, nanos })
    }

    /// Microseconds since the epoch.
    pub(in crate::init) fn epoch_micros(self) -> u64 {
        let seconds = self.seconds.saturating_sub(EPOCH);
        seconds
            .saturating_mul(1_000_000)
            .saturating_add(u64::from(self.nanos / 1_000))
    }

    /// Seconds since the epoch.
    pub(in crate::init) fn epoch_seconds(self) -> u64 {
        self.seconds.saturating_sub(EPOCH)
    }
}

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}{:08x}", self.seconds, self.nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As runsv wrote it at 13:09:10.2032 UTC on 21 November 2026.
    const LABEL: [u8; LENGTH] = [0x40, 0, 0, 0, 0x6b, 0x01, 0x98, 0, 0x0c, 0x41, 0x13, 0xcc];

    #[test]
    fn a_label_is_the_time_of_the_day() {
        let stamp = Stamp::parse(&LABEL).unwrap();
        assert_eq!(stamp.epoch_seconds(), 1_795_266_550);
        assert_eq!(stamp.epoch_micros(), 1_795_266_550_205_591);
        assert_eq!(stamp.to_string(), "400000006b0198000c4113cc");
    }

    #[test]
    fn what_is_cut_off_or_before_the_epoch_or_beyond_a_second_is_no_label() {
        for length in 0..LENGTH {
            assert_eq!(Stamp::parse(&LABEL[..length]), None, "{length} bytes");
        }
        let mut long = LABEL.to_vec();
        long.push(0);
        assert_eq!(Stamp::parse(&long), None);
        let mut nanos = LABEL;
        nanos[8] = 0x3c;
        assert_eq!(Stamp::parse(&nanos), None, "more than 10^9 ns");
        let mut early = LABEL;
        early[0] = 0;
        assert_eq!(Stamp::parse(&early), None, "before 1970");
        assert_eq!(Stamp::parse(&[0; LENGTH]), None);
    }

    #[test]
    fn the_end_of_time_does_not_overflow() {
        let last = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        assert_eq!(Stamp::parse(&last).unwrap().epoch_micros(), u64::MAX);
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        crate::testing::mutations::mutated(&[&LABEL], &[], |bytes| {
            if let Some(stamp) = Stamp::parse(bytes) {
                let _ = (
                    stamp.epoch_micros(),
                    stamp.epoch_seconds(),
                    stamp.to_string(),
                );
            }
        });
    }
}
