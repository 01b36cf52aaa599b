//! Choices that a policy decides on.

/// One of several choices, as a field of an [`Action`](crate::Action): `bool`, and unit enums that derive `Action`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a discrete action",
    label = "not a bool and not a unit enum that derives `Action`",
    note = "`#[action(discrete)]` goes with bool and with unit enums that derive `Action`",
    note = "for f32 and vectors write `#[action(continuous)]`, for whole numbers `#[action(discrete = 5)]`, for a struct that derives `Action` `#[action(nested)]`"
)]
pub trait DiscreteAction {
    /// The count of choices.
    const CHOICES: usize;

    /// Returns the names of the choices, in their order.
    fn parts() -> Vec<String>;

    /// Returns the choice with this index, or the first one if no choice has it.
    fn from_choice(choice: usize) -> Self;

    /// Returns the index of this choice.
    fn choice(&self) -> usize;
}

impl DiscreteAction for bool {
    const CHOICES: usize = 2;

    fn parts() -> Vec<String> {
        vec!["false".to_owned(), "true".to_owned()]
    }

    #[inline]
    fn from_choice(choice: usize) -> Self {
        choice == 1
    }

    #[inline]
    fn choice(&self) -> usize {
        usize::from(*self)
    }
}

/// A whole number as one of so many choices, `#[action(discrete = 5)]`: `u8`, `u16`, `u32` and `usize`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a numbered choice",
    label = "not u8, u16, u32 or usize",
    note = "`#[action(discrete = 5)]` goes with u8, u16, u32 and usize",
    note = "a bool or a unit enum knows how many choices it has: write `#[action(discrete)]`"
)]
pub trait DiscreteNumber: Copy {
    /// The greatest count of choices that both the type and the column, an `f32`, can distinguish.
    const MOST: usize;

    /// Converts `choice` to this type; 0 if it is not below `choices`.
    fn from_choice(choice: usize, choices: usize) -> Self;

    /// Converts this number to a choice; 0 if it is not below `choices`.
    fn choice(self, choices: usize) -> usize;

    /// Returns one name per choice: 0, 1, 2, and so on.
    fn parts(choices: usize) -> Vec<String> {
        (0..choices).map(|choice| choice.to_string()).collect()
    }
}

// `do_not_recommend`, because the trait's own note lists these types.
macro_rules! number_choices {
    ($number:ty, $most:expr) => {
        #[diagnostic::do_not_recommend]
        impl DiscreteNumber for $number {
            const MOST: usize = $most;

            #[inline]
            fn from_choice(choice: usize, choices: usize) -> Self {
                if choice < choices { choice as Self } else { 0 }
            }

            #[inline]
            fn choice(self, choices: usize) -> usize {
                let choice = self as usize;
                if choice < choices { choice } else { 0 }
            }
        }
    };
}

number_choices!(u8, 1 << u8::BITS);
number_choices!(u16, 1 << u16::BITS);
// A column is an f32, which represents every whole number up to there.
number_choices!(u32, 1 << f32::MANTISSA_DIGITS);
number_choices!(usize, 1 << f32::MANTISSA_DIGITS);
