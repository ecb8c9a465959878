//! What the data layer does with damaged, incomplete and odd input, and what it promises of episodes.

use std::collections::HashSet;
use std::fs;

use innerloop::{
    ClassRef, Episode, EpisodeSampler, EpisodeShape, Error, Glyphs, ImageSet, Sinusoids, Split, Targets,
    Tasks,
};
use tempfile::TempDir;

/// A 2-class set with images of 2x2 and rotations of both classes.
fn small_set() -> ImageSet {
    let classes =
        ["Angelic/character01", "Angelic/character02"].map(|name| (name.to_string(), vec![vec![0; 4]; 20]));
    ImageSet::from_classes(classes.into(), 2, 2, 1).unwrap()
}

fn lists(train: &str, val: &str, test: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, text) in [("train.txt", train), ("val.txt", val), ("test.txt", test)] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

#[test]
fn lists_with_windows_line_ends_blank_lines_and_a_mark_at_the_start_are_read() {
    let train = "\u{feff}Angelic/character01/rot000\r\n\r\nAngelic/character01/rot090\r\n";
    let dir = lists(train, "\n", "Angelic/character02/rot270");
    let split = Split::vinyals(&small_set(), dir.path()).unwrap();
    assert_eq!(split.train, [ClassRef { class: 0, turns: 0 }, ClassRef { class: 0, turns: 1 }]);
    assert_eq!(split.val, []);
    assert_eq!(split.test, [ClassRef { class: 1, turns: 3 }]);
}

#[test]
fn a_bad_line_is_named_with_file_number_and_text() {
    let dir = lists("Angelic/character01/rot000\n\nAngelic/character02/45\n", "", "");
    let error = Split::vinyals(&small_set(), dir.path()).unwrap_err();
    let Error::BadLine { path, line: 3, text, .. } = &error else { panic!("{error}") };
    assert_eq!((path, text.as_str()), (&dir.path().join("train.txt"), "Angelic/character02/45"));
    assert!(error.to_string().contains("train.txt:3: \"Angelic/character02/45\""), "{error}");
}

#[test]
fn a_listed_class_that_the_images_lack_is_named_with_its_place() {
    let dir = lists("Angelic/character01/rot000", "Angelic/character09/rot000", "");
    let error = Split::vinyals(&small_set(), dir.path()).unwrap_err();
    assert!(matches!(&error, Error::UnknownClass { class, .. } if class == "Angelic/character09"), "{error}");
    assert!(error.to_string().contains("val.txt:1"), "{error}");
}

#[test]
fn lists_that_share_a_character_or_repeat_a_line_are_refused() {
    let dir = lists("Angelic/character01/rot000", "", "Angelic/character01/rot090");
    let error = Split::vinyals(&small_set(), dir.path()).unwrap_err();
    assert!(
        matches!(error, Error::SharedClass { first, second, .. } if first == "train.txt" && second == "test.txt")
    );
    let dir = lists("Angelic/character01/rot000\nAngelic/character01/rot000", "", "");
    assert!(matches!(Split::vinyals(&small_set(), dir.path()), Err(Error::RepeatedClass { .. })));
}

#[test]
fn a_missing_or_empty_list_is_named() {
    let dir = lists("Angelic/character01/rot000", "", "");
    let error = Split::vinyals(&small_set(), dir.path()).unwrap_err();
    assert!(matches!(&error, Error::BadFile { path, .. } if path.ends_with("test.txt")), "{error}");
    fs::remove_file(dir.path().join("val.txt")).unwrap();
    let error = Split::vinyals(&small_set(), dir.path()).unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if path.ends_with("val.txt")), "{error}");
}

fn glyph_images() -> ImageSet {
    Glyphs::default().alphabets(2).characters_per_alphabet(8).generate().unwrap()
}

fn glyph_sampler(seed: u64) -> EpisodeSampler {
    let images = glyph_images();
    let split = Split::random(&images, 12, 4, true, 0).unwrap();
    EpisodeSampler::new(&images, &split.train, EpisodeShape::new(5, 2, 6), seed).unwrap()
}

