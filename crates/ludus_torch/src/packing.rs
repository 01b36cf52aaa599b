//! How parameters stand in a saved state.

use ludus_net::Layout;

use crate::parameters::Places;

/// The order of numbers in a saved state: that of `ludus_net` where it computes the network too, so that both learners
/// go on from each other's; else the flat tensor's own.
#[derive(Clone, Debug)]
pub(crate) enum Packing {
    /// Where each number of the flat tensor stands, and how many numbers there are with padding.
    Native {
        positions: Vec<usize>,
        count: usize,
    },
    Plain {
        count: usize,
    },
}

impl Packing {
    pub fn new(layout: Option<&Layout>, places: &Places) -> Self {
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

    /// Numbers in a saved array.
    pub const fn packed_count(&self) -> usize {
        match self {
            Self::Native { count, .. } | Self::Plain { count } => *count,
        }
    }

    /// The flat tensor's numbers, as they are saved.
    pub fn pack(&self, flat: &[f32]) -> Vec<f32> {
        let Self::Native { positions, count } = self else { return flat.to_vec() };
        let mut packed = vec![0.0; *count];
        for (&position, &number) in positions.iter().zip(flat) {
            packed[position] = number;
        }
        packed
    }

    /// The inverse of [`Packing::pack`].
    pub fn unpack(&self, packed: &[f32]) -> Vec<f32> {
        match self {
            Self::Native { positions, .. } => positions.iter().map(|&position| packed[position]).collect(),
            Self::Plain { .. } => packed.to_vec(),
        }
    }
}
