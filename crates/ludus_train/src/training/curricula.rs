//! The stages of curricula, which change between iterations.

use ludus_agent::ParameterPlan;
use ludus_worlds::{PooledWorld, WorldError};

use super::Training;
use crate::blueprint::Purpose;
use crate::config::{PolicySource, Stage, StageNumbers};
use crate::episodes::{EpisodeSummary, RecentEpisodes, success_rate};

/// A change of the stage of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct StageChange {
    /// The parameter's name.
    pub parameter: String,
    /// The number of the stage that begins, from 1.
    pub stage: usize,
    /// The number of stages.
    pub stages: usize,
    /// The distribution in that stage.
    pub value: String,
}

impl StageChange {
    /// The change in words.
    pub fn sentence(&self) -> String {
        let Self { parameter, stage, stages, value } = self;
        format!("`{parameter}` is {value} from here on, stage {stage} of {stages}")
    }
}

/// The episode parameters of a game.
#[derive(Clone, Debug, Default)]
pub(super) struct GameParameters {
    /// Their names, in the order of the game.
    names: Vec<String>,
    /// The kind of agents whose episodes have each; `None` for those of arenas, which the episodes of all kinds have.
    kinds: Vec<Option<usize>>,
}

impl GameParameters {
    /// The parameters of a world's game.
    pub fn of(world: &PooledWorld) -> Self {
        let Some(plan) = world.world().get_resource::<ParameterPlan>() else { return Self::default() };
        let names = plan.parameters().iter().map(|parameter| parameter.name.clone()).collect();
        let kind = |owner: &str| world.specs().position(|spec| spec.name == owner);
        let kinds =
            plan.sets().iter().flat_map(|set| std::iter::repeat_n(kind(set.owner), set.columns().len())).collect();
        Self { names, kinds }
    }
}

impl Training {
    /// The names of the game's episode parameters, in its order.
    pub fn parameters(&self) -> &[String] {
        &self.parameters.names
    }

    /// The mean of an episode parameter over the episodes that count in the mean return; NaN if there are none.
    pub fn mean_parameter(&self, index: usize) -> f64 {
        let kind = self.parameters.kinds[index].or_else(|| self.learning_kinds().next());
        kind.map_or(f64::NAN, |kind| self.kinds[kind].recent.parameter(index).mean)
    }

    /// Begins the stages whose conditions hold, and returns the changes. `progress` is the part of the run that is over,
    /// and `metric` looks up a column of the last iteration's metrics.
    ///
    /// All worlds take the new distributions with their next episodes. Only episodes that begin with them count towards
    /// the conditions of the new stage.
    ///
    /// # Errors
    ///
    /// A parameter that the game no longer has.
    pub fn advance_curricula(
        &mut self,
        progress: f64,
        metric: &dyn Fn(&str) -> Option<f64>,
    ) -> Result<Vec<StageChange>, WorldError> {
        let mut changes = Vec::new();
        for (parameter, values) in &self.blueprint.config.parameters {
            let (stages, at) = (values.stages(), self.blueprint.stages.of(parameter));
            let Some(stage) = stages.get(at) else { continue };
            let numbers = self.numbers_of(stage, progress, metric);
            let next = match stage {
                Stage { until: Some(until), .. } if until.is_met(&numbers) && at + 1 < stages.len() => at + 1,
                Stage { back: Some(back), .. } if back.is_missed(&numbers) && at > 0 => at - 1,
                _ => continue,
            };
            let (stage, stages, value) = (next + 1, stages.len(), values.at(next).to_string());
            changes.push(StageChange { parameter: parameter.clone(), stage, stages, value });
        }
        for change in &changes {
            self.blueprint.stages.stages.insert(change.parameter.clone(), change.stage - 1);
        }
        if !changes.is_empty() {
            self.blueprint.stages.number += 1;
            let parameters = self.blueprint.parameters(Purpose::Training);
            self.groups.iter_mut().try_for_each(|group| group.set_parameters(&parameters))?;
        }
        Ok(changes)
    }

    fn numbers_of<'a>(
        &'a self,
        stage: &'a Stage,
        progress: f64,
        metric: &'a dyn Fn(&str) -> Option<f64>,
    ) -> Numbers<'a> {
        let learning: Vec<_> = self.learning_kinds().map(|kind| self.blueprint.specs[kind].name.as_str()).collect();
        let name = stage.kind(&learning);
        let kind = self.blueprint.specs.iter().position(|spec| Some(spec.name.as_str()) == name);
        let number = self.blueprint.stages.number;
        let recent = kind.map(|kind| &self.kinds[kind].recent);
        let begun_in_it = |recent: &'a RecentEpisodes| recent.iter().filter(move |episode| episode.plan == number);
        let least = recent.map_or(0, |recent| recent.capacity().min(stage.episodes as usize));
        let episodes = recent.map_or(Vec::new(), |recent| begun_in_it(recent).collect());
        Numbers { episodes, least, rating: kind.and_then(|kind| self.rating_of(kind)), progress, metric }
    }

    /// The rating of the newest version of a kind's policy, if it plays against itself and has two versions.
    fn rating_of(&self, kind: usize) -> Option<f64> {
        let lane = self.lanes.iter().position(|lane| lane.owner() == kind)?;
        self.self_play.as_ref().filter(|self_play| self_play.plays(lane))?.numbers(lane).rating
    }

    /// The kinds of agents that learn.
    fn learning_kinds(&self) -> impl Iterator<Item = usize> + '_ {
        let learns = |kind: &usize| {
            matches!(self.blueprint.agent(*kind).policy, PolicySource::Learned | PolicySource::SameAs(_))
        };
        (0..self.blueprint.specs.len()).filter(learns)
    }
}

/// The numbers of a stage so far.
struct Numbers<'a> {
    /// The episodes that began in the stage, in the order in which they began.
    episodes: Vec<&'a EpisodeSummary>,
    /// Episodes that there have to be.
    least: usize,
    rating: Option<f64>,
    progress: f64,
    metric: &'a dyn Fn(&str) -> Option<f64>,
}

impl Numbers<'_> {
    fn has_enough(&self) -> bool {
        self.episodes.len() >= self.least
    }
}

impl StageNumbers for Numbers<'_> {
    fn success(&self) -> Option<f64> {
        success_rate(self.episodes.iter().copied()).filter(|_| self.has_enough())
    }

    fn mean_return(&self) -> Option<f64> {
        let sum: f64 = self.episodes.iter().map(|episode| f64::from(episode.reward)).sum();
        self.has_enough().then(|| sum / self.episodes.len() as f64)
    }

    fn rating(&self) -> Option<f64> {
        self.rating.filter(|_| self.has_enough())
    }

    fn progress(&self) -> f64 {
        self.progress
    }

    fn metric(&self, name: &str) -> Option<f64> {
        (self.metric)(name).filter(|value| value.is_finite())
    }
}
