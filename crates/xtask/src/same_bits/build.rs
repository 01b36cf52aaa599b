//! The programs of two revisions, each built in a target folder of its own.
//!
//! They can't share one: cargo compares times of files, and would take a program of one source for one of the other.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::libtorch;
use crate::{repository, say};

/// A revision's examples, and its source, whose configs they read.
pub struct Programs {
    /// The top of the revision's source.
    pub source: PathBuf,
    /// Cargo's target folder for this revision.
    target: PathBuf,
}

impl Programs {
    /// The program of a game.
    pub fn path(&self, game: &str) -> PathBuf {
        self.target.join("release/examples").join(format!("{game}{}", env::consts::EXE_SUFFIX))
    }
}

/// Builds the games of `revision` and of the work tree, in this order.
pub fn build(revision: &str, games: &[&str], has_torch: bool) -> Result<(Programs, Programs)> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    let target = std::path::absolute(target)?;
    let folder = target.join("same_bits");
    let before = Programs { source: check_out(revision, folder.join("source"))?, target: folder.join("target") };
    let now = Programs { source: repository(), target };
    for programs in [&before, &now] {
        build_one(programs, games, has_torch)?;
    }
    Ok((before, now))
}

/// Brings a work tree of its own, which is kept for the next time, to a revision.
fn check_out(revision: &str, source: PathBuf) -> Result<PathBuf> {
    let commit = git(&repository(), &["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")])
        .with_context(|| format!("`{revision}` is no revision of this repository"))?;
    if source.join("Cargo.toml").exists() {
        git(&source, &["checkout", "--quiet", "--force", "--detach", &commit])?;
    } else {
        git(&repository(), &["worktree", "prune"])?;
        git(&repository(), &["worktree", "add", "--quiet", "--force", "--detach", &source.to_string_lossy(), &commit])?;
    }
    Ok(source)
}

fn build_one(Programs { source, target }: &Programs, games: &[&str], has_torch: bool) -> Result<()> {
    say(&format!("building `{}`", source.display()));
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(source).args(["build", "--quiet", "--release"]).env("CARGO_TARGET_DIR", target);
    // A revision's source has no libtorch of its own.
    cargo.env("LIBTORCH", env::var_os("LIBTORCH").map_or_else(libtorch::folder, PathBuf::from));
    for game in games {
        cargo.args(["--example", game]);
    }
    if has_torch {
        cargo.args(["--features", "torch"]);
    }
    ensure!(cargo.status().context("cargo can't be started")?.success(), "`{}` can't be built", source.display());
    Ok(())
}

/// Runs git in a folder; returns its output without the last line end.
fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git").current_dir(folder).args(arguments).output().context("git can't be started")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {}: {}", arguments.join(" "), told.trim());
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}
