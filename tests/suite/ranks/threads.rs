//! Ranks that are threads of one process, which talk over channels.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use innerloop::{Error, Ranks, Result};

/// One rank. When it is dropped, those who wait for it get an error.
#[derive(Debug)]
pub struct Local {
    rank: usize,
    to: Vec<Sender<Vec<u8>>>,
    from: Vec<Mutex<Receiver<Vec<u8>>>>,
}

/// Longer than anything here takes: who waits longer waits for ever.
const FOR_EVER: Duration = Duration::from_secs(60);

impl Local {
    fn next(&self, from: usize) -> Result<Vec<u8>> {
        let gone = |e| Error::own(format!("rank {from} cannot be reached: {e}"));
        self.from[from].lock().unwrap().recv_timeout(FOR_EVER).map_err(gone)
    }
}

impl Ranks for Local {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.to.len()
    }

    fn send(&self, to: usize, bytes: &[u8]) -> Result<()> {
        self.to[to].send(bytes.to_vec()).map_err(|_| Error::own(format!("rank {to} is gone")))
    }

    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<()> {
        bytes.copy_from_slice(&self.next(from)?); // panics if the lengths differ
        Ok(())
    }

    fn broadcast(&self, from: usize, bytes: &mut [u8]) -> Result<()> {
        if from != self.rank {
            return self.receive(from, bytes);
        }
        (0..self.size()).filter(|to| *to != from).try_for_each(|to| self.send(to, bytes))
    }

    fn all_gather(&self, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
        (0..self.size()).try_for_each(|to| self.send(to, bytes))?;
        (0..self.size()).map(|from| self.next(from)).collect()
    }
}

/// Runs the same on so many ranks at once; the results in the order of the ranks.
pub fn on_ranks<R: Send>(size: usize, program: impl Fn(&Local) -> R + Sync) -> Vec<R> {
    let mut ranks: Vec<Local> =
        (0..size).map(|rank| Local { rank, to: Vec::new(), from: Vec::new() }).collect();
    for from in 0..size {
        for to in 0..size {
            let (sender, receiver) = channel();
            ranks[from].to.push(sender);
            ranks[to].from.push(Mutex::new(receiver));
        }
    }
    let program = &program;
    thread::scope(|scope| {
        let running: Vec<_> = ranks.into_iter().map(|rank| scope.spawn(move || program(&rank))).collect();
        running.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}
