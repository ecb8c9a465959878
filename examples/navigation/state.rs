//! The folder of a run: what it learned, so that it can go on, its log, and its settings, so that it goes on with the same ones.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use innerloop::ndarray::{ArrayD, arr1};
use innerloop::{Error, Init, ParamSpec, Result, load_params, save_params};

use crate::Settings;

/// Where training stands.
pub struct State {
    /// Meta-steps made.
    pub iteration: u64,
    /// Time that they took.
    pub seconds: f64,
    /// Meta-parameters.
    pub params: Vec<ArrayD<f32>>,
}

/// The folder of a run.
pub struct Folder {
    out: PathBuf,
}

impl Folder {
    /// Makes it, or opens that of a run with the same settings.
    pub fn open(settings: &Settings) -> Result<Folder> {
        let &Settings { tasks, trajectories, inner_lr, hidden, seed, .. } = settings;
        let text = format!(
            "tasks {tasks}\ntrajectories {trajectories}\ninner_lr {inner_lr}\nhidden {hidden}\nseed {seed}\n"
        );
        let folder = Folder { out: settings.out.clone() };
        fs::create_dir_all(&folder.out).map_err(|source| Error::Io { path: folder.out.clone(), source })?;
        let path = folder.out.join("settings.txt");
        match fs::read_to_string(&path) {
            Ok(was) if was == text => {}
            Ok(was) => {
                let differs = was.lines().zip(text.lines()).find(|(was, now)| was != now).unwrap_or(("", ""));
                let (was, now) = (differs.0.to_string(), differs.1.to_string());
                return Err(Error::OtherRun { what: "settings", was, now });
            }
            Err(_) => {
                folder.write("settings.txt", &text)?;
                folder.write(
                    "training.csv",
                    "iteration,return_before,return_after,loss_decrease,kl,backtracks,seconds\n",
                )?;
            }
        }
        Ok(folder)
    }

    /// What was saved, if anything.
    pub fn load(&self, specs: &[ParamSpec]) -> Result<Option<State>> {
        let path = self.file();
        if !path.exists() {
            return Ok(None);
        }
        let mut params = load_params::<f32>(&path, &with_clock(specs))?;
        let clock = params.pop().expect("as many arrays as specs");
        Ok(Some(State { iteration: clock[[0]] as u64, seconds: clock[[1]].into(), params }))
    }

    /// Saves parameters and clock in one file, which is replaced as a whole.
    pub fn save(&self, specs: &[ParamSpec], state: &State) -> Result<()> {
        let clock = arr1(&[state.iteration as f32, state.seconds as f32]).into_dyn();
        let params: Vec<_> = state.params.iter().cloned().chain([clock]).collect();
        save_params(&self.file(), &with_clock(specs), &params)
    }

    /// Adds a line to the log.
    pub fn log(&self, line: &str) -> Result<()> {
        let path = self.out.join("training.csv");
        let written = OpenOptions::new().append(true).open(&path).and_then(|mut f| writeln!(f, "{line}"));
        written.map_err(|source| Error::Io { path, source })
    }

    /// Writes a text file and returns its path.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let (path, partial) = (self.out.join(name), self.out.join(format!("{name}.partial")));
        let written = fs::write(&partial, text).and_then(|()| fs::rename(&partial, &path));
        written.map_err(|source| Error::Io { path: path.clone(), source })?;
        Ok(path)
    }

    fn file(&self) -> PathBuf {
        Path::new(&self.out).join("params.safetensors")
    }
}

/// The specs of the policy, and of a pair of numbers: meta-steps made, and seconds.
fn with_clock(specs: &[ParamSpec]) -> Vec<ParamSpec> {
    let clock = ParamSpec::new("clock", &[2], Init::Constant(0.0));
    specs.iter().cloned().chain([clock]).collect()
}
