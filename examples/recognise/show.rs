//! The demonstration on pictures that come with this example.

use std::fs;
use std::path::{Path, PathBuf};

use innerloop::{Conv4, Drawings, Error, Maml, ProtoNet, Result};

use crate::Kind;
use crate::product::{SIZE, SlowMaml, answer, learned};

/// Five invented characters in `learn/NAME/`, a picture each, and pictures by other hands in `read/`, whose names begin with that of the
/// character that they show, or with `none`.
const PICTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/recognise/pictures");

pub fn show(kind: Kind, file: &Path) -> Result<()> {
    let images = Drawings::new(SIZE).load(Path::new(PICTURES).join("learn"))?;
    let mut pictures = files(&Path::new(PICTURES).join("read"))?;
    pictures.sort();
    let answers = match kind {
        Kind::Protonet => answer(&learned::<ProtoNet<Conv4>>(file, &images)?, &pictures)?,
        Kind::Maml => answer(&learned::<SlowMaml>(file, &images)?, &pictures)?,
        Kind::MamlSmall => answer(&learned::<Maml<Conv4>>(file, &images)?, &pictures)?,
    };
    let shown = |picture: &PathBuf| picture.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let right = pictures.iter().zip(&answers).filter(|(picture, answer)| shown(picture).starts_with(*answer));
    println!("{} of {} answers are right", right.count(), pictures.len());
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let io = |source| Error::Io { path: folder.into(), source };
    let entries = fs::read_dir(folder).map_err(io)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(io)).collect()
}
