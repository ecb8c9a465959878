//! Reads the reference values: uncompressed arrays of little-endian numbers in C order, in a zip archive.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use innerloop::ndarray::ArrayD;
use zip::ZipArchive;

/// An open `.npz` file.
pub struct Npz {
    name: String,
    archive: ZipArchive<File>,
}

/// A type of number that a file may hold.
pub trait Number: Copy {
    /// NumPy's name of it.
    const DESCR: &'static str;
    /// The bytes that one takes.
    const SIZE: usize;
    /// Of `SIZE` bytes.
    fn of_bytes(bytes: &[u8]) -> Self;
}

macro_rules! number {
    ($($t:ty = $descr:literal),*) => {$(
        impl Number for $t {
            const DESCR: &'static str = $descr;
            const SIZE: usize = size_of::<$t>();
            fn of_bytes(bytes: &[u8]) -> Self {
                <$t>::from_le_bytes(bytes.try_into().unwrap())
            }
        }
    )*};
}
number!(f32 = "<f4", f64 = "<f8", i64 = "<i8");

impl Npz {
    /// Opens `path`, or panics with its name.
    pub fn open(path: &Path) -> Npz {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let archive = ZipArchive::new(File::open(path).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"));
        Npz { name, archive }
    }

    /// The file's own name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of all arrays.
    pub fn names(&self) -> Vec<String> {
        self.archive.file_names().map(|name| name.trim_end_matches(".npy").to_owned()).collect()
    }

    /// Whether there is an array of this name.
    pub fn has(&self, name: &str) -> bool {
        self.archive.index_for_name(&format!("{name}.npy")).is_some()
    }

    /// NumPy's name of the type of an array's numbers, its shape, and its bytes.
    fn read(&mut self, name: &str) -> (String, Vec<usize>, Vec<u8>) {
        let fail = |what: &str| -> ! { panic!("{}, array {name}: {what}", self.name) };
        let Ok(mut entry) = self.archive.by_name(&format!("{name}.npy")) else { fail("not there") };
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        // a magic number, version 1.0, the header's length in two bytes, and the header: a Python dictionary
        if bytes.len() < 10 || bytes[..8] != *b"\x93NUMPY\x01\x00" {
            fail("not version 1.0 of the .npy format")
        }
        let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let numbers = bytes.split_off(10 + length);
        let header = String::from_utf8(bytes.split_off(10)).unwrap();
        if !header.contains("'fortran_order': False") {
            fail("not in C order")
        }
        let between =
            |from: &str, to: &str| header.split_once(from).and_then(|(_, rest)| rest.split_once(to));
        let Some((descr, _)) = between("'descr': '", "'") else { fail("a header without type") };
        let Some((shape, _)) = between("'shape': (", ")") else { fail("a header without shape") };
        let axes = shape.split(',').map(str::trim).filter(|axis| !axis.is_empty());
        (descr.to_owned(), axes.map(|axis| axis.parse().unwrap()).collect(), numbers)
    }

    /// Whether the array's numbers are of type `A`.
    pub fn is<A: Number>(&mut self, name: &str) -> bool {
        self.read(name).0 == A::DESCR
    }

    /// An array, which must be there and hold numbers of type `A`.
    pub fn array<A: Number>(&mut self, name: &str) -> ArrayD<A> {
        let (descr, shape, bytes) = self.read(name);
        assert_eq!(descr, A::DESCR, "{}, array {name}: the type of its numbers", self.name);
        let values = bytes.chunks_exact(A::SIZE).map(A::of_bytes).collect();
        ArrayD::from_shape_vec(shape, values).unwrap_or_else(|e| panic!("{}, array {name}: {e}", self.name))
    }

    /// A count: an integer without axes.
    pub fn number(&mut self, name: &str) -> usize {
        usize::try_from(self.array::<i64>(name)[[]]).unwrap()
    }

    /// A rate: a real number without axes.
    pub fn rate(&mut self, name: &str) -> f64 {
        self.array::<f64>(name)[[]]
    }
}
