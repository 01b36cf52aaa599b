//! The losses of an update, added up on the device and read once.

use ludus_learn::LearnError;
use tch::{Kind, Tensor};

use crate::link::Link;

/// The losses that an algorithm adds up. Names and order are those of `ludus_learn`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LossNames {
    /// The first losses, which must be finite as the gradient's length must be.
    pub critical: &'static [&'static str],
    /// The number of a minibatch's sums, besides the gradient's length.
    pub count: i64,
}

const GRADIENT: &str = "gradient's length";

/// Adds up the losses of minibatches, and disables all steps from the first one that is not finite.
///
/// The host reads the result at the end only: until then the update continues, but its steps change nothing.
#[derive(Debug)]
pub(crate) struct LossAccumulator {
    names: LossNames,
    /// The sums of the losses, then the gradient's length times samples.
    sums: Tensor,
    /// The critical losses and the gradient's length of the first minibatch that was not finite.
    failure: Tensor,
    /// 1 while everything was finite, then 0.
    is_fine: Tensor,
    /// The number of steps taken.
    taken: Tensor,
    link: Link,
}

/// The losses of an update, as read from the device.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AccumulatedLosses {
    /// The sums of the losses, then the gradient's length times samples.
    pub sums: Vec<f32>,
    /// The number of steps that were taken.
    pub taken: u64,
}

impl LossAccumulator {
    pub fn new(names: LossNames, link: &Link) -> Self {
        let device = link.device();
        let zeros = |count: i64| Tensor::zeros([count], (Kind::Float, device));
        Self {
            names,
            sums: zeros(names.count + 1),
            failure: zeros(names.critical.len() as i64 + 1),
            is_fine: Tensor::ones([], (Kind::Float, device)),
            taken: Tensor::zeros([], (Kind::Float, device)),
            link: link.clone(),
        }
    }

    /// Adds a minibatch. Returns 1 if its step is to be taken, else 0.
    ///
    /// `sums` has a number for each loss; `norm` is the gradient's length and `samples` their count, without dimensions.
    pub fn enter(&mut self, sums: &Tensor, norm: &Tensor, samples: &Tensor) -> Tensor {
        let norm = norm.unsqueeze(0);
        let critical = Tensor::cat(&[&sums.narrow(0, 0, self.names.critical.len() as i64), &norm], 0);
        let is_taken = critical.isfinite().all().to_kind(Kind::Float) * &self.is_fine;
        let was_fine = self.is_fine.gt(0.0);
        let has_failed = was_fine.logical_and(&is_taken.le(0.0));
        self.failure.copy_(&critical.where_self(&has_failed, &self.failure));
        let entry = Tensor::cat(&[sums, &(norm * samples)], 0);
        self.sums += entry.where_self(&is_taken.gt(0.0), &self.sums.zeros_like());
        self.taken += &is_taken;
        self.is_fine.copy_(&is_taken);
        is_taken
    }

    /// Returns 1 while everything was finite, then 0, without dimensions.
    pub const fn is_fine(&self) -> &Tensor {
        &self.is_fine
    }

    /// Returns the losses since the last call, and clears them. Waits for the device, once. An error comes with the
    /// number of steps taken.
    ///
    /// Checks these parameters after the last step too, since no loss was computed from them.
    pub fn take(&mut self, parameters: &[&Tensor]) -> Result<AccumulatedLosses, (LearnError, u64)> {
        let are_finite: Vec<Tensor> = parameters.iter().map(|parameters| parameters.isfinite().all()).collect();
        let are_sound = Tensor::stack(&are_finite, 0).all().to_kind(Kind::Float);
        let scalars = Tensor::stack(&[&self.is_fine, &self.taken, &are_sound], 0);
        let read = self.link.fetch(&Tensor::cat(&[&self.sums, &self.failure, &scalars], 0));
        self.clear();
        let (sums, rest) = read.split_at(self.sums.numel());
        let (failure, scalars) = rest.split_at(self.failure.numel());
        let taken = scalars[1] as u64;
        if scalars[0] > 0.0 {
            if scalars[2] > 0.0 {
                return Ok(AccumulatedLosses { sums: sums.to_vec(), taken });
            }
            let mut numbers = parameters.iter().flat_map(|parameters| self.link.fetch(parameters));
            let value = numbers.find(|number| !number.is_finite());
            return Err((LearnError::Parameter { value: value.unwrap_or(f32::NAN) }, taken));
        }
        let names = self.names.critical.iter().copied().chain([GRADIENT]);
        let (what, &value) = names.zip(failure).find(|(_, value)| !value.is_finite()).unwrap_or((GRADIENT, &f32::NAN));
        Err((LearnError::NotFinite { what, value }, taken))
    }

    /// Sets everything to the state before the first minibatch.
    pub fn clear(&mut self) {
        let _ = self.sums.zero_();
        let _ = self.failure.zero_();
        let _ = self.taken.zero_();
        let _ = self.is_fine.fill_(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss_accumulator() -> LossAccumulator {
        LossAccumulator::new(crate::update::LOSSES, &Link::new(tch::Device::Cpu))
    }

    fn sound() -> Tensor {
        Tensor::from_slice(&[0.5_f32, -0.5])
    }

    fn enter(loss_accumulator: &mut LossAccumulator, policy: f32, norm: f32) -> f64 {
        let sums = Tensor::from_slice(&[policy, 2.0, 3.0, 4.0, 5.0, 6.0]);
        loss_accumulator.enter(&sums, &Tensor::from(norm), &Tensor::from(10.0_f32)).double_value(&[])
    }

    #[test]
    fn minibatches_add_up_until_they_are_read() {
        let mut loss_accumulator = loss_accumulator();
        assert_eq!([enter(&mut loss_accumulator, 1.0, 0.5), enter(&mut loss_accumulator, 1.5, 0.5)], [1.0; 2]);
        let accumulated = loss_accumulator.take(&[&sound()]).unwrap();
        assert_eq!(accumulated, AccumulatedLosses { sums: vec![2.5, 4.0, 6.0, 8.0, 10.0, 12.0, 10.0], taken: 2 });
        assert_eq!(loss_accumulator.take(&[&sound()]).unwrap(), AccumulatedLosses { sums: vec![0.0; 7], taken: 0 });
    }

    #[test]
    fn nothing_is_taken_after_what_is_not_finite() {
        let mut loss_accumulator = loss_accumulator();
        let taken = [(1.0, 0.5), (1.0, f32::INFINITY), (f32::NAN, 0.5), (1.0, 0.5)];
        assert_eq!(taken.map(|(policy, norm)| enter(&mut loss_accumulator, policy, norm)), [1.0, 0.0, 0.0, 0.0]);
        let (error, taken) = loss_accumulator.take(&[&sound()]).unwrap_err();
        assert_eq!(error, LearnError::NotFinite { what: "gradient's length", value: f32::INFINITY });
        assert_eq!(taken, 1);
        assert_eq!(enter(&mut loss_accumulator, 1.0, 0.5), 1.0, "it starts anew");
    }

    #[test]
    fn a_parameter_that_is_not_finite_is_told_after_the_last_step() {
        let mut loss_accumulator = loss_accumulator();
        enter(&mut loss_accumulator, 1.0, 0.5);
        let (error, taken) =
            loss_accumulator.take(&[&sound(), &Tensor::from_slice(&[0.5, f32::NEG_INFINITY])]).unwrap_err();
        assert_eq!(error, LearnError::Parameter { value: f32::NEG_INFINITY });
        assert_eq!(taken, 1);
    }
}
