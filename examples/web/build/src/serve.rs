//! A server for one folder, on this machine only.

use std::fs;
use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

/// Serves the files of a folder until it is stopped.
pub fn serve(folder: &Path, port: u16) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("http://{}/ shows it; Ctrl-C ends", listener.local_addr()?);
    for stream in listener.incoming() {
        // a browser that went away is no reason to end
        let _ = stream.and_then(|stream| answer(stream, folder));
    }
    Ok(())
}

fn answer(mut stream: TcpStream, folder: &Path) -> Result<()> {
    let (mut first, mut line) = (String::new(), String::new());
    let mut reader = BufReader::new(stream.try_clone()?);
    reader.read_line(&mut first)?;
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let name = first.split(' ').nth(1).and_then(|path| path.strip_prefix('/')).unwrap_or_default();
    let name = if name.is_empty() { "index.html" } else { name.split('?').next().unwrap_or_default() };
    // the files of the page stand side by side, so no path is needed
    let found = if name.contains(['/', '\\']) || name.starts_with('.') {
        None
    } else {
        fs::read(folder.join(name)).ok()
    };
    let kind = match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let (status, body) = found.map_or(("404 Not Found", b"not here".to_vec()), |body| ("200 OK", body));
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}
