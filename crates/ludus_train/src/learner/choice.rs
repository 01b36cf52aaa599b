//! The user's choice of learner and device.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;

/// The choice of the learner and the device that train a run; by default those that are expected to be fastest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LearnerChoice {
    /// The learner, if it was named.
    pub learner: Option<LearnerKind>,
    /// The device that the learner computes on.
    pub device: DeviceChoice,
}

/// The learners that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LearnerKind {
    /// In plain Rust, on the CPU.
    Native,
    /// On libtorch, on the CPU or a GPU.
    Torch,
}

/// The device that a learner computes on: `auto`, `cpu` or `cuda:0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// On a GPU if there is one that is expected to be faster.
    #[default]
    Auto,
    /// On the CPU.
    Cpu,
    /// On the GPU with this index.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let index = text.strip_prefix("cuda:").map(str::parse);
        match (text, index) {
            ("auto", _) => Ok(Self::Auto),
            ("cpu", _) => Ok(Self::Cpu),
            ("cuda", _) => Ok(Self::Cuda(0)),
            (_, Some(Ok(index))) => Ok(Self::Cuda(index)),
            _ => Err("valid: auto, cpu, cuda:0 (or another number)".to_owned()),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => write!(f, "auto"),
            Self::Cpu => write!(f, "cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_read_as_they_are_written() {
        for device in [DeviceChoice::Auto, DeviceChoice::Cpu, DeviceChoice::Cuda(0), DeviceChoice::Cuda(3)] {
            assert_eq!(device.to_string().parse(), Ok(device));
        }
        assert_eq!("cuda".parse(), Ok(DeviceChoice::Cuda(0)));
        for wrong in ["gpu", "cuda:", "cuda:x", "cuda:-1", "CPU", ""] {
            assert!(wrong.parse::<DeviceChoice>().unwrap_err().contains("cuda:0"), "{wrong}");
        }
    }
}
