//! Snapshots such as runs and games give.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;

use ludus_agent::spec::{
    ActionField, ActionKind, AgentSpec, Block, EpisodeParameter, ObservationField, ObservationKind, Outcome, RewardTerm,
};
use ludus_editor::Direction;
use ludus_editor::snapshot::{
    AgentEntry, AgentId, AgentSnapshot, CheckpointEntry, ColumnSnapshot, Driver, EpisodeEntry, EpisodeResult,
    EpisodeSnapshot, HeadSnapshot, KindPolicy, ParameterSnapshot, PolicyLabel, ReplaySnapshot, RunEntry, RunsSnapshot,
    SceneKindSnapshot, SceneSnapshot, ValueSource,
};
use ludus_train::config::StopConfig;
use ludus_train::session::{
    ArenaReturn, IterationRecord, KindIteration, KindSnapshot, Metric, MetricInfo, Saved, SessionState,
    TrainingSnapshot,
};
use ludus_train::{Change, Phases, Spread};

pub const NUMBERS: [f32; 9] =
    [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, f32::MIN_POSITIVE, -f32::MIN_POSITIVE, 0.0, 1.0];

/// Returns a name that is wider than any panel.
pub fn long_name() -> String {
    "a_name_that_someone_thought_would_explain_everything_".repeat(5)
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

pub fn field(name: &str, parts: &[&str], range: Option<(f32, f32)>) -> ObservationField {
    let kind = ObservationKind::Number;
    ObservationField {
        name: name.to_owned(),
        doc: "[m]".to_owned(),
        block: Block::values(parts.iter().copied()),
        range,
        kind,
        is_critic: false,
    }
}

/// The plate's agent, with a choice besides.
pub fn spec() -> AgentSpec {
    let continuous = ActionKind::Continuous { low: -1.0, high: 1.0 };
    let action = |name: &str, parts: &[&str], kind| ActionField {
        name: name.to_owned(),
        doc: String::new(),
        parts: texts(parts),
        kind,
    };
    let term = |name: &str| RewardTerm { name: name.to_owned(), doc: "One for every step.".to_owned(), is_team: false };
    AgentSpec {
        name: "Plate".to_owned(),
        observation: vec![
            field("tilt", &["x", "y"], Some((-1.0, 1.0))),
            field("ball", &["x", "y", "z"], None),
            field("ball_velocity", &["x", "y", "z"], None),
        ],
        action: vec![
            action("rate", &["x", "y"], continuous),
            action("jump", &["Stay", "Low", "High"], ActionKind::Discrete),
        ],
        reward: vec![term("balanced"), term("dropped")],
        masked: false,
        teams: Vec::new(),
    }
}

pub fn column(value: f32) -> ColumnSnapshot {
    let (mean, deviation, least, greatest) = (0.1, 0.25, -0.9, 0.9);
    ColumnSnapshot { value, mean, deviation, least, greatest, count: 500, faults: 0 }
}

const fn metric(name: &'static str, title: &'static str, value: f32) -> Metric {
    Metric { info: MetricInfo { name, title, unit: "" }, value }
}

/// A run that has learned for a while.
pub fn training() -> TrainingSnapshot {
    let weights: Arc<[f32]> = [0.1, -1.0].into();
    let record = move |index: u64| {
        let part = index as f64 / 400.0;
        IterationRecord {
            steps: index * 4096,
            seconds: 0.04 * index as f64,
            kinds: vec![KindIteration {
                episodes: index * 7,
                returns: Spread { mean: 80.0 * part, std: 12.0 },
                length: 1000.0 * part,
                terms: vec![800.0 * part, 1.0 - part],
                weights: weights.clone(),
                metrics: vec![
                    metric("losses/value_loss", "Value loss", 0.5),
                    metric("losses/entropy", "Entropy", 2.8),
                    metric("charts/learning_rate", "Learning rate", 3e-4),
                ],
            }],
            phases: Phases::default(),
        }
    };
    let arena = |index: u32| ArenaReturn {
        world: index / 64,
        arena: index % 64,
        last: if index.is_multiple_of(50) { f32::NAN } else { index as f32 * 0.5 },
    };
    TrainingSnapshot {
        state: SessionState::Running,
        kinds: vec![KindSnapshot {
            spec: Arc::new(spec()),
            rows: 256,
            learning_rate: 3e-4,
            weights: vec![0.1, -1.0],
            returns: (0..256).map(arena).collect(),
            return_range: Some([0.5, 127.5]),
            ..KindSnapshot::default()
        }],
        run_dir: Some(PathBuf::from("runs/balance-2026-11-24-1")),
        worlds: 4,
        arenas: 64,
        threads: 2,
        history: (0..400).map(record).collect(),
        phases: Phases { forward: 30, copy: 2, simulate: 38, sense_score: 10, learn: 20 },
        // 102,400 steps per second, and 12 minutes and 34.5 seconds to go.
        stop: StopConfig {
            steps: NonZeroU64::MIN.saturating_add(399 * 4096 + 1_509 * 51_200 - 1),
            ..StopConfig::default()
        },
        changes: vec![Change {
            step: 12_288,
            setting: "ppo.learning_rate".to_owned(),
            was: "0.001".to_owned(),
            now: "0.0003".to_owned(),
        }],
        saved: Some(Saved {
            step: 1_000_000,
            clock_seconds: 100.0,
            path: PathBuf::from("step-000001000000.safetensors"),
        }),
        ..TrainingSnapshot::default()
    }
}

/// A game with a selected agent.
pub fn scene() -> SceneSnapshot {
    let episode = EpisodeSnapshot {
        number: 12,
        steps: 345,
        outcome: Outcome::Running,
        first_step: 0,
        values: (0..345).map(|step| 9.0 - 0.01 * step as f32).collect(),
        terms: (0..345).flat_map(|step| [0.1, if step == 344 { -1.0 } else { 0.0 }]).collect(),
    };
    let heads = vec![
        HeadSnapshot::Gaussian { mean: vec![0.25, -0.75], deviation: vec![0.2, 0.05] },
        HeadSnapshot::Categorical { probabilities: vec![0.3, 0.7, 0.0] },
    ];
    let selected = AgentSnapshot {
        id: AgentId { kind: 0, row: 3 },
        name: "Plate 3 · arena 3".to_owned(),
        driver: Driver::Policy,
        columns: (0..8).map(|index| column(0.1 * index as f32 - 0.4)).collect(),
        heads,
        value: 5.55,
        value_source: ValueSource::Critic,
        memory: (0..40).map(|index| 0.05 * index as f32 - 0.5).collect(),
        decided_by: Some(PolicyLabel { name: "balance-2026-11-24-1".to_owned(), steps: 1_638_400 }),
        next_heads: vec![
            HeadSnapshot::Gaussian { mean: vec![0.125, -0.5], deviation: vec![0.2, 0.05] },
            HeadSnapshot::Categorical { probabilities: vec![0.9, 0.1, 0.0] },
        ],
        next_value: 5.25,
        action: vec![0.3, -0.7, 1.0],
        parameters: vec![1.25, 0.5],
        episode,
    };
    let entry = |row: usize| AgentEntry {
        id: AgentId { kind: 0, row },
        name: format!("Plate {row} · arena {row}"),
        driver: Driver::Policy,
        steps: 345,
        episode_return: 33.5,
    };
    SceneSnapshot {
        kinds: vec![SceneKindSnapshot {
            spec: Arc::new(spec()),
            weights: vec![0.1, -1.0],
            policy: Some(PolicyLabel { name: "balance-2026-11-24-1".to_owned(), steps: 1_638_400 }),
            ..SceneKindSnapshot::default()
        }],
        tick_rate_hz: 60.0,
        decision_interval: 4,
        world: 1,
        arenas: 0..4,
        parameters: vec![parameter("Course.wall_height", "Arena"), parameter("Load.mass", "Plate")],
        agents: (0..4).map(entry).collect(),
        selected: Some(selected),
        ..SceneSnapshot::default()
    }
}

/// An episode parameter that is drawn.
pub fn parameter(name: &str, owner: &str) -> ParameterSnapshot {
    let range = Some((0.0, 4.0));
    ParameterSnapshot {
        parameter: EpisodeParameter { name: name.to_owned(), doc: "[m]".to_owned(), range, default: 2.0 },
        owner: owner.to_owned(),
        distribution: "Uniform(0, 4)".to_owned(),
        by_hand: None,
    }
}

/// The replay of an episode.
pub fn replay() -> ReplaySnapshot {
    ReplaySnapshot {
        name: "best of balance-2026-11-24-1".to_owned(),
        step: 120,
        steps: 1_000,
        direction: Direction::Forwards,
        returns: vec![("Plate".to_owned(), 99.5)],
        outcome: Outcome::Truncated,
        differs_from: None,
    }
}

/// The policy of a kind.
pub fn policy(kind: usize, name: &str, steps: u64) -> KindPolicy {
    KindPolicy { kind, label: PolicyLabel { name: name.to_owned(), steps } }
}

/// Three runs, one of which is active.
pub fn runs() -> RunsSnapshot {
    let run = |number: u32| RunEntry {
        name: format!("balance-2026-11-24-{number}"),
        path: PathBuf::from(format!("runs/balance-2026-11-24-{number}")),
        is_live: number == 3,
        curves: vec![(0..200).map(|index| [f64::from(index) * 1e4, f64::from(index * number)]).collect()],
        checkpoints: ["newest", "best", "step 1,000,000"]
            .map(|label| CheckpointEntry { label: label.to_owned(), path: PathBuf::from(format!("{number}/{label}")) })
            .into(),
        episodes: [("best", Some((99.5, 1_000))), ("worst", Some((-0.26, 8))), ("1", None)]
            .map(|(name, result)| EpisodeEntry {
                name: name.to_owned(),
                path: PathBuf::from(format!("{number}/{name}.episode")),
                result: result.map(|(reward, steps)| {
                    let returns = vec![("Plate".to_owned(), reward)];
                    EpisodeResult { returns, steps }
                }),
            })
            .into(),
        ladder: Vec::new(),
    };
    RunsSnapshot {
        kinds: vec!["Plate".to_owned()],
        runs: [3, 2, 1].map(run).into(),
        left: vec![policy(0, "balance-2026-11-24-3", 1_638_400)],
        is_training: true,
        ..RunsSnapshot::default()
    }
}
