//! Affine maps, crops, flips and changes of colour, as a pure function of seed, task and place in the task.

use rand::rngs::ChaCha8Rng;

use super::class::ClassRef;
use super::warp::{Warp, warped};
use crate::error::{Error, Result};
use crate::random::{Purpose, below, between, stream2};

/// How images of training tasks are changed at random: [`EpisodeSampler::augmented`](crate::EpisodeSampler::augmented),
/// [`ClassBatches::augmented`](crate::ClassBatches::augmented). Each image of each task is changed in its own way. Nothing changes
/// unless it is asked for. Evaluation refuses a sampler that asks: its figures would be those of other images.
///
/// In this order: affine maps, a shift, a flip, then brightness, contrast and saturation as Chen et al. (2019) change them (Pillow's
/// `ImageEnhance`), rounded to bytes after each. MetaOptNet trains on miniImageNet with the values of the example.
///
/// ```
/// use innerloop::Augment;
/// let augment = Augment::new().crop(8).flip().brightness(0.4).contrast(0.4).saturation(0.4);
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Augment {
    /// Pixels: the image is padded by so many black ones on each side, and a window of its size is cut out at random. 0 is none.
    pub crop: usize,
    /// Whether half of the images are mirrored, left to right.
    pub flip: bool,
    /// Brightness is multiplied by a number uniform in `1 ± brightness`.
    pub brightness: f64,
    /// Differences from the mean grey of the image are multiplied by a number uniform in `1 ± contrast`.
    pub contrast: f64,
    /// Differences from the grey of the pixel are multiplied by a number uniform in `1 ± saturation`; images of three
    /// channels only.
    pub saturation: f64,
    /// An affine map for each image.
    pub warp: Warp,
    /// An affine map for each class of an episode, the same for all its images, before that of the image: training classes that
    /// the data do not have, as quarter turns make them of Omniglot's characters.
    pub warp_classes: Warp,
}

impl Augment {
    /// Nothing changes.
    pub fn new() -> Augment {
        Augment::default()
    }

    /// With random crops of an image padded by so many pixels, at most its shorter side.
    #[must_use]
    pub fn crop(self, crop: usize) -> Augment {
        Augment { crop, ..self }
    }

    /// With half of the images mirrored.
    #[must_use]
    pub fn flip(self) -> Augment {
        Augment { flip: true, ..self }
    }

    /// With brightness multiplied by `1 ± brightness`, from 0 to 1.
    #[must_use]
    pub fn brightness(self, brightness: f64) -> Augment {
        Augment { brightness, ..self }
    }

    /// With contrast multiplied by `1 ± contrast`, from 0 to 1.
    #[must_use]
    pub fn contrast(self, contrast: f64) -> Augment {
        Augment { contrast, ..self }
    }

    /// With saturation multiplied by `1 ± saturation`, from 0 to 1.
    #[must_use]
    pub fn saturation(self, saturation: f64) -> Augment {
        Augment { saturation, ..self }
    }

    /// With an affine map for each image.
    #[must_use]
    pub fn warp(self, warp: Warp) -> Augment {
        Augment { warp, ..self }
    }

    /// With an affine map for each class of an episode; batches of many classes, whose labels stay, refuse it.
    #[must_use]
    pub fn warp_classes(self, warp_classes: Warp) -> Augment {
        Augment { warp_classes, ..self }
    }

    /// Why nothing is evaluated on images that are changed so.
    pub(super) fn refused(&self) -> Error {
        let need = "left out where a learner is evaluated or validated: make a second sampler for that, without `augmented`";
        Error::Setting { name: "augmented", value: format!("{self:?}"), need }
    }

    /// Whether images `[h, w, c]` can be changed so.
    pub(super) fn check(&self, shape @ [h, w, _]: [usize; 3]) -> Result<()> {
        self.warp.check(shape)?;
        self.warp_classes.check(shape)?;
        if self.crop > h.min(w) {
            let need = "at most the shorter side of the images";
            return Err(Error::Setting { name: "crop", value: self.crop.to_string(), need });
        }
        let ranges =
            [("brightness", self.brightness), ("contrast", self.contrast), ("saturation", self.saturation)];
        match ranges.into_iter().find(|(_, by)| !(0.0..=1.0).contains(by)) {
            Some((name, by)) => Err(Error::Setting { name, value: by.to_string(), need: "from 0 to 1" }),
            None => Ok(()),
        }
    }

