//! Work that libtorch may not be able to do.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// Whether this thread's panics are caught and told in a sentence of our own.
    static IS_ATTEMPT: Cell<bool> = const { Cell::new(false) };
}

/// Does `work`; if it panics, as tch does where libtorch fails, what libtorch said.
pub(crate) fn attempt<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_ATTEMPT.get() {
                hook(panic);
            }
        }));
    });
    let was_attempt = IS_ATTEMPT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    IS_ATTEMPT.set(was_attempt);
    result.map_err(|panic| said(&*panic))
}

fn said(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    sentence(said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked")).to_owned()
}

/// libtorch's own words: those before its stack, which tch quotes with it.
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
    fn any_panic_is_told() {
        assert_eq!(attempt(|| panic!("one\ntwo")).map(|()| 0), Err("one".to_owned()));
        assert_eq!(attempt(|| panic!("{}", 7)).map(|()| 0), Err("7".to_owned()));
        assert_eq!(attempt(|| 7), Ok(7));
    }
}
