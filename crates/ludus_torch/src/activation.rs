//! Activation functions.

use tch::Tensor;

/// The hyperbolic tangent.
///
/// On the CPU it is computed as 2σ(2x) − 1: libtorch's own comes from MKL, which takes four times as long on processors
/// that are not Intel's.
pub(crate) fn tanh(sums: &Tensor) -> Tensor {
    if sums.device().is_cuda() {
        return sums.tanh();
    }
    let share = (sums * 2.0).sigmoid_();
    (share * 2.0).g_sub_scalar_(1.0)
}
