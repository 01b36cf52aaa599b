//! The errors of the learners on libtorch.

/// The reasons that a device, or a network on it, can't be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TorchError {
    /// CUDA is missing or unusable.
    #[error("{0}")]
    Cuda(String),
    /// There is no CUDA device with this index.
    #[error("there is no device `cuda:{index}`, {}; train with `--device cpu` or one of these", there_are(*.count))]
    NoDevice {
        /// The requested index.
        index: usize,
        /// The number of devices.
        count: usize,
    },
    /// A rollout and an update don't fit into the device's memory.
    #[error(
        "{rows} agents need about {} of GPU memory, and {} are free; {}, or lower `rollout_steps` or `minibatch`",
        megabytes(*.needed), megabytes(*.free), remedy(*.fitting_rows)
    )]
    Memory {
        /// The number of agents.
        rows: usize,
        /// Estimated memory that the run needs \[bytes\].
        needed: u64,
        /// Free memory of the GPU \[bytes\].
        free: u64,
        /// The number of agents that would fit.
        fitting_rows: usize,
    },
    /// The shape of a network's output is not the one that the action needs.
    #[error(
        "the network's {what} are {actual:?} for {rows} observations, the action needs {expected:?}; mend its `forward`"
    )]
    Output {
        /// The name of the output: `outputs`, `values` or `memory`.
        what: &'static str,
        /// Rows of the trial forward pass.
        rows: usize,
        /// The required shape.
        expected: Vec<i64>,
        /// The shape of the output.
        actual: Vec<i64>,
    },
    /// PPO was given a network whose numbers are squashed.
    #[error(
        "on libtorch, a network with `squashed: true` is learned by `sac` alone; leave `squashed` out, or train with \
         `--learner native`"
    )]
    Squashed,
    /// The network can't be computed at all.
    #[error("the network can't be computed: {0}; mend its `forward`, or the shapes of its `parameters`")]
    Network(String),
    /// The normaliser is not as wide as the network's input.
    #[error(transparent)]
    Learn(#[from] ludus_learn::LearnError),
}

fn there_are(count: usize) -> String {
    match count {
        0 => "there is no CUDA device".to_owned(),
        1 => "there is only `cuda:0`".to_owned(),
        _ => format!("there are `cuda:0` to `cuda:{}`", count - 1),
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

fn remedy(fitting_rows: usize) -> String {
    match fitting_rows {
        0 => "free some, or train with `--device cpu`".to_owned(),
        rows => format!("{rows} agents would fit: train with fewer `arenas` or `worlds`"),
    }
}
