//! Matrix products on slices with strides: the one place that calls the product kernel.

use gemm::Parallelism;

/// A matrix that is read: element `(i, j)` is `data[i · row_stride + j · col_stride]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

/// A matrix that is written, row by row: element `(i, j)` is `data[i · row_stride + j]`.
#[derive(Debug)]
pub(super) struct MatrixMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
}

/// Whether a product may use more than the thread that asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Threads {
    /// The caller already runs on all cores.
    One,
    /// As many as rayon has, where the product is large enough.
    All,
}

/// What becomes of the values that the result holds before a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// They are overwritten.
    Drop,
    /// The product is added to them.
    Add,
}

impl<'a> Matrix<'a> {
    /// A matrix of `rows` by `cols` values with the given strides.
    ///
    /// # Panics
    /// If an element would lie outside of `data`, which is a bug of the caller.
    pub(super) fn new(data: &'a [f32], shape: [usize; 2], strides: [usize; 2]) -> Self {
        let ([rows, cols], [row_stride, col_stride]) = (shape, strides);
        assert!(fits(data.len(), shape, strides), "{shape:?} by {strides:?} in {}", data.len());
        Self { data, rows, cols, row_stride, col_stride }
    }

    /// A matrix whose rows are contiguous, `row_stride` apart.
    pub(super) fn by_rows(data: &'a [f32], shape: [usize; 2], row_stride: usize) -> Self {
        Self::new(data, shape, [row_stride, 1])
    }

    /// Rows for columns.
    pub(super) fn t(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }
}

impl<'a> MatrixMut<'a> {
    /// A matrix whose rows are contiguous, `row_stride` apart.
    ///
    /// # Panics
    /// If an element would lie outside of `data` or rows would overlap, which is a bug of the
    /// caller.
    pub(super) fn by_rows(data: &'a mut [f32], shape: [usize; 2], row_stride: usize) -> Self {
        let [rows, cols] = shape;
        let strides = [row_stride, 1];
        assert!(fits(data.len(), shape, strides), "{shape:?} by {strides:?} in {}", data.len());
        assert!(row_stride >= cols || rows <= 1, "rows of {cols} overlap every {row_stride}");
        Self { data, rows, cols, row_stride }
    }
}

/// Whether the last element of a matrix lies within `len` values, and all offsets are sane.
fn fits(len: usize, [rows, cols]: [usize; 2], [row_stride, col_stride]: [usize; 2]) -> bool {
    if rows == 0 || cols == 0 {
        return true;
    }
    let last_row = (rows - 1).checked_mul(row_stride);
    let last_col = (cols - 1).checked_mul(col_stride);
    let last = last_row.and_then(|row| row.checked_add(last_col?));
    last.is_some_and(|last| last < len)
}

/// `out = factor · lhs rhs`, or adds that to `out`.
///
/// The order of additions depends on the shapes and on the machine, never on scheduling.
///
/// # Panics
/// If the shapes do not agree, which is a bug of the caller.
#[expect(unsafe_code, reason = "the product kernel takes pointers; the types above check them")]
pub(super) fn multiply(
    out: MatrixMut<'_>,
    before: Before,
    factor: f32,
    [lhs, rhs]: [Matrix<'_>; 2],
    threads: Threads,
) {
    let MatrixMut { data, rows, cols, row_stride } = out;
    let shapes = ([rows, cols, lhs.cols], [lhs.rows, rhs.cols, rhs.rows]);
    assert!(shapes.0 == shapes.1, "a product of {lhs:?} and {rhs:?}");
    let parallelism = match threads {
        Threads::One => Parallelism::None,
        Threads::All => Parallelism::Rayon(0),
    };
    let add = before == Before::Add;
    let alpha = if add { 1.0 } else { 0.0 };
    // SAFETY: `Matrix::new` and `MatrixMut::by_rows` proved that every element of the three
    // matrices lies within its slice, and that no two elements of `out` are one; the shapes
    // agree, as asserted above. Slices have at most `isize::MAX` bytes, so strides that stay
    // inside fit an `isize`; strides of matrices with a single row or column are never applied.
    // `out` is borrowed mutably, so it overlaps neither operand.
    unsafe {
        gemm::gemm(
            rows,
            cols,
            lhs.cols,
            data.as_mut_ptr(),
            1,
            row_stride as isize,
            add,
            lhs.data.as_ptr(),
            lhs.col_stride as isize,
            lhs.row_stride as isize,
            rhs.data.as_ptr(),
            rhs.col_stride as isize,
            rhs.row_stride as isize,
            alpha,
            factor,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(len: usize) -> Vec<f32> {
        (0..len).map(|i| (i as f32 * 0.37).sin()).collect()
    }

    #[test]
    fn products_of_strided_matrices_equal_sums_over_elements() {
        let (a, b) = (ramp(7 * 20), ramp(5 * 9));
        let mut out = vec![1.0; 7 * 6];
        // 7 by 5 every 20 values, times the transpose of 4 by 5 every 9.
        let lhs = Matrix::by_rows(&a, [7, 5], 20);
        let rhs = Matrix::by_rows(&b, [4, 5], 9).t();
        let into = MatrixMut::by_rows(&mut out, [7, 4], 6);
        multiply(into, Before::Add, 0.5, [lhs, rhs], Threads::One);
        for i in 0..7 {
            for j in 0..4 {
                let sum: f32 = (0..5).map(|k| a[i * 20 + k] * b[j * 9 + k]).sum();
                assert!((out[i * 6 + j] - (1.0 + 0.5 * sum)).abs() < 1e-5, "{i} {j}");
            }
            assert_eq!(out[i * 6 + 4..i * 6 + 6], [1.0, 1.0], "between rows");
        }
    }

    #[test]
    #[should_panic(expected = "[3, 4] by [5, 1] in 13")]
    fn a_matrix_never_reaches_beyond_its_slice() {
        Matrix::by_rows(&[0.0; 13], [3, 4], 5);
    }

    #[test]
    #[should_panic(expected = "overlap")]
    fn rows_that_are_written_never_overlap() {
        MatrixMut::by_rows(&mut [0.0; 13], [3, 4], 3);
    }
}
