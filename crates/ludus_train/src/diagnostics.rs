//! Diagnostics of a run: problems that only learning shows, or that take more steps than a short check has.

mod lengths;

use std::collections::BTreeSet;

use ludus_learn::Samples;
use ludus_spec::{ActionKind, AgentSpec, Outcome};

use crate::census::{Census, FEW_VACANT};
use crate::check::{ColumnRange, Field, fields, without_indices};
use crate::config::AlgorithmConfig;
use crate::finding::Finding;
use crate::group::WorldGroup;
use crate::training::{LearnedLane, PolicyLane, Training};
use lengths::other_lengths;

/// A part of the action is saturated if it is at a limit in more than this share of its steps.
const SATURATED: f32 = 0.9;

/// Steps of each agent after which it is reported that no episode has ended, or that there was no reward.
const PATIENCE: u64 = 4096;

/// Discounted returns of this size stall the critic: it moves by about its learning rate in a gradient step. Those of
/// `CartPole-v1` are about 50 and are learned fast, those of Gymnasium's `Pendulum-v1` about 600.
const LARGE_RETURN: f64 = 200.0;

/// Most steps that a reward is assumed to count for, whatever the discount.
const LONGEST_SIGHT: f64 = 1000.0;
/// Steps of each world after which agents without rows and rows without agents are reported.
const SETTLED: u64 = 1024;

/// Examines the rollouts of a run after the first iteration, the second, the fourth, and so on.
#[derive(Debug)]
pub(crate) struct Diagnostics {
    /// The iteration that is examined next.
    next: u64,
    /// Kinds that had a reward.
    rewarded: BTreeSet<usize>,
    /// Kinds for which it was reported that agents wait for rows.
    told_waiting: BTreeSet<usize>,
    /// Kinds, and the remedies that were reported for them.
    told: BTreeSet<(usize, String)>,
}

impl Diagnostics {
    pub const fn new() -> Self {
        Self { next: 1, rewarded: BTreeSet::new(), told_waiting: BTreeSet::new(), told: BTreeSet::new() }
    }

    /// Returns the new findings after an iteration. Each finding is returned once.
    pub fn look(&mut self, training: &Training) -> Vec<Finding> {
        let iteration = training.iteration();
        if iteration < self.next {
            return self.waiting(training);
        }
        self.next = iteration.saturating_mul(2);
        let mut findings = Vec::new();
        for (lane, learned) in training.learned_lanes() {
            let (kind, samples) = (lane.owner(), learned.algorithm().rollout().samples());
            let spec = &training.blueprint.specs[kind];
            if samples.rewards.iter().any(|&reward| reward != 0.0) {
                self.rewarded.insert(kind);
            }
            let mut own = saturated(spec, samples);
            let has_several = training.blueprint.has_several_kinds();
            own.extend(exploded(spec, samples).into_iter().map(|finding| finding.of_kind(&spec.name, has_several)));
            own.extend(large_rewards(&spec.name, training.blueprint.agent(kind).algorithm(), samples));
            own.extend(self.missing(training, lane));
            own.extend(other_lengths(training, lane));
            own.extend(vacant(training, lane, learned));
            own.extend(learned.algorithm().obstacle().map(slowed));
            own.retain(|finding| self.told.insert((kind, finding.remedy.clone())));
            findings.extend(own);
        }
        findings.extend(self.waiting(training));
        findings
    }

    /// Findings about agents that came later and found all rows taken.
    fn waiting(&mut self, training: &Training) -> Vec<Finding> {
        let mut findings = Vec::new();
        for kind in training.blueprint.driven_kinds() {
            let mut worlds = training.groups.iter().flat_map(WorldGroup::worlds);
            if self.told_waiting.contains(&kind) || worlds.all(|world| world.rows(kind).waiting() == 0) {
                continue;
            }
            let finding = Census::of(&training.groups, kind).too_few_rows(&training.blueprint.specs[kind]);
            if let Some(finding) = finding {
                self.told_waiting.insert(kind);
                findings.push(finding);
            }
        }
        findings
    }

