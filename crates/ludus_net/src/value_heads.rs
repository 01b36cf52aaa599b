//! Networks with several values of their critic, and the same networks with the first value alone.

use ludus_spec::Seed;

use crate::dense::Dense;
use crate::{Layout, NetError, Network};

/// The numbers of a network with several value heads in two parts: those of the same network with its first value head
/// alone, which is the policy that is saved and played, and those of the other heads.
///
/// "Numbers" are one per parameter: the parameters themselves, or the moments of an optimiser.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueHeadSplit {
    all: Layout,
    first: Layout,
}

impl ValueHeadSplit {
    /// Makes the split of networks of this layout.
    ///
    /// # Errors
    ///
    /// As [`Layout::with_value_heads`].
    pub fn new(all: &Layout) -> Result<Self, NetError> {
        Ok(Self { first: all.with_value_heads(1)?, all: all.clone() })
    }

    /// Returns the layout of the first part.
    pub fn first_layout(&self) -> &Layout {
        &self.first
    }

    /// Returns the numbers of the network with the first value head alone.
    ///
    /// # Panics
    ///
    /// If there is not one number per parameter.
    pub fn first(&self, numbers: &[f32]) -> Vec<f32> {
        assert_eq!(numbers.len(), self.all.parameter_count(), "one number per parameter");
        let mut first = vec![0.0; self.first.parameter_count()];
        let (from, to) = (self.all.value_head(), self.first.value_head());
        first[..to.weight.start].copy_from_slice(&numbers[..from.weight.start]);
        copy_head((numbers, from), (&mut first, to), 0);
        first[self.first.log_std()].copy_from_slice(&numbers[self.all.log_std()]);
        first
    }

    /// Returns the numbers of the other value heads `[heads − 1, inputs of a head + 1]`: the weights of a head, then its
    /// bias.
    ///
    /// # Panics
    ///
    /// If there is not one number per parameter.
    pub fn others(&self, numbers: &[f32]) -> Vec<f32> {
        assert_eq!(numbers.len(), self.all.parameter_count(), "one number per parameter");
        let head = self.all.value_head();
        (1..head.outputs).flat_map(|output| head_positions(head, output)).map(|position| numbers[position]).collect()
    }

    /// Returns the numbers of the whole network.
    ///
    /// # Errors
    ///
    /// [`NetError::WrongLength`] if a part has more or fewer numbers.
    pub fn join(&self, first: &[f32], others: &[f32]) -> Result<Vec<f32>, NetError> {
        let (from, to) = (self.first.value_head(), self.all.value_head());
        check_length("parameters", self.first.parameter_count(), first.len())?;
        check_length("numbers of value heads", (to.outputs - 1) * (to.inputs + 1), others.len())?;
        let mut all = vec![0.0; self.all.parameter_count()];
        all[..to.weight.start].copy_from_slice(&first[..from.weight.start]);
        copy_head((first, from), (&mut all, to), 0);
        let positions = (1..to.outputs).flat_map(|output| head_positions(to, output));
        positions.zip(others).for_each(|(position, &number)| all[position] = number);
        all[self.all.log_std()].copy_from_slice(&first[self.first.log_std()]);
        Ok(all)
    }
}

/// A shift and a scale of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueMap {
    /// The factor.
    pub scale: f32,
    /// The number that is added after the multiplication.
    pub shift: f32,
}

impl ValueMap {
    /// Returns the value, shifted and scaled.
    pub fn apply(self, value: f32) -> f32 {
        self.scale * value + self.shift
    }
}

impl Network {
    /// Shifts and scales what the value heads return, one map for each head, by the numbers of the critic's last layer.
    ///
    /// # Panics
    ///
    /// If there is not one map per value head.
    pub fn map_values(&mut self, maps: &[ValueMap]) {
        let head = self.layout().value_head().clone();
        assert_eq!(maps.len(), head.outputs, "one map per value head");
        self.update(|parameters| {
            for (output, map) in maps.iter().enumerate() {
                head_positions(&head, output).for_each(|position| parameters[position] *= map.scale);
                parameters[head.bias.start + output] += map.shift;
            }
        });
    }

    /// Returns the same network with this many value heads. The first stays as it is; those behind it start as in a new
    /// network.
    ///
    /// # Errors
    ///
    /// As [`Layout::with_value_heads`].
    pub fn with_value_heads(&self, count: usize, seed: Seed) -> Result<Self, NetError> {
        let mut network = Self::new(self.layout().with_value_heads(count)?, seed);
        let own = ValueHeadSplit::new(self.layout())?.first(self.parameters());
        let split = ValueHeadSplit::new(network.layout())?;
        let joined = split.join(&own, &split.others(network.parameters()))?;
        network.set_parameters(&joined)?;
        network.set_simd_level(self.level);
        Ok(network)
    }
}

/// Copies the weights and the bias of one output.
fn copy_head((from, of): (&[f32], &Dense), (to, into): (&mut [f32], &Dense), output: usize) {
    for (from_position, to_position) in head_positions(of, output).zip(head_positions(into, output)) {
        to[to_position] = from[from_position];
    }
}

/// Returns the positions of the weights of one output, and of its bias.
fn head_positions(head: &Dense, output: usize) -> impl Iterator<Item = usize> {
    (0..head.inputs).map(move |input| head.position(output, input)).chain([head.bias.start + output])
}

fn check_length(what: &'static str, expected: usize, actual: usize) -> Result<(), NetError> {
    if expected == actual { Ok(()) } else { Err(NetError::WrongLength { what, expected, actual }) }
}
