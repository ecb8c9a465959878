//! Several processes that train one learner.
//!
//! | file | what |
//! |---|---|
//! | `mod` | [`Ranks`]: what the crate needs of a network; who does what; how all come to one answer |
//! | `message` | what is sent, as bytes |
//! | `world` | [`World`]: the ranks of MPI (feature `mpi`) |
//!
//! Ranks that go different ways wait for each other for ever. So whatever one rank alone may find out (an error in a
//! task, a wish to stop, a clock) goes through [`exchange`], after which all ranks know the same and do the same.

use std::fmt::Debug;
use std::ops::Range;

use crate::error::{Error, Result};

mod message;
#[cfg(feature = "mpi")]
mod world;

pub(crate) use message::{Reader, put, put_array};
#[cfg(feature = "mpi")]
pub use world::World;

/// Processes that work on one training, numbered from 0, and how they talk. `()` is a process by itself; with the
/// feature `mpi` there is `World`, over MPI.
///
/// All ranks run the same program. A method that involves several of them returns only once they have called it
/// too, in the same order. It is called by one thread at a time, the one that calls
/// [`Trainer::step`](crate::Trainer::step), [`Trainer::run`](crate::Trainer::run) or
/// [`evaluate_across`](crate::evaluate_across).
///
/// # Errors
/// A method that cannot reach the other ranks returns an error or ends the process; it must not wait for ever.
pub trait Ranks: Debug + Sync {
    /// The number of this process, below [`size`](Ranks::size).
    fn rank(&self) -> usize;

    /// How many processes there are, at least 1.
    fn size(&self) -> usize;

    /// Sends bytes to another rank, which calls [`receive`](Ranks::receive). Those sent first arrive first.
    ///
    /// # Errors
    /// If the rank cannot be reached.
    fn send(&self, to: usize, bytes: &[u8]) -> Result<()>;

    /// Receives as many bytes as the buffer is long, in one piece as they were sent.
    ///
    /// # Errors
    /// If the rank cannot be reached.
    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<()>;

    /// Copies the buffer of rank `from` into that of all others, which are of the same length.
    ///
    /// # Errors
    /// If a rank cannot be reached.
    fn broadcast(&self, from: usize, bytes: &mut [u8]) -> Result<()>;

    /// The bytes of all ranks, in the order of the ranks; they may differ in length.
    ///
    /// # Errors
    /// If a rank cannot be reached.
    fn all_gather(&self, bytes: &[u8]) -> Result<Vec<Vec<u8>>>;
}

/// A process by itself.
impl Ranks for () {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn send(&self, to: usize, _: &[u8]) -> Result<()> {
        panic!("there is no rank {to} to send to: the process is by itself")
    }

    fn receive(&self, from: usize, _: &mut [u8]) -> Result<()> {
        panic!("there is no rank {from} to receive from: the process is by itself")
    }

    fn broadcast(&self, _: usize, _: &mut [u8]) -> Result<()> {
        Ok(())
    }

    fn all_gather(&self, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
        Ok(vec![bytes.to_vec()])
    }
}

/// This rank's share of `count` things: neighbours, in the order of the ranks, and none has more than the first.
pub(crate) fn share(ranks: &dyn Ranks, count: u64) -> Range<u64> {
    let (rank, size) = (ranks.rank() as u64, ranks.size() as u64);
    let (each, more) = (count / size, count % size);
    let start = |rank: u64| rank * each + rank.min(more);
    start(rank)..start(rank + 1)
}

/// What each rank has to say, told to all. If one has an error, all return an error with the same message, that
/// of the first rank which has one, with its number unless it names a task or all have it.
pub(crate) fn exchange(ranks: &dyn Ranks, own: Result<Vec<u8>>) -> Result<Vec<Vec<u8>>> {
    if ranks.size() == 1 {
        return own.map(|bytes| vec![bytes]);
    }
    let told = ranks.all_gather(&message::of_result(&own));
    let (own, told) = match (own, told) {
        (own, Ok(told)) => (own, told),
        (Err(error), Err(_)) | (Ok(_), Err(error)) => return Err(error),
    };
    let results =
        told.iter().enumerate().map(|(rank, bytes)| message::result(bytes).ok_or_else(|| unread(rank)));
    let results: Vec<_> = results.collect::<Result<_>>()?;
    let failed = |result: &Result<&[u8], message::Failure>| result.as_ref().err().cloned();
    let failures: Vec<_> = results.iter().map(failed).collect();
    let Some(first) = failures.iter().position(Option::is_some) else {
        return Ok(results.into_iter().flatten().map(<[u8]>::to_vec).collect());
    };
    let failure = failures[first].clone().expect("it was just found");
    match own {
        Err(error) if failures.iter().all(|other| other.as_ref() == Some(&failure)) => Err(error),
        Err(error) if first == ranks.rank() => Err(error.on_rank(first)),
        _ => Err(failure.error().on_rank(first)),
    }
}

/// As [`exchange`], for ranks that have nothing to say but that they could not go on.
pub(crate) fn agree(ranks: &dyn Ranks, own: Result<()>) -> Result<()> {
    exchange(ranks, own.map(|()| Vec::new())).map(drop)
}

/// The error of a rank whose message makes no sense.
pub(crate) fn unread(rank: usize) -> Error {
    Error::own("its message cannot be read: start the same program on all ranks").on_rank(rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct At(usize, usize);

    impl Ranks for At {
        fn rank(&self) -> usize {
            self.0
        }

        fn size(&self) -> usize {
            self.1
        }

        fn send(&self, _: usize, _: &[u8]) -> Result<()> {
            Ok(())
        }

        fn receive(&self, _: usize, _: &mut [u8]) -> Result<()> {
            Ok(())
        }

        fn broadcast(&self, _: usize, _: &mut [u8]) -> Result<()> {
            Ok(())
        }

        fn all_gather(&self, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
            let other = message::of_result(&Ok(vec![7]));
            Ok((0..self.1).map(|rank| if rank == self.0 { bytes.to_vec() } else { other.clone() }).collect())
        }
    }

    #[test]
    fn shares_are_neighbours_and_differ_by_one_at_most() {
        for (count, size, want) in [(7, 3, vec![3, 2, 2]), (2, 4, vec![1, 1, 0, 0]), (8, 1, vec![8])] {
            let shares: Vec<_> = (0..size).map(|rank| share(&At(rank, size), count)).collect();
            assert_eq!(shares.iter().map(|s| s.end - s.start).collect::<Vec<_>>(), want);
            assert!(shares.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert_eq!((shares[0].start, shares[size - 1].end), (0, count));
        }
    }

    #[test]
    fn an_error_of_one_rank_names_it_unless_it_names_a_task() {
        let own = || Error::own("no such file");
        assert_eq!(exchange(&At(1, 3), Ok(vec![1, 2])).unwrap(), [vec![7], vec![1, 2], vec![7]]);
        let error = exchange(&At(1, 3), Err(own())).unwrap_err();
        assert_eq!(error.to_string(), "rank 1: no such file");
        let error = agree(&At(1, 3), Err(own().in_task(4))).unwrap_err();
        assert_eq!(error.to_string(), "task 4: no such file");
        assert_eq!(agree(&(), Err(own())).unwrap_err().to_string(), "no such file");
    }
}
