//! The options of one choice that are allowed.

use core::marker::PhantomData;

use crate::action::DiscreteAction;
use crate::mask::Mask;

/// The options of one choice that are allowed: all of them by default.
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

/// An option that can be forbidden: a `bool`, a unit enum that derives `Action`, or a number of
/// `#[action(discrete = 5)]`.
pub trait Choice {
    /// Returns its index among the options.
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
    /// Allows all of `count` options.
    pub fn all(count: usize) -> Self {
        Self { allowed: vec![true; count].into(), kind: PhantomData }
    }

    /// One flag per option: true if it is allowed.
    pub fn flags(&self) -> &[bool] {
        &self.allowed
    }

    /// Allows everything.
    pub fn allow_all(&mut self) {
        self.allowed.fill(true);
    }
}

impl<T: Choice> Choices<T> {
    /// Allows an option. Here and in the other functions, an option that does not exist is ignored.
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

    /// Allows these options and forbids all others.
    pub fn allow_only(&mut self, choices: impl IntoIterator<Item = T>) {
        self.allowed.fill(false);
        choices.into_iter().for_each(|choice| self.allow(choice));
    }

    /// True if an option is allowed; false if it does not exist.
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
