//! The decision on a run's learner and device, with the reason.

use ludus_learn::SacConfig;

use crate::error::TrainError;

use super::choice::{DeviceChoice, LearnerChoice, LearnerKind};

/// Multiplications of a forward pass per thread from which on a GPU is taken to be faster. Below it, starting the GPU's
/// kernels takes longer than the arithmetic on a core, some 0.2 ms. Estimated, not measured.
const WORTHWHILE_MULTIPLICATIONS: usize = 4_000_000;

/// The amount of computation in a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    /// Agents that step at once.
    pub rows: usize,
    /// Parameters of the network.
    pub parameters: usize,
    /// Multiplications of a forward pass of one agent.
    pub multiplications: usize,
    /// Threads that share the work on the CPU.
    pub threads: usize,
    /// True if the config describes the network: then the learner in plain Rust supports it. Else it is a game's own.
    pub is_described: bool,
    /// True if demonstrations or a teacher are learned from, which a game's own network can't do.
    pub is_pretrained: bool,
    /// True if the network squashes continuous actions, which on libtorch only `sac` learns.
    pub is_squashed: bool,
}

/// The learner and the device of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Native,
    TorchCpu,
    TorchCuda(usize),
}

/// The learner and the device of a run, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BackendChoice {
    pub place: Backend,
    pub why: String,
}

/// Chooses the learner and the device. `open_cuda` is called only if the result depends on it; its error is the reason
/// that there is no CUDA.
pub(crate) fn decide(
    choice: LearnerChoice,
    workload: Workload,
    open_cuda: impl FnOnce() -> Result<(), String>,
) -> Result<BackendChoice, TrainError> {
    let asked = |place| Ok(BackendChoice { place, why: "as asked for".to_owned() });
    match (choice.learner, choice.device) {
        _ if workload.is_pretrained && !workload.is_described => Err(TrainError::PretrainedNetwork),
        (Some(LearnerKind::Native), DeviceChoice::Cuda(_)) => Err(TrainError::NativeOnGpu { device: choice.device }),
        (Some(LearnerKind::Native), _) if !workload.is_described => Err(TrainError::NativeNetwork),
        (Some(LearnerKind::Native), _) => asked(Backend::Native),
        (_, DeviceChoice::Cuda(index)) => asked(Backend::TorchCuda(index)),
        (Some(LearnerKind::Torch), DeviceChoice::Cpu) => asked(Backend::TorchCpu),
        (Some(LearnerKind::Torch), DeviceChoice::Auto) => Ok(match open_cuda() {
            Ok(()) => BackendChoice { place: Backend::TorchCuda(0), why: "there is a GPU".to_owned() },
            Err(why) => BackendChoice { place: Backend::TorchCpu, why },
        }),
        (None, _) if workload.is_squashed && workload.is_described => {
            Ok(BackendChoice { place: Backend::Native, why: "as `squashed: true` needs it".to_owned() })
        }
        (None, DeviceChoice::Cpu) => Ok(on_cpu(workload, "the CPU was asked for".to_owned())),
        (None, DeviceChoice::Auto) => Ok(match open_cuda() {
            Ok(()) => with_gpu(workload),
            Err(why) => on_cpu(workload, why),
        }),
    }
}

/// Chooses the learner and the device of soft actor-critic, as [`decide`]. With `gsde` it is the learner in plain Rust.
///
/// # Errors
///
/// If the network is a game's own, or if `gsde` has to explore with another learner or on a GPU.
pub(crate) fn decide_sac(
    choice: LearnerChoice,
    config: &SacConfig,
    workload: Workload,
    open_cuda: impl FnOnce() -> Result<(), String>,
) -> Result<BackendChoice, TrainError> {
    if !workload.is_described {
        return Err(TrainError::NoCritics);
    }
    if config.gsde.is_none() {
        return decide(choice, Workload { is_squashed: false, ..workload }, open_cuda);
    }
    if matches!(choice.device, DeviceChoice::Cuda(_)) || choice.learner == Some(LearnerKind::Torch) {
        return Err(TrainError::NativeNoise);
    }
    Ok(BackendChoice { place: Backend::Native, why: "as `gsde` does".to_owned() })
}

/// Chooses the learner on the CPU: in plain Rust, which is the fastest, unless the network is a game's own.
fn on_cpu(workload: Workload, why: String) -> BackendChoice {
    let place = if workload.is_described { Backend::Native } else { Backend::TorchCpu };
    BackendChoice { place, why }
}

fn with_gpu(workload: Workload) -> BackendChoice {
    let Workload { rows, parameters, multiplications, threads, .. } = workload;
    let of_thread = rows.saturating_mul(multiplications) / threads.max(1);
    let what = format!("{rows} agents with {parameters} parameters on {threads} threads");
    if of_thread >= WORTHWHILE_MULTIPLICATIONS {
        BackendChoice { place: Backend::TorchCuda(0), why: format!("there is a GPU, and {what} keep it busy") }
    } else {
        on_cpu(workload, format!("{what} are too few to keep the GPU busy; `--device cuda:0` takes it all the same"))
    }
}

