//! The values of a policy's decisions, for display.

use ludus_net::{NetError, Network};
use ludus_spec::Head;

use crate::{Policy, PolicyError, PolicyScratch, Sensed, ValueEstimate};

impl Policy {
    /// Sets the numbers that estimate the return.
    ///
    /// # Errors
    ///
    /// If critics are for other observations or actions.
    pub fn with_values(self, estimate: ValueEstimate) -> Result<Self, PolicyError> {
        if let ValueEstimate::Critics(critics) = &estimate {
            let layout = self.network.layout();
            let numbers: usize = layout.heads().iter().map(|head| numbers_of(*head)).sum();
            let choices = layout.heads().iter().map(|head| choices_of(*head)).sum::<usize>().max(1);
            for critic in critics.networks.each_ref().map(Network::layout) {
                let inputs = ("the inputs of a critic", layout.inputs() + numbers, critic.inputs());
                for (what, expected, actual) in [inputs, ("the outputs of a critic", choices, critic.output_width())] {
                    if expected != actual {
                        return Err(PolicyError::Network(NetError::WrongLength { what, expected, actual }));
                    }
                }
            }
        }
        Ok(Self { estimate, ..self })
    }

    /// Returns the numbers that estimate the return.
    pub const fn value_estimate(&self) -> &ValueEstimate {
        &self.estimate
    }

    /// Estimates the discounted return of the rest of each row's episode, as the policy's [`ValueEstimate`] says: NaN if
    /// there is none, and for a policy that was shipped without its critic. Allocates, so it is for display.
    ///
    /// # Shapes
    ///
    /// `memory` is `[rows, `[`memory_width_with_critic`](Self::memory_width_with_critic)`]`, `values` `[rows]`.
    ///
    /// # Panics
    ///
    /// If the slices don't have the same number of whole rows.
    pub fn values(&self, sensed: Sensed<'_>, memory: &[f32], scratch: &mut PolicyScratch, values: &mut [f32]) {
        match &self.estimate {
            ValueEstimate::Critic if self.has_critic() => {
                self.stage(sensed.observations, scratch);
                let PolicyScratch { network, inputs, .. } = scratch;
                self.network.values_from(inputs, memory, network, values);
            }
            ValueEstimate::Critic | ValueEstimate::Missing => values.fill(f32::NAN),
            ValueEstimate::Outputs { is_dueling } => {
                let actions = self.greedy(sensed, scratch, values);
                let mut of_choices = scratch.outputs.clone();
                if *is_dueling {
                    self.add_values(values, &mut of_choices);
                }
                self.choose(&of_choices, &actions, values);
            }
            ValueEstimate::Critics(critics) => {
                let actions = self.greedy(sensed, scratch, values);
                let inputs = self.critic_inputs(&scratch.inputs, &actions);
                self.choose(&critics.smaller(&inputs, values.len()), &actions, values);
            }
        }
    }

    /// True if [`values`](Self::values) are not all NaN.
    pub(crate) fn has_values(&self) -> bool {
        match self.estimate {
            ValueEstimate::Critic => self.has_critic(),
            ValueEstimate::Outputs { .. } | ValueEstimate::Critics(_) => true,
            ValueEstimate::Missing => false,
        }
    }

    /// Returns the greedy action of each row. The outputs are in `scratch` afterwards, and the critic's values in
    /// `values`.
    fn greedy(&self, sensed: Sensed<'_>, scratch: &mut PolicyScratch, values: &mut [f32]) -> Vec<f32> {
        self.stage(sensed.observations, scratch);
        let PolicyScratch { network, inputs, outputs, .. } = scratch;
        outputs.resize(values.len() * self.network.layout().output_width(), 0.0);
        self.network.forward(inputs, network, outputs, values);
        let mut actions = vec![0.0; values.len() * self.spec.action_width()];
        self.network.distribution().masked(sensed.masks).mode(outputs, &mut actions);
        actions
    }

