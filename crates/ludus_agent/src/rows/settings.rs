//! The settings of a run for the agents of a kind: weights, limits, disturbances, the times of decisions.

use core::num::NonZeroU32;

use super::{Decisions, RewardStreams, Rows};
use crate::{Controller, TermAgreement};

impl Rows {
    /// The weight of each reward term, in the spec's order.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Sets the weight of each reward term, in the spec's order. By default all weights are 1.
    ///
    /// # Panics
    ///
    /// If `weights` has another length than the spec has terms.
    pub fn set_weights(&mut self, weights: &[f32]) {
        self.weights.copy_from_slice(weights);
    }

    /// Puts terms of the reward into streams of their own: `streams` has the indices of each stream's terms. Terms in none
    /// of them stay in the first stream.
    ///
    /// [`rewards`](Self::rewards) and all sums over episodes have all terms, as without streams.
    ///
    /// # Panics
    ///
    /// If the spec has no term with one of these indices.
    pub fn set_reward_streams(&mut self, streams: &[Vec<usize>]) {
        let mut of_terms = vec![0; if streams.is_empty() { 0 } else { self.spec.reward.len() }];
        for (stream, terms) in (1..).zip(streams) {
            terms.iter().for_each(|&term| of_terms[term] = stream);
        }
        let count = if streams.is_empty() { 0 } else { streams.len() + 1 };
        self.streams = RewardStreams { of_terms, count, rewards: vec![0.0; self.len() * count] };
    }

    /// Counts from now on how often the members of a team write the same value of a term that they share.
    pub fn watch_team_terms(&mut self) {
        self.shared.watch();
    }

    /// The counts since [`watch_team_terms`](Self::watch_team_terms), one for each shared term; empty before it.
    pub fn team_term_agreement(&self) -> &[TermAgreement] {
        self.shared.agreement()
    }

    /// Sets the steps after which episodes are truncated, for agents without an [`EpisodeLimit`](crate::EpisodeLimit)
    /// of their own. It holds from each agent's next episode on.
    pub fn set_episode_limit(&mut self, limit: Option<NonZeroU32>) {
        self.default_limit = limit.map_or(u32::MAX, NonZeroU32::get);
    }

    /// Adds normally distributed noise to observations, with these standard deviations `[observation width]`, in the
    /// units of each column. It follows from the episode, so the same episode has the same noise.
    ///
    /// # Panics
    ///
    /// If there are not as many deviations as columns.
    pub fn set_observation_noise(&mut self, deviations: &[f32]) {
        assert_eq!(deviations.len(), self.spec.observation_width(), "one deviation for each column");
        self.disturbance.set_noise(deviations, self.outcomes.len());
    }

    /// Lets actions take effect this many decisions later. Until the first one does, agents idle. 0 is no delay.
    pub fn set_action_delay(&mut self, decisions: u32) {
        self.disturbance.set_delay(decisions, self.actions.len());
    }

    /// Shortens the first episodes of the agents in the world's first step, each by a random part of its limit that is
    /// drawn from the world's seed.
    ///
    /// Without it, agents that all reach their limit restart in the same step every time, and a learner sees no start
    /// of an episode for as long as one lasts. Agents of one arena stay together. Episodes that are truncated early by
    /// it are not reported as finished.
    ///
    /// Source: Rudin et al. 2022, arXiv:2109.11978, whose environments start at random points of their time limit.
    pub fn stagger_first_episodes(&mut self) {
        self.staggers = true;
    }

    /// Sets the interval of decisions: the agents decide in every `every`-th step only, the first time after `wait`
    /// more steps. Usually `wait` is 1, since the first step of a world is the restart step of its agents.
    ///
    /// In the steps between, their actions hold, their rows are [`Waiting`](ludus_spec::Outcome::Waiting), and they are
    /// scored and sensed as always. If an episode ends in such a step, its outcome is
    /// [`WaitingTerminated`](ludus_spec::Outcome::WaitingTerminated) or
    /// [`WaitingTruncated`](ludus_spec::Outcome::WaitingTruncated), so that a learner adds reward and end to the decision
    /// before. The restart comes with the next step, even if the kind does not decide in it, and lasts until the kind
    /// decides again. So agents of several kinds that share their arena's episode start together.
    pub fn decide_every(&mut self, every: NonZeroU32, wait: u32) {
        (self.decisions.every, self.decisions.wait) = (every.get(), wait);
    }

    /// The steps from one decision to the next: see [`decide_every`](Self::decide_every).
    pub fn decision_steps(&self) -> NonZeroU32 {
        NonZeroU32::new(self.decisions.every).unwrap_or(NonZeroU32::MIN)
    }

    /// True if the kind decides in the step that has begun: see [`decide_every`](Self::decide_every).
    pub const fn is_deciding(&self) -> bool {
        self.decisions.are_due()
    }

    /// True if they decide in the step after the present one.
    pub const fn decide_next(&self) -> bool {
        self.decisions.wait == 0
    }

    /// True if the agents are [left to the game](Self::leave_to_the_game).
    pub const fn are_left_to_the_game(&self) -> bool {
        self.decisions.are_external
    }

    /// Leaves all agents of the kind to the game, whatever their [`Controller`] is: their actions are never written,
    /// and their rows are [`Outcome::Vacant`](ludus_spec::Outcome::Vacant).
    pub fn leave_to_the_game(&mut self) {
        self.decisions.are_external = true;
    }

    /// Marks the kind as driven: a driver writes its actions, so that the game's scripts do not decide for its agents.
    ///
    /// Before this call, the game decides for the agents that a policy would control.
    pub const fn drive(&mut self) {
        self.decisions.are_driven = true;
    }

    /// True if the game decides for the agents of the kind: the kind is not [driven](Self::drive), or its driver has
    /// [left it](Self::leave_to_the_game) to the game.
    pub const fn game_decides(&self) -> bool {
        self.decisions.are_external || !self.decisions.are_driven
    }
}

impl Decisions {
    pub(super) fn begin_step(&mut self) {
        self.is_due = self.wait == 0;
        self.wait = if self.is_due { self.every - 1 } else { self.wait - 1 };
    }

    /// True if the agents decide in the present step.
    pub const fn are_due(&self) -> bool {
        self.is_due
    }

    /// The controller that a row has before its agent's own one is read.
    pub(super) const fn controller(&self) -> Controller {
        match (self.are_external, self.is_due) {
            (true, _) => Controller::External,
            (false, true) => Controller::Policy,
            (false, false) => Controller::Waiting,
        }
    }
}
