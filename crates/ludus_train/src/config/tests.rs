//! Configs of a tiny game, valid and not valid.

use ludus_spec::{AgentSpec, RewardTerm};

use super::*;

fn plate() -> AgentSpec {
    let term = |name: &str| RewardTerm { name: name.to_owned(), doc: String::new(), is_team: false };
    AgentSpec { name: "Plate".to_owned(), reward: vec![term("balanced"), term("dropped")], ..AgentSpec::default() }
}

fn plates() -> Vec<Arc<AgentSpec>> {
    vec![Arc::new(plate())]
}

fn load(text: &str, sets: &[&str]) -> Result<RunConfig, Vec<String>> {
    load_for(&plates(), text, sets)
}

fn load_for(specs: &[Arc<AgentSpec>], text: &str, sets: &[&str]) -> Result<RunConfig, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("balance.ron");
    std::fs::write(&file, text).unwrap();
    let sets = sets.iter().map(|&set| set.to_owned()).collect();
    RunConfig::load(&ConfigSource { file: Some(file.clone()), sets, ..ConfigSource::default() }, specs).map_err(
        |error| {
            let lines = error.to_string().replace(&file.display().to_string(), "balance.ron");
            lines.lines().map(str::to_owned).collect()
        },
    )
}

fn check(text: &str, sets: &[&str], expected: &[&str]) {
    assert_eq!(load(text, sets).unwrap_err(), expected, "{text} {sets:?}");
}

/// A valid config, with `insert` as line 4 of the file and `inside` as line 8, in the section of ppo.
fn with(insert: &str, inside: &str) -> String {
    format!(
        r#"(
    worlds: 2,
    arenas: 64,
    {insert}
    agents: {{
        "Plate": (
            reward: {{ "balanced": 0.1, "dropped": -1.0 }},
            ppo: ({inside}),
        ),
    }},
)"#
    )
}

const EMPTY: &str = "";

#[test]
fn the_designs_config_is_valid() {
    let text = r#"(
    seed: 1,
    worlds: Auto,                  // 8 on any machine: never a matter of --threads
    arenas: 64,
    decision_interval: 5,          // ticks per step
    agents: {
        "Plate": (
            episode_limit: 1000,   // steps, then truncation
            reward: { "balanced": 0.1, "dropped": -1.0 },
            network: (hidden: [64, 64], activation: Tanh, shared: false),
            ppo: (
                rollout_steps: 32, epochs: 3, minibatch: 2048, learning_rate: Linear(from: 3e-4, to: 0.0),
                gamma: 0.99, gae_lambda: 0.95, clip: 0.2, entropy: 0.0, max_grad_norm: 0.5,
            ),
        ),
    },
    stop: (steps: 2_000_000, mean_return: Some(99.0)),
)"#;
    let config = load(text, &[]).unwrap();
    assert_eq!(config.worlds, WorldCount::Auto);
    assert_eq!(config.decision_interval.get(), 5);
    assert_eq!(config.stop.goal("Plate"), Some(99.0));
    let agent = config.agent(&plate());
    assert_eq!(agent.weights(&plate()), [0.1, -1.0]);
    assert_eq!(agent.episode_limit.map(NonZeroU32::get), Some(1000));
    assert_eq!([0.0, 1.0].map(|part| agent.algorithm().learning_rate().at(part)), [3e-4, 0.0]);
}

#[test]
fn what_a_run_writes_it_can_read() {
    let config =
        load(&with("seed: 7,", "clip: 0.1, learning_rate: Linear(from: 1, to: 0), target_kl: 0.02"), &[]).unwrap();
    let resolved = config.resolved();
    assert_eq!(load(&resolved.to_ron(), &[]).unwrap(), resolved);
    assert_eq!(resolved.worlds.resolve().get(), 2);
    assert_eq!(
        RunConfig::default().resolved().worlds,
        WorldCount::Exactly(NonZeroU32::new(8).unwrap()),
        "on any machine"
    );
}

#[test]
fn without_a_file_all_terms_weigh_one() {
    let config = RunConfig::load(&ConfigSource::default(), &plates()).unwrap();
    assert_eq!(config, RunConfig::for_agents(&plates()));
    assert_eq!(config.agent(&plate()).weights(&plate()), [1.0, 1.0]);
}

