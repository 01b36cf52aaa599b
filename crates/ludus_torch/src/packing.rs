//! How parameters stand in a saved state.

use ludus_net::Layout;

use crate::parameters::Places;

/// The order of numbers in a saved state: that of `ludus_net` where the network is a perceptron, so that both learners
/// go on from each other's; else parameter after parameter.
#[derive(Clone, Debug)]
pub(crate) struct Packing {
    /// Where each number of the flat tensor stands, if it belongs to a parameter.
    positions: Vec<Option<usize>>,
    /// Numbers in a saved array, with `ludus_net`'s padding.
    count: usize,
}

impl Packing {
    pub fn new(layout: Option<&Layout>, places: &Places) -> Self {
        let mut positions = vec![None; places.count()];
        let Some(layout) = layout else {
            let own = places.iter().flat_map(|place| place.range.clone());
            let count = own.enumerate().map(|(position, number)| positions[number] = Some(position)).count();
            return Self { positions, count };
        };
        for tensor in layout.tensors() {
            let place = places.iter().find(|place| place.name == tensor.name);
            let place = place.expect("a perceptron's parameters are those of its layout");
            for (element, position) in positions[place.range.clone()].iter_mut().enumerate() {
                *position = Some(tensor.position(element));
            }
        }
        Self { positions, count: layout.parameter_count() }
    }

    /// Numbers in a saved array.
    pub const fn packed_count(&self) -> usize {
        self.count
    }

    /// The flat tensor's numbers, as they are saved.
    pub fn pack(&self, flat: &[f32]) -> Vec<f32> {
        let mut packed = vec![0.0; self.count];
        for (position, &number) in self.positions.iter().zip(flat) {
            if let Some(position) = *position {
                packed[position] = number;
            }
        }
        packed
    }

    /// The inverse of [`Packing::pack`].
    pub fn unpack(&self, packed: &[f32]) -> Vec<f32> {
        self.positions.iter().map(|position| position.map_or(0.0, |position| packed[position])).collect()
    }
}
