//! One meta-gradient from the lessons of several ranks, with the bits of a process by itself.
//!
//! A process by itself adds the gradients of tasks from left to right, and rounding makes the order matter. So the sum goes
//! from rank to rank: rank 0 adds up its tasks, rank 1 adds its own to that sum one after the other, and so on; the last
//! has the whole sum and broadcasts it. The sum goes in pieces, so that while rank 1 adds to the first piece, rank 0
//! sends the second, and the time grows little with the number of ranks. The bytes of the gradient reach a rank twice, once
//! as a sum and once as the result, however many tasks it has. It keeps the gradients of its own tasks until the sum arrives.
//! `docs/scaling.md` has the measurements, and why not otherwise.

use ndarray::ArrayD;

use super::lessons::Taught;
use super::score::Score;
use super::step::MetaGrad;
use crate::arrays;
use crate::error::{Error, Result};
use crate::nn::ParamSpec;
use crate::ranks::{Ranks, Reader, exchange, put, put_array, unread};
use crate::real::Real;

/// Bytes of a piece of the sum. The sum has passed all ranks after as many pieces as there are ranks, and smaller ones cost more
/// latency than transfer.
const PIECE: usize = 16 << 10;

/// The mean over all ranks' tasks. `taught` is what this rank's tasks taught, with a checksum of what must be the same on all
/// ranks: the settings, the tasks, and what was learned so far.
///
/// # Errors
/// The same on all ranks: the error of the first task that has one; [`Error::Rank`] for another error of a rank, or if a
/// checksum is not that of rank 0.
#[inline(never)]
pub(super) fn combined<T: Real>(
    ranks: &dyn Ranks,
    specs: &[ParamSpec],
    taught: Result<(u32, Taught<T>)>,
) -> Result<MetaGrad<T>> {
    if ranks.size() == 1 {
        return taught?.1.mean();
    }
    let mut own = None;
    let said = taught.map(|(same, taught)| {
        let bytes = bytes_of(same, &taught);
        own = Some(taught.grads);
        bytes
    });
    let said = exchange(ranks, said)?;
    let own = own.expect("this rank had no error, or there was one");
    let (mut all, mut first) = (Taught::nothing(), None);
    for (rank, bytes) in said.iter().enumerate() {
        let same = taught_of(bytes, &mut all).ok_or_else(|| unread(rank))?;
        if *first.get_or_insert(same) != same {
            return Err(Error::own(
                "its training is not that of rank 0: start all ranks with the same settings, data and checkpoint, on \
                 processors that have the same vector instructions",
            )
            .on_rank(rank));
        }
    }
    all.grads.push(summed(ranks, specs, &own)?);
    all.mean()
}

compiled_here!(T: combined::<T>);

/// A checksum and what tasks taught, without gradients.
fn bytes_of<T: Real>(same: u32, taught: &Taught<T>) -> Vec<u8> {
    let mut bytes = Vec::new();
    put(&mut bytes, same.into());
    put(&mut bytes, taught.skipped as u64);
    put(&mut bytes, taught.scores.len() as u64);
    for (score, seen) in taught.scores.iter().zip(&taught.seen) {
        score.put(&mut bytes);
        put(&mut bytes, seen.len() as u64);
        seen.iter().for_each(|array| put_array(&mut bytes, array));
    }
    bytes
}

/// The other way round: appends what a rank's tasks taught. The checksum.
fn taught_of<T: Real>(bytes: &[u8], all: &mut Taught<T>) -> Option<u64> {
    let mut reader = Reader(bytes);
    let same = reader.number()?;
    all.skipped += usize::try_from(reader.number()?).ok()?;
    for _ in 0..reader.number()? {
        all.scores.push(Score::read(&mut reader)?);
        let arrays = reader.number()?;
        all.seen.push((0..arrays).map(|_| reader.array()).collect::<Option<_>>()?);
    }
    Some(same)
}

/// The sum of the gradients of all ranks' tasks. On rank 0, `own` is the sum of its tasks, elsewhere the gradients of each.
fn summed<T: Real>(ranks: &dyn Ranks, specs: &[ParamSpec], own: &[Vec<ArrayD<T>>]) -> Result<Vec<ArrayD<T>>> {
    let (rank, last) = (ranks.rank(), ranks.size() - 1);
    let flat = |grads: &Vec<ArrayD<T>>| grads.iter().flat_map(|g| arrays::elements(g).into_owned()).collect();
    let own: Vec<Vec<T>> = own.iter().map(flat).collect();
    let bytes_of = |spec: &ParamSpec| spec.shape.iter().product::<usize>() * size_of::<T>();
    let mut bytes = vec![0; specs.iter().map(bytes_of).sum()];
    let mut sum = vec![T::zero(); PIECE / size_of::<T>()];
    for (piece, bytes) in bytes.chunks_mut(PIECE).enumerate() {
        let start = piece * sum.len();
        let sum = &mut sum[..bytes.len() / size_of::<T>()];
        let mine = own.iter().map(|grads| &grads[start..][..sum.len()]);
        let mut mine = mine.collect::<Vec<_>>().into_iter();
        if rank > 0 {
            ranks.receive(rank - 1, bytes)?;
            arrays::from_bytes(bytes, sum);
        } else {
            match mine.next() {
                Some(first) => sum.copy_from_slice(first),
                None => sum.fill(-T::zero()), // all were left out; to add to it changes no bit, unlike to 0
            }
        }
        mine.for_each(|grads| sum.iter_mut().zip(grads).for_each(|(sum, g)| *sum += *g));
        bytes.copy_from_slice(&arrays::to_bytes(sum));
        if rank < last {
            ranks.send(rank + 1, bytes)?;
        }
    }
    ranks.broadcast(last, &mut bytes)?;
    let mut rest = &bytes[..];
    let arrays = specs.iter().map(|spec| {
        let (here, after) = rest.split_at(bytes_of(spec));
        rest = after;
        let mut array = ArrayD::zeros(spec.shape.clone());
        arrays::from_bytes(here, array.as_slice_mut().expect("a new array has the standard layout"));
        array
    });
    Ok(arrays.collect())
}
