//! What a training leaves on disk, to continue from.

use std::fs;
use std::path::{Path, PathBuf};

use innerloop::{Error, Learner, Result, TrainState, load_checkpoint, save_checkpoint};

use crate::settings::Settings;

/// The checkpoint of one training, and beside it the seconds that it took so far.
pub struct Kept {
    checkpoint: PathBuf,
    seconds: PathBuf,
}

impl Kept {
    pub fn new(out: &Path, name: &str, settings: &Settings) -> Result<Kept> {
        fs::create_dir_all(out).map_err(|source| Error::Io { path: out.into(), source })?;
        let network =
            settings.network.map_or(String::new(), |network| format!("-{}", Settings::name(network)));
        let data = Settings::name(settings.data);
        let stem = format!("{name}-{data}{network}-{}w{}s", settings.ways, settings.shots);
        let file = |end| out.join(format!("{stem}.{end}"));
        Ok(Kept { checkpoint: file("safetensors"), seconds: file("seconds") })
    }

    /// The state to continue from, if there is one, and the seconds of training before.
    pub fn load(&self, learner: &dyn Learner<f32>) -> Result<(Option<TrainState<f32>>, f64)> {
        if !self.checkpoint.exists() {
            return Ok((None, 0.0));
        }
        let io = |source| Error::Io { path: self.seconds.clone(), source };
        let text = fs::read_to_string(&self.seconds).map_err(io)?;
        let bad = |e: std::num::ParseFloatError| Error::BadFile {
            path: self.seconds.clone(),
            reason: e.to_string(),
        };
        let seconds = text.trim().parse().map_err(bad)?;
        Ok((Some(load_checkpoint(&self.checkpoint, learner)?), seconds))
    }

    pub fn save(&self, learner: &dyn Learner<f32>, state: &TrainState<f32>, seconds: f64) -> Result<()> {
        // first: after an interruption between the two, a training is told longer than it was, never shorter
        let io = |source| Error::Io { path: self.seconds.clone(), source };
        fs::write(&self.seconds, format!("{seconds}\n")).map_err(io)?;
        save_checkpoint(&self.checkpoint, learner, state)
    }
}
