//! Active checks: each server is asked at intervals, and believed after several equal answers.

/// How servers are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checks {
    /// From one check of a server to the next.
    pub interval: crate::time::Duration,
    /// How long a check waits for a server that says nothing.
    pub timeout: crate::time::Duration,
    /// Good answers in a row after which a server that was down is up, at least 1.
    pub rise: u32,
    /// Bad answers in a row after which a server that was up is down, at least 1.
    pub fall: u32,
}

/// What the answers of one server have come to: HAProxy's counter, which makes any good answer of
/// a server that is up, and any bad one of a server that is down, start the count again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score(u32);

impl Score {
    /// A server that is taken for up.
    pub fn up(checks: &Checks) -> Self {
        Self(checks.rise + checks.fall - 1)
    }

    /// Whether the server is taken for up.
    pub fn is_up(self, checks: &Checks) -> bool {
        self.0 >= checks.rise
    }

    /// Takes an answer in.
    pub fn take(&mut self, good: bool, checks: &Checks) {
        if good {
            self.0 += 1;
            if self.0 >= checks.rise {
                *self = Self::up(checks);
            }
        } else {
            self.0 = self.0.saturating_sub(1);
            if self.0 < checks.rise {
                self.0 = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    #[test]
    fn answers_count_as_in_haproxy() {
        let interval = Duration::from_secs(2);
        let checks = Checks { interval, timeout: interval, rise: 2, fall: 3 };
        let mut score = Score::up(&checks);
        let mut after = |answers: &str| {
            answers.chars().for_each(|answer| score.take(answer == 'S', &checks));
            score.0
        };
        assert_eq!(after("FFS"), 4);
        assert_eq!(after("FFF"), 0);
        assert_eq!(after("SF"), 0);
        assert_eq!(after("SS"), 4);
    }
}
