//! How often, and after which pauses, something is tried again.

use std::time::Duration;

/// As long as it fails in a row; a minute in all, for a service that starts again.
const PAUSES: [Duration; 8] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(30),
];

/// What was tried in vain so far.
#[derive(Debug, Default)]
pub(crate) struct Retries {
    in_vain: usize,
}

impl Retries {
    /// The pause before the next attempt; `None` after the last one.
    pub(crate) fn next_pause(&mut self) -> Option<Duration> {
        let pause = PAUSES.get(self.in_vain).copied();
        self.in_vain += usize::from(pause.is_some());
        pause
    }

    /// Something came of it.
    pub(crate) const fn begin_anew(&mut self) {
        self.in_vain = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_and_begins_anew_with_every_success() {
        let mut retries = Retries::default();
        let pauses: Vec<_> = std::iter::from_fn(|| retries.next_pause()).collect();
        assert_eq!(pauses, PAUSES);
        assert_eq!(retries.next_pause(), None);
        retries.begin_anew();
        assert_eq!(retries.next_pause(), Some(PAUSES[0]));
    }
}
