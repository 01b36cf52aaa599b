//! TensorBoard's event files: numbers by name and step, in a format that every viewer of curves reads.
//!
//! A file is a row of records, each an `Event` message in protobuf's wire format, framed as a `TFRecord`:
//!
//! ```text
//! length: u64   masked crc32c of length: u32   event: [u8; length]   masked crc32c of event: u32     (little-endian)
//! ```
//!
//! # Source
//!
//! `tensorflow/core/lib/io/record_writer.h`, `tensorflow/core/util/event.proto`,
//! `tensorflow/core/framework/summary.proto`.

use std::io::{self, Write};

/// Writes events one after another.
#[derive(Debug)]
pub(crate) struct EventWriter<W> {
    file: W,
    event: Vec<u8>,
    summary: Vec<u8>,
    value: Vec<u8>,
}

impl<W: Write> EventWriter<W> {
    /// Starts a file. Its first record has the version of the format.
    pub fn new(file: W, wall_seconds: f64) -> io::Result<Self> {
        let mut writer = Self { file, event: Vec::new(), summary: Vec::new(), value: Vec::new() };
        put_double(&mut writer.event, 1, wall_seconds);
        put_bytes(&mut writer.event, 3, b"brain.Event:2");
        writer.record()?;
        Ok(writer)
    }

    /// Writes an event that marks a restart after `step`: viewers drop the later steps of earlier files.
    ///
    /// A `SessionLog` (field 7 of an event) whose `status` (field 1) is `START`, 1. Viewers drop that event's own step
    /// too, so it has the next one: `_Purge` in `tensorboard/backend/event_processing/event_accumulator.py`.
    pub fn restart(&mut self, wall_seconds: f64, step: u64) -> io::Result<()> {
        self.value.clear();
        put_integer(&mut self.value, 1, 1);
        self.event.clear();
        put_double(&mut self.event, 1, wall_seconds);
        put_integer(&mut self.event, 2, step.saturating_add(1));
        put_bytes(&mut self.event, 7, &self.value);
        self.record()
    }

    /// Writes one event with all these numbers; those that are not finite are left out.
    pub fn write<'a>(
        &mut self,
        wall_seconds: f64,
        step: u64,
        values: impl Iterator<Item = (&'a str, f64)>,
    ) -> io::Result<()> {
        self.summary.clear();
        let numbers = values.map(|(tag, number)| (tag, number as f32));
        for (tag, number) in numbers.filter(|(_, number)| number.is_finite()) {
            self.value.clear();
            put_bytes(&mut self.value, 1, tag.as_bytes());
            put_float(&mut self.value, 2, number);
            put_bytes(&mut self.summary, 1, &self.value);
        }
        self.event.clear();
        put_double(&mut self.event, 1, wall_seconds);
        put_integer(&mut self.event, 2, step);
        put_bytes(&mut self.event, 5, &self.summary);
        self.record()
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    fn record(&mut self) -> io::Result<()> {
        let length = (self.event.len() as u64).to_le_bytes();
        self.file.write_all(&length)?;
        self.file.write_all(&masked_crc(&length).to_le_bytes())?;
        self.file.write_all(&self.event)?;
        self.file.write_all(&masked_crc(&self.event).to_le_bytes())
    }
}

/// The masked CRC-32C of a `TFRecord`: rotated and offset, since data may contain checksums itself.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Wire types of protobuf.
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;
const FIXED_32: u64 = 5;

fn put_varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

fn put_integer(message: &mut Vec<u8>, field: u64, value: u64) {
    put_varint(message, field << 3 | VARINT);
    put_varint(message, value);
}

fn put_double(message: &mut Vec<u8>, field: u64, value: f64) {
    put_varint(message, field << 3 | FIXED_64);
    message.extend_from_slice(&value.to_le_bytes());
}

fn put_float(message: &mut Vec<u8>, field: u64, value: f32) {
    put_varint(message, field << 3 | FIXED_32);
    message.extend_from_slice(&value.to_le_bytes());
}

fn put_bytes(message: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(message, field << 3 | LENGTH_DELIMITED);
    put_varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        // The check value of CRC-32C (RFC 3720, appendix B.4 uses the same polynomial).
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        // Every event file starts with a record of 24 bytes.
        assert_eq!(masked_crc(&24_u64.to_le_bytes()).to_le_bytes(), [0xa3, 0x7f, 0x4b, 0x22]);
    }

    #[test]
    fn a_file_starts_with_its_version() {
        let writer = EventWriter::new(Vec::new(), 1.0).unwrap();
        let (head, tail) = writer.file.split_at(12);
        assert_eq!(head, [24, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22]);
        assert_eq!(&tail[..11], [0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x1a, 13]);
        assert_eq!(&tail[11..24], b"brain.Event:2");
        assert_eq!(tail.len(), 24 + 4);
    }

    #[test]
    fn a_resumed_file_says_from_where() {
        let mut writer = EventWriter::new(Vec::new(), 0.0).unwrap();
        let start = writer.file.len() + 12;
        writer.restart(2.0, 299).unwrap();
        let expected = [0x09, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x10, 0xac, 0x02, 0x3a, 2, 0x08, 1];
        assert_eq!(writer.file[start..writer.file.len() - 4], expected);
    }

    #[test]
    fn numbers_are_written_by_name_and_step() {
        let mut writer = EventWriter::new(Vec::new(), 0.0).unwrap();
        let start = writer.file.len() + 12;
        writer.write(2.0, 300, [("a/b", 0.5), ("gap", f64::NAN), ("huge", 1e300)].into_iter()).unwrap();
        let end = writer.file.len() - 4;
        let expected = [
            [0x09, 0, 0, 0, 0, 0, 0, 0, 0x40].as_slice(), // wall_time = 2.0
            &[0x10, 0xac, 0x02],                          // step = 300
            &[0x2a, 12, 0x0a, 10],                        // summary, 12 bytes: one value, 10 bytes
            &[0x0a, 3, b'a', b'/', b'b'],                 // tag
            &[0x15, 0, 0, 0, 0x3f],                       // simple_value = 0.5
        ]
        .concat();
        assert_eq!(&writer.file[start..end], expected);
        assert_eq!(writer.file[end..], masked_crc(&expected).to_le_bytes());
    }
}
