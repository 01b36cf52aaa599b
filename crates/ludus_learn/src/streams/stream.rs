//! The settings of a stream.

use crate::{Discount, RewardSource, Schedule};

/// A stream of rewards beside those of the simulation, with a value head of its own.
#[derive(Debug)]
pub struct RewardStream {
    /// Its name in metrics and saved states: letters, digits and `_`.
    pub name: String,
    /// γ and λ.
    pub discount: Discount,
    /// The weight of its advantages beside those of the simulation's own rewards, whose weight is 1.
    pub weight: Schedule,
    /// True if its returns end with an episode. Returns of other streams go on in the row's next episode, so that an
    /// agent does not avoid the end of an episode for what it would miss. Burda et al. 2019, arXiv:1810.12894, §2.3.
    pub episodic: bool,
    /// True if its rewards are divided by the running deviation of their discounted return. Detail 15.
    pub scaled: bool,
    /// The source of the rewards.
    pub source: Box<dyn RewardSource>,
}
