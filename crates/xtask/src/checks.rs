//! The checks that have to pass before a change is merged.

use std::ffi::OsStr;
use std::io;
use std::process::{Command, ExitStatus, Stdio};

use crate::repository;

/// A check that has to pass.
pub struct Check {
    /// Its name on the command line.
    pub name: &'static str,
    /// The remedy if it fails.
    pub remedy: &'static str,
    /// Command lines without the program, with a space between arguments. All have to succeed.
    pub arguments: Vec<String>,
    /// Environment variables of the commands.
    pub environment: &'static [(&'static str, &'static str)],
    /// True if it builds everything, and so needs libtorch.
    pub builds: bool,
    /// The program.
    pub program: Program,
}

/// A program that a check runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The cargo that runs this program.
    Cargo,
    /// A program that may be missing: then the check is skipped.
    Optional {
        /// Its name.
        name: &'static str,
        /// The command that installs it.
        install: &'static str,
    },
}

/// The whole workspace with every feature that needs no system library: a gamepad would need one.
///
/// The checks of our own code build the same, since any other choice would build Bevy once more.
pub const EVERYTHING: &str = "--workspace --features editor,hot_reload,libtorch,rapier,torch,train,tune";

/// Makes the package of each crate that is published, without a build.
const PACKAGES: &str = "package --workspace --exclude xtask --exclude ludus_examples --no-verify --allow-dirty --quiet";

/// The features of `bevy_ludus` that users choose, one build for each; see [`features`].
const FEATURES: [&str; 6] = ["", "train", "train,rapier", "train,editor", "tune", "torch"];

/// The checks, the quickest first. The tests come last, so that their summary is what one sees at the end.
pub fn all_checks() -> [Check; 8] {
    [
        Check {
            name: "format",
            remedy: "`cargo fmt --all` puts it right",
            arguments: vec!["fmt --all --check".to_owned()],
            environment: &[],
            builds: false,
            program: Program::Cargo,
        },
        Check {
            name: "spelling",
            remedy: "correct the word, or list it in `typos.toml`",
            arguments: vec![String::new()],
            environment: &[],
            builds: false,
            program: Program::Optional { name: "typos", install: "pip install typos" },
        },
        Check {
            name: "dependencies",
            remedy: "take another crate, or allow the licence or the source in `deny.toml`, with the reason",
            arguments: vec!["--offline --all-features check licenses bans sources".to_owned()],
            environment: &[],
            builds: false,
            program: Program::Optional { name: "cargo-deny", install: "cargo install --locked cargo-deny" },
        },
        Check {
            name: "lints",
            remedy: "do as it says above, or make an exception with `#[expect(…, reason = \"…\")]`",
            arguments: vec![format!("clippy {EVERYTHING} --all-targets --keep-going -- -D warnings")],
            environment: &[],
            builds: true,
            program: Program::Cargo,
        },
        Check {
            name: "packages",
            remedy: "give the crate that is named above what it lacks in its `Cargo.toml`",
            arguments: vec![PACKAGES.to_owned()],
            environment: &[],
            builds: false,
            program: Program::Cargo,
        },
        Check {
            name: "docs",
            remedy: "mend the documentation named above",
            arguments: vec![format!("doc --no-deps {EVERYTHING} --keep-going")],
            environment: &[("RUSTDOCFLAGS", "-D warnings")],
            builds: true,
            program: Program::Cargo,
        },
        Check {
            name: "examples-in-docs",
            remedy: "a code block in the documentation does not do what it says; they are tests like any other",
            arguments: vec![format!("test {EVERYTHING} --doc")],
            environment: &[],
            builds: true,
            program: Program::Cargo,
        },
        Check {
            name: "tests",
            remedy: "run the one that failed by itself: `cargo test -p CRATE NAME`",
            arguments: vec![tests()],
            environment: &[],
            builds: true,
            program: Program::Cargo,
        },
    ]
}

/// The check that `bevy_ludus` and the examples build with the features that users choose, and no others.
///
/// All other checks build with every feature, which hides code that lacks one. Each choice builds Bevy anew, so only the
/// compiler's and clippy's checks are run.
pub fn features() -> Check {
    let facade =
        |features: &str| format!("clippy -p bevy_ludus --lib --features {features} --keep-going -- -D warnings");
    let mut arguments = vec!["clippy -p ludus_examples --examples --keep-going -- -D warnings".to_owned()];
    arguments.extend(FEATURES.iter().map(|features| facade(features).replace("--features  ", "")));
    Check {
        name: "features",
        remedy: "use only what the chosen features bring, or put `#[cfg(feature = …)]` before it",
        arguments,
        environment: &[],
        builds: true,
        program: Program::Cargo,
    }
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
    /// The commands, to copy.
    pub fn command_lines(&self) -> impl Iterator<Item = String> + '_ {
        let variables = self.environment.iter().map(|(name, value)| format!("{name}=\"{value}\" ")).collect::<String>();
        let program = match self.program {
            Program::Cargo => "cargo",
            Program::Optional { name, .. } => name,
        };
        self.arguments.iter().map(move |arguments| format!("{variables}{program} {arguments}"))
    }

    /// Runs it, with its output where ours goes, up to the first command that fails. Returns the status of the last one.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if the program is missing.
    pub fn run(&self) -> io::Result<ExitStatus> {
        let mut last = ExitStatus::default();
        for arguments in &self.arguments {
            let mut command = match self.program {
                Program::Cargo => cargo(),
                Program::Optional { name, .. } => at_root(name),
            };
            last = command.args(arguments.split_whitespace()).envs(self.environment.iter().copied()).status()?;
            if !last.success() {
                break;
            }
        }
        Ok(last)
    }
}

/// The cargo that runs this program, at the root of the workspace.
pub fn cargo() -> Command {
    at_root(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn at_root(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(repository());
    command
}