    /// Findings about kinds of a policy that had no reward or no end of an episode within [`PATIENCE`] steps.
    fn missing(&self, training: &Training, lane: &PolicyLane) -> Vec<Finding> {
        let spec = &training.blueprint.specs[lane.owner()];
        let rows: usize = lane.kinds.iter().map(|&kind| training.rows_of(kind)).sum();
        let steps = training.steps / training.rows().max(1) as u64;
        if steps < PATIENCE || rows == 0 {
            return Vec::new();
        }
        let mut findings = Vec::new();
        if !self.rewarded.contains(&lane.owner()) {
            let what = format!("no `{}` was rewarded in {steps} steps", spec.name);
            let remedy = "write the reward in a system of the `ScoreAgents` schedule, give its terms weights other than 0, \
                          and reward what leads to the goal as well";
            findings.push(Finding::new(what, remedy));
        }
        for &kind in &lane.kinds {
            let has_limit = training.blueprint.agent(kind).episode_limit.is_some();
            if training.kinds[kind].recent.total() == 0 && !has_limit {
                let what = format!("no episode of `{}` ended in {steps} steps", training.blueprint.specs[kind].name);
                let remedy = "call `Episode::terminate` in the `ScoreAgents` schedule where the task is over, or set \
                              `episode_limit` in the config";
                findings.push(Finding::new(what, remedy));
            }
        }
        findings
    }
}

/// Findings about rows and arenas without agents, after [`SETTLED`] steps of each world.
fn vacant(training: &Training, lane: &PolicyLane, learned: &LearnedLane) -> Vec<Finding> {
    let rollout = learned.algorithm().rollout();
    let (steps, rows) = (rollout.shape().steps, rollout.shape().total_rows());
    if training.world_steps() < SETTLED {
        return Vec::new();
    }
    let is_vacant = |outcome: &&Outcome| **outcome == Outcome::Vacant;
    // The outcomes include a step after the rollout's last, which is always vacant.
    let vacant = rollout.samples().outcomes.iter().filter(is_vacant).count().saturating_sub(rows);
    let has_vacant = vacant as f64 > FEW_VACANT * (steps * rows) as f64;
    let of_kind = |&kind: &usize| {
        let (census, spec) = (Census::of(&training.groups, kind), &training.blueprint.specs[kind]);
        let too_many_rows = census.too_many_rows(spec, training.blueprint.agent(kind).rows).filter(|_| has_vacant);
        census.empty_arenas(spec).into_iter().chain(too_many_rows).collect::<Vec<_>>()
    };
    lane.kinds.iter().flat_map(of_kind).collect()
}

/// The finding that a GPU does not do all that the config says.
pub(crate) fn slowed(why: &str) -> Finding {
    let what = format!("the GPU is slower than it could be: {why}");
    Finding::new(what, "what is learned is the same; if it is to be so, set that to `false` in the config's `device`")
}

/// Fields of the action that the policy drives into their limits, each by its column that is there most often.
fn saturated(spec: &AgentSpec, samples: Samples<'_>) -> Vec<Finding> {
    let steps = samples.outcomes.iter().filter(|outcome| outcome.is_experience()).count();
    let mut at_limit: Vec<(String, usize)> = Vec::new();
    for (column, name) in continuous_columns(spec) {
        let count = steps_at_limit(samples, spec.action_width(), column);
        match at_limit.iter_mut().find(|(known, _)| *known == name) {
            Some((_, most)) => *most = (*most).max(count),
            None => at_limit.push((name, count)),
        }
    }
    at_limit.retain(|&(_, count)| count as f32 > SATURATED * steps as f32);
    at_limit.iter().map(|(name, count)| at_its_limit(&spec.name, name, 100 * count / steps.max(1))).collect()
}

fn steps_at_limit(samples: Samples<'_>, width: usize, column: usize) -> usize {
    let rows = samples.actions.chunks_exact(width).zip(samples.outcomes);
    rows.filter(|(action, outcome)| outcome.is_experience() && action[column].abs() >= 1.0).count()
}

fn at_its_limit(agent: &str, field: &str, percent: usize) -> Finding {
    let (action, it) = match field {
        "" => (format!("the action of `{agent}`"), "it".to_owned()),
        _ => (format!("action `{field}` of `{agent}`"), format!("`{field}`")),
    };
    let what = format!("{action} is at a limit in {percent} % of the steps");
    let remedy = format!(
        "give {it} a wider range if it needs more, else lower `learning_rate`, or let observations and rewards be of \
         the order of 1"
    );
    Finding::new(what, remedy)
}

