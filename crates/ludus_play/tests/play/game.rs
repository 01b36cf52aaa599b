//! Walkers on a line, and policies for them that can be computed by hand.

use core::num::NonZeroU32;
use std::fs;
use std::time::Duration;

use bevy::prelude::*;
use bevy::time::TimeUpdateStrategy;
use ludus_agent::{Action, ActionMask, Agent, AgentAppExt, Observation, Reward, SenseAgents};
use ludus_net::{Encoder, Layout, NetworkConfig};
use ludus_play::{PolicyAsset, PolicyPlugin, PolicyProblem};
use ludus_policy::{Origin, PolicyFile};

/// Walks along a line.
#[derive(Component, Agent, Default)]
#[require(Place, ActionMask<Walk>)]
#[agent(observation = Senses, action = Walk, reward = Nothing)]
pub struct Walker;

/// Metres from the start.
#[derive(Component, Reflect, Default, Clone, Copy)]
pub struct Place(pub f32);

#[derive(Component, Observation, Default)]
pub struct Senses {
    pub place: f32,
}

#[derive(Component, Action, Default, Clone, Debug, PartialEq)]
pub struct Walk {
    /// Metres per tick.
    #[action(continuous)]
    pub velocity: f32,
    #[action(discrete)]
    pub gait: Gait,
}

/// The default is not the first, so that idling differs from a row of zeros.
#[derive(Action, Default, Clone, Copy, Debug, PartialEq)]
pub enum Gait {
    Run,
    #[default]
    Stand,
}

#[derive(Component, Reward, Default)]
pub struct Nothing {
    pub nothing: f32,
}

pub fn walking(app: &mut App) {
    app.add_agent::<Walker>();
    app.add_systems(FixedUpdate, |mut walkers: Query<(&mut Place, &Walk)>| {
        walkers.iter_mut().for_each(|(mut place, walk)| place.0 += walk.velocity);
    });
    app.add_systems(SenseAgents, |mut walkers: Query<(&Place, &mut Senses)>| {
        walkers.iter_mut().for_each(|(place, mut senses)| senses.place = place.0);
    });
}

/// Returns the policy `velocity = slope·place + offset`, with the gait `Run`.
pub fn line(slope: f32, offset: f32) -> PolicyFile {
    let (spec, network) = (Walker::spec(), NetworkConfig { hidden: Vec::new(), ..NetworkConfig::default() });
    let layout = Layout::new(1, &spec.heads(), &network).expect("there is such a network");
    let tensors = layout.tensors().map(|tensor| {
        let values = match tensor.name.as_str() {
            "actor.0.weight" => vec![slope, 0.0, 0.0],
            "actor.0.bias" => vec![offset, 1.0, 0.0],
            _ => vec![0.0; tensor.element_count()],
        };
        (tensor.name.clone(), tensor.shape.clone(), values)
    });
    let parameters = layout.import(&tensors.collect::<Vec<_>>()).expect("they are its tensors");
    PolicyFile {
        spec,
        network: network.into(),
        parameters,
        normalizer: None,
        decision_interval: NonZeroU32::MIN,
        tick_rate_hz: 64.0,
        origin: Origin::default(),
    }
}

/// Returns the policy `velocity = ½·place before the last step − ½·last velocity + ¼`, with the gait `Run`.
pub fn looking_back() -> PolicyFile {
    let network = NetworkConfig {
        encoders: [("place".to_owned(), Encoder::Stack(2))].into(),
        observe_last_action: true,
        hidden: Vec::new(),
        ..NetworkConfig::default()
    };
    let layout = Layout::of_agent(&Walker::spec(), &network).expect("there is such a network");
    let tensors = layout.tensors().map(|tensor| {
        let values = match tensor.name.as_str() {
            // The place now and before, the last velocity, and the gaits.
            "actor.0.weight" => [vec![0.0, 0.5, -0.5, 0.0, 0.0], vec![0.0; 10]].concat(),
            "actor.0.bias" => vec![0.25, 1.0, 0.0],
            _ => vec![0.0; tensor.element_count()],
        };
        (tensor.name.clone(), tensor.shape.clone(), values)
    });
    let parameters = layout.import(&tensors.collect::<Vec<_>>()).expect("they are its tensors");
    PolicyFile { network: network.into(), parameters, ..line(0.0, 0.0) }
}

