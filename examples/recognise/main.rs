//! Handwritten characters of your own, told apart after one picture of each: photographs or scans, as PNG files, of dark ink on light paper.
//!
//! ```text
//! cargo run --release --example recognise
//! cargo run --release --example recognise -- learn FOLDER
//! cargo run --release --example recognise -- read picture.png ..
//! ```
//!
//! The first works on pictures that come with it and says what it did. `learn` takes a folder with a folder of pictures for each
//! character, one or more, adapts the pretrained learner in milliseconds and saves `classifier.safetensors`, which is all that
//! `read` needs: the most probable character of a picture, its probability, and a word when none of them fits. `train` makes the
//! pretrained learners again; `examples/pretrained/README.md` says how they were made and how good they are.

mod measure;
mod product;
mod show;
mod train;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

/// Learns handwritten characters from a picture of each
#[derive(Debug, Parser)]
struct Settings {
    #[command(subcommand)]
    what: Option<What>,
    /// Which learner
    #[arg(long, value_enum, default_value_t = Kind::Protonet, global = true)]
    learner: Kind,
    /// Folder of the pretrained learners
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/pretrained"), hide_default_value = true, global = true)]
    pretrained: PathBuf,
    /// File of the learner that knows your characters
    #[arg(long, default_value = "classifier.safetensors", global = true)]
    classifier: PathBuf,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Learn characters from a folder that has a folder of pictures for each of them
    Learn {
        /// The folder
        pictures: PathBuf,
    },
    /// Say which characters pictures show
    Read {
        /// PNG files
        #[arg(required = true)]
        pictures: Vec<PathBuf>,
    },
    /// Train a learner on Omniglot and write it to the folder of the pretrained ones
    Train(train::Settings),
    /// Measure a pretrained learner on Omniglot's test classes
    Measure {
        /// Folder of Omniglot
        #[arg(long)]
        root: PathBuf,
    },
}

/// A pretrained learner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Prototypes: any number of characters from any number of pictures
    Protonet,
    /// MAML: two to five characters
    Maml,
    /// MAML with a network of a quarter of the size, for the page in `examples/web`
    MamlSmall,
}

impl Kind {
    /// The name of its file.
    fn file(self) -> &'static str {
        match self {
            Kind::Protonet => "protonet.safetensors",
            Kind::Maml => "maml.safetensors",
            Kind::MamlSmall => "maml-small.safetensors",
        }
    }
}

fn main() -> ExitCode {
    let Settings { what, learner, pretrained, classifier } = Settings::parse();
    let file = pretrained.join(learner.file());
    let done = match what {
        None => show::show(learner, &file),
        Some(What::Learn { pictures }) => product::learn(learner, &file, &pictures, &classifier),
        Some(What::Read { pictures }) => product::read(learner, &classifier, &pictures),
        Some(What::Train(settings)) => train::train(learner, &file, &settings),
        Some(What::Measure { root }) => measure::measure(learner, &file, &root),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
