//! Tensors of policy files, compared by their bytes.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use safetensors::SafeTensors;

/// Tensors by name.
pub type Tensors = BTreeMap<String, Tensor>;

/// A run's policies by file name.
pub type Policies = BTreeMap<String, Tensors>;

/// A tensor's shape and bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// Reads a file's tensors, without the text beside them: that names versions and may differ.
pub fn read(path: &Path) -> Result<Tensors> {
    let bytes = std::fs::read(path).with_context(|| format!("`{}` can't be read", path.display()))?;
    let file = SafeTensors::deserialize(&bytes).with_context(|| format!("`{}` is no policy", path.display()))?;
    let tensors = file.tensors().into_iter();
    let owned = |tensor: safetensors::tensor::TensorView<'_>| Tensor {
        shape: tensor.shape().to_vec(),
        bytes: tensor.data().to_vec(),
    };
    Ok(tensors.map(|(name, tensor)| (name, owned(tensor))).collect())
}

/// The first file or tensor that one has and the other has not, or that differs; none if all are the same.
pub fn first_difference(one: &Policies, other: &Policies) -> Option<String> {
    if let Some(name) = first_missing(one, other) {
        return Some(format!("only one has `{name}`"));
    }
    let mut pairs = one.iter().zip(other.values());
    pairs.find_map(|((file, one), other)| Some(format!("`{file}`: {}", different_tensor(one, other)?)))
}

fn different_tensor(one: &Tensors, other: &Tensors) -> Option<String> {
    if let Some(name) = first_missing(one, other) {
        return Some(format!("only one has `{name}`"));
    }
    let mut pairs = one.iter().zip(other.values());
    let ((name, ..), _) = pairs.find(|((_, one), other)| one != other)?;
    Some(format!("`{name}` differs"))
}

/// The first name that only one of two maps has.
fn first_missing<'a, T>(one: &'a BTreeMap<String, T>, other: &'a BTreeMap<String, T>) -> Option<&'a str> {
    let alone = one.keys().find(|name| !other.contains_key(*name));
    alone.or_else(|| other.keys().find(|name| !one.contains_key(*name))).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policies(tensors: &[(&str, &[u8])]) -> Policies {
        let tensor = |bytes: &[u8]| Tensor { shape: vec![bytes.len()], bytes: bytes.to_vec() };
        let tensors = tensors.iter().map(|&(name, bytes)| (name.to_owned(), tensor(bytes))).collect();
        Policies::from([("policy.safetensors".to_owned(), tensors)])
    }

    #[test]
    fn the_first_tensor_that_differs_is_named() {
        let one = policies(&[("actor", &[1, 2]), ("critic", &[3])]);
        assert_eq!(first_difference(&one, &one.clone()), None);
        let check = |other: &Policies, expected: &str| {
            let found = [first_difference(&one, other), first_difference(other, &one)];
            assert!(found.iter().flatten().all(|found| found.contains(expected)) && found[0].is_some(), "{found:?}");
        };
        check(&policies(&[("actor", &[1, 2]), ("critic", &[4])]), "`critic` differs");
        check(&policies(&[("actor", &[1, 2])]), "only one has `critic`");
        check(&policies(&[("actor", &[1, 2]), ("critic", &[3, 3])]), "`critic` differs");
        check(&Policies::new(), "only one has `policy.safetensors`");
    }
}