/// Returns the same policy with another decision interval.
pub fn every(ticks: u32, file: PolicyFile) -> PolicyFile {
    PolicyFile { decision_interval: NonZeroU32::new(ticks).expect("not zero"), ..file }
}

/// The texts of all problems that were reported; Bevy's messages are gone after two frames.
#[derive(Resource, Default)]
pub struct Told(pub Vec<String>);

fn listen(mut problems: MessageReader<PolicyProblem>, mut told: ResMut<Told>) {
    told.0.extend(problems.read().map(|problem| problem.sentence.clone()));
}

/// An app with a folder of assets.
pub struct Game {
    pub app: App,
    folder: tempfile::TempDir,
}

impl Game {
    /// Creates a game before its first update.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for assets");
        let file_path = folder.path().to_str().expect("its name is text").to_owned();
        let mut app = App::new();
        app.add_plugins((MinimalPlugins, AssetPlugin { file_path, ..AssetPlugin::default() }));
        walking(&mut app);
        app.add_plugins(PolicyPlugin).init_resource::<Told>().add_systems(Last, listen);
        Self { app, folder }
    }

    /// Writes a file into the folder of assets.
    pub fn write(&self, name: &str, bytes: &[u8]) {
        // Renamed, because a file watcher may read a file that is half written.
        let (written, path) = (self.folder.path().join("written"), self.folder.path().join(name));
        fs::write(&written, bytes).and_then(|()| fs::rename(&written, path)).expect("the folder can be written to");
    }

    /// Loads a policy before the first tick, as a game does before a level.
    pub fn load(&mut self, name: &str, file: &PolicyFile) -> Handle<PolicyAsset> {
        self.write(name, &file.to_tensor_file().to_bytes());
        let policy = self.app.world().resource::<AssetServer>().load(name.to_owned());
        self.pass_frames_until(|world| world.resource::<Assets<PolicyAsset>>().contains(&policy));
        policy
    }

    /// Adds a policy that is in memory.
    pub fn add(&mut self, name: &str, file: &PolicyFile) -> Handle<PolicyAsset> {
        let asset = PolicyAsset::new(file, name).expect("the file is whole");
        self.app.world_mut().resource_mut::<Assets<PolicyAsset>>().add(asset)
    }

    /// Updates in frames without time, until the condition holds.
    pub fn pass_frames_until(&mut self, mut is_over: impl FnMut(&World) -> bool) {
        self.app.insert_resource(TimeUpdateStrategy::ManualDuration(Duration::ZERO));
        for _ in 0..10_000 {
            self.app.update();
            if is_over(self.app.world()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("nothing happened in 10,000 frames");
    }

    /// Updates in frames of one tick each. Bevy's first update has no tick.
    pub fn tick(&mut self, ticks: u32) {
        self.app.insert_resource(TimeUpdateStrategy::FixedTimesteps(1));
        (0..ticks).for_each(|_| self.app.update());
    }

    pub fn place(&self, walker: Entity) -> f32 {
        self.app.world().get::<Place>(walker).expect("the walker is there").0
    }

    pub fn walk(&self, walker: Entity) -> Walk {
        self.app.world().get::<Walk>(walker).expect("the walker is there").clone()
    }

    /// Takes the texts of the problems that were reported since the last call.
    pub fn problems(&mut self) -> Vec<String> {
        core::mem::take(&mut self.app.world_mut().resource_mut::<Told>().0)
    }
}
