//! The tensors of a checkpoint: those of a policy, and the arrays of its algorithm.

use ludus_learn::{AlgorithmState, StateTensor};
use ludus_policy::{PolicyFile, TensorData, TensorFile, Values};

use super::SavedPolicy;

/// Prefix of the names of the algorithm's arrays.
pub(super) const STATE: &str = "state.";
/// Prefix of the names of columns, behind [`STATE`].
const COLUMN: &str = "column.";
/// Most arrays of an algorithm that have one number per parameter.
const MOST_ARRAYS: usize = 16;

impl SavedPolicy {
    pub(super) fn to_tensor_file(&self) -> TensorFile {
        let mut file = self.policy.to_tensor_file();
        for (name, tensor) in &self.state.tensors {
            match tensor {
                StateTensor::PerParameter(numbers) => self.add_per_parameter(&mut file, name, numbers),
                StateTensor::Statistics(numbers) => {
                    file.tensors.insert(format!("{STATE}{name}"), TensorData::double_row(numbers.clone()));
                }
                StateTensor::Column(numbers) => {
                    file.tensors.insert(format!("{STATE}{COLUMN}{name}"), TensorData::row(numbers.clone()));
                }
                StateTensor::Bytes(bytes) => {
                    file.tensors.insert(format!("{STATE}{COLUMN}{name}"), TensorData::bytes(bytes.clone()));
                }
            }
        }
        file
    }

    /// Adds a tensor for each of the policy's tensors, of the same shape.
    fn add_per_parameter(&self, file: &mut TensorFile, name: &str, numbers: &[f32]) {
        for (parameter, shape, values) in self.policy.named(numbers) {
            let tensor = TensorData { shape, values: Values::F32(values) };
            file.tensors.insert(format!("{STATE}{name}.{parameter}"), tensor);
        }
    }

    /// The policy of a file, with the arrays of the algorithm's state, whose names begin with `before`.
    pub(super) fn from_tensor_file(file: &TensorFile, mut state: AlgorithmState, before: &str) -> Result<Self, String> {
        let policy = PolicyFile::from_tensor_file(file)?;
        state.tensors.extend(statistics(file));
        state.tensors.extend(columns(file));
        for name in per_parameter_names(file, &policy, before)? {
            let numbers = per_parameter(file, &policy, &format!("{before}{name}."))?;
            state.tensors.insert(name, StateTensor::PerParameter(numbers));
        }
        Ok(Self { policy, state })
    }
}

/// The statistics of the algorithm.
fn statistics(file: &TensorFile) -> impl Iterator<Item = (String, StateTensor)> {
    file.tensors.iter().filter_map(|(name, tensor)| match (name.strip_prefix(STATE), &tensor.values) {
        (Some(name), Values::F64(numbers)) => Some((name.to_owned(), StateTensor::Statistics(numbers.clone()))),
        _ => None,
    })
}

/// The columns of the algorithm: arrays of a length of their own.
fn columns(file: &TensorFile) -> impl Iterator<Item = (String, StateTensor)> {
    file.tensors.iter().filter_map(|(name, tensor)| {
        let name = name.strip_prefix(STATE)?.strip_prefix(COLUMN)?.to_owned();
        match &tensor.values {
            Values::F32(numbers) => Some((name, StateTensor::Column(numbers.clone()))),
            Values::U8(bytes) => Some((name, StateTensor::Bytes(bytes.clone()))),
            Values::F64(_) => None,
        }
    })
}

/// The names of arrays that have a tensor for each of the policy's tensors.
///
/// Such a tensor is called `<before><array>.<parameter>`.
fn per_parameter_names(file: &TensorFile, policy: &PolicyFile, before: &str) -> Result<Vec<String>, String> {
    let Some((first, ..)) = policy.named(&policy.parameters).into_iter().next() else { return Ok(Vec::new()) };
    let of_first = |name: &String| {
        let name = name.strip_prefix(before)?.strip_suffix(first.as_str())?.strip_suffix('.')?;
        Some(name.to_owned())
    };
    let names: Vec<String> = file.tensors.keys().filter_map(of_first).collect();
    if names.len() > MOST_ARRAYS {
        return Err(format!("it has {} arrays for each parameter, there may be {MOST_ARRAYS} at most", names.len()));
    }
    Ok(names)
}

fn per_parameter(file: &TensorFile, policy: &PolicyFile, prefix: &str) -> Result<Vec<f32>, String> {
    let stored = file.tensors.iter().filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?, tensor)));
    let named = stored.map(|(name, tensor)| match &tensor.values {
        Values::F32(values) => Ok((name.to_owned(), tensor.shape.clone(), values.clone())),
        other => Err(format!("tensor `{prefix}{name}` is of type {}, it must be F32", other.type_name())),
    });
    let named = named.collect::<Result<Vec<_>, _>>()?;
    policy.unnamed(named)
}
