//! Numbers and networks that can't be learned from.

use std::sync::atomic::{AtomicBool, Ordering};

use ludus_learn::{
    Algorithm, LaneShape, LearnError, Learner, Ppo, PpoConfig, SensedRows, Simulation, StepLanes, UpdateSettings,
};
use ludus_spec::{Head, Outcome};
use ludus_torch::{DeviceConfig, Forward, Parameter, TorchError, TorchLearner, TorchNetwork, TorchSettings, tch};
use tch::{Kind, Tensor};

use crate::cart_pole::{CartPoles, WIDTH};
use crate::{PLAIN, cart_pole_network, cart_poles, collect, device, machine, of_samples, ppo, rollout_of, torch};

const SETTINGS: UpdateSettings = UpdateSettings {
    learning_rate: 1e-2,
    clip: 0.2,
    value_clip: None,
    entropy: 0.0,
    value_coefficient: 0.5,
    max_grad_norm: 0.5,
    normalize_advantages: false,
};

#[test]
fn a_loss_that_is_not_finite_changes_nothing_from_there_on() {
    let mut learner = torch(cart_pole_network(1), None, PLAIN);
    let mut worlds = cart_poles(&[8], 2);
    let mut rollout = rollout_of(4, &worlds);
    collect(&mut learner, &mut worlds, &mut rollout, 3).unwrap();
    for slab in rollout.slabs_mut() {
        slab.returns.fill(1.0);
        slab.returns[20] = f32::NAN;
    }
    learner.begin_update(&rollout);
    let good: Vec<u32> = (0..16).collect();
    let bad: Vec<u32> = (16..32).collect();
    learner.learn_minibatch(&rollout, of_samples(&good), &SETTINGS).unwrap();
    let after_good = learner.state();
    learner.learn_minibatch(&rollout, of_samples(&bad), &SETTINGS).unwrap();
    learner.learn_minibatch(&rollout, of_samples(&good), &SETTINGS).unwrap();
    let error = learner.take_losses().unwrap_err();
    assert!(matches!(error, LearnError::NotFinite { what: "value loss", value } if value.is_nan()), "{error}");
    assert_eq!(learner.state(), after_good);
    assert_eq!(learner.take_losses().unwrap(), ludus_learn::Losses::default());
}

/// A simulation whose rows are all vacant.
struct Nobody;

impl Simulation for Nobody {
    fn lane(&self, _: usize) -> LaneShape {
        LaneShape { rows: 3, observation_width: WIDTH, action_width: 1, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        now.observations.fill(f32::NAN);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let rows = lanes.lane(0);
        assert!(rows.actions.iter().all(|action| action.is_finite()), "even a faulty row's action is finite");
        rows.rewards.fill(f32::NAN);
        rows.outcomes.fill(Outcome::Vacant);
        rows.next.observations.fill(f32::NAN);
    }
}

#[test]
fn rows_without_agents_get_finite_actions() {
    let mut learner = torch(cart_pole_network(1), None, PLAIN);
    collect(&mut learner, &mut [Nobody], &mut rollout_of(2, &[Nobody]), 3).unwrap();
}

/// A network with one output too few, or with weights that don't fit.
struct Mistaken {
    outputs: usize,
    inputs: usize,
}

impl TorchNetwork for Mistaken {
    fn inputs(&self) -> usize {
        WIDTH
    }

    fn heads(&self) -> &[Head] {
        &[Head::Categorical { choices: 3 }]
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::zeros("actor", &[self.outputs, self.inputs]), Parameter::zeros("critic", &[1, self.inputs])]
    }

    fn forward(&self, parameters: &[Tensor], observations: &Tensor) -> Forward {
        let none = None::<Tensor>;
        let values = observations.linear(&parameters[1], none.as_ref()).squeeze_dim(1);
        Forward { outputs: observations.linear(&parameters[0], none.as_ref()), values }
    }
}

#[test]
fn a_network_that_does_not_fit_is_refused_in_a_sentence() {
    let learner = |network: Mistaken| {
        let settings = TorchSettings { device: device(), config: DeviceConfig::default(), machine: machine(1) };
        TorchLearner::new(Box::new(network), None, settings).err()
    };
    assert_eq!(learner(Mistaken { outputs: 3, inputs: WIDTH }), None);
    let error = learner(Mistaken { outputs: 2, inputs: WIDTH }).unwrap();
    assert_eq!(
        error.to_string(),
        "the network's outputs are [2, 2] for 2 observations, the action needs [2, 3]; mend its `forward`"
    );
    let error = learner(Mistaken { outputs: 3, inputs: 7 }).unwrap();
    assert!(matches!(error, TorchError::Network(_)), "{error}");
    assert_eq!(
        error.to_string(),
        "the network can't be computed: mat1 and mat2 shapes cannot be multiplied (2x4 and 7x1); mend its `forward`, or \
         the shapes of its `parameters`"
    );
}

