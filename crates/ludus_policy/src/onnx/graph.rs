//! A builder of ONNX graphs.
//!
//! IR version 8 and operator set 17 are those of ONNX 1.12.

use prost::Message;

use super::proto::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};

/// The version of the operator set: that of ONNX 1.12, which all current runtimes support.
const OPSET: i64 = 17;
const IR_VERSION: i64 = 8;

/// The type of single-precision numbers, as an attribute of operators that convert.
pub(super) const FLOAT: i64 = TensorProto::FLOAT as i64;

/// A graph whose inputs and outputs are rows.
#[derive(Default)]
pub(super) struct Graph {
    proto: GraphProto,
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
        self.input_of(TensorProto::FLOAT, name, vec![rows(), dimension(width)], doc)
    }

    /// Adds an input of flags, `[rows, width]`.
    pub fn flags_input(&mut self, name: &str, width: usize, doc: &str) -> Value {
        self.input_of(TensorProto::BOOL, name, vec![rows(), dimension(width)], doc)
    }

    /// Adds an input of sets, `[rows, capacity, width]`.
    pub fn set_input(&mut self, name: &str, [capacity, width]: [usize; 2], doc: &str) -> Value {
        let shape = vec![rows(), dimension(capacity), dimension(width)];
        self.input_of(TensorProto::FLOAT, name, shape, doc)
    }

    /// Adds an input of counts, `[rows]`.
    pub fn count_input(&mut self, name: &str, doc: &str) -> Value {
        self.input_of(TensorProto::INT64, name, vec![rows()], doc)
    }

    fn input_of(&mut self, element: i32, name: &str, shape: Vec<DimensionProto>, doc: &str) -> Value {
        self.proto.input.push(described(name, element, shape, doc));
        Value(name.to_owned())
    }

    /// Makes a value an output of `[rows, width]`.
    pub fn output(&mut self, name: &str, value: &Value, width: usize, doc: &str) {
        self.name_output(name, value, [rows(), dimension(width)], doc);
    }

    fn name_output(&mut self, name: &str, value: &Value, shape: [DimensionProto; 2], doc: &str) {
        self.proto.output.push(described(name, TensorProto::FLOAT, shape.into(), doc));
        self.proto.node.push(NodeProto {
            input: vec![value.0.clone()],
            output: vec![name.to_owned()],
            name: name.to_owned(),
            op_type: "Identity".to_owned(),
            attribute: Vec::new(),
        });
    }

    /// Makes numbers that are the same for all rows an output of `[1, width]`.
    pub fn constant_output(&mut self, name: &str, numbers: &[f32], doc: &str) {
        let value = self.constant(&[1, numbers.len()], numbers);
        self.name_output(name, &value, [dimension(1), dimension(numbers.len())], doc);
    }

    /// Adds a constant tensor, in row-major order.
    pub fn constant(&mut self, shape: &[usize], numbers: &[f32]) -> Value {
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.tensor(TensorProto::FLOAT, shape, bytes)
    }

    /// Adds a constant number.
    pub fn number(&mut self, number: f32) -> Value {
        self.constant(&[], &[number])
    }

    /// Adds a constant tensor of integers with one dimension.
    pub fn integers(&mut self, integers: &[usize]) -> Value {
        let bytes = integers.iter().flat_map(|&integer| (integer as i64).to_le_bytes()).collect();
        self.tensor(TensorProto::INT64, &[integers.len()], bytes)
    }

    fn tensor(&mut self, data_type: i32, shape: &[usize], raw_data: Vec<u8>) -> Value {
        let name = self.new_name();
        let dims = shape.iter().map(|&dimension| dimension as i64).collect();
        self.proto.initializer.push(TensorProto { dims, data_type, name: name.clone(), raw_data });
        Value(name)
    }

    /// Adds an operator, and returns its result.
    pub fn node(&mut self, operator: &str, inputs: &[&Value]) -> Value {
        self.node_with(operator, inputs, &[])
    }

    /// Adds an operator with integer attributes, and returns its result.
    pub fn node_with(&mut self, operator: &str, inputs: &[&Value], attributes: &[(&str, i64)]) -> Value {
        let attribute = |&(name, value): &(&str, i64)| AttributeProto {
            name: name.to_owned(),
            i: Some(value),
            ints: Vec::new(),
            r#type: AttributeProto::INT,
        };
        self.node_with_attributes(operator, inputs, attributes.iter().map(attribute).collect())
    }

    /// Adds an operator with attributes that are lists of integers, and returns its result.
    pub fn node_with_lists(&mut self, operator: &str, inputs: &[&Value], attributes: &[(&str, &[i64])]) -> Value {
        let attribute = |&(name, values): &(&str, &[i64])| AttributeProto {
            name: name.to_owned(),
            i: None,
            ints: values.to_vec(),
            r#type: AttributeProto::INTS,
        };
        self.node_with_attributes(operator, inputs, attributes.iter().map(attribute).collect())
    }

    fn node_with_attributes(&mut self, operator: &str, inputs: &[&Value], attribute: Vec<AttributeProto>) -> Value {
        let name = self.new_name();
        self.proto.node.push(NodeProto {
            input: inputs.iter().map(|input| input.0.clone()).collect(),
            output: vec![name.clone()],
            name: name.clone(),
            op_type: operator.to_owned(),
            attribute,
        });
        Value(name)
    }

    /// Adds a slice of a value's columns.
    pub fn columns(&mut self, of: &Value, columns: core::ops::Range<usize>) -> Value {
        let [start, end, axis] = [columns.start, columns.end, 1].map(|integer| self.integers(&[integer]));
        self.node("Slice", &[of, &start, &end, &axis])
    }

    /// Returns the bytes of the file.
    pub fn into_bytes(self, about: &About<'_>) -> Vec<u8> {
        let text =
            |(key, value): &(&str, String)| StringStringEntryProto { key: (*key).to_owned(), value: value.clone() };
        let model = ModelProto {
            ir_version: IR_VERSION,
            producer_name: "bevy_ludus".to_owned(),
            producer_version: about.producer_version.to_owned(),
            model_version: about.model_version as i64,
            doc_string: about.doc.to_owned(),
            graph: GraphProto { name: about.name.to_owned(), ..self.proto },
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
            metadata_props: about.texts.iter().map(text).collect(),
        };
        model.encode_to_vec()
    }

    fn new_name(&mut self) -> String {
        self.values += 1;
        format!("v{}", self.values)
    }
}

