//! The values of a game's episode parameters over a run: distributions and curricula.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use ludus_spec::{Distribution, EpisodeParameter};

use super::algorithm::without_some;

/// The values of an episode parameter over a run.
///
/// In RON: `4.0`, `Uniform(0.0, 4.0)` or another [`Distribution`], or
/// `Curriculum([(value: Uniform(0.0, 1.0), until: Success(0.8)), (value: 4.0)])`.
#[derive(Clone, Debug, PartialEq)]
pub enum ParameterConfig {
    /// The same distribution throughout.
    Drawn(Distribution),
    /// One distribution after another, as the agents learn.
    Curriculum(Vec<Stage>),
}

/// A stage of a curriculum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// The distribution of the parameter in this stage.
    pub value: Distribution,
    /// The condition on which the next stage begins; the last stage has none.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "without_some")]
    pub until: Option<Criterion>,
    /// The condition on which the stage before begins again, once the numbers are below it. By default, never.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "without_some")]
    pub back: Option<Criterion>,
    /// Episodes that have to have begun and ended in the stage before its conditions are looked at. 100 by default.
    #[serde(default = "least_episodes")]
    pub episodes: u32,
    /// The kind of agents whose episodes count. By default, the only kind that learns.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "without_some")]
    pub of: Option<String>,
}

/// A condition on what agents reach in a stage of a curriculum.
///
/// `Success` and `Return` are means over the last episodes that began in the stage, in the order in which they began:
/// as many as a run's mean return is taken over. That does not favour short episodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Criterion {
    /// The part of the episodes that succeed: see [`Episode::succeed`](ludus_agent::Episode::succeed).
    Success(f32),
    /// The mean return.
    Return(f32),
    /// The rating of the newest version of a policy that plays against itself. The first version of the run has 0.
    Rating(f32),
    /// The part of the run's steps that are over.
    Progress(f32),
    /// A column of `metrics.csv`, as of the last iteration.
    Metric(String, f32),
    /// All of these hold.
    All(Vec<Self>),
    /// One of these holds.
    Any(Vec<Self>),
}

const fn least_episodes() -> u32 {
    100
}

/// A kind of agents that learns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LearningKind<'a> {
    /// Its name.
    pub name: &'a str,
    /// True if its policy plays against itself, so that it has a rating.
    pub plays_itself: bool,
}

impl ParameterConfig {
    /// Its distributions, by stage.
    pub fn distributions(&self) -> Vec<&Distribution> {
        match self {
            Self::Drawn(distribution) => vec![distribution],
            Self::Curriculum(stages) => stages.iter().map(|stage| &stage.value).collect(),
        }
    }

    /// The distribution in a stage; the last one if there are fewer stages.
    ///
    /// # Panics
    ///
    /// If there are no stages. A config that was loaded has some.
    pub fn at(&self, stage: usize) -> &Distribution {
        let stages = self.distributions();
        stages[stage.min(stages.len() - 1)]
    }

    /// The stages of a curriculum; none if there is only one distribution.
    pub fn stages(&self) -> &[Stage] {
        match self {
            Self::Drawn(_) => &[],
            Self::Curriculum(stages) => stages,
        }
    }

    /// The columns of `metrics.csv` that its conditions read.
    pub(crate) fn metrics(&self) -> Vec<&str> {
        let conditions = self.stages().iter().flat_map(|stage| stage.until.iter().chain(&stage.back));
        conditions.flat_map(Criterion::metrics).collect()
    }

