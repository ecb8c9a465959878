//! The drawings of one Omniglot set, in a zip archive or unpacked in a folder.
//!
//! Both are listed in the same form, `Alphabet/`, `Alphabet/characterNN/`,
//! `Alphabet/characterNN/file.png`, and sorted in the same way, so they give the same data set.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::cached::size_and_time;
use super::zipped::Archive;
use crate::error::{Error, Result};
use crate::read;

/// The two sets, in the order in which their classes stand.
pub(super) const SETS: [&str; 2] = ["images_background", "images_evaluation"];

/// Largest file of a drawing; the published ones have about 200 bytes.
pub(super) const MOST_BYTES: u64 = 1 << 20;

/// The most files and folders; Omniglot has 34,000. Links can make any number of few.
const MOST_FILES: usize = 1 << 22;

/// One drawing: its path below the set, and its number in the archive.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: String,
    number: usize,
}

/// Classes in order of alphabet and character, each with its drawings in order of their file names.
pub(super) type Classes = Vec<(String, Vec<Member>)>;

/// Where drawings are read from. Cloning shares the archive, so each thread can have its own.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// `None` for a folder.
    zip: Option<Archive>,
}

impl Source {
    /// Finds `set` in `root` or in `root/omniglot`: `set.zip` first, else the folder `set`.
    pub(super) fn find(root: &Path, set: &'static str) -> Result<Self> {
        let archive = format!("{set}.zip");
        for folder in [root.to_path_buf(), root.join("omniglot")] {
            let path = folder.join(&archive);
            if path.is_file() {
                let zip = Some(Archive::open(&path)?);
                return Ok(Self { path, zip });
            }
            let path = folder.join(set);
            if path.is_dir() {
                return Ok(Self { path, zip: None });
            }
        }
        let looked_for = format!("{archive}, {set}/, omniglot/{archive}, omniglot/{set}/");
        Err(Error::NoData { what: "Omniglot", root: root.into(), looked_for })
    }

    /// Lists the drawings. `set` is the folder inside the archive, which may be left out there.
    pub(super) fn classes(&self, set: &str) -> Result<Classes> {
        self.group(self.members(set)?)
    }

    /// Lists all files and folders, likewise.
    pub(super) fn members(&self, set: &str) -> Result<Vec<Member>> {
        let mut listed = Vec::new();
        if let Some(zip) = &self.zip {
            for (number, name) in zip.names().enumerate() {
                let name = name.strip_prefix(set).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
                listed.push(Member { name: name.into(), number });
            }
        } else {
            list_folder(&self.path, "", &mut listed)?;
        }
        Ok(listed)
    }

    /// What tells these files from others, without reading them: the archive with its size and time, or all drawings with theirs.
    fn fingerprint(&self, set: &str) -> Result<String> {
        let mut paths = vec![self.path.clone()];
        if self.zip.is_none() {
            let classes = self.classes(set)?;
            paths =
                classes.iter().flat_map(|(_, all)| all).map(|member| self.path.join(&member.name)).collect();
        }
        let line = |path: PathBuf| {
            let (bytes, changed) = size_and_time(&path)?;
            let name = path.strip_prefix(&self.path).unwrap_or(Path::new(""));
            Ok(format!("{set} {} {bytes} {changed}\n", name.display()))
        };
        paths.into_iter().map(line).collect()
    }

    fn group(&self, listed: Vec<Member>) -> Result<Classes> {
        let mut alphabets: BTreeMap<String, BTreeMap<String, Vec<Member>>> = BTreeMap::new();
        for member in listed {
            let parts: Vec<&str> = member.name.split('/').collect();
            // files that macOS adds to folders and archives
            if parts[0] == "__MACOSX" || parts.iter().any(|part| part.starts_with('.')) {
                continue;
            }
            match parts[..] {
                [alphabet, ""] if !alphabet.is_empty() => {
                    alphabets.entry(alphabet.into()).or_default();
                }
                [alphabet, character, file] if file.is_empty() || is_png(file) => {
                    let of_alphabet = alphabets.entry(alphabet.into()).or_default();
                    let drawings = of_alphabet.entry(character.into()).or_default();
                    if !file.is_empty() {
                        drawings.push(member);
                    }
                }
                _ if is_png(&member.name) => {
                    let reason =
                        "the file is in the wrong place: drawings are Alphabet/characterNN/file.png".into();
                    return Err(Error::BadImage { path: self.path.clone(), member: member.name, reason });
                }
                _ => {}
            }
        }
        if alphabets.is_empty() {
            let reason =
                "there is no Alphabet/characterNN/file.png in it: unpack or download it again".into();
            return Err(Error::BadFile { path: self.path.clone(), reason });
        }
        let mut classes = Classes::new();
        for (alphabet, characters) in alphabets {
            if characters.is_empty() {
                return Err(Error::EmptyClass { class: alphabet });
            }
            for (character, mut drawings) in characters {
                let class = format!("{alphabet}/{character}");
                if drawings.is_empty() {
                    return Err(Error::EmptyClass { class });
                }
                drawings.sort_by(|a, b| a.name.cmp(&b.name));
                classes.push((class, drawings));
            }
        }
        Ok(classes)
    }

    /// Reads the file of one drawing into `bytes`; what was in `bytes` is lost.
    pub(super) fn read(&mut self, member: &Member, bytes: &mut Vec<u8>) -> Result<()> {
        let Some(zip) = &mut self.zip else {
            return read::whole(&self.path.join(&member.name), MOST_BYTES, bytes);
        };
        zip.read(member.number, MOST_BYTES, bytes).map_err(|reason| Error::BadImage {
            path: self.path.clone(),
            member: member.name.clone(),
            reason,
        })
    }
}

/// What tells the files of both sets from others.
pub(super) fn fingerprint(root: &Path) -> Result<String> {
    SETS.into_iter().map(|set| Source::find(root, set)?.fingerprint(set)).collect()
}

fn is_png(name: &str) -> bool {
    name.ends_with(".png")
}

/// Adds what is in `folder` to `listed`, down to the files of the characters.
fn list_folder(folder: &Path, below: &str, listed: &mut Vec<Member>) -> Result<()> {
    let unreadable = |source| Error::Io { path: folder.into(), source };
    if listed.len() > MOST_FILES {
        let reason = format!("there are more than {MOST_FILES} files and folders: look for links to folders");
        return Err(Error::BadFile { path: folder.into(), reason });
    }
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        // asks the path, not the entry, so that links to folders count as folders
        let is_folder = !is_png(&name) && entry.path().is_dir();
        let name = if is_folder { name + "/" } else { name };
        if is_folder && below.matches('/').count() < 2 {
            list_folder(&entry.path(), &name, listed)?;
        }
        listed.push(Member { name, number: 0 });
    }
    Ok(())
}
