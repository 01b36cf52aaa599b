//! The options of one choice, and which of them are allowed.

use core::marker::PhantomData;

use super::Mask;
use crate::action::DiscreteAction;

/// Which options of one choice are allowed; all of them at first.
///
/// ```
/// # use ludus_agent::{Action, Choices};
/// #[derive(Action)]
/// enum Gear {
///     Neutral,
///     Forward,
///     Reverse,
/// }
///
/// let mut gears = Choices::default();
/// gears.forbid(Gear::Reverse);
/// assert!(gears.is_allowed(Gear::Forward) && !gears.is_allowed(Gear::Reverse));
///
/// gears.allow_only([Gear::Neutral]);
/// assert!(!gears.is_allowed(Gear::Forward));
/// ```
pub struct Choices<T> {
    allowed: Box<[bool]>,
    kind: PhantomData<fn(T)>,
}

/// An option that can be forbidden: a `bool`, a unit enum that derives `Action`, or a number of `#[action(discrete = 5)]`.
pub trait Choice {
    /// Its index among the options.
    fn index(&self) -> usize;
}

impl<T: DiscreteAction> Choice for T {
    fn index(&self) -> usize {
        self.choice()
    }
}

macro_rules! choose_number {
    ($($number:ty),*) => {
        $(impl Choice for $number {
            fn index(&self) -> usize {
                *self as usize
            }
        })*
    };
}

choose_number!(u8, u16, u32, usize);

impl<T> Choices<T> {
    /// All of so many options.
    pub fn all(count: usize) -> Self {
        Self { allowed: vec![true; count].into(), kind: PhantomData }
    }

    /// One flag per option.
    pub fn flags(&self) -> &[bool] {
        &self.allowed
    }

    /// Allows everything.
    pub fn allow_all(&mut self) {
        self.allowed.fill(true);
    }
}

impl<T: Choice> Choices<T> {
    /// Allows an option. One that there isn't changes nothing, as in all functions.
    pub fn allow(&mut self, choice: T) {
        if let Some(allowed) = self.allowed.get_mut(choice.index()) {
            *allowed = true;
        }
    }

    /// Forbids an option.
    pub fn forbid(&mut self, choice: T) {
        if let Some(allowed) = self.allowed.get_mut(choice.index()) {
            *allowed = false;
        }
    }

    /// Forbids everything else.
    pub fn allow_only(&mut self, choices: impl IntoIterator<Item = T>) {
        self.allowed.fill(false);
        choices.into_iter().for_each(|choice| self.allow(choice));
    }

    /// Whether an option is allowed.
    pub fn is_allowed(&self, choice: T) -> bool {
        self.allowed.get(choice.index()).is_some_and(|&allowed| allowed)
    }
}

impl<T: DiscreteAction> Default for Choices<T> {
    fn default() -> Self {
        Self::all(T::CHOICES)
    }
}

impl<T> Mask for Choices<T> {
    fn allow_all(&mut self) {
        Self::allow_all(self);
    }

    #[inline]
    fn write<'row>(&self, row: &'row mut [bool]) -> &'row mut [bool] {
        let (own, rest) = row.split_at_mut(self.allowed.len());
        own.copy_from_slice(&self.allowed);
        rest
    }
}
