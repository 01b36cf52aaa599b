//! Opens files: regular ones alone.
//!
//! A name may stand for a pipe that nobody writes to, for a device without an end, or for a link to another file. All
//! that the library reads and writes is opened here, so that it never waits for the first, never reads the second for
//! ever, and never writes through the third. `clippy.toml` forbids the standard library's own functions elsewhere.

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The longest policy, checkpoint or file of state hashes that is read \[bytes\]: 4 GiB.
pub const LONGEST_FILE: u64 = 1 << 32;

/// The longest text that people write, such as a config \[bytes\]: 16 MiB.
pub const LONGEST_TEXT: u64 = 1 << 24;

/// Whether a name may be a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// A link to a regular file is as good as the file: for names that a user gives.
    Follow,
    /// A link is refused: for names in a run's own folder, where it leads to what is not the run's.
    Refuse,
}

/// Opens a regular file to read it.
///
/// # Errors
///
/// If it is not there, may not be read, or is no regular file.
pub fn open(path: &Path, links: Links) -> io::Result<File> {
    check(path, links)?;
    let mut options = OpenOptions::new();
    options.read(true);
    Ok(open_regular(path, &mut options, links)?.0)
}

/// Reads a regular file of at most `longest` bytes.
///
/// # Errors
///
/// As [`open`], and if it is longer; then not much more than `longest` bytes are read.
pub fn read(path: &Path, links: Links, longest: u64) -> io::Result<Vec<u8>> {
    let file = open(path, links)?;
    let length = file.metadata()?.len();
    let too_long = || io::Error::new(ErrorKind::FileTooLarge, format!("it is longer than {longest} bytes"));
    if length > longest {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(length).unwrap_or(usize::MAX))?;
    // Some file systems say that files of any length have none.
    file.take(longest.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > longest { Err(too_long()) } else { Ok(bytes) }
}

/// Reads a regular file of at most `longest` bytes that is text.
///
/// # Errors
///
/// As [`read`], and if it is no UTF-8.
pub fn read_text(path: &Path, links: Links, longest: u64) -> io::Result<String> {
    let text = String::from_utf8(read(path, links, longest)?);
    text.map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is no text in UTF-8"))
}

/// Makes a file that is not there yet, to write it.
///
/// # Errors
///
/// If there is anything by that name, a link that leads nowhere included, or if the folder can't be written to.
#[expect(clippy::disallowed_methods, reason = "it is here that files are made; what is there already is never opened")]
pub fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Opens a run's own file at its start, to read it and to write it where it is; makes it if it is not there.
///
/// # Errors
///
/// If it is no regular file, is a link, or has other names too: whatever is written would be theirs as well.
pub fn open_own(path: &Path) -> io::Result<File> {
    match check(path, Links::Refuse) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let (file, found) = open_regular(path, &mut options, Links::Refuse)?;
    if has_other_names(&found) {
        return Err(refused("it has another name elsewhere (a hard link); put a copy in its place"));
    }
    Ok(file)
}

/// Makes a folder in a run's own, unless it is there.
///
/// # Errors
///
/// If it can't be made, or if something else has the name, such as a link to another folder.
pub fn create_own_folder(path: &Path) -> io::Result<()> {
    match check_own_folder(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => fs::create_dir(path),
        checked => checked,
    }
}

/// Makes sure that a name stands for a regular file.
///
/// # Errors
///
/// If it is not there, or is anything else.
pub fn check(path: &Path, links: Links) -> io::Result<()> {
    let found = match links {
        Links::Follow => fs::metadata(path),
        Links::Refuse => fs::symlink_metadata(path),
    };
    check_kind(found?.file_type())
}

/// Makes sure that a name stands for a folder, and not for a link to one.
///
/// # Errors
///
/// If it is not there, or is anything else.
pub fn check_own_folder(path: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(path)?.file_type();
    match kind {
        kind if kind.is_dir() => Ok(()),
        kind if kind.is_symlink() => check_kind(kind),
        kind => Err(refused(&format!("it is {}, where a run has a folder", described(kind)))),
    }
}

/// Whether something that is no folder has this name, or what a link by this name leads to.
///
/// Whoever reads it then learns what is wrong with it, if it is no regular file.
pub fn is_no_folder(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_dir())
}

