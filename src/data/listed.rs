//! Photographs whose classes are in lists of files, not in the names of folders.

use std::collections::HashMap;
use std::path::Path;

use super::images::ImageSet;
use super::photo_files::{Entry, PhotoFiles};
use super::photos::Photos;
use super::split_lists::{CLASS, PARTS, column, list_of, rows};
use crate::error::{Error, Result};

/// What the column of files is called.
const FILE: [&str; 4] = ["filename", "file", "image", "path"];

impl Photos {
    /// Loads the photographs that the lists `train.csv`, `val.csv` and `test.csv` of the folder `lists` name, as
    /// miniImageNet is published: a first line `filename,label` (or `filename,class`), then a file and its class per
    /// line. [`Split::read_csv`](crate::Split::read_csv) reads the split from the same lists.
    ///
    /// The files may lie anywhere below `images`, in one flat folder, or in zip archives: a file is found by its path, or else by its
    /// name alone. Classes stand in the order in which the lists first name them, images in the order of their lines.
    /// Photographs that no list names are passed over; [`classes`](Photos::classes) is not looked at.
    ///
    /// ```no_run
    /// use innerloop::{Photos, Split};
    /// let images = Photos::new(84).load_listed("miniimagenet/images", "miniimagenet/splits/ravi")?;
    /// let split = Split::read_csv(&images, "miniimagenet/splits/ravi")?;
    /// assert_eq!((split.train.len(), split.val.len(), split.test.len()), (64, 16, 20));
    /// # Ok::<(), innerloop::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`load`](Photos::load); [`Error::BadFile`] for a list without the two columns; [`Error::BadLine`] with list and
    /// line for a file that is not there, has the name of several, or is listed twice.
    pub fn load_listed(&self, images: impl AsRef<Path>, lists: impl AsRef<Path>) -> Result<ImageSet> {
        self.check()?;
        let files = PhotoFiles::of(images.as_ref())?;
        let classes = listed(&files, lists.as_ref())?;
        self.decoded(&files, classes)
    }
}

/// Where files are, by path and by name.
struct Index<'f> {
    by_path: HashMap<&'f str, usize>,
    /// `None` for a name of several files.
    by_name: HashMap<&'f str, Option<usize>>,
}

impl<'f> Index<'f> {
    fn of(files: &'f PhotoFiles) -> Index<'f> {
        let (mut by_path, mut by_name) = (HashMap::new(), HashMap::new());
        for (number, entry) in files.entries.iter().enumerate() {
            by_path.insert(&*entry.path, number);
            let name = entry.path.rsplit('/').next().unwrap_or_default();
            by_name.entry(name).and_modify(|other| *other = None).or_insert(Some(number));
        }
        Index { by_path, by_name }
    }

    /// The number of a file, or what is wrong, worded to follow "is not".
    fn find(&self, file: &str) -> Result<usize, &'static str> {
        if let Some(&number) = self.by_path.get(file) {
            return Ok(number);
        }
        match self.by_name.get(file.rsplit(['/', '\\']).next().unwrap_or_default()) {
            Some(&Some(number)) => Ok(number),
            Some(None) => {
                Err("the name of one file: several folders have it, give its path below the folder of images")
            }
            None => Err("the name of a .jpg, .jpeg or .png file in the folder of images"),
        }
    }
}

/// The files of each class.
fn listed<'f>(files: &'f PhotoFiles, lists: &Path) -> Result<Vec<(String, Vec<&'f Entry>)>> {
    let (index, mut taken) = (Index::of(files), vec![false; files.entries.len()]);
    let (mut place, mut classes) = (HashMap::new(), Vec::<(String, Vec<&Entry>)>::new());
    for part in PARTS {
        let path = list_of(lists, part, "csv");
        if part[0] == "val" && !path.exists() {
            continue;
        }
        let rows = rows(&path)?;
        let (Some(file), Some(class)) = (column(&rows, &FILE), column(&rows, &CLASS)) else {
            let reason = "its first line does not name the columns filename and label (or class)".into();
            return Err(Error::BadFile { path, reason });
        };
        for (row, line) in &rows[1..] {
            let bad = |need| {
                let text = row.iter().collect::<Vec<_>>().join(",");
                Err(Error::BadLine { path: path.clone(), line: *line, text, need })
            };
            let (Some(file), Some(class)) = (row.get(file), row.get(class).filter(|c| !c.is_empty())) else {
                return bad("a file and its class");
            };
            let number = match index.find(file) {
                Ok(number) => number,
                Err(need) => return bad(need),
            };
            if std::mem::replace(&mut taken[number], true) {
                return bad("a file that was not listed before");
            }
            let class = *place.entry(class.to_string()).or_insert_with(|| {
                classes.push((class.to_string(), Vec::new()));
                classes.len() - 1
            });
            classes[class].1.push(&files.entries[number]);
        }
    }
    Ok(classes)
}
