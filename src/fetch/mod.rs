//! Fetching published data sets, whole and unchanged.

mod attempt;
mod omniglot;
mod sources;

pub use sources::{Fetch, RemoteFile};
