//! Makes the folder that is the page: the program for the browser, the parameters, HTML, CSS and JavaScript.

mod serve;

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use base64::prelude::{BASE64_STANDARD, Engine};
use flate2::{Compression, write::GzEncoder};
use wasm_bindgen_cli_support::Bindgen;

const USAGE: &str = "usage: innerloop-web-build build|serve [--out FOLDER] [--params FILE] [--port PORT]";

struct Settings {
    serve: bool,
    out: PathBuf,
    params: PathBuf,
    port: u16,
}

fn settings(here: &Path) -> Result<Settings, Box<dyn Error>> {
    let mut given = std::env::args().skip(1);
    let serve = match given.next().as_deref() {
        Some("build") => false,
        Some("serve") => true,
        _ => return Err(USAGE.into()),
    };
    let params = here.join("../pretrained/maml-small.safetensors");
    let mut settings = Settings { serve, out: "out/web".into(), params, port: 8000 };
    while let Some(name) = given.next() {
        let value = given.next().ok_or(USAGE)?;
        match name.as_str() {
            "--out" => settings.out = value.into(),
            "--params" => settings.params = value.into(),
            "--port" => settings.port = value.parse()?,
            _ => return Err(USAGE.into()),
        }
    }
    Ok(settings)
}

fn run() -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no folder above")?;
    let Settings { serve, out, params, port } = settings(here)?;
    let params = fs::read(&params).map_err(|e| format!("parameters in {}: {e}", params.display()))?;
    let wasm = compile(here)?;

    fs::create_dir_all(&out)?;
    for file in fs::read_dir(here.join("page"))? {
        let file = file?;
        fs::copy(file.path(), out.join(file.file_name()))?;
    }
    // a script of the old kind and the bytes in another: a page that is opened from a folder may load nothing else
    let mut bindgen = Bindgen::new();
    let mut bound = bindgen
        .remove_name_section(true)
        .input_path(&wasm)
        .out_name("innerloop")
        .no_modules(true)?
        .typescript(false)
        .generate_output()?;
    fs::write(out.join("innerloop.js"), bound.js())?;
    let (program, params) = (packed(&bound.wasm_mut().emit_wasm())?, packed(&params)?);
    let text = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
    let data =
        format!("const PACKED = {{\n  program: '{}',\n  params: '{}'\n}};\n", text(&program), text(&params));
    fs::write(out.join("data.js"), data)?;
    println!(
        "{} is the page: open its index.html, or publish the folder ({} KB of program and {} KB of parameters, compressed)",
        out.display(),
        program.len() / 1000,
        params.len() / 1000
    );
    if serve {
        serve::serve(&out, port)?
    }
    Ok(())
}

/// Compiles the crate of the page for the browser.
fn compile(here: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(here.join("target"), PathBuf::from);
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args([
        "build",
        "--profile",
        "page",
        "--lib",
        "--target",
        "wasm32-unknown-unknown",
        "--manifest-path",
    ]);
    cargo.arg(here.join("Cargo.toml")).arg("--target-dir").arg(&target);
    if !cargo.status()?.success() {
        return Err("the page's crate does not compile; is the target there? rustup target add wasm32-unknown-unknown".into());
    }
    Ok(target.join("wasm32-unknown-unknown/page/innerloop_web.wasm"))
}

fn packed(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes)?;
    packer.finish()
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
