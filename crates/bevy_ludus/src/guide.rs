//! Tutorials, each with code that is tested.

#[doc = include_str!("guide/algorithms.md")]
pub mod algorithms {}

#[doc = include_str!("guide/curricula.md")]
pub mod curricula {}

#[doc = include_str!("guide/demonstrations.md")]
pub mod demonstrations {}

#[doc = include_str!("guide/networks.md")]
pub mod networks {}

#[doc = include_str!("guide/porting.md")]
pub mod porting {}

#[doc = include_str!("guide/rewards.md")]
pub mod rewards {}

#[doc = include_str!("guide/self_play.md")]
pub mod self_play {}

#[doc = include_str!("guide/shipping.md")]
pub mod shipping {}

#[doc = include_str!("guide/teams.md")]
pub mod teams {}

#[doc = include_str!("guide/tuning.md")]
pub mod tuning {}
