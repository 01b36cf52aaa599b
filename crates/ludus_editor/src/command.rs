//! Commands that panels, keys and scripts send to the editor.

use std::path::PathBuf;

use bevy::ecs::message::Message;
use ludus_train::session::SessionCommand;

use crate::snapshot::AgentId;
use crate::{Direction, Pace};

/// A command to the editor, sent by a panel, a key or a script.
#[derive(Message, Clone, Debug, PartialEq)]
pub enum EditorCommand {
    /// Starts a run with the config that the window was opened with.
    StartTraining,
    /// Resumes the run in this folder from its newest checkpoint, unless a run is already active in this window.
    ResumeRun(PathBuf),
    /// Sends a command to the training session of this window, if there is one.
    Training(SessionCommand),
    /// Sets the value of an episode parameter, by its name such as `Course.wall_height`, for the episodes on screen that
    /// start from now on. `None` goes back to what the config says.
    SetParameter {
        /// The parameter's name.
        name: String,
        /// The value, clamped to the parameter's range.
        value: Option<f32>,
    },
    /// Selects this agent, and shows the numbers of its kind.
    Select(AgentId),
    /// Clears the selection.
    Deselect,
    /// Shows the curves, numbers and settings of this kind of agents, by its index.
    ShowKind(usize),
    /// Gives the keyboard control of the selected agent. Not possible during a replay, nor for kinds that the game
    /// controls.
    TakeOver,
    /// Returns the agent that was taken over to its policy.
    LetGo,
    /// Sets the pace of the game.
    SetPace(Pace),
    /// Pauses the game, and runs one tick.
    StepTick,
    /// Pauses the game, and runs all ticks up to the end of the current step.
    StepDecision,
    /// Shows this arena of the run and those that follow it, from their first episode on. A resumed run has other seeds
    /// than these.
    ShowArena {
        /// Index of the world in the run.
        world: u32,
        /// Index of the arena in its world.
        arena: u32,
    },
    /// Sets the number of arenas on screen, clamped to 1 and the largest number that can be shown.
    ShowArenas(u32),
    /// Drives the agents with the policy of a file, or with the policies of a run's folder. Kinds without a policy
    /// there keep their present one.
    LoadPolicy(PathBuf),
    /// Drives the agents with the newest policies of the training in this window.
    FollowTraining,
    /// Replays the episode of a file.
    Replay(PathBuf),
    /// Seeks a step of the replay; 0 is its start.
    SeekReplay(u32),
    /// Pauses the replay, and goes back to the start of the current step; at the start of a step, to the one before.
    StepBack,
    /// Sets the direction of the replay, and plays it at the pace before the last pause.
    PlayReplay(Direction),
    /// Ends the replay: policies decide again.
    EndReplay,
    /// Shows the policy of a file, or the policies of a run's folder, beside the present ones, on the same seeds.
    Compare(PathBuf),
    /// Lets the policy of a file, or the policies of a run's folder, play all sides but the first, against the present
    /// ones. The matches on screen begin anew.
    PlayAgainst(PathBuf),
    /// Ends the comparison of two policies, or their match.
    StopComparing,
    /// Shows the search in this folder.
    #[cfg(feature = "tune")]
    ShowSearch(PathBuf),
    /// Shows the curves of this trial of the search, by its number, or hides them again. Does nothing before the trial has
    /// ended.
    #[cfg(feature = "tune")]
    ChooseTrial(u64),
}

/// The commands that a panel sends while it is drawn.
#[derive(Debug, Default)]
pub struct EditorCommands(Vec<EditorCommand>);

impl EditorCommands {
    /// Adds a command. It is carried out before the next image.
    pub fn send(&mut self, command: EditorCommand) {
        self.0.push(command);
    }

    /// Removes and returns all commands, in the order in which they were sent.
    pub fn drain(&mut self) -> impl Iterator<Item = EditorCommand> + '_ {
        self.0.drain(..)
    }
}
