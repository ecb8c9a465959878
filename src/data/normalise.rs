//! Mean and deviation of the channels of images.

use std::collections::BTreeSet;

use super::class::ClassRef;
use super::images::ImageSet;
use super::pixels::PixelRange;
use crate::error::{Error, Result};

impl ImageSet {
    /// The same images, read so that each channel has mean 0 and deviation 1 over all pixels of `classes`: give the
    /// training classes, since those of testing are not known in advance. [`range`](ImageSet::range) is what a program that
    /// predicts needs to read its own pictures alike; `Pretrained` keeps it.
    ///
    /// ```
    /// use innerloop::{Glyphs, Split};
    ///
    /// let images = Glyphs::default().alphabets(2).generate()?;
    /// let split = Split::random(&images, 30, 10, false, 0)?;
    /// let images = images.normalised(&split.train)?;
    /// assert!(images.range().channels()[0][0] < 0.0); // paper, no longer 0
    /// # Ok::<(), innerloop::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::TooFewClasses`] for no class; [`Error::UnknownClass`]; [`Error::Setting`] if a channel has one value
    /// throughout, so that there is no deviation to divide by.
    pub fn normalised(self, classes: &[ClassRef]) -> Result<ImageSet> {
        // a turned class has the same pixels
        let classes: BTreeSet<usize> = classes.iter().map(|class| class.class).collect();
        if classes.is_empty() {
            return Err(Error::TooFewClasses { what: "the mean of the channels", need: 1, have: 0 });
        }
        let c = self.shape()[2];
        // whole numbers, so that no order of adding matters
        let (mut n, mut sums) = (0u128, vec![[0u128; 2]; c]);
        for class in classes {
            self.class(ClassRef { class, turns: 0 })?;
            for image in (0..self.images_of(class)).map(|image| self.image(class, image)) {
                n += (image.len() / c) as u128;
                for (channel, [sum, squares]) in sums.iter_mut().enumerate() {
                    let bytes = || image.iter().skip(channel).step_by(c).map(|&byte| u64::from(byte));
                    *sum += u128::from(bytes().sum::<u64>());
                    *squares += u128::from(bytes().map(|byte| byte * byte).sum::<u64>());
                }
            }
        }
        let (mut mean, mut deviation) = (Vec::with_capacity(c), Vec::with_capacity(c));
        for (channel, [sum, squares]) in sums.into_iter().enumerate() {
            let variance = n * squares - sum * sum; // n² times that of the bytes
            if variance == 0 {
                let value = format!("images whose channel {channel} is {} throughout", sum / n);
                let need = "classes whose pixels differ: look at the images, or keep their range";
                return Err(Error::Setting { name: "classes", value, need });
            }
            mean.push(sum as f64 / n as f64 / 255.0);
            deviation.push((variance as f64).sqrt() / n as f64 / 255.0);
        }
        self.with_pixels(PixelRange::standard(&mean, &deviation)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channels_of_the_classes_have_mean_0_and_deviation_1() {
        let image = |seed: u8| (0..24u8).map(|i| i.wrapping_mul(53).wrapping_add(seed)).collect::<Vec<_>>();
        let classes = vec![
            ("a".into(), vec![image(1), image(7)]),
            ("b".into(), vec![image(90)]),
            ("c".into(), vec![vec![200; 24]]),
        ];
        let images = ImageSet::from_classes(classes, 2, 4, 3).unwrap();
        let refs = [(0, 0), (0, 2), (1, 0)].map(|(class, turns)| ClassRef { class, turns });
        let images = images.normalised(&refs).unwrap();
        for channel in 0..3 {
            let of_class = |class| {
                let class = images.class(ClassRef { class, turns: 0 }).unwrap();
                (0..class.len())
                    .flat_map(|i| class.image::<f64>(i).into_raw_vec_and_offset().0)
                    .collect::<Vec<_>>()
            };
            let all: Vec<f64> = [of_class(0), of_class(1)].concat();
            let all: Vec<f64> = all.into_iter().skip(channel).step_by(3).collect();
            let mean = all.iter().sum::<f64>() / all.len() as f64;
            let variance = all.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / all.len() as f64;
            assert!(mean.abs() < 1e-12 && (variance - 1.0).abs() < 1e-12, "{channel}: {mean} {variance}");
        }
        let plain = images.normalised(&[ClassRef { class: 2, turns: 0 }]).unwrap_err();
        assert!(plain.to_string().contains("channel 0 is 200 throughout"), "{plain}");
    }
}
