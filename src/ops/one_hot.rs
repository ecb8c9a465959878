//! Labels as rows of zeros and a one.

use crate::pool::Buf;
use crate::real::Real;
use crate::tape::Tape;
use crate::value::{Shape, Value};
use crate::var::Var;

impl<T: Real> Tape<T> {
    /// Puts labels on the tape as rows: `y[i, labels[i]] = 1`, all else 0. Returns `[labels.len(), classes]`, a leaf:
    /// labels have no derivative.
    ///
    /// # Panics
    /// If a label is not in `0..classes`.
    #[track_caller]
    #[inline(never)]
    pub fn one_hot(&self, labels: &[usize], classes: usize) -> Var<'_, T> {
        let outside = labels.iter().find(|&&label| label >= classes);
        assert!(outside.is_none(), "one_hot: label {} is not in 0..{classes}", outside.unwrap_or(&0));
        let shape = Shape::new(&[labels.len(), classes]);
        let mut y = Buf::zeros(shape.size());
        labels.iter().enumerate().for_each(|(i, &label)| y[i * classes + label] = T::one());
        self.push_leaf(Value::new(&shape, y))
    }
}

compiled_here!(T: Tape::<T>::one_hot);

#[cfg(test)]
mod tests {
    use crate::check_grads;
    use crate::tape::Tape;
    use ndarray::arr2;

    #[test]
    fn each_row_has_its_one_at_the_label() {
        let tape = Tape::<f64>::new();
        let y = tape.one_hot(&[2, 0], 3);
        assert_eq!(y.to_array(), arr2(&[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]).into_dyn());
        assert_eq!(*tape.one_hot(&[], 3).shape(), [0, 3]);
    }

    #[test]
    fn class_means_made_with_it_have_correct_grads() {
        check_grads(&[&[4, 3]], 2, |x| {
            x[0].tape().one_hot(&[1, 0, 1, 1], 2).matmul_with(x[0], true, false).tanh()
        });
    }

    #[test]
    #[should_panic(expected = "one_hot: label 3 is not in 0..3")]
    fn a_label_out_of_range_is_named() {
        let _ = Tape::<f32>::new().one_hot(&[0, 3], 3);
    }
}
