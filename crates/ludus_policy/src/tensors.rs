//! `.safetensors` files: named arrays of numbers, and text beside them.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::{Metadata, TensorView};
use safetensors::{Dtype, SafeTensors};
use serde_json::json;

use crate::PolicyError;
use crate::atomic::write_atomically;
use crate::files::{self, LONGEST_FILE, Links};

/// The bytes before the header, which hold its length.
const LENGTH_BYTES: usize = 8;

/// The content of a `.safetensors` file.
///
/// Reading runs no code from the file, and takes no more memory than a small multiple of the file's size, even for
/// malicious files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TensorFile {
    /// Text by name.
    pub texts: BTreeMap<String, String>,
    /// Arrays by name.
    pub tensors: BTreeMap<String, TensorData>,
}

/// An array of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorData {
    /// The dimensions, in row-major order.
    pub shape: Vec<usize>,
    /// The numbers, in row-major order.
    pub values: Values,
}

/// Numbers of one of the types that are read.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Single precision, for the network's parameters.
    F32(Vec<f32>),
    /// Double precision, for statistics.
    F64(Vec<f64>),
    /// Bytes, for flags.
    U8(Vec<u8>),
}

impl Values {
    /// Returns the name of the type.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::F32(_) => "F32",
            Self::F64(_) => "F64",
            Self::U8(_) => "U8",
        }
    }
}

impl TensorData {
    /// A tensor of single precision with one dimension.
    pub fn row(values: Vec<f32>) -> Self {
        Self { shape: vec![values.len()], values: Values::F32(values) }
    }

    /// A tensor of double precision with one dimension.
    pub fn double_row(values: Vec<f64>) -> Self {
        Self { shape: vec![values.len()], values: Values::F64(values) }
    }

    /// A tensor of bytes with one dimension.
    pub fn bytes(values: Vec<u8>) -> Self {
        Self { shape: vec![values.len()], values: Values::U8(values) }
    }
}

impl TensorFile {
    /// Reads the content of a file.
    ///
    /// # Errors
    ///
    /// If the file can't be read, or is no complete `.safetensors` file of such numbers.
    pub fn read(path: &Path) -> Result<Self, PolicyError> {
        let bytes = files::read(path, Links::Follow, LONGEST_FILE)
            .map_err(|source| PolicyError::Unreadable { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes).map_err(|problem| PolicyError::Damaged { path: path.to_owned(), problem })
    }

    /// Writes a file atomically: at any time, readers get either the old content or the new one.
    ///
    /// # Errors
    ///
    /// If the folder can't be written to.
    pub fn write(&self, path: &Path) -> Result<(), PolicyError> {
        write_atomically(path, &self.to_bytes())
            .map_err(|source| PolicyError::Unwritable { path: path.to_owned(), source })
    }

    /// Returns the numbers of the single-precision tensor with this name.
    ///
    /// # Errors
    ///
    /// A sentence if it is missing or of another precision.
    pub fn f32s(&self, name: &str) -> Result<&[f32], String> {
        match self.tensor(name)?.values {
            Values::F32(ref values) => Ok(values),
            ref other => Err(format!("tensor `{name}` is of type {}, it must be F32", other.type_name())),
        }
    }

    /// Returns the numbers of the double-precision tensor with this name.
    ///
    /// # Errors
    ///
    /// A sentence if it is missing or of another precision.
    pub fn f64s(&self, name: &str) -> Result<&[f64], String> {
        match self.tensor(name)?.values {
            Values::F64(ref values) => Ok(values),
            ref other => Err(format!("tensor `{name}` is of type {}, it must be F64", other.type_name())),
        }
    }

    fn tensor(&self, name: &str) -> Result<&TensorData, String> {
        self.tensors.get(name).ok_or_else(|| format!("tensor `{name}` is missing"))
    }

    /// Returns the bytes of the file: the same for the same content.
    ///
    /// The header is written here, because `safetensors::serialize` writes texts in a random order.
    ///
    /// # Panics
    ///
    /// If a tensor has more or fewer numbers than its shape says.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut stored =
            self.tensors.iter().map(|(name, tensor)| (name, tensor, tensor.to_le_bytes())).collect::<Vec<_>>();
        // The widest numbers come first, so that all of them are aligned.
        stored.sort_by_key(|(_, _, (dtype, _))| Reverse(*dtype));
        let mut header = serde_json::Map::from_iter([("__metadata__".to_owned(), json!(self.texts))]);
        let mut data = Vec::new();
        for (name, TensorData { shape, .. }, (dtype, bytes)) in &stored {
            let start = data.len();
            data.extend_from_slice(bytes);
            assert_eq!(
                bytes.len() * 8,
                shape.iter().product::<usize>() * dtype.bitsize(),
                "as many numbers as the shape says"
            );
            let described = json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, data.len()] });
            header.insert((*name).clone(), described);
        }
        let mut header = serde_json::Value::Object(header).to_string().into_bytes();
        header.resize(header.len().next_multiple_of(LENGTH_BYTES), b' ');
        [&(header.len() as u64).to_le_bytes(), header.as_slice(), &data].concat()
    }

    /// Parses the bytes of a file.
    ///
    /// # Errors
    ///
    /// A sentence about the first problem.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        check_extent(bytes)?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
        let texts = header.metadata().clone().unwrap_or_default().into_iter().collect();
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            let tensor = TensorData::from_view(&view).map_err(|problem| format!("tensor `{name}` {problem}"))?;
            tensors.insert(name.to_owned(), tensor);
        }
        Ok(Self { texts, tensors })
    }
}

