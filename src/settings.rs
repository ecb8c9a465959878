//! The ranges that settings of learners and optimizers have, checked in one place.

use crate::error::{Error, Result};

/// Refuses a rate or weight that is negative or not finite.
pub(crate) fn check_rate(name: &'static str, value: f64) -> Result<()> {
    check(value.is_finite() && value >= 0.0, name, value, "a finite number, 0 or more")
}

/// Refuses a decay of a running mean that is not in `0..1`.
pub(crate) fn check_decay(name: &'static str, value: f64) -> Result<()> {
    check((0.0..1.0).contains(&value), name, value, "0 or more, and below 1")
}

/// Refuses a number that is not above 0 and finite.
pub(crate) fn check_positive(name: &'static str, value: f64) -> Result<()> {
    check(value.is_finite() && value > 0.0, name, value, "a finite number above 0")
}

fn check(fits: bool, name: &'static str, value: f64, need: &'static str) -> Result<()> {
    if fits { Ok(()) } else { Err(Error::Setting { name, value: value.to_string(), need }) }
}
