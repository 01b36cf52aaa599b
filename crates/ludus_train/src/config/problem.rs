//! Problems with a config, collected to be shown together.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use super::tree::{Node, Place};

/// A config that can't be used: every problem with it.
///
/// Shown one problem a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

/// One problem with a config and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `file:line`, or the flag of the command line.
    pub place: String,
    /// What is wrong, and the remedy.
    pub message: String,
}

impl ConfigError {
    /// The problems, in the order of the file's lines, the command line's last.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// A single problem.
    pub(crate) fn single(place: impl Into<String>, message: impl Into<String>) -> Self {
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

/// What a config is made of, to give places their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    /// The file, unless the config is made of defaults.
    pub file: Option<PathBuf>,
    /// The values of `--set`, in order.
    pub flags: Vec<String>,
}

impl Sources {
    pub fn describe(&self, place: Place) -> String {
        match place {
            Place::Line(line) => match &self.file {
                Some(file) => format!("{}:{line}", file.display()),
                None => "default config".to_owned(),
            },
            Place::Flag(index) => format!("--set {}", self.flags.get(index).map_or("", String::as_str)),
        }
    }

    pub fn file(&self) -> &Path {
        self.file.as_deref().unwrap_or(Path::new("default config"))
    }
}

/// Collects the problems with a tree.
pub(crate) struct Report<'a> {
    tree: &'a Node,
    mistakes: Vec<(Place, String)>,
}

impl<'a> Report<'a> {
    pub fn new(tree: &'a Node, mistakes: Vec<(Place, String)>) -> Self {
        Self { tree, mistakes }
    }

    /// Notes a problem with the value at `path`.
    pub fn problem(&mut self, path: &[&str], message: impl Into<String>) {
        self.mistakes.push((self.tree.place_of(path), message.into()));
    }

    /// Notes `message` unless `holds`.
    pub fn require(&mut self, holds: bool, path: &[&str], message: impl FnOnce() -> String) {
        if !holds {
            self.problem(path, message());
        }
    }

    /// Whether something was written at `path`, right or wrong.
    pub fn is_written(&self, path: &[&str]) -> bool {
        path.iter().try_fold(self.tree, |node, key| node.entry(key).map(|entry| &entry.node)).is_some()
    }

    /// `Ok` if nothing was noted.
    pub fn finish(mut self, sources: &Sources) -> Result<(), ConfigError> {
        if self.mistakes.is_empty() {
            return Ok(());
        }
        self.mistakes.sort_by_key(|(place, _)| *place);
        let problem = |(place, message)| Problem { place: sources.describe(place), message };
        Err(ConfigError { problems: self.mistakes.into_iter().map(problem).collect() })
    }
}
