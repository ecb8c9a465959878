//! A web server on this machine that answers each request as it is told.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What to do with one request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Send the content from where it is asked for.
    Serve(Vec<u8>),
    /// Send the content from its start, whatever is asked for.
    NoRange(Vec<u8>),
    /// Begin as `Serve`, and hang up after so many bytes.
    Cut(Vec<u8>, usize),
    /// As `Cut`, from its start whatever is asked for.
    NoRangeCut(Vec<u8>, usize),
    /// As `Cut`, and then say nothing more.
    Stall(Vec<u8>, usize),
    /// Send the content without its length, and never end.
    Endless(Vec<u8>),
    /// Send the rest of the content from another place than asked for.
    WrongPart(Vec<u8>),
    /// Only a status.
    Status(u16),
    /// Look there.
    Redirect(String),
}

pub struct Server {
    pub base: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// A server that gives these answers in turn, then 500.
    pub fn new(answers: Vec<Answer>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            let mut answers = answers.into_iter();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (line, range) = request(&stream);
                let from = range.map_or(String::new(), |n| format!(" from {n}"));
                seen.lock().unwrap().push(format!("{line}{from}"));
                // a client that hung up is no error here
                let _ = answer(&mut stream, answers.next().unwrap_or(Answer::Status(500)), range);
            }
        });
        Server { base, requests }
    }

    /// The paths asked for, each with the byte that it was asked for from.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// The path of a request, and where its range begins.
fn request(stream: &TcpStream) -> (String, Option<usize>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next().and_then(|line| Some(line.split(' ').nth(1)?.to_owned())).unwrap_or_default();
    let headers: Vec<_> = lines.take_while(|line| !line.is_empty()).map(|line| line.to_lowercase()).collect();
    let range = headers.iter().find_map(|line| line.strip_prefix("range: bytes=")?.strip_suffix('-'));
    (path, range.map(|n| n.parse().unwrap()))
}

fn answer(stream: &mut TcpStream, answer: Answer, range: Option<usize>) -> std::io::Result<()> {
    let mut head = |status: u16, more: &str| {
        write!(stream, "HTTP/1.1 {status} Status\r\nConnection: close\r\n{more}\r\n")
    };
    let part = |content: &[u8], from: usize| {
        let all = content.len();
        format!("Content-Length: {}\r\nContent-Range: bytes {from}-{}/{all}\r\n", all - from, all - 1)
    };
    let whole = |content: &[u8]| format!("Content-Length: {}\r\n", content.len());
    let (most, ranged) = match &answer {
        Answer::Cut(_, n) | Answer::Stall(_, n) => (*n, true),
        Answer::NoRangeCut(_, n) => (*n, false),
        Answer::NoRange(_) => (usize::MAX, false),
        _ => (usize::MAX, true),
    };
    let stalls = matches!(answer, Answer::Stall(..));
    match answer {
        Answer::Status(status) => head(status, "Content-Length: 0\r\n"),
        Answer::Redirect(to) => head(302, &format!("Location: {to}\r\nContent-Length: 0\r\n")),
        Answer::Endless(content) => {
            head(200, "")?;
            loop {
                stream.write_all(&content)?;
            }
        }
        Answer::WrongPart(content) => {
            head(206, &part(&content, 1))?;
            stream.write_all(&content[1..])
        }
        Answer::Serve(content)
        | Answer::NoRange(content)
        | Answer::Cut(content, _)
        | Answer::NoRangeCut(content, _)
        | Answer::Stall(content, _) => {
            let from = range.filter(|_| ranged).unwrap_or(0);
            if from > 0 {
                head(206, &part(&content, from))?
            } else {
                head(200, &whole(&content))?
            }
            let rest = &content[from..];
            stream.write_all(&rest[..most.min(rest.len())])?;
            if stalls {
                thread::sleep(Duration::from_secs(5));
            }
            Ok(())
        }
    }
}
