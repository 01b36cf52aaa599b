//! Unpacks wheels into a folder, whole or not at all.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use zip::ZipArchive;

use super::wheels::{Part, Wheel};

/// Unpacks the wheels' parts into `folder`, which must not exist yet.
pub fn unpack(wheels: &[(&Wheel, PathBuf)], folder: &Path) -> Result<()> {
    let partial = partial(folder);
    for (wheel, file) in wheels {
        unpack_wheel(wheel, file, &partial).with_context(|| format!("`{}` can't be unpacked", file.display()))?;
    }
    fs::rename(&partial, folder).with_context(|| format!("`{}` can't be made", folder.display()))
}

/// The path at which a folder is made before it is moved to its own path.
pub fn partial(folder: &Path) -> PathBuf {
    folder.with_extension("partial")
}

fn unpack_wheel(wheel: &Wheel, file: &Path, folder: &Path) -> Result<()> {
    let mut archive = ZipArchive::new(File::open(file)?)?;
    for index in 0..archive.len() {
        let mut member = archive.by_index(index)?;
        let place = wheel.parts.iter().find_map(|part| part.place(member.name()));
        if let Some(place) = place.filter(|_| member.is_file()) {
            let path = folder.join(place);
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            io::copy(&mut member, &mut File::create(&path)?)?;
        }
    }
    for part in wheel.parts {
        part.link(folder)?;
    }
    Ok(())
}

impl Part {
    /// The path of a wheel's member relative to the folder; `None` if it does not belong to this part.
    fn place(&self, member: &str) -> Option<String> {
        match *self {
            Self::Tree { from, to } => member.strip_prefix(from).map(|rest| format!("{to}{rest}")),
            Self::File { from, to } => (member == from).then(|| to.to_owned()),
            Self::Libraries { to } => {
                let (folder, name) = member.rsplit_once('/')?;
                (folder.ends_with("/lib") && name.contains(".so")).then(|| format!("{to}{name}"))
            }
            Self::Link { .. } | Self::Text { .. } => None,
        }
    }

    /// Makes the link or the text file that is in no wheel.
    fn link(&self, folder: &Path) -> io::Result<()> {
        match *self {
            #[cfg(unix)]
            Self::Link { name, target } => std::os::unix::fs::symlink(target, folder.join(name)),
            Self::Text { name, text } => fs::write(folder.join(name), text),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const WHEEL: Wheel = Wheel {
        package: "torch",
        version: "1",
        file: "torch-1.whl",
        bytes: 0,
        sha256: "",
        parts: &[
            Part::Tree { from: "torch/include/", to: "include/" },
            Part::File { from: "torch/lib/libc10.so", to: "lib/libc10.so" },
            Part::Link { name: "lib/libtorch.so", target: "libc10.so" },
            Part::Text { name: "build-version", text: "1\n" },
        ],
    };

    fn wheel(folder: &Path) -> PathBuf {
        let path = folder.join(WHEEL.file);
        let mut archive = zip::ZipWriter::new(File::create(&path).unwrap());
        for (name, text) in [("torch/include/a/b.h", "b"), ("torch/lib/libc10.so", "c10"), ("torch/lib/other.so", "o")]
        {
            archive.start_file(name, zip::write::FileOptions::default()).unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
        archive.finish().unwrap();
        path
    }

    #[test]
    fn only_the_parts_are_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("libtorch");
        unpack(&[(&WHEEL, wheel(folder.path()))], &target).unwrap();
        assert_eq!(fs::read_to_string(target.join("include/a/b.h")).unwrap(), "b");
        assert_eq!(fs::read_to_string(target.join("lib/libtorch.so")).unwrap(), "c10");
        assert_eq!(fs::read_to_string(target.join("build-version")).unwrap(), "1\n");
        assert!(!target.join("lib/other.so").exists());
        assert!(!partial(&target).exists());
    }

    #[test]
    fn a_damaged_wheel_leaves_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (target, file) = (folder.path().join("libtorch"), wheel(folder.path()));
        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        assert!(unpack(&[(&WHEEL, file)], &target).is_err());
        assert!(!target.exists());
    }

    #[test]
    fn libraries_are_found_wherever_a_wheel_has_them() {
        let part = Part::Libraries { to: "lib/" };
        assert_eq!(part.place("nvidia/cu13/lib/libcublas.so.13").as_deref(), Some("lib/libcublas.so.13"));
        assert_eq!(part.place("nvidia/cu13/lib/libcudart_static.a"), None);
        assert_eq!(part.place("nvidia/cu13/include/so.h"), None);
    }
}