#[test]
fn support_and_query_never_share_an_image_and_classes_never_repeat() {
    let sampler = glyph_sampler(1);
    for i in 0..2000 {
        let drawn = sampler.drawn(i);
        let classes: HashSet<ClassRef> = drawn.iter().map(|(class, _)| *class).collect();
        assert_eq!(classes.len(), 5, "episode {i}: {drawn:?}");
        for (_, images) in &drawn {
            assert_eq!(
                (images.len(), images.iter().collect::<HashSet<_>>().len()),
                (8, 8),
                "episode {i}: {drawn:?}"
            );
        }
    }
}

#[test]
fn every_episode_is_whole_and_its_labels_are_complete() {
    let (images, sampler) = (glyph_images(), glyph_sampler(2));
    for i in 0..200 {
        let episode: Episode<f32> = sampler.task(i);
        let labels =
            |each: usize| Targets::Labels { labels: (0..5 * each).map(|at| at / each).collect(), ways: 5 };
        assert_eq!((&episode.support.y, &episode.query.y), (&labels(2), &labels(6)));
        assert_eq!(episode.ways(), Some(5));
        // turns of one class share its name
        let drawn = sampler.drawn(i);
        let names: Vec<_> = drawn.iter().map(|(class, _)| images.class_name(class.class)).collect();
        assert_eq!(episode.classes, names);
        Episode::new(episode.support, episode.query).unwrap();
    }
}

#[test]
fn the_same_seed_and_index_give_the_same_bits_in_any_order_and_on_any_thread() {
    let forward: Vec<Episode<f32>> = (0..20).map(|i| glyph_sampler(3).task(i)).collect();
    let sampler = glyph_sampler(3);
    let mut backward: Vec<Episode<f32>> = (0..20).rev().map(|i| sampler.task(i)).collect();
    backward.reverse();
    assert_eq!(forward, backward);
    let threads: Vec<Episode<f32>> = std::thread::scope(|scope| {
        let jobs: Vec<_> =
            (0..20).map(|i| (i, &sampler)).map(|(i, s)| scope.spawn(move || s.task(i))).collect();
        jobs.into_iter().map(|job| job.join().unwrap()).collect()
    });
    assert_eq!(forward, threads);
}

#[test]
fn other_seeds_give_other_episodes() {
    let first = |seed| -> Episode<f32> { glyph_sampler(seed).task(0) };
    assert_ne!(first(4), first(5));
    let tasks = |seed| Sinusoids::new(5, 5, seed);
    assert_ne!(tasks(4).curve(0), tasks(5).curve(0));
    assert_ne!(tasks(4).curve(1), tasks(5).curve(0));
}

#[cfg(feature = "images")]
mod omniglot {
    use super::*;
    use crate::drawing::drawing;
    use innerloop::Omniglot;
    use std::io::{Cursor, Write};
    use std::path::Path;
    use zip::write::{SimpleFileOptions, ZipWriter};

    const SETS: [&str; 2] = ["images_background", "images_evaluation"];

    /// Files of a small Omniglot: an alphabet of 2 characters in each set, 3 drawings each, unsorted.
    fn files(set: &str) -> Vec<(String, Vec<u8>)> {
        let alphabet = if set == SETS[0] { "Zeta" } else { "Alpha" };
        let mut which = set.len() as u8;
        let mut files = Vec::new();
        for character in [2, 1] {
            for drawer in [3, 1, 2] {
                which += 7;
                let name = format!("{set}/{alphabet}/character{character:02}/0001_{drawer:02}.png");
                files.push((name, drawing(105, 0xF0 ^ which)));
            }
        }
        files
    }