#[test]
fn unknown_fields_are_named_with_the_valid_ones() {
    check(
        &with("arena: 3,", "gama: 0.9"),
        &[],
        &[
            "balance.ron:4: unknown field `arena`; valid: `seed`, `worlds`, `arenas`, `decision_interval`, `agents`, \
             `parameters`, `stop`, `checkpoints`, `faults`",
            "balance.ron:8: unknown field `gama`; valid: `rollout_steps`, `epochs`, `minibatch`, `learning_rate`, \
             `gamma`, `gae_lambda`, `clip`, `value_clip`, `entropy`, `value_coefficient`, `max_grad_norm`, \
             `target_kl`, `normalize_advantages`, `normalize_observations`, `scale_rewards`, `normalize_values`, \
             `streams`, `curiosity`",
        ],
    );
}

#[test]
fn values_of_a_wrong_type_are_named() {
    check(
        &with("decision_interval: 0, stop: (steps: \"many\"),", "gamma: [1], learning_rate: Fast"),
        &[],
        &[
            "balance.ron:4: `decision_interval`: expected a whole number from 1 to 4294967295, found `0`",
            "balance.ron:4: `steps`: expected a whole number from 1, found `many`",
            "balance.ron:8: `gamma`: expected a number, found a list",
            "balance.ron:8: `learning_rate`: expected a number, `Linear(from: …, to: …)`, `Cosine(from: …, to: …)` or \
             `Adaptive(kl: …)`",
        ],
    );
    check("3", &[], &["balance.ron:1: expected a section `(…)`, found `3`"]);
    check(
        &with("seed: -1,", EMPTY).replace("worlds: 2", "worlds: Many"),
        &[],
        &[
            "balance.ron:2: `worlds`: expected `Auto` or a number from 1, found `Many`",
            "balance.ron:4: `seed`: expected a whole number from 0, found `-1`",
        ],
    );
}

#[test]
fn values_out_of_range_are_named() {
    check(
        &with("stop: (mean_return: NaN, seconds: -1.0),", "gamma: 1.5, epochs: 0"),
        &[],
        &[
            "balance.ron:4: `mean_return` is NaN; it must be finite",
            "balance.ron:4: `seconds` is -1; it must be above 0",
            "balance.ron:8: `epochs` is 0; it must be at least 1",
            "balance.ron:8: `gamma` is 1.5; it must be from 0 to 1",
        ],
    );
    let crowded = with(EMPTY, EMPTY).replace("arenas: 64", "arenas: 1_000_000_000");
    check(&crowded, &[], &["balance.ron:3: 2000000000 arenas in all; there may be 16777216 at most"]);
    check(
        &with(EMPTY, EMPTY),
        &["worlds=1", "arenas=1", "rows=20_000_000", "ppo.rollout_steps=1_000_000", "decision_interval=65_537"],
        &[
            "--set rows=20_000_000: 20000000 rows in all; there may be 16777216 at most",
            "--set ppo.rollout_steps=1_000_000: a rollout of 20000000000000 samples; there may be 268435456 at most",
            "--set decision_interval=65_537: `decision_interval` is 65537; it must be at most 65536",
        ],
    );
}

#[test]
fn every_term_needs_a_weight_and_only_terms_have_one() {
    check(
        &with(EMPTY, EMPTY).replace("\"dropped\": -1.0", "\"droped\": -1.0"),
        &[],
        &[
            "balance.ron:7: unknown term `droped`; valid: `balanced`, `dropped`",
            "balance.ron:7: no weight for term `dropped`; every term needs one: valid: `balanced`, `dropped`",
        ],
    );
    check(
        &with(EMPTY, EMPTY).replace("0.1", "inf"),
        &[],
        &["balance.ron:7: the weight of `balanced` is inf; it must be finite"],
    );
    check(
        &with(EMPTY, EMPTY).replace("0.1", "much"),
        &[],
        &["balance.ron:7: `balanced`: expected a number, found `much`"],
    );
}

#[test]
fn every_section_must_be_of_an_agent_that_the_game_has() {
    check(
        &with(EMPTY, EMPTY).replace("\"Plate\"", "\"Plat\""),
        &[],
        &["balance.ron:6: unknown agent `Plat`; valid: `Plate`"],
    );
    check("(seed: 1)", &[], &["balance.ron:1: no section for agent `Plate`; write `\"Plate\": (…)`"]);
}

#[test]
fn all_kinds_of_problems_are_shown_together() {
    let text = with("arena: 3,", "gama: 0.9, clip: 2.0").replace("\"dropped\": -1.0", "\"fell\": -1.0");
    let problems = load(&text, &["ppo.epochs=0", "ppo.speed=1", "clip"]).unwrap_err();
    assert_eq!(problems.len(), 8, "{problems:#?}");
    assert_eq!(problems[5], "--set ppo.epochs=0: `epochs` is 0; it must be at least 1");
    assert!(problems[6].starts_with("--set ppo.speed=1: unknown field `speed`; valid: `rollout_steps`"));
    assert_eq!(problems[7], "--set clip: expected key=value, such as ppo.clip=0.1");
}

