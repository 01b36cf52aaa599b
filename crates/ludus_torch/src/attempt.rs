//! Calls into libtorch that may fail: their panics become errors.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Once;

/// The kinds of panics that are expected, so that the panic hook prints nothing.
#[derive(Clone, Copy)]
enum Attempt {
    No,
    OfLibtorch,
    OfAnything,
}

thread_local! {
    static ATTEMPT: Cell<Attempt> = const { Cell::new(Attempt::No) };
}

/// Calls `work`. Returns libtorch's message if libtorch fails, which tch turns into a panic. Other panics are resumed.
pub(crate) fn attempt<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    caught(Attempt::OfLibtorch, work).map_err(|panic| match said(&*panic) {
        Some(said) if is_of_libtorch(said) => sentence(said).to_owned(),
        _ => resume_unwind(panic),
    })
}

/// Calls `work`. Returns the message if it panics for any reason.
pub(crate) fn attempt_anything<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    caught(Attempt::OfAnything, work).map_err(|panic| said(&*panic).map_or("it panicked", sentence).to_owned())
}

/// Calls `work` and catches its panic. The panic hook prints nothing if the panic is expected.
fn caught<R>(expected: Attempt, work: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let is_expected = match ATTEMPT.get() {
                Attempt::No => false,
                Attempt::OfLibtorch => said(panic.payload()).is_some_and(is_of_libtorch),
                Attempt::OfAnything => true,
            };
            if !is_expected {
                hook(panic);
            }
        }));
    });
    let before = ATTEMPT.replace(expected);
    let result = catch_unwind(AssertUnwindSafe(work));
    ATTEMPT.set(before);
    result
}

fn said(panic: &(dyn Any + Send)) -> Option<&str> {
    panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied())
}

fn is_of_libtorch(said: &str) -> bool {
    said.contains("Torch(\"")
}

/// Returns the first line of libtorch's message: tch's panic quotes it together with libtorch's stack.
fn sentence(said: &str) -> &str {
    let quoted = said.split_once("Torch(\"").map_or(said, |(_, quoted)| quoted);
    let end = quoted.find("\\n").into_iter().chain(quoted.find('\n')).min().unwrap_or(quoted.len());
    quoted[..end].trim_end_matches("\")").trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    #[test]
    fn libtorch_says_what_failed_and_not_where() {
        let narrow = || {
            Tensor::zeros([2, 3], (Kind::Float, Device::Cpu)).matmul(&Tensor::ones([2, 3], (Kind::Float, Device::Cpu)))
        };
        let said = attempt(narrow).unwrap_err();
        assert_eq!(said, "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)");
    }

    #[test]
    fn any_panic_can_be_told() {
        assert_eq!(attempt_anything(|| panic!("one\ntwo")).map(|()| 0), Err("one".to_owned()));
        assert_eq!(attempt_anything(|| panic!("{}", 7)).map(|()| 0), Err("7".to_owned()));
        assert_eq!(attempt_anything(|| 7), Ok(7));
    }

    #[test]
    #[should_panic(expected = "a mistake of ours")]
    fn mistakes_are_not_blamed_on_libtorch() {
        let _ = attempt(|| panic!("a mistake of ours"));
    }
}
