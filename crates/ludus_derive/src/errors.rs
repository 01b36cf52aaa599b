//! Collecting every problem of an item, so that all are reported at once.

use std::fmt::Display;

use quote::ToTokens;

/// The problems found so far.
#[derive(Default)]
pub struct Errors(Option<syn::Error>);

impl Errors {
    /// Adds a problem, to be shown under `at`.
    pub fn report(&mut self, at: &impl ToTokens, message: impl Display) {
        self.add(syn::Error::new_spanned(at, message));
    }

    /// True if there has been no problem.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the value, or adds the error and returns `None`.
    pub fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// Returns `value` if there was no problem, else all problems as one error.
    pub fn finish<T>(self, value: T) -> syn::Result<T> {
        self.0.map_or(Ok(value), Err)
    }

    fn add(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            none => *none = Some(error),
        }
    }
}
