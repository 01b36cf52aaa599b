//! What panels answer with.

use std::path::PathBuf;

use bevy::ecs::message::Message;
use ludus_train::session::SessionCommand;

use crate::snapshot::AgentId;
use crate::{Direction, Pace};

/// Something that a panel, a key or a script asks for.
#[derive(Message, Clone, Debug, PartialEq)]
pub enum EditorCommand {
    /// Starts a run with the config that the window was opened with.
    StartTraining,
    /// Goes on with the run of this folder from its newest checkpoint, unless another one is under way.
    ResumeRun(PathBuf),
    /// Tells the run something.
    Training(SessionCommand),
    /// Looks at this agent, and shows the numbers of its kind.
    Select(AgentId),
    /// Looks at no agent.
    Deselect,
    /// Shows the curves, numbers and settings of this kind of agents, by its index.
    ShowKind(usize),
    /// Lets the keyboard decide for the selected agent.
    TakeOver,
    /// Gives the agent back to its policy.
    LetGo,
    /// How fast the game goes.
    SetPace(Pace),
    /// Pauses, and makes one tick.
    StepTick,
    /// Pauses, and makes all ticks up to the end of the present step.
    StepDecision,
    /// Shows another arena of the run, from its first episode on. A run that was resumed has other seeds than these.
    ShowArena {
        /// Which of the run's worlds.
        world: u32,
        /// Which of its arenas.
        arena: u32,
    },
    /// Shows so many arenas at once, from 1 on.
    ShowArenas(u32),
    /// Lets the policy of a file, or those of a run's folder, drive the agents. Kinds for which there is none there keep
    /// theirs.
    LoadPolicy(PathBuf),
    /// Lets the newest policy of the training in this window drive them.
    FollowTraining,
    /// Plays the episode of a file again.
    Replay(PathBuf),
    /// Goes to a step of the episode that is played again; 0 is its start.
    SeekReplay(u32),
    /// Pauses, and goes back to where the present step of the episode began.
    StepBack,
    /// Plays the episode that way, at the present pace.
    PlayReplay(Direction),
    /// Lets policies decide again.
    EndReplay,
    /// Shows the policy of a file, or those of a run's folder, beside the present ones, on the same seeds.
    Compare(PathBuf),
    /// Shows one policy again.
    StopComparing,
}

/// What a panel asks for while it is drawn.
#[derive(Debug, Default)]
pub struct EditorCommands(Vec<EditorCommand>);

impl EditorCommands {
    /// Asks for something; it is done before the next image.
    pub fn send(&mut self, command: EditorCommand) {
        self.0.push(command);
    }

    /// Takes what was asked for, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = EditorCommand> + '_ {
        self.0.drain(..)
    }
}