/// The columns of the action row that hold numbers, with the names of their fields.
fn continuous_columns(spec: &AgentSpec) -> Vec<(usize, String)> {
    let mut columns = Vec::new();
    let mut first = 0;
    for field in &spec.action {
        let width = field.head().action_width();
        if matches!(field.kind, ActionKind::Continuous { .. }) {
            columns.extend((first..first + width).map(|column| (column, without_indices(&field.name))));
        }
        first += width;
    }
    columns
}

/// The finding that discounted rewards add up to more than [`LARGE_RETURN`], if they do.
fn large_rewards(agent: &str, algorithm: AlgorithmConfig<'_>, samples: Samples<'_>) -> Option<Finding> {
    let (name, remedy) = match algorithm {
        AlgorithmConfig::Ppo(ppo) if ppo.scale_rewards || ppo.normalize_values => return None,
        AlgorithmConfig::Ppo(_) => {
            ("PPO", "set `scale_rewards: true` in the config's `ppo`, or lower the weights of `reward`")
        }
        AlgorithmConfig::Pqn(_) => ("PQN", "lower the weights of `reward`"),
        AlgorithmConfig::Dqn(_) => ("DQN", "lower the weights of `reward`"),
        // It learns rewards of some hundreds, as those of Gymnasium's Pendulum-v1.
        AlgorithmConfig::Sac(_) => return None,
    };
    let size = discounted_return(f64::from(algorithm.gamma()), samples);
    (size > LARGE_RETURN).then(|| {
        let what = format!("discounted rewards of `{agent}` add up to some {size:.0}, which {name} learns from slowly");
        Finding::new(what, remedy)
    })
}

/// The approximate size of discounted returns: the mean size of a reward, times the steps for which rewards count.
///
/// ```text
/// mean |r| / (1 − γ·(1 − p))      p = the share of steps that terminate their episode
/// ```
///
/// A truncated step bootstraps, so it does not count as an end. The critic's targets can't replace this estimate: while
/// the critic is far from the returns, its targets are too.
fn discounted_return(gamma: f64, samples: Samples<'_>) -> f64 {
    let experience = samples.rewards.iter().zip(samples.outcomes).filter(|(_, outcome)| outcome.is_experience());
    let (mut sum, mut steps, mut terminated) = (0.0, 0.0, 0.0);
    for (reward, outcome) in experience {
        sum += f64::from(reward.abs());
        steps += 1.0;
        terminated += f64::from(u8::from(*outcome == Outcome::Terminated));
    }
    if steps == 0.0 {
        return 0.0;
    }
    let sight = 1.0 / (1.0 - gamma * (1.0 - terminated / steps));
    sight.min(LONGEST_SIGHT) * sum / steps
}

/// Findings about observations that are too large for a network.
fn exploded(spec: &AgentSpec, samples: Samples<'_>) -> Vec<Finding> {
    let mut columns = vec![ColumnRange::EMPTY; spec.observation_width()];
    for observation in samples.observations.chunks_exact(columns.len()) {
        columns.iter_mut().zip(observation).for_each(|(column, &value)| column.see(value));
    }
    fields(spec, &columns).iter().filter_map(Field::exploded).collect()
}

#[cfg(test)]
mod tests {
    use ludus_spec::{ActionField, Outcome};

    use ludus_learn::PpoConfig;

    use super::*;

    const STEPS: usize = 20;

    /// A gear, a wheel that is turned, and two brakes of a list.
    fn spec() -> AgentSpec {
        let field = |name: &str, parts: &[&str], kind| ActionField {
            name: name.to_owned(),
            doc: String::new(),
            parts: parts.iter().map(|&part| part.to_owned()).collect(),
            kind,
        };
        let number = ActionKind::Continuous { low: -2.0, high: 2.0 };
        let gear = field("gear", &["low", "high"], ActionKind::Discrete);
        let brakes = [field("brakes.0.force", &[""], number), field("brakes.1.force", &[""], number)];
        let action = [vec![gear, field("turn", &["x", "y"], number)], brakes.to_vec()].concat();
        AgentSpec { name: "Car".to_owned(), action, ..AgentSpec::default() }
    }

