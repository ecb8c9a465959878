//! Invented handwriting, which replaces Omniglot where there are no files.

use rayon::prelude::*;

use super::hand::Hand;
use super::images::ImageSet;
use super::script::invent_alphabet;
use crate::error::{Error, Result};
use crate::random::{Purpose, stream2};

/// A set of invented characters, drawn by invented hands.
///
/// Each alphabet has a few strokes of its own, each character puts some of them together, each drawer
/// has a pen and a slant, and each drawing is shaky in its own way; so characters of one alphabet
/// resemble each other, as real ones do. Images are `[size, size, 1]`, ink 1 and paper 0, classes are
/// called `glyphs05/character07`. The same settings give the same bytes on every platform, and larger
/// counts add drawings without changing those of smaller counts.
///
/// ```
/// use innerloop::Glyphs;
///
/// let images = Glyphs::default().alphabets(2).characters_per_alphabet(5).generate()?;
/// assert_eq!((images.classes(), images.len(), images.shape()), (10, 200, [28, 28, 1]));
/// assert_eq!(images.class_name(9), "glyphs02/character05");
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Glyphs {
    /// Alphabets; 30 by default.
    pub alphabets: usize,
    /// Characters of each alphabet; 20 by default.
    pub characters_per_alphabet: usize,
    /// Drawings of each character, each by another drawer; 20 by default.
    pub drawers: usize,
    /// Height and width in pixels, at least 8; 28 by default.
    pub size: usize,
    /// Seed of everything; 0 by default.
    pub seed: u64,
}

impl Default for Glyphs {
    fn default() -> Self {
        Self { alphabets: 30, characters_per_alphabet: 20, drawers: 20, size: 28, seed: 0 }
    }
}

/// The setters say what differs from the default; the numbers are checked where they are used.
impl Glyphs {
    /// The number of alphabets.
    #[must_use]
    pub const fn alphabets(self, alphabets: usize) -> Self {
        Self { alphabets, ..self }
    }

    /// The number of characters of each alphabet.
    #[must_use]
    pub const fn characters_per_alphabet(self, characters_per_alphabet: usize) -> Self {
        Self { characters_per_alphabet, ..self }
    }

    /// The number of drawings of each character.
    #[must_use]
    pub const fn drawers(self, drawers: usize) -> Self {
        Self { drawers, ..self }
    }

    /// Height and width in pixels.
    #[must_use]
    pub const fn size(self, size: usize) -> Self {
        Self { size, ..self }
    }

    /// The seed of everything.
    #[must_use]
    pub const fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Draws the set, on all threads.
    ///
    /// # Errors
    /// [`Error::Setting`] if a count is 0 or above 4,294,967,295, if `size` is below 8, or if all drawings together
    /// have more than 1 GiB, or there is not so much memory.
    pub fn generate(&self) -> Result<ImageSet> {
        let &Self { alphabets, characters_per_alphabet: characters, drawers, size, seed } = self;
        let counts =
            [("alphabets", alphabets), ("characters_per_alphabet", characters), ("drawers", drawers)];
        for (name, value) in counts {
            if !(1..=u32::MAX as usize).contains(&value) {
                let need = "from 1 to 4294967295";
                return Err(Error::Setting { name, value: value.to_string(), need });
            }
        }
        if size < 8 {
            return Err(Error::Setting { name: "size", value: size.to_string(), need: "at least 8" });
        }
        let mut pixels = self.blank()?;
        let name =
            |class| format!("glyphs{:02}/character{:02}", class / characters + 1, class % characters + 1);
        let counted = (0..alphabets * characters).map(|class| (name(class), drawers)).collect();

        let sheets = pixels.par_chunks_exact_mut(characters * drawers * size * size);
        sheets.enumerate().for_each(|(alphabet, sheets)| {
            let alphabet = alphabet as u64;
            let hands: Vec<Hand> = (0..drawers)
                .map(|d| Hand::new(&mut stream2(seed, Purpose::Drawer, alphabet, d as u64)))
                .collect();
            let characters = invent_alphabet(seed, alphabet, characters);
            for (at, sheet) in sheets.chunks_exact_mut(size * size).enumerate() {
                let (character, drawer) = (at / drawers, at % drawers);
                let index = (character as u64) << 32 | drawer as u64;
                let mut rng = stream2(seed, Purpose::Drawing, alphabet, index);
                hands[drawer].draw(&characters[character], size, sheet, &mut rng);
            }
        });
        ImageSet::from_pixels(counted, pixels, [size, size, 1])
    }

