//! The streams of rewards of a config.

use std::collections::BTreeMap;

use ludus_net::Encoder;
use ludus_spec::{AgentSpec, Seed};

use super::PpoConfig;
use crate::gail::GAIL;
use crate::streams::{RewardStream, TermRewards, source_seed};
use crate::{Curiosity, Discount, LearnError, Machine, StreamConfig};

/// The name of the stream of curiosity.
const CURIOSITY: &str = "curiosity";

/// Names of returns in the metrics, which a stream of terms can't have.
const TAKEN: [&str; 3] = [CURIOSITY, GAIL, "episodic"];

/// The index of the child of an algorithm's seed from which the first numbers of streams' sources derive.
pub(crate) const SOURCES: u64 = 2;

/// An invalid value of a stream's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamProblem {
    /// The names of the sections around the value, from those of PPO on, and its own: `streams`, `safety`, `gamma`.
    pub path: Vec<String>,
    /// A sentence that names the value and the remedy.
    pub message: String,
}

impl PpoConfig {
    /// Returns the number of values that the critic estimates: one for each stream of rewards.
    pub fn value_heads(&self) -> usize {
        1 + self.streams.len() + usize::from(self.curiosity.is_some())
    }

    /// Returns the indices of the terms of each stream of the simulation beside the first, by the order of the streams'
    /// names, for agents with this spec.
    pub fn stream_terms(&self, spec: &AgentSpec) -> Vec<Vec<usize>> {
        let index = |name: &String| spec.reward.iter().position(|term| term.name == *name);
        self.streams.values().map(|stream| stream.terms.iter().filter_map(index).collect()).collect()
    }

    /// Returns a problem for each setting of a stream that is out of range, or that names what these agents don't have.
    pub fn stream_problems(&self, spec: &AgentSpec) -> Vec<StreamProblem> {
        let of_streams = self.streams.iter().flat_map(|(name, stream)| {
            let fields = [stream.problems(), self.name_problems(name), self.term_problems(name, stream, spec)].concat();
            fields.into_iter().map(|(field, message)| problem(&["streams", name, field], message))
        });
        let of_curiosity = self.curiosity.iter().flat_map(|config| {
            let fields = [config.problems(), config.problems_for(spec)].concat();
            fields.into_iter().map(|(field, message)| problem(&[CURIOSITY, field], message))
        });
        of_streams.chain(of_curiosity).collect()
    }

    /// Makes the streams of rewards of these settings, for agents with this spec.
    ///
    /// `encoders` are those of the policy, and `seed` is that of the algorithm.
    ///
    /// # Errors
    ///
    /// [`LearnError::Config`] with every setting that is out of range, and [`LearnError::Network`] if a network is too
    /// large.
    pub fn reward_streams(
        &self,
        spec: &AgentSpec,
        encoders: &BTreeMap<String, Encoder>,
        machine: &Machine,
        seed: Seed,
    ) -> Result<Vec<RewardStream>, LearnError> {
        let problems = self.stream_problems(spec);
        if !problems.is_empty() {
            let section = |path: &[String]| if path[0] == CURIOSITY { CURIOSITY } else { "streams" };
            let problems = problems.into_iter().map(|StreamProblem { path, message }| (section(&path), message));
            return Err(LearnError::Config(problems.collect()));
        }
        let of_terms = self.streams.iter().enumerate().map(|(column, (name, stream))| RewardStream {
            name: name.clone(),
            discount: Discount { gamma: stream.gamma, lambda: self.gae_lambda },
            weight: stream.weight,
            episodic: stream.episodic,
            scaled: stream.scale_rewards,
            source: Box::new(TermRewards { column }),
        });
        let mut streams: Vec<RewardStream> = of_terms.collect();
        if let Some(config) = &self.curiosity {
            let seed = source_seed(seed.derive(SOURCES), CURIOSITY);
            streams.push(RewardStream {
                name: CURIOSITY.to_owned(),
                discount: Discount { gamma: config.gamma, lambda: self.gae_lambda },
                weight: config.weight,
                episodic: false,
                scaled: true,
                source: Box::new(Curiosity::new(config, spec, encoders, machine.clone(), seed)?),
            });
        }
        Ok(streams)
    }

    fn name_problems(&self, name: &str) -> Vec<(&'static str, String)> {
        let is_plain = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        let mut problems = Vec::new();
        if !is_plain {
            problems.push(("", format!("`{name}` is no name of a stream; use letters, digits and `_`")));
        } else if TAKEN.contains(&name) {
            problems.push(("", format!("`{name}` is the name of another return; give the stream another name")));
        }
        problems
    }

