//! The order of parameters in a saved state.

use ludus_net::Layout;

use crate::parameters::ParameterLayout;

/// The order of numbers in a saved state: that of `ludus_net` if it has the same network, so that each learner can
/// restore the other's states; else that of the flat tensor.
#[derive(Clone, Debug)]
pub(crate) enum Packing {
    /// The saved position of each number of the flat tensor, and the count of numbers with padding.
    Native {
        positions: Vec<usize>,
        count: usize,
    },
    Plain {
        count: usize,
    },
}

impl Packing {
    pub fn new(layout: Option<&Layout>, places: &ParameterLayout) -> Self {
        let Some(layout) = layout else { return Self::Plain { count: places.count() } };
        let mut positions = vec![0; places.count()];
        for tensor in layout.tensors() {
            let place = places.iter().find(|place| place.name == tensor.name);
            let place = place.expect("a described network's parameters are those of its layout");
            for (element, position) in positions[place.range.clone()].iter_mut().enumerate() {
                *position = tensor.position(element);
            }
        }
        Self::Native { positions, count: layout.parameter_count() }
    }

    /// Returns the count of numbers in a saved array.
    pub const fn packed_count(&self) -> usize {
        match self {
            Self::Native { count, .. } | Self::Plain { count } => *count,
        }
    }

    /// Converts the flat tensor's numbers to the saved order.
    pub fn pack(&self, flat: &[f32]) -> Vec<f32> {
        let Self::Native { positions, count } = self else { return flat.to_vec() };
        let mut packed = vec![0.0; *count];
        for (&position, &number) in positions.iter().zip(flat) {
            packed[position] = number;
        }
        packed
    }

    /// Converts saved numbers to the order of the flat tensor: the inverse of [`Packing::pack`].
    pub fn unpack(&self, packed: &[f32]) -> Vec<f32> {
        match self {
            Self::Native { positions, .. } => positions.iter().map(|&position| packed[position]).collect(),
            Self::Plain { .. } => packed.to_vec(),
        }
    }
}
