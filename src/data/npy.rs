//! One array of an archive of NumPy's: `.npy`, versions 1 to 3.

use std::io::Read;

use ndarray::{ArrayD, IxDyn, ShapeBuilder};

use super::feature_arrays::decoded;

/// Reads an array of real or whole numbers; otherwise says what is wrong with it.
pub(crate) fn read_npy(mut from: impl Read) -> Result<ArrayD<f64>, String> {
    let mut begin = [0; 8];
    from.read_exact(&mut begin).map_err(|e| e.to_string())?;
    if begin[..6] != *b"\x93NUMPY" || !(1..=3).contains(&begin[6]) {
        return Err("it is not in NumPy's format, version 1 to 3".into());
    }
    let mut length = [0; 4];
    let bytes = if begin[6] == 1 { 2 } else { 4 };
    from.read_exact(&mut length[..bytes]).map_err(|e| e.to_string())?;
    let mut header = Vec::new();
    from.by_ref()
        .take(u32::from_le_bytes(length).into())
        .read_to_end(&mut header)
        .map_err(|e| e.to_string())?;
    let header = String::from_utf8_lossy(&header);
    let Header { kind, size, fortran, shape } =
        parsed(&header).ok_or_else(|| format!("its header cannot be used: {}", header.trim()))?;
    let need = shape.iter().try_fold(size, |product, &d| product.checked_mul(d));
    let need = need.ok_or_else(|| format!("its shape {shape:?} has too many numbers"))?;
    let mut numbers = Vec::new();
    // one more than needed, to see that nothing follows
    from.take(need as u64 + 1).read_to_end(&mut numbers).map_err(|e| e.to_string())?;
    if numbers.len() != need {
        return Err(format!("its shape {shape:?} needs {need} bytes, but there are others"));
    }
    let numbers =
        decoded(kind, size, &numbers).ok_or("its numbers must be f4, f8, or whole, of 1 to 8 bytes")?;
    ArrayD::from_shape_vec(IxDyn(&shape).set_f(fortran), numbers).map_err(|e| e.to_string())
}

struct Header {
    kind: char,
    size: usize,
    fortran: bool,
    shape: Vec<usize>,
}

/// Of a Python dictionary such as `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }`.
fn parsed(header: &str) -> Option<Header> {
    let after = |key: &str| Some(header.split_once(&format!("'{key}':"))?.1.trim_start());
    let descr = after("descr")?.strip_prefix('\'')?.split_once('\'')?.0;
    // numbers of one byte have no order of bytes
    let descr = descr.strip_prefix('<').or_else(|| descr.strip_prefix('|'))?;
    let size = descr.get(1..)?.parse().ok()?;
    let (shape, _) = after("shape")?.strip_prefix('(')?.split_once(')')?;
    let axes = shape.split(',').map(str::trim).filter(|axis| !axis.is_empty());
    let shape = axes.map(|axis| axis.parse().ok()).collect::<Option<_>>()?;
    let fortran = after("fortran_order")?;
    if !fortran.starts_with("True") && !fortran.starts_with("False") {
        return None;
    }
    Some(Header { kind: descr.chars().next()?, size, fortran: fortran.starts_with("True"), shape })
}
