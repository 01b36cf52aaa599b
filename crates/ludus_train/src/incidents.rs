//! Incidents: faults, panics and exits in worlds that don't end a command.

use std::sync::Arc;

use ludus_agent::FaultPlace;
use ludus_spec::{AgentSpec, ObservationColumn};

use crate::finding::Finding;
use crate::group::{Accident, CrowdedTeam, WorldFault, WorldGroup};

/// The number of the fault from which on faults are only counted and no longer reported.
const FAULTS_TOLD: u64 = 20;

/// The same limit for panics.
const PANICS_TOLD: u64 = 20;

/// The incidents of some worlds.
#[derive(Debug, Default)]
pub(crate) struct Incidents {
    pub faults: Vec<WorldFault>,
    pub panics: Vec<Accident>,
    /// Worlds in which the game has written `AppExit`.
    pub exits: Vec<u32>,
    /// Teams with more members than their critics see.
    pub crowded_teams: Vec<CrowdedTeam>,
}

/// Reports incidents as sentences, up to a limit.
#[derive(Debug)]
pub(crate) struct IncidentTeller {
    /// The consequence of a number that is not finite, as the end of a sentence.
    consequence: &'static str,
    faults: u64,
    panics: u64,
    /// The number of accidents: a panic, and those while its world was built anew, count as one.
    accidents: u64,
    has_told_exit: bool,
    /// The sets that got more elements than fit: the index of the kind, and the column of the count.
    overflowed_sets: Vec<(usize, u32)>,
    /// The kinds of agents whose teams had more members than their critics see.
    crowded_kinds: Vec<usize>,
}

impl Incidents {
    /// Takes the incidents of these worlds: faults and panics since the last call, all exits and teams so far.
    pub fn take<'a>(groups: impl IntoIterator<Item = &'a mut WorldGroup>) -> Self {
        let mut incidents = Self::default();
        for group in groups {
            incidents.faults.extend(group.drain_faults());
            incidents.panics.extend(group.drain_panics());
            incidents.exits.extend(group.exited_worlds());
            incidents.crowded_teams.extend(group.crowded_teams());
        }
        incidents
    }
}

impl IncidentTeller {
    /// Creates a teller for the worlds of a training run.
    pub const fn of_training() -> Self {
        Self::with_consequence("that step is not learned from")
    }

    /// Creates a teller for the worlds of an evaluation.
    pub const fn of_evaluation() -> Self {
        Self::with_consequence("zeros took its place")
    }

    const fn with_consequence(consequence: &'static str) -> Self {
        Self {
            consequence,
            faults: 0,
            panics: 0,
            accidents: 0,
            has_told_exit: false,
            overflowed_sets: Vec::new(),
            crowded_kinds: Vec::new(),
        }
    }

    /// The number of panics so far.
    pub const fn panics(&self) -> u64 {
        self.panics
    }

    fn consequence(&self, WorldFault { fault, .. }: &WorldFault) -> &'static str {
        match fault.place {
            FaultPlace::Mask(_) => "all of it was allowed",
            FaultPlace::Set(_) => "the rest was left out; this is reported once",
            FaultPlace::Observation(_) | FaultPlace::Reward(_) => self.consequence,
        }
    }

    /// False for a set that got more elements than fit in another world before.
    fn is_news(&mut self, WorldFault { kind, fault, .. }: &WorldFault) -> bool {
        let FaultPlace::Set(column) = fault.place else { return true };
        let set = (*kind, column);
        let is_news = !self.overflowed_sets.contains(&set);
        if is_news {
            self.overflowed_sets.push(set);
        }
        is_news
    }

    pub fn tell(&mut self, incidents: Incidents, specs: &[Arc<AgentSpec>], tell: &mut dyn FnMut(String)) {
        for accident in incidents.panics {
            self.panics += accident.panics().count() as u64;
            self.accidents += 1;
            match self.accidents {
                // A panic that ended a world is always reported.
                ..PANICS_TOLD => tell(panic_sentence(&accident)),
                _ if !accident.is_rebuilt => tell(panic_sentence(&accident)),
                PANICS_TOLD => tell("more panics are only counted from here on".to_owned()),
                _ => {}
            }
        }
        if let Some(world) = incidents.exits.first().filter(|_| !self.has_told_exit) {
            self.has_told_exit = true;
            tell(exit_finding(*world).sentence());
        }
        for team in incidents.crowded_teams {
            if !self.crowded_kinds.contains(&team.kind) {
                self.crowded_kinds.push(team.kind);
                tell(crowded_sentence(team, &specs[team.kind]));
            }
        }
        for fault in incidents.faults {
            if !self.is_news(&fault) {
                continue;
            }
            self.faults += 1;
            match self.faults {
                ..FAULTS_TOLD => tell(format!("{}; {}", fault_sentence(&fault, specs), self.consequence(&fault))),
                FAULTS_TOLD => tell("more faults are only counted from here on".to_owned()),
                _ => {}
            }
        }
    }
}