    /// Room for the pixels of all drawings, or the largest setting if there is not enough memory.
    fn blank(&self) -> Result<Vec<u8>> {
        let &Self { alphabets, characters_per_alphabet: characters, drawers, size, .. } = self;
        let factors = [alphabets, characters, drawers, size, size];
        let bytes = factors.iter().try_fold(1usize, |bytes, &factor| bytes.checked_mul(factor));
        let mut pixels = Vec::new();
        // memory that is promised is not always there
        match bytes.filter(|&bytes| bytes <= 1 << 30).map(|bytes| (bytes, pixels.try_reserve_exact(bytes))) {
            Some((bytes, Ok(()))) => {
                pixels.extend(std::iter::repeat_n(0, bytes));
                Ok(pixels)
            }
            _ => {
                let names = ["alphabets", "characters_per_alphabet", "drawers", "size"];
                let (value, name) = factors.into_iter().zip(names).max().expect("four settings");
                let need = "such that all drawings have at most 1 GiB, and fit in memory";
                Err(Error::Setting { name, value: value.to_string(), need })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::likeness;
    use super::*;
    use crate::random::{distinct, stream};

    const SMALL: Glyphs = Glyphs { alphabets: 3, characters_per_alphabet: 6, drawers: 8, size: 28, seed: 0 };

    #[test]
    fn the_drawings_are_the_recorded_ones() {
        let images = SMALL.generate().unwrap();
        // FNV-1a over all bytes, recorded on x86-64 Linux; other platforms must agree
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for (class, image) in (0..18).flat_map(|class| (0..8).map(move |image| (class, image))) {
            for &byte in images.image(class, image) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
            }
        }
        assert_eq!(hash, 0xa678_7f9d_7e5e_21f2, "{hash:#x}");
    }

    #[test]
    fn larger_counts_keep_the_drawings_of_smaller_ones() {
        let small = SMALL.generate().unwrap();
        let large =
            Glyphs { alphabets: 4, characters_per_alphabet: 9, drawers: 11, ..SMALL }.generate().unwrap();
        for class in 0..small.classes() {
            let same = large.class_named(small.class_name(class)).unwrap();
            assert!((0..8).all(|image| small.image(class, image) == large.image(same, image)));
        }
        assert_ne!(small, Glyphs { seed: 1, ..SMALL }.generate().unwrap());
    }

    #[test]
    fn drawings_have_about_as_much_ink_as_omniglot_and_none_is_empty() {
        let images = Glyphs { drawers: 4, ..Glyphs::default() }.generate().unwrap();
        let ink = |bytes: &[u8]| bytes.iter().map(|&byte| f64::from(byte)).sum::<f64>() / (255.0 * 784.0);
        let all = (0..600).flat_map(|class| (0..4).map(move |image| (class, image)));
        let inks: Vec<f64> = all.map(|(class, image)| ink(images.image(class, image))).collect();
        let mean = inks.iter().sum::<f64>() / inks.len() as f64;
        // Omniglot: 0.0805
        assert!((0.07..0.09).contains(&mean), "{mean}");
        assert!(inks.iter().all(|&ink| ink > 0.005));
    }

    #[test]
    fn telling_characters_apart_by_pixels_is_possible_but_hard() {
        let images = Glyphs { drawers: 2, ..Glyphs::default() }.generate().unwrap();
        let mut rng = stream(0, Purpose::Episode, 0);
        let right = (0..1000).filter(|_| {
            let classes = distinct(&mut rng, images.classes(), 5);
            let like = |&class: &usize| likeness(images.image(classes[0], 0), images.image(class, 1));
            classes[1..].iter().all(|class| like(class) < like(&classes[0]))
        });
        // 5-way 1-shot, nearest neighbour by cosine: Omniglot 0.46, chance 0.2
        let accuracy = right.count() as f64 / 1000.0;
        assert!((0.35..0.6).contains(&accuracy), "{accuracy}");
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        for (name, glyphs) in [
            ("alphabets", Glyphs { alphabets: 0, ..SMALL }),
            ("characters_per_alphabet", Glyphs { characters_per_alphabet: 0, ..SMALL }),
            ("drawers", Glyphs { drawers: 0, ..SMALL }),
            ("size", Glyphs { size: 7, ..SMALL }),
            ("alphabets", Glyphs { alphabets: usize::MAX, ..SMALL }),
            ("characters_per_alphabet", Glyphs { characters_per_alphabet: 1 << 32, ..SMALL }),
            // products that wrap to 0, and one that does not wrap but is never allocated
            ("drawers", Glyphs { alphabets: 1 << 31, drawers: (1 << 31) + 1, size: 8, ..SMALL }),
            ("size", Glyphs { size: 1 << 32, ..SMALL }),
            ("size", Glyphs { size: usize::MAX, ..SMALL }),
            ("size", Glyphs { alphabets: 1, characters_per_alphabet: 1, drawers: 1, size: 1 << 30, seed: 0 }),
        ] {
            assert!(matches!(glyphs.generate(), Err(Error::Setting { name: told, .. }) if told == name));
        }
    }
}
