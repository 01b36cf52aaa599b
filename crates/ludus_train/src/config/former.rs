//! Keys of former versions: those without an effect are left out, others are refused with the line that replaces them.

use std::sync::Arc;

use ludus_config::{Location, Node, Value};
use ludus_spec::AgentSpec;

/// The former key of convolutions over all grids of an observation, beside `network`.
const CONVOLUTIONS: &str = "convolutions";

/// Marks the key `convolutions` in the agents' sections as reported. Returns a sentence for each that is not empty, with
/// its place.
///
/// Configs in folders of former runs have the key, as an empty list where there were no convolutions.
pub(super) fn set_convolutions_aside(tree: &Node, specs: &[Arc<AgentSpec>]) -> Vec<(Location, String)> {
    let mut refused = Vec::new();
    for spec in specs {
        let section = tree.entry("agents").and_then(|agents| agents.node.entry(&spec.name));
        let Some(entry) = section.and_then(|section| section.node.entry(CONVOLUTIONS)) else { continue };
        entry.reported.set(true);
        if entry.node.value != Value::List(Vec::new()) {
            refused.push((entry.place, replacement(&entry.node.value, spec)));
        }
    }
    refused
}

/// Returns a sentence with the line that replaces these convolutions.
fn replacement(channels: &Value, spec: &AgentSpec) -> String {
    let channels = channels_of(channels).unwrap_or_else(|| "16, 32".to_owned());
    let grids = spec.observation.iter().filter(|field| field.block.grid().is_some());
    let encoders = grids.map(|field| format!("{:?}: Convolve([{channels}])", field.name)).collect::<Vec<_>>();
    if encoders.is_empty() {
        return format!("`convolutions` need a grid, and `{}` observes none; leave them out", spec.name);
    }
    format!(
        "`convolutions` are encoders in `network`; write `network: (encoders: {{{}}}, activation: Relu, shared: true)`, \
         with `hidden` as before",
        encoders.join(", ")
    )
}

fn channels_of(value: &Value) -> Option<String> {
    let Value::List(items) = value else { return None };
    let channels = items.iter().map(|item| match item.value {
        Value::Integer(channels) => Some(channels.to_string()),
        _ => None,
    });
    Some(channels.collect::<Option<Vec<_>>>()?.join(", "))
}

#[cfg(test)]
mod tests {
    use ludus_config::parse;
    use ludus_spec::{Block, GridShape, ObservationField, ObservationKind};

    use super::*;
    use crate::config::RunConfig;

    fn spec(name: &str, grids: &[&str]) -> Arc<AgentSpec> {
        let field = |&name: &&str| ObservationField {
            name: name.to_owned(),
            doc: String::new(),
            block: Block::Grid(GridShape { height: 3, width: 4, channels: 1 }),
            range: None,
            kind: ObservationKind::Number,
            is_critic: false,
        };
        let observation = grids.iter().map(field).collect();
        Arc::new(AgentSpec { name: name.to_owned(), observation, ..AgentSpec::default() })
    }

    fn refused(convolutions: &str, grids: &[&str]) -> Vec<(Location, String)> {
        let text = format!("(agents: {{\"Rover\": (\nreward: {{}},\nconvolutions: {convolutions},\n)}})");
        let specs = [spec("Rover", grids)];
        let tree = parse(&text).unwrap();
        let refused = set_convolutions_aside(&tree, &specs);
        if refused.is_empty() {
            assert_eq!(RunConfig::from_ron(&text, &specs), Ok(RunConfig::for_agents(&specs)));
        }
        refused
    }

    #[test]
    fn an_empty_list_is_left_out() {
        assert_eq!(refused("[]", &[]), []);
        assert_eq!(refused("[]", &["board"]), []);
    }

    #[test]
    fn convolutions_are_refused_with_the_line_that_replaces_them() {
        let check = |convolutions, grids: &[&str], expected: &str| {
            let problems = refused(convolutions, grids);
            assert_eq!(problems.len(), 1);
            assert_eq!(problems[0].0, Location::Line(3));
            assert!(problems[0].1.contains(expected), "{}", problems[0].1);
        };
        let one = "write `network: (encoders: {\"board\": Convolve([8, 16])}, activation: Relu, shared: true)`";
        check("[8, 16]", &["board"], one);
        check("[8]", &["board", "eyes.map"], "{\"board\": Convolve([8]), \"eyes.map\": Convolve([8])}");
        check("8", &["board"], "Convolve([16, 32])");
        check("[8]", &[], "`convolutions` need a grid, and `Rover` observes none; leave them out");
    }
}
