//! Work that is recorded once and then repeated, where a device can do that.

use std::sync::{Arc, OnceLock};

use crate::shim::{Graph, Shim, Tape};

/// Times that work is done as it is before it is recorded: libraries set themselves up in the first, and choose kernels.
const WARM_UP: u32 = 3;

/// Records for a device, if that can be had.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    tape: Option<Arc<Tape>>,
    /// Why something that should be recorded is not: the first reason.
    obstacle: OnceLock<String>,
}

/// Work that always does the same to the same memory.
#[derive(Debug, Default)]
pub(crate) enum Recording {
    #[default]
    New,
    Warming(u32),
    Recorded(Graph),
    /// It can't be recorded.
    Eager,
}

impl Recorder {
    /// What is recorded shares its memory, but for what stays alive: so what is read of it later has to.
    pub fn new(shim: &Arc<Shim>, device: usize) -> Self {
        match shim.tape(device) {
            Ok(tape) => Self { tape: Some(tape), ..Self::default() },
            Err(why) => Self::hindered(format!("`graphs` can't be had: {why}")),
        }
    }

    /// Records nothing, although it should.
    pub fn hindered(why: String) -> Self {
        Self { tape: None, obstacle: why.into() }
    }

    /// Whether work is recorded: then what it reads has to stay where it is.
    pub const fn records(&self) -> bool {
        self.tape.is_some()
    }

    /// Why something that should be recorded is not.
    pub fn obstacle(&self) -> Option<&str> {
        self.obstacle.get().map(String::as_str)
    }

    fn note(&self, why: &str) {
        // The first reason is told: others follow from it, more often than not.
        let _ = self.obstacle.set(format!("`graphs` can't be had: {why}"));
    }
}

impl Recording {
    /// Does `work`, or what was recorded of it.
    ///
    /// If it can't be recorded, it is done as it is from then on.
    pub fn run(&mut self, recorder: &Recorder, work: &mut dyn FnMut()) {
        let Some(tape) = &recorder.tape else { return work() };
        match self {
            Self::Recorded(graph) => {
                let Err(why) = graph.replay() else { return };
                recorder.note(&why);
                *self = Self::Eager;
            }
            Self::New => *self = Self::Warming(1),
            Self::Warming(times) if *times < WARM_UP => *times += 1,
            Self::Warming(_) => {
                *self = match tape.record(work) {
                    Ok(graph) => Self::Recorded(graph),
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

    /// Wherever libtorch's part for CUDA is; no machine has as many devices.
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
        assert!(!matches!(recording, Recording::Recorded(_)));
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
