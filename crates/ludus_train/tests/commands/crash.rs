//! Runs that are ended from outside: by `kill -9` or a full disk. Nothing that was saved is lost.
//!
//! `cargo xtask torture` sets `LUDUS_TORTURE` and runs the long versions.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use ludus_spec::Seed;
use ludus_train::{Checkpoint, RunFolder};
use rand::RngExt;

use super::program::{run, run_after, start};
use super::resume::numbered;

/// `long` if `LUDUS_TORTURE` is set, else `short`.
fn times(short: u32, long: u32) -> u32 {
    if std::env::var_os("LUDUS_TORTURE").is_some() { long } else { short }
}

/// A run that saves after every iteration, of which there are hundreds in a second, and that never ends by itself.
const HEAVY: [&str; 15] = [
    "train",
    "--threads",
    "1",
    "--set",
    "worlds=1",
    "--set",
    "arenas=8",
    "--set",
    "ppo.rollout_steps=8",
    "--set",
    "network.hidden=[64, 64]",
    "--set",
    "stop.steps=1_000_000_000_000",
    "--set",
    "checkpoints=(every: 1, keep: 2)",
];

/// Reads the error output of a command up to the line with `word`; returns these lines.
pub fn lines_up_to(child: &mut Child, word: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let errors = BufReader::new(child.stderr.as_mut().unwrap());
    for line in errors.lines() {
        lines.push(line.unwrap());
        if lines.last().unwrap().contains(word) {
            return lines;
        }
    }
    panic!("it ended before `{word}`: {lines:#?}")
}

/// The steps of the newest checkpoint that has its final name; 0 if there is none.
fn announced(run_dir: &Path) -> u64 {
    let newest = numbered(run_dir).pop();
    newest.map_or(0, |path| Checkpoint::read(&path).unwrap().steps())
}

/// Incomplete files, with the ending `.part`.
fn parts(run_dir: &Path) -> Vec<PathBuf> {
    let entries = [run_dir.to_owned(), run_dir.join("checkpoints")];
    let files = entries.iter().flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    files.filter(|path| path.extension().is_some_and(|end| end == "part")).collect()
}

/// Statistics of a run that was killed over and over.
#[derive(Debug, Default)]
struct Killed {
    times: u32,
    before_it_began: u32,
    before_a_checkpoint: u32,
    parts_left: usize,
}

#[test]
fn a_run_that_is_killed_at_any_moment_goes_on_from_its_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let mut rng = Seed::new(9).generator();
    let mut killed = Killed::default();
    let mut dead = 0;
    for number in 0..times(8, 200) {
        let before = RunFolder::newest_begun(&runs, "arrows").map(|run| run.path().to_owned());
        let steps = before.as_deref().map_or(0, announced);
        let mut child = match before {
            Some(_) => start("arrows", folder.path(), &["train", "--threads", "1", "--resume", "latest"]),
            None => start("arrows", folder.path(), &HEAVY),
        };
        // Every fourth process is killed while it starts, the others while they train and save.
        if number % 4 == 3 {
            std::thread::sleep(Duration::from_millis(rng.random_range(0..100)));
        } else {
            let told = lines_up_to(&mut child, "training ");
            if steps > 0 {
                assert!(told.iter().all(|line| !line.starts_with("warning")), "{told:#?}");
                let from = told.iter().find_map(|line| line.strip_suffix(" steps")?.rsplit(' ').next()?.parse().ok());
                assert!(from.unwrap_or(0_u64) >= steps, "{steps} were saved: {told:#?}");
            }
            if let Some(run_dir) = &before {
                let of_the_dead = format!(".{dead}.part");
                assert!(parts(run_dir).iter().all(|path| !path.to_str().unwrap().ends_with(&of_the_dead)));
            }
            std::thread::sleep(Duration::from_micros(rng.random_range(0..60_000)));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        dead = child.id();
        killed.times += 1;
        match RunFolder::newest_begun(&runs, "arrows") {
            None => killed.before_it_began += 1,
            Some(run) => {
                killed.parts_left += parts(run.path()).len();
                killed.before_a_checkpoint += u32::from(announced(run.path()) == 0);
                assert!(announced(run.path()) >= steps, "a checkpoint is gone");
            }
        }
    }
    let run_dir = RunFolder::newest_begun(&runs, "arrows").unwrap().path().to_owned();
    let steps = announced(&run_dir);
    let over = format!("stop.steps={}", steps + 1);
    let done = run("arrows", folder.path(), &["train", "--json", "--resume", "latest", "--set", &over]);
    assert_eq!(done.code, 0, "{}", done.errors);
    assert!(done.json()["env_steps"].as_u64().unwrap() > steps);
    assert!(parts(&run_dir).is_empty());
    let table = fs::read_to_string(run_dir.join("metrics.csv")).unwrap();
    let curve: Vec<u64> = table.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
    assert!(curve.is_sorted_by(|one, next| one < next) && curve.last().unwrap() > &steps);
    println!("kill -9: {killed:?}, {steps} steps were kept");
}

