//! The fields that curiosity reads: chosen ones, sets, masks.

use std::collections::BTreeMap;

use ludus_learn::{
    Curiosity, CuriosityConfig, LearnError, RewardSource, Rollout, RolloutShape, Schedule, SourceUpdate,
};
use ludus_net::Encoder;
use ludus_spec::{AgentSpec, Block, ObservationKind, Outcome, Seed, SetShape};

use crate::{field, machine, numbers, spec};

const STEPS: usize = 32;
const ROWS: usize = 8;
/// A place of two numbers, a number of noise, and a set of two elements of two numbers.
const WIDTH: usize = 2 + 1 + 5;

fn observed() -> AgentSpec {
    let set = Block::Set(SetShape { capacity: 2, element: vec![numbers("at", 2)] });
    spec(vec![numbers("place", 2), numbers("noise", 1), field("tiles", set, ObservationKind::Number)], 3)
}

fn curiosity(fields: &[&str]) -> Curiosity {
    let config = CuriosityConfig {
        fields: fields.iter().map(|&field| field.to_owned()).collect(),
        hidden: vec![16],
        outputs: 8,
        learning_rate: Schedule::Constant(1e-2),
        samples: 1.0,
        ..CuriosityConfig::default()
    };
    let encoders = BTreeMap::from([("tiles".to_owned(), Encoder::Pool(8))]);
    Curiosity::new(&config, &observed(), &encoders, machine(1), Seed::new(4)).unwrap()
}

/// A rollout in which rows stand at a place, with noise, and with elements in an order of their own.
fn rollout(place: f32, noise: u64, is_swapped: bool) -> Rollout {
    let shape = RolloutShape {
        steps: STEPS,
        rows: vec![ROWS],
        observation_width: WIDTH,
        action_width: 1,
        mask_width: 3,
        ..RolloutShape::default()
    };
    let mut rollout = Rollout::new(shape);
    let slab = rollout.slabs_mut().next().unwrap();
    slab.outcomes[..STEPS * ROWS].fill(Outcome::Running);
    for (sample, observation) in slab.observations.chunks_exact_mut(WIDTH).enumerate() {
        let draw = |child: u64, seed: u64| Seed::new(seed).derive(sample as u64).derive(child).uniform();
        observation[0] = place + draw(0, 1);
        observation[1] = draw(1, 1);
        observation[2] = draw(2, noise);
        let elements = if is_swapped { [5, 6, 3, 4] } else { [3, 4, 5, 6] };
        for (child, column) in (3..).zip(elements) {
            observation[column] = draw(child, 1);
        }
        observation[7] = 2.0;
    }
    rollout
}

fn rewards(curiosity: &mut Curiosity, rollout: &Rollout) -> Vec<f32> {
    let mut rewards = vec![0.0; rollout.samples().outcomes.len()];
    curiosity.reward(rollout, &mut rewards).unwrap();
    rewards
}

fn mean(rewards: &[f32]) -> f32 {
    rewards[..STEPS * ROWS].iter().sum::<f32>() / (STEPS * ROWS) as f32
}

#[test]
fn what_was_seen_often_is_no_longer_new() {
    let mut curiosity = curiosity(&["place"]);
    let (known, new) = (rollout(0.0, 1, false), rollout(4.0, 1, false));
    let before = mean(&rewards(&mut curiosity, &known));
    for iteration in 0..60 {
        rewards(&mut curiosity, &known);
        let update = SourceUpdate { progress: 0.0, epochs: 2, minibatch: 64, seed: Seed::new(5).derive(iteration) };
        curiosity.learn(&known, update).unwrap();
    }
    let after = mean(&rewards(&mut curiosity, &known));
    assert!(after < 0.1 * before, "{before} before, {after} after");
    assert!(mean(&rewards(&mut curiosity, &new)) > 5.0 * after, "another place is new");
    let metrics = curiosity.metrics();
    assert_eq!((metrics[0].info.name, metrics.len()), ("losses/curiosity", 1));
    assert!((metrics[0].value - after).abs() < after, "{}", metrics[0].value);
}

#[test]
fn only_the_chosen_fields_matter() {
    let of = |fields: &[&str], noise: u64| rewards(&mut curiosity(fields), &rollout(0.0, noise, false));
    assert_eq!(of(&["place"], 1), of(&["place"], 2));
    assert_ne!(of(&[], 1), of(&[], 2));
    assert_ne!(of(&["place"], 1), of(&["place", "tiles"], 1));
}

/// As the policy reads it: through a pool.
#[test]
fn a_set_is_the_same_in_any_order() {
    let of = |is_swapped| rewards(&mut curiosity(&["tiles"]), &rollout(0.0, 1, is_swapped));
    for (one, other) in of(false).into_iter().zip(of(true)) {
        assert!((one - other).abs() < 1e-5, "{one} and {other}");
    }
}

#[test]
fn steps_outside_of_episodes_have_no_reward() {
    let mut rollout = rollout(0.0, 1, false);
    let slab = rollout.slabs_mut().next().unwrap();
    slab.outcomes[..4].copy_from_slice(&[Outcome::Restart, Outcome::Vacant, Outcome::Faulty, Outcome::Terminated]);
    slab.observations[(ROWS + 3) * WIDTH] = f32::NAN;
    slab.outcomes[4] = Outcome::Waiting;
    let rewards = rewards(&mut curiosity(&[]), &rollout);
    assert_eq!(rewards[..4], [0.0; 4], "the last of them ends where nothing finite is seen");
    assert!(rewards[4..STEPS * ROWS].iter().all(|&reward| reward > 0.0 && reward.is_finite()));
    assert_eq!(rewards[STEPS * ROWS..], [0.0; ROWS]);
}

#[test]
fn a_field_that_is_not_there_is_told_with_the_valid_ones() {
    let config = CuriosityConfig { fields: vec!["position".to_owned()], ..CuriosityConfig::default() };
    let error = Curiosity::new(&config, &observed(), &BTreeMap::new(), machine(1), Seed::new(4)).unwrap_err();
    let sentence = "`Walker` observes no field `position`; valid: `place`, `noise`, `tiles`".to_owned();
    assert_eq!(error, LearnError::Config(vec![("fields", sentence)]));
}
