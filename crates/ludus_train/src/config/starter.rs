//! The starter config of a game: every field with its default and an explanation, and weights to be filled in.

use std::fmt::Write;
use std::sync::Arc;

use ludus_spec::AgentSpec;

use super::RunConfig;
use ludus_config::parse;
use ludus_config::{Entry, Location, Node, Value};

/// The placeholder of a weight, which only the user knows.
const FILL_IN: &str = "FILL_IN";

/// Most columns of a line of a starter config's comments.
const WIDTH: usize = 110;

/// The explanation of each field: its path as in `--set`, then its effect, its range and its usual values.
const FIELDS: &[(&str, &str)] = &[
    ("seed", "The root of all random numbers: the same seed gives the same policy, bit for bit. Any whole number."),
    (
        "worlds",
        "Copies of the game's app. More use more cores and more memory. At least 1; `Auto` is 8. Usually as many as there \
         are cores, or a few times more; the policy depends on it, and not on the machine.",
    ),
    (
        "arenas",
        "Playing fields in each world. More learn from more agents at once, and cost less than more worlds. At least 1, \
         usually 8 to 512; 1 for a game that can't be copied inside a world.",
    ),
    (
        "decision_interval",
        "Ticks per step. More let a decision last longer, which is faster and easier to learn, and coarser. From 1 to \
         65,536, usually so that there are 5 to 20 steps a second; a tick is 1/64 s unless the game says otherwise.",
    ),
    ("agents", "A section per kind of agent, by its type's name."),
    (
        "parameters",
        "Values of the game's episode parameters, such as `\"Course.wall_height\": 4.0`, `Uniform(0.0, 4.0)` or \
         `Curriculum([(value: 1.0, until: Success(0.8)), (value: 4.0)])`. Those that are not named stay at their defaults.",
    ),
    (
        "policy",
        "Source of its policy. `Learned`, which is usual: one of its own; or `SameAs(\"Kind\")`, which learns one \
         together with another kind, `Frozen(\"policy.safetensors\")`, which stays as it is, or `External`: the game \
         decides.",
    ),
    (
        "agents.decision_interval",
        "Ticks per step of this kind, where it decides less often than others. A multiple of the smallest interval; with \
         `None`, which is usual, as above.",
    ),
    (
        "episode_limit",
        "Steps after which an episode is truncated. Fewer bring more starts, more let an episode go further. At least 1, \
         usually 100 to 1,000; with `None` the game alone ends episodes.",
    ),
    (
        "stagger",
        "If true, the limit cuts the first episode of each agent at a point of its own, so that not all restart in the \
         same step for ever. `true` or `false`, usually `true`.",
    ),
    (
        "rows",
        "Agents per world that learn. For games that spawn agents while they run: the most there are at a time. At least \
         1; with `None` as many as the game has when it starts.",
    ),
    (
        "observation_noise",
        "Standard deviation of normally distributed noise on fields of the observation, such as `{ \"speed\": 0.1 }`, in \
         their units. More makes a policy bear less exact sensors, and learn more slowly. Only in training; at least 0, \
         usually none.",
    ),
    (
        "action_delay",
        "Decisions by which actions take effect later. Only in training; from 0, which is usual, to 1000.",
    ),
    (
        "self_play",
        "Opponents from earlier in the run. Without it, the newest policy plays all sides, and may forget how to beat what \
         it once could.",
    ),
    (
        "self_play.against_latest",
        "The part of the matches in which the newest policy plays all sides. More learn from all agents of a match, fewer \
         keep what beat earlier versions. From 0 to 1, usually 0.5.",
    ),
    (
        "self_play.scripted",
        "The part of the other matches in which the game's own script plays the other sides. From 0, which is usual, to 1.",
    ),
    (
        "self_play.versions",
        "If true, earlier versions of the policy are opponents; else only fixed ones and the script. `true` or `false`, \
         usually `true`.",
    ),
    (
        "self_play.concurrent",
        "Opponents that play at the same time in different arenas. More are more varied and a little slower. From 1 to 64, \
         usually 4.",
    ),
    (
        "self_play.snapshot_every",
        "Steps from one version to the next. At least 1, usually 100,000 to a million: a run should have some 20.",
    ),
    ("self_play.snapshots", "Versions that are kept, spread over the run. At least 2, usually 10 to 50."),
    (
        "self_play.sampling",
        "The choice of opponents: `Uniform`, which is usual; `Hard(2.0)`, which prefers those that are hard to beat; or \
         `Even`, which prefers those that are as good.",
    ),
    (
        "self_play.floor",
        "The part of the choices that all opponents share equally, whatever `sampling` says. From 0 to 1, usually 0.1.",
    ),
    (
        "self_play.fixed",
        "Opponents from policy files or runs' folders, such as `[\"policies/old.safetensors\"]`, which are never dropped. \
         They are yardsticks too: the metrics have the score against each. Usually none.",
    ),
    (
        "reward",
        "The weight of each term, which is multiplied with what the game writes and added up, tick by tick. Above 0 for \
         what is good, below 0 for what costs, 0 for what is only to be logged. Returns between -100 and 100 are learned \
         from best.",
    ),
    ("network", "The actor's and the critic's network."),
    (
        "network.encoders",
        "Layers in front of the hidden layers, each for a field of the observation. `{ \"board\": Convolve([16, 32]) }` \
         convolves a grid; more channels find larger and finer patterns, and are slower; usually two to four of 16 to 64. \
         `Pool(32)` reads the elements of a set one by one, which is fast; `Attend(width: 32, heads: 2)` also compares \
         them with each other. `Stack(4)` reads the last four steps of a field of values. Usually none, unless there are \
         grids or sets.",
    ),
    (
        "network.observe_last_action",
        "If true, the last action is an input too; zero where an episode starts. For agents that can't see what they did, \
         usually with a memory. `true` or `false`, usually `false`.",
    ),
    (
        "network.hidden",
        "Width of each hidden layer. Wider and more layers can do more, and are slower. Each at least 1, usually \
         `[64, 64]`; `[]` makes the policy linear.",
    ),
    ("network.activation", "Function of the hidden units. `Tanh`, which is usual, or `Relu`, a little faster."),
    (
        "network.layer_norm",
        "If true, the sums of every hidden layer are normalised before its activation, with a learned gain and bias of \
         each unit: training is steadier with large or changing inputs, and a step takes longer. `true` or `false`, usually \
         `false` with `ppo`.",
    ),
    (
        "network.shared",
        "If true, actor and critic share their hidden layers, which halves the time and may disturb learning. `true` \
         or `false`, usually `false`.",
    ),
    (
        "network.memory",
        "What agents remember of their episode: a count of numbers between hidden layers and heads. `MinGru(64)` is fast, \
         `Gru(64)` can tell the order in which things were seen. Whole rows of a rollout are learned from, so \
         `ppo.rollout_steps` should be as long as what is to be remembered. Width at least 1, usually 32 to 128; `None` \
         for agents that see all they need.",
    ),
    (
        "ppo",
        "Proximal policy optimisation, which trains the policy. In its place there may be `pqn: (…)`, Q-learning with many \
         agents, `dqn: (…)`, Q-learning from a replay, or `sac: (…)`, soft actor-critic.",
    ),
    (
        "ppo.rollout_steps",
        "Steps that every agent plays between two updates. More see further and are less noisy, fewer learn more often. \
         At least 1, usually 16 to 64 with hundreds of agents, 128 to 2,048 with a handful.",
    ),
    (
        "ppo.epochs",
        "Passes of an update through the rollout. More get more out of it, until the policy leaves the data behind. \
         At least 1, usually 1 to 10.",
    ),
    (
        "ppo.minibatch",
        "Samples per gradient step. Larger ones are less noisy and need larger steps. At least 1, usually 64 to 8,192, \
         and a quarter to all of a rollout.",
    ),
    (
        "ppo.learning_rate",
        "Adam's step size. Larger learns faster until it no longer learns. At least 0, usually 1e-4 to 1e-2, and often \
         `Linear(from: 1e-3, to: 0.0)` over the run, `Cosine(…)`, or `Adaptive(kl: 0.01)`.",
    ),
    (
        "ppo.gamma",
        "Discount: the worth of a reward one step later. Closer to 1 looks further: about 1 / (1 - gamma) steps. From 0 \
         to 1, usually 0.95 to 0.999.",
    ),
    (
        "ppo.gae_lambda",
        "Trace decay of the advantages: with 0 they trust the critic's estimates wholly, with 1 not at all. From 0 to 1, \
         usually 0.9 to 0.98.",
    ),
    (
        "ppo.clip",
        "Distance that the new policy may move from the old one before its gain is ignored. Smaller is steadier and \
         slower. Above 0 and below 1, usually 0.1 to 0.3; also `Linear(…)`.",
    ),
    (
        "ppo.value_clip",
        "Distance that the critic may move from its old estimate in an update. Smaller is slower, and seldom better. \
         Above 0, usually `None`.",
    ),
    (
        "ppo.entropy",
        "Weight of the entropy, per nat. More keeps the policy from settling too early; too much keeps it from settling \
         at all. At least 0, usually 0 to 0.02; also `Linear(…)`.",
    ),
    (
        "ppo.value_coefficient",
        "Weight of the critic's loss beside the policy's; it matters most where they share layers. At least 0, usually \
         0.5 to 1.",
    ),
    (
        "ppo.max_grad_norm",
        "The longest gradient; a longer one is shortened to it. Smaller is steadier and slower. Above 0, usually 0.5.",
    ),
    (
        "ppo.target_kl",
        "Ends an update once the policy has moved so many nats from the old one. Smaller is steadier and slower. Above 0, \
         usually `None`, or 0.01 to 0.05.",
    ),
    (
        "ppo.normalize_advantages",
        "If true, the advantages of each minibatch are brought to mean 0 and deviation 1, so that the step size does not \
         depend on the rewards' scale. `true` or `false`, usually `true`.",
    ),
    (
        "ppo.normalize_observations",
        "If true, observations are brought to mean 0 and deviation 1 by their running statistics. If false, the game \
         scales them to about -1 to 1 itself. `true` or `false`, usually `true`.",
    ),
    (
        "ppo.scale_rewards",
        "If true, rewards are divided by the running deviation of the discounted return: for rewards far from 1. \
         `true` or `false`, usually `false`.",
    ),
    (
        "ppo.normalize_values",
        "If true, the critic's targets are brought to mean 0 and deviation 1 by their running statistics: for returns of \
         any size, and for critics of teams. `true` or `false`, usually `false`.",
    ),
    (
        "ppo.streams",
        "Terms of the reward that are learned with a discount of their own, by a name for them: \
         `{ \"safety\": (terms: [\"fall\"], gamma: 0.9, weight: 0.5) }` for what matters at once. The critic estimates \
         each stream by itself. Usually `{}`.",
    ),
    (
        "ppo.curiosity",
        "Rewards for what is new to the agents, for games whose own rewards are rare: `(fields: [\"position\"], weight: \
         Linear(from: 1.0, to: 0.0))`. More weight explores more and plays worse. `None` for games whose rewards say which \
         way to go.",
    ),
    ("device", "Use of the device by the learners on libtorch. Those in plain Rust ignore it."),
    (
        "device.splits",
        "Parts that the worlds are split into: one steps while the actions of another are computed. At least 1, usually \
         1; 2 where worlds take about as long as the device.",
    ),
    (
        "device.tf32",
        "If true, a GPU's matrix products round to 10 bits: faster on large networks, less exact. `true` or `false`, \
         usually `false`.",
    ),
    (
        "device.bf16",
        "If true, the network computes with 8 bits of precision: faster with thousands of units, and noisier. `true` \
         or `false`, usually `false`.",
    ),
    (
        "device.graphs",
        "If true, a GPU repeats recorded steps (CUDA graphs): faster. `true` or `false`, usually `true`.",
    ),
    (
        "initialize_from",
        "Policy that learning starts from: a run's folder, its name, `latest`, or a policy file, in quotes. With `None`, \
         which is usual, from nothing.",
    ),
    (
        "pretrain",
        "Demonstrations that the policy learns from before the first step, and beside rewards: `(demonstrations: \
         [\"assets/demonstrations/play.demonstrations\"], epochs: 300, critic_warm_up: 10, weight: Linear(from: 0.5, to: \
         0.0))`. More weight stays closer to what was shown. A policy can be a teacher: `(teacher: (policy: \
         \"policy.safetensors\"))`. `None`, unless there are demonstrations or a teacher.",
    ),
    ("stop", "Conditions that end the run, as soon as one of them holds."),
    ("stop.steps", "Steps of all agents together. At least 1, usually 1e5 to 1e9."),
    (
        "stop.mean_return",
        "Mean return that is good enough, over the last 100 to 1000 episodes: as many as there are agents. Higher trains \
         longer. Any number, or `None`; with several kinds of agents `{ \"Kind\": … }`, and all must be reached.",
    ),
    (
        "stop.success",
        "Part of the episodes that succeed, over the same episodes, which is good enough. For games that call \
         `Episode::succeed`. From 0 to 1, or `None`.",
    ),
    (
        "stop.seconds",
        "Seconds of training. Above 0, usually `None`: it depends on the machine, so that the same seed may learn more or \
         less.",
    ),
    ("checkpoints", "Intervals between checkpoints. The run saves one as soon as an interval is over, and at its end."),
    ("checkpoints.every", "Steps between two checkpoints. At least 1, usually 1e5 to 1e7."),
    (
        "checkpoints.every_seconds",
        "Seconds between two checkpoints: the most that a run loses if it is killed. Above 0, usually 300; or `None`.",
    ),
    ("checkpoints.keep", "Newest checkpoints to keep, besides the best. At least 1, usually 3."),
    (
        "checkpoints.evaluation_episodes",
        "Episodes of each checkpoint's most probable actions, whose mean return decides which one is the best. At least \
         0, which takes the mean return of training; usually 20 to 100 with `dqn`, `pqn` and `sac`.",
    ),
    ("faults", "Reactions of the run to panics and to numbers that are not finite."),
    (
        "faults.panics",
        "Panics of the game within `panic_steps` steps that the run survives. More costs a world's time to build each. \
         At least 0, usually 100.",
    ),
    ("faults.panic_steps", "Steps within which `panics` are counted. At least 1, usually 1e6."),
    (
        "faults.bad_steps",
        "Reaction to a step whose observation or reward is not finite: `Skip` leaves it out, which is usual, `Stop` \
         ends the run.",
    ),
    (
        "faults.bad_updates",
        "Reaction to an update that is not finite: `Stop` ends the run, which is usual, `Skip` undoes it and goes on.",
    ),
];