    /// The problems with it, for this parameter and these kinds of agents that learn.
    pub(crate) fn problems(&self, parameter: &EpisodeParameter, learning: &[LearningKind<'_>]) -> Vec<String> {
        let mut problems = Vec::new();
        for distribution in self.distributions() {
            problems.extend(distribution_problem(distribution, parameter));
        }
        if let Self::Curriculum(stages) = self {
            if stages.is_empty() {
                problems.push("`Curriculum([])` has no stages; give at least one `(value: …)`".to_owned());
            }
            for (index, stage) in stages.iter().enumerate() {
                stage.add_problems(index, stages.len(), learning, &mut problems);
            }
        }
        problems
    }
}

/// The problem with a distribution for this parameter, if there is one.
fn distribution_problem(distribution: &Distribution, parameter: &EpisodeParameter) -> Option<String> {
    if let Some(problem) = distribution.problem() {
        return Some(problem);
    }
    let (low, high) = parameter.range?;
    let (least, greatest) = distribution.bounds()?;
    let fits = least >= low && greatest <= high;
    let name = &parameter.name;
    (!fits).then(|| format!("`{distribution}` goes beyond the range of `{name}`, which is {low} to {high}"))
}

impl Stage {
    fn add_problems(&self, index: usize, stages: usize, learning: &[LearningKind<'_>], problems: &mut Vec<String>) {
        let number = index + 1;
        let is_last = number == stages;
        if is_last && self.until.is_some() {
            problems.push(format!("stage {number} is the last, so its `until` leads nowhere; leave it out"));
        }
        if !is_last && self.until.is_none() {
            problems.push(format!(
                "stage {number} never ends; give it an `until`, such as `until: Success(0.8)`, or leave out those after it"
            ));
        }
        if index == 0 && self.back.is_some() {
            problems.push("stage 1 is the first, so its `back` leads nowhere; leave it out".to_owned());
        }
        if self.episodes == 0 {
            problems.push(format!("`episodes` of stage {number} is 0; it must be at least 1"));
        }
        let mut parts = Vec::new();
        self.until.iter().chain(&self.back).for_each(|criterion| criterion.add_parts(&mut parts));
        for part in &parts {
            problems.extend(part.problem(number));
        }
        if let Some(back) = &self.back
            && back.asks_for_progress()
        {
            problems.push(format!("`back` of stage {number} asks for progress, which never falls; leave that out"));
        }
        let is_rated = parts.iter().any(|part| matches!(part, Criterion::Rating(_)));
        let needs_kind =
            is_rated || parts.iter().any(|part| matches!(part, Criterion::Success(_) | Criterion::Return(_)));
        let names = learning.iter().map(|kind| format!("`{}`", kind.name)).collect::<Vec<_>>().join(", ");
        let of = |name: &str| learning.iter().find(|kind| kind.name == name);
        match &self.of {
            Some(name) if of(name).is_none() => {
                problems.push(format!("`of` of stage {number} is `{name}`; the kinds that learn are {names}"));
            }
            None if needs_kind && learning.len() != 1 => {
                problems
                    .push(format!("stage {number} does not say whose episodes count; add `of` with one of {names}"));
            }
            _ => {}
        }
        let kind = self.of.as_deref().map_or(learning.first(), of);
        if let Some(LearningKind { name, plays_itself: false }) = kind
            && is_rated
        {
            problems.push(format!(
                "a condition of stage {number} asks for a rating, but `{name}` does not play against itself; give it a \
                 section `self_play`, or take `Return(…)`"
            ));
        }
    }

    /// The kind of agents whose episodes count, of these kinds that learn.
    pub(crate) fn kind<'a>(&'a self, learning: &[&'a str]) -> Option<&'a str> {
        self.of.as_deref().or_else(|| learning.first().copied())
    }
}

impl Criterion {
    /// Adds the conditions that it consists of.
    fn add_parts<'a>(&'a self, parts: &mut Vec<&'a Self>) {
        match self {
            Self::All(all) | Self::Any(all) if !all.is_empty() => all.iter().for_each(|one| one.add_parts(parts)),
            one => parts.push(one),
        }
    }

    fn asks_for_progress(&self) -> bool {
        let mut parts = Vec::new();
        self.add_parts(&mut parts);
        parts.iter().any(|part| matches!(part, Self::Progress(_)))
    }

    fn problem(&self, stage: usize) -> Option<String> {
        let is_part = |value: f32| (0.0..=1.0).contains(&value);
        match self {
            Self::Success(value) if !is_part(*value) => Some(format!(
                "`Success({value})` of stage {stage} is never reached: it is a part of the episodes, 0 to 1"
            )),
            Self::Progress(value) if !is_part(*value) => Some(format!(
                "`Progress({value})` of stage {stage} is never reached: it is a part of the steps, 0 to 1"
            )),
            Self::Return(value) | Self::Rating(value) | Self::Metric(_, value) if !value.is_finite() => {
                Some(format!("a condition of stage {stage} asks for `{value}`, which is not finite"))
            }
            Self::All(_) | Self::Any(_) => {
                Some(format!("a condition of stage {stage} is an empty list; name at least one condition in it"))
            }
            _ => None,
        }
    }

    /// The columns of `metrics.csv` that it reads.
    fn metrics(&self) -> Vec<&str> {
        fn column(part: &Criterion) -> Option<&str> {
            match part {
                Criterion::Metric(name, _) => Some(name),
                _ => None,
            }
        }
        let mut parts = Vec::new();
        self.add_parts(&mut parts);
        parts.into_iter().filter_map(column).collect()
    }

    /// True if the numbers reach it. A number that is not there yet reaches nothing.
    pub(crate) fn is_met(&self, numbers: &impl StageNumbers) -> bool {
        match self {
            Self::Success(value) => numbers.success().is_some_and(|now| now >= f64::from(*value)),
            Self::Return(value) => numbers.mean_return().is_some_and(|now| now >= f64::from(*value)),
            Self::Rating(value) => numbers.rating().is_some_and(|now| now >= f64::from(*value)),
            Self::Progress(value) => numbers.progress() >= f64::from(*value),
            Self::Metric(name, value) => numbers.metric(name).is_some_and(|now| now >= f64::from(*value)),
            Self::All(all) => all.iter().all(|one| one.is_met(numbers)),
            Self::Any(all) => all.iter().any(|one| one.is_met(numbers)),
        }
    }

    /// True if the numbers are below it. A number that is not there yet is below nothing.
    pub(crate) fn is_missed(&self, numbers: &impl StageNumbers) -> bool {
        match self {
            Self::Success(value) => numbers.success().is_some_and(|now| now < f64::from(*value)),
            Self::Return(value) => numbers.mean_return().is_some_and(|now| now < f64::from(*value)),
            Self::Rating(value) => numbers.rating().is_some_and(|now| now < f64::from(*value)),
            Self::Progress(value) => numbers.progress() < f64::from(*value),
            Self::Metric(name, value) => numbers.metric(name).is_some_and(|now| now < f64::from(*value)),
            Self::All(all) => all.iter().all(|one| one.is_missed(numbers)),
            Self::Any(all) => all.iter().any(|one| one.is_missed(numbers)),
        }
    }
}

/// The numbers that the conditions of a stage are about.
pub(crate) trait StageNumbers {
    /// The part of the episodes of the stage that succeeded; `None` before there are enough of them.
    fn success(&self) -> Option<f64>;
    /// The mean return of the episodes of the stage; `None` before there are enough of them.
    fn mean_return(&self) -> Option<f64>;
    /// The rating of the newest version of the kind's policy; `None` before there is a second version.
    fn rating(&self) -> Option<f64>;
    /// The part of the run's steps that are over.
    fn progress(&self) -> f64;
    /// A column of the metrics, as of the last iteration.
    fn metric(&self, name: &str) -> Option<f64>;
}

impl Serialize for ParameterConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Drawn(distribution) => distribution.serialize(serializer),
            Self::Curriculum(stages) => WrittenCurriculum::Curriculum(stages.clone()).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ParameterConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer) {
            Ok(Written::Curriculum(WrittenCurriculum::Curriculum(stages))) => Ok(Self::Curriculum(stages)),
            Ok(Written::Drawn(distribution)) => Ok(Self::Drawn(distribution)),
            Err(error) => Err(D::Error::custom(error)),
        }
    }
}

/// The serialised form in a config.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a number, `Uniform(…, …)`, `Normal(mean: …, deviation: …)`, `Ranges([(…, …), …])`, \
                 `Choice([…])` or `Curriculum([(value: …, until: Success(…)), …, (value: …)])`, where `until` and `back` \
                 are `Success(…)`, `Return(…)`, `Rating(…)`, `Progress(…)`, `Metric(\"…\", …)`, `All([…])` or `Any([…])`"
)]
enum Written {
    Curriculum(WrittenCurriculum),
    Drawn(Distribution),
}

#[derive(Serialize, Deserialize)]
enum WrittenCurriculum {
    Curriculum(Vec<Stage>),
}
