//! Policy distillation: a policy learns the distributions of a teacher where it goes itself.

use ludus_learn::{
    Algorithm, DistillationConfig, LearnError, LearningRate, NativeLearner, PolicyDistillation, Ppo, PpoConfig,
    Schedule, Teacher,
};
use ludus_net::{Layout, Memory, Network, NetworkConfig, Normalizer};
use ludus_spec::{Head, Seed};

use super::cart_pole::{CartPoles, WIDTH};
use super::{cart_pole_ppo, cart_poles, lanes, learner, parameter_bits, parts, small, trained};

const HEADS: [Head; 1] = [Head::Categorical { choices: 2 }];

/// Updates with the teacher alone, and nothing of it later.
fn taught(updates: usize) -> DistillationConfig {
    DistillationConfig { updates, learning_rate: Schedule::Constant(3e-3), weight: Schedule::Constant(0.0) }
}

/// Settings of PPO with which a run can be resumed bit for bit.
fn settings() -> PpoConfig {
    PpoConfig { scale_rewards: false, ..small() }
}

/// A teacher of another size, which pushes a cart to where the pole falls.
fn teacher() -> Teacher {
    let config = NetworkConfig { hidden: vec![64, 8], ..NetworkConfig::default() };
    let mut network = Network::new(Layout::new(WIDTH, &HEADS, &config).unwrap(), Seed::new(21));
    // Far from uniform.
    let head: Vec<usize> = {
        let tensors = network.layout().tensors().filter(|tensor| tensor.name.starts_with("actor."));
        tensors.flat_map(|tensor| (0..tensor.element_count()).map(move |element| tensor.position(element))).collect()
    };
    network.update(|parameters| head.iter().for_each(|&place| parameters[place] *= 200.0));
    let normalizer = Normalizer::from_parts(vec![0.0; WIDTH], vec![0.04, 0.25, 0.0025, 0.25], 100.0, 10.0).unwrap();
    Teacher::new(network, Some(normalizer)).unwrap()
}

fn distilling(config: DistillationConfig, threads: usize) -> Ppo<NativeLearner> {
    let ppo = cart_pole_ppo(&settings(), &cart_poles(&[4, 4]), threads);
    ppo.with_teacher(PolicyDistillation { teacher: teacher(), config }).unwrap()
}

/// The divergences of some iterations.
fn divergences(ppo: &mut Ppo<NativeLearner>, worlds: &mut [CartPoles], iterations: usize) -> Vec<f32> {
    let mut found = Vec::new();
    for _ in 0..iterations {
        ppo.iterate(worlds, 0.5).unwrap();
        found.push(ppo.distillation_loss().unwrap());
    }
    found
}

#[test]
fn a_teacher_of_another_size_is_learned_from() {
    let mut ppo = distilling_large(taught(200));
    let found = divergences(&mut ppo, &mut cart_poles(&[16, 16]), 200);
    assert!(found[0] > 0.02, "the policies differ at first: {found:?}");
    let last = found[190..].iter().sum::<f32>() / 10.0;
    // The teacher is sure of itself, and the policy is small: it comes to 0.4 of the first divergence after 2,000 updates.
    assert!(last < 0.6 * found[0], "{} at first, {last} in the end", found[0]);
    // Beyond the taught updates, the policy learns from rewards alone.
    assert_eq!(divergences(&mut ppo, &mut cart_poles(&[16, 16]), 1), [0.0]);
}

/// As [`distilling`], with more agents.
fn distilling_large(config: DistillationConfig) -> Ppo<NativeLearner> {
    let ppo = cart_pole_ppo(&settings(), &cart_poles(&[16, 16]), 1);
    ppo.with_teacher(PolicyDistillation { teacher: teacher(), config }).unwrap()
}

#[test]
fn threads_do_not_change_a_bit() {
    let bits = |threads| {
        let config = DistillationConfig { weight: Schedule::Constant(0.3), ..taught(2) };
        trained(&mut distilling(config, threads), &mut cart_poles(&[4, 4]), 4)
    };
    assert_eq!(bits(1), bits(3));
}

/// While the policy learns from the teacher alone, rewards have no influence on it, and the critic learns them.
#[test]
fn the_critic_learns_from_rewards_beside_the_teacher() {
    let parts = |gamma: f32| {
        // Without a limit, the critic's gradient doesn't shorten that of the policy.
        let config = PpoConfig { gamma, max_grad_norm: 1e9, ..settings() };
        let ppo = cart_pole_ppo(&config, &cart_poles(&[4, 4]), 1);
        let mut ppo = ppo.with_teacher(PolicyDistillation { teacher: teacher(), config: taught(2) }).unwrap();
        trained(&mut ppo, &mut cart_poles(&[4, 4]), 2);
        parts(&ppo)
    };
    let [[critic, policy], [other_critic, other_policy]] = [parts(0.9), parts(0.0)];
    assert_ne!(critic, other_critic);
    assert_eq!(policy, other_policy);
}