/// The starter config for a game with these kinds of agents, as text: all fields with their defaults, each with an
/// explanation as a comment.
///
/// The weights of the reward are to be filled in: until then, loading it is refused with a sentence for each of them.
pub fn starter_config(specs: &[Arc<AgentSpec>]) -> String {
    let defaults = parse(&RunConfig::for_agents(specs).to_ron()).expect("what RON wrote is RON");
    let mut text = String::from(
        "// Fill in the weights of `reward`; all else are defaults, to be changed or left out.\n\
         // `--set ppo.clip=0.1` changes a field for one run.\n",
    );
    Writer { specs, agent: None, text: &mut text }.section(&defaults, "", 0);
    text.push('\n');
    text
}

/// Marks the entries that are still to be filled in as reported. Returns a sentence for each, with its place.
pub(super) fn set_unfilled_aside(tree: &Node) -> Vec<(Location, String)> {
    let mut unfilled = Vec::new();
    for entry in tree.entries().unwrap_or_default() {
        if entry.node.value == Value::Name(FILL_IN.to_owned()) {
            entry.reported.set(true);
            let key = &entry.key;
            let sentence = format!(
                "`{key}` is to be filled in: replace `{FILL_IN}` by its weight, above 0 for what is good, below 0 for what \
                 costs"
            );
            unfilled.push((entry.place, sentence));
        } else {
            unfilled.extend(set_unfilled_aside(&entry.node));
        }
    }
    unfilled
}

