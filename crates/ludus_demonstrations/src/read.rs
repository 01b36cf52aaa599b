//! A cursor over bytes that may be cut off.

/// Bytes that are read from the front.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Bytes that were read.
    position: usize,
}

impl<'a> Reader<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, position: 0 }
    }

    /// Returns the number of bytes that were read.
    pub const fn position(&self) -> usize {
        self.position
    }

    pub const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes the next bytes; `None` if there are fewer, and then none are taken.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        self.position += count;
        Some(taken)
    }

    /// Takes the next four bytes as a number.
    pub fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(*self.take(4)?.first_chunk()?))
    }

    /// Takes an array of `rows` × `columns` numbers; `None` if there are fewer.
    pub fn floats(&mut self, rows: usize, columns: usize) -> Option<Vec<f32>> {
        let bytes = self.take(rows.checked_mul(columns)?.checked_mul(size_of::<f32>())?)?;
        Some(bytes.as_chunks().0.iter().map(|number| f32::from_le_bytes(*number)).collect())
    }

    /// Takes an array of `rows` × `columns` bytes; `None` if there are fewer.
    pub fn bytes(&mut self, rows: usize, columns: usize) -> Option<&'a [u8]> {
        self.take(rows.checked_mul(columns)?)
    }
}