    fn zipped(files: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            if name.ends_with('/') {
                zip.add_directory(name.as_str(), SimpleFileOptions::default()).unwrap();
            } else {
                zip.start_file(name.as_str(), SimpleFileOptions::default()).unwrap();
                zip.write_all(bytes).unwrap();
            }
        }
        zip.finish().unwrap().into_inner()
    }

    fn unpacked(root: &Path, files: &[(String, Vec<u8>)]) {
        for (name, bytes) in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if name.ends_with('/') {
                fs::create_dir_all(path).unwrap();
            } else {
                fs::write(path, bytes).unwrap();
            }
        }
    }

    /// Both sets as archives, after `change` to the files of the background set.
    fn archives(change: impl FnOnce(&mut Vec<(String, Vec<u8>)>)) -> TempDir {
        let root = TempDir::new().unwrap();
        let mut background = files(SETS[0]);
        change(&mut background);
        fs::write(root.path().join("images_background.zip"), zipped(&background)).unwrap();
        fs::write(root.path().join("images_evaluation.zip"), zipped(&files(SETS[1]))).unwrap();
        root
    }

    /// The same, as folders.
    fn folders(change: impl FnOnce(&mut Vec<(String, Vec<u8>)>)) -> TempDir {
        let root = TempDir::new().unwrap();
        let mut background = files(SETS[0]);
        change(&mut background);
        unpacked(root.path(), &background);
        unpacked(root.path(), &files(SETS[1]));
        root
    }

    fn trouble(root: &TempDir) -> Error {
        Omniglot::load(root.path()).unwrap_err()
    }

    #[test]
    fn archives_and_folders_give_the_same_sorted_set() {
        let images = Omniglot::load(archives(|_| {}).path()).unwrap();
        let names: Vec<&str> = (0..images.classes()).map(|class| images.class_name(class)).collect();
        assert_eq!(names, ["Zeta/character01", "Zeta/character02", "Alpha/character01", "Alpha/character02"]);
        assert_eq!((images.len(), images.shape()), (12, [28, 28, 1]));
        assert_eq!(images, Omniglot::load(folders(|_| {}).path()).unwrap());
        let nested = TempDir::new().unwrap();
        files(SETS[0]).iter().chain(&files(SETS[1])).for_each(|(name, bytes)| {
            unpacked(&nested.path().join("omniglot"), &[(name.clone(), bytes.clone())]);
        });
        assert_eq!(images, Omniglot::load(nested.path()).unwrap());
    }

    #[test]
    fn ink_is_255_and_paper_0() {
        let images = Omniglot::load_sized(archives(|_| {}).path(), 105).unwrap();
        // the first drawing sorted is the fifth made: rows of 0xF0 ^ (17 + 5 * 7), ones are paper
        let row: Vec<u8> = (0..8).map(|bit| if (0xF0u8 ^ 52) << bit & 0x80 == 0 { 255 } else { 0 }).collect();
        assert_eq!(images.image(0, 0)[..8], row);
    }

    #[test]
    fn what_systems_add_to_folders_and_archives_is_passed_over() {
        let clutter = |files: &mut Vec<(String, Vec<u8>)>| {
            files.push(("images_background/.DS_Store".into(), vec![1]));
            files.push(("images_background/Zeta/character01/._0001_01.png".into(), vec![1]));
            files.push(("images_background/Zeta/notes.txt".into(), vec![1]));
        };
        let images = Omniglot::load(archives(|_| {}).path()).unwrap();
        assert_eq!(images, Omniglot::load(archives(clutter).path()).unwrap());
        assert_eq!(images, Omniglot::load(folders(clutter).path()).unwrap());
    }

    #[test]
    fn a_folder_without_the_data_is_told_what_was_looked_for() {
        let error = trouble(&TempDir::new().unwrap());
        assert!(matches!(error, Error::NoData { .. }));
        assert!(error.to_string().contains("images_background.zip"), "{error}");
        let root = archives(|_| {});
        fs::remove_file(root.path().join("images_evaluation.zip")).unwrap();
        let error = trouble(&root);
        assert!(error.to_string().contains("images_evaluation.zip"), "{error}");
    }

    #[test]
    fn a_truncated_archive_is_named() {
        let root = archives(|_| {});
        let path = root.path().join("images_background.zip");
        let bytes = fs::read(&path).unwrap();
        for keep in [0, 10, bytes.len() / 2, bytes.len() - 10] {
            fs::write(&path, &bytes[..keep]).unwrap();
            let error = trouble(&root);
            assert!(matches!(&error, Error::BadFile { path: bad, .. } if *bad == path), "{keep}: {error}");
        }
    }

    #[test]
    fn an_archive_with_damaged_bytes_is_named_with_the_drawing() {
        let root = archives(|_| {});
        let path = root.path().join("images_background.zip");
        let mut bytes = fs::read(&path).unwrap();
        bytes[100..140].fill(0x55);
        fs::write(&path, bytes).unwrap();
        let error = trouble(&root);
        assert!(
            matches!(&error, Error::BadImage { member, .. } if member == "Zeta/character02/0001_03.png"),
            "{error}"
        );
    }

    #[test]
    fn a_broken_drawing_is_named_with_its_archive_or_folder() {
        let cut = |files: &mut Vec<(String, Vec<u8>)>| {
            files[2].1.truncate(50);
            files[4].1.clear();
        };
        for (root, ending) in [(archives(cut), "images_background.zip"), (folders(cut), "images_background")]
        {
            let error = trouble(&root);
            // two drawings are broken: the first in order is named, always
            let Error::BadImage { path, member, .. } = &error else { panic!("{error}") };
            assert!(path.ends_with(ending) && member == "Zeta/character01/0001_01.png", "{error}");
        }
    }

    #[test]
    fn a_drawing_of_the_wrong_size_is_named_with_both_sizes() {
        let error = trouble(&archives(|files| files[0].1 = drawing(64, 0xF1)));
        assert!(matches!(error, Error::ImageSize { expected: 105, found_h: 64, found_w: 64, .. }), "{error}");
        assert!(error.to_string().contains("Zeta/character02/0001_03.png is 64x64"), "{error}");
    }

    #[test]
    fn empty_folders_are_named() {
        let hollow = |files: &mut Vec<(String, Vec<u8>)>| {
            files.push(("images_background/Zeta/character03/".into(), vec![]));
        };
        for root in [archives(hollow), folders(hollow)] {
            let error = trouble(&root);
            assert!(matches!(&error, Error::EmptyClass { class } if class == "Zeta/character03"), "{error}");
        }
        let hollow =
            |files: &mut Vec<(String, Vec<u8>)>| files.push(("images_background/Eta/".into(), vec![]));
        for root in [archives(hollow), folders(hollow)] {
            assert!(matches!(trouble(&root), Error::EmptyClass { class } if class == "Eta"));
        }
        let nothing =
            |files: &mut Vec<(String, Vec<u8>)>| *files = vec![("images_background/".into(), vec![])];
        for root in [archives(nothing), folders(nothing)] {
            assert!(matches!(trouble(&root), Error::BadFile { .. }));
        }
    }

    #[test]
    fn a_drawing_out_of_place_is_named() {
        let astray = |files: &mut Vec<(String, Vec<u8>)>| {
            files.push(("images_background/Zeta/0001_01.png".into(), drawing(105, 0xF1)));
        };
        for root in [archives(astray), folders(astray)] {
            assert!(matches!(trouble(&root), Error::BadImage { member, .. } if member == "Zeta/0001_01.png"));
        }
    }

    #[test]
    fn a_size_that_cannot_be_is_refused() {
        for size in [0, 106] {
            let error = Omniglot::load_sized("nowhere", size).unwrap_err();
            assert!(matches!(error, Error::Setting { name: "size", .. }), "{error}");
        }
    }

    #[test]
    fn the_real_set_has_the_published_counts_and_pixels() {
        let Some(root) = crate::common::real_data() else { return };
        let images = Omniglot::load(&root).unwrap();
        assert_eq!((images.classes(), images.len(), images.shape()), (1623, 32_460, [28, 28, 1]));
        assert!((0..images.classes()).all(|class| images.images_of(class) == 20));
        assert_eq!(images.class_name(0), "Alphabet_of_the_Magi/character01");
        assert_eq!(images.class_name(964), "Angelic/character01");
        // FNV-1a over the bytes that Pillow 13.0.0 gives: each drawing, in this order,
        // 255 * (1 - numpy.array(Image.open(file).resize((28, 28), Image.NEAREST)))
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for (class, image) in (0..images.classes()).flat_map(|class| (0..20).map(move |image| (class, image)))
        {
            for &byte in images.image(class, image) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
            }
        }
        assert_eq!(hash, 0xc81f_93b3_b709_0805, "{hash:#x}");
    }

    #[test]
    fn the_vinyals_lists_fit_the_real_set() {
        let Some(root) = crate::common::real_data() else { return };
        let images = Omniglot::load(&root).unwrap();
        let split = Split::vinyals(&images, root.join("omniglot/splits/vinyals")).unwrap();
        assert_eq!((split.train.len(), split.val.len(), split.test.len()), (4112, 688, 1692));
        assert_eq!(split.trainval().len(), 4800);
        let shape = EpisodeShape::new(20, 5, 15);
        let episode: Episode<f32> = EpisodeSampler::new(&images, &split.test, shape, 0).unwrap().task(0);
        assert_eq!(episode.query.x.shape(), [300, 28, 28, 1]);
        assert!(episode.query.x.iter().all(|&ink| ink == 0.0 || ink == 1.0));
    }
}
