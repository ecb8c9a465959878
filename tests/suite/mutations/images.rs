//! Damaged images, archives and packed files.

use std::fs;
use std::io::{Cursor, Write};

use image::{ImageFormat, Rgb, RgbImage};
use innerloop::{Aspect, Glyphs, ImageSet, Omniglot, Photos};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{bounded, damage_file};
use crate::damage::{cases, damaged};
use crate::drawing::drawing;

fn picture(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let colour = |x: u32, y: u32| Rgb([(x * 7) as u8, (y * 11) as u8, (x * y) as u8]);
    RgbImage::from_fn(24, 17, colour).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn decoded(seed: u64, file: &[u8]) {
    let photos = [Photos::new(5), Photos::new(6).aspect(Aspect::Letterbox).grey()];
    let mut whole = 0;
    for case in 0..cases() {
        let photos = &photos[case as usize % 2];
        let size = photos.shape().iter().product::<usize>();
        match photos.decode(&damaged(file, seed, case), "x") {
            Ok(image) => {
                assert_eq!(image.len(), size);
                whole += 1;
            }
            Err(error) => assert!(error.to_string().contains("image x"), "{error}"),
        }
    }
    println!("{whole} of {} were decoded", cases());
    bounded();
}

#[test]
fn damaged_jpeg_files() {
    // with a note about the camera, which is read too
    let jpeg = picture(ImageFormat::Jpeg);
    let exif = b"\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    decoded(1, &[&jpeg[..2], exif, &jpeg[2..]].concat());
}

#[test]
fn damaged_png_files() {
    decoded(2, &picture(ImageFormat::Png));
}

#[test]
fn damaged_png_files_with_right_checksums() {
    // or the decoder would look no further
    let whole = picture(ImageFormat::Png);
    for case in 0..cases() {
        let mut bytes = damaged(&whole, 3, case);
        let mut at = 8;
        while let Some(length) = bytes.get(at..at + 4) {
            let end = at + 8 + u32::from_be_bytes(length.try_into().unwrap()) as usize;
            if end + 4 > bytes.len() {
                break;
            }
            let sum = crc32fast::hash(&bytes[at + 4..end]);
            bytes[end..end + 4].copy_from_slice(&sum.to_be_bytes());
            at = end + 4;
        }
        let _ = Photos::new(5).decode(&bytes, "x");
    }
    bounded();
}

fn archive(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (at, (name, bytes)) in files.iter().enumerate() {
        let method = [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated][at % 2];
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn damaged_archives_of_photographs() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x.zip");
    let (png, jpeg) = (picture(ImageFormat::Png), picture(ImageFormat::Jpeg));
    let files = [("a/1.png", png.clone()), ("a/2.jpg", jpeg), ("b/c/3.png", png), ("notes.txt", vec![1; 50])];
    fs::write(&path, archive(&files)).unwrap();
    damage_file(4, &path, |path| match Photos::new(4).load(path) {
        Ok(images) => assert!(images.len() <= 16),
        Err(error) => assert!(!error.to_string().is_empty()),
    });
}

#[test]
fn damaged_archives_of_drawings() {
    let dir = TempDir::new().unwrap();
    let png = drawing(105, 0x3C);
    let archive = archive(&[("A/c1/1.png", png.clone()), ("A/c1/2.png", png.clone()), ("A/c2/1.png", png)]);
    fs::write(dir.path().join("images_evaluation.zip"), &archive).unwrap();
    let path = dir.path().join("images_background.zip");
    fs::write(&path, archive).unwrap();
    damage_file(5, &path, |_| {
        let _ = Omniglot::load_sized(dir.path(), 6);
    });
}

#[test]
fn damaged_packed_files_are_made_again() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("cache");
    let images =
        Glyphs::default().alphabets(1).characters_per_alphabet(2).drawers(2).size(8).generate().unwrap();
    let load = || ImageSet::cached(&path, "a fingerprint", || Ok(images.clone())).unwrap();
    load();
    damage_file(6, &path.clone(), |_| assert_eq!(load(), images));
}