    /// Converts advantages to values of choices: the value of the row, plus the output, less the mean of its head.
    fn add_values(&self, values: &[f32], of_choices: &mut [f32]) {
        let layout = self.network.layout();
        for (outputs, value) in of_choices.chunks_exact_mut(layout.output_width()).zip(values) {
            let mut rest = outputs;
            for head in layout.heads() {
                let Some(own) = rest.split_off_mut(..head.output_width()) else { return };
                let mean = own.iter().sum::<f32>() / own.len() as f32;
                own.iter_mut().for_each(|output| *output += value - mean);
            }
        }
    }

    /// Returns the inputs of critics: each row's normalised observation, then the numbers of its action.
    fn critic_inputs(&self, inputs: &[f32], actions: &[f32]) -> Vec<f32> {
        let heads = self.network.layout().heads();
        let is_number: Vec<bool> =
            heads.iter().flat_map(|&head| vec![numbers_of(head) > 0; head.action_width()]).collect();
        let rows = inputs.chunks_exact(self.network.layout().inputs()).zip(actions.chunks_exact(is_number.len()));
        let numbers = |action: &[f32]| {
            let all = action.iter().zip(&is_number);
            all.filter(|&(_, &is_number)| is_number).map(|(&number, _)| number).collect::<Vec<f32>>()
        };
        rows.flat_map(|(observation, action)| [observation.to_vec(), numbers(action)].concat()).collect()
    }

    /// Writes the value of each row's action: the mean over its choices, or the one value if there are no choices.
    fn choose(&self, of_choices: &[f32], actions: &[f32], values: &mut [f32]) {
        let heads = self.network.layout().heads();
        let (width, columns) = (of_choices.len() / values.len().max(1), self.spec.action_width());
        for (row, value) in values.iter_mut().enumerate() {
            let (own, action) = (&of_choices[row * width..][..width], &actions[row * columns..][..columns]);
            let (mut first, mut column, mut chosen) = (0, 0, Vec::new());
            for head in heads {
                if let Head::Categorical { choices } = head {
                    chosen.push(own[first + action[column] as usize]);
                    first += choices;
                }
                column += head.action_width();
            }
            *value = if chosen.is_empty() { own[0] } else { chosen.iter().sum::<f32>() / chosen.len() as f32 };
        }
    }
}

const fn numbers_of(head: Head) -> usize {
    match head {
        Head::Gaussian { width } | Head::SquashedGaussian { width } => width,
        Head::Categorical { .. } => 0,
    }
}

const fn choices_of(head: Head) -> usize {
    match head {
        Head::Categorical { choices } => choices,
        Head::Gaussian { .. } | Head::SquashedGaussian { .. } => 0,
    }
}

#[cfg(test)]
mod tests {
    use ludus_net::{Layout, NetworkConfig};
    use ludus_spec::{ActionKind, Seed};

    use super::*;
    use crate::file::tests::policy;
    use crate::{PolicyFile, SoftCritics};

    /// A policy of one layer without weights, with these biases of the outputs. Its action is two squashed numbers and one
    /// of two choices, or the choice alone. The value of its own critic is 10.
    fn of_biases(biases: &[f32]) -> Policy {
        let mut file = PolicyFile { normalizer: None, ..policy() };
        let squashed = biases.len() > 2;
        if !squashed {
            file.spec.action.retain(|field| field.kind == ActionKind::Discrete);
        }
        file.network = NetworkConfig { hidden: Vec::new(), squashed, ..NetworkConfig::default() }.into();
        let layout = file.layout().unwrap();
        file.parameters = of_layout(&layout, biases);
        Policy::new(&file).unwrap()
    }

    fn of_layout(layout: &Layout, biases: &[f32]) -> Vec<f32> {
        let tensors = layout.tensors().map(|tensor| {
            let values = match tensor.name.as_str() {
                "actor.0.bias" => biases.to_vec(),
                "critic.0.bias" => vec![10.0],
                _ => vec![0.0; tensor.element_count()],
            };
            (tensor.name.clone(), tensor.shape.clone(), values)
        });
        layout.import(&tensors.collect::<Vec<_>>()).unwrap()
    }

