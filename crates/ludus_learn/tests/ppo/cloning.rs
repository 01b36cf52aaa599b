//! Cloning: demonstrations are learned before the first step, and beside rewards.

use ludus_learn::{
    Algorithm, CloningConfig, DemonstratedEpisode, Demonstrations, Imitation, LearnError, NativeLearner, Ppo,
    PpoConfig, Schedule,
};
use ludus_net::{Layout, Memory, Network, NetworkConfig};
use ludus_spec::{Head, Seed};

use super::cart_pole::WIDTH;
use super::{cart_pole_ppo, cart_poles, learner, parameter_bits, parts, small, trained};

/// The settings of a short pretraining.
fn cloning() -> CloningConfig {
    let learning_rate = Schedule::Constant(3e-3);
    CloningConfig { epochs: 20, minibatch: 64, learning_rate, critic_warm_up: 0, ..CloningConfig::default() }
}

/// Settings of PPO with which a run can be resumed bit for bit.
fn settings() -> PpoConfig {
    PpoConfig { scale_rewards: false, ..small() }
}

/// Episodes of a script that pushes a cart to where the pole falls, from random states.
fn episodes(seed: u64, count: u64) -> Vec<DemonstratedEpisode> {
    let episode = |index: u64| {
        let seed = Seed::new(seed).derive(index);
        let steps = 20 + index as usize;
        let observations: Vec<f32> =
            (0..steps * WIDTH).map(|place| 2.0 * seed.derive(place as u64).uniform() - 1.0).collect();
        let pushes = observations.chunks_exact(WIDTH).map(|state| f32::from(state[2] + 0.5 * state[3] > 0.0));
        DemonstratedEpisode {
            actions: pushes.collect(),
            masks: Vec::new(),
            is_imitated: vec![true; steps],
            observations,
        }
    };
    (0..count).map(episode).collect()
}

fn imitation(ppo: &Ppo<NativeLearner>, held_out: &[DemonstratedEpisode], config: CloningConfig) -> Imitation {
    let demonstrations = Demonstrations::new(&ppo.demonstration_shape(), &episodes(1, 20), held_out).unwrap();
    Imitation { demonstrations, config }
}

/// PPO for cart-poles that imitates the script.
fn imitating(config: CloningConfig, threads: usize) -> Ppo<NativeLearner> {
    let ppo = cart_pole_ppo(&settings(), &cart_poles(&[4, 4]), threads);
    let imitation = imitation(&ppo, &episodes(2, 4), config);
    ppo.with_imitation(imitation).unwrap()
}

#[test]
fn what_was_shown_is_learned() {
    let mut ppo = imitating(cloning(), 1);
    let mut losses = Vec::new();
    let report = ppo.pretrain(&mut |epoch| {
        losses.push(epoch.held_out_loss.unwrap());
        true
    });
    let report = report.unwrap().unwrap();
    assert!(losses[0] > 0.3 && report.kept.held_out_loss.unwrap() < 0.15, "{losses:?}");
    assert_eq!(report.kept.held_out_loss, losses.iter().copied().min_by(f32::total_cmp));
    assert_eq!((report.epochs, report.samples), (20, (20..40).sum()));
    let normalizer = ppo.learner().normalizer().unwrap();
    assert_eq!(normalizer.statistics().count(), report.samples as f64, "of what was learned from, and of nothing else");
}

#[test]
fn an_interrupted_pretraining_keeps_what_it_has() {
    let report = imitating(cloning(), 1).pretrain(&mut |epoch| epoch.epoch < 3).unwrap().unwrap();
    assert_eq!((report.epochs, report.kept.epoch), (3, 3));
}

#[test]
fn threads_do_not_change_a_bit() {
    let bits = |threads| {
        let mut ppo = imitating(CloningConfig { weight: Schedule::Constant(0.5), ..cloning() }, threads);
        ppo.pretrain(&mut |_| true).unwrap();
        trained(&mut ppo, &mut cart_poles(&[4, 4]), 2)
    };
    assert_eq!(bits(1), bits(3));
}

#[test]
fn episodes_that_are_held_out_are_not_learned_from() {
    let bits = |held_out: &[DemonstratedEpisode]| {
        let ppo = cart_pole_ppo(&settings(), &cart_poles(&[4, 4]), 1);
        let imitation = imitation(&ppo, held_out, CloningConfig { epochs: 1, ..cloning() });
        let mut ppo = ppo.with_imitation(imitation).unwrap();
        ppo.pretrain(&mut |_| true).unwrap();
        (parameter_bits(&ppo), ppo.learner().normalizer().cloned())
    };
    assert_eq!(bits(&episodes(2, 4)), bits(&episodes(3, 9)));
    assert_eq!(bits(&episodes(2, 4)), bits(&[]));
}