#[test]
fn the_second_process_on_a_run_is_refused_by_name_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = start("arrows", folder.path(), &HEAVY);
    lines_up_to(&mut first, "training ");
    let second = run("arrows", folder.path(), &["train", "--resume", "latest"]);
    assert_eq!(second.code, 2, "{}", second.errors);
    let expected = format!("is being trained by process {}; wait until it ends", first.id());
    assert!(second.errors.contains(&expected) && second.errors.lines().count() == 1, "{}", second.errors);
    first.kill().unwrap();
    first.wait().unwrap();
    let third = run("arrows", folder.path(), &["train", "--resume", "latest", "--set", "stop.steps=1"]);
    assert_eq!(third.code, 0, "a lock goes with its process: {}", third.errors);
}

/// Checks a run that ended because it could not write: its newest checkpoint is good, and no incomplete file is left.
/// Returns the steps of the checkpoint.
#[track_caller]
fn check_out_of_space(folder: &Path, errors: &str) -> u64 {
    let line = errors.lines().last().unwrap();
    assert!(line.contains("can't be written: ") && line.contains("the run has ended; `"), "{errors}");
    let kept = PathBuf::from(line.rsplit('`').nth(1).unwrap());
    let checkpoint = Checkpoint::read(&folder.join(&kept)).unwrap();
    let run_dir = folder.join(kept.parent().unwrap().parent().unwrap());
    assert!(parts(&run_dir).is_empty());
    checkpoint.steps()
}

#[test]
fn a_run_that_may_not_write_more_ends_with_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    // No file may grow beyond 512 blocks: checkpoints fit in, the table of metrics does so only for a while.
    let limited = run_after("trap '' XFSZ; ulimit -f 512", "arrows", folder.path(), &HEAVY);
    assert_eq!(limited.code, 1, "{}", limited.errors);
    let steps = check_out_of_space(folder.path(), &limited.errors);
    let over = format!("stop.steps={}", steps + 1000);
    let done = run("arrows", folder.path(), &["train", "--json", "--resume", "latest", "--set", &over]);
    assert_eq!(done.code, 0, "{}", done.errors);
    assert!(done.json()["env_steps"].as_u64().unwrap() > steps);
}

#[test]
fn a_run_whose_folder_is_gone_calls_nothing_in_it_intact() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start("arrows", folder.path(), &HEAVY);
    lines_up_to(&mut child, "training ");
    let run = RunFolder::newest_begun(&folder.path().join("runs"), "arrows").unwrap();
    while numbered(run.path()).is_empty() {
        std::thread::sleep(Duration::from_millis(1));
    }
    // At once, whatever is being written: as `rm -r` leaves it.
    fs::rename(run.path(), folder.path().join("elsewhere")).unwrap();
    let done = super::program::Done::from(child.wait_with_output().unwrap());
    assert_eq!(done.code, 1, "{}", done.errors);
    let line = done.errors.lines().last().unwrap();
    // An episode that was being written is told of by its own name.
    let is_told = ["which was saved before, is gone too", "/episodes` can't be written: No such file"];
    assert!(is_told.iter().any(|told| line.contains(told)) && !line.contains("intact"), "{line}");
}

#[test]
fn a_run_that_can_not_save_at_all_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let limited = run_after("trap '' XFSZ; ulimit -f 40", "arrows", folder.path(), &HEAVY);
    assert_eq!(limited.code, 1, "{}", limited.errors);
    assert!(limited.errors.contains("the run has ended; nothing was saved before"), "{}", limited.errors);
}

/// A small file system in memory. Mounting it needs the permission to mount.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(path: &'a Path, size: &str) -> Option<Self> {
        let options = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(path).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(path))
    }

    fn grow(&self, size: &str) {
        let options = format!("remount,size={size}");
        assert!(Command::new("mount").args(["-o", &options]).arg(self.0).status().unwrap().success());
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        // An error can't be handled here.
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_run_on_a_full_disk_ends_with_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path(), "700k") else {
        return println!("no disk can be mounted here, so none was filled");
    };
    let full = run("arrows", folder.path(), &HEAVY);
    assert_eq!(full.code, 1, "{}", full.errors);
    assert!(full.errors.contains("No space left on device"), "{}", full.errors);
    let steps = check_out_of_space(folder.path(), &full.errors);
    disk.grow("4m");
    let over = format!("stop.steps={}", steps + 1000);
    let done = run("arrows", folder.path(), &["train", "--json", "--resume", "latest", "--set", &over]);
    assert_eq!(done.code, 0, "{}", done.errors);
    assert!(done.json()["env_steps"].as_u64().unwrap() > steps);
    println!("full disk: {steps} steps were kept");
}
