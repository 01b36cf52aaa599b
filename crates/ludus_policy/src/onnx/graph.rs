//! A builder of ONNX graphs.
//!
//! Field numbers are those of `onnx.proto`. IR version 8 and operator set 17 are those of ONNX 1.12.

use super::message::Message;

/// The version of the operator set: that of ONNX 1.12, which all current runtimes support.
const OPSET: u64 = 17;
const IR_VERSION: u64 = 8;

/// The type of single-precision numbers.
pub(super) const FLOAT: u64 = 1;
const INT64: u64 = 7;
/// The type of flags.
const BOOL: u64 = 9;
const ATTRIBUTE_INT: u64 = 2;
const ATTRIBUTE_INTS: u64 = 7;

/// A graph whose inputs and outputs are rows.
#[derive(Default)]
pub(super) struct Graph {
    nodes: Vec<Message>,
    constants: Vec<Message>,
    inputs: Vec<Message>,
    outputs: Vec<Message>,
    values: usize,
}

/// A value in the graph, by its name.
#[derive(Clone, Debug)]
pub(super) struct Value(String);

/// The metadata of a file.
pub(super) struct About<'a> {
    pub name: &'a str,
    pub doc: &'a str,
    /// The version of the library that writes the file.
    pub producer_version: &'a str,
    /// The number of steps that the model was trained with.
    pub model_version: u64,
    /// Texts by name.
    pub texts: &'a [(&'a str, String)],
}

impl Graph {
    /// Adds an input of `[rows, width]`.
    pub fn input(&mut self, name: &str, width: usize, doc: &str) -> Value {
        self.input_of(FLOAT, name, width, doc)
    }

    /// Adds an input of flags, `[rows, width]`.
    pub fn flags_input(&mut self, name: &str, width: usize, doc: &str) -> Value {
        self.input_of(BOOL, name, width, doc)
    }

    fn input_of(&mut self, element: u64, name: &str, width: usize, doc: &str) -> Value {
        self.inputs.push(described(name, element, [rows(), dimension(width)], doc));
        Value(name.to_owned())
    }

    /// Makes a value an output of `[rows, width]`.
    pub fn output(&mut self, name: &str, value: &Value, width: usize, doc: &str) {
        self.name_output(name, value, [rows(), dimension(width)], doc);
    }

    fn name_output(&mut self, name: &str, value: &Value, shape: [Message; 2], doc: &str) {
        self.outputs.push(described(name, FLOAT, shape, doc));
        self.nodes.push(Message::default().text(1, &value.0).text(2, name).text(3, name).text(4, "Identity"));
    }

    /// Makes numbers that are the same for all rows an output of `[1, width]`.
    pub fn constant_output(&mut self, name: &str, numbers: &[f32], doc: &str) {
        let value = self.constant(&[1, numbers.len()], numbers);
        self.name_output(name, &value, [dimension(1), dimension(numbers.len())], doc);
    }

    /// Adds a constant tensor, in row-major order.
    pub fn constant(&mut self, shape: &[usize], numbers: &[f32]) -> Value {
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>();
        self.tensor(FLOAT, shape, &bytes)
    }

    /// Adds a constant number.
    pub fn number(&mut self, number: f32) -> Value {
        self.constant(&[], &[number])
    }

    /// Adds a constant tensor of integers with one dimension.
    pub fn integers(&mut self, integers: &[usize]) -> Value {
        let bytes = integers.iter().flat_map(|&integer| (integer as u64).to_le_bytes()).collect::<Vec<_>>();
        self.tensor(INT64, &[integers.len()], &bytes)
    }

    fn tensor(&mut self, data_type: u64, shape: &[usize], bytes: &[u8]) -> Value {
        let name = self.new_name();
        let shape = shape.iter().map(|&dimension| dimension as u64).collect::<Vec<_>>();
        let tensor = Message::default().integers(1, &shape).integer(2, data_type).text(8, &name).bytes(9, bytes);
        self.constants.push(tensor);
        Value(name)
    }

    /// Adds an operator, and returns its result.
    pub fn node(&mut self, operator: &str, inputs: &[&Value]) -> Value {
        self.node_with(operator, inputs, &[])
    }

    /// Adds an operator with integer attributes, and returns its result.
    pub fn node_with(&mut self, operator: &str, inputs: &[&Value], attributes: &[(&str, u64)]) -> Value {
        let attribute = |&(name, value): &(&str, u64)| {
            Message::default().text(1, name).integer(3, value).integer(20, ATTRIBUTE_INT)
        };
        self.node_with_attributes(operator, inputs, attributes.iter().map(attribute))
    }

    /// Adds an operator with attributes that are lists of integers, and returns its result.
    pub fn node_with_lists(&mut self, operator: &str, inputs: &[&Value], attributes: &[(&str, &[u64])]) -> Value {
        let attribute = |&(name, values): &(&str, &[u64])| {
            Message::default().text(1, name).integers(8, values).integer(20, ATTRIBUTE_INTS)
        };
        self.node_with_attributes(operator, inputs, attributes.iter().map(attribute))
    }

    fn node_with_attributes(
        &mut self,
        operator: &str,
        inputs: &[&Value],
        attributes: impl Iterator<Item = Message>,
    ) -> Value {
        let name = self.new_name();
        let named = inputs.iter().fold(Message::default(), |node, input| node.text(1, &input.0));
        self.nodes.push(named.text(2, &name).text(3, &name).text(4, operator).messages(5, attributes));
        Value(name)
    }

    /// Adds a slice of a value's columns.
    pub fn columns(&mut self, of: &Value, columns: core::ops::Range<usize>) -> Value {
        let [start, end, axis] = [columns.start, columns.end, 1].map(|integer| self.integers(&[integer]));
        self.node("Slice", &[of, &start, &end, &axis])
    }

    /// Returns the bytes of the file.
    pub fn into_bytes(self, about: &About<'_>) -> Vec<u8> {
        let graph = Message::default()
            .messages(1, self.nodes)
            .text(2, about.name)
            .messages(5, self.constants)
            .messages(11, self.inputs)
            .messages(12, self.outputs);
        let text = |(name, text): &(&str, String)| Message::default().text(1, name).text(2, text);
        Message::default()
            .integer(1, IR_VERSION)
            .text(2, "bevy_ludus")
            .text(3, about.producer_version)
            .integer(5, about.model_version)
            .text(6, about.doc)
            .message(7, graph)
            .message(8, Message::default().text(1, "").integer(2, OPSET))
            .messages(14, about.texts.iter().map(text))
            .into_bytes()
    }

    fn new_name(&mut self) -> String {
        self.values += 1;
        format!("v{}", self.values)
    }
}

/// Returns a value's name, type, shape and documentation as a message.
fn described(name: &str, element: u64, shape: [Message; 2], doc: &str) -> Message {
    let tensor = Message::default().integer(1, element).message(2, Message::default().messages(1, shape));
    Message::default().text(1, name).message(2, Message::default().message(1, tensor)).text(3, doc)
}

/// Returns the dimension `rows`, whose size is not fixed.
fn rows() -> Message {
    Message::default().text(2, "rows")
}

fn dimension(size: usize) -> Message {
    Message::default().integer(1, size as u64)
}
