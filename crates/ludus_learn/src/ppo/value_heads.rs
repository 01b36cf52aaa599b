//! The numbers of a critic's further value heads in a saved state.
//!
//! A saved policy has the first value head alone, which estimates the simulation's own rewards: it is played and shown,
//! and streams of rewards belong to its training. So the numbers of the other heads stand among those of the algorithm.

use ludus_net::ValueHeadSplit;

use crate::learner_state::{FIRST_MOMENTS, SECOND_MOMENTS};
use crate::{LearnError, SavedAlgorithm, StateTensor};

/// Names of arrays in a saved state.
const PARAMETERS: &str = "value_heads";
const MOMENTS: [(&str, &str); 2] =
    [(FIRST_MOMENTS, "value_heads.adam.mean"), (SECOND_MOMENTS, "value_heads.adam.variance")];

/// Moves the numbers of the other value heads from the policy and its moments to arrays of their own.
pub(super) fn detach(split: &ValueHeadSplit, saved: &mut SavedAlgorithm) {
    let SavedAlgorithm { policy, state } = saved;
    let mut detached = vec![(PARAMETERS, split.others(&policy.parameters))];
    policy.parameters = split.first(&policy.parameters);
    for (name, others) in MOMENTS {
        if let Some(StateTensor::PerParameter(moments)) = state.tensors.get_mut(name) {
            detached.push((others, split.others(moments)));
            *moments = split.first(moments);
        }
    }
    let columns = detached.into_iter().map(|(name, numbers)| (name.to_owned(), StateTensor::Column(numbers)));
    state.tensors.extend(columns);
}

/// Moves them back.
///
/// # Errors
///
/// [`LearnError::Missing`] if there are none, and [`LearnError::Network`] if they are those of another network.
pub(super) fn attach(split: &ValueHeadSplit, saved: &SavedAlgorithm) -> Result<SavedAlgorithm, LearnError> {
    let mut joined = saved.clone();
    let others = |name| saved.state.column(name);
    joined.policy.parameters = split.join(&saved.policy.parameters, others(PARAMETERS)?)?;
    for (name, of_others) in MOMENTS {
        let moments = split.join(saved.state.per_parameter(name)?, others(of_others)?)?;
        joined.state.tensors.insert(name.to_owned(), StateTensor::PerParameter(moments));
        joined.state.tensors.remove(of_others);
    }
    joined.state.tensors.remove(PARAMETERS);
    Ok(joined)
}