struct Writer<'a> {
    specs: &'a [Arc<AgentSpec>],
    /// The agent whose section is written.
    agent: Option<&'a AgentSpec>,
    text: &'a mut String,
}

impl<'a> Writer<'a> {
    /// Writes a section whose fields have paths that start with `prefix`.
    fn section(&mut self, section: &Node, prefix: &str, depth: usize) {
        let is_map = matches!(section.value, Value::Map(_));
        self.text.push(if is_map { '{' } else { '(' });
        self.text.push('\n');
        for entry in section.entries().unwrap_or_default() {
            self.entry(entry, prefix, depth + 1, is_map);
        }
        indent(self.text, depth);
        self.text.push(if is_map { '}' } else { ')' });
    }

    fn entry(&mut self, entry: &Entry, prefix: &str, depth: usize, is_in_map: bool) {
        let path = format!("{prefix}{}", entry.key);
        let terms = self.agent.map_or(&[][..], |agent| &agent.reward);
        let term = terms.iter().find(|term| prefix == "reward." && term.name == entry.key);
        // One field of an agent's section has the name of a field at the top.
        let of_agent = format!("agents.{path}");
        let names = if self.agent.is_some() && prefix.is_empty() { [&of_agent, &path] } else { [&path, &path] };
        let field = names.iter().find_map(|name| FIELDS.iter().find(|(field, _)| field == name));
        let doc = match term {
            Some(term) => term.doc.trim(),
            None => field.map_or("", |(_, doc)| doc),
        };
        comment(self.text, doc, depth);
        indent(self.text, depth);
        let _ = if is_in_map { write!(self.text, "{:?}: ", entry.key) } else { write!(self.text, "{}: ", entry.key) };
        match (&entry.node.value, term) {
            (_, Some(_)) => self.text.push_str(FILL_IN),
            (Value::Struct { .. } | Value::Map(_), None) => {
                // Paths of an agent's fields do not begin with its name.
                let is_agent = prefix == "agents.";
                let inside = if is_agent { String::new() } else { format!("{path}.") };
                if is_agent {
                    let specs: &'a [Arc<AgentSpec>] = self.specs;
                    self.agent = specs.iter().find(|spec| spec.name == entry.key).map(|spec| &**spec);
                }
                self.section(&entry.node, &inside, depth);
                if is_agent {
                    self.agent = None;
                }
            }
            (value, None) => value_text(self.text, value),
        }
        self.text.push_str(",\n");
    }
}

