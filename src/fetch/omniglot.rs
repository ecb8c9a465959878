//! Where Omniglot is published, and what its files are.

use super::sources::{Fetch, RemoteFile};

/// The authors' repository.
const IMAGES: &str = "https://github.com/brendenlake/omniglot/raw/master/python/";

/// The repository of prototypical networks (Snell et al. 2017), at the commit whose lists were compared with these sums.
const LISTS: &str = "https://raw.githubusercontent.com/jakesnell/prototypical-networks/\
                     c9bb4d258267c11cb6e23f0a19242d24ca98ad8a/data/omniglot/splits/vinyals/";

/// Bytes and sha256 as TensorFlow Datasets lists them (`url_checksums/omniglot.txt`).
const ARCHIVES: [(&str, u64, &str); 2] = [
    ("images_background.zip", 9_464_212, "ad41ab679c8b5d90b271ef46be6987cc81211774a695c29dcc5367b2b26ee640"),
    ("images_evaluation.zip", 6_462_886, "1f61a8f3366785b057fc117d9228e78a16e3d976c8953b2a10fcc74cf0609cee"),
];

/// Those of the lists themselves.
const VINYALS: [(&str, u64, &str); 3] = [
    ("train.txt", 133_244, "984522c194c30fb678ce53304a160a42faf5403ad4f9a67010f32dd3a35738e0"),
    ("val.txt", 21_312, "11f99e54faee3e26f53d3231c1cceac5bf7b8730e9be31cb6dab256551dc0c1a"),
    ("test.txt", 50_372, "845264cc5c156180828ccf17915668b17ee21424d0170df6e7d81676aa5d1204"),
];

impl Fetch {
    /// Omniglot (Lake et al. 2015): its two archives, 16 MB, and the lists of the Vinyals split in `splits/vinyals`, as
    /// [`Omniglot`](crate::Omniglot) and [`Split::vinyals`](crate::Split::vinyals) read them.
    pub fn omniglot() -> Fetch {
        let file = |base: &str, folder: &str, (name, bytes, sha256): (&str, u64, &str)| {
            RemoteFile::new(format!("{base}{name}"), format!("{folder}{name}"), bytes, sha256)
        };
        let archives = ARCHIVES.map(|archive| file(IMAGES, "", archive));
        let lists = VINYALS.map(|list| file(LISTS, "splits/vinyals/", list));
        Fetch::new(archives.into_iter().chain(lists).collect())
    }
}
