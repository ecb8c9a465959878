//! Time, where there is a clock: a WebAssembly module in a browser has none, and asking for the time there ends it.

use std::time::{Duration, Instant};

/// Whether there is one.
pub(crate) const IS_HERE: bool = !cfg!(all(target_family = "wasm", target_os = "unknown"));

/// A moment to measure from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(Option<Instant>);

impl Moment {
    pub(crate) fn now() -> Moment {
        Moment(IS_HERE.then(Instant::now))
    }

    /// What has passed since; zero without a clock.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.map_or(Duration::ZERO, |moment| moment.elapsed())
    }

    /// [`elapsed`](Moment::elapsed) in seconds.
    pub(crate) fn seconds(self) -> f64 {
        self.elapsed().as_secs_f64()
    }
}

/// Seconds since 1970; 0 without a clock.
pub(crate) fn since_1970() -> f64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    let now = IS_HERE.then(SystemTime::now);
    now.and_then(|now| now.duration_since(UNIX_EPOCH).ok()).map_or(0.0, |since| since.as_secs_f64())
}
