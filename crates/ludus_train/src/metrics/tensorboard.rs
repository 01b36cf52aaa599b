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

use prost::Message;

/// Writes events one after another.
#[derive(Debug)]
pub(crate) struct EventWriter<W> {
    file: W,
}

/// A record of the file. Exactly one of its last three fields is written.
#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, required, tag = "1")]
    wall_time: f64,
    #[prost(int64, optional, tag = "2")]
    step: Option<i64>,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
    #[prost(message, optional, tag = "7")]
    session_log: Option<SessionLog>,
}

/// Numbers of one step.
#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<SummaryValue>,
}

/// A number by name.
#[derive(Clone, PartialEq, Message)]
struct SummaryValue {
    #[prost(string, required, tag = "1")]
    tag: String,
    #[prost(float, required, tag = "2")]
    simple_value: f32,
}

/// A mark that a run was started or stopped.
#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, required, tag = "1")]
    status: i32,
}

impl SessionLog {
    /// The `status` of a start, `SessionStatus.START`.
    const START: i32 = 1;
}

impl<W: Write> EventWriter<W> {
    /// Starts a file. Its first record has the version of the format.
    pub fn new(file: W, wall_seconds: f64) -> io::Result<Self> {
        let mut writer = Self { file };
        let version = Some("brain.Event:2".to_owned());
        writer.record(&Event { wall_time: wall_seconds, file_version: version, ..Event::default() })?;
        Ok(writer)
    }

    /// Writes an event that marks a restart after `step`: viewers drop the later steps of earlier files.
    ///
    /// Viewers drop that event's own step too, so it has the next one: `_Purge` in
    /// `tensorboard/backend/event_processing/event_accumulator.py`.
    pub fn restart(&mut self, wall_seconds: f64, step: u64) -> io::Result<()> {
        self.record(&Event {
            wall_time: wall_seconds,
            step: Some(step.saturating_add(1) as i64),
            session_log: Some(SessionLog { status: SessionLog::START }),
            ..Event::default()
        })
    }

    /// Writes one event with all these numbers; those that are not finite are left out.
    pub fn write<'a>(
        &mut self,
        wall_seconds: f64,
        step: u64,
        values: impl Iterator<Item = (&'a str, f64)>,
    ) -> io::Result<()> {
        let values = values.map(|(tag, number)| SummaryValue { tag: tag.to_owned(), simple_value: number as f32 });
        let summary = Summary { value: values.filter(|value| value.simple_value.is_finite()).collect() };
        self.record(&Event {
            wall_time: wall_seconds,
            step: Some(step as i64),
            summary: Some(summary),
            ..Event::default()
        })
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    fn record(&mut self, event: &Event) -> io::Result<()> {
        let event = event.encode_to_vec();
        let length = (event.len() as u64).to_le_bytes();
        self.file.write_all(&length)?;
        self.file.write_all(&masked_crc(&length).to_le_bytes())?;
        self.file.write_all(&event)?;
        self.file.write_all(&masked_crc(&event).to_le_bytes())
    }
}

/// The masked CRC-32C of a `TFRecord`: rotated and offset, since data may contain checksums itself.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
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
