//! Masks: flags for the choices of an action that are allowed.

/// A mask of an action: [`Choices`](crate::Choices), or a struct of them, which the derive of [`Action`](macro@crate::Action)
/// generates.
pub trait Mask {
    /// Allows everything.
    fn allow_all(&mut self);

    /// Writes a flag per choice, true if it is allowed, to the start of `row`, and returns the rest of `row`.
    ///
    /// # Panics
    ///
    /// If `row` is shorter.
    fn write<'row>(&self, row: &'row mut [bool]) -> &'row mut [bool];
}

/// The mask of actions without choices.
impl Mask for () {
    fn allow_all(&mut self) {}

    fn write<'row>(&self, row: &'row mut [bool]) -> &'row mut [bool] {
        row
    }
}
