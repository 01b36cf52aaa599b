//! Which learner it will be, and why.

use crate::error::TrainError;

use super::choice::{DeviceChoice, LearnerChoice, LearnerKind};

/// Multiplications of a forward pass, for each thread, from which a GPU gains: below it, to start its kernels takes
/// longer than a core takes for the arithmetic, some 0.2 ms. Estimated, not measured.
const WORTHWHILE_MULTIPLICATIONS: usize = 4_000_000;

/// How much there is to compute in a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    /// Agents that step at once.
    pub rows: usize,
    /// Parameters of the network.
    pub parameters: usize,
    /// Threads that share the work on the CPU.
    pub threads: usize,
    /// Whether the network is a perceptron, which the learner in plain Rust computes too.
    pub is_perceptron: bool,
}

/// Where a run learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Native,
    TorchCpu,
    TorchCuda(usize),
}

/// Which learner it is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub place: Place,
    pub why: String,
}

/// Decides. `open_cuda` is asked only where it matters, and says why there is no CUDA if there is none.
pub(crate) fn decide(
    choice: LearnerChoice,
    workload: Workload,
    open_cuda: impl FnOnce() -> Result<(), String>,
) -> Result<Decision, TrainError> {
    let asked = |place| Ok(Decision { place, why: "as asked for".to_owned() });
    match (choice.learner, choice.device) {
        (Some(LearnerKind::Native), DeviceChoice::Cuda(_)) => Err(TrainError::NativeOnGpu { device: choice.device }),
        (Some(LearnerKind::Native), _) if !workload.is_perceptron => Err(TrainError::NativeNetwork),
        (Some(LearnerKind::Native), _) => asked(Place::Native),
        (_, DeviceChoice::Cuda(index)) => asked(Place::TorchCuda(index)),
        (Some(LearnerKind::Torch), DeviceChoice::Cpu) => asked(Place::TorchCpu),
        (Some(LearnerKind::Torch), DeviceChoice::Auto) => Ok(match open_cuda() {
            Ok(()) => Decision { place: Place::TorchCuda(0), why: "there is a GPU".to_owned() },
            Err(why) => Decision { place: Place::TorchCpu, why },
        }),
        (None, DeviceChoice::Cpu) => Ok(on_cpu(workload, "the CPU was asked for".to_owned())),
        (None, DeviceChoice::Auto) => Ok(match open_cuda() {
            Ok(()) => with_gpu(workload),
            Err(why) => on_cpu(workload, why),
        }),
    }
}

/// Perceptrons are fastest in plain Rust there.
fn on_cpu(workload: Workload, why: String) -> Decision {
    let place = if workload.is_perceptron { Place::Native } else { Place::TorchCpu };
    Decision { place, why }
}

fn with_gpu(workload: Workload) -> Decision {
    let Workload { rows, parameters, threads, .. } = workload;
    let of_thread = rows.saturating_mul(parameters) / threads.max(1);
    let what = format!("{rows} agents with {parameters} parameters on {threads} threads");
    if of_thread >= WORTHWHILE_MULTIPLICATIONS {
        Decision { place: Place::TorchCuda(0), why: format!("there is a GPU, and {what} keep it busy") }
    } else {
        on_cpu(workload, format!("{what} are too few to keep the GPU busy; `--device cuda:0` takes it all the same"))
    }
}

impl Decision {
    /// `torch on cuda:0, as asked for`
    pub fn sentence(&self) -> String {
        let place = match self.place {
            Place::Native => "native, on the CPU".to_owned(),
            Place::TorchCpu => "torch, on the CPU".to_owned(),
            Place::TorchCuda(index) => format!("torch, on cuda:{index}"),
        };
        format!("{place} ({})", self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Workload = Workload { rows: 64, parameters: 9_000, threads: 2, is_perceptron: true };
    const LARGE: Workload = Workload { rows: 16_384, ..SMALL };

    fn decided(learner: Option<LearnerKind>, device: DeviceChoice, workload: Workload, has_cuda: bool) -> Place {
        let open = || if has_cuda { Ok(()) } else { Err("there is no CUDA driver".to_owned()) };
        decide(LearnerChoice { learner, device }, workload, open).unwrap().place
    }

    #[test]
    fn the_faster_one_is_taken() {
        let auto = |workload, has_cuda| decided(None, DeviceChoice::Auto, workload, has_cuda);
        assert_eq!(auto(SMALL, false), Place::Native);
        assert_eq!(auto(SMALL, true), Place::Native);
        assert_eq!(auto(LARGE, false), Place::Native);
        assert_eq!(auto(LARGE, true), Place::TorchCuda(0));
        assert_eq!(auto(Workload { is_perceptron: false, ..SMALL }, false), Place::TorchCpu);
    }

    #[test]
    fn what_is_asked_for_is_done() {
        let torch = Some(LearnerKind::Torch);
        assert_eq!(decided(torch, DeviceChoice::Auto, SMALL, false), Place::TorchCpu);
        assert_eq!(decided(torch, DeviceChoice::Auto, SMALL, true), Place::TorchCuda(0));
        assert_eq!(decided(torch, DeviceChoice::Cpu, LARGE, true), Place::TorchCpu);
        assert_eq!(decided(None, DeviceChoice::Cuda(1), SMALL, true), Place::TorchCuda(1));
        assert_eq!(decided(None, DeviceChoice::Cpu, LARGE, true), Place::Native);
        assert_eq!(decided(Some(LearnerKind::Native), DeviceChoice::Auto, LARGE, true), Place::Native);
    }

    #[test]
    fn what_can_t_be_is_refused() {
        let refused = |learner, device, workload| {
            decide(LearnerChoice { learner, device }, workload, || Ok(())).unwrap_err().to_string()
        };
        let native = Some(LearnerKind::Native);
        assert!(refused(native, DeviceChoice::Cuda(0), SMALL).contains("--learner torch"));
        let network = Workload { is_perceptron: false, ..SMALL };
        assert!(refused(native, DeviceChoice::Auto, network).contains("--learner torch"));
    }
}
