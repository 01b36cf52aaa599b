//! Problems with a config, collected to be shown together.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use crate::tree::{Location, Node};

/// A config that can't be used: every problem with it.
///
/// Shown with one problem per line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

/// One problem with a config, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The place: `file:line`, or the flag of the command line.
    pub place: String,
    /// The problem and its remedy.
    pub message: String,
}

impl ConfigError {
    /// The problems, in the order of the file's lines, the command line's last.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Makes an error of these problems.
    pub fn of(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// Makes an error of a single problem.
    pub fn single(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { problems: vec![Problem { place: place.into(), message: message.into() }] }
    }
}

impl Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(formatter, "{end}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.message)
    }
}

/// The sources of a config, which give places their names.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file, unless the config is made of defaults.
    pub file: Option<PathBuf>,
    /// The values of `--set`, in order.
    pub flags: Vec<String>,
}

impl Sources {
    /// The name of a place: `file:line`, or the flag of the command line.
    pub fn describe(&self, place: Location) -> String {
        match place {
            Location::Line(line) => match &self.file {
                Some(file) => format!("{}:{line}", file.display()),
                None => "default config".to_owned(),
            },
            Location::Flag(index) => format!("--set {}", self.flags.get(index).map_or("", String::as_str)),
        }
    }

    /// The file's path; `default config` if there is none.
    pub fn file(&self) -> &Path {
        self.file.as_deref().unwrap_or(Path::new("default config"))
    }
}

/// Collects the problems with a tree.
pub struct Problems<'a> {
    tree: &'a Node,
    mistakes: Vec<(Location, String)>,
}

impl<'a> Problems<'a> {
    /// Starts with these mistakes about this tree.
    pub fn new(tree: &'a Node, mistakes: Vec<(Location, String)>) -> Self {
        Self { tree, mistakes }
    }

    /// Adds a problem with the value at `path`.
    pub fn problem(&mut self, path: &[&str], message: impl Into<String>) {
        self.mistakes.push((self.tree.place_of(path), message.into()));
    }

    /// Adds `message` as a problem with the value at `path`, unless `holds`.
    pub fn require(&mut self, holds: bool, path: &[&str], message: impl FnOnce() -> String) {
        if !holds {
            self.problem(path, message());
        }
    }

    /// True if something was written at `path`, valid or not.
    pub fn is_written(&self, path: &[&str]) -> bool {
        path.iter().try_fold(self.tree, |node, key| node.entry(key).map(|entry| &entry.node)).is_some()
    }

    /// Returns all problems as an error, in the order of their places; `Ok` if there are none.
    pub fn finish(mut self, sources: &Sources) -> Result<(), ConfigError> {
        if self.mistakes.is_empty() {
            return Ok(());
        }
        self.mistakes.sort_by_key(|(place, _)| *place);
        let problem = |(place, message)| Problem { place: sources.describe(place), message };
        Err(ConfigError { problems: self.mistakes.into_iter().map(problem).collect() })
    }
}