#[test]
fn only_the_critic_learns_while_it_warms_up() {
    let mut ppo = imitating(CloningConfig { critic_warm_up: 2, ..cloning() }, 1);
    ppo.pretrain(&mut |_| true).unwrap();
    let mut worlds = cart_poles(&[4, 4]);
    let normalizer = ppo.learner().normalizer().cloned();
    let [mut critic, policy] = parts(&ppo);
    for iteration in 0..2 {
        ppo.iterate(&mut worlds, 0.0).unwrap();
        let [critic_now, policy_now] = parts(&ppo);
        assert_ne!(critic, critic_now, "iteration {iteration}");
        assert_eq!(policy, policy_now, "iteration {iteration}");
        assert_eq!(ppo.learner().normalizer(), normalizer.as_ref());
        critic = critic_now;
    }
    ppo.iterate(&mut worlds, 0.0).unwrap();
    assert_ne!(policy, parts(&ppo)[1]);
}

/// The statistics of a run's own observations are others, and an update without a step would change the policy.
#[test]
fn a_cloned_policy_keeps_the_statistics_that_it_has_learned_with() {
    let settings = PpoConfig { learning_rate: 0.0.into(), ..settings() };
    let ppo = cart_pole_ppo(&settings, &cart_poles(&[4, 4]), 1);
    let imitation = imitation(&ppo, &[], CloningConfig { critic_warm_up: 1, ..cloning() });
    let mut ppo = ppo.with_imitation(imitation).unwrap();
    ppo.pretrain(&mut |_| true).unwrap();
    let policy = |ppo: &Ppo<NativeLearner>| (parameter_bits(ppo), ppo.learner().normalizer().cloned());
    let cloned = policy(&ppo);
    for iteration in 0..3 {
        ppo.iterate(&mut cart_poles(&[4, 4]), 0.0).unwrap();
        assert!(policy(&ppo) == cloned, "iteration {iteration} changed the policy");
    }
}

/// Without a pretraining, nothing has been learned with the statistics of demonstrations.
#[test]
fn statistics_follow_a_run_that_only_imitates_beside_rewards() {
    let mut ppo = imitating(CloningConfig { epochs: 0, weight: Schedule::Constant(0.5), ..cloning() }, 1);
    ppo.pretrain(&mut |_| true).unwrap();
    let before = ppo.learner().normalizer().cloned();
    ppo.iterate(&mut cart_poles(&[4, 4]), 0.0).unwrap();
    assert_ne!(ppo.learner().normalizer(), before.as_ref());
}

/// One column is the same in all demonstrations, and not in the game.
#[test]
fn a_column_that_is_constant_in_demonstrations_is_not_scaled() {
    let ppo = cart_pole_ppo(&settings(), &cart_poles(&[4, 4]), 1);
    let mut shown = episodes(1, 20);
    for state in shown.iter_mut().flat_map(|episode| episode.observations.chunks_exact_mut(WIDTH)) {
        state[0] = 0.25;
    }
    let demonstrations = Demonstrations::new(&ppo.demonstration_shape(), &shown, &[]).unwrap();
    let mut ppo = ppo.with_imitation(Imitation { demonstrations, config: cloning() }).unwrap();
    ppo.pretrain(&mut |_| true).unwrap();
    let normalizer = ppo.learner().normalizer().unwrap();
    assert_eq!((normalizer.means()[0], normalizer.factors()[0]), (0.25, 1.0));
    assert!(normalizer.factors()[1] > 1.5);
}

/// Returns cloning's loss in the last of forty iterations.
fn loss_beside_rewards(weight: f32) -> f32 {
    let config = CloningConfig { weight: Schedule::Constant(weight), epochs: 0, ..cloning() };
    let mut ppo = imitating(config, 1);
    let (mut worlds, mut loss) = (cart_poles(&[4, 4]), 0.0);
    for _ in 0..40 {
        ppo.iterate(&mut worlds, 0.0).unwrap();
        loss = ppo.cloning_loss().unwrap();
    }
    loss
}