/// Where a file that a user names is to be written: where a link leads to, so that the link stays one.
///
/// # Errors
///
/// If there is something else than a regular file, or the link leads nowhere.
pub fn destination(path: &Path) -> io::Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => check(path, Links::Follow).and_then(|()| fs::canonicalize(path)),
        Ok(found) => check_kind(found.file_type()).map(|()| path.to_owned()),
        // Whoever writes there finds out what else is wrong.
        Err(_) => Ok(path.to_owned()),
    }
}

/// Gives what `path` stands for the name `stem` beside it, with the same extension; the new path, or none if there is
/// nothing. If the name is taken, a number is added: nothing is overwritten.
///
/// # Errors
///
/// If the folder can't be written to.
pub fn set_aside(path: &Path, stem: &str) -> io::Result<Option<PathBuf>> {
    let end = path.extension().map_or_else(String::new, |end| format!(".{}", end.to_string_lossy()));
    let numbered = (2_u32..).map(|number| format!("{stem}-{number}{end}"));
    let mut names = std::iter::once(format!("{stem}{end}")).chain(numbered).map(|name| path.with_file_name(name));
    let free = names.find(|name| fs::symlink_metadata(name).is_err_and(|error| error.kind() == ErrorKind::NotFound));
    let free = free.ok_or_else(|| io::Error::from(ErrorKind::AlreadyExists))?;
    match fs::rename(path, &free) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        renamed => renamed.map(|()| Some(free)),
    }
}

/// Opens what was a regular file a moment ago, and looks again. Whatever took its place meanwhile is not waited for.
#[expect(clippy::disallowed_methods, reason = "it is here that files are opened, with flags that make it safe")]
fn open_regular(path: &Path, options: &mut OpenOptions, links: Links) -> io::Result<(File, Metadata)> {
    set_flags(options, links);
    let file = options.open(path)?;
    let found = file.metadata()?;
    check_kind(found.file_type())?;
    Ok((file, found))
}

#[cfg(unix)]
fn set_flags(options: &mut OpenOptions, links: Links) {
    use std::os::unix::fs::OpenOptionsExt;
    let no_follow = if links == Links::Refuse { libc::O_NOFOLLOW } else { 0 };
    options.custom_flags(libc::O_NONBLOCK | no_follow);
}

#[cfg(windows)]
fn set_flags(options: &mut OpenOptions, links: Links) {
    use std::os::windows::fs::OpenOptionsExt;
    /// `FILE_FLAG_OPEN_REPARSE_POINT`: opens a link itself, which is no regular file then.
    const LINK_ITSELF: u32 = 0x0020_0000;
    options.custom_flags(if links == Links::Refuse { LINK_ITSELF } else { 0 });
}

#[cfg(not(any(unix, windows)))]
fn set_flags(_: &mut OpenOptions, _: Links) {}

#[cfg(unix)]
fn has_other_names(found: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    found.nlink() > 1
}

/// The standard library does not tell elsewhere.
#[cfg(not(unix))]
fn has_other_names(_: &Metadata) -> bool {
    false
}

fn check_kind(kind: FileType) -> io::Result<()> {
    if kind.is_file() {
        return Ok(());
    }
    if kind.is_symlink() {
        return Err(refused("it is a link, and a run's folder has none; put a copy of what it leads to in its place"));
    }
    Err(refused(&format!("it is {}, and only regular files are read and written", described(kind))))
}

fn refused(sentence: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, sentence)
}

fn described(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_file() {
        "a file"
    } else {
        special(kind)
    }
}

#[cfg(unix)]
fn special(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn special(_: FileType) -> &'static str {
    "no file"
}

#[cfg(test)]
mod tests;
