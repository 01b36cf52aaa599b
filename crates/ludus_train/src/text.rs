//! Text files that people write, as editors save them.

use std::fmt;
use std::io;
use std::path::Path;

use ludus_policy::files::{self, LONGEST_TEXT, Links};

/// The byte order mark, which many editors put at the start of a file in UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The first bytes of UTF-16, with the low byte first and with the high byte first.
const UTF16_MARKS: [[u8; 2]; 2] = [[0xff, 0xfe], [0xfe, 0xff]];

/// The reasons that a file's text can't be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum TextError {
    /// The file is not there, may not be read, is no regular file, or is longer than any text.
    Unreadable(io::Error),
    /// The file is not UTF-8; contains the encoding, or `not UTF-8`.
    Encoding(&'static str),
}

impl fmt::Display for TextError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(formatter, "can't be read: {error}"),
            Self::Encoding(name) => write!(formatter, "it is {name}; save it as UTF-8"),
        }
    }
}

impl std::error::Error for TextError {}

impl TextError {
    /// The error as a sentence that ends with the remedy, for a file that was named by this option of the command line.
    pub fn sentence(&self, option: &str) -> String {
        match self {
            Self::Unreadable(_) => format!("{self}; check {option}"),
            Self::Encoding(_) => self.to_string(),
        }
    }
}

/// Reads a text file in UTF-8, without the byte order mark that may stand at its start.
///
/// # Errors
///
/// If the file can't be read, is no regular file, or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, TextError> {
    decoded(files::read(path, Links::Follow, LONGEST_TEXT).map_err(TextError::Unreadable)?)
}

fn decoded(bytes: Vec<u8>) -> Result<String, TextError> {
    if UTF16_MARKS.iter().any(|mark| bytes.starts_with(mark)) {
        return Err(TextError::Encoding("UTF-16"));
    }
    let text = String::from_utf8(bytes).map_err(|_| TextError::Encoding("not UTF-8"))?;
    Ok(text.strip_prefix(BYTE_ORDER_MARK).map(str::to_owned).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(bytes: &[u8]) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("text");
        fs::write(&file, bytes).unwrap();
        read_text(&file).map_err(|error| error.to_string())
    }

    #[test]
    fn a_byte_order_mark_is_left_out_at_the_start_alone() {
        assert_eq!(read(b"\xef\xbb\xbf(seed: 1)"), Ok("(seed: 1)".to_owned()));
        assert_eq!(read("(seed\u{feff}: 1)".as_bytes()), Ok("(seed\u{feff}: 1)".to_owned()));
        assert_eq!(read(b""), Ok(String::new()));
    }

    #[test]
    fn other_encodings_are_named_with_the_remedy() {
        assert_eq!(read(b"\xff\xfe(\0)\0"), Err("it is UTF-16; save it as UTF-8".to_owned()));
        assert_eq!(read(b"\xfe\xff\0(\0)"), Err("it is UTF-16; save it as UTF-8".to_owned()));
        assert_eq!(read(b"// stra\xdfe"), Err("it is not UTF-8; save it as UTF-8".to_owned()));
    }

    #[test]
    fn only_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read_text(folder.path()), Err(TextError::Unreadable(_))));
        assert!(matches!(read_text(&folder.path().join("none")), Err(TextError::Unreadable(_))));
        #[cfg(unix)]
        assert!(matches!(read_text(Path::new("/dev/zero")), Err(TextError::Unreadable(_))));
    }
}
