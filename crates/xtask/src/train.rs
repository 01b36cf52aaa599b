//! Training an example, with libtorch where it is asked for.

use std::process::ExitCode;

use ludus_libtorch::Driver;

use crate::checks::cargo;
use crate::libtorch::{self, Variant};
use crate::refuse;

/// Builds an example for speed and trains it.
pub fn train(example: &str, options: &[&str]) -> ExitCode {
    let variant = wanted(options, || Driver::open().is_ok());
    if let Some(variant) = variant
        && let Err(error) = libtorch::provide(variant)
    {
        return refuse(&format!("{error:#}"));
    }
    let mut cargo = cargo();
    cargo.args(["run", "--release", "--example", example]);
    if variant.is_some() {
        cargo.args(["--features", "torch"]);
    }
    match cargo.args(["--", "train"]).args(options).status() {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => refuse(&format!("cargo can't be started: {error}; is it installed?")),
    }
}

/// The parts of libtorch that the options need; `None` if only the learner in plain Rust is used.
fn wanted(options: &[&str], has_gpu: impl Fn() -> bool) -> Option<Variant> {
    let device = value(options, "--device").unwrap_or("auto");
    let is_torch = value(options, "--learner") == Some("torch");
    let is_native = value(options, "--learner") == Some("native");
    if is_native || device == "cpu" {
        return is_torch.then_some(Variant::Cpu);
    }
    if device.starts_with("cuda") || has_gpu() {
        return Some(Variant::Cuda);
    }
    is_torch.then_some(Variant::Cpu)
}

/// The last value of an option, written with a space or with `=`.
fn value<'a>(options: &[&'a str], name: &str) -> Option<&'a str> {
    let spaced = options.windows(2).filter(|pair| pair[0] == name).map(|pair| pair[1]);
    let joined = options.iter().filter_map(|option| option.strip_prefix(name)?.strip_prefix('='));
    spaced.chain(joined).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtorch_is_fetched_only_where_it_is_needed() {
        let check = |options: &[&str], has_gpu: bool, expected| {
            assert_eq!(wanted(options, || has_gpu), expected, "{options:?}");
        };
        check(&[], false, None);
        check(&[], true, Some(Variant::Cuda));
        check(&["--device", "cpu"], true, None);
        check(&["--learner=native"], true, None);
        check(&["--learner", "torch"], false, Some(Variant::Cpu));
        check(&["--learner", "torch"], true, Some(Variant::Cuda));
        check(&["--learner", "torch", "--device=cpu"], true, Some(Variant::Cpu));
        check(&["--device", "cuda:0"], false, Some(Variant::Cuda));
    }
}