/// Returns a value's name, type, shape and documentation.
fn described(name: &str, elem_type: i32, dim: Vec<DimensionProto>, doc: &str) -> ValueInfoProto {
    let tensor_type = TensorTypeProto { elem_type, shape: TensorShapeProto { dim } };
    ValueInfoProto { name: name.to_owned(), r#type: TypeProto { tensor_type }, doc_string: doc.to_owned() }
}

/// Returns the dimension `rows`, whose size is not fixed.
fn rows() -> DimensionProto {
    DimensionProto { dim_value: None, dim_param: Some("rows".to_owned()) }
}

fn dimension(size: usize) -> DimensionProto {
    DimensionProto { dim_value: Some(size as i64), dim_param: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected bytes are written by hand, from `onnx.proto` and the encoding of Protocol Buffers: each field starts
    /// with 8 × its number, plus 2 if a length follows.
    #[test]
    fn a_graph_has_the_bytes_that_onnx_describes() {
        let mut graph = Graph::default();
        let input = graph.input("x", 300, "");
        let turned = graph.node_with_lists("Turn", &[&input], &[("perm", &[1, 0])]);
        let sum = graph.node_with("Sum", &[&turned], &[("axis", 1)]);
        graph.integers(&[7]);
        graph.output("y", &sum, 2, "out");
        let texts = [("seed", "3".to_owned())];
        let about = About { name: "g", doc: "", producer_version: "1", model_version: 0, texts: &texts };

        let turn: &[u8] = b"\x0a\x01x\x12\x02v1\x1a\x02v1\x22\x04Turn\x2a\x0d\x0a\x04perm\x40\x01\x40\x00\xa0\x01\x07";
        let sum: &[u8] = b"\x0a\x02v1\x12\x02v2\x1a\x02v2\x22\x03Sum\x2a\x0b\x0a\x04axis\x18\x01\xa0\x01\x02";
        let identity: &[u8] = b"\x0a\x02v2\x12\x01y\x1a\x01y\x22\x08Identity";
        let seven: &[u8] = b"\x08\x01\x10\x07\x42\x02v3\x4a\x08\x07\0\0\0\0\0\0\0";
        let x: &[u8] = b"\x0a\x01x\x12\x13\x0a\x11\x08\x01\x12\x0d\x0a\x06\x12\x04rows\x0a\x03\x08\xac\x02\x1a\x00";
        let y: &[u8] = b"\x0a\x01y\x12\x12\x0a\x10\x08\x01\x12\x0c\x0a\x06\x12\x04rows\x0a\x02\x08\x02\x1a\x03out";
        let field = |tag: u8, bytes: &[u8]| [&[tag, bytes.len() as u8], bytes].concat();
        let nodes = [turn, sum, identity].map(|node| field(0x0a, node)).concat();
        let graph_bytes = [nodes, field(0x12, b"g"), field(0x2a, seven), field(0x5a, x), field(0x62, y)].concat();
        let head: &[u8] = b"\x08\x08\x12\x0abevy_ludus\x1a\x011\x28\x00\x32\x00\x3a";
        let expected = [
            head,
            // The graph's length, 129 or more, takes two bytes.
            &[graph_bytes.len() as u8 | 0x80, (graph_bytes.len() >> 7) as u8],
            &graph_bytes,
            b"\x42\x04\x0a\x00\x10\x11",
            b"\x72\x09\x0a\x04seed\x12\x013",
        ]
        .concat();
        assert_eq!(graph.into_bytes(&about), expected);
    }
}
