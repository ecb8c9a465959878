//! Regression tasks whose best possible answer is known.

use ndarray::{Array1, ArrayD, IxDyn};
use rand_distr::{Distribution, StandardNormal};

use super::episode::{Episode, Examples};
use super::tasks::Tasks;
use crate::error::{Error, Result};
use crate::random::{Purpose, between, stream};
use crate::real::Real;
use crate::tape::Tape;

/// Curves drawn from a Gaussian process with a squared-exponential kernel
/// `k(x, x′) = amplitude²·exp(−(x − x′)²/(2·length²))`, seen through noise: `y = f(x) + noise·ε`.
///
/// A task is one curve: `shots` points in the support set, `queries` in the query set, `x` uniform in −5..5. The
/// [posterior](GaussianProcesses::posterior) of the process given a support set is the best possible prediction (Rasmussen and
/// Williams 2006, equations 2.25 and 2.26), so how far a learner is from it, and how well it knows what it does not know, are
/// exact.
///
/// ```
/// use innerloop::{Episode, GaussianProcesses, Tasks};
/// let tasks = GaussianProcesses::new(5, 10, 0).noise(0.1);
/// let episode: Episode<f64> = tasks.task(3);
/// let (mean, variance) = tasks.posterior(&episode.support, &episode.query.x)?;
/// assert_eq!((mean.len(), variance.len()), (10, 10));
/// assert!(tasks.best_loss(&episode)? <= 1.01); // the amplitude squared, and the noise squared
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct GaussianProcesses {
    /// Points in the support set.
    pub shots: usize,
    /// Points in the query set.
    pub queries: usize,
    /// Decides all tasks.
    pub seed: u64,
    /// The distance over which a curve changes, in units of x; 1 unless said otherwise.
    pub length: f64,
    /// The standard deviation of a curve; 1 unless said otherwise.
    pub amplitude: f64,
    /// The standard deviation of the noise; 0.1 unless said otherwise.
    pub noise: f64,
}

impl GaussianProcesses {
    /// Tasks with so many points in their two sets. They are checked where they are used.
    pub const fn new(shots: usize, queries: usize, seed: u64) -> Self {
        Self { shots, queries, seed, length: 1.0, amplitude: 1.0, noise: 0.1 }
    }

    /// With another length scale.
    #[must_use]
    pub const fn length(self, length: f64) -> Self {
        Self { length, ..self }
    }

    /// With another standard deviation of curves.
    #[must_use]
    pub const fn amplitude(self, amplitude: f64) -> Self {
        Self { amplitude, ..self }
    }

    /// With another standard deviation of the noise; it may be 0.
    #[must_use]
    pub const fn noise(self, noise: f64) -> Self {
        Self { noise, ..self }
    }

    fn check(&self) -> Result<()> {
        let refuse = |name, value: String, need| Err(Error::Setting { name, value, need });
        for (name, value) in [("shots", self.shots), ("queries", self.queries)] {
            if !(1..=10_000).contains(&value) {
                return refuse(name, value.to_string(), "from 1 to 10000");
            }
        }
        // squares of these must neither vanish nor overflow
        for (name, value) in [("length", self.length), ("amplitude", self.amplitude)] {
            if !(1e-100..=1e100).contains(&value) {
                return refuse(name, value.to_string(), "from 1e-100 to 1e100");
            }
        }
        if !(0.0..=1e100).contains(&self.noise) {
            return refuse("noise", self.noise.to_string(), "from 0 to 1e100");
        }
        Ok(())
    }

    fn kernel(&self, a: &[f64], b: &[f64]) -> ArrayD<f64> {
        let k = |x: f64, y: f64| {
            let d = (x - y) / self.length;
            self.amplitude * self.amplitude * (-0.5 * d * d).exp()
        };
        ArrayD::from_shape_fn(IxDyn(&[a.len(), b.len()]), |at| k(a[at[0]], b[at[1]]))
    }

    /// The kernel of points with themselves, plus `extra` on the diagonal and what keeps its factor computable.
    fn covariance(&self, x: &[f64], extra: f64) -> ArrayD<f64> {
        let mut k = self.kernel(x, x);
        let jitter = 1e-10 * self.amplitude * self.amplitude;
        (0..x.len()).for_each(|i| k[[i, i]] += extra + jitter);
        k
    }

