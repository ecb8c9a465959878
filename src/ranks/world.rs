//! The ranks of MPI.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use mpi::Threading;
use mpi::datatype::PartitionMut;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Destination, Root, Source};

use super::Ranks;
use crate::error::{Error, Result};

/// The processes that `mpirun` started (`MPI_COMM_WORLD`); a program that was started without it is a process by
/// itself.
///
/// ```no_run
/// use std::process::ExitCode;
/// use innerloop::{Adam, Maml, Mlp, NormMode, Order, Ranks, Run, Sinusoids, TrainConfig, Trainer, World};
///
/// fn main() -> ExitCode {
///     World::run(|world| {
///         let maml = Maml::new(Mlp::new(&[1, 40, 40, 1])?, 0.01, Order::Second, NormMode::Batch);
///         let mut trainer = Trainer::<f32, _, _>::new(&maml, Adam::default(), TrainConfig::new(25, 1e-3, 1000))?;
///         trainer = trainer.across(world); // that is all: 25 tasks per meta-step, shared out
///         trainer.run(&Sinusoids::new(10, 10, 0), &Run::new(), &mut ())?;
///         if world.rank() == 0 {
///             println!("{} meta-steps", trainer.iteration());
///         }
///         Ok(())
///     })
/// }
/// ```
///
/// An error of MPI itself, a lost connection for instance, ends the program on all ranks.
#[derive(Debug)]
pub struct World {
    rank: usize,
    size: usize,
}

/// Most bytes in a message: MPI counts with 32 bits.
const MOST: usize = 1 << 30;

/// How long a rank with an error waits for rank 0 to have one too and to end the program first.
const PATIENCE: Duration = Duration::from_secs(2);

impl World {
    /// Runs a program on all ranks: call it once, in `main`. If `program` returns an error on any rank or panics there,
    /// the program ends on all ranks with exit code 1, after the error was printed, once if all ranks have it.
    pub fn run(program: impl FnOnce(&World) -> Result<()>) -> ExitCode {
        // tasks are computed by many threads, but one thread at a time talks
        let Some((universe, _)) = mpi::initialize_with_threading(Threading::Serialized) else {
            eprintln!("error: MPI is in use already; call World::run once");
            return ExitCode::FAILURE;
        };
        let world = SimpleCommunicator::world();
        let [rank, size] =
            [world.rank(), world.size()].map(|n| usize::try_from(n).expect("MPI counts from 0"));
        let ended = EndsAll;
        if let Err(error) = program(&World { rank, size }) {
            // most errors are those of all ranks: the first prints it
            if rank > 0 {
                thread::sleep(PATIENCE);
            }
            eprintln!("error on rank {rank} of {size}: {error}");
            SimpleCommunicator::world().abort(1);
        }
        drop(ended);
        drop(universe); // waits for all ranks
        ExitCode::SUCCESS
    }
}

/// Ends the program on all ranks if this one panics: the others would wait for it.
struct EndsAll;

impl Drop for EndsAll {
    fn drop(&mut self) {
        if thread::panicking() {
            SimpleCommunicator::world().abort(101);
        }
    }
}

fn number(rank: usize) -> i32 {
    i32::try_from(rank).expect("a rank of MPI")
}

impl Ranks for World {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn send(&self, to: usize, bytes: &[u8]) -> Result<()> {
        let world = SimpleCommunicator::world();
        bytes.chunks(MOST).for_each(|bytes| world.process_at_rank(number(to)).send(bytes));
        Ok(())
    }

    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<()> {
        let world = SimpleCommunicator::world();
        for bytes in bytes.chunks_mut(MOST) {
            world.process_at_rank(number(from)).receive_into(bytes);
        }
        Ok(())
    }

    fn broadcast(&self, from: usize, bytes: &mut [u8]) -> Result<()> {
        let world = SimpleCommunicator::world();
        for bytes in bytes.chunks_mut(MOST) {
            world.process_at_rank(number(from)).broadcast_into(bytes);
        }
        Ok(())
    }

    fn all_gather(&self, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
        let world = SimpleCommunicator::world();
        let mut lengths = vec![0u64; self.size];
        world.all_gather_into(&(bytes.len() as u64), &mut lengths[..]);
        let total: u64 = lengths.iter().sum();
        if total > MOST as u64 {
            return Err(Error::own(format!(
                "the ranks have {total} bytes to tell each other at once, and MPI takes {MOST}: lower `meta_batch`"
            )));
        }
        let counts: Vec<i32> = lengths.iter().map(|&n| n as i32).collect();
        let starts: Vec<i32> = counts.iter().scan(0, |at, n| Some(std::mem::replace(at, *at + n))).collect();
        let mut all = vec![0u8; total as usize];
        world.all_gather_varcount_into(bytes, &mut PartitionMut::new(&mut all[..], counts, starts));
        let mut rest = &all[..];
        let parts = lengths.iter().map(|&n| {
            let (part, after) = rest.split_at(n as usize);
            rest = after;
            part.to_vec()
        });
        Ok(parts.collect())
    }
}
