//! The messages of `onnx.proto`, as far as policies need them.
//!
//! Names and field numbers are those of ONNX 1.12. A field that every file has is `required` here, so it is written even
//! if it is zero or empty.

use prost::Message;

/// A file: a graph and its metadata.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ModelProto {
    #[prost(int64, required, tag = "1")]
    pub ir_version: i64,
    #[prost(string, required, tag = "2")]
    pub producer_name: String,
    #[prost(string, required, tag = "3")]
    pub producer_version: String,
    #[prost(int64, required, tag = "5")]
    pub model_version: i64,
    #[prost(string, required, tag = "6")]
    pub doc_string: String,
    #[prost(message, required, tag = "7")]
    pub graph: GraphProto,
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSetIdProto>,
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<StringStringEntryProto>,
}

/// A set of operators, by its name and version. The name of ONNX's own set is empty.
#[derive(Clone, PartialEq, Message)]
pub(super) struct OperatorSetIdProto {
    #[prost(string, required, tag = "1")]
    pub domain: String,
    #[prost(int64, required, tag = "2")]
    pub version: i64,
}

/// A text of the metadata.
#[derive(Clone, PartialEq, Message)]
pub(super) struct StringStringEntryProto {
    #[prost(string, required, tag = "1")]
    pub key: String,
    #[prost(string, required, tag = "2")]
    pub value: String,
}

/// Operators and constants, with named inputs and outputs.
#[derive(Clone, PartialEq, Message)]
pub(super) struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<NodeProto>,
    #[prost(string, required, tag = "2")]
    pub name: String,
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfoProto>,
}

/// An operator with the names of its inputs and outputs.
#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    #[prost(string, required, tag = "3")]
    pub name: String,
    #[prost(string, required, tag = "4")]
    pub op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<AttributeProto>,
}

/// A setting of an operator: an integer, or a list of integers.
#[derive(Clone, PartialEq, Message)]
pub(super) struct AttributeProto {
    #[prost(string, required, tag = "1")]
    pub name: String,
    #[prost(int64, optional, tag = "3")]
    pub i: Option<i64>,
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub ints: Vec<i64>,
    #[prost(int32, required, tag = "20")]
    pub r#type: i32,
}

impl AttributeProto {
    /// The `type` of an integer, `AttributeType.INT`.
    pub const INT: i32 = 2;
    /// The `type` of a list of integers, `AttributeType.INTS`.
    pub const INTS: i32 = 7;
}

/// A constant, in row-major order.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorProto {
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub dims: Vec<i64>,
    #[prost(int32, required, tag = "2")]
    pub data_type: i32,
    #[prost(string, required, tag = "8")]
    pub name: String,
    /// The elements, little-endian.
    #[prost(bytes = "vec", required, tag = "9")]
    pub raw_data: Vec<u8>,
}

impl TensorProto {
    /// The type of single-precision numbers, `DataType.FLOAT`.
    pub const FLOAT: i32 = 1;
    /// The type of integers, `DataType.INT64`.
    pub const INT64: i32 = 7;
    /// The type of flags, `DataType.BOOL`.
    pub const BOOL: i32 = 9;
}

/// The name, the type and the documentation of a graph's input or output.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueInfoProto {
    #[prost(string, required, tag = "1")]
    pub name: String,
    #[prost(message, required, tag = "2")]
    pub r#type: TypeProto,
    #[prost(string, required, tag = "3")]
    pub doc_string: String,
}

/// The type of a value. Values of policies are tensors.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TypeProto {
    #[prost(message, required, tag = "1")]
    pub tensor_type: TensorTypeProto,
}

/// The type of a tensor's elements, and its shape.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorTypeProto {
    #[prost(int32, required, tag = "1")]
    pub elem_type: i32,
    #[prost(message, required, tag = "2")]
    pub shape: TensorShapeProto,
}

/// The dimensions of a tensor.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorShapeProto {
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<DimensionProto>,
}

/// A dimension: its size, or a name if its size is not fixed.
#[derive(Clone, PartialEq, Message)]
pub(super) struct DimensionProto {
    #[prost(int64, optional, tag = "1")]
    pub dim_value: Option<i64>,
    #[prost(string, optional, tag = "2")]
    pub dim_param: Option<String>,
}
