//! Round numbers for an axis.

/// Round numbers that cover `low..=high` in about `count` steps of 1, 2 or 5 times a power of ten.
pub(super) fn ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    // a range of nothing has a step too, but none that is lost beside its ends
    let size = low.abs().max(high.abs()).max(1e-300);
    let raw = (high - low).max(1e-6 * size) / count as f64;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= raw).unwrap_or(raw);
    let first = (low / step - 1e-6).ceil() as i64;
    (first..first + 30).map(|k| k as f64 * step).take_while(|t| *t <= high + 1e-6 * step).collect()
}

/// A tick as text: no more digits than its neighbours need to differ.
pub(super) fn label(value: f64, step: f64) -> String {
    let size = value.abs();
    if size >= 1e4 && step >= 1e3 {
        return if size >= 1e6 { format!("{}M", value / 1e6) } else { format!("{}k", value / 1e3) };
    }
    let digits = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(0.0, 100.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(0.0, 7.0, 4), [0.0, 2.0, 4.0, 6.0]);
        assert_eq!(ticks(1.0, 1.0, 4), [1.0]);
        assert!(ticks(0.0, 0.0, 4).len() == 1 && ticks(1e30, 1.1e30, 4).len() > 1);
        assert_eq!(
            (label(0.5, 0.1), label(20_000.0, 5_000.0), label(3.0, 1.0)),
            ("0.5".into(), "20k".into(), "3".into())
        );
    }
}