    /// Writes a changed image to `out`; what was in `out` is lost.
    fn change(&self, image: &[u8], [h, w, c]: [usize; 3], rng: &mut ChaCha8Rng, out: &mut Vec<u8>) {
        let mut draw = || if self.crop > 0 { below(rng, 2 * self.crop + 1) } else { 0 };
        let (down, right) = (draw(), draw());
        let mirrored = self.flip && below(rng, 2) == 1;
        out.clear();
        for row in 0..h {
            // rows and columns of the padded image are counted from -crop
            let Some(row) = (row + down).checked_sub(self.crop).filter(|&row| row < h) else {
                out.resize(out.len() + w * c, 0);
                continue;
            };
            for col in 0..w {
                let col = if mirrored { w - 1 - col } else { col };
                match (col + right).checked_sub(self.crop).filter(|&col| col < w) {
                    Some(col) => out.extend_from_slice(&image[(row * w + col) * c..][..c]),
                    None => out.resize(out.len() + c, 0),
                }
            }
        }
        let mut factor = |by: f64| (by > 0.0).then(|| between(rng, 1.0 - by, 1.0 + by));
        if let Some(factor) = factor(self.brightness) {
            out.iter_mut().for_each(|byte| *byte = blend(*byte, 0.0, factor));
        }
        if let Some(factor) = factor(self.contrast) {
            let sum: u64 = out.chunks_exact(c).map(grey).sum();
            let mean = (sum as f64 / (1000 * h * w) as f64).round();
            out.iter_mut().for_each(|byte| *byte = blend(*byte, mean, factor));
        }
        if let Some(factor) = factor(self.saturation).filter(|_| c == 3) {
            for pixel in out.chunks_exact_mut(3) {
                let grey = (grey(pixel) as f64 / 1000.0).round();
                pixel.iter_mut().for_each(|byte| *byte = blend(*byte, grey, factor));
            }
        }
    }
}

/// A byte's difference from a base, multiplied.
fn blend(byte: u8, base: f64, factor: f64) -> u8 {
    (base + (f64::from(byte) - base) * factor).round().clamp(0.0, 255.0) as u8
}

/// A thousand times the grey of a pixel: luma by Rec. 601 of three channels, else their mean.
fn grey(pixel: &[u8]) -> u64 {
    match *pixel {
        [r, g, b] => 299 * u64::from(r) + 587 * u64::from(g) + 114 * u64::from(b),
        _ => 1000 * pixel.iter().map(|&byte| u64::from(byte)).sum::<u64>() / pixel.len() as u64,
    }
}

/// The changes of the images of one task.
#[derive(Debug)]
pub(super) struct Changes {
    augment: Augment,
    seed: u64,
    task: u64,
    /// The place of the next image in the task.
    place: u64,
    /// An image after its affine maps.
    warped: Vec<u8>,
}

impl Changes {
    /// Of task `task` of a source.
    pub(super) fn new(augment: Augment, seed: u64, task: u64) -> Changes {
        Changes { augment, seed, task, place: 0, warped: Vec::new() }
    }