impl BackendChoice {
    /// The choice in words: `torch, on cuda:0 (as asked for)`.
    pub fn sentence(&self) -> String {
        let place = match self.place {
            Backend::Native => "native, on the CPU".to_owned(),
            Backend::TorchCpu => "torch, on the CPU".to_owned(),
            Backend::TorchCuda(index) => format!("torch, on cuda:{index}"),
        };
        format!("{place} ({})", self.why)
    }
}

#[cfg(test)]
mod tests {
    use ludus_learn::GsdeConfig;

    use super::*;

    const SMALL: Workload = Workload {
        rows: 64,
        parameters: 9_000,
        multiplications: 9_000,
        threads: 2,
        is_described: true,
        is_pretrained: false,
        is_squashed: false,
    };
    const LARGE: Workload = Workload { rows: 16_384, ..SMALL };

    fn decided(learner: Option<LearnerKind>, device: DeviceChoice, workload: Workload, has_cuda: bool) -> Backend {
        let open = || if has_cuda { Ok(()) } else { Err("there is no CUDA driver".to_owned()) };
        decide(LearnerChoice { learner, device }, workload, open).unwrap().place
    }

    #[test]
    fn the_faster_one_is_taken() {
        let auto = |workload, has_cuda| decided(None, DeviceChoice::Auto, workload, has_cuda);
        assert_eq!(auto(SMALL, false), Backend::Native);
        assert_eq!(auto(SMALL, true), Backend::Native);
        assert_eq!(auto(LARGE, false), Backend::Native);
        assert_eq!(auto(LARGE, true), Backend::TorchCuda(0));
        assert_eq!(auto(Workload { is_pretrained: true, ..LARGE }, true), Backend::TorchCuda(0));
        assert_eq!(auto(Workload { is_squashed: true, ..LARGE }, true), Backend::Native);
        assert_eq!(auto(Workload { multiplications: 900_000, ..SMALL }, true), Backend::TorchCuda(0));
        assert_eq!(auto(Workload { is_described: false, ..SMALL }, false), Backend::TorchCpu);
    }

    #[test]
    fn what_is_asked_for_is_done() {
        let torch = Some(LearnerKind::Torch);
        assert_eq!(decided(torch, DeviceChoice::Auto, SMALL, false), Backend::TorchCpu);
        assert_eq!(decided(torch, DeviceChoice::Auto, SMALL, true), Backend::TorchCuda(0));
        assert_eq!(decided(torch, DeviceChoice::Cpu, LARGE, true), Backend::TorchCpu);
        assert_eq!(decided(None, DeviceChoice::Cuda(1), SMALL, true), Backend::TorchCuda(1));
        assert_eq!(decided(None, DeviceChoice::Cpu, LARGE, true), Backend::Native);
        assert_eq!(decided(Some(LearnerKind::Native), DeviceChoice::Auto, LARGE, true), Backend::Native);
    }

    #[test]
    fn soft_actor_critic_learns_anywhere_but_with_gsde_in_plain_rust() {
        let torch = Some(LearnerKind::Torch);
        let decided = |learner, gsde, workload| {
            let config = SacConfig { gsde, ..SacConfig::default() };
            let choice = LearnerChoice { learner, device: DeviceChoice::Auto };
            let decided = decide_sac(choice, &config, workload, || Ok(()));
            decided.map(|decided| decided.place).map_err(|error| error.to_string())
        };
        let smooth = Some(GsdeConfig::default());
        assert_eq!(decided(torch, None, SMALL), Ok(Backend::TorchCuda(0)));
        assert_eq!(decided(None, None, LARGE), Ok(Backend::TorchCuda(0)));
        assert_eq!(decided(None, None, SMALL), Ok(Backend::Native));
        assert_eq!(decided(None, smooth, LARGE), Ok(Backend::Native));
        assert!(decided(torch, smooth, SMALL).unwrap_err().contains("leave out `gsde`"));
        let own = Workload { is_described: false, ..SMALL };
        assert!(decided(torch, None, own).unwrap_err().contains("critics"));
    }

    #[test]
    fn what_can_t_be_is_refused() {
        let refused = |learner, device, workload| {
            decide(LearnerChoice { learner, device }, workload, || Ok(())).unwrap_err().to_string()
        };
        let native = Some(LearnerKind::Native);
        assert!(refused(native, DeviceChoice::Cuda(0), SMALL).contains("--learner torch"));
        let network = Workload { is_described: false, ..SMALL };
        assert!(refused(native, DeviceChoice::Auto, network).contains("--learner torch"));
        let pretrained = Workload { is_pretrained: true, ..network };
        assert!(refused(Some(LearnerKind::Torch), DeviceChoice::Cpu, pretrained).contains("leave out `pretrain`"));
        assert!(refused(None, DeviceChoice::Auto, pretrained).contains("leave out `pretrain`"));
    }
}
