//! Event files as TensorBoard reads them: scalars only.
//!
//! A file is a row of records: the length of the data as a little-endian `u64`, its checksum, the data, their checksum. A
//! checksum is CRC-32C, rotated and shifted by a constant (TensorFlow, `lib/hash/crc32c.h`, `Mask`). The data are a
//! protobuf message `Event` (`event.proto`, `summary.proto`): wall_time = 1, step = 2, file_version = 3, summary = 5,
//! session_log = 7; in `Summary` value = 1; in `Value` tag = 1 and simple_value = 2; in `SessionLog` status = 1.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::event::TrainEvent;
use super::watch::Watch;
use crate::clock::since_1970;
use crate::error::{Error, Result};
use crate::meta::Report;

/// Writes an event file for TensorBoard: `tensorboard --logdir FOLDER` shows the curves.
///
/// Scalars are `train/loss`, `train/accuracy`, `train/grad_norm`, `train/lr`, `train/tasks_per_second`, and, after the last
/// inner step, `validation/{inductive,transductive}/{accuracy,interval,loss}`. The step is the iteration.
#[derive(Debug)]
pub struct TensorBoard {
    path: PathBuf,
    file: File,
}

/// The only session status that is written: training starts.
const START: u64 = 1;

impl TensorBoard {
    /// A new event file in a folder, which is made if need be. A folder is one run: earlier event files in it stay.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(folder: &Path) -> Result<TensorBoard> {
        fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.into(), source })?;
        let seconds = since_1970() as u64;
        let mut number = 0;
        loop {
            let path = folder.join(format!("events.out.tfevents.{seconds:010}.innerloop.{number}"));
            match OpenOptions::new().append(true).create_new(true).open(&path) {
                Ok(file) => {
                    let mut board = TensorBoard { path, file };
                    board.record(&event(0, since_1970(), &bytes(3, b"brain.Event:2")))?;
                    return Ok(board);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(source) => return Err(Error::Io { path, source }),
            }
        }
    }

    /// A further event file for a run that continues after `iteration`, that of the checkpoint. TensorBoard forgets the
    /// points after it, which the run will make again.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn resume(folder: &Path, iteration: u64) -> Result<TensorBoard> {
        let mut board = TensorBoard::create(folder)?;
        board.record(&event(iteration + 1, since_1970(), &bytes(7, &number(1, START))))?;
        Ok(board)
    }

    /// The event file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn scalars(&mut self, step: u64, scalars: &[(String, f64)]) -> Result<()> {
        let summary: Vec<u8> = scalars.iter().flat_map(|(tag, v)| bytes(1, &scalar(tag, *v))).collect();
        self.record(&event(step, since_1970(), &bytes(5, &summary)))
    }

    fn record(&mut self, data: &[u8]) -> Result<()> {
        let result = self.file.write_all(&record(data));
        result.map_err(|source| Error::Io { path: self.path.clone(), source })
    }
}

