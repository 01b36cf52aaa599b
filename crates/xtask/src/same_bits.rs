//! A comparison of what two revisions learn: a refactoring changes no bit of it.

mod build;
mod tensors;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::libtorch;
use crate::{refuse, say};
use build::{Programs, build};
use tensors::{Policies, first_difference};

/// The games that both revisions train.
const GAMES: [&str; 5] = ["minimal", "cart_pole", "balance", "grid_world", "pillars"];

/// Environment steps of each training: five to twenty iterations of these games.
const STEPS: u32 = 20_000;

/// Numbers of threads: none of them may change what is learned.
const THREADS: [&str; 2] = ["1", "3"];

/// One training.
#[derive(Clone, Copy, Debug)]
struct Trial {
    game: &'static str,
    learner: &'static str,
    threads: &'static str,
}

/// Trains all games with the work tree and with `revision`, and prints which policies have the same tensors.
pub fn compare(revision: &str) -> ExitCode {
    match compare_all(revision) {
        Ok(0) => {
            say(&format!("the work tree learns what `{revision}` learns, bit for bit"));
            ExitCode::SUCCESS
        }
        Ok(differences) => {
            say(&format!("{differences} trainings differ from those of `{revision}`"));
            ExitCode::FAILURE
        }
        Err(error) => refuse(&format!("{error:#}")),
    }
}

/// Trains all games and prints a table; returns the number of trainings whose policies differ.
fn compare_all(revision: &str) -> Result<usize> {
    let learners: &[&str] = if libtorch::is_there() { &["native", "torch"] } else { &["native"] };
    if learners.len() == 1 {
        say("libtorch is not there, so the learner on it is left out; `cargo xtask libtorch` fetches it");
    }
    let (before, now) = build(revision, &GAMES, learners.len() == 2)?;
    println!("| game | learner | threads | tensors |\n|---|---|---|---|");
    let mut differences = 0;
    for game in GAMES {
        for &learner in learners {
            let mut first: Option<Policies> = None;
            for threads in THREADS {
                let trial = Trial { game, learner, threads };
                let trained = train(&now, trial)?;
                let mut difference = first_difference(&train(&before, trial)?, &trained);
                if let (None, Some(first)) = (&difference, &first) {
                    let against = |difference| format!("{difference} beside {} thread", THREADS[0]);
                    difference = first_difference(first, &trained).map(against);
                }
                differences += usize::from(difference.is_some());
                println!("| {game} | {learner} | {threads} | {} |", difference.as_deref().unwrap_or("the same"));
                first.get_or_insert(trained);
            }
        }
    }
    Ok(differences)
}

/// Trains in a folder that is removed afterwards, with the config of the program's own revision.
fn train(programs: &Programs, Trial { game, learner, threads }: Trial) -> Result<Policies> {
    let runs = tempfile::tempdir()?;
    let mut command = Command::new(programs.path(game));
    command.current_dir(&programs.source).args(["train", "--seed", "1", "--threads", threads, "--device", "cpu"]);
    command.args(["--learner", learner, "--set", &format!("stop.steps={STEPS}"), "--runs-dir"]).arg(runs.path());
    let output = command.output().with_context(|| format!("{command:?} can't be started"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}", told.trim());
    let files = policy_files(runs.path())?;
    ensure!(!files.is_empty(), "{command:?} left no policy");
    files.iter().map(|(name, path)| Ok((name.clone(), tensors::read(path)?))).collect()
}

/// The policies of the only run in a folder, with their places in it; not those of its checkpoints.
fn policy_files(runs: &Path) -> Result<Vec<(String, PathBuf)>> {
    let run = std::fs::read_dir(runs)?.next().context("there is no run")??.path();
    let mut files = Vec::new();
    for folder in [run.clone(), run.join("policies")].iter().filter(|folder| folder.is_dir()) {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "safetensors") {
                let name = path.strip_prefix(&run)?.to_string_lossy().into_owned();
                files.push((name, path));
            }
        }
    }
    files.sort();
    Ok(files)
}
