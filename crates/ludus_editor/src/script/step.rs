//! The steps of a script, and how they are written.

use std::path::PathBuf;

use serde::Deserialize;

/// One step of a script.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub enum Step {
    /// Waits.
    WaitSeconds(f64),
    /// Waits until the game on screen has made so many ticks in all.
    WaitTicks(u64),
    /// Waits until training has made so many steps.
    WaitSteps(u64),
    /// Waits until training has ended, for whatever reason.
    WaitForEnd,
    /// Starts training.
    StartTraining,
    /// Goes on with a run: the name of its folder, or `latest`.
    ResumeRun(String),
    /// Lets training wait.
    PauseTraining,
    /// Lets it go on.
    GoOn,
    /// Saves a checkpoint.
    SaveTraining,
    /// Ends training.
    StopTraining,
    /// Shows a kind of agents, by its name. It is the kind that the steps below mean; at first the game's first.
    ShowKind(String),
    /// Sets the learning rate of the kind that is shown.
    LearningRate(f32),
    /// Weighs a term of its reward anew, by its number in the spec.
    Weight(usize, f32),
    /// Looks at its agent of this row.
    Select(usize),
    /// Clicks its agent of this row, where it is seen.
    ClickAgent(usize),
    /// Takes the selected agent over.
    TakeOver,
    /// Lets it go.
    LetGo,
    /// Holds a key, by what is written on it.
    Press(String),
    /// Lets a key go.
    Release(String),
    /// Pauses the game.
    Pause,
    /// Lets it go on, in times of real time.
    Pace(f32),
    /// Lets it go as fast as it can.
    Unlimited,
    /// Pauses, and makes a tick.
    NextTick,
    /// Pauses, and goes to the next decision.
    NextDecision,
    /// Shows so many arenas at once.
    ShowArenas(u32),
    /// Shows an arena: its world and its index.
    ShowArena(u32, u32),
    /// Lets the policy of a file decide.
    LoadPolicy(PathBuf),
    /// Shows another policy beside it.
    Compare(PathBuf),
    /// Shows one policy again.
    StopComparing,
    /// Plays an episode again: `best`, `worst` or the number of one that the run on screen kept, else the newest run that
    /// kept one.
    Replay(String),
    /// Goes to a step of it.
    SeekReplay(u32),
    /// Plays it backwards from where it is.
    PlayBackwards,
    /// Plays it forwards from where it is.
    PlayForwards,
    /// Pauses, and goes back by one step.
    StepBack,
    /// Waits until it stands at this step, or beyond it in the direction in which it plays.
    WaitForReplay(u32),
    /// Lets the policy decide again.
    EndReplay,
    /// Brings a panel to the front, by its title.
    ShowPanel(String),
    /// Writes what is seen to a PNG file.
    Screenshot(PathBuf),
    /// Closes the window.
    Quit,
}

/// The steps of a script; else the line of the problem, from 1, and what it is.
pub fn parse(text: &str) -> Result<Vec<Step>, (usize, String)> {
    ron::from_str(text).map_err(|error| (error.span.start.line, error.code.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_a_list_of_steps() {
        let script = r#"[StartTraining, WaitSteps(1000), Press("←"), Screenshot("a.png"), ShowArena(0, 3), Quit]"#;
        let steps = parse(script).unwrap();
        assert_eq!(steps[1], Step::WaitSteps(1000));
        assert_eq!((steps[2].clone(), steps.len()), (Step::Press("←".to_owned()), 6));
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        let (line, problem) = parse("[\n  StartTraining,\n  Dance,\n]").unwrap_err();
        assert_eq!(line, 3);
        assert!(problem.contains("Dance"), "{problem}");
    }
}