    fn term_problems(&self, name: &str, stream: &StreamConfig, spec: &AgentSpec) -> Vec<(&'static str, String)> {
        let valid = || spec.reward.iter().map(|term| format!("`{}`", term.name)).collect::<Vec<_>>().join(", ");
        if stream.terms.is_empty() {
            return vec![("terms", format!("stream `{name}` has no terms; valid: {}", valid()))];
        }
        let of_term = |term: &String| {
            let is_known = spec.reward.iter().any(|known| known.name == *term);
            let uses = self.streams.values().flat_map(|stream| &stream.terms).filter(|other| *other == term).count();
            let message = if !is_known {
                format!("unknown term `{term}`; valid: {}", valid())
            } else if uses > 1 {
                format!("term `{term}` is in {uses} streams; keep it in one")
            } else {
                return None;
            };
            Some(("terms", message))
        };
        stream.terms.iter().filter_map(of_term).collect()
    }
}

/// Makes a problem of the value at this path, whose empty names are left out.
fn problem(path: &[&str], message: String) -> StreamProblem {
    let path = path.iter().filter(|name| !name.is_empty()).map(|name| (*name).to_owned()).collect();
    StreamProblem { path, message }
}

#[cfg(test)]
mod tests {
    use ludus_spec::RewardTerm;

    use super::*;
    use crate::CuriosityConfig;

    fn spec() -> AgentSpec {
        let term = |name: &str| RewardTerm { name: name.to_owned(), doc: String::new(), is_team: false };
        AgentSpec { name: "Walker".to_owned(), reward: vec![term("speed"), term("fall")], ..AgentSpec::default() }
    }

    fn problems(config: &str) -> Vec<(String, String)> {
        let config: PpoConfig = ron::Options::default()
            .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME)
            .from_str(config)
            .unwrap();
        let problems = config.stream_problems(&spec()).into_iter();
        problems.map(|problem| (problem.path.join("."), problem.message)).collect()
    }

    #[test]
    fn settings_of_streams_that_are_wrong_are_told_with_their_path() {
        let check = |config: &str, path: &str, message: &str| {
            assert_eq!(problems(config), [(path.to_owned(), message.to_owned())], "{config}");
        };
        assert_eq!(
            problems("(streams: {\"safety\": (terms: [\"fall\"], gamma: 0.9, weight: 0.5)}, curiosity: ())"),
            []
        );
        check(
            "(streams: {\"safety\": ()})",
            "streams.safety.terms",
            "stream `safety` has no terms; valid: `speed`, `fall`",
        );
        check(
            "(streams: {\"safety\": (terms: [\"falls\"])})",
            "streams.safety.terms",
            "unknown term `falls`; valid: `speed`, `fall`",
        );
        check(
            "(streams: {\"safety\": (terms: [\"fall\"], gamma: 1.5)})",
            "streams.safety.gamma",
            "`gamma` is 1.5; it must be from 0 to 1",
        );
        check(
            "(streams: {\"a b\": (terms: [\"fall\"])})",
            "streams.a b",
            "`a b` is no name of a stream; use letters, digits and `_`",
        );
        check(
            "(streams: {\"curiosity\": (terms: [\"fall\"])})",
            "streams.curiosity",
            "`curiosity` is the name of another return; give the stream another name",
        );
        check("(curiosity: (weight: -1))", "curiosity.weight", "`weight` is -1; it must be at least 0");
        let twice = "(streams: {\"one\": (terms: [\"fall\"]), \"two\": (terms: [\"fall\"])})";
        assert_eq!(problems(twice).len(), 2);
        assert_eq!(problems(twice)[0].1, "term `fall` is in 2 streams; keep it in one");
    }

    #[test]
    fn a_critic_has_a_value_for_each_stream() {
        let stream = StreamConfig { terms: vec!["fall".to_owned()], ..StreamConfig::default() };
        let streams = BTreeMap::from([("safety".to_owned(), stream)]);
        let config = PpoConfig { streams, curiosity: Some(CuriosityConfig::default()), ..PpoConfig::default() };
        assert_eq!((config.value_heads(), PpoConfig::default().value_heads()), (3, 1));
        assert_eq!(config.stream_terms(&spec()), [[1]]);
    }
}
