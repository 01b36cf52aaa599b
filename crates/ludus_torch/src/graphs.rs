//! Work that is recorded once as a CUDA graph and then replayed.

use std::sync::{Arc, OnceLock};

use crate::shim::{Graph, Shim, Tape};

/// Eager runs before the recording: in the first runs, libraries initialise themselves and choose kernels.
const WARM_UP: u32 = 3;

/// Records work on a device, if CUDA graphs are available and configured.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    tape: Option<Arc<Tape>>,
    /// The first reason that configured recording is not possible.
    obstacle: OnceLock<String>,
}

/// The states of work that always applies the same operations to the same memory.
#[derive(Debug, Default)]
pub(crate) enum Recording {
    #[default]
    New,
    Warming(u32),
    RecordedStep(Graph),
    /// The work can't be recorded, so it runs eagerly.
    Eager,
}

impl Recorder {
    /// Makes a recorder for a device. Recordings share the memory of their temporary tensors; a tensor that is read
    /// after a replay must be kept alive.
    pub fn new(shim: &Arc<Shim>, device: usize) -> Self {
        match shim.tape(device) {
            Ok(tape) => Self { tape: Some(tape), ..Self::default() },
            Err(why) => Self::hindered(format!("`graphs` can't be had: {why}")),
        }
    }

    /// Makes a recorder that records nothing although it should, for the reason `why`.
    pub fn hindered(why: String) -> Self {
        Self { tape: None, obstacle: why.into() }
    }

    /// True if work is recorded. Then the tensors that it reads must keep their memory.
    pub const fn records(&self) -> bool {
        self.tape.is_some()
    }

    /// Returns the first reason that configured recording is not possible.
    pub fn obstacle(&self) -> Option<&str> {
        self.obstacle.get().map(String::as_str)
    }

    fn note(&self, why: &str) {
        // Only the first reason is kept: later ones mostly follow from it.
        let _ = self.obstacle.set(format!("`graphs` can't be had: {why}"));
    }
}

impl Recording {
    /// Calls `work`, or replays its recording.
    ///
    /// If the work can't be recorded, it runs eagerly from then on.
    pub fn run(&mut self, recorder: &Recorder, work: &mut dyn FnMut()) {
        let Some(tape) = &recorder.tape else { return work() };
        match self {
            Self::RecordedStep(graph) => {
                let Err(why) = graph.replay() else { return };
                recorder.note(&why);
                *self = Self::Eager;
            }
            Self::New => *self = Self::Warming(1),
            Self::Warming(times) if *times < WARM_UP => *times += 1,
            Self::Warming(_) => {
                *self = match tape.record(work) {
                    Ok(graph) => Self::RecordedStep(graph),
                    Err(why) => {
                        recorder.note(&why);
                        Self::Eager
                    }
                };
                return self.run(recorder, work);
            }
            Self::Eager => {}
        }
        work();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Needs libtorch's CUDA libraries, but no GPU: no machine has a device 99.
    #[test]
    fn where_nothing_can_be_recorded_work_is_done_as_it_is() {
        if ludus_libtorch::open_cuda_libraries().is_err() {
            return;
        }
        let Ok(shim) = Shim::open() else { return };
        let (mut recording, mut count) = (Recording::default(), 0);
        let recorder = Recorder::new(&shim, 99);
        (0..10).for_each(|_| recording.run(&recorder, &mut || count += 1));
        assert_eq!(count, 10);
        assert!(!matches!(recording, Recording::RecordedStep(_)));
        assert!(
            recorder.obstacle().is_some_and(|why| why.starts_with("`graphs` can't be had: ")),
            "and it is known why"
        );
    }

    #[test]
    fn without_a_recorder_work_is_done_every_time() {
        let (mut recording, mut count) = (Recording::default(), 0);
        (0..10).for_each(|_| recording.run(&Recorder::default(), &mut || count += 1));
        assert_eq!(count, 10);
        assert!(matches!(recording, Recording::New));
    }
}
