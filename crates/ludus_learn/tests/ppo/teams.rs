//! Teams whose members share one reward: a counterfactual baseline tells whose action earned it.

use std::sync::Arc;

use ludus_learn::{
    Algorithm, LaneShape, LearnError, Machine, NativeLearner, Ppo, PpoConfig, SavedAlgorithm, Schedule, SensedRows,
    Simulation, StepLanes,
};
use ludus_net::{Encoder, Layout, Network, NetworkConfig, Normalizer};
use ludus_spec::{
    ActionField, ActionKind, AgentSpec, Block, Head, ObservationField, ObservationKind, Outcome, RewardTerm, Seed,
    TEAM_VIEW, stopped_clock,
};

use crate::{lanes, parameter_bits};

/// A conductor, then singers.
const MEMBERS: usize = 4;
/// Columns of an agent's own observation.
const OWN: usize = 3;
/// An agent's own observation, those of the other members, and their count.
const WIDTH: usize = MEMBERS * OWN + 1;
/// The part of the reward that the conductor decides by luck. That of each singer is 1.
const LUCK: f32 = 20.0;

/// Teams of a conductor and of singers, who choose in the only step of an episode. All are given the sum of what each has
/// earned.
///
/// A singer sees a sign, and earns 1 for the choice that goes with it. The conductor wins or loses [`LUCK`] by its choice,
/// and sees nothing that tells which: the singers do. So its choice is luck, but a baseline that knows it knows the luck.
#[derive(Clone)]
struct Choir {
    /// The sign of each singer; of a conductor, that of its luck.
    signs: Vec<f32>,
    seed: Seed,
    is_over: bool,
    /// The share of singers with the right choice in the last step with experience.
    right: f32,
}

impl Choir {
    fn new(teams: usize) -> Self {
        let mut world = Self { signs: vec![0.0; teams * MEMBERS], seed: Seed::new(4), is_over: true, right: 0.0 };
        world.draw();
        world
    }

    fn draw(&mut self) {
        self.seed = self.seed.derive(0);
        for (row, sign) in self.signs.iter_mut().enumerate() {
            *sign = if self.seed.derive(row as u64 + 1).uniform() < 0.5 { -1.0 } else { 1.0 };
        }
    }

    /// What an agent observes: its sign, the luck, and 1 for a conductor.
    fn observation(&self, row: usize) -> [f32; OWN] {
        let conductor = row / MEMBERS * MEMBERS;
        if row == conductor { [0.0, 0.0, 1.0] } else { [self.signs[row], self.signs[conductor], 0.0] }
    }
}