impl Watch for TensorBoard {
    fn see(&mut self, event: &TrainEvent) -> Result<()> {
        match event {
            TrainEvent::Stepped { log, tasks_per_second, .. } => {
                let mut scalars = vec![
                    ("train/loss".to_string(), log.loss),
                    ("train/grad_norm".into(), log.grad_norm),
                    ("train/lr".into(), log.lr),
                    ("train/tasks_per_second".into(), *tasks_per_second),
                ];
                scalars.extend(log.accuracy.map(|accuracy| ("train/accuracy".into(), accuracy)));
                self.scalars(log.iteration, &scalars)
            }
            TrainEvent::Validated { iteration, reports, .. } => {
                let Some(last) = reports.last() else { return Ok(()) };
                let figures = |way: &str, Report { loss, accuracy }: Report| {
                    let mut all = vec![(format!("validation/{way}/loss"), loss.mean)];
                    if let Some(accuracy) = accuracy {
                        all.push((format!("validation/{way}/accuracy"), accuracy.mean));
                        all.push((format!("validation/{way}/interval"), accuracy.interval));
                    }
                    all
                };
                let mut scalars = figures("inductive", last.inductive);
                scalars.extend(figures("transductive", last.transductive));
                self.scalars(*iteration, &scalars)
            }
            _ => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.file.sync_data().map_err(|source| Error::Io { path: self.path.clone(), source })
    }
}

/// A message `Event` with further fields.
fn event(step: u64, wall_time: f64, more: &[u8]) -> Vec<u8> {
    let mut event = vec![1 << 3 | 1];
    event.extend(wall_time.to_le_bytes());
    if step != 0 {
        event.extend(number(2, step)); // protobuf writes no zeros
    }
    event.extend(more);
    event
}

/// A message `Value`.
fn scalar(tag: &str, value: f64) -> Vec<u8> {
    let mut message = bytes(1, tag.as_bytes());
    message.push(2 << 3 | 5);
    message.extend((value as f32).to_le_bytes());
    message
}

/// A field of bytes: text or a message.
fn bytes(field: u8, content: &[u8]) -> Vec<u8> {
    let mut all = vec![field << 3 | 2];
    all.extend(varint(content.len() as u64));
    all.extend(content);
    all
}

/// A field with a whole number.
fn number(field: u8, value: u64) -> Vec<u8> {
    let mut all = vec![field << 3];
    all.extend(varint(value));
    all
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut all = Vec::new();
    while value >= 0x80 {
        all.push(value as u8 | 0x80);
        value >>= 7;
    }
    all.push(value as u8);
    all
}

fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut all = length.to_vec();
    all.extend(masked(crc32c(&length)).to_le_bytes());
    all.extend(data);
    all.extend(masked(crc32c(data)).to_le_bytes());
    all
}

fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32 with Castagnoli's polynomial, bit by bit: a record has a few hundred bytes.
fn crc32c(bytes: &[u8]) -> u32 {
    let bit = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| bit(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn the_checksum_is_castagnolis() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283); // RFC 3720's check value
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa); // RFC 3720, B.4
    }

    #[test]
    fn numbers_longer_than_seven_bits_are_written_as_protobuf_does() {
        assert_eq!(varint(300), [0xac, 0x02]);
        assert_eq!(varint(0), [0]);
        assert_eq!(varint(u64::MAX).len(), 10);
    }

    /// Written by the Python package tensorboard 2.21.0:
    ///
    /// ```python
    /// import io
    /// from tensorboard.compat.proto.event_pb2 import Event, SessionLog
    /// from tensorboard.compat.proto.summary_pb2 import Summary
    /// from tensorboard.summary.writer.record_writer import RecordWriter
    /// value = [Summary.Value(tag="train/loss", simple_value=1.5), Summary.Value(tag="train/lr", simple_value=0.001)]
    /// for event in [
    ///     Event(wall_time=1700000000.25, file_version="brain.Event:2"),
    ///     Event(wall_time=1700000001.5, step=300, summary=Summary(value=value)),
    ///     Event(wall_time=1700000002.0, step=12, session_log=SessionLog(status=1)),
    /// ]:
    ///     file = io.BytesIO()
    ///     RecordWriter(file).write(event.SerializeToString())
    ///     print(file.getvalue().hex())
    /// ```
    #[test]
    fn records_are_those_that_tensorboard_writes() {
        let version = event(0, 1_700_000_000.25, &bytes(3, b"brain.Event:2"));
        assert_eq!(
            hex(&record(&version)),
            "1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a32338d2fe9"
        );
        let values = [("train/loss", 1.5), ("train/lr", 0.001)];
        let summary: Vec<u8> = values.iter().flat_map(|(tag, v)| bytes(1, &scalar(tag, *v))).collect();
        assert_eq!(
            hex(&record(&event(300, 1_700_000_001.5, &bytes(5, &summary)))),
            "3200000000000000241956ec0900006040fc54d94110ac022a240a110a0a747261696e2f6c6f7373150000c03f0a0f0a08\
             747261696e2f6c72156f12833a6456f863"
        );
        assert_eq!(
            hex(&record(&event(12, 1_700_000_002.0, &bytes(7, &number(1, START))))),
            "0f000000000000006d532b090900008040fc54d941100c3a02080128d7b535"
        );
    }
}
