//! Settings of the program.

use std::error::Error;
use std::sync::Arc;

use ludus_learn::{Algorithm, Dqn, DqnConfig, LaneShape, Machine, Pqn, PqnConfig, Sac, SacConfig};
use ludus_net::{Activation, Layout, Network, NetworkConfig, Normalizer};
use ludus_spec::Seed;

use crate::clock;
use crate::games::ArrayGame;

#[derive(Debug)]
pub struct Settings {
    pub copies: usize,
    pub threads: usize,
    pub seeds: u64,
    pub first_seed: u64,
    pub steps: usize,
    /// Steps between two checkpoints.
    pub every: usize,
    /// Episodes that judge a checkpoint.
    pub judged: usize,
    /// Episodes of the final evaluations.
    pub episodes: usize,
    pub network: NetworkConfig,
    pub section: Section,
}

/// The section of an algorithm.
#[derive(Clone, Debug)]
pub enum Section {
    Pqn(PqnConfig),
    Dqn(DqnConfig),
    Sac(SacConfig),
}

impl Section {
    /// Reads `dqn: (…)`.
    fn read(written: &str) -> Result<Self, Box<dyn Error>> {
        let (name, section) = written.split_once(':').ok_or("the second argument is a section such as `dqn: ()`")?;
        // As in a run's config, where `Some` is not written.
        let options = ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
        match name {
            "pqn" => Ok(Self::Pqn(options.from_str(section)?)),
            "dqn" => Ok(Self::Dqn(options.from_str(section)?)),
            "sac" => Ok(Self::Sac(options.from_str(section)?)),
            other => Err(format!("there is no algorithm `{other}`; valid: `pqn`, `dqn`, `sac`").into()),
        }
    }

    fn normalizes_observations(&self) -> bool {
        match self {
            Self::Pqn(config) => config.normalize_observations,
            Self::Dqn(config) => config.normalize_observations,
            Self::Sac(config) => config.normalize_observations,
        }
    }
}

impl Settings {
    pub fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let section = Section::read(&arguments.next().ok_or("the second argument is a section such as `dqn: ()`")?)?;
        let network = NetworkConfig {
            activation: Activation::Relu,
            shared: true,
            squashed: matches!(section, Section::Sac(_)),
            ..NetworkConfig::default()
        };
        let mut settings = Self {
            copies: 1,
            threads: 1,
            seeds: 1,
            first_seed: 1,
            steps: 10_000,
            every: 1_000,
            judged: 20,
            episodes: 1000,
            network,
            section,
        };
        for argument in arguments {
            let (name, value) = argument.split_once('=').ok_or("each setting is `name=value`")?;
            settings.set(name, value)?;
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Box<dyn Error>> {
        match name {
            "copies" => self.copies = value.parse()?,
            "threads" => self.threads = value.parse()?,
            "seeds" => self.seeds = value.parse()?,
            "first_seed" => self.first_seed = value.parse()?,
            "steps" => self.steps = value.parse()?,
            "every" => self.every = value.parse()?,
            "judged" => self.judged = value.parse()?,
            "episodes" => self.episodes = value.parse()?,
            "hidden" => self.network.hidden = value.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "activation" => self.network.activation = ron::from_str::<Activation>(value)?,
            "layer_norm" => self.network.layer_norm = value.parse()?,
            "shared" => self.network.shared = value.parse()?,
            _ => return Err(format!("there is no setting `{name}`").into()),
        }
        Ok(())
    }

    /// Makes the algorithm of a run.
    pub fn algorithm<G: ArrayGame>(&self, seed: Seed) -> Result<Box<dyn Algorithm>, Box<dyn Error>> {
        let lane =
            LaneShape { rows: self.copies, observation_width: G::WIDTH, action_width: 1, ..LaneShape::default() };
        let (network, machine) = (self.network::<G>(seed.derive(1))?, self.machine()?);
        let normalizer = self.section.normalizes_observations().then(|| Normalizer::new(G::WIDTH, 10.0));
        let (lanes, seed) = ([lane], seed.derive(2));
        Ok(match self.section.clone() {
            Section::Pqn(config) => Box::new(Pqn::new(config, network, normalizer, machine, &lanes, seed)?),
            Section::Dqn(config) => Box::new(Dqn::new(config, network, normalizer, machine, &lanes, seed)?),
            Section::Sac(config) => Box::new(Sac::new(config, network, normalizer, machine, &lanes, seed)?),
        })
    }

    /// Makes a network with random weights.
    pub fn network<G: ArrayGame>(&self, seed: Seed) -> Result<Network, Box<dyn Error>> {
        Ok(Network::new(Layout::new(G::WIDTH, &[G::HEAD], &self.network)?, seed))
    }

    pub fn machine(&self) -> Result<Machine, Box<dyn Error>> {
        let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(self.threads).build()?);
        Ok(Machine { pool, clock })
    }
}
