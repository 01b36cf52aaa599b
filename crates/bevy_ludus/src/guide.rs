//! Tutorials, each with code that is tested.

#[doc = include_str!("guide/porting.md")]
pub mod porting {}
