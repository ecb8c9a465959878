//! A data set as one file, which loads in the time of reading it.
//!
//! | bytes | content, little endian |
//! |---|---|
//! | 19 | `innerloop images 1\n`, where 1 is the version of the format |
//! | 4 | CRC-32 of everything behind it |
//! | 8 | length of the head |
//! | head | fingerprint; `h`, `w`, `c`; pixel ranges; name and number of images of each class |
//! | rest | pixels |
//!
//! Texts and lists have their length before them; every number has eight bytes.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::images::ImageSet;
use super::pixels::PixelRange;
use crate::error::{Error, Result};
use crate::{read, write};

const MAGIC: &[u8; 19] = b"innerloop images 1\n";

/// Longest head: a million classes with long names.
const MOST_HEAD: u64 = 256 << 20;

impl ImageSet {
    /// The set that lies in the file `cache`, or else what `load` returns, which is then written there.
    ///
    /// `fingerprint` says what the set is made of: files with their sizes and times, settings. A file that is not there,
    /// has another fingerprint or another version, is cut off or of which a bit was changed (it has a checksum), is replaced.
    /// A new file is written beside its place, brought to the disk and renamed, so that a program never sees half a file,
    /// also when several build it at once. `Photos::load_cached` and `Omniglot::load_cached` make the fingerprint themselves.
    ///
    /// ```
    /// use innerloop::{Glyphs, ImageSet};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("glyphs.cache");
    /// let glyphs = Glyphs::default().alphabets(2);
    /// let built = ImageSet::cached(&path, &format!("{glyphs:?}"), || glyphs.generate())?;
    /// let read = ImageSet::cached(&path, &format!("{glyphs:?}"), || unreachable!("it is there"))?;
    /// assert_eq!(built, read);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What `load` returns; [`Error::Io`] if the file cannot be written.
    pub fn cached(
        cache: impl AsRef<Path>,
        fingerprint: &str,
        load: impl FnOnce() -> Result<ImageSet>,
    ) -> Result<ImageSet> {
        let path = cache.as_ref();
        if let Some(images) = stored(path, fingerprint) {
            return Ok(images);
        }
        let images = load()?;
        store(path, fingerprint, &images).map_err(|source| Error::Io { path: path.into(), source })?;
        Ok(images)
    }
}

/// A name beside a path that no other process and no other thread uses.
fn beside(path: &Path) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    // a WebAssembly module has no id, and asking for it ends it
    let process = if cfg!(target_family = "wasm") { 0 } else { std::process::id() };
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{process}-{number}.partial"));
    beside.into()
}

fn store(path: &Path, fingerprint: &str, images: &ImageSet) -> std::io::Result<()> {
    let mut head = Vec::new();
    let number = |n: u64| n.to_le_bytes();
    let text = |head: &mut Vec<u8>, text: &str| {
        head.extend((text.len() as u64).to_le_bytes());
        head.extend(text.as_bytes());
    };
    text(&mut head, fingerprint);
    images.shape().iter().for_each(|&side| head.extend(number(side as u64)));
    let (range, classes) = (images.range(), images.classes());
    head.extend(number(range.channels().len() as u64));
    range.channels().iter().flatten().for_each(|bound| head.extend(bound.to_le_bytes()));
    head.extend(number(classes as u64));
    for class in 0..classes {
        text(&mut head, images.class_name(class));
        head.extend(number(images.images_of(class) as u64));
    }
    let length = number(head.len() as u64);
    let mut sum = crc32fast::Hasher::new();
    let parts = [&length[..], &head, images.pixels()];
    parts.iter().for_each(|part| sum.update(part));
    let sum = sum.finalize().to_le_bytes();
    write::place(path, &beside(path), &[MAGIC, &sum, parts[0], parts[1], parts[2]])
}

