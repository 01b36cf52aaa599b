//! Evaluations of greedy actions.

use std::any::Any;
use std::error::Error;
use std::marker::PhantomData;

use ludus_learn::{
    Collector, DecisionRows, GroupDecider, IteratedLane, IterationPlan, LearnedPolicy, PhaseTimer, PlayedLane, Rollout,
    RolloutShape,
};
use ludus_net::{Distribution, Network, Normalizer, Scratch, stage};
use ludus_spec::Seed;

use crate::games::ArrayGame;
use crate::returns::Returns;
use crate::settings::Settings;

/// Copies that play at once; each plays as many episodes as the others, so that short ones do not count more often.
const COPIES: usize = 50;

/// An evaluation of greedy actions in a number of episodes.
pub struct Evaluation<'a, G> {
    pub settings: &'a Settings,
    pub episodes: usize,
    pub seed: Seed,
    pub game: PhantomData<G>,
}

impl<G: ArrayGame> Evaluation<'_, G> {
    /// Returns the mean return of the episodes.
    pub fn mean_return(&self, policy: &LearnedPolicy) -> Result<f32, Box<dyn Error>> {
        let mut network = self.settings.network::<G>(self.seed)?;
        network.set_parameters(&policy.parameters)?;
        let greedy = Greedy { network, normalizer: policy.normalizer.clone() };
        let copies = COPIES.min(self.episodes);
        let each = self.episodes.div_ceil(copies);
        let mut worlds = [G::of_copies(copies, self.seed)];
        let mut rollout = Rollout::new(RolloutShape::of_lane(1, &[worlds[0].lane(0)])?);
        let (collector, mut returns) = (Collector::new(self.settings.machine()?), Returns::new(copies));
        let plan = IterationPlan { progress: 0.0, least_steps: 1 };
        while returns.ended.iter().any(|ended| ended.len() < each) {
            let lane = PlayedLane { policy: &greedy, rollout: &mut rollout, seed: self.seed };
            collector.iterate(&mut worlds, &mut [IteratedLane::Played(lane)], plan)?;
            returns.add(&rollout);
        }
        let counted = returns.ended.iter().flat_map(|ended| &ended[..each]);
        Ok(counted.sum::<f32>() / (copies * each) as f32)
    }
}

/// A policy whose most probable actions are taken.
struct Greedy {
    network: Network,
    normalizer: Option<Normalizer>,
}

struct GreedyScratch {
    network: Scratch,
    inputs: Vec<f32>,
    outputs: Vec<f32>,
}

impl GroupDecider for Greedy {
    fn scratch(&self) -> Box<dyn Any + Send> {
        let network = Scratch::new(self.network.layout());
        Box::new(GreedyScratch { network, inputs: Vec::new(), outputs: Vec::new() })
    }

    fn decide(&self, scratch: &mut dyn Any, rows: DecisionRows<'_>, timer: &mut PhaseTimer) {
        let scratch: &mut GreedyScratch = scratch.downcast_mut().expect("it is the one that was made above");
        let GreedyScratch { network, inputs, outputs } = scratch;
        inputs.resize(rows.observations.len(), 0.0);
        stage(self.normalizer.as_ref(), rows.observations, inputs);
        let distribution = Distribution::new(self.network.layout().heads(), &[]);
        outputs.resize(rows.actions.len() * distribution.output_width(), 0.0);
        self.network.forward_policy(inputs, network, outputs);
        distribution.mode(outputs, rows.actions);
        timer.forwarded();
    }
}
