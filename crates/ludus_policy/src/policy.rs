//! Trained policies that compute actions.

use ludus_net::{Layout, Network, Normalizer, Scratch, stage};
use ludus_spec::{AgentSpec, Seed};

use crate::critic::ObservingParts;
use crate::{PolicyError, PolicyFile, ValueEstimate};

/// A trained network that maps observations to actions.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) spec: AgentSpec,
    pub(crate) network: Network,
    pub(crate) normalizer: Option<Normalizer>,
    pub(crate) estimate: ValueEstimate,
}

/// Working memory of one thread for computing actions.
#[derive(Clone, Debug)]
pub struct PolicyScratch {
    pub(crate) network: Scratch,
    pub(crate) inputs: Vec<f32>,
    pub(crate) outputs: Vec<f32>,
    pub(crate) values: Vec<f32>,
    log_probs: Vec<f32>,
    seeds: Vec<Seed>,
}

/// The observations of some agents, and the choices that they may make.
#[derive(Clone, Copy, Debug)]
pub struct Sensed<'a> {
    /// Observations `[rows, observation width]`.
    pub observations: &'a [f32],
    /// True for each allowed choice, at least one for each head: `[rows, mask width]`, or empty if all are allowed.
    pub masks: &'a [bool],
}

/// The ways in which a policy chooses actions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ActionChoice {
    /// The most probable action.
    #[default]
    Greedy,
    /// An action drawn from the policy's distribution. The draw of a row derives from this seed and the row's index.
    Sampled(Seed),
}

impl Policy {
    /// Makes the policy of a file.
    ///
    /// # Errors
    ///
    /// If the parameters are not those of the network that the file describes, or the network is a game's own.
    pub fn new(file: &PolicyFile) -> Result<Self, PolicyError> {
        let layout = file.layout()?;
        let mut network = Network::new(layout, Seed::default());
        network.set_parameters(&file.parameters).map_err(PolicyError::Network)?;
        let (spec, normalizer) = (file.spec.clone(), file.normalizer.clone());
        Ok(Self { spec, network, normalizer, estimate: ValueEstimate::default() })
    }

    /// Returns the spec of the agent's observations and actions.
    pub const fn spec(&self) -> &AgentSpec {
        &self.spec
    }

    /// Returns the policy for agents of this kind, without its critic, if their rows differ from those that it reads in
    /// observations for the critic; `None` if they are the same.
    ///
    /// Nothing else may differ: see [`check_layout`](crate::check_layout).
    ///
    /// # Errors
    ///
    /// If there is no such network, because something else differs.
    pub fn for_agents(&self, spec: &AgentSpec) -> Result<Option<Self>, PolicyError> {
        if spec.row_difference_from(&self.spec).is_none() {
            return Ok(None);
        }
        let config = self.network.layout().config().clone();
        let (parameters, normalizer) = (self.network.parameters().to_vec(), self.normalizer.clone());
        let parts = ObservingParts { spec: self.spec.clone(), config, parameters, normalizer };
        let ObservingParts { spec, config, parameters, normalizer } = parts.for_agents(spec.clone())?;
        let layout = Layout::of_agent(&spec, &config).map_err(PolicyError::Network)?;
        let mut network = Network::new(layout, Seed::default());
        network.set_parameters(&parameters).map_err(PolicyError::Network)?;
        Ok(Some(Self { spec, network, normalizer, estimate: ValueEstimate::default() }))
    }

    /// Numbers that the policy remembers of an agent's episode; 0 without memory. They are zero where an episode starts.
    pub fn memory_width(&self) -> usize {
        self.network.layout().policy_memory_width()
    }

    /// Numbers that the policy and its critic remember of an agent's episode, those of the policy first.
    pub fn memory_width_with_critic(&self) -> usize {
        self.network.layout().memory_width()
    }

    /// Makes working memory for one thread.
    pub fn scratch(&self) -> PolicyScratch {
        let network = Scratch::new(self.network.layout());
        let [inputs, outputs, values, log_probs] = [const { Vec::new() }; 4];
        PolicyScratch { network, inputs, outputs, values, log_probs, seeds: Vec::new() }
    }

    /// Computes actions of some rows with every choice allowed, by a policy without memory: see
    /// [`act_masked`](Self::act_masked).
    ///
    /// Observations are in the game's own units, as in its components; the policy normalises them. An action row has
    /// one number per continuous dimension, drawn or most probable, where -1..=1 is the field's range and numbers
    /// beyond it are clamped later; and one index per choice. [`AgentSpec::action_values`] converts a row to the game's
    /// values:
    ///
    /// ```
    /// # use ludus_policy::{ActionChoice, Policy};
    /// # fn show(policy: &Policy, observations: &[f32]) {
    /// let mut row = vec![0.0; policy.spec().action_width()];
    /// policy.act(observations, ActionChoice::Greedy, &mut policy.scratch(), &mut row);
    /// for (field, value) in policy.spec().action_values(&row) {
    ///     println!("{field}: {value:?}"); // throttle: Numbers([15.0]), gear: Choice { index: 1, name: "forward" }
    /// }
    /// # }
    /// ```
    ///
    /// # Shapes
    ///
    /// `observations` is `[rows, observation width]`, `actions` `[rows, action width]`.
    ///
    /// # Panics
    ///
    /// If the slices don't have the same number of whole rows, or if the policy has a memory.
    pub fn act(&self, observations: &[f32], choice: ActionChoice, scratch: &mut PolicyScratch, actions: &mut [f32]) {
        self.act_masked(Sensed { observations, masks: &[] }, &mut [], choice, scratch, actions);
    }