    /// Checks the findings if each column is at its limit in so many of the steps, and far from it in the others.
    fn check(at_limit: [usize; 5], outcomes: &[Outcome; STEPS], expected: &[&str]) {
        let number = |step: usize, column: usize| if step < at_limit[column] { -1.0 } else { 0.9 };
        let actions: Vec<f32> = (0..STEPS).flat_map(|step| (0..5).map(move |column| number(step, column))).collect();
        let samples = Samples { actions: &actions, outcomes, ..Samples::default() };
        let found: Vec<_> = saturated(&spec(), samples).iter().map(Finding::sentence).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "`{found}`, not `{expected}`");
        }
    }

    #[test]
    fn numbers_at_their_limits_are_found_and_choices_are_not() {
        let running = [Outcome::Running; STEPS];
        check([20, 0, 0, 0, 0], &running, &[]);
        check([20, 0, 18, 0, 0], &running, &[]);
        let turn = "action `turn` of `Car` is at a limit in 95 % of the steps: give `turn` a wider";
        check([20, 0, 19, 0, 0], &running, &[turn]);
    }

    #[test]
    fn a_field_at_its_limits_is_found_once_however_many_columns_it_has() {
        let running = [Outcome::Running; STEPS];
        let turn = "action `turn` of `Car` is at a limit in 100 % of the steps";
        let brakes = "action `brakes.force` of `Car` is at a limit in 95 % of the steps";
        check([0, 19, 20, 0, 0], &running, &[turn]);
        check([0, 20, 19, 19, 19], &running, &[turn, brakes]);
    }

    /// The finding about these outcomes. All that are experience have the same reward.
    fn found_in_rewards(reward: f32, ppo: &PpoConfig, outcomes: &[Outcome]) -> Option<String> {
        let rewarded = |outcome: &Outcome| if outcome.is_experience() { reward } else { 1e9 };
        let rewards: Vec<f32> = outcomes.iter().map(rewarded).collect();
        let samples = Samples { rewards: &rewards, outcomes, ..Samples::default() };
        large_rewards("Pole", AlgorithmConfig::Ppo(ppo), samples).map(|finding| finding.sentence())
    }

    /// With γ = 0.99, rewards count for 100 steps.
    #[test]
    fn rewards_that_stall_the_critic_are_found() {
        let mut outcomes = [Outcome::Running; STEPS];
        outcomes[0] = Outcome::Restart;
        let check = |reward: f32, ppo: &PpoConfig, expected: Option<&str>| {
            let found = found_in_rewards(reward, ppo, &outcomes);
            assert_eq!(found.as_deref().map(|found| &found[..expected.map_or(0, str::len)]), expected);
        };
        let plain = PpoConfig::default();
        check(-6.0, &plain, Some("discounted rewards of `Pole` add up to some 600, which PPO learns from slowly: set"));
        check(1.0, &plain, None);
        check(-6.0, &PpoConfig { gamma: 0.9, ..plain.clone() }, None);
        check(
            0.5,
            &PpoConfig { gamma: 1.0, ..plain.clone() },
            Some("discounted rewards of `Pole` add up to some 500,"),
        );
        check(-6.0, &PpoConfig { scale_rewards: true, ..plain.clone() }, None);
        check(-6.0, &PpoConfig { normalize_values: true, ..plain }, None);
    }

    /// If every fourth step terminates, rewards count for 1 / (1 − 0.99·0.75), some 4 steps: 20·3.9 = 78, 60·3.9 = 233.
    #[test]
    fn rewards_count_no_longer_than_episodes_last() {
        let mut outcomes = [Outcome::Running; STEPS];
        outcomes.iter_mut().skip(3).step_by(4).for_each(|outcome| *outcome = Outcome::Terminated);
        let plain = PpoConfig::default();
        assert_eq!(found_in_rewards(20.0, &plain, &outcomes), None);
        let found = found_in_rewards(60.0, &plain, &outcomes).unwrap_or_default();
        assert!(found.starts_with("discounted rewards of `Pole` add up to some 233, "), "{found}");
        // The world of a truncated episode goes on.
        let truncated = outcomes.map(|outcome| if outcome.is_end() { Outcome::Truncated } else { outcome });
        assert!(found_in_rewards(20.0, &plain, &truncated).is_some());
        assert_eq!(found_in_rewards(1e9, &plain, &[Outcome::Restart; STEPS]), None);
    }

    #[test]
    fn what_is_no_experience_does_not_count() {
        let mut outcomes = [Outcome::Vacant; STEPS];
        check([0, 0, STEPS, 0, 0], &outcomes, &[]);
        outcomes[..10].fill(Outcome::Running);
        check([0, 0, 10, 0, 0], &outcomes, &["action `turn` of `Car` is at a limit in 100 %"]);
    }
}
