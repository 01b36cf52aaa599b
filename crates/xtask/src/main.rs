//! The project's own commands. `cargo xtask test` is what CI runs.
#![expect(clippy::print_stderr, reason = "this is a command line")]

mod checks;

use std::process::ExitCode;

use checks::{Check, all_checks};

const USAGE: &str = "usage: cargo xtask test [CHECK]…";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((command, names)) if command == "test" => test(names),
        _ => refuse(USAGE),
    }
}

/// Runs the checks with these names, or all of them, up to the first that fails.
fn test(names: &[String]) -> ExitCode {
    let checks = all_checks();
    if let Some(unknown) = names.iter().find(|name| checks.iter().all(|check| check.name != **name)) {
        let valid: Vec<_> = checks.iter().map(|check| check.name).collect();
        return refuse(&format!("no check `{unknown}`; valid: {}", valid.join(", ")));
    }
    let chosen = checks.iter().filter(|check| names.is_empty() || names.iter().any(|name| name == check.name));
    for check in chosen {
        eprintln!("── {}: {}", check.name, check.command_line());
        if !passes(check) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Runs one check and, if it fails, says what to do.
fn passes(check: &Check) -> bool {
    match check.run() {
        Ok(status) if status.success() => return true,
        Ok(_) => eprintln!("── {} failed: {}", check.name, check.remedy),
        Err(error) => eprintln!("── {} can't start: {error}; is cargo installed?", check.name),
    }
    false
}

fn refuse(sentence: &str) -> ExitCode {
    eprintln!("{sentence}");
    ExitCode::from(2)
}