#[test]
fn the_loss_beside_rewards_is_learned_by_its_weight() {
    let [little, much] = [1e-4, 3.0].map(loss_beside_rewards);
    assert!(much < 0.8 * little, "{much} with a large weight, {little} with a small one");
}

#[test]
fn a_resumed_run_imitates_as_one_that_was_not_stopped() {
    let config = CloningConfig { weight: Schedule::Linear { from: 0.5, to: 0.0 }, critic_warm_up: 1, ..cloning() };
    let mut ppo = imitating(config.clone(), 1);
    ppo.pretrain(&mut |_| true).unwrap();
    for _ in 0..2 {
        ppo.iterate(&mut cart_poles(&[4, 4]), 0.2).unwrap();
    }
    let mut resumed = imitating(config, 1);
    resumed.restore(&ppo.save()).unwrap();
    let both = [&mut ppo, &mut resumed].map(|ppo| {
        ppo.iterate(&mut cart_poles(&[4, 4]), 0.4).unwrap();
        parameter_bits(ppo)
    });
    assert_eq!(both[0], both[1]);
}

#[test]
fn settings_out_of_range_are_refused() {
    let ppo = cart_pole_ppo(&settings(), &cart_poles(&[4]), 1);
    let wrong = imitation(&ppo, &[], CloningConfig { minibatch: 0, least_deviation: f32::NAN, ..cloning() });
    let Err(LearnError::Config(problems)) = ppo.with_imitation(wrong) else { panic!("it was accepted") };
    assert_eq!(problems.iter().map(|(field, _)| *field).collect::<Vec<_>>(), ["minibatch", "least_deviation"]);
}

/// Episodes in which the action is the sign of what was seen one step before.
fn remembered() -> Vec<DemonstratedEpisode> {
    let episode = |index: u64| {
        let steps = 12 + (index % 3) as usize;
        let seen: Vec<f32> = (0..steps)
            .map(|step| if Seed::new(index).derive(step as u64).uniform() < 0.5 { -1.0 } else { 1.0 })
            .collect();
        let before = std::iter::once(-1.0).chain(seen.iter().copied()).take(steps);
        DemonstratedEpisode {
            actions: before.map(|sign: f32| f32::from(sign > 0.0)).collect(),
            masks: Vec::new(),
            is_imitated: vec![true; steps],
            observations: seen,
        }
    };
    (0..40).map(episode).collect()
}

#[test]
fn a_memory_learns_what_was_seen_before() {
    let loss = |memory: Option<Memory>| {
        let shape = NetworkConfig { hidden: vec![16], memory, ..NetworkConfig::default() };
        let layout = Layout::new(1, &[Head::Categorical { choices: 2 }], &shape).unwrap();
        let machine =
            ludus_learn::Learner::machine(&learner(1, &[Head::Categorical { choices: 2 }], &small(), 1)).clone();
        let learner = NativeLearner::new(Network::new(layout, Seed::new(5)), None, machine).unwrap();
        let lane = ludus_learn::LaneShape { rows: 1, observation_width: 1, action_width: 1, ..Default::default() };
        let config = PpoConfig { normalize_observations: false, ..small() };
        let ppo = Ppo::new(config, learner, &[lane], Seed::new(6)).unwrap();
        let demonstrations = Demonstrations::new(&ppo.demonstration_shape(), &remembered(), &[]).unwrap();
        let config = CloningConfig { epochs: 60, learning_rate: Schedule::Constant(1e-2), ..cloning() };
        let mut ppo = ppo.with_imitation(Imitation { demonstrations, config }).unwrap();
        ppo.pretrain(&mut |_| true).unwrap().unwrap().kept.loss
    };
    assert!(loss(Some(Memory::Gru(16))) < 0.1);
    assert!(loss(None) > 0.5, "without a memory, what was seen is lost");
}

/// Settings that are off change no bit: PPO without demonstrations is PPO with demonstrations that it makes no use of.
#[test]
fn demonstrations_without_weight_change_nothing() {
    let mut plain = cart_pole_ppo(&settings(), &cart_poles(&[4, 4]), 1);
    let mut unused = imitating(CloningConfig { epochs: 0, ..cloning() }, 1);
    assert_eq!(unused.pretrain(&mut |_| true), Ok(None));
    let [one, other] = [&mut plain, &mut unused].map(|ppo| trained(ppo, &mut cart_poles(&[4, 4]), 3));
    assert_eq!(one, other);
}
