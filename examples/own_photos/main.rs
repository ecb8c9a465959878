//! Photographs of your own, from the first training to an answer: a folder (or a zip) with a folder of pictures per
//! class.
//!
//! ```text
//! alias own_photos='cargo run --release --features photos,report --example own_photos --'
//! own_photos train PHOTOS --minutes 10     # Ctrl-C at any time; the same with --resume goes on
//! own_photos adapt NEW_CLASSES             # a folder per new class, with one picture each or more
//! own_photos predict picture.jpg ..        # which of the new classes is it?
//! ```
//!
//! `train` holds some classes back for validation and for the test, trains a prototypical network on episodes of the others, and
//! leaves in `out/own_photos` (`--out`): `report.html`, the checkpoint and the logs of the run, and
//! `pretrained.safetensors`. `adapt` makes `classifier.safetensors` of it, which is all that `predict` needs: in a
//! program of your own two calls, `Classifier::load` and `names`.

mod product;
mod train;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Learns from photographs of your own
#[derive(Debug, Parser)]
struct Settings {
    #[command(subcommand)]
    what: What,
    /// Folder for everything that is written
    #[arg(long, default_value = "out/own_photos", global = true)]
    out: PathBuf,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Train on a folder of photographs, a folder per class, and report on classes that were held back
    Train(train::Settings),
    /// Learn new classes from a folder that has a folder of pictures for each of them
    Adapt {
        /// The folder
        photos: PathBuf,
    },
    /// Say of which of the new classes pictures are
    Predict {
        /// JPEG or PNG files
        #[arg(required = true)]
        pictures: Vec<PathBuf>,
    },
}

fn main() -> ExitCode {
    let Settings { what, out } = Settings::parse();
    let done = match what {
        What::Train(settings) => train::train(&settings, &out),
        What::Adapt { photos } => product::adapt(&photos, &out),
        What::Predict { pictures } => product::predict(&pictures, &out),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