fn panic_sentence(accident: &Accident) -> String {
    let Accident { panic, failed_rebuilds, is_rebuilt, drop_panic } = accident;
    let mut sentence = panic.to_string();
    if let Some(said) = drop_panic {
        sentence.push_str(&format!("; it panicked again while the world was dropped: {said}"));
    }
    if let Some(last) = failed_rebuilds.last() {
        let count = failed_rebuilds.len();
        sentence.push_str(&format!("; {count} × it panicked while the world was built anew, with a seed for each try"));
        if *is_rebuilt {
            sentence.push_str(&format!(", last: {}", last.message));
        }
    }
    sentence.push_str(match is_rebuilt {
        true => "; the world was built anew, the others lost nothing",
        false => "; it ended the world",
    });
    sentence
}

/// Describes a team with members that its critic does not see.
fn crowded_sentence(CrowdedTeam { members, seen, .. }: CrowdedTeam, spec: &AgentSpec) -> String {
    format!(
        "a team of `{}` has {members} members, and its critic sees {seen} of them, as many as the largest team had when the \
         game started; the rest is left out of what it reads; set `rows` to at least {members} for each arena; this is \
         reported once",
        spec.name
    )
}

/// The finding about a game that writes `AppExit` during training.
pub(crate) fn exit_finding(world: u32) -> Finding {
    let what =
        format!("the game wrote `AppExit` in world {world}, as if to quit; worlds that train go on all the same");
    let remedy =
        "end the episode with `Episode::terminate`, and write `AppExit` in `main` or in the function that draws";
    Finding::new(what, remedy)
}

/// Describes a fault and its place in a sentence.
pub(crate) fn fault_sentence(WorldFault { world, kind, fault }: &WorldFault, specs: &[Arc<AgentSpec>]) -> String {
    let spec = &*specs[*kind];
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
        FaultPlace::Set(column) => {
            let field = spec.observation_columns().nth(column as usize).map(ObservationColumn::field);
            format!("the set `{}`", field.map_or_else(|| column.to_string(), |field| field.name.clone()))
        }
    };
    let problem = match fault.place {
        FaultPlace::Mask(_) => "allowed no choice",
        FaultPlace::Set(_) => "got more elements than fit",
        FaultPlace::Observation(_) | FaultPlace::Reward(_) => "was not finite",
    };
    format!("{place} of `{}` in row {} of world {world} {problem} at tick {}", spec.name, fault.row, fault.tick)
}

/// The name of a field's mask in a sentence. An action that is a single choice has no name.
fn mask_name(field: usize, spec: &AgentSpec) -> String {
    match spec.action.get(field) {
        Some(field) if !field.name.is_empty() => format!("the mask of action `{}`", field.name),
        _ => "the action mask".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use ludus_agent::Fault;
    use ludus_spec::{Block, ObservationField, ObservationKind, SetShape};

    use super::*;

    fn field(name: &str, block: Block) -> ObservationField {
        let (name, doc) = (name.to_owned(), String::new());
        ObservationField { name, doc, block, range: None, kind: ObservationKind::Number, is_critic: false }
    }

    #[test]
    fn more_elements_than_fit_are_told_once_for_all_worlds() {
        let set = Block::Set(SetShape { capacity: 2, element: vec![field("", Block::values(["x", "y"]))] });
        let observation = vec![field("enemies", set)];
        let specs = [Arc::new(AgentSpec { name: "Wolf".to_owned(), observation, ..AgentSpec::default() })];
        let fault = Fault { row: 3, place: FaultPlace::Set(4), tick: 9 };
        let (mut teller, mut told) = (IncidentTeller::of_training(), Vec::new());
        for world in 0..2 {
            let incidents = Incidents { faults: vec![WorldFault { world, kind: 0, fault }], ..Incidents::default() };
            teller.tell(incidents, &specs, &mut |sentence| told.push(sentence));
        }
        let expected = "the set `enemies` of `Wolf` in row 3 of world 0 got more elements than fit at tick 9; the rest was \
                        left out; this is reported once";
        assert_eq!(told, [expected]);
    }

    #[test]
    fn a_team_with_members_that_its_critic_does_not_see_is_told_once() {
        let specs = [Arc::new(AgentSpec { name: "Runner".to_owned(), ..AgentSpec::default() })];
        let (mut teller, mut told) = (IncidentTeller::of_training(), Vec::new());
        for members in [5, 6] {
            let crowded_teams = vec![CrowdedTeam { kind: 0, members, seen: 3 }];
            let incidents = Incidents { crowded_teams, ..Incidents::default() };
            teller.tell(incidents, &specs, &mut |sentence| told.push(sentence));
        }
        let [sentence] = &told[..] else { panic!("{told:?}") };
        assert!(sentence.starts_with("a team of `Runner` has 5 members, and its critic sees 3 of them"), "{sentence}");
        assert!(sentence.contains("set `rows` to at least 5 for each arena"), "{sentence}");
    }
}
