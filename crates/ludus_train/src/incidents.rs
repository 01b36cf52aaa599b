//! What goes wrong in worlds without ending a command.

use ludus_agent::FaultPlace;
use ludus_spec::AgentSpec;

use crate::group::{Accident, WorldFault, WorldGroup};

/// Faults that are told in full; after that they are only counted.
const FAULTS_TOLD: u64 = 20;

/// The same of panics.
const PANICS_TOLD: u64 = 20;

/// What went wrong in some worlds.
#[derive(Debug, Default)]
pub(crate) struct Incidents {
    pub faults: Vec<WorldFault>,
    pub panics: Vec<Accident>,
}

/// Tells incidents in sentences, not too many of them.
#[derive(Debug)]
pub(crate) struct IncidentTeller {
    /// What a number that is not finite leads to: the end of its sentence.
    consequence: &'static str,
    faults: u64,
    panics: u64,
}

impl Incidents {
    /// What went wrong in these worlds since the last call.
    pub fn take<'a>(groups: impl IntoIterator<Item = &'a mut WorldGroup>) -> Self {
        let mut incidents = Self::default();
        for group in groups {
            incidents.faults.extend(group.drain_faults());
            incidents.panics.extend(group.drain_panics());
        }
        incidents
    }
}

impl IncidentTeller {
    /// For worlds that are learned from.
    pub const fn of_training() -> Self {
        Self { consequence: "that step is not learned from", faults: 0, panics: 0 }
    }

    /// For worlds in which a policy is scored.
    pub const fn of_evaluation() -> Self {
        Self { consequence: "zeros took its place", faults: 0, panics: 0 }
    }

    /// Panics so far.
    pub const fn panics(&self) -> u64 {
        self.panics
    }

    fn consequence(&self, WorldFault { fault, .. }: &WorldFault) -> &'static str {
        if matches!(fault.place, FaultPlace::Mask(_)) { "all of it was allowed" } else { self.consequence }
    }

    pub fn tell(&mut self, incidents: Incidents, spec: &AgentSpec, tell: &mut dyn FnMut(String)) {
        for panic in incidents.panics {
            self.panics += 1;
            match self.panics {
                // What ended a world is told in any case.
                ..PANICS_TOLD => tell(panic_sentence(&panic)),
                _ if !panic.is_rebuilt => tell(panic_sentence(&panic)),
                PANICS_TOLD => tell("more panics are only counted from here on".to_owned()),
                _ => {}
            }
        }
        for fault in incidents.faults {
            self.faults += 1;
            match self.faults {
                ..FAULTS_TOLD => tell(format!("{}; {}", fault_sentence(&fault, spec), self.consequence(&fault))),
                FAULTS_TOLD => tell("more faults are only counted from here on".to_owned()),
                _ => {}
            }
        }
    }
}

fn panic_sentence(Accident { panic, is_rebuilt }: &Accident) -> String {
    let outcome = if *is_rebuilt { "the world was built anew, the others lost nothing" } else { "it ended the world" };
    format!("{panic}; {outcome}")
}

/// What was wrong and where, as a sentence.
pub(crate) fn fault_sentence(WorldFault { world, fault }: &WorldFault, spec: &AgentSpec) -> String {
    let place = match fault.place {
        FaultPlace::Observation(column) => {
            let name = spec.observation_name(column as usize).unwrap_or_else(|| column.to_string());
            format!("observation `{name}`")
        }
        FaultPlace::Reward(term) => {
            let name = spec.reward.get(term as usize).map_or_else(|| term.to_string(), |term| term.name.clone());
            format!("reward `{name}`")
        }
        FaultPlace::Mask(field) => mask_name(field as usize, spec),
    };
    let problem = if matches!(fault.place, FaultPlace::Mask(_)) { "allowed no choice" } else { "was not finite" };
    format!("{place} of `{}` in row {} of world {world} {problem} at tick {}", spec.name, fault.row, fault.tick)
}

/// An action that is a single choice has no name of its own.
fn mask_name(field: usize, spec: &AgentSpec) -> String {
    match spec.action.get(field) {
        Some(field) if !field.name.is_empty() => format!("the mask of action `{}`", field.name),
        _ => "the action mask".to_owned(),
    }
}