    /// Writes the next image of the task, which is of this class, to `out`, changed.
    pub(super) fn next(&mut self, class: ClassRef, image: &[u8], shape: [usize; 3], out: &mut Vec<u8>) {
        let mut rng = stream2(self.seed, Purpose::Augment, self.task, self.place);
        self.place += 1;
        let Augment { warp, warp_classes, .. } = self.augment;
        if (warp, warp_classes) == Default::default() {
            return self.augment.change(image, shape, &mut rng, out);
        }
        let of_class = 4 * class.class as u64 + u64::from(class.turns);
        let mut of_class = stream2(self.seed, Purpose::AugmentClass, self.task, of_class);
        let maps = [warp_classes.draw(&mut of_class), warp.draw(&mut rng)];
        warped(image, shape, &maps, &mut self.warped);
        self.augment.change(&self.warped, shape, &mut rng, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const SHAPE: [usize; 3] = [3, 4, 3];

    fn image() -> Vec<u8> {
        (0..36).map(|i| (i * 7) as u8).collect()
    }

    fn changed(augment: Augment, place: u64) -> Vec<u8> {
        of_class(augment, place, ClassRef { class: 7, turns: 0 })
    }

    fn of_class(augment: Augment, place: u64, class: ClassRef) -> Vec<u8> {
        let (mut changes, mut out) = (Changes { place, ..Changes::new(augment, 3, 9) }, vec![1]);
        changes.next(class, &image(), SHAPE, &mut out);
        assert_eq!(changes.place, place + 1);
        out
    }

    #[test]
    fn nothing_changes_unless_it_is_asked_for() {
        assert_eq!(changed(Augment::new(), 0), image());
    }

    #[test]
    fn half_of_the_images_are_mirrored() {
        let mirror: Vec<u8> = image()
            .chunks(12)
            .flat_map(|row| row.chunks(3).rev().flatten().copied().collect::<Vec<_>>())
            .collect();
        let flipped = (0..1000).filter(|&i| {
            let out = changed(Augment::new().flip(), i);
            assert!(out == image() || out == mirror);
            out == mirror
        });
        assert!((400..600).contains(&flipped.count()));
    }

    #[test]
    fn every_window_of_the_padded_image_is_cut_out() {
        let at = |row: isize, col: isize| match (0..3).contains(&row) && (0..4).contains(&col) {
            true => image()[(row * 4 + col) as usize * 3..][..3].to_vec(),
            false => vec![0; 3],
        };
        let windows: BTreeSet<Vec<u8>> = (-2..=2)
            .flat_map(|down| (-2..=2).map(move |right| (down, right)))
            .map(|(down, right)| (0..12).flat_map(|i| at(i / 4 + down, i % 4 + right)).collect())
            .collect();
        let seen: BTreeSet<Vec<u8>> = (0..500).map(|i| changed(Augment::new().crop(2), i)).collect();
        assert_eq!((seen.len(), seen), (25, windows));
    }

    #[test]
    fn colours_change_within_their_bounds_and_greys_keep_their_grey() {
        for i in 0..50 {
            let bright = changed(Augment::new().brightness(0.3), i);
            let ratio = f64::from(bright[30]) / f64::from(image()[30]);
            assert!((0.69..=1.31).contains(&ratio), "{ratio}");
            let faded = changed(Augment::new().saturation(1.0), i);
            for (pixel, of) in faded.chunks(3).zip(image().chunks(3)) {
                assert!(
                    (grey(pixel) as f64 - grey(of) as f64).abs() < 1000.0
                        || pixel.contains(&0)
                        || pixel.contains(&255)
                );
            }
            let mut out = Vec::new();
            let mut changes = Changes::new(Augment::new().contrast(0.5).saturation(0.5), i, 0);
            changes.next(ClassRef { class: 0, turns: 0 }, &[80; 36], SHAPE, &mut out);
            assert_eq!(out, [80; 36]); // no contrast and no colour to change
        }
    }

    #[test]
    fn images_of_a_class_share_the_map_of_the_class_and_have_one_each() {
        let (class, turned) = (ClassRef { class: 7, turns: 0 }, ClassRef { class: 7, turns: 1 });
        let warp = Warp::new().rotate(40.0).stretch(0.3).shear(0.3);
        let shared = Augment::new().warp_classes(warp);
        assert_ne!(of_class(shared, 0, class), image());
        assert_eq!(of_class(shared, 0, class), of_class(shared, 5, class));
        assert_ne!(of_class(shared, 0, class), of_class(shared, 0, turned));
        let own = Augment::new().warp(warp);
        assert_ne!(of_class(own, 0, class), of_class(own, 5, class));
        assert_eq!(of_class(own, 5, class), of_class(own, 5, turned));
    }

    #[test]
    fn a_change_is_a_function_of_seed_task_and_place() {
        let all = Augment::new().crop(2).flip().brightness(0.4).contrast(0.4).saturation(0.4);
        assert_eq!(changed(all, 4), changed(all, 4));
        assert_ne!(changed(all, 4), changed(all, 5));
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        assert!(Augment::new().crop(3).contrast(1.0).check(SHAPE).is_ok());
        for (name, augment) in [
            ("crop", Augment::new().crop(4)),
            ("brightness", Augment::new().brightness(1.1)),
            ("contrast", Augment::new().contrast(-0.1)),
            ("saturation", Augment::new().saturation(f64::NAN)),
            ("shift", Augment::new().warp(Warp::new().shift(4.0))),
            ("rotate", Augment::new().warp_classes(Warp::new().rotate(-1.0))),
        ] {
            let refused = augment.check(SHAPE);
            assert!(matches!(refused, Err(Error::Setting { name: told, .. }) if told == name), "{name}");
        }
    }
}