#[test]
fn sets_change_the_config_before_it_is_checked() {
    let sets = [
        "ppo.clip=0.1",
        "agents.Plate.ppo.epochs=2",
        "worlds=3",
        "stop.steps=1_000",
        "stop.mean_return=5",
        "reward.balanced=0.5",
        "reward={\"balanced\": 2, \"dropped\": 0}",
        "episode_limit=9",
        "network.hidden=[8]",
    ];
    let config = load(&with("stop: (steps: 0),", "clip: 7.0"), &sets).unwrap();
    let agent = config.agent(&plate());
    assert_eq!(agent.ppo.as_ref().unwrap().clip.ends(), [0.1, 0.1]);
    assert_eq!(agent.ppo.as_ref().unwrap().epochs, 2);
    assert_eq!(config.worlds.resolve().get(), 3);
    assert_eq!(config.stop.steps.get(), 1000);
    assert_eq!(config.stop.goal("Plate"), Some(5.0));
    assert_eq!(agent.weights(&plate()), [2.0, 0.0]);
    assert_eq!(agent.episode_limit.map(NonZeroU32::get), Some(9));
}

#[test]
fn a_wrong_set_is_named() {
    let check = |set: &str, expected: &str| {
        let source = ConfigSource { sets: vec![set.to_owned()], ..ConfigSource::default() };
        let error = RunConfig::load(&source, &plates()).unwrap_err();
        assert_eq!(error.to_string(), format!("--set {set}: {expected}"));
    };
    check("seed", "expected key=value, such as ppo.clip=0.1");
    check("ppo..clip=1", "`ppo..clip` is not a path of names, such as ppo.clip");
    check("worlds=", "the value ``: expected a value, found the end of the text");
    check("worlds=0", "`worlds`: expected `Auto` or a number from 1, found `0`");
    check("stop.stepps=1", "unknown field `stepps`; valid: `steps`, `mean_return`, `success`, `seconds`");
    check("reward.ballanced=1", "unknown term `ballanced`; valid: `balanced`, `dropped`");
    check("arenas.x=1", "`arenas`: expected a whole number from 1 to 4294967295, found a section");
}

/// The critic of a network of the game's own has one value.
#[test]
fn streams_of_a_network_of_the_game_s_own_are_refused_with_their_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let inside = "curiosity: (weight: 0.1),";
    std::fs::write(file.path(), with("", inside)).unwrap();
    let load = |has_own_network| {
        let source = ConfigSource { file: Some(file.path().to_owned()), has_own_network, ..ConfigSource::default() };
        RunConfig::load(&source, &plates()).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(load(false), Ok(()));
    let expected = format!(
        "{}:8: `Plate` learns a network of the game's own, whose critic has one value, and `curiosity` needs others beside \
         it; leave `curiosity` out, or learn a network that the config describes",
        file.path().display()
    );
    assert_eq!(load(true), Err(expected));
}

#[test]
fn a_field_of_another_section_is_found() {
    let names = "valid: `policy`, `decision_interval`, `episode_limit`, `stagger`, `rows`, `observation_noise`, `action_delay`, `self_play`, `reward`, `network`, `critic`, `baseline`, `ppo`, `pqn`, \
                 `dqn`, `sac`, `device`, `initialize_from`, `pretrain`";
    let top = "valid: `seed`, `worlds`, `arenas`, `decision_interval`, `agents`, `parameters`, `stop`, `checkpoints`, `faults`";
    let check = |set: &str, guess: &str| {
        let expected =
            format!("--set {set}: unknown field `{}`; {guess}{names}; or, at the top of the config, {top}", {
                set.split('=').next().unwrap()
            });
        assert_eq!(load(&with(EMPTY, EMPTY), &[set]).unwrap_err(), [expected]);
    };
    check("arena=3", "did you mean `arenas`? ");
    check("stopp=(steps: 3)", "did you mean `stop`? ");
    check("clip=0.1", "did you mean `ppo.clip`? ");
    check("speed=1", "");
    let text = with("gamma: 0.9,", "arenas: 3");
    let problems = load(&text, &[]).unwrap_err();
    let starts = ["balance.ron:4: unknown field `gamma`; did you mean `gamma` in `ppo`? valid: `seed`, ", {
        "balance.ron:8: unknown field `arenas`; did you mean `arenas` at the top of the config? valid: `rollout_steps`, "
    }];
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems.iter().zip(starts).all(|(problem, start)| problem.starts_with(start)), "{problems:?}");
}

