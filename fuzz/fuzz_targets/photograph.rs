//! Any bytes as a photograph.
#![no_main]

use innerloop::{Aspect, Photos};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for photos in [Photos::new(5), Photos::new(6).aspect(Aspect::Letterbox).grey()] {
        if let Ok(image) = photos.decode(bytes, "x") {
            assert_eq!(image.len(), photos.shape().iter().product::<usize>());
        }
    }
});
