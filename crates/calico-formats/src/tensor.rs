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
        self.shape.iter().fold(1, |values: u64, &axis| values.saturating_mul(axis as u64))
    }

    /// Bytes of all values, row-major without gaps.
    pub fn bytes(&self) -> u64 {
        self.element.bytes_of(self.values()).unwrap_or(u64::MAX)
    }

    /// Bytes from the first to the last value in the file; `None` if they cannot be counted.
    pub(crate) fn span(&self) -> Option<u64> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        let Some(strides) = &self.layout.strides else {
            let product = |product: u64, axis: &usize| product.checked_mul(*axis as u64);
            return self.element.bytes_of(self.shape.iter().try_fold(1, product)?);
        };
        let last = self.shape.iter().zip(strides).try_fold(0u64, |last, (&axis, &stride)| {
            last.checked_add((axis as u64 - 1).checked_mul(stride)?)
        })?;
        self.element.bytes_of(last.checked_add(1)?)
    }

    /// The bytes of all values, row-major without gaps.
    pub(crate) fn read(&self, source: &Source) -> Result<Vec<u8>, FormatError> {
        let stored = source.read(self.layout.start, self.span().unwrap_or(u64::MAX))?;
        let Some(strides) = &self.layout.strides else {
            return Ok(stored);
        };
        Ok(match self.element.bytes_of(1) {
            Some(1) => gather::<1>(&stored, &self.shape, strides),
            Some(2) => gather::<2>(&stored, &self.shape, strides),
            Some(4) => gather::<4>(&stored, &self.shape, strides),
            Some(8) => gather::<8>(&stored, &self.shape, strides),
            _ => stored,
        })
    }
}

/// Values of a tile's side: a tile of rows and one of columns fit into the first cache together.
const TILE: usize = 32;

/// Values of `WIDTH` bytes in row-major order.
fn gather<const WIDTH: usize>(stored: &[u8], shape: &[usize], strides: &[u64]) -> Vec<u8> {
    let (stored, _) = stored.as_chunks::<WIDTH>();
    let mut values = vec![[0u8; WIDTH]; shape.iter().product()];
    if values.is_empty() {
        return Vec::new();
    }
    let strides = strides.iter().map(|&stride| stride as usize);
    let mut axes: Vec<(usize, usize)> = shape.iter().copied().zip(strides).collect();
    // The last two axes make up matrices; the others count them.
    let (columns, column_stride) = axes.pop().unwrap_or((1, 1));
    let (rows, row_stride) = axes.pop().unwrap_or((1, 0));
    let mut index = vec![0; axes.len()];
    for matrix in values.chunks_exact_mut(rows * columns) {
        let start: usize = axes.iter().zip(&index).map(|((_, stride), at)| stride * at).sum();
        let stored = stored.get(start..).unwrap_or_default();
        if column_stride == 1 {
            copy_rows(stored, matrix, columns, row_stride);
        } else {
            copy_tiles(stored, matrix, columns, (row_stride, column_stride));
        }
        for (at, (len, _)) in index.iter_mut().zip(&axes).rev() {
            *at += 1;
            if *at < *len {
                break;
            }
            *at = 0;
        }
    }
    values.into_flattened()
}

/// Fills a matrix whose rows lie in one piece each.
fn copy_rows<const WIDTH: usize>(
    stored: &[[u8; WIDTH]],
    matrix: &mut [[u8; WIDTH]],
    columns: usize,
    row_stride: usize,
) {
    for (row, values) in matrix.chunks_exact_mut(columns).enumerate() {
        let start = row * row_stride;
        if let Some(found) = stored.get(start..start + columns) {
            values.copy_from_slice(found);
        }
    }
}

