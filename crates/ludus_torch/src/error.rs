//! Why there is no learner on libtorch.

/// Why a device, or a network on it, can't be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TorchError {
    /// There is no CUDA, or none that can be used.
    #[error("{0}")]
    Cuda(String),
    /// The device is not there.
    #[error("there is no device `cuda:{index}`, {}; train with `--device cpu` or one of these", there_are(*.count))]
    NoDevice {
        /// What was asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// A rollout and an update don't fit into the device's memory.
    #[error(
        "{rows} agents need about {} of GPU memory, and {} are free; {}, or lower `rollout_steps` or `minibatch`",
        megabytes(*.needed), megabytes(*.free), remedy(*.fitting_rows)
    )]
    Memory {
        /// Agents.
        rows: usize,
        /// What was asked \[bytes\].
        needed: u64,
        /// What is free \[bytes\].
        free: u64,
        /// Agents that would fit.
        fitting_rows: usize,
    },
    /// The network's output is not what the action needs.
    #[error(
        "the network's {what} are {actual:?} for {rows} observations, the action needs {expected:?}; mend its `forward`"
    )]
    Output {
        /// Which of its outputs.
        what: &'static str,
        /// Rows that it was tried with.
        rows: usize,
        /// The shape that is needed.
        expected: Vec<i64>,
        /// The shape that it has.
        actual: Vec<i64>,
    },
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
