//! The steps of a script, and their format.

use std::path::PathBuf;

use serde::Deserialize;

/// One step of a script.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub enum Step {
    /// Waits for this time \[s\].
    WaitSeconds(f64),
    /// Waits until the game on screen has made this many ticks in all.
    WaitTicks(u64),
    /// Waits until training has made this many steps.
    WaitSteps(u64),
    /// Waits until training has ended, for any reason.
    WaitForEnd,
    /// Starts a run.
    StartTraining,
    /// Resumes a run: the name of its folder, or `latest`.
    ResumeRun(String),
    /// Pauses training.
    PauseTraining,
    /// Continues training after a pause.
    GoOn,
    /// Saves a checkpoint of the run.
    SaveTraining,
    /// Saves a checkpoint and ends the run.
    StopTraining,
    /// Shows a kind of agents, by its name. The steps below refer to this kind; at first it is the game's first.
    ShowKind(String),
    /// Sets the learning rate of the kind that is shown.
    LearningRate(f32),
    /// Sets the weight of a reward term of the kind that is shown: the index of the term in the spec, and the weight.
    Weight(usize, f32),
    /// Sets an episode parameter of the game on screen: its name, and the value of the episodes that start from now on.
    Parameter(String, f32),
    /// Selects the agent in this row of the kind that is shown.
    Select(usize),
    /// Clicks the agent in this row of the kind that is shown, at its place in the scene.
    ClickAgent(usize),
    /// Gives the keyboard control of the selected agent.
    TakeOver,
    /// Returns the agent that was taken over to its policy.
    LetGo,
    /// Presses a key and holds it, by the name on it.
    Press(String),
    /// Releases a key.
    Release(String),
    /// Pauses the game.
    Pause,
    /// Sets the pace, in times of real time.
    Pace(f32),
    /// Sets the unlimited pace.
    Unlimited,
    /// Pauses the game, and runs one tick.
    NextTick,
    /// Pauses the game, and runs all ticks up to the next decision.
    NextDecision,
    /// Sets the number of arenas on screen.
    ShowArenas(u32),
    /// Shows an arena: its world and its index.
    ShowArena(u32, u32),
    /// Loads the policy of a file, or the policies of a run's folder.
    LoadPolicy(PathBuf),
    /// Shows another policy beside the present one.
    Compare(PathBuf),
    /// Lets another policy play all sides but the first, against the present one.
    PlayAgainst(PathBuf),
    /// Ends the comparison of two policies, or their match.
    StopComparing,
    /// Replays an episode: `best`, `worst` or the number of an episode that the run on screen kept, else the newest run
    /// that kept one of that name. In a game with several kinds of agents, `best-Chaser` is the best one of the kind
    /// `Chaser`, and `best` that of the first kind.
    Replay(String),
    /// Seeks a step of the replay; 0 is its start.
    SeekReplay(u32),
    /// Plays the replay backwards from its present position.
    PlayBackwards,
    /// Plays the replay forwards from its present position.
    PlayForwards,
    /// Pauses the replay, and goes back by one step.
    StepBack,
    /// Waits until the replay is at this step, or beyond it in the direction in which it plays.
    WaitForReplay(u32),
    /// Ends the replay: policies decide again.
    EndReplay,
    /// Shows a search in the panel *Search*: the name of its folder, or `latest`.
    #[cfg(feature = "tune")]
    ShowSearch(String),
    /// Waits until this trial of the search has ended, and shows its curves, or hides them again.
    #[cfg(feature = "tune")]
    ChooseTrial(u64),
    /// Brings a panel to the front, by its title.
    ShowPanel(String),
    /// Writes a screenshot of the window to a PNG file.
    Screenshot(PathBuf),
    /// Closes the window.
    Quit,
}

/// Parses the steps of a script. The error is the line of the problem, from 1, and a message.
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
