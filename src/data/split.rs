//! Which classes train, which validate and which test.

use std::collections::HashSet;
use std::path::Path;

use super::class::ClassRef;
use super::class_data::ClassData;
use super::images::ImageSet;
use crate::error::{Error, Result};
use crate::random::{Purpose, distinct, stream};
use crate::read;

const LINE: &str = "\"Alphabet/characterNN/rotDDD\" with DDD one of 000, 090, 180, 270";

/// Disjoint lists of classes for training, validation and testing.
///
/// Disjoint means by class: a character and its rotations are never in two of the lists.
///
/// ```
/// use innerloop::{Glyphs, Split};
///
/// let images = Glyphs::default().alphabets(3).characters_per_alphabet(10).generate()?;
/// let split = Split::random(&images, 20, 10, true, 0)?;
/// assert_eq!((split.train.len(), split.val.len(), split.test.len()), (80, 0, 40));
/// # Ok::<(), innerloop::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Classes to learn from.
    pub train: Vec<ClassRef>,
    /// Classes for choosing settings and stopping points; may be empty.
    pub val: Vec<ClassRef>,
    /// Classes to report results on.
    pub test: Vec<ClassRef>,
}

impl Split {
    /// Reads the lists `train.txt`, `val.txt` and `test.txt` of folder `dir`, in the format of the
    /// split of Vinyals et al. (2016) as published with Prototypical Networks: one line
    /// `Alphabet/characterNN/rotDDD` per class, where DDD is the rotation in degrees.
    ///
    /// Blank lines and either kind of line end are accepted. The published lists hold the four
    /// rotations of each character, in the test list too.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read, [`Error::BadLine`], [`Error::UnknownClass`] for a
    /// class that `images` lacks, [`Error::RepeatedClass`], [`Error::SharedClass`] if two lists have a
    /// character in common, [`Error::BadFile`] for a list of training or test classes without any, [`Error::NotSquare`].
    pub fn vinyals(images: &ImageSet, dir: impl AsRef<Path>) -> Result<Self> {
        let read = |name| read_list(images, &dir.as_ref().join(name));
        let split = Self { train: read("train.txt")?, val: read("val.txt")?, test: read("test.txt")? };
        let lists = [("train.txt", &split.train), ("val.txt", &split.val), ("test.txt", &split.test)];
        let mut owner = vec![None; images.classes()];
        for (list, classes) in lists {
            for class in classes {
                match owner[class.class].replace(list) {
                    Some(first) if first != list => {
                        let class = images.class_name(class.class).to_string();
                        return Err(Error::SharedClass { class, first: first.into(), second: list.into() });
                    }
                    _ => {}
                }
            }
        }
        for (list, classes) in [lists[0], lists[2]] {
            check_listed(&dir.as_ref().join(list), classes)?;
        }
        Ok(split)
    }

    /// Shuffles the classes of `data`, `&ImageSet` or `&FeatureSet`, and takes `train` of them for training and `test` others for testing, as
    /// MAML and Reptile do (1200 and 423 of Omniglot). `val` is empty: see [`Split::hold_out`].
    ///
    /// With `rotations` each class is followed by its three turned versions, in both lists.
    ///
    /// # Errors
    /// [`Error::TooFewClasses`]; [`Error::NotSquare`] for rotations of images that are not square.
    pub fn random(
        data: impl Into<ClassData>,
        train: usize,
        test: usize,
        rotations: bool,
        seed: u64,
    ) -> Result<Self> {
        let data = data.into();
        let split = Self::of_classes(data.classes(), [train, test], if rotations { 4 } else { 1 }, seed)?;
        split.train.iter().chain(&split.test).try_for_each(|&class| data.check(class))?;
        Ok(split)
    }

    /// A random split of `have` classes, each in so many turns.
    pub(super) fn of_classes(have: usize, [train, test]: [usize; 2], turns: u8, seed: u64) -> Result<Self> {
        let need = train.saturating_add(test);
        if need > have {
            return Err(Error::TooFewClasses { what: "a split (train + test)", need, have });
        }
        let order = distinct(&mut stream(seed, Purpose::Split, 0), have, need);
        let refs = |classes: &[usize]| -> Vec<ClassRef> {
            classes.iter().flat_map(|&class| (0..turns).map(move |turns| ClassRef { class, turns })).collect()
        };
        Ok(Self { train: refs(&order[..train]), val: Vec::new(), test: refs(&order[train..]) })
    }

