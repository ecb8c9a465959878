//! Random damage to bytes, a pure function of seed and case.

use innerloop::rand::rngs::ChaCha8Rng;
use innerloop::rand::{Rng, SeedableRng};

/// How many cases each test tries.
pub fn cases() -> u64 {
    std::env::var("INNERLOOP_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(300)
}

/// Numbers that are often handled wrongly.
const NUMBERS: [u64; 10] =
    [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, u64::MAX];

/// Pieces of text that mean something to one reader or another.
const TEXTS: [&str; 12] = ["\n", "\r\n", ",", "\"", "\t", "[", "{", "}", "../", "/", "\u{feff}", "nan"];

/// The bytes with one to four pieces of damage.
pub fn damaged(whole: &[u8], seed: u64, case: u64) -> Vec<u8> {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&case.to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    let mut below = |n: usize| (rng.next_u64() % n.max(1) as u64) as usize;
    let mut bytes = whole.to_vec();
    for _ in 0..1 + below(4) {
        let at = below(bytes.len() + 1);
        let most = below(8);
        let length = below(1 << most).min(bytes.len() - at);
        match below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << most,
            1 if at < bytes.len() => bytes[at] = below(256) as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..at + length)),
            4 => {
                let copied = bytes[at..at + length].to_vec();
                let to = below(bytes.len() + 1);
                bytes.splice(to..to, copied);
            }
            5 => {
                let (number, width) = (NUMBERS[below(NUMBERS.len())], [1, 2, 4, 8][below(4)]);
                let mut piece = number.to_le_bytes()[..width].to_vec();
                if below(2) == 0 {
                    piece.reverse();
                }
                let end = (at + width).min(bytes.len());
                bytes[at..end].copy_from_slice(&piece[..end - at]);
            }
            6 => {
                let text = TEXTS[below(TEXTS.len())].repeat(1 + below(3));
                bytes.splice(at..at, text.into_bytes());
            }
            _ => bytes[at..at + length].fill(below(256) as u8),
        }
    }
    bytes
}

#[test]
fn damage_is_a_function_of_seed_and_case_and_seldom_none() {
    let whole: Vec<u8> = (0..200).map(|i| i as u8).collect();
    assert_eq!(damaged(&whole, 1, 2), damaged(&whole, 1, 2));
    assert_ne!(damaged(&whole, 1, 2), damaged(&whole, 1, 3));
    let none = (0..1000).filter(|&case| damaged(&whole, 7, case) == whole).count();
    assert!(none < 200, "{none}");
    assert!((0..1000).all(|case| damaged(&[], 7, case).len() < 100));
}
