//! How long to wait before the next try: twice as long each time, never in step with others, never for ever.

use std::time::Duration;

use uuid::Uuid;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);
/// What a server says is believed up to here.
const TOLD_LONGEST: Duration = Duration::from_secs(3600);

#[derive(Debug, Default)]
pub(super) struct Patience {
    failures: u32,
}

impl Patience {
    /// The pause after one more failure; never shorter than what the server asked for.
    pub(super) fn next(&mut self, told: Option<Duration>) -> Duration {
        let pause = backoff(self.failures);
        self.failures = self.failures.saturating_add(1);
        match told {
            // A little more, so that not all who were told the same come back at the same moment.
            Some(told) => told.min(TOLD_LONGEST) + share(told.min(LONGEST) / 5),
            None => pause,
        }
    }

    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Between half and the whole of 1 s, 2 s, 4 s … 300 s.
pub(super) fn backoff(failures: u32) -> Duration {
    let whole = FIRST.saturating_mul(2_u32.saturating_pow(failures.min(16))).min(LONGEST);
    whole / 2 + share(whole / 2)
}

/// Any part of it, by chance.
fn share(whole: Duration) -> Duration {
    let chance = (Uuid::new_v4().as_u128() % 1_000) as u32;
    whole * chance / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        let mut patience = Patience::default();
        let pauses: Vec<Duration> = (0..40).map(|_| patience.next(None)).collect();
        assert!(pauses[0] >= FIRST / 2 && pauses[0] <= FIRST);
        assert!(pauses[5] > pauses[0] * 8, "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= LONGEST) && pauses[39] >= LONGEST / 2);
        patience.reset();
        assert!(patience.next(None) <= FIRST);
    }

    #[test]
    fn what_the_server_asks_for_is_waited_and_no_week() {
        let mut patience = Patience::default();
        let told = Duration::from_secs(7);
        let pause = patience.next(Some(told));
        assert!(pause >= told && pause <= told * 2, "{pause:?}");
        assert!(patience.next(Some(Duration::from_secs(7 * 86_400))) <= TOLD_LONGEST + LONGEST);
    }
}
