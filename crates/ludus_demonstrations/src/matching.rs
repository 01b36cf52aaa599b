//! Matching the rows of demonstrations to those of a game whose layout has changed since, by name.

use std::collections::BTreeMap;

use ludus_spec::{ActionField, ActionKind, AgentSpec, ObservationColumn};

use crate::Demonstration;

/// The places of a game's columns in the rows of demonstrations.
#[derive(Clone, Debug, PartialEq)]
pub struct RowMatching {
    /// For each column of the game's observation, the column of the demonstrations.
    observation: Vec<usize>,
    /// For each column of the game's action, the column of the demonstrations.
    action: Vec<ActionColumn>,
    /// For each column of the game's mask, the column of the demonstrations' masks; `None` for a new choice. Empty if
    /// one of both has no masks.
    mask: Vec<Option<usize>>,
    /// For each term of the game's reward, the term of the demonstrations; `None` for a new term.
    terms: Vec<Option<usize>>,
    widths: Widths,
}

/// The widths of rows.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Widths {
    observation: usize,
    mask: usize,
    action: usize,
    terms: usize,
    /// Columns of the game's masks.
    game_mask: usize,
}

/// A column of the game's action.
#[derive(Clone, Debug, PartialEq)]
struct ActionColumn {
    /// The column of the demonstrations.
    from: usize,
    /// For each choice of the demonstrations, the game's choice; `None` if the game has it no more. Empty for a number.
    choices: Vec<Option<usize>>,
    name: String,
}

impl RowMatching {
    /// Matches the rows of demonstrations to those of a game, by name. Columns that the game has no more are left out.
    ///
    /// # Errors
    ///
    /// The rest of a sentence if the game has an observation or an action that the demonstrations don't have, or if a
    /// number of the action has another range.
    pub fn new(recorded: &AgentSpec, game: &AgentSpec) -> Result<Self, String> {
        if recorded.name != game.name {
            return Err(format!("they are of `{}`", recorded.name));
        }
        let masked = recorded.masked && game.masked;
        Ok(Self {
            observation: match_observations(recorded, game)?,
            action: match_actions(recorded, game)?,
            mask: if masked { match_masks(recorded, game) } else { Vec::new() },
            terms: game
                .reward
                .iter()
                .map(|term| recorded.reward.iter().position(|other| other.name == term.name))
                .collect(),
            widths: Widths {
                observation: recorded.observation_width(),
                mask: recorded.mask_width(),
                action: recorded.action_width(),
                terms: recorded.reward.len(),
                game_mask: game.mask_width(),
            },
        })
    }

    /// Returns an episode with the rows of the game.
    ///
    /// # Errors
    ///
    /// The rest of a sentence if it makes a choice that the game has no more.
    pub fn apply(&self, episode: &Demonstration) -> Result<Demonstration, String> {
        let Demonstration { info, decided_by, masks, observations, actions, terms } = episode;
        let picked = |rows: &[f32], width: usize, columns: &[Option<usize>]| {
            let row =
                |row: usize| columns.iter().map(move |column| column.map_or(0.0, |column| rows[row * width + column]));
            (0..rows.len() / width.max(1)).flat_map(row).collect::<Vec<_>>()
        };
        let observation: Vec<_> = self.observation.iter().copied().map(Some).collect();
        let weights = self.terms.iter().map(|term| info.weights.get((*term)?).copied()).collect::<Option<Vec<_>>>();
        let mut matched = Demonstration {
            info: crate::EpisodeInfo { weights: weights.unwrap_or_default(), ..info.clone() },
            decided_by: decided_by.clone(),
            masks: self.masks(masks, decided_by.len()),
            observations: picked(observations, self.widths.observation, &observation),
            actions: Vec::with_capacity(decided_by.len() * self.action.len()),
            terms: picked(terms, self.widths.terms, &self.terms),
        };
        // Without terms in the file, all of the game's are new.
        matched.terms.resize(decided_by.len() * self.terms.len(), 0.0);
        for row in actions.chunks_exact(self.widths.action) {
            for column in &self.action {
                matched.actions.push(column.of(row[column.from])?);
            }
        }
        Ok(matched)
    }

    fn masks(&self, masks: &[bool], steps: usize) -> Vec<bool> {
        if self.mask.is_empty() {
            return vec![true; steps * self.widths.game_mask];
        }
        let rows = masks.chunks_exact(self.widths.mask);
        rows.flat_map(|row| self.mask.iter().map(|column| column.is_some_and(|column| row[column]))).collect()
    }
}

impl ActionColumn {
    /// Returns the game's action for one of the demonstrations.
    fn of(&self, action: f32) -> Result<f32, String> {
        if self.choices.is_empty() {
            return Ok(action);
        }
        let choice = self.choices.get(action as usize).copied().flatten();
        let choice = choice.ok_or_else(|| format!("they make a choice of `{}` that the game has no more", self.name));
        choice.map(|choice| choice as f32)
    }
}

/// Returns the places of columns by their names.
fn places(names: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    names.enumerate().map(|(place, name)| (name, place)).collect()
}

fn match_observations(recorded: &AgentSpec, game: &AgentSpec) -> Result<Vec<usize>, String> {
    if recorded.row_hash() == game.row_hash() {
        return Ok((0..game.observation_width()).collect());
    }
    let places = places(recorded.observation_columns().map(ObservationColumn::name));
    let place = |column: ObservationColumn<'_>| {
        let name = column.name();
        places.get(&name).copied().ok_or_else(|| format!("they have no observation `{name}`"))
    };
    game.observation_columns().map(place).collect()
}

fn match_actions(recorded: &AgentSpec, game: &AgentSpec) -> Result<Vec<ActionColumn>, String> {
    let mut columns = Vec::new();
    for field in &game.action {
        let (first, was) = action_field(recorded, &field.name)?;
        match (was.kind, field.kind) {
            (ActionKind::Discrete, ActionKind::Discrete) => {
                let choice = |part: &String| field.parts.iter().position(|now| now == part);
                let choices = was.parts.iter().map(choice).collect();
                columns.push(ActionColumn { from: first, choices, name: field.name.clone() });
            }
            (was_range, now) if was_range == now => {
                for part in &field.parts {
                    let place = was.parts.iter().position(|other| other == part);
                    let missing = || format!("they have no part `{part}` of the action `{}`", field.name);
                    let from = first + place.ok_or_else(missing)?;
                    columns.push(ActionColumn { from, choices: Vec::new(), name: field.name.clone() });
                }
            }
            (was, now) => return Err(format!("the action `{}` was {was:?}, now {now:?}", field.name)),
        }
    }
    Ok(columns)
}

/// Returns the field of the action with this name, and its first column.
fn action_field<'a>(spec: &'a AgentSpec, name: &str) -> Result<(usize, &'a ActionField), String> {
    let mut column = 0;
    for field in &spec.action {
        if field.name == name {
            return Ok((column, field));
        }
        column += field.head().action_width();
    }
    Err(format!("they have no action `{name}`"))
}

/// Returns the columns of the demonstrations' masks for those of the game's.
fn match_masks(recorded: &AgentSpec, game: &AgentSpec) -> Vec<Option<usize>> {
    let choices = |spec: &AgentSpec| {
        let discrete = spec.action.iter().filter(|field| field.kind == ActionKind::Discrete);
        let names = discrete.flat_map(|field| field.parts.iter().map(|part| format!("{}={part}", field.name)));
        names.collect::<Vec<_>>()
    };
    let places = places(choices(recorded).into_iter());
    choices(game).iter().map(|name| places.get(name).copied()).collect()
}
