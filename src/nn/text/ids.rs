//! Rows of word ids, as encoders of sentences read them.

use ndarray::ArrayD;

use crate::data::PADDING;
use crate::error::{Error, Result};
use crate::real::Real;
use crate::var::Var;

/// Rows of ids `[n, length]` as whole numbers.
pub(super) struct Ids {
    pub(super) n: usize,
    pub(super) length: usize,
    pub(super) ids: Vec<usize>,
}

impl Ids {
    /// Of inputs `x: [n, length]`; `network` is what reads them, in messages.
    ///
    /// # Panics
    /// If an id is no whole number or not below `words`.
    #[track_caller]
    pub(super) fn of<T: Real>(network: &str, x: Var<'_, T>, words: usize) -> Ids {
        let shape = x.shape();
        let id = |v: &T| {
            let id = v.as_f64();
            assert!(
                is_id(id, words),
                "{network}: {id} is not the id of a word, a whole number below {words}"
            );
            id as usize
        };
        Ids { n: shape[0], length: shape[1], ids: x.with_value(|x| x.iter().map(id).collect()) }
    }

    /// Whether each row has a word at place `place`.
    pub(super) fn words_at(&self, place: usize) -> Vec<bool> {
        (0..self.n).map(|row| self.ids[row * self.length + place] != PADDING).collect()
    }

    /// A number for each id, `[n, length, 1]`.
    pub(super) fn each<T: Real>(&self, number: impl Fn(usize) -> f64) -> ArrayD<T> {
        let numbers = self.ids.iter().map(|&id| T::from_f64(number(id))).collect();
        ArrayD::from_shape_vec(vec![self.n, self.length, 1], numbers).expect("one for each id")
    }

    /// 1 for each word and 0 for padding, `[n, length, 1]`.
    pub(super) fn mask<T: Real>(&self) -> ArrayD<T> {
        self.each(|id| if id == PADDING { 0.0 } else { 1.0 })
    }

    /// For windows of `width` places over rows with `width - 1` more places on either side: 1 for each window with a word
    /// in it, else 0. `[n, length + width - 1, 1]`.
    pub(super) fn windows<T: Real>(&self, width: usize) -> ArrayD<T> {
        let of_row = |row: &[usize]| {
            let end = |last: usize| (last + 1).min(row.len());
            let seen =
                |last: usize| row[last.saturating_sub(width - 1)..end(last)].iter().any(|&id| id != PADDING);
            (0..row.len() + width - 1).map(|last| T::from_f64(seen(last).into())).collect::<Vec<_>>()
        };
        let all = self.ids.chunks(self.length).flat_map(of_row).collect();
        ArrayD::from_shape_vec(vec![self.n, self.length + width - 1, 1], all)
            .expect("a number for each window")
    }
}

fn is_id(id: f64, words: usize) -> bool {
    id >= 0.0 && id.fract() == 0.0 && id < words as f64
}

/// Whether inputs are rows of ids; `what` is what they are in messages.
pub(super) fn check_shape(what: &str, shape: &[usize]) -> Result<()> {
    match shape {
        &[_, length] if length > 0 => Ok(()),
        _ => {
            let what = format!("inputs for {what}, rows of word ids [n, length]");
            Err(Error::Shape { what, expected: vec![1, 1], found: shape.to_vec() })
        }
    }
}

/// Whether values of inputs `[n, length]` are ids of a table with `words` rows.
pub(super) fn check_values(
    shape: &[usize],
    values: &mut dyn Iterator<Item = f64>,
    words: usize,
) -> Result<()> {
    match values.enumerate().find(|(_, id)| !is_id(*id, words)) {
        None => Ok(()),
        Some((at, id)) => {
            let length = shape.get(1).copied().unwrap_or(1).max(1);
            Err(Error::WordId { input: at / length, place: at % length, id, words })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::Tape;
    use ndarray::array;

    #[test]
    fn windows_that_touch_a_word_count() {
        let tape = Tape::<f64>::new();
        let ids = Ids::of("a test", tape.constant(&array![[2.0, 0.0, 0.0, 0.0], [0.0; 4]].into_dyn()), 3);
        let windows = ids.windows::<f64>(3);
        assert_eq!(windows.shape(), [2, 6, 1]);
        assert_eq!(windows.iter().copied().collect::<Vec<_>>()[..6], [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
        assert_eq!(windows.iter().skip(6).sum::<f64>(), 0.0);
        assert_eq!(ids.words_at(0), [true, false]);
    }
}
