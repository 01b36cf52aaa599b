//! The error messages of the derives: every problem of an item is reported at once, each with its remedy.

#[test]
fn every_mistake_has_a_message_that_names_the_remedy() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