/// Writes a value that is not a section.
fn value_text(text: &mut String, value: &Value) {
    match value {
        Value::List(items) => list_text(text, ['[', ']'], items),
        Value::Tuple { name: Some(name), items } if name == "Some" && items.len() == 1 => {
            value_text(text, &items[0].value);
        }
        Value::Tuple { items, .. } => list_text(text, ['(', ')'], items),
        Value::Bool(value) => text.push_str(&value.to_string()),
        Value::Integer(value) => text.push_str(&grouped(*value)),
        Value::Float(value) => text.push_str(&format!("{value:?}")),
        Value::Text(value) => text.push_str(&format!("{value:?}")),
        Value::Name(name) => text.push_str(name),
        Value::Unit | Value::Map(_) | Value::Struct { .. } => text.push_str("()"),
    }
}

fn list_text(text: &mut String, [open, close]: [char; 2], items: &[Node]) {
    text.push(open);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        value_text(text, &item.value);
    }
    text.push(close);
}

/// A whole number with an underscore before each three digits, from five digits on.
fn grouped(value: i128) -> String {
    let digits = value.to_string();
    if digits.len() < 5 || value < 0 {
        return digits;
    }
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

fn indent(text: &mut String, depth: usize) {
    text.extend(std::iter::repeat_n("    ", depth));
}

/// Writes a comment in lines of [`WIDTH`] columns; nothing if `doc` is empty.
fn comment(text: &mut String, doc: &str, depth: usize) {
    let mut column = 0;
    for word in doc.split_whitespace() {
        let length = word.chars().count();
        if column == 0 || column + 1 + length > WIDTH {
            if column > 0 {
                text.push('\n');
            }
            indent(text, depth);
            text.push_str("//");
            column = 4 * depth + 2;
        }
        text.push(' ');
        text.push_str(word);
        column += 1 + length;
    }
    if column > 0 {
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ludus_spec::RewardTerm;

    use super::super::ConfigSource;
    use super::*;

    fn plate() -> AgentSpec {
        let term = |name: &str, doc: &str| RewardTerm { name: name.to_owned(), doc: doc.to_owned(), is_team: false };
        let reward = vec![term("balanced", " 1 for every tick on the plate."), term("dropped", "")];
        let teams = vec!["North".to_owned(), "South".to_owned()];
        AgentSpec { name: "Plate".to_owned(), reward, teams, ..AgentSpec::default() }
    }

    fn plates() -> Vec<Arc<AgentSpec>> {
        vec![Arc::new(plate())]
    }

    fn load(text: &str, sets: &[&str]) -> Result<RunConfig, Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plate.ron");
        std::fs::write(&file, text).unwrap();
        let sets = sets.iter().map(|&set| set.to_owned()).collect();
        let source = ConfigSource { file: Some(file.clone()), sets, ..ConfigSource::default() };
        RunConfig::load(&source, &plates()).map_err(|error| {
            let messages = error.problems().iter().map(|problem| problem.message.clone());
            messages.collect()
        })
    }

    #[test]
    fn a_starter_config_is_refused_until_its_weights_are_filled_in() {
        let text = starter_config(&plates());
        let sentence = |term: &str| {
            format!(
                "`{term}` is to be filled in: replace `FILL_IN` by its weight, above 0 for what is good, below 0 for what \
                 costs"
            )
        };
        assert_eq!(load(&text, &[]), Err(vec![sentence("balanced"), sentence("dropped")]));
        assert_eq!(load(&text, &["reward.balanced=2"]), Err(vec![sentence("dropped")]));
        let defaults = RunConfig::for_agents(&plates());
        assert_eq!(load(&text.replace(FILL_IN, "1.0"), &[]), Ok(defaults.clone()), "it has the defaults:\n{text}");
        assert_eq!(load(&text, &["reward={\"balanced\": 1, \"dropped\": 1}"]), Ok(defaults));
    }

    #[test]
    fn a_starter_config_says_what_every_field_and_term_does() {
        let text = starter_config(&plates());
        assert!(text.contains("// 1 for every tick on the plate.\n                \"balanced\": FILL_IN,\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        let lines = text.lines().collect::<Vec<_>>();
        for (index, line) in lines.iter().enumerate() {
            let is_field = line.contains(": ") && !line.contains("//") && !line.contains('"');
            assert!(!is_field || lines[index - 1].contains("// "), "no comment before `{line}`");
        }
    }

    /// Every field that is explained is in a config.
    #[test]
    fn no_field_is_explained_that_a_config_has_not() {
        fn paths(node: &Node, prefix: &str, found: &mut BTreeSet<String>) {
            for entry in node.entries().unwrap_or_default() {
                let path = format!("{prefix}{}", entry.key);
                let inside = if prefix == "agents." { String::new() } else { format!("{path}.") };
                if prefix != "agents." && prefix != "reward." {
                    // One field of an agent's section has the name of a field at the top.
                    let is_second = prefix.is_empty() && found.contains(&path);
                    found.insert(if is_second { format!("agents.{path}") } else { path });
                }
                paths(&entry.node, &inside, found);
            }
        }
        let mut found = BTreeSet::new();
        paths(&parse(&RunConfig::for_agents(&plates()).to_ron()).unwrap(), "", &mut found);
        assert_eq!(FIELDS.iter().map(|(path, _)| (*path).to_owned()).collect::<BTreeSet<_>>(), found);
        assert_eq!(FIELDS.len(), found.len(), "none is explained twice");
    }

    #[test]
    fn whole_numbers_are_grouped() {
        assert_eq!([0, 2048, 10_000, 1_000_000].map(grouped), ["0", "2048", "10_000", "1_000_000"]);
    }
}