impl Simulation for Choir {
    fn lane(&self, _: usize) -> LaneShape {
        let rows = self.signs.len();
        LaneShape { rows, observation_width: WIDTH, action_width: 1, has_teams: true, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        for (row, observation) in now.observations.chunks_exact_mut(WIDTH).enumerate() {
            let team = row / MEMBERS * MEMBERS;
            let others = (team..team + MEMBERS).filter(|&member| member != row);
            let members = [row].into_iter().chain(others);
            for (columns, member) in observation.chunks_exact_mut(OWN).zip(members) {
                columns.copy_from_slice(&self.observation(member));
            }
            observation[WIDTH - 1] = (MEMBERS - 1) as f32;
            now.teams[row] = (row / MEMBERS) as u32;
        }
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let rows = lanes.lane(0);
        let was_over = self.is_over;
        self.is_over = !was_over;
        rows.rewards.fill(0.0);
        if was_over {
            self.draw();
            rows.outcomes.fill(Outcome::Restart);
        } else {
            let earned = |row: usize| f32::from((rows.actions[row] > 0.5) == (self.signs[row] > 0.0));
            let mut right = 0.0;
            for team in (0..self.signs.len()).step_by(MEMBERS) {
                let of_singers: f32 = (team + 1..team + MEMBERS).map(earned).sum();
                rows.rewards[team..team + MEMBERS].fill(of_singers + LUCK * (earned(team) - 0.5));
                right += of_singers;
            }
            self.right = right / (self.signs.len() / MEMBERS * (MEMBERS - 1)) as f32;
            rows.outcomes.fill(Outcome::Terminated);
        }
        self.observe(0, rows.next);
    }
}

fn spec() -> AgentSpec {
    let text = String::new;
    let seen = ObservationField {
        name: "seen".to_owned(),
        doc: text(),
        block: Block::values(["sign", "luck", "is_conductor"]),
        range: None,
        kind: ObservationKind::Number,
        is_critic: false,
    };
    let parts = vec!["low".to_owned(), "high".to_owned()];
    let choice = ActionField { name: text(), doc: text(), parts, kind: ActionKind::Discrete };
    let reward = vec![RewardTerm { name: "applause".to_owned(), doc: text(), is_team: true }];
    let spec = AgentSpec { observation: vec![seen], action: vec![choice], reward, ..AgentSpec::default() };
    spec.with_team_view(MEMBERS - 1)
}

fn network() -> NetworkConfig {
    let encoders = [(TEAM_VIEW.to_owned(), Encoder::Pool(16))].into();
    NetworkConfig { encoders, hidden: vec![32], ..NetworkConfig::default() }
}

fn config() -> PpoConfig {
    PpoConfig {
        rollout_steps: 4,
        epochs: 4,
        minibatch: 192,
        learning_rate: Schedule::Constant(0.005).into(),
        ..PpoConfig::default()
    }
}

/// PPO whose critic sees the team, without a counterfactual baseline.
fn ppo(config: &PpoConfig, worlds: &[Choir], threads: usize) -> Ppo<NativeLearner> {
    let layout = Layout::of_agent(&spec(), &network()).unwrap();
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    let machine = Machine { pool, clock: stopped_clock };
    let normalizer = Normalizer::of_agent(&spec(), 10.0);
    let learner = NativeLearner::new(Network::new(layout, Seed::new(11)), Some(normalizer), machine).unwrap();
    Ppo::new(config.clone(), learner, &lanes(worlds), Seed::new(12)).unwrap()
}

fn with_baseline(config: &PpoConfig, worlds: &[Choir], threads: usize) -> Ppo<NativeLearner> {
    ppo(config, worlds, threads).with_counterfactual_baseline(&spec(), &network()).unwrap()
}

fn worlds() -> Vec<Choir> {
    vec![Choir::new(20), Choir::new(12)]
}

/// The advantage of a singer is full of the conductor's luck unless the baseline knows the conductor's choice.
#[test]
fn a_counterfactual_baseline_takes_what_others_did_out_of_an_advantage() {
    let squares = |mut ppo: Ppo<NativeLearner>| {
        let (mut worlds, mut squares) = (worlds(), Vec::new());
        for iteration in 0..100 {
            ppo.iterate(&mut worlds, 0.0).unwrap();
            let samples = ppo.rollout().samples();
            let decided = (0..).zip(samples.outcomes).filter(|(_, outcome)| outcome.is_experience());
            let singers = decided.map(|(sample, _)| sample).filter(|sample| sample % MEMBERS != 0);
            let of_singers = singers.map(|sample: usize| samples.policy_advantages[sample].powi(2));
            squares.extend(of_singers.filter(|_| iteration >= 90));
        }
        assert!(worlds.iter().all(|world| world.right > 0.9), "the singers have learned");
        squares.iter().sum::<f32>() / squares.len() as f32
    };
    let (without, with) = (squares(ppo(&config(), &worlds(), 1)), squares(with_baseline(&config(), &worlds(), 1)));
    assert!(without > 1.0 && with < 0.1 * without, "{with} with the baseline, {without} without");
}

#[test]
fn the_same_bits_with_any_number_of_threads_and_after_a_restore() {
    for config in [config(), PpoConfig { normalize_values: true, ..config() }] {
        let trained = |threads: usize, iterations: usize| {
            let mut worlds = worlds();
            let mut ppo = with_baseline(&config, &worlds, threads);
            for _ in 0..iterations {
                ppo.iterate(&mut worlds, 0.2).unwrap();
            }
            (ppo, worlds)
        };
        let (all, _) = trained(1, 4);
        assert!(trained(3, 4).0.save() == all.save(), "3 threads");
        let (half, mut worlds) = trained(1, 2);
        let mut resumed = with_baseline(&config, &worlds, 2);
        resumed.restore(&half.save()).unwrap();
        assert!(resumed.save() == half.save());
        for _ in 0..2 {
            resumed.iterate(&mut worlds, 0.2).unwrap();
        }
        assert!(resumed.save() == all.save(), "restored");
        assert_ne!(parameter_bits(&all), parameter_bits(&half));
    }
}

#[test]
fn what_was_marked_comes_back() {
    let mut worlds = worlds();
    let mut ppo = with_baseline(&config(), &worlds, 1);
    ppo.iterate(&mut worlds, 0.0).unwrap();
    let good = ppo.save();
    ppo.mark().unwrap();
    ppo.iterate(&mut worlds, 0.0).unwrap();
    assert!(ppo.save() != good);
    ppo.rewind();
    assert!(ppo.save() == good);
}

#[test]
fn a_baseline_is_saved_and_one_that_is_missing_is_named() {
    let mut worlds = worlds();
    let (mut with, mut without) = (with_baseline(&config(), &worlds, 1), ppo(&config(), &worlds, 1));
    let report = {
        with.iterate(&mut worlds, 0.0).unwrap();
        with.learn(0.0).unwrap()
    };
    assert!(report.metric("losses/baseline_loss").unwrap() > 0.0);
    let (saved, plain) = (with.save(), without.save());
    let names =
        |saved: &SavedAlgorithm| saved.state.tensors.keys().filter(|name| name.starts_with("baseline.")).count();
    assert_eq!((names(&saved), names(&plain)), (6, 0));
    assert!(without.restore(&saved).is_ok(), "what is off reads nothing");
    let before = with.save();
    assert_eq!(with.restore(&plain).unwrap_err(), LearnError::Missing { name: "baseline.parameters" });
    assert!(with.save() == before, "everything is as it was");
}

#[test]
fn a_critic_that_does_not_see_its_team_is_refused() {
    let learner = |width: usize| crate::learner(width, &[Head::Categorical { choices: 2 }], &config(), 1);
    let shape = LaneShape { rows: 4, observation_width: WIDTH, action_width: 1, ..LaneShape::default() };
    let alone = Ppo::new(config(), learner(WIDTH), &[shape], Seed::new(1)).unwrap();
    let error = alone.with_counterfactual_baseline(&spec(), &network()).unwrap_err();
    assert_eq!(error, LearnError::NoTeamView);
    let in_team = Ppo::new(config(), learner(WIDTH), &[LaneShape { has_teams: true, ..shape }], Seed::new(1)).unwrap();
    let error = in_team.with_counterfactual_baseline(&spec().without_team_view(), &network()).unwrap_err();
    assert_eq!(error, LearnError::NoTeamView);
}
