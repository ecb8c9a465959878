//! What ranks tell each other, as bytes: numbers of 64 bits, and arrays.

use ndarray::ArrayD;

use crate::arrays;
use crate::error::{Error, Result};
use crate::real::Real;

/// Appends a number.
pub(crate) fn put(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend(number.to_le_bytes());
}

/// Appends an array: its rank, its shape, its elements.
pub(crate) fn put_array<T: Real>(bytes: &mut Vec<u8>, array: &ArrayD<T>) {
    put(bytes, array.ndim() as u64);
    array.shape().iter().for_each(|&n| put(bytes, n as u64));
    bytes.extend(arrays::little_endian(array));
}

/// Reads what was put, in the same order. `None` at bytes that are something else.
pub(crate) struct Reader<'b>(pub(crate) &'b [u8]);

impl Reader<'_> {
    pub(crate) fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    pub(crate) fn float(&mut self) -> Option<f64> {
        self.number().map(f64::from_bits)
    }

    pub(crate) fn array<T: Real>(&mut self) -> Option<ArrayD<T>> {
        let rank = self.number()?;
        let shape: Vec<usize> = (0..rank).map(|_| self.number()?.try_into().ok()).collect::<Option<_>>()?;
        let bytes = shape.iter().try_fold(size_of::<T>(), |bytes, &n| bytes.checked_mul(n))?;
        let (elements, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        let mut numbers = vec![T::zero(); bytes / size_of::<T>()];
        arrays::from_bytes(elements, &mut numbers);
        ArrayD::from_shape_vec(shape, numbers).ok()
    }
}

/// An error of another rank: what can be told of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure {
    task: Option<u64>,
    message: String,
}

impl Failure {
    pub(super) fn error(self) -> Error {
        let error = Error::own(self.message);
        match self.task {
            Some(task) => error.in_task(task),
            None => error,
        }
    }
}

/// 0 and what there is to say; or 1, whether there is a task, its number, and the message.
pub(super) fn of_result(result: &Result<Vec<u8>>) -> Vec<u8> {
    let mut bytes = vec![u8::from(result.is_err())];
    match result {
        Ok(said) => bytes.extend(said),
        Err(error) => {
            let (task, error) = match error {
                Error::Task { task, source } => (Some(*task), &**source),
                _ => (None, error),
            };
            put(&mut bytes, task.is_some().into());
            put(&mut bytes, task.unwrap_or(0));
            bytes.extend(error.to_string().bytes());
        }
    }
    bytes
}

/// The other way round.
pub(super) fn result(bytes: &[u8]) -> Option<Result<&[u8], Failure>> {
    let (failed, said) = bytes.split_first()?;
    if *failed == 0 {
        return Some(Ok(said));
    }
    let mut reader = Reader(said);
    let (has_task, task) = (reader.number()?, reader.number()?);
    let message = str::from_utf8(reader.0).ok()?.to_owned();
    Some(Err(Failure { task: (has_task == 1).then_some(task), message }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_read_with_the_same_bits_and_what_is_cut_is_not_read() {
        let array = ArrayD::from_shape_fn(vec![2, 3], |at| 0.1f32 * at[0] as f32 - at[1] as f32);
        let column = ArrayD::from_elem(vec![3], -0.0f64);
        let mut bytes = Vec::new();
        put(&mut bytes, (-0.25f64).to_bits());
        put_array(&mut bytes, &array);
        put_array(&mut bytes, &column);
        let mut reader = Reader(&bytes);
        assert_eq!(reader.float(), Some(-0.25));
        assert_eq!(reader.array::<f32>().unwrap(), array);
        assert!(reader.array::<f64>().unwrap().iter().all(|v| v.to_bits() == (-0.0f64).to_bits()));
        assert!(reader.0.is_empty() && reader.number().is_none());
        let mut cut = Reader(&bytes[8..40]);
        assert!(cut.array::<f32>().is_none());
        let mut huge = Vec::new();
        [2, u64::MAX, u64::MAX].into_iter().for_each(|n| put(&mut huge, n));
        assert!(Reader(&huge).array::<f32>().is_none());
    }

    #[test]
    fn a_failure_keeps_its_task_and_its_message() {
        let failed = of_result(&Err(Error::own("it diverged").in_task(9)));
        let failure = result(&failed).unwrap().unwrap_err();
        assert!(
            matches!(failure.error(), Error::Task { task: 9, source } if source.to_string() == "it diverged")
        );
        assert_eq!(result(&of_result(&Ok(vec![3]))).unwrap().unwrap(), [3]);
        assert!(result(&[]).is_none() && result(&[1, 0]).is_none());
    }
}
