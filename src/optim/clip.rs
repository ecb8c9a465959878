//! Gradient-norm clipping.

use ndarray::ArrayD;

use crate::real::Real;

/// The Euclidean norm over all arrays together.
#[inline(never)]
pub fn grad_norm<T: Real>(grads: &[ArrayD<T>]) -> f64 {
    let square = |g: &ArrayD<T>| g.iter().map(|v| v.as_f64() * v.as_f64()).sum::<f64>();
    grads.iter().map(square).sum::<f64>().sqrt()
}

/// Scales all arrays so that their norm is at most `max_norm` (Pascanu et al. 2013,
/// algorithm 1). Returns the norm before.
#[inline(never)]
pub fn clip_grad_norm<T: Real>(grads: &mut [ArrayD<T>], max_norm: f64) -> f64 {
    let norm = grad_norm(grads);
    if norm > max_norm {
        let scale = T::from_f64(max_norm / norm);
        grads.iter_mut().for_each(|g| *g *= scale);
    }
    norm
}

compiled_here!(T: grad_norm::<T>, clip_grad_norm::<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr1;

    #[test]
    fn clipping_shortens_long_gradients_and_leaves_short_ones() {
        let mut grads = vec![arr1(&[3.0]).into_dyn(), arr1(&[0.0, 4.0]).into_dyn()];
        assert_eq!(clip_grad_norm(&mut grads, 10.0), 5.0);
        assert_eq!(grads[0][[0]], 3.0);
        assert_eq!(clip_grad_norm(&mut grads, 1.0), 5.0);
        approx::assert_relative_eq!(grad_norm(&grads), 1.0, max_relative = 1e-15);
    }
}