/// Fills a matrix tile by tile, so that a transposed one does not fetch a whole line of the cache
/// for each value.
fn copy_tiles<const WIDTH: usize>(
    stored: &[[u8; WIDTH]],
    matrix: &mut [[u8; WIDTH]],
    columns: usize,
    (row_stride, column_stride): (usize, usize),
) {
    for (band, rows) in matrix.chunks_mut(columns * TILE).enumerate() {
        for left in (0..columns).step_by(TILE) {
            for (row, values) in rows.chunks_exact_mut(columns).enumerate() {
                let start = (band * TILE + row) * row_stride;
                for (column, value) in values.iter_mut().enumerate().skip(left).take(TILE) {
                    if let Some(found) = stored.get(start + column * column_stride) {
                        *value = *found;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    /// Values 0, 1, 2, … in two bytes each, behind a byte that belongs to no one.
    fn counting(values: usize) -> Source {
        let values = (0..values as u16).flat_map(u16::to_le_bytes);
        Source::in_memory(Path::new("model"), std::iter::once(0xff).chain(values).collect())
    }

    fn read(values: usize, shape: &[usize], strides: Option<&[u64]>) -> Vec<u16> {
        let layout = Layout { start: 1, strides: strides.map(<[u64]>::to_vec) };
        let tensor = StoredTensor { element: Element::Uint(2), shape: shape.to_vec(), layout };
        let bytes = tensor.read(&counting(values)).unwrap();
        assert_eq!(bytes.len() as u64, tensor.bytes());
        bytes.as_chunks::<2>().0.iter().map(|&value| u16::from_le_bytes(value)).collect()
    }

    #[test]
    fn values_without_strides_come_as_they_lie() {
        assert_eq!(read(6, &[2, 3], None), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_transposed_matrix_is_turned_back() {
        assert_eq!(read(6, &[3, 2], Some(&[1, 3])), [0, 3, 1, 4, 2, 5]);
    }

    #[test]
    fn a_transposed_matrix_of_many_tiles_is_turned_back() {
        let (rows, columns) = (2 * TILE + 5, TILE + 1);
        let found = read(rows * columns, &[rows, columns], Some(&[1, rows as u64]));
        let expected = (0..rows).flat_map(|row| (0..columns).map(move |c| (c * rows + row) as u16));
        assert!(found.iter().copied().eq(expected));
    }

    #[test]
    fn the_columns_of_a_slice_leave_out_what_lies_between() {
        assert_eq!(read(10, &[2, 2], Some(&[5, 1])), [0, 1, 5, 6]);
        assert_eq!(read(10, &[2, 2], Some(&[5, 2])), [0, 2, 5, 7]);
    }

    #[test]
    fn scalars_and_single_axes_have_strides_too() {
        assert_eq!(read(3, &[], Some(&[])), [0]);
        assert_eq!(read(7, &[3], Some(&[3])), [0, 3, 6]);
        assert_eq!(read(1, &[4], Some(&[0])), [0; 4]);
    }

    #[test]
    fn an_axis_without_values_makes_an_empty_tensor() {
        assert!(read(3, &[2, 0, 4], Some(&[9, 9, 9])).is_empty());
        assert!(read(3, &[0], None).is_empty());
        assert!(read(3, &[4, 0], None).is_empty());
    }

    #[test]
    fn values_of_every_width_stay_whole() {
        let source = Source::in_memory(Path::new("model"), (0..32).collect());
        for (element, expected) in [
            (Element::Bool, vec![0, 2, 1, 3]),
            (Element::Bf16, vec![0, 1, 4, 5, 2, 3, 6, 7]),
            (Element::F32, vec![0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15]),
        ] {
            let layout = Layout { start: 0, strides: Some(vec![1, 2]) };
            let tensor = StoredTensor { element, shape: vec![2, 2], layout };
            assert_eq!(tensor.read(&source).unwrap(), expected, "{element}");
        }
        let layout = Layout { start: 0, strides: Some(vec![2]) };
        let tensor = StoredTensor { element: Element::F64, shape: vec![2], layout };
        let expected: Vec<u8> = (0..8).chain(16..24).collect();
        assert_eq!(tensor.read(&source).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn any_strides_find_the_value_at_the_sum_of_index_and_stride(
            axes in proptest::collection::vec((1usize..5, 0u64..40), 0..5),
        ) {
            let (shape, strides): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
            let found = read(1000, &shape, Some(&strides));
            let mut expected = vec![0];
            for (&len, &stride) in shape.iter().zip(&strides) {
                let along = |base: &u64| (0..len as u64).map(|at| base + at * stride).collect();
                expected = expected.iter().flat_map::<Vec<u64>, _>(along).collect();
            }
            prop_assert!(found.iter().map(|&value| u64::from(value)).eq(expected));
        }
    }
}
