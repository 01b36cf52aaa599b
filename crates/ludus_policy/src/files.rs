//! Safe access to files: only regular files are opened.
//!
//! A path may lead to a pipe without a writer, to an endless device, or to a link to another file. All files that the
//! library reads and writes are opened here, so that it never waits for a pipe, never reads a device forever, and never
//! writes through a link. `clippy.toml` forbids the standard library's own functions elsewhere.

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The longest policy, checkpoint or file of state hashes that is read \[bytes\]: 4 GiB.
pub const LONGEST_FILE: u64 = 1 << 32;

/// The longest text that people write, such as a config \[bytes\]: 16 MiB.
pub const LONGEST_TEXT: u64 = 1 << 24;

/// The kinds of treatment of a path that is a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// A link to a regular file is followed. For paths that a user gives.
    Follow,
    /// A link is an error. For paths in a run's own folder, where a link would lead to files of others.
    Refuse,
}

/// Opens a regular file to read it.
///
/// # Errors
///
/// If the file is missing, may not be read, or is no regular file.
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
/// As [`open`], and if the file is longer; then no more than `longest + 1` bytes are read.
pub fn read(path: &Path, links: Links, longest: u64) -> io::Result<Vec<u8>> {
    let file = open(path, links)?;
    let length = file.metadata()?.len();
    let too_long = || io::Error::new(ErrorKind::FileTooLarge, format!("it is longer than {longest} bytes"));
    if length > longest {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(length).unwrap_or(usize::MAX))?;
    // Some file systems report the length 0 for files of any length.
    file.take(longest.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > longest { Err(too_long()) } else { Ok(bytes) }
}

/// Reads a regular file of at most `longest` bytes that is text.
///
/// # Errors
///
/// As [`read`], and if the text is not UTF-8.
pub fn read_text(path: &Path, links: Links, longest: u64) -> io::Result<String> {
    let text = String::from_utf8(read(path, links, longest)?);
    text.map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is no text in UTF-8"))
}

/// Creates a new file, to write it.
///
/// # Errors
///
/// If anything with that name exists, a dangling link included, or if the folder can't be written to.
#[expect(clippy::disallowed_methods, reason = "it is here that files are made; what is there already is never opened")]
pub fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Opens a run's own file at its start, to read it and to write it in place. Creates it if it is missing.
///
/// # Errors
///
/// If it is no regular file, is a link, or has other names (hard links), under which the writes would appear too.
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

/// Creates a folder in a run's own folder, unless it exists.
///
/// # Errors
///
/// If it can't be created, or if something else has the name, such as a link to another folder.
pub fn create_own_folder(path: &Path) -> io::Result<()> {
    match check_own_folder(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => fs::create_dir(path),
        checked => checked,
    }
}

/// Checks that a path is a regular file.
///
/// # Errors
///
/// If it is missing, or is anything else.
pub fn check(path: &Path, links: Links) -> io::Result<()> {
    let found = match links {
        Links::Follow => fs::metadata(path),
        Links::Refuse => fs::symlink_metadata(path),
    };
    check_kind(found?.file_type())
}

/// Checks that a path is a folder, and not a link to one.
///
/// # Errors
///
/// If it is missing, or is anything else.
pub fn check_own_folder(path: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(path)?.file_type();
    match kind {
        kind if kind.is_dir() => Ok(()),
        kind if kind.is_symlink() => check_kind(kind),
        kind => Err(refused(&format!("it is {}, where a run has a folder", described(kind)))),
    }
}

/// True if the path exists and is no folder. Links are followed.
///
/// It may still be no regular file; then [`open`] returns the error.
pub fn is_no_folder(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_dir())
}

/// Returns the path to write to for a file that a user names: the target if it is a link, so that the link is kept.
///
/// # Errors
///
/// If the path is anything else than a regular file, or a dangling link.
pub fn destination(path: &Path) -> io::Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => check(path, Links::Follow).and_then(|()| fs::canonicalize(path)),
        Ok(found) => check_kind(found.file_type()).map(|()| path.to_owned()),
        // The write reports all other problems.
        Err(_) => Ok(path.to_owned()),
    }
}

/// Renames the file at `path` to `stem` in the same folder, with the same extension. Returns the new path, or `None` if
/// there is no file. If the name is taken, a number is added: nothing is overwritten.
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

/// Opens a file that was checked to be regular, and checks it again after opening. If a pipe has replaced it in
/// between, the call doesn't wait for it.
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
    /// `FILE_FLAG_OPEN_REPARSE_POINT`: opens a link itself, which is then no regular file.
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

/// Returns false: the standard library has no stable count of hard links on other systems.
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