#[test]
fn the_divergence_beside_rewards_is_learned_by_its_weight() {
    let last = |weight: f32| {
        let config = DistillationConfig { weight: Schedule::Constant(weight), ..taught(0) };
        let found = divergences(&mut distilling_large(config), &mut cart_poles(&[16, 16]), 60);
        found[50..].iter().sum::<f32>() / 10.0
    };
    let [little, much] = [1e-4, 3.0].map(last);
    assert!(much < 0.6 * little, "{much} with a large weight, {little} with a small one");
}

#[test]
fn a_resumed_run_learns_from_its_teacher_as_one_that_was_not_stopped() {
    let config = DistillationConfig { weight: Schedule::Linear { from: 0.5, to: 0.0 }, ..taught(3) };
    let mut ppo = distilling(config.clone(), 1);
    for _ in 0..2 {
        ppo.iterate(&mut cart_poles(&[4, 4]), 0.2).unwrap();
    }
    let mut resumed = distilling(config, 1);
    resumed.restore(&ppo.save()).unwrap();
    for progress in [0.4, 0.6] {
        let both = [&mut ppo, &mut resumed].map(|ppo| {
            ppo.iterate(&mut cart_poles(&[4, 4]), progress).unwrap();
            parameter_bits(ppo)
        });
        assert_eq!(both[0], both[1]);
    }
}

/// Settings that are off change no bit.
#[test]
fn a_teacher_without_weight_changes_nothing() {
    let mut plain = cart_pole_ppo(&settings(), &cart_poles(&[4, 4]), 1);
    let [one, other] = [&mut plain, &mut distilling(taught(0), 1)].map(|ppo| trained(ppo, &mut cart_poles(&[4, 4]), 3));
    assert_eq!(one, other);
}

/// A step size that adapts and a limit of the divergence from the old policy are for what is learned from rewards.
#[test]
fn what_limits_updates_from_rewards_does_not_limit_a_teacher() {
    let learning_rate = LearningRate::Adaptive { kl: 0.01, from: 2e-3 };
    let config = PpoConfig { target_kl: Some(1e-9), learning_rate, ..settings() };
    let ppo = cart_pole_ppo(&config, &cart_poles(&[4, 4]), 1);
    let mut ppo = ppo.with_teacher(PolicyDistillation { teacher: teacher(), config: taught(1) }).unwrap();
    let taught = ppo.iterate(&mut cart_poles(&[4, 4]), 0.0).unwrap();
    assert!(!taught.reached_target_kl && taught.learning_rate == 3e-3, "{taught:?}");
    let rewarded = ppo.iterate(&mut cart_poles(&[4, 4]), 0.0).unwrap();
    assert!(rewarded.reached_target_kl && rewarded.learning_rate == 2e-3, "{rewarded:?}");
}

/// A policy that remembers learns from a teacher that sees all at once.
#[test]
fn a_policy_with_memory_has_a_teacher_too() {
    let shape = NetworkConfig { hidden: vec![16], memory: Some(Memory::Gru(8)), ..NetworkConfig::default() };
    let network = Network::new(Layout::new(WIDTH, &HEADS, &shape).unwrap(), Seed::new(5));
    let machine = ludus_learn::Learner::machine(&learner(WIDTH, &HEADS, &settings(), 1)).clone();
    let student = NativeLearner::new(network, None, machine).unwrap();
    let mut worlds = cart_poles(&[16, 16]);
    let config = PpoConfig { normalize_observations: false, ..settings() };
    let ppo = Ppo::new(config, student, &lanes(&worlds), Seed::new(6)).unwrap();
    let mut ppo = ppo.with_teacher(PolicyDistillation { teacher: teacher(), config: taught(100) }).unwrap();
    let found = divergences(&mut ppo, &mut worlds, 100);
    let last = found[90..].iter().sum::<f32>() / 10.0;
    assert!(last < 0.6 * found[0], "{} at first, {last} in the end", found[0]);
}

#[test]
fn teachers_that_do_not_fit_are_refused() {
    let network = |width: usize, heads: &[Head], memory: Option<Memory>| {
        let config = NetworkConfig { hidden: vec![8], memory, ..NetworkConfig::default() };
        Network::new(Layout::new(width, heads, &config).unwrap(), Seed::new(1))
    };
    let memory = Teacher::new(network(WIDTH, &HEADS, Some(Memory::Gru(4))), None).unwrap_err();
    assert_eq!(memory, LearnError::TeacherMemory);
    assert!(Teacher::new(network(WIDTH, &HEADS, None), Some(Normalizer::new(3, 10.0))).is_err());
    let refused = |teacher: Network, config: DistillationConfig| {
        let ppo = cart_pole_ppo(&settings(), &cart_poles(&[4]), 1);
        let teacher = Teacher::new(teacher, None).unwrap();
        ppo.with_teacher(PolicyDistillation { teacher, config }).unwrap_err().to_string()
    };
    assert!(refused(network(3, &HEADS, None), taught(1)).contains("the teacher reads 3 numbers, and the policy 4"));
    let three = [Head::Categorical { choices: 3 }];
    assert!(refused(network(WIDTH, &three, None), taught(1)).contains("the teacher has the heads"));
    let config = DistillationConfig { weight: Schedule::Constant(-1.0), ..taught(1) };
    assert_eq!(refused(network(WIDTH, &HEADS, None), config), "`weight` is -1; it must be at least 0");
}
