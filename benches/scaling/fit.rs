//! A straight line by least squares.

/// `y = at_zero + slope · x`.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    pub at_zero: f64,
    pub slope: f64,
    /// The share of the variance of `y` that the line explains.
    pub r2: f64,
}

impl Line {
    /// The line closest to the points.
    pub fn through(x: &[usize], y: &[f64]) -> Line {
        let (x_mean, y_mean) = (mean(x.iter().map(|&x| x as f64)), mean(y.iter().copied()));
        let off = || x.iter().zip(y).map(|(&x, y)| (x as f64 - x_mean, y - y_mean));
        let xx = mean(off().map(|(x, _)| x * x));
        let xy = mean(off().map(|(x, y)| x * y));
        let yy = mean(off().map(|(_, y)| y * y));
        let slope = xy / xx;
        Line { at_zero: y_mean - slope * x_mean, slope, r2: slope * xy / yy }
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}