    /// Mean and variance of the curve itself, without noise, at each of `x: [n, 1]`, given a support set.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings out of range; [`Error::Shape`] for inputs or values that are not columns;
    /// [`Error::NotSolvable`].
    pub fn posterior<T: Real>(&self, support: &Examples<T>, x: &ArrayD<T>) -> Result<(Vec<f64>, Vec<f64>)> {
        self.check()?;
        let y = support.y.values().map(|y| column("values of a support set", y)).transpose()?;
        let y = y.ok_or(Error::Setting { name: "targets", value: "labels".into(), need: "values" })?;
        let (xs, xq) = (column("inputs of a support set", &support.x)?, column("inputs", x)?);
        if y.len() != xs.len() {
            let what = "values of a support set".into();
            return Err(Error::Shape { what, expected: vec![xs.len(), 1], found: vec![y.len(), 1] });
        }
        let tape = Tape::<f64>::new();
        let k = tape.leaf(&self.covariance(&xs, self.noise * self.noise));
        let cross = self.kernel(&xs, &xq);
        let right = [Array1::from(y).into_dyn().insert_axis(ndarray::Axis(1)), cross.clone()];
        let views: Vec<_> = right.iter().map(|a| a.view()).collect();
        let both = ndarray::concatenate(ndarray::Axis(1), &views).expect("as many rows");
        let solved = k.solve_spd(tape.leaf(&both))?.to_array();
        let of = |i: usize, j: usize| -> f64 { (0..xs.len()).map(|s| cross[[s, i]] * solved[[s, j]]).sum() };
        let prior = self.amplitude * self.amplitude;
        let mean = (0..xq.len()).map(|i| of(i, 0)).collect();
        let variance = (0..xq.len()).map(|i| (prior - of(i, i + 1)).max(0.0)).collect();
        Ok((mean, variance))
    }

    /// The mean squared error on the query set that no learner can expect to be below: the mean variance of the posterior, and
    /// the noise.
    ///
    /// # Errors
    /// As [`posterior`](GaussianProcesses::posterior).
    pub fn best_loss<T: Real>(&self, episode: &Episode<T>) -> Result<f64> {
        let (_, variance) = self.posterior(&episode.support, &episode.query.x)?;
        Ok(variance.iter().sum::<f64>() / variance.len() as f64 + self.noise * self.noise)
    }
}

/// The numbers of an array `[n, 1]`.
fn column<T: Real>(what: &str, x: &ArrayD<T>) -> Result<Vec<f64>> {
    match *x.shape() {
        [n, 1] if n > 0 => Ok(x.iter().map(|v| v.as_f64()).collect()),
        _ => Err(Error::Shape { what: what.into(), expected: vec![1, 1], found: x.shape().to_vec() }),
    }
}

impl<T: Real> Tasks<Episode<T>> for GaussianProcesses {
    fn check(&self) -> Result<()> {
        GaussianProcesses::check(self)
    }

    fn describe(&self) -> String {
        format!("{self:#?}")
    }

    #[inline(never)]
    fn task(&self, i: u64) -> Episode<T> {
        let mut rng = stream(self.seed, Purpose::GaussianProcess, i);
        let n = self.shots + self.queries;
        let x: Vec<f64> = (0..n).map(|_| between(&mut rng, -5.0, 5.0)).collect();
        let mut draw = || -> Vec<f64> { (0..n).map(|_| StandardNormal.sample(&mut rng)).collect() };
        let (unit, noise) = (draw(), draw());
        let tape = Tape::<f64>::new();
        // the smallest eigenvalue of the kernel of near points is rounding: the diagonal keeps the factor real
        let factor =
            tape.leaf(&self.covariance(&x, 0.0)).cholesky().expect("a kernel with a larger diagonal");
        let curve = factor.matmul(tape.leaf(&Array1::from(unit).into_dyn()).reshape(&[n, 1])).to_array();
        let array = |values: &mut dyn Iterator<Item = f64>| -> ArrayD<T> {
            let values: Vec<T> = values.map(T::from_f64).collect();
            ArrayD::from_shape_vec(IxDyn(&[values.len(), 1]), values).expect("a column")
        };
        let examples = |of: std::ops::Range<usize>| {
            let y = array(&mut of.clone().map(|j| curve[[j, 0]] + self.noise * noise[j]));
            Examples::valued(array(&mut of.map(|j| x[j])), y)
        };
        Episode { support: examples(0..self.shots), query: examples(self.shots..n), classes: Vec::new() }
    }
}

