//! One request for a file, or for the rest of it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Duration;

use ureq::Agent;
use ureq::http::Response;

use super::sources::{RemoteFile, fetch};
use crate::error::{Error, Result};

/// How a request ended that did not fail.
pub(super) enum End {
    /// All bytes are there.
    Whole,
    /// The connection ended before, when so many bytes were there.
    Cut {
        /// The bytes that are there.
        have: u64,
        /// How it ended.
        reason: String,
    },
    /// The bytes that were sent are not the rest of the file: it must be asked for from its start.
    FromStart,
}

/// A client that gives up after `patience` whatever it waits for.
pub(super) fn client(patience: Duration) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_resolve(Some(patience))
        .timeout_connect(Some(patience))
        .timeout_send_request(Some(patience))
        .timeout_recv_response(Some(patience))
        .timeout_recv_body(Some(patience))
        .user_agent(concat!("innerloop/", env!("CARGO_PKG_VERSION")));
    config.build().into()
}

/// Asks for what follows the first `have` bytes and writes it to `to`. Errors of the disk are [`Error::Io`] without a path.
pub(super) fn attempt(
    client: &Agent,
    file: &RemoteFile,
    to: &mut File,
    mut have: u64,
    seen: &mut dyn FnMut(u64),
) -> Result<End> {
    let mut request = client.get(&file.address);
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    let response = request.call().map_err(|error| fetch(file, unreachable(&error, file)))?;
    match response.status().as_u16() {
        200 => have = 0, // the whole file, whatever was asked for
        206 if have > 0 && header(&response, "content-range").starts_with(&format!("bytes {have}-")) => {}
        206 | 416 => return Ok(End::FromStart),
        404 | 410 => {
            let reason =
                "the server has no such file (404): the data set may have moved, so look for its new address";
            return Err(fetch(file, reason));
        }
        status => {
            return Err(fetch(file, format!("the server answers with status {status}: try again later")));
        }
    }
    if let Ok(length) = header(&response, "content-length").parse::<u64>()
        && length != file.bytes - have
    {
        let (all, whole) = (have.saturating_add(length), file.bytes);
        let reason = format!(
            "the server's file has {all} bytes, but the published one has {whole}: it was changed there, or a \
             network's sign-in page came instead"
        );
        return Err(fetch(file, reason));
    }
    let io = |source| Error::Io { path: file.to.clone(), source };
    to.set_len(have).map_err(io)?;
    to.seek(SeekFrom::Start(have)).map_err(io)?;
    let mut piece = vec![0; 1 << 16];
    // one byte more than there should be, to see that nothing follows
    let mut body =
        response.into_body().into_with_config().limit(u64::MAX).reader().take(file.bytes - have + 1);
    let reason = loop {
        match body.read(&mut piece) {
            Ok(0) => break "the connection ended".to_string(),
            Ok(n) if have + n as u64 > file.bytes => {
                to.set_len(0).map_err(io)?;
                let whole = file.bytes;
                return Err(fetch(
                    file,
                    format!("the server sends more than the {whole} bytes of the published file"),
                ));
            }
            Ok(n) => {
                to.write_all(&piece[..n]).map_err(io)?;
                have += n as u64;
                seen(have);
            }
            Err(error) => break error.to_string(),
        }
    };
    if have == file.bytes {
        return Ok(End::Whole);
    }
    Ok(End::Cut { have, reason })
}

fn header<'r, B>(response: &'r Response<B>, name: &str) -> &'r str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}

/// What to do when a server gives no answer.
fn unreachable(error: &ureq::Error, file: &RemoteFile) -> String {
    let place = file.to.display();
    match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => format!("this is no address ({error})"),
        ureq::Error::TooManyRedirects => format!("the server sends in circles ({error})"),
        _ => format!(
            "the server gives no answer ({error}): check the network, or fetch the file on another machine and put it \
             into the folder as {place}"
        ),
    }
}