    /// Computes actions of some rows among the allowed choices.
    ///
    /// `memory` is what the policy remembers of each row's episode `[rows, memory width]`, and is replaced by what it
    /// remembers after this step. Rows of [`memory_width_with_critic`](Self::memory_width_with_critic) numbers hold the
    /// critic's memory too, which then takes a step as well.
    ///
    /// An observation that is not a number counts as 0, as in training. Allocates only if `scratch` has never had as
    /// many rows.
    ///
    /// # Panics
    ///
    /// If the slices don't have the same number of whole rows.
    pub fn act_masked(
        &self,
        sensed: Sensed<'_>,
        memory: &mut [f32],
        choice: ActionChoice,
        scratch: &mut PolicyScratch,
        actions: &mut [f32],
    ) {
        let mut seeds = std::mem::take(&mut scratch.seeds);
        seeds.clear();
        if let ActionChoice::Sampled(seed) = choice {
            let rows = sensed.observations.len() / self.network.layout().inputs();
            seeds.extend((0..rows).map(|row| seed.derive(row as u64)));
        }
        self.act_each(sensed, memory, &seeds, scratch, actions);
        scratch.seeds = seeds;
    }

    /// As [`act_masked`](Self::act_masked), for a batch with both ways of choosing: the actions of the last
    /// `seeds.len()` rows are drawn, each from its seed; the rows before them get the most probable action.
    ///
    /// # Panics
    ///
    /// As [`act_masked`](Self::act_masked), and if there are more seeds than rows.
    pub fn act_each(
        &self,
        sensed: Sensed<'_>,
        memory: &mut [f32],
        seeds: &[Seed],
        scratch: &mut PolicyScratch,
        actions: &mut [f32],
    ) {
        let Sensed { observations, masks } = sensed;
        let (layout, distribution) = (self.network.layout(), self.network.distribution());
        let rows = observations.len() / layout.inputs();
        let PolicyScratch { network, inputs, outputs, values, log_probs, .. } = scratch;
        inputs.resize(observations.len(), 0.0);
        stage(self.normalizer.as_ref(), observations, inputs);
        outputs.resize(rows * layout.output_width(), 0.0);
        if memory.len() == rows * layout.policy_memory_width() {
            self.network.step_policy(inputs, memory, network, outputs);
        } else {
            values.resize(rows, 0.0);
            self.network.step(inputs, memory, network, outputs, values);
        }
        let greedy = rows - seeds.len();
        let (outputs, outputs_drawn) = outputs.split_at(greedy * layout.output_width());
        let (probable, drawn) = actions.split_at_mut(greedy * layout.action_width());
        let (masks, masks_drawn) = masks.split_at(masks.len() / rows.max(1) * greedy);
        distribution.masked(masks).mode(outputs, probable);
        log_probs.resize(seeds.len(), 0.0);
        distribution.masked(masks_drawn).sample(outputs_drawn, |row| seeds[row], drawn, log_probs);
        layout.remember_actions(actions, memory);
    }
}

#[cfg(test)]
mod tests {
    use ludus_net::NetworkConfig;

    use super::*;
    use crate::file::tests::policy;