    /// Moves the last `classes` of `train`, each with all its rotations, to the end of `val`.
    ///
    /// # Errors
    /// [`Error::TooFewClasses`] if `train` holds fewer.
    pub fn hold_out(mut self, classes: usize) -> Result<Self> {
        let mut moved = HashSet::new();
        for class in self.train.iter().rev() {
            if moved.len() < classes {
                moved.insert(class.class);
            }
        }
        if moved.len() < classes {
            return Err(Error::TooFewClasses { what: "holding out", need: classes, have: moved.len() });
        }
        let (val, train) = self.train.into_iter().partition(|class| moved.contains(&class.class));
        self.train = train;
        self.val.extend::<Vec<_>>(val);
        Ok(self)
    }

    /// Training and validation classes together, for a last run once the settings are chosen.
    pub fn trainval(&self) -> Vec<ClassRef> {
        [&self.train[..], &self.val].concat()
    }
}

/// Whether a list holds any class.
pub(super) fn check_listed(path: &Path, classes: &[ClassRef]) -> Result<()> {
    if classes.is_empty() {
        let reason = "there is no class in this list: training and testing need some".into();
        return Err(Error::BadFile { path: path.into(), reason });
    }
    Ok(())
}

fn read_list(images: &ImageSet, path: &Path) -> Result<Vec<ClassRef>> {
    let text = read::text(path)?;
    let mut seen = HashSet::new();
    let mut classes = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let place = || format!("{}:{}", path.display(), number + 1);
        let Some((name, turns)) = parse(line) else {
            return Err(Error::BadLine {
                path: path.into(),
                line: number + 1,
                text: line.into(),
                need: LINE,
            });
        };
        let Some(class) = images.class_named(name) else {
            return Err(Error::UnknownClass { class: name.into(), place: place() });
        };
        let class = ClassRef { class, turns };
        images.class(class)?;
        if !seen.insert(class) {
            return Err(Error::RepeatedClass { class: line.into(), place: place() });
        }
        classes.push(class);
    }
    Ok(classes)
}

/// Splits "Alphabet/characterNN/rotDDD" into class name and quarter turns.
fn parse(line: &str) -> Option<(&str, u8)> {
    let (name, rotation) = line.rsplit_once('/')?;
    let turns = ["rot000", "rot090", "rot180", "rot270"].iter().position(|&r| r == rotation)?;
    let (alphabet, character) = name.split_once('/')?;
    let whole = !alphabet.is_empty() && !character.is_empty() && !character.contains('/');
    whole.then_some((name, turns as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(classes: usize) -> ImageSet {
        let class = |k| (format!("a/{k}"), vec![vec![0; 4]]);
        ImageSet::from_classes((0..classes).map(class).collect(), 2, 2, 1).unwrap()
    }

    #[test]
    fn a_line_is_alphabet_character_and_rotation() {
        assert_eq!(parse("Angelic/character01/rot270"), Some(("Angelic/character01", 3)));
        assert_eq!(parse("Angelic/character01/rot000"), Some(("Angelic/character01", 0)));
        for bad in
            ["", "Angelic", "Angelic/character01", "Angelic/character01/rot45", "a/b/c/rot000", "/b/rot000"]
        {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_random_split_is_disjoint_and_a_function_of_the_seed() {
        let images = images(50);
        let split = Split::random(&images, 30, 20, true, 7).unwrap();
        let part = |classes: &[ClassRef]| classes.iter().map(|c| c.class).collect::<HashSet<_>>();
        assert_eq!((part(&split.train).len(), part(&split.test).len()), (30, 20));
        assert!(part(&split.train).is_disjoint(&part(&split.test)));
        assert_eq!(split, Split::random(&images, 30, 20, true, 7).unwrap());
        assert_ne!(split, Split::random(&images, 30, 20, true, 8).unwrap());
    }

    #[test]
    fn a_split_of_more_classes_than_there_are_is_refused() {
        let error = Split::random(&images(5), 4, 2, false, 0).unwrap_err();
        assert!(matches!(error, Error::TooFewClasses { need: 6, have: 5, .. }));
    }

    #[test]
    fn classes_are_held_out_with_all_their_rotations() {
        let split = Split::random(&images(10), 6, 4, true, 1).unwrap();
        let held = split.clone().hold_out(2).unwrap();
        assert_eq!((held.train.len(), held.val.len()), (16, 8));
        assert_eq!(held.trainval(), split.train);
        assert!(matches!(split.hold_out(7), Err(Error::TooFewClasses { need: 7, have: 6, .. })));
    }
}
