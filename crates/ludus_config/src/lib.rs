//! Reads configs in RON and finds every mistake at once, each with the place at which it was written.
//!
//! A config is written by people, so its reader says all that is wrong with it, not only the first thing. Three steps:
//!
//! 1. [`parse`] turns the text into a tree of [`Node`]s, each of which knows its line. [`Node::set`] changes values, as
//!    `--set key=value` on a command line does.
//! 2. [`read`] turns the tree into a type that derives serde's `Deserialize`. It goes on after each [`Mistake`] with the
//!    value left out, so the types alone say what is valid.
//! 3. [`Problems`] collects these mistakes and the checks of the program itself, and sorts them by place into a
//!    [`ConfigError`].
//!
//! ```
//! use ludus_config::{Problems, Sources, parse, read};
//!
//! #[derive(serde::Deserialize, Default, PartialEq, Debug)]
//! #[serde(deny_unknown_fields, default)]
//! struct Optimizer {
//!     learning_rate: f32,
//!     epochs: u32,
//! }
//!
//! let tree = parse("(\n  learning_rat: 1e-3,\n  epochs: -1,\n)").unwrap();
//! let mut mistakes = Vec::new();
//! assert_eq!(read::<Optimizer>(&tree, &mut mistakes), Some(Optimizer::default()));
//!
//! let mistakes = mistakes.into_iter().map(|mistake| (mistake.place.unwrap(), mistake.message)).collect();
//! let sources = Sources { file: Some("ppo.ron".into()), flags: Vec::new() };
//! let error = Problems::new(&tree, mistakes).finish(&sources).unwrap_err();
//! let places: Vec<_> = error.problems().iter().map(|problem| problem.place.as_str()).collect();
//! assert_eq!(places, ["ppo.ron:2", "ppo.ron:3"]);
//! ```
//!
//! # Why not the crate `ron` alone
//!
//! `ron` stops at the first mistake, and its values carry no positions. To find the next mistake, a reader has to leave
//! out the value that is wrong, and for that it has to know where the value ends in the text. That is a parser again.
//! Here the parser is 300 lines, and the rest works on its tree.

mod deserialize;
mod mistake;
mod parse;
mod problem;
mod tree;
mod visible;

pub use deserialize::{field_names, read};
pub use mistake::{Mistake, valid_names};
pub use parse::{SyntaxError, parse};
pub use problem::{ConfigError, Problem, Problems, Sources};
pub use tree::{Entry, Location, Node, Value};
pub use visible::visible;
