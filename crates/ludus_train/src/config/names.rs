//! Names of all sections of a config, to find a field that was written in another section, or with a typing mistake.

use ludus_learn::{DqnConfig, PpoConfig, PqnConfig, SacConfig};
use ludus_libtorch::DeviceConfig;
use ludus_net::NetworkConfig;
use serde::de::DeserializeOwned;

use super::{AgentConfig, CheckpointConfig, FaultConfig, PretrainConfig, RunConfig, SelfPlayConfig, StopConfig};
use ludus_config::Location;
use ludus_config::field_names;
use ludus_config::{Mistake, valid_names};

/// Letters by which a name may differ from one that is meant: a third of them, and two at most.
const MOST_MISTYPED: usize = 2;

/// Letters at a name's start that must be the same, since they are seldom mistyped: `speed` is not `seed`.
const SURE_START: usize = 2;

/// A section of a config.
struct Section {
    /// The prefix of its fields in `--set`.
    prefix: &'static str,
    /// The place of its fields in a file, in words.
    place: &'static str,
    fields: &'static [&'static str],
}

/// The sections that `--set` reaches with a path from the top or from the agent's section, in the order of a config.
fn sections() -> [Section; 13] {
    fn section<T: DeserializeOwned>(prefix: &'static str, place: &'static str) -> Section {
        Section { prefix, place, fields: field_names::<T>() }
    }
    [
        section::<RunConfig>("", "at the top of the config"),
        section::<AgentConfig>("", "in the agent's section"),
        section::<SelfPlayConfig>("self_play.", "in `self_play`"),
        section::<NetworkConfig>("network.", "in `network`"),
        section::<PpoConfig>("ppo.", "in `ppo`"),
        section::<PqnConfig>("pqn.", "in `pqn`"),
        section::<DqnConfig>("dqn.", "in `dqn`"),
        section::<SacConfig>("sac.", "in `sac`"),
        section::<PretrainConfig>("pretrain.", "in `pretrain`"),
        section::<DeviceConfig>("device.", "in `device`"),
        section::<StopConfig>("stop.", "in `stop`"),
        section::<CheckpointConfig>("checkpoints.", "in `checkpoints`"),
        section::<FaultConfig>("faults.", "in `faults`"),
    ]
}

/// The mistake's sentence; for an unknown field, with the field of another section that is most likely meant.
pub(super) fn explained(mistake: &Mistake, place: Location) -> String {
    let Some(unknown) = &mistake.unknown else { return mistake.message.clone() };
    let guess = match (elsewhere(unknown, mistake.valid), place) {
        (Some((section, name)), Location::Flag(_)) => format!("; did you mean `{}{name}`? ", section.prefix),
        (Some((section, name)), Location::Line(_)) => format!("; did you mean `{name}` {}? ", section.place),
        (None, _) => "; ".to_owned(),
    };
    let valid = valid_names(mistake.valid);
    let is_agents = mistake.valid == field_names::<AgentConfig>();
    let top = match place {
        Location::Flag(_) if is_agents => {
            format!("; or, at the top of the config, {}", valid_names(field_names::<RunConfig>()))
        }
        _ => String::new(),
    };
    format!("unknown field `{unknown}`{guess}{valid}{top}")
}

/// The field of another section than that of `own` whose name is nearest to `unknown`, and that section.
///
/// `None` if none is near, or if one of `own` is as near.
fn elsewhere(unknown: &str, own: &[&str]) -> Option<(Section, &'static str)> {
    let nearest_of_own = own.iter().map(|name| distance(unknown, name)).min().unwrap_or(usize::MAX);
    let others = sections().into_iter().filter(|section| section.fields != own);
    let named = others.filter_map(|section| {
        let name = section.fields.iter().min_by_key(|name| distance(unknown, name))?;
        Some((distance(unknown, name), section, *name))
    });
    let (nearest, section, name) = named.min_by_key(|(distance, ..)| *distance)?;
    let is_near = nearest <= MOST_MISTYPED.min(unknown.chars().count() / 3)
        && unknown.chars().take(SURE_START).eq(name.chars().take(SURE_START));
    (is_near && nearest < nearest_of_own).then_some((section, name))
}

/// Letters to insert, leave out or replace to make one name of the other.
///
/// # Source
///
/// Wagner and Fischer 1974, doi:10.1145/321796.321811.
fn distance(one: &str, other: &str) -> usize {
    let other = other.chars().collect::<Vec<_>>();
    let mut row = (0..=other.len()).collect::<Vec<_>>();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, &target) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != target);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use ludus_spec::AgentSpec;

    use super::*;
    use crate::config::algorithm::SECTIONS;
    use ludus_config::parse;
    use ludus_config::{Node, Value};

    #[test]
    fn distances_are_counted_in_letters() {
        for (one, other, expected) in [("", "", 0), ("arena", "arenas", 1), ("gama", "gamma", 1), ("stop", "", 4)] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected, "{other} {one}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn a_name_is_searched_in_all_other_sections() {
        let of_agent = field_names::<AgentConfig>();
        let check = |unknown, own, expected: Option<&str>| {
            let found = elsewhere(unknown, own).map(|(section, name)| format!("{}{name}", section.prefix));
            assert_eq!(found.as_deref(), expected, "{unknown}");
        };
        check("arena", of_agent, Some("arenas"));
        check("arenas", of_agent, Some("arenas"));
        check("stopp", of_agent, Some("stop"));
        check("clip", of_agent, Some("ppo.clip"));
        check("learning_rat", of_agent, Some("ppo.learning_rate"));
        check("mean_return", of_agent, Some("stop.mean_return"));
        check("episode_limit", field_names::<RunConfig>(), Some("episode_limit"));
        check("episode_limt", of_agent, None);
        check("speed", of_agent, None);
        check("x", of_agent, None);
    }

    /// Every struct of the default config, whose own fields are named, is one of [`sections`].
    #[test]
    fn no_section_is_missing() {
        let teams = vec!["North".to_owned(), "South".to_owned()];
        let spec = AgentSpec { name: "Plate".to_owned(), teams, ..AgentSpec::default() };
        let known = sections();
        let mut found = 0;
        let mut to_visit = vec![parse(&RunConfig::for_agents(&[spec.into()]).to_ron()).unwrap()];
        while let Some(Node { value, .. }) = to_visit.pop() {
            let entries = match value {
                Value::Struct { entries, .. } => {
                    let keys = entries.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>();
                    // A section of an agent has one algorithm; these are written only where they are not the default.
                    let is_left_out =
                        |field: &str| SECTIONS.contains(&field) || ["squashed", "critic", "baseline"].contains(&field);
                    let is_there = |field: &&&str| keys.contains(field) || !is_left_out(field);
                    let is_known = |section: &Section| section.fields.iter().filter(is_there).eq(&keys);
                    assert!(known.iter().any(is_known), "{keys:?}");
                    found += 1;
                    entries
                }
                Value::Map(entries) => entries,
                _ => continue,
            };
            to_visit.extend(entries.into_iter().map(|entry| entry.node));
        }
        // A section has one algorithm, PPO by default, and nothing to learn from before.
        let left_out = SECTIONS.len() - 1 + ["pretrain"].len();
        assert_eq!(found + left_out, known.len());
    }
}