    /// Makes a linear policy of one layer: actor outputs = W·x + b.
    fn linear() -> PolicyFile {
        let mut file = PolicyFile { normalizer: None, ..policy() };
        file.network = NetworkConfig { hidden: Vec::new(), ..NetworkConfig::default() }.into();
        let layout = file.layout().unwrap();
        let tensors = layout.tensors().map(|tensor| {
            let values = match tensor.name.as_str() {
                // Two means: x and 2·y. Two logits: 0 and z.
                "actor.0.weight" => vec![1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
                "actor.0.bias" => vec![0.0, 0.5, 0.0, 0.0],
                _ => vec![0.0; tensor.element_count()],
            };
            (tensor.name.clone(), tensor.shape.clone(), values)
        });
        file.parameters = layout.import(&tensors.collect::<Vec<_>>()).unwrap();
        file
    }

    fn act(policy: &Policy, observations: &[f32], choice: ActionChoice) -> Vec<f32> {
        let mut actions = vec![0.0; observations.len()];
        policy.act(observations, choice, &mut policy.scratch(), &mut actions);
        actions
    }

    #[test]
    fn a_greedy_policy_takes_means_and_the_likelier_choice() {
        let policy = Policy::new(&linear()).unwrap();
        let actions = act(&policy, &[0.25, 1.0, 3.0, -1.0, 0.0, -3.0], ActionChoice::Greedy);
        assert_eq!(actions, [0.25, 2.5, 1.0, -1.0, 0.5, 0.0]);
    }

    #[test]
    fn observations_are_normalised_first() {
        let normalizer = Normalizer::from_parts(vec![1.0, 0.0, 0.0], vec![4.0, 1.0, 1.0], 1e6, 10.0).unwrap();
        let policy = Policy::new(&PolicyFile { normalizer: Some(normalizer), ..linear() }).unwrap();
        let actions = act(&policy, &[3.0, 0.0, 0.0], ActionChoice::Greedy);
        assert!((actions[0] - 1.0).abs() < 1e-4, "(3 − 1) / √4, not {}", actions[0]);
    }

    #[test]
    fn what_is_not_a_number_counts_as_zero() {
        let policy = Policy::new(&linear()).unwrap();
        let actions = act(&policy, &[f32::NAN, 1.0, f32::INFINITY], ActionChoice::Greedy);
        assert_eq!(actions, act(&policy, &[0.0, 1.0, 0.0], ActionChoice::Greedy));
    }

    #[test]
    fn drawn_actions_follow_from_the_seed() {
        let policy = Policy::new(&linear()).unwrap();
        let observations = [0.0; 300];
        let draw = |seed| act(&policy, &observations, ActionChoice::Sampled(Seed::new(seed)));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let jumps = draw(1).chunks(3).filter(|row| row[2] == 1.0).count();
        assert!((25..=75).contains(&jumps), "{jumps} of 100, with even odds");
    }

    #[test]
    fn what_is_not_allowed_is_never_chosen() {
        let policy = Policy::new(&linear()).unwrap();
        // The logit of the first choice is 0, that of the second 90.
        let observations = [0.0, 0.0, 90.0].repeat(50);
        let sensed = Sensed { observations: &observations, masks: &[true, false].repeat(50) };
        for choice in [ActionChoice::Greedy, ActionChoice::Sampled(Seed::new(1))] {
            let mut actions = vec![0.0; observations.len()];
            policy.act_masked(sensed, &mut [], choice, &mut policy.scratch(), &mut actions);
            assert!(actions.chunks(3).all(|row| row[2] == 0.0), "{choice:?}");
        }
        assert!(act(&policy, &observations, ActionChoice::Greedy).chunks(3).all(|row| row[2] == 1.0));
    }

    #[test]
    fn rows_of_one_batch_may_choose_differently() {
        let policy = Policy::new(&linear()).unwrap();
        let observations = (0..60).map(|number| number as f32 / 60.0).collect::<Vec<_>>();
        let seed = Seed::new(5);
        let seeds = (15..20).map(|row| seed.derive(row)).collect::<Vec<_>>();
        let mut actions = vec![0.0; 60];
        policy.act_each(
            Sensed { observations: &observations, masks: &[] },
            &mut [],
            &seeds,
            &mut policy.scratch(),
            &mut actions,
        );
        assert_eq!(actions[..45], act(&policy, &observations, ActionChoice::Greedy)[..45]);
        assert_eq!(actions[45..], act(&policy, &observations, ActionChoice::Sampled(seed))[45..]);
    }

    #[test]
    fn parameters_of_another_network_are_refused() {
        let mut file = linear();
        file.parameters.pop();
        assert!(Policy::new(&file).is_err());
    }

    /// A policy with memory, and its actions in three steps of two rows.
    #[test]
    fn a_policy_remembers_each_row_s_episode() {
        let mut file = policy();
        file.network = NetworkConfig { memory: Some(ludus_net::Memory::Gru(5)), ..NetworkConfig::default() }.into();
        let layout = file.layout().unwrap();
        file.parameters = Network::new(layout, Seed::new(1)).parameters().to_vec();
        let policy = Policy::new(&PolicyFile::from_tensor_file(&file.to_tensor_file()).unwrap()).unwrap();
        assert_eq!((policy.memory_width(), policy.memory_width_with_critic()), (5, 10));
        let act = |observations: &[f32], memory: &mut [f32]| {
            let mut actions = vec![0.0; observations.len() / 3 * policy.spec().action_width()];
            let sensed = Sensed { observations, masks: &[] };
            policy.act_masked(sensed, memory, ActionChoice::Greedy, &mut policy.scratch(), &mut actions);
            actions
        };
        let (mut both, mut alone, mut with_critic) = (vec![0.0; 10], vec![0.0; 5], vec![0.0; 10]);
        for step in 0..3 {
            let observations = [1.0, 2.0, -1.0, 0.5 - step as f32, 3.0, 1.0];
            let actions = act(&observations, &mut both);
            assert_eq!(actions[actions.len() / 2..], act(&observations[3..], &mut alone));
            assert_eq!(actions[actions.len() / 2..], act(&observations[3..], &mut with_critic));
            assert_eq!((&both[5..], &with_critic[..5]), (&alone[..], &alone[..]));
            let value = policy.insight(
                Sensed { observations: &observations[3..], masks: &[] },
                &with_critic,
                &mut policy.scratch(),
            );
            assert!(value.value.is_some_and(f32::is_finite));
        }
        assert_ne!(both[..5], both[5..], "each row has an episode of its own");
    }
}