#[test]
fn whole_numbers_may_have_an_exponent() {
    let sets = ["worlds=1e1", "arenas=2e2", "stop.steps=1e6", "seed=1e3", "ppo.minibatch=5.12e2", "episode_limit=1e2"];
    let config = load(&with(EMPTY, EMPTY), &sets).unwrap();
    assert_eq!((config.worlds.resolve().get(), config.arenas.get()), (10, 200));
    assert_eq!((config.stop.steps.get(), config.seed), (1_000_000, 1_000));
    let agent = config.agent(&plate());
    assert_eq!((agent.ppo.as_ref().unwrap().minibatch, agent.episode_limit.map(NonZeroU32::get)), (512, Some(100)));
    check(
        &with(EMPTY, EMPTY),
        &["stop.steps=1.5", "worlds=0.5"],
        &[
            "--set stop.steps=1.5: `steps`: expected a whole number from 1, found `1.5`",
            "--set worlds=0.5: `worlds`: expected `Auto` or a number from 1, found `0.5`",
        ],
    );
}

/// Notepad and other editors save UTF-8 with one. Lines are counted as without it.
#[test]
fn a_byte_order_mark_is_skipped() {
    assert_eq!(load(&format!("\u{feff}{}", with(EMPTY, EMPTY)), &[]), load(&with(EMPTY, EMPTY), &[]));
    let wrong = format!("\u{feff}{}", with("arena: 3,", EMPTY));
    assert!(load(&wrong, &[]).unwrap_err()[0].starts_with("balance.ron:4: unknown field `arena`"));
}

#[test]
fn other_encodings_are_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("balance.ron");
    let bytes = with(EMPTY, EMPTY).encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    std::fs::write(&file, [&[0xff, 0xfe], bytes.as_slice()].concat()).unwrap();
    let error = RunConfig::load(&ConfigSource { file: Some(file.clone()), ..ConfigSource::default() }, &plates());
    assert_eq!(error.unwrap_err().to_string(), format!("{}: it is UTF-16; save it as UTF-8", file.display()));
}

#[test]
fn weights_may_all_come_from_the_command_line() {
    let check = |sets: &[&str], expected: bool| {
        let sets = sets.iter().map(|&set| set.to_owned()).collect::<Vec<_>>();
        assert_eq!(weighs_all_terms(&sets, &plates()), expected, "{sets:?}");
    };
    check(&[], false);
    check(&["reward.balanced=1"], false);
    check(&["reward.balanced=1", "agents.Plate.reward.dropped=-1"], true);
    check(&["reward={\"balanced\": 1, \"dropped\": -1}"], true);
    check(&["reward={\"balanced\": 1}", "ppo.clip=0.1"], false);
    check(&["agents={\"Plate\": (reward: {\"balanced\": 1, \"dropped\": -1})}"], true);
}

#[test]
fn an_unreadable_file_is_named() {
    let file = Some(PathBuf::from("/no/such/config.ron"));
    let error = RunConfig::load(&ConfigSource { file, ..ConfigSource::default() }, &plates()).unwrap_err();
    assert!(error.to_string().starts_with("/no/such/config.ron: can't be read: "), "{error}");
    check("(seed: 1", &[], &["balance.ron:1: expected `,` or `)`, found the end of the text"]);
}

#[test]
fn the_command_lines_seed_wins() {
    let source = ConfigSource { sets: vec!["seed=3".to_owned()], seed: Some(4), ..ConfigSource::default() };
    assert_eq!(RunConfig::load(&source, &plates()).unwrap().seed, 4);
}

#[test]
fn an_evaluation_builds_no_more_arenas_than_it_needs() {
    let shrunk = |worlds, arenas, episodes| {
        let count = |number| NonZeroU32::new(number).unwrap();
        let worlds = WorldCount::Exactly(count(worlds));
        let config = RunConfig { worlds, arenas: count(arenas), ..RunConfig::default() }.shrunk_to(count(episodes));
        (config.worlds.resolve().get(), config.arenas.get())
    };
    assert_eq!(shrunk(2, 512, 100), (2, 50));
    assert_eq!(shrunk(4096, 1, 100), (100, 1));
    assert_eq!(shrunk(2, 16, 100), (2, 16));
    assert_eq!(shrunk(3, 16, 2), (2, 1));
}
