//! Fetches Omniglot: its two archives and the lists of the Vinyals split, 17 MB, checked against their published sums.
//! Interrupted, it goes on where it stopped.
//!
//! ```text
//! cargo run --features fetch --example fetch_omniglot -- data/omniglot
//! cargo run --example omniglot_maml -- --data omniglot --root data/omniglot
//! ```

use std::path::PathBuf;

use clap::Parser;
use innerloop::{Fetch, Result};

/// Fetches Omniglot
#[derive(Debug, Parser)]
struct Settings {
    /// Folder for the files
    #[arg(default_value = "data/omniglot")]
    folder: PathBuf,
    /// Another server that has them, under the names that they have in the folder
    #[arg(long)]
    mirror: Option<String>,
}

fn main() -> Result<()> {
    let Settings { folder, mirror } = Settings::parse();
    let omniglot = Fetch::omniglot();
    let omniglot = mirror.iter().fold(omniglot, |omniglot, base| omniglot.mirror(base));
    omniglot.into_folder(&folder, |file, have, all| {
        if have == all {
            println!("{}: {all} bytes", file.display());
        }
    })?;
    println!("Omniglot is in {}", folder.display());
    Ok(())
}