compiled_here!(T: <GaussianProcesses as Tasks<Episode<T>>>::task);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_the_posterior_is_what_it_says_itself() {
        for noise in [0.0, 0.3] {
            let tasks = GaussianProcesses::new(6, 8, 1).noise(noise).amplitude(1.5);
            let (mut squared, mut expected, mut standardised) = (0.0, 0.0, Vec::new());
            for i in 0..600 {
                let episode: Episode<f64> = tasks.task(i);
                let (mean, variance) = tasks.posterior(&episode.support, &episode.query.x).unwrap();
                let y = episode.query.y.values().unwrap();
                squared += mean.iter().zip(y).map(|(m, y)| (m - y).powi(2)).sum::<f64>() / 8.0;
                expected += tasks.best_loss(&episode).unwrap();
                let scale = |v: f64| (v + noise * noise).sqrt();
                let far = variance.iter().zip(mean.iter().zip(y)).filter(|(v, _)| **v > 1e-3);
                standardised.extend(far.map(|(v, (m, y))| (y - m) / scale(*v)));
            }
            // about 600 tasks of correlated points: a few per cent
            assert!((squared / expected - 1.0).abs() < 0.12, "{squared} {expected}");
            let square = standardised.iter().map(|z| z * z).sum::<f64>() / standardised.len() as f64;
            assert!((square - 1.0).abs() < 0.1, "{square}");
        }
    }

    #[test]
    fn without_noise_the_posterior_goes_through_the_support_set_and_far_away_it_knows_nothing() {
        let tasks = GaussianProcesses::new(4, 1, 2).noise(0.0);
        let episode: Episode<f64> = tasks.task(0);
        let (mean, variance) = tasks.posterior(&episode.support, &episode.support.x).unwrap();
        let y = episode.support.y.values().unwrap();
        assert!(mean.iter().zip(y).all(|(m, y)| (m - y).abs() < 1e-6), "{mean:?} {y}");
        assert!(variance.iter().all(|v| *v < 1e-6), "{variance:?}");
        let far = ArrayD::from_elem(vec![1, 1], 1e3);
        assert_eq!(tasks.posterior(&episode.support, &far).unwrap(), (vec![0.0], vec![1.0]));
    }

    #[test]
    fn one_point_gives_the_posterior_that_is_known_in_closed_form() {
        let tasks = GaussianProcesses::new(1, 1, 0).length(2.0).amplitude(1.5).noise(0.5);
        let at = |x: f64| ArrayD::from_elem(vec![1, 1], x);
        let (mean, variance) = tasks.posterior(&Examples::valued(at(1.0), at(3.0)), &at(4.0)).unwrap();
        let (near, prior, seen) = (2.25 * (-9.0f64 / 8.0).exp(), 2.25, 2.25 + 0.25);
        assert!((mean[0] - near * 3.0 / seen).abs() < 1e-9, "{mean:?}");
        assert!((variance[0] - (prior - near * near / seen)).abs() < 1e-9, "{variance:?}");
    }

    #[test]
    fn drawn_values_vary_together_as_the_kernel_and_the_noise_say() {
        let tasks = GaussianProcesses::new(1, 1, 5).length(2.0).amplitude(1.5).noise(0.5);
        let (mut found, mut want, n) = ([0.0; 2], [0.0; 2], 20_000);
        for i in 0..n {
            let episode: Episode<f64> = tasks.task(i);
            let [(x, y), (z, w)] = [&episode.support, &episode.query]
                .map(|set| (set.x[[0, 0]], set.y.values().unwrap()[[0, 0]]));
            let pair = [y * y, y * w];
            let known = [2.25 + 0.25, 2.25 * (-(x - z).powi(2) / 8.0).exp()];
            (0..2).for_each(|k| {
                found[k] += pair[k] / n as f64;
                want[k] += known[k] / n as f64;
            });
        }
        // a standard error of about 1 % of the variance, which is 2.5
        assert!((0..2).all(|k| (found[k] - want[k]).abs() < 0.1), "{found:?} {want:?}");
        let again = |seed, i| Tasks::<Episode<f64>>::task(&GaussianProcesses { seed, ..tasks }, i).query.y;
        assert_eq!(again(5, 9), again(5, 9));
        assert!(again(5, 9) != again(5, 8) && again(5, 9) != again(6, 9));
    }

    #[test]
    fn settings_out_of_range_and_other_shapes_are_refused() {
        let new = || GaussianProcesses::new(2, 2, 0);
        for (tasks, name) in [
            (GaussianProcesses::new(0, 2, 0), "shots"),
            (GaussianProcesses::new(2, usize::MAX, 0), "queries"),
            (new().length(0.0), "length"),
            (new().amplitude(f64::NAN), "amplitude"),
            (new().amplitude(1e-200), "amplitude"),
            (new().amplitude(1e200), "amplitude"),
            (new().noise(-0.1), "noise"),
            (new().noise(1e200), "noise"),
        ] {
            let error = Tasks::<Episode<f32>>::check(&tasks).unwrap_err();
            assert!(matches!(error, Error::Setting { name: found, .. } if found == name), "{error}");
        }
        let episode: Episode<f64> = new().task(0);
        let wide = ArrayD::zeros(vec![3, 2]);
        assert!(matches!(new().posterior(&episode.support, &wide), Err(Error::Shape { .. })));
        let labelled = Examples::labelled(episode.support.x.clone(), vec![0, 1], 2);
        assert!(matches!(new().posterior(&labelled, &episode.query.x), Err(Error::Setting { .. })));
    }
}
