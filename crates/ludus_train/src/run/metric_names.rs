//! The names of a run's metrics, which are CleanRL's.

use std::sync::Arc;

use ludus_spec::AgentSpec;

use crate::blueprint::Blueprint;
use crate::phases::Phases;
use crate::training::Training;

/// Mean return of the episodes.
pub(crate) const RETURN: &str = "charts/episodic_return";
/// Mean length of the episodes \[steps\].
pub(crate) const LENGTH: &str = "charts/episodic_length";
/// The part of the episodes that succeed; empty for games that give no verdicts.
pub(crate) const SUCCESS: &str = "charts/success_rate";

/// The rating of the newest version of a policy that plays against itself, the first having 0.
pub(crate) const RATING: &str = "self_play/rating";
/// The share of the points that the newest versions won against earlier ones.
pub(crate) const SHARE: &str = "self_play/share";

/// The columns of a run's metrics, under CleanRL's names.
pub(super) fn metric_names(training: &Training) -> Vec<String> {
    let names = MetricNames::of(&training.blueprint);
    let returns = training
        .blueprint
        .driven_kinds()
        .flat_map(|kind| [RETURN, LENGTH, SUCCESS].map(|name| names.of_kind(kind, name)));
    let losses = training.learned_lanes().flat_map(|(lane, learned)| {
        learned.algorithm().metrics().iter().map(move |info| names.of_kind(lane.owner(), info.name))
    });
    let terms = training.blueprint.driven_kinds().flat_map(|kind| {
        let terms = &training.blueprint.specs[kind].reward;
        terms.iter().map(move |term| names.of_kind(kind, &reward_name(&term.name)))
    });
    let self_play = training.lanes.iter().enumerate().flat_map(|(index, lane)| {
        let self_play = training.self_play.as_ref().filter(|self_play| self_play.plays(index));
        let numbers = self_play.map(|self_play| self_play.numbers(index));
        let yardsticks = numbers.into_iter().flat_map(|numbers| numbers.yardsticks);
        let yardsticks = yardsticks.map(|(name, _)| yardstick_name(&name));
        let own = self_play.map_or(&[][..], |_| &[RATING, SHARE]).iter().map(|&name| name.to_owned());
        own.chain(yardsticks).map(|name| names.of_kind(lane.owner(), &name)).collect::<Vec<_>>()
    });
    let parameters = training.parameters().iter().map(|parameter| parameter_name(parameter));
    let curricula = training.blueprint.config.parameters.iter();
    let curricula = curricula.filter(|(_, values)| !values.stages().is_empty()).map(|(name, _)| stage_name(name));
    let phases = Phases::default().named().map(|(phase, _)| phase_name(phase));
    returns
        .chain(["charts/SPS".to_owned()])
        .chain(losses)
        .chain(terms)
        .chain(self_play)
        .chain(parameters)
        .chain(curricula)
        .chain(phases)
        .collect()
}

/// The names of metrics that belong to a kind of agents: with the kind's name in front if there are several kinds.
#[derive(Clone, Copy)]
pub(crate) struct MetricNames<'a>(Option<&'a [Arc<AgentSpec>]>);

impl<'a> MetricNames<'a> {
    pub fn of(blueprint: &'a Blueprint) -> Self {
        Self(blueprint.has_several_kinds().then_some(&blueprint.specs[..]))
    }

    /// `Chaser/charts/episodic_return`
    pub fn of_kind(self, kind: usize, name: &str) -> String {
        self.0.map_or_else(|| name.to_owned(), |specs| format!("{}/{name}", specs[kind].name))
    }
}

pub(crate) fn reward_name(term: &str) -> String {
    format!("reward/{term}")
}

/// The share of the points that the newest versions won against an opponent that never changes.
pub(crate) fn yardstick_name(opponent: &str) -> String {
    format!("self_play/share_against/{opponent}")
}

/// The mean of an episode parameter over the episodes that count.
pub(crate) fn parameter_name(parameter: &str) -> String {
    format!("parameters/{parameter}")
}

/// The number of the stage of a curriculum, from 1.
pub(crate) fn stage_name(parameter: &str) -> String {
    format!("curriculum/{parameter}")
}

pub(super) fn phase_name(phase: &str) -> String {
    format!("time/{phase}")
}
