use crate::source::Source;
use crate::{Element, FormatError};

/// What the header of a file says about a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTensor {
    /// Type of the values.
    pub element: Element,
    /// Shape, outermost axis first whatever order the file uses.
    pub shape: Vec<usize>,
    /// Where in the file the values lie.
    pub layout: Layout,
}

/// Where in a file the values of a tensor lie. The ranges were checked against the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Byte of the first value.
    pub start: u64,
    /// Values, not bytes, between neighbours along each axis; `None` if they lie row-major
    /// without gaps.
    pub strides: Option<Vec<u64>>,
}

impl StoredTensor {
    /// Number of values. It was checked when the file was opened that they can be counted.
    pub fn values(&self) -> u64 {
        self.shape.iter().map(|&axis| axis as u64).product()
    }

    /// Bytes of all values, row-major without gaps.
    pub fn bytes(&self) -> u64 {
        self.element.bytes_of(self.values()).unwrap_or(u64::MAX)
    }

    /// Bytes from the first to the last value in the file; `None` if they cannot be counted.
    pub(crate) fn span(&self) -> Option<u64> {
        let Some(strides) = &self.layout.strides else {
            let product = |product: u64, axis: &usize| product.checked_mul(*axis as u64);
            return self.element.bytes_of(self.shape.iter().try_fold(1, product)?);
        };
        if self.shape.contains(&0) {
            return Some(0);
        }
        let last = self.shape.iter().zip(strides).try_fold(0u64, |last, (&axis, &stride)| {
            last.checked_add((axis as u64 - 1).checked_mul(stride)?)
        })?;
        self.element.bytes_of(last.checked_add(1)?)
    }

    /// The bytes of all values, row-major without gaps.
    pub(crate) fn read(&self, source: &Source) -> Result<Vec<u8>, FormatError> {
        let stored = source.read(self.layout.start, self.span().unwrap_or(u64::MAX))?;
        let (Some(strides), Some(width)) = (&self.layout.strides, self.element.bytes_of(1)) else {
            return Ok(stored);
        };
        let width = width as usize;
        let mut bytes = Vec::with_capacity(self.bytes() as usize);
        let mut index = vec![0usize; self.shape.len()];
        for _ in 0..self.values() {
            let at =
                index.iter().zip(strides).map(|(&i, &stride)| i * stride as usize).sum::<usize>();
            bytes.extend_from_slice(stored.get(at * width..(at + 1) * width).unwrap_or_default());
            for (axis, len) in self.shape.iter().enumerate().rev() {
                index[axis] += 1;
                if index[axis] < *len {
                    break;
                }
                index[axis] = 0;
            }
        }
        Ok(bytes)
    }
}