/// A network that calls a function in its forward pass.
struct Sidetracked<F>(F);

impl<F: Fn(&Tensor) + Send + Sync> TorchNetwork for Sidetracked<F> {
    fn inputs(&self) -> usize {
        WIDTH
    }

    fn heads(&self) -> &[Head] {
        &[Head::Categorical { choices: 2 }]
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::zeros("actor", &[2, WIDTH]), Parameter::zeros("critic", &[1, WIDTH])]
    }

    fn forward(&self, parameters: &[Tensor], observations: &Tensor) -> Forward {
        (self.0)(observations);
        let none = None::<Tensor>;
        let values = observations.linear(&parameters[1], none.as_ref()).squeeze_dim(1);
        Forward { outputs: observations.linear(&parameters[0], none.as_ref()), values }
    }
}

const ROWS: u64 = 16;

fn sidetracked(work: impl Fn(&Tensor) + Send + Sync + 'static, worlds: &[CartPoles]) -> Ppo<TorchLearner> {
    let settings = TorchSettings { device: device(), config: DeviceConfig::default(), machine: machine(1) };
    let learner = TorchLearner::new(Box::new(Sidetracked(work)), None, settings).unwrap();
    ppo(&PpoConfig { rollout_steps: 8, minibatch: 16, ..PpoConfig::default() }, learner, worlds, 3)
}

/// Runs on a GPU. Learners after it and beside it are not affected.
#[test]
fn what_can_t_be_recorded_is_told_and_learned_all_the_same() {
    let mut worlds = cart_poles(&[ROWS], 2);
    // Reading a number waits for the device, which can't be recorded.
    let mut ppo = sidetracked(|seen| assert!(seen.sum(Kind::Float).double_value(&[]).is_finite()), &worlds);
    for _ in 0..3 {
        ppo.iterate(&mut worlds, 0.0).unwrap();
        check_recording();
    }
    assert!(ppo.learner().state().parameters.iter().any(|&parameter| parameter != 0.0));
    let obstacle = ppo.learner().obstacle();
    assert_eq!(
        obstacle.is_some_and(|why| why.starts_with("`graphs` can't be had: ")),
        device().is_cuda(),
        "{obstacle:?}"
    );
}

/// Collects enough steps that decisions are recorded, with as many rows as before, then with more.
fn check_recording() {
    let mut learner = torch(cart_pole_network(1), None, PLAIN);
    for rows in [ROWS, 2 * ROWS] {
        let mut worlds = cart_poles(&[rows], 2);
        let mut rollout = rollout_of(8, &worlds);
        collect(&mut learner, &mut worlds, &mut rollout, 3).unwrap();
        assert_eq!(learner.obstacle(), None);
        assert_eq!(learner.take_losses().unwrap(), ludus_learn::Losses::default());
    }
}

/// Nothing is learned while memory is short. Afterwards, learning continues.
#[test]
fn what_a_device_can_t_do_is_told_and_not_the_end() {
    static IS_SHORT: AtomicBool = AtomicBool::new(false);
    let mut worlds = cart_poles(&[ROWS], 2);
    let hungry = |seen: &Tensor| {
        if IS_SHORT.load(Ordering::Relaxed) {
            let _ = seen.repeat([1 << 40, 1]);
        }
    };
    let mut ppo = sidetracked(hungry, &worlds);
    let good = ppo.state();
    ppo.mark().unwrap();
    IS_SHORT.store(true, Ordering::Relaxed);
    let error = ppo.iterate(&mut worlds, 0.0).unwrap_err().to_string();
    assert!(error.starts_with("the learner can't go on: ") && error.contains("memory"), "{error}");
    assert!(error.ends_with("or lower `rollout_steps` or `minibatch`") && !error.contains("frame"), "{error}");
    assert!(ppo.iterate(&mut worlds, 0.0).is_err(), "until it is rewound");
    IS_SHORT.store(false, Ordering::Relaxed);
    ppo.rewind();
    assert!(ppo.state() == good);
    ppo.iterate(&mut worlds, 0.0).unwrap();
    assert!(ppo.state() != good);
}
