//! Text files that people write, as editors save them, and text that is shown to people.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::Path;

use ludus_policy::files::{self, LONGEST_TEXT, Links};

/// What many editors put at the start of a file that is UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The first bytes of UTF-16, with the low byte first and with the high byte first.
const UTF16_MARKS: [[u8; 2]; 2] = [[0xff, 0xfe], [0xfe, 0xff]];

/// Why a file's text can't be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum TextError {
    /// The file is not there, may not be read, is no regular file, or is longer than any text.
    Unreadable(io::Error),
    /// The file is not UTF-8, but what is named.
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
    /// As a sentence that ends with the remedy, where the file was named by this option of the command line.
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

/// The same text with each character that can't be seen, or that changes how its neighbours are shown, by its number:
/// `<U+200B>`. Line breaks and tabs stay.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_invisible) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_invisible(letter) {
            shown.push_str(&format!("<U+{:04X}>", u32::from(letter)));
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

/// Controls, Unicode's format characters, and blanks other than the space.
///
/// # Source
///
/// Unicode 16.0, `DerivedGeneralCategory.txt`: `Cc`, `Cf`, `Zs`, `Zl`, `Zp`; and the four letters that are blank.
const fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{a0}' | '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{115f}' | '\u{1160}' | '\u{1680}' | '\u{180e}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
        | '\u{205f}'..='\u{206f}' | '\u{3000}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}'
    )
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

    #[test]
    fn what_can_not_be_seen_is_shown_by_its_number() {
        assert_eq!(visible("größe 1\n\tλ → 日本"), "größe 1\n\tλ → 日本");
        assert_eq!(visible("a\u{200b}b"), "a<U+200B>b");
        assert_eq!(visible("\u{1b}[31mred\r"), "<U+001B>[31mred<U+000D>");
        assert_eq!(visible("\u{202e}txt\u{a0}"), "<U+202E>txt<U+00A0>");
    }
}
