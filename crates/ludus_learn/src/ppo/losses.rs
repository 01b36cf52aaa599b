//! The losses of one sample, and their derivatives.

mod policy;
mod value;

pub use policy::{Surrogate, surrogate};
pub use value::{ValueError, value_error};

/// The mean losses over the minibatches of an update, with CleanRL's metric names.
///
/// Huang et al. 2022, core detail 12, explains how to interpret them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses {
    /// The clipped surrogate, negated: `losses/policy_loss`.
    pub policy: f32,
    /// Half the squared error of the critic: `losses/value_loss`.
    pub value: f32,
    /// The policy's entropy, in nats: `losses/entropy`.
    pub entropy: f32,
    /// Mean of `−ln ratio`, an estimate of the divergence from the old policy that is often negative, in nats:
    /// `losses/old_approx_kl`.
    pub old_approx_kl: f32,
    /// Mean of `ratio − 1 − ln ratio`, an estimate of the same divergence that is never negative, in nats:
    /// `losses/approx_kl`.
    pub approx_kl: f32,
    /// The part of the samples whose ratio was outside the clip range, in `0.0..=1.0`: `losses/clipfrac`.
    pub clip_fraction: f32,
    /// The norm of the gradient before clipping.
    pub grad_norm: f32,
}

impl Losses {
    /// Adds `weight` times the other losses.
    pub(crate) fn add(&mut self, other: &Self, weight: f32) {
        self.policy += weight * other.policy;
        self.value += weight * other.value;
        self.entropy += weight * other.entropy;
        self.old_approx_kl += weight * other.old_approx_kl;
        self.approx_kl += weight * other.approx_kl;
        self.clip_fraction += weight * other.clip_fraction;
        self.grad_norm += weight * other.grad_norm;
    }
}
