//! The header in the repository is what cbindgen makes of the source.

use std::fs;
use std::path::Path;

#[test]
fn the_header_is_what_cbindgen_makes() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(here.join("cbindgen.toml")).unwrap();
    let mut made = Vec::new();
    let builder = cbindgen::Builder::new().with_config(config).with_src(here.join("src/lib.rs"));
    builder.generate().unwrap().write(&mut made);
    let header = here.join("include/innerloop.h");
    if std::env::var_os("INNERLOOP_WRITE").is_some() {
        fs::write(&header, &made).unwrap();
    }
    let there = fs::read_to_string(&header).unwrap();
    assert!(there.as_bytes() == made, "run INNERLOOP_WRITE=1 cargo test --test header in capi/");
}