/// What a file holds, if it is whole and of this fingerprint.
fn stored(path: &Path, fingerprint: &str) -> Option<ImageSet> {
    let file = read::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let mut file = BufReader::new(file);
    let (mut magic, mut sum, mut head_length) = ([0; MAGIC.len()], [0; 4], [0; 8]);
    file.read_exact(&mut magic).ok()?;
    file.read_exact(&mut sum).ok()?;
    file.read_exact(&mut head_length).ok()?;
    let head_bytes = u64::from_le_bytes(head_length);
    if magic != *MAGIC || head_bytes > MOST_HEAD.min(length) {
        return None;
    }
    let mut head = Vec::new();
    file.by_ref().take(head_bytes).read_to_end(&mut head).ok()?;
    let mut fields = Fields(&head);
    if fields.text()? != fingerprint {
        return None;
    }
    let shape = [fields.count()?, fields.count()?, fields.count()?];
    let channels = (0..fields.few()?).map(|_| Some([fields.float()?, fields.float()?]));
    let channels = channels.collect::<Option<Vec<_>>>()?;
    let classes = (0..fields.few()?).map(|_| Some((fields.text()?.to_owned(), fields.count()?)));
    let counted = classes.collect::<Option<Vec<_>>>()?;

    // what follows must be exactly the pixels: known before memory is taken for them
    let images = counted.iter().try_fold(0usize, |all, (_, count)| all.checked_add(*count))?;
    let bytes = shape.iter().try_fold(images, |bytes, &side| bytes.checked_mul(side))?;
    let before = (MAGIC.len() + sum.len() + head_length.len() + head.len()) as u64;
    if !fields.0.is_empty() || length.checked_sub(before)? != bytes as u64 {
        return None;
    }
    let mut pixels = Vec::new();
    pixels.try_reserve_exact(bytes).ok()?;
    file.take(bytes as u64).read_to_end(&mut pixels).ok()?;
    let mut found = crc32fast::Hasher::new();
    [&head_length[..], &head, &pixels].iter().for_each(|part| found.update(part));
    if pixels.len() != bytes || found.finalize().to_le_bytes() != sum {
        return None;
    }
    let range = PixelRange::per_channel(&channels).ok()?;
    ImageSet::from_pixels(counted, pixels, shape).ok()?.with_pixels(range).ok()
}

/// The fields of a head that are left to read.
struct Fields<'h>(&'h [u8]);

impl<'h> Fields<'h> {
    fn number(&mut self) -> Option<[u8; 8]> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*number)
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(u64::from_le_bytes(self.number()?)).ok()
    }

    /// A number of further fields, each of which takes eight bytes at least.
    fn few(&mut self) -> Option<usize> {
        self.count().filter(|&count| count <= self.0.len() / 8)
    }

    fn float(&mut self) -> Option<f64> {
        self.number().map(f64::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'h str> {
        let length = self.count()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        str::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn set(byte: u8) -> ImageSet {
        let classes = vec![("a".into(), vec![vec![byte; 6]; 2]), ("b".into(), vec![vec![9; 6]])];
        let range = PixelRange::per_channel(&[[-1.0, 1.0], [0.0, 2.5], [0.5, 0.0]]).unwrap();
        ImageSet::from_classes(classes, 2, 1, 3).unwrap().with_pixels(range).unwrap()
    }

    fn never() -> Result<ImageSet> {
        panic!("the cache was not used")
    }

    #[test]
    fn what_was_stored_comes_back_and_a_stale_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        assert_eq!(ImageSet::cached(&path, "one", || Ok(set(1))).unwrap(), set(1));
        assert_eq!(ImageSet::cached(&path, "one", never).unwrap(), set(1));
        assert_eq!(ImageSet::cached(&path, "two", || Ok(set(2))).unwrap(), set(2));
        assert_eq!(ImageSet::cached(&path, "two", never).unwrap(), set(2));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let failed = ImageSet::cached(&path, "three", || Err(Error::own("no data")));
        assert!(matches!(failed, Err(Error::Own(_))));
        assert_eq!(ImageSet::cached(&path, "two", never).unwrap(), set(2));
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        ImageSet::cached(&path, "one", || Ok(set(1))).unwrap();
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, &bytes).unwrap();
            assert_eq!(stored(&path, "one"), None, "byte {at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(stored(&path, "one"), None, "cut at {at}");
        }
        fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
        assert_eq!(ImageSet::cached(&path, "one", || Ok(set(1))).unwrap(), set(1));
        assert_eq!(fs::read(&path).unwrap(), whole);
    }

    #[test]
    fn many_may_build_one_file_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let fingerprints = ["one", "two"];
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    for round in 0..25 {
                        let which = (thread + round) % 2;
                        let images = ImageSet::cached(path, fingerprints[which], || Ok(set(which as u8)));
                        assert_eq!(images.unwrap(), set(which as u8));
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(fingerprints.iter().any(|text| stored(&path, text).is_some()));
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none/cache");
        let error = ImageSet::cached(&path, "one", || Ok(set(1))).unwrap_err();
        assert!(matches!(error, Error::Io { path: told, .. } if told == path));
    }
}