/// Checks that the tensors end at the end of the file.
///
/// `SafeTensors::deserialize` checks it too, but with a sum that overflows for a malicious header.
fn check_extent(bytes: &[u8]) -> Result<(), String> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>().ok_or("it is shorter than 8 bytes")?;
    let header = usize::try_from(u64::from_le_bytes(*length)).ok().and_then(|length| rest.get(..length));
    let header = header.ok_or("its header is longer than the file")?;
    let described = serde_json::from_slice::<Metadata>(header).map_err(|error| format!("its header: {error}"))?;
    let (data, expected) = (rest.len() - header.len(), described.data_len());
    if data == expected { Ok(()) } else { Err(format!("it has {data} bytes of numbers, its header says {expected}")) }
}

impl TensorData {
    fn to_le_bytes(&self) -> (Dtype, Vec<u8>) {
        match &self.values {
            Values::F32(values) => (Dtype::F32, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
            Values::F64(values) => (Dtype::F64, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
            Values::U8(values) => (Dtype::U8, values.clone()),
        }
    }

    fn from_view(view: &TensorView<'_>) -> Result<Self, String> {
        let data = view.data();
        let values = match view.dtype() {
            Dtype::F32 => Values::F32(data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()),
            Dtype::F64 => Values::F64(data.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()),
            Dtype::U8 => Values::U8(data.to_vec()),
            other => return Err(format!("is of type {other}; only F32, F64 and U8 are read")),
        };
        Ok(Self { shape: view.shape().to_vec(), values })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn file() -> TensorFile {
        TensorFile {
            texts: BTreeMap::from([("about".to_owned(), "a \"test\"".to_owned())]),
            tensors: BTreeMap::from([
                ("flags".to_owned(), TensorData::bytes(vec![1, 0, 255])),
                ("bias".to_owned(), TensorData::row(vec![0.5, -1.0, f32::MIN_POSITIVE])),
                ("mean".to_owned(), TensorData::double_row(vec![0.1])),
                ("none".to_owned(), TensorData { shape: vec![0, 3], values: Values::F32(Vec::new()) }),
                ("weight".to_owned(), TensorData { shape: vec![2, 1], values: Values::F32(vec![1.0, 2.0]) }),
            ]),
        }
    }

    fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = file().to_bytes();
        assert_eq!(TensorFile::from_bytes(&bytes).unwrap(), file());
        assert_eq!(bytes, file().to_bytes());
    }

    /// A map with a random seed would write them in another order each time.
    #[test]
    fn texts_are_written_in_order() {
        let texts = (0..8).map(|index| (index.to_string(), String::new())).collect();
        let bytes = TensorFile { texts, ..file() }.to_bytes();
        let places = (0..8).map(|index| format!("\"{index}\":\"\""));
        let places = places.map(|text| bytes.windows(text.len()).position(|part| part == text.as_bytes()).unwrap());
        assert!(places.is_sorted());
    }

    #[test]
    fn a_file_cut_anywhere_is_refused() {
        let bytes = file().to_bytes();
        for length in 0..bytes.len() {
            assert!(TensorFile::from_bytes(&bytes[..length]).is_err(), "cut to {length} bytes");
        }
    }

    #[test]
    fn a_flipped_bit_never_panics() {
        let bytes = file().to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = TensorFile::from_bytes(&flipped);
        }
    }

    #[test]
    fn hostile_headers_are_refused() {
        let check = |header: &str, data: &[u8], part: &str| {
            let error = TensorFile::from_bytes(&with_header(header, data)).unwrap_err();
            assert!(error.contains(part), "{header}: {error}");
        };
        check("", &[], "header");
        check("{", &[], "header");
        check("[1]", &[], "header");
        check(&"[".repeat(100_000), &[], "header");
        check(
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
            &[0; 4],
            "4 bytes of numbers, its header says 8",
        );
        check(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, &[0; 4], "invalid");
        check(r#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,4]}}"#, &[0; 4], "header");
        check(r#"{"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}"#, &[0; 4], "only F32, F64 and U8");
        let huge = format!(r#"{{"a":{{"dtype":"F32","shape":[{0},{0}],"data_offsets":[0,4]}}}}"#, u64::MAX);
        check(&huge, &[0; 4], "overflow");
        assert!(TensorFile::from_bytes(&u64::MAX.to_le_bytes()).is_err());
    }

    /// Sixteen tensors of 2⁶⁰ bytes (the last of one byte less) end at 2⁶⁴ − 1: more than any file, so that sums with
    /// the header overflow.
    #[test]
    fn tensors_that_end_beyond_all_memory_are_refused() {
        let part = 1_u64 << 60;
        let entry = |index: u64| {
            let (start, end) = (index * part, (index * part).wrapping_add(part).wrapping_sub(u64::from(index == 15)));
            format!(r#""{index:02}":{{"dtype":"U8","shape":[{}],"data_offsets":[{start},{end}]}}"#, end - start)
        };
        let header = format!("{{{}}}", (0..16).map(entry).collect::<Vec<_>>().join(","));
        let error = TensorFile::from_bytes(&with_header(&header, &[0; 64])).unwrap_err();
        assert!(error.contains("its header says 18446744073709551615"), "{error}");
    }

    #[test]
    fn a_file_is_replaced_whole_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.safetensors");
        TensorFile::default().write(&path).unwrap();
        file().write(&path).unwrap();
        assert_eq!(TensorFile::read(&path).unwrap(), file());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let error = TensorFile::read(&folder.path().join("other")).unwrap_err().to_string();
        assert!(error.contains("other") && error.contains("can't be read"), "{error}");
        assert!(file().write(&folder.path().join("no/folder")).is_err());
    }
}
