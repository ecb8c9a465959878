//! How the outer rate changes over training.

/// A rule for the outer learning rate.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Schedule {
    /// The same rate throughout.
    Constant,
    /// Half a cosine from the full rate to `floor` times it over `iterations`
    /// (Loshchilov and Hutter 2017, equation 5, without restarts), then flat.
    Cosine {
        /// Iterations until the floor.
        iterations: u64,
        /// The last rate as a share of the first.
        floor: f64,
    },
    /// A straight line from the full rate to `floor` times it over `iterations`, then flat. With floor 0
    /// it is the outer rate of Reptile.
    Linear {
        /// Iterations until the floor.
        iterations: u64,
        /// The last rate as a share of the first.
        floor: f64,
    },
}

impl Schedule {
    /// The rate at `iteration` (from 0), given the full rate.
    pub fn rate(&self, full: f64, iteration: u64) -> f64 {
        let done = |iterations: u64| (iteration as f64 / iterations.max(1) as f64).min(1.0);
        let above = |floor: f64, share: f64| full * (floor + (1.0 - floor) * share);
        match *self {
            Schedule::Constant => full,
            Schedule::Cosine { iterations, floor } => {
                above(floor, 0.5 * (1.0 + (std::f64::consts::PI * done(iterations)).cos()))
            }
            Schedule::Linear { iterations, floor } => above(floor, 1.0 - done(iterations)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cosine_goes_from_the_full_rate_to_the_floor_and_stays() {
        let cosine = Schedule::Cosine { iterations: 100, floor: 0.1 };
        let rates = [0, 50, 100, 1000].map(|i| cosine.rate(2.0, i));
        approx::assert_relative_eq!(&rates[..], &[2.0, 1.1, 0.2, 0.2][..], max_relative = 1e-12);
        assert_eq!(Schedule::Constant.rate(2.0, 77), 2.0);
    }

    #[test]
    fn a_line_goes_from_the_full_rate_to_the_floor_and_stays() {
        let rates =
            |floor| [0, 25, 100, 1000].map(|i| Schedule::Linear { iterations: 100, floor }.rate(2.0, i));
        assert_eq!(rates(0.0), [2.0, 1.5, 0.0, 0.0]);
        assert_eq!(rates(0.5), [2.0, 1.75, 1.0, 1.0]);
    }
}
