//! How long clients may take: the one place that says what is too slow.

use std::time::Duration;

/// How long clients may take. A client is given up once it is behind `rate` by more than `grace`, whether it stopped at
/// once or dribbles; what the server itself needs (disk, database) is never held against it.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// What every body may be behind, at once or in sum: half a minute bridges a lift, a tunnel, a reconnecting modem.
    pub grace: Duration,
    /// Bytes a second of one body, up or down. The slowest line that people still have is an analogue modem, which
    /// sends 33.6 kbit/s; a browser shares it among at most eight parts at a time, which leaves each 525 bytes.
    ///
    /// That is far below any attacker's means, and need not be above them: what keeps slow bodies from piling up is that
    /// parts come from signed-in senders, each with few under way ([`crate::transfer::PartsUnderWay`]), other bodies are
    /// over within minutes at this rate, and a waiting body costs memory for one batch and no thread.
    pub rate: u32,
    /// Longest time for a request's head.
    pub head: Duration,
    /// How long a connection is kept for a next request: longer than the idle timers of usual proxies would only keep
    /// dead ones.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { grace: seconds(30), rate: 512, head: seconds(10), idle: seconds(60) }
    }
}

impl Patience {
    /// How long `len` bytes may take that were handed over at once.
    pub fn time_for(&self, len: usize) -> Duration {
        self.grace + self.at_rate(len)
    }

    /// What a body starts with.
    pub fn allowance(&self) -> Allowance {
        Allowance { patience: *self, left: self.grace }
    }

    fn at_rate(&self, len: usize) -> Duration {
        Duration::from_secs_f64(len as f64 / f64::from(self.rate.max(1)))
    }
}

/// How much longer one body may be waited for. Waiting uses it up, bytes bring it back, never beyond the grace: who was
/// fast for long may not be silent for long.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    patience: Patience,
    left: Duration,
}

impl Allowance {
    /// The longest that the next piece may take.
    pub fn left(&self) -> Duration {
        self.left
    }

    /// Counts a piece of `len` bytes that was waited for.
    pub fn count(&mut self, waited: Duration, len: usize) {
        let left = self.left.saturating_sub(waited) + self.patience.at_rate(len);
        self.left = left.min(self.patience.grace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many seconds a body of pieces of `len` bytes, one every `seconds`, is waited for; `None` if for ever.
    fn given_up_after(len: usize, seconds: f64) -> Option<f64> {
        let mut allowance = Patience::default().allowance();
        for n in 0..100_000_u32 {
            if allowance.left() < Duration::from_secs_f64(seconds) {
                return Some(f64::from(n) * seconds + allowance.left().as_secs_f64());
            }
            allowance.count(Duration::from_secs_f64(seconds), len);
        }
        None
    }

    #[test]
    fn a_modem_that_sends_eight_parts_at_a_time_is_waited_for_to_the_end() {
        // 33,600 bit/s are 4,200 bytes; packets of 1,400 come every 2.67 s in each of eight bodies.
        assert_eq!(given_up_after(1400, 8.0 * 1400.0 / 4200.0), None);
    }

    #[test]
    fn a_silent_body_is_given_up_after_the_grace_and_a_dribbling_one_soon_after() {
        assert_eq!(given_up_after(0, 1.0), Some(30.0));
        let dribbled = given_up_after(1, 1.0).unwrap();
        assert!((30.0..31.0).contains(&dribbled), "{dribbled}");
        let half_as_fast = given_up_after(256, 1.0).unwrap();
        assert!((58.0..62.0).contains(&half_as_fast), "{half_as_fast}");
    }

    #[test]
    fn haste_earns_no_right_to_be_silent() {
        let mut allowance = Patience::default().allowance();
        allowance.count(Duration::ZERO, 8 << 20);
        assert_eq!(allowance.left(), Patience::default().grace);
    }
}
