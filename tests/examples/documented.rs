//! The commands that the documents show: each names an example, features and arguments that exist.

use std::path::Path;
use std::process::Command;

use super::path_of;

/// The documents, and the least number of commands in each.
const DOCUMENTS: [(&str, usize); 3] = [("README.md", 12), ("examples/README.md", 9), ("CONTRIBUTING.md", 4)];

/// The example that stands for a reader's own game.
const OWN_GAME: &str = "minimal";

#[test]
fn every_documented_command_is_understood() {
    for (document, least) in DOCUMENTS {
        let commands = commands(&text_of(document));
        assert!(commands.len() >= least, "{document}: only {commands:?}");
        for command in commands {
            check(&command).unwrap_or_else(|problem| panic!("{document}: `{command}`: {problem}"));
        }
    }
}

#[test]
fn a_command_that_does_not_exist_is_found() {
    let wrong = |command: &str, expected: &str| {
        let problem = check(command).expect_err("it does not exist");
        assert!(problem.contains(expected), "{problem}");
    };
    wrong("cargo run --example nothing -- train", "no example");
    wrong("cargo run --features sound --example minimal -- train", "no feature");
    wrong("cargo run --example minimal -- learn", "learn");
    wrong("cargo run --example minimal -- train --sed 1", "--sed");
    wrong("cargo run --example minimal -- train --seed one", "one");
    wrong("cargo xtask tset", "no command of xtask");
    wrong("cargo xtask train balance --learner gpu", "gpu");
    wrong("cargo frobnicate", "say here how to check it");
    assert_eq!(commands("a `cargo a`\n```sh\ncargo b   # c\n```\n```rust\ncargo d\n```\n"), ["cargo a", "cargo b"]);
}

/// Returns the commands in a Markdown text that begin with `cargo`, of shell blocks and between backticks.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut block = None;
    for line in text.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            block = if block.is_some() { None } else { Some(language) };
        } else if block == Some("sh") {
            found.push(line.split('#').next().unwrap_or_default().trim().to_owned());
        } else if block.is_none() {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found.retain(|command| command.starts_with("cargo "));
    found
}

fn check(command: &str) -> Result<(), String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words[1..] {
        ["run", ref arguments @ ..] => {
            let own = arguments.iter().position(|word| *word == "--").ok_or("it has no arguments of the game's own")?;
            check_run(&arguments[..own], &arguments[own + 1..])
        }
        ["xtask", "train", example, ref options @ ..] => check_game(example, &[&["train"], options].concat()),
        ["xtask", name, ..] => check_xtask(name),
        // Commands of cargo's own.
        ["test" | "doc" | "fmt", ..] => Ok(()),
        _ => Err("it is of a new kind; say here how to check it".to_owned()),
    }
}

/// Checks `cargo run` with these options, and the arguments of the game.
fn check_run(options: &[&str], arguments: &[&str]) -> Result<(), String> {
    let mut example = OWN_GAME;
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let mut value = || options.next().copied().ok_or(format!("`{option}` has no value"));
        match *option {
            "--release" => {}
            "--example" => example = value()?,
            "--features" => check_feature(value()?)?,
            other => return Err(format!("`{other}` is new; say here how to check it")),
        }
    }
    check_game(example, arguments)
}

/// Checks that the program of an example takes these arguments. It prints its help instead of carrying them out.
fn check_game(example: &str, arguments: &[&str]) -> Result<(), String> {
    if !["main.rs", ""].iter().any(|file| example_source(example, file).is_file()) {
        return Err(format!("there is no example `{example}`"));
    }
    let program = path_of(example);
    // It needs libtorch.
    if example == "custom_network" && !cfg!(feature = "torch") {
        return Ok(());
    }
    let output = Command::new(program).args(arguments).arg("--help").output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn example_source(example: &str, file: &str) -> std::path::PathBuf {
    let folder = in_repository("examples").join(example);
    if file.is_empty() { folder.with_extension("rs") } else { folder.join(file) }
}

fn check_feature(feature: &str) -> Result<(), String> {
    let manifest = text_of("Cargo.toml");
    let features = manifest.split("[features]").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap_or_default();
    let is_there = features.lines().any(|line| line.split(" = ").next() == Some(feature));
    if is_there { Ok(()) } else { Err(format!("there is no feature `{feature}`")) }
}

/// Checks that `cargo xtask` lists a command in its usage.
fn check_xtask(name: &str) -> Result<(), String> {
    let source = text_of("crates/xtask/src/main.rs");
    let usage = source.split("const USAGE").nth(1).and_then(|rest| rest.split("\";").next()).unwrap_or_default();
    let is_there = usage.lines().any(|line| line.starts_with("  ") && line.split_whitespace().next() == Some(name));
    if is_there { Ok(()) } else { Err(format!("`{name}` is no command of xtask")) }
}

fn in_repository(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text_of(path: &str) -> String {
    std::fs::read_to_string(in_repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
