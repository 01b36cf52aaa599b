use super::*;
use crate::write_atomically;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[track_caller]
fn check_refused<T>(result: io::Result<T>, part: &str) {
    let error = result.err().expect("it is refused").to_string();
    assert!(error.contains(part), "{error}");
}

#[test]
fn a_file_is_read_up_to_its_limit() {
    let folder = folder();
    let path = folder.path().join("text");
    fs::write(&path, "12345").unwrap();
    assert_eq!(read_text(&path, Links::Refuse, 5).unwrap(), "12345");
    check_refused(read(&path, Links::Refuse, 4), "longer than 4 bytes");
    fs::write(&path, [0xff]).unwrap();
    check_refused(read_text(&path, Links::Refuse, 4), "no text in UTF-8");
    check_refused(read(folder.path(), Links::Follow, 4), "it is a folder");
    assert_eq!(open(&folder.path().join("none"), Links::Refuse).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn what_is_set_aside_takes_no_other_files_name() {
    let folder = folder();
    let path = folder.path().join("metrics.csv");
    for (text, expected) in [("one", "old.csv"), ("two", "old-2.csv"), ("three", "old-3.csv")] {
        fs::write(&path, text).unwrap();
        let aside = set_aside(&path, "old").unwrap().unwrap();
        assert_eq!(aside, folder.path().join(expected));
        assert_eq!(fs::read_to_string(aside).unwrap(), text);
    }
    assert_eq!(set_aside(&path, "old").unwrap(), None);
}

#[test]
fn writers_of_one_file_do_not_meet() {
    let folder = folder();
    let path = folder.path().join("policy");
    let texts: Vec<_> = (0..8_u8).map(|digit| vec![digit; 100_000]).collect();
    std::thread::scope(|scope| {
        for text in &texts {
            scope.spawn(|| (0..20).for_each(|_| write_atomically(&path, text).unwrap()));
        }
    });
    assert!(texts.contains(&fs::read(&path).unwrap()), "one of them, whole");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing stays beside it");
}

#[cfg(unix)]
mod unix {
    use std::io::Write;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    fn pipe(path: &Path) {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let folder = folder();
        let path = folder.path().join("pipe");
        pipe(&path);
        for links in [Links::Follow, Links::Refuse] {
            check_refused(read(&path, links, 100), "it is a pipe");
        }
        check_refused(open_own(&path), "it is a pipe");
        check_refused(create_own_folder(&path), "it is a pipe, where a run has a folder");
        check_refused(write_atomically(&path, b"text"), "it is a pipe");
        check_refused(destination(&path), "it is a pipe");
        assert!(fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()), "it is still there");
    }

    /// A pipe that replaces a file between the check and the opening.
    #[test]
    fn a_pipe_that_was_a_file_a_moment_ago_is_refused() {
        let folder = folder();
        let path = folder.path().join("pipe");
        pipe(&path);
        check_refused(open_regular(&path, OpenOptions::new().read(true), Links::Follow), "it is a pipe");
        let link = folder.path().join("link");
        fs::write(folder.path().join("file"), "").unwrap();
        symlink("file", &link).unwrap();
        assert!(open_regular(&link, OpenOptions::new().read(true), Links::Refuse).is_err());
    }

    #[test]
    fn a_device_is_not_read_and_nothing_takes_its_place() {
        check_refused(read(Path::new("/dev/zero"), Links::Follow, 100), "it is a device");
        let folder = folder();
        let path = folder.path().join("device");
        // The test makes its own device, since its user may have the right to replace the system's.
        if !Command::new("mknod").arg(&path).args(["c", "1", "3"]).status().is_ok_and(|status| status.success()) {
            return println!("no device can be made here, so none was written to");
        }
        check_refused(write_atomically(&path, b"text"), "it is a device");
        check_refused(destination(&path), "it is a device");
        check_refused(open_own(&path), "it is a device");
        assert!(fs::metadata(&path).is_ok_and(|found| !found.is_file()), "it is still one");
    }

    #[test]
    fn a_link_is_followed_only_where_a_user_gave_the_name() {
        let folder = folder();
        let [file, link] = ["file", "link"].map(|name| folder.path().join(name));
        fs::write(&file, "text").unwrap();
        symlink(&file, &link).unwrap();
        assert_eq!(read(&link, Links::Follow, 100).unwrap(), b"text");
        check_refused(read(&link, Links::Refuse, 100), "it is a link");
        check_refused(open_own(&link), "it is a link");
        assert_eq!(destination(&link).unwrap(), fs::canonicalize(&file).unwrap());
        assert!(create_new(&link).is_err());
        write_atomically(&link, b"other").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"text", "nothing is written through it");
        let [inner, door] = ["inner", "door"].map(|name| folder.path().join(name));
        fs::create_dir(&inner).unwrap();
        symlink(&inner, &door).unwrap();
        check_refused(create_own_folder(&door), "it is a link");
        create_own_folder(&inner).unwrap();
    }

    #[test]
    fn a_link_that_leads_nowhere_makes_no_file() {
        let folder = folder();
        let link = folder.path().join("link");
        symlink("nowhere", &link).unwrap();
        check_refused(open_own(&link), "it is a link");
        assert!(create_new(&link).is_err() && destination(&link).is_err());
        assert!(!folder.path().join("nowhere").exists());
    }

    #[test]
    fn a_file_with_another_name_is_not_written_where_it_is() {
        let folder = folder();
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        open_own(&one).unwrap().write_all(b"text").unwrap();
        fs::hard_link(&one, &other).unwrap();
        check_refused(open_own(&other), "a hard link");
        assert_eq!(read(&other, Links::Refuse, 100).unwrap(), b"text");
    }

    /// The name of a writer's temporary file may be taken by a link.
    #[test]
    fn nothing_is_written_through_a_link_beside_the_file() {
        let folder = folder();
        let [victim, path] = ["victim", "policy"].map(|name| folder.path().join(name));
        fs::write(&victim, "text").unwrap();
        for number in 0..1_000 {
            let part = format!(".policy.{number}.{}.part", std::process::id());
            symlink(&victim, folder.path().join(part)).unwrap();
        }
        write_atomically(&path, b"whole").unwrap();
        assert_eq!((fs::read(&victim).unwrap(), fs::read(&path).unwrap()), (b"text".to_vec(), b"whole".to_vec()));
    }
}