    fn values(policy: &Policy, masks: &[bool]) -> Vec<f32> {
        let mut values = [0.0; 2];
        let sensed = Sensed { observations: &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], masks };
        policy.values(sensed, &[], &mut policy.scratch(), &mut values);
        let insight = policy.insight(
            Sensed { observations: &sensed.observations[..3], masks: masks.get(..2).unwrap_or(&[]) },
            &[],
            &mut policy.scratch(),
        );
        assert_eq!(insight.value.unwrap_or(f32::NAN).to_bits(), values[0].to_bits(), "the same number");
        values.to_vec()
    }

    /// A critic whose values are the sum of an action's numbers, plus these of the choices.
    fn critic(of_choices: [f32; 2]) -> Network {
        let config = NetworkConfig { hidden: Vec::new(), ..NetworkConfig::default() };
        let layout = Layout::new(5, &[Head::Categorical { choices: 2 }], &config).unwrap();
        let tensors = layout.tensors().map(|tensor| {
            let values = match tensor.name.as_str() {
                "actor.0.weight" => [0.0, 0.0, 0.0, 1.0, 1.0].repeat(2),
                "actor.0.bias" => of_choices.to_vec(),
                _ => vec![0.0; tensor.element_count()],
            };
            (tensor.name.clone(), tensor.shape.clone(), values)
        });
        let parameters = layout.import(&tensors.collect::<Vec<_>>()).unwrap();
        let mut network = Network::new(layout, Seed::new(1));
        network.set_parameters(&parameters).unwrap();
        network
    }

    #[test]
    fn critics_value_the_greedy_action_by_the_smaller_one() {
        // Means before they are squashed, spreads, and logits.
        let policy = of_biases(&[0.5, -0.25, 9.0, 9.0, 1.0, 2.0]);
        assert_eq!(values(&policy, &[]), [10.0; 2], "its own critic");
        let critics = SoftCritics::new([critic([7.0, 3.0]), critic([6.0, 4.0])]);
        let policy = policy.with_values(ValueEstimate::Critics(Box::new(critics))).unwrap();
        let numbers = 0.5_f32.tanh() - 0.25_f32.tanh();
        let close = |found: &[f32], expected: [f32; 2]| {
            let near = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-5);
            assert!(near, "{found:?} against {expected:?}");
        };
        close(&values(&policy, &[]), [3.0 + numbers; 2]);
        close(&values(&policy, &[true, false, true, true]), [6.0 + numbers, 3.0 + numbers]);
        let missing = policy.with_values(ValueEstimate::Missing).unwrap();
        assert!(values(&missing, &[]).iter().all(|value| value.is_nan()));
    }

    /// A value that differs between rows: the critic's weights are 1.
    #[test]
    fn values_are_those_of_the_rows() {
        let mut policy = of_biases(&[0.0; 6]);
        let layout = policy.network.layout().clone();
        let mut tensors = layout.export(policy.network.parameters());
        let weights = tensors.iter_mut().find(|(name, ..)| name == "critic.0.weight").unwrap();
        weights.2.fill(1.0);
        policy.network.set_parameters(&layout.import(&tensors).unwrap()).unwrap();
        assert_eq!(values(&policy, &[]), [16.0, 25.0]);
    }

    #[test]
    fn critics_of_other_observations_or_actions_are_refused() {
        let refusal = |inputs, choices| {
            let layout = Layout::new(inputs, &[Head::Categorical { choices }], &NetworkConfig::default()).unwrap();
            let critics = SoftCritics::new([1, 2].map(|seed| Network::new(layout.clone(), Seed::new(seed))));
            let refused = of_biases(&[0.0; 6]).with_values(ValueEstimate::Critics(Box::new(critics)));
            refused.err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert!(refusal(4, 2).contains("the inputs of a critic"));
        assert!(refusal(5, 3).contains("the outputs of a critic"));
        assert_eq!(refusal(5, 2), "");
    }

    #[test]
    fn outputs_are_values_of_choices_or_advantages_over_the_critic_s() {
        let of = |is_dueling, masks: &[bool]| {
            let policy = of_biases(&[1.0, 4.0]).with_values(ValueEstimate::Outputs { is_dueling });
            values(&policy.unwrap(), masks)
        };
        assert_eq!(of(false, &[]), [4.0; 2]);
        assert_eq!(of(false, &[true, false, true, true]), [1.0, 4.0]);
        // 10 + 4 − 2.5
        assert_eq!(of(true, &[]), [11.5; 2]);
    }
}
