//! Matches in an evaluation: the evaluated policies play one side, and their opponents the others.

use std::sync::Arc;

use ludus_learn::GroupDecider;
use ludus_policy::ActionChoice;
use ludus_spec::{AgentSpec, Seed};

use crate::actor::{ActingStep, Actor};
use crate::blueprint::{Blueprint, Draws};
use crate::group::{LanePlayers, MatchMode, MatchPlan, Opponent, WorldGroup};
use crate::random_actions::RandomStep;
use crate::self_play::{Results, Tally};

/// The policies of an evaluation.
#[derive(Clone, Copy)]
pub(crate) struct Contestants<'a> {
    /// The policies that are evaluated, by lane of the blueprint.
    pub policies: &'a [Actor],
    /// Their opponents, if they play one side of each match; else they play all.
    pub opponents: Option<Opponents<'a>>,
}

/// The opponents in an evaluation by matches.
#[derive(Clone, Copy)]
pub(crate) enum Opponents<'a> {
    /// Policies, by lane of the blueprint.
    Policies(&'a [Actor]),
    /// The game's own script.
    Script,
    /// Random actions.
    Random(&'a RandomOpponents),
}

/// Opponents that act at random.
pub(crate) struct RandomOpponents {
    /// By lane of the blueprint.
    pub specs: Vec<Arc<AgentSpec>>,
    /// The seed from which all draws derive.
    pub seed: Seed,
}

/// An opponent in one step.
pub(super) enum OpponentStep<'a> {
    Policy(ActingStep<'a>),
    Random(RandomStep<'a>),
}

impl OpponentStep<'_> {
    pub fn as_decider(&self) -> &dyn GroupDecider {
        match self {
            Self::Policy(acting) => acting,
            Self::Random(random) => random,
        }
    }
}

impl<'a> Opponents<'a> {
    /// Returns the opponents in the step with this number of a group of worlds, by lane: none for a script. Policies
    /// choose as `choice` says for their lane.
    pub(super) fn in_step(
        self,
        choice: impl Fn(usize) -> ActionChoice,
        group: u64,
        step: u64,
    ) -> Vec<OpponentStep<'a>> {
        match self {
            Self::Script => Vec::new(),
            Self::Policies(actors) => {
                let policy = |(lane, actor)| OpponentStep::Policy(ActingStep { actor, choice: choice(lane) });
                actors.iter().enumerate().map(policy).collect()
            }
            Self::Random(RandomOpponents { specs, seed }) => {
                let seed = seed.derive(group).derive(step);
                let random = |(lane, spec): (usize, &'a Arc<AgentSpec>)| {
                    OpponentStep::Random(RandomStep { spec, seed: seed.derive(lane as u64) })
                };
                specs.iter().enumerate().map(random).collect()
            }
        }
    }
}

/// The number of the evaluated policies in the results of matches.
const OWN: u32 = 0;

/// The number of their opponents.
const OTHER: u32 = 1;

/// Lets the evaluated policies play one side of each match, and their opponents the others.
pub(super) fn begin_matches(groups: &mut [WorldGroup], blueprint: &Blueprint, opponents: Opponents<'_>) {
    let opponent = match opponents {
        Opponents::Policies(_) | Opponents::Random(_) => Opponent::Policy,
        Opponents::Script => Opponent::Script,
    };
    let players = LanePlayers { newest: OWN, others: vec![(1, OTHER)], script: OTHER };
    let plan = Arc::new(MatchPlan {
        seed: Draws::Matches.seed(blueprint.config.seed),
        mode: MatchMode::Evaluation { opponent },
        lanes: vec![players; blueprint.lanes().len()],
    });
    for group in groups {
        group.expect_matches();
        group.set_match_plan(plan.clone());
    }
}

/// The number of sides in a match.
pub(super) fn sides(blueprint: &Blueprint) -> u32 {
    blueprint.specs.iter().map(|spec| spec.teams.len()).max().unwrap_or(1).max(1) as u32
}

/// The number of matches of each arena, for `episodes` matches in all or a few more.
pub(super) fn matches_of_each<'a>(groups: impl IntoIterator<Item = &'a WorldGroup>, episodes: u32) -> u32 {
    let worlds = groups.into_iter().flat_map(WorldGroup::worlds);
    let arenas: usize = worlds.map(|world| world.settings().arenas.len()).sum();
    episodes.div_ceil(arenas.max(1) as u32)
}

/// Counts `episodes` matches, as many of each arena: to count those that end first would favour short ones.
pub(super) fn tally_of<'a>(groups: impl Iterator<Item = &'a mut WorldGroup>, episodes: u32) -> Tally {
    let groups: Vec<&mut WorldGroup> = groups.collect();
    let of_each = matches_of_each(groups.iter().map(|group| &**group), episodes);
    let mut results = Results::default();
    for group in groups {
        let counted = group.drain_results().filter(|result| result.number < u64::from(of_each));
        counted.for_each(|result| results.add(&result));
    }
    results.between(OWN, OTHER)
}
