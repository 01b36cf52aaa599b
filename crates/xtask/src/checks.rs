//! What has to hold before a change lands.

use std::io;
use std::process::{Command, ExitStatus, Stdio};

use crate::repository;

/// One thing that has to hold.
pub struct Check {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What to do if it fails.
    pub remedy: &'static str,
    /// For cargo, with a space between them.
    pub arguments: String,
    /// Set for the command.
    pub environment: &'static [(&'static str, &'static str)],
    /// Whether it builds everything, and so needs libtorch.
    pub builds: bool,
}

/// The whole workspace with every feature that needs no system library: a gamepad would need one.
///
/// All checks build the same, since any other choice would build Bevy once more.
pub const EVERYTHING: &str = "--workspace --features editor,hot_reload,libtorch,rapier,torch,train";

/// The checks, the quickest first. The tests come last, so that their summary is what one sees at the end.
pub fn all_checks() -> [Check; 5] {
    [
        Check {
            name: "format",
            remedy: "`cargo fmt --all` puts it right",
            arguments: "fmt --all --check".to_owned(),
            environment: &[],
            builds: false,
        },
        Check {
            name: "lints",
            remedy: "do as it says above, or make an exception with `#[expect(…, reason = \"…\")]`",
            arguments: format!("clippy {EVERYTHING} --all-targets --keep-going -- -D warnings"),
            environment: &[],
            builds: true,
        },
        Check {
            name: "docs",
            remedy: "mend the documentation named above",
            arguments: format!("doc --no-deps {EVERYTHING} --keep-going"),
            environment: &[("RUSTDOCFLAGS", "-D warnings")],
            builds: true,
        },
        Check {
            name: "examples-in-docs",
            remedy: "a code block in the documentation does not do what it says; they are tests like any other",
            arguments: format!("test {EVERYTHING} --doc"),
            environment: &[],
            builds: true,
        },
        Check {
            name: "tests",
            remedy: "run the one that failed by itself: `cargo test -p CRATE NAME`",
            arguments: tests(),
            environment: &[],
            builds: true,
        },
    ]
}

/// nextest runs tests of all crates at once; without it, cargo runs them crate after crate.
fn tests() -> String {
    if has_nextest() { format!("nextest run {EVERYTHING}") } else { format!("test {EVERYTHING} --all-targets") }
}

fn has_nextest() -> bool {
    let version = cargo().args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

impl Check {
    /// The command, to copy.
    pub fn command_line(&self) -> String {
        let variables = self.environment.iter().map(|(name, value)| format!("{name}=\"{value}\" ")).collect::<String>();
        format!("{variables}cargo {}", self.arguments)
    }

    /// Runs it, with its output where ours goes.
    pub fn run(&self) -> io::Result<ExitStatus> {
        cargo().args(self.arguments.split(' ')).envs(self.environment.iter().copied()).status()
    }
}

/// The cargo that runs this program, at the root of the workspace.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(repository());
    cargo
}
