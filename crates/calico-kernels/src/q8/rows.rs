use rayon::prelude::*;

use super::outliers::{self, Column, Outlier};
use super::weights::QUAD;
use crate::simd::{self, Job, Simd};
use crate::{KernelError, Kernels, sizes};

/// Activations of 8 bits, to be multiplied by any number of weights of their width.
#[derive(Debug, Clone)]
pub struct Q8Rows {
    rows: usize,
    inner: usize,
    /// Rows that lie together: the first of a group, in the order of rows.
    groups: Vec<Group>,
    /// Group by group `[inner / 4][rows of the group][4]`, padded with zeros.
    codes: Vec<[i8; QUAD]>,
    scales: Vec<f32>,
    /// The sum of the codes of each row.
    sums: Vec<i32>,
    /// Whether a row has values without a code.
    has_outliers: Vec<bool>,
    /// Those values, group by group.
    outliers: Vec<Vec<Column>>,
}

/// Rows whose quads lie side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    /// Its place among all groups.
    number: usize,
    /// The first row.
    pub(super) first: usize,
    /// 1, 2, 4 or 8 rows.
    pub(super) rows: usize,
}

impl Q8Rows {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Inner width.
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// The scale of each row; the value of a code is code · scale.
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// The codes of a row, without padding; none if there is no such row.
    pub fn codes(&self, row: usize) -> Vec<i8> {
        let group = self.groups.iter().find(|group| row < group.first + group.rows);
        let Some(group) = group else { return Vec::new() };
        let quads = self.quads(*group).iter().skip(row - group.first).step_by(group.rows);
        quads.flatten().copied().take(self.inner).collect()
    }

    /// The values of a group that are kept as they are, by channel.
    pub(super) fn outliers(&self, group: Group) -> &[Column] {
        self.outliers.get(group.number).map_or(&[], Vec::as_slice)
    }

    /// Whether a row has any of them, row by row.
    pub(super) fn has_outliers(&self) -> &[bool] {
        &self.has_outliers
    }

    /// The sum of the codes of each row.
    pub(super) fn sums(&self) -> &[i32] {
        &self.sums
    }

    /// The groups that begin in some rows.
    pub(super) fn groups(&self, first: usize, rows: usize) -> &[Group] {
        let from = self.groups.partition_point(|group| group.first < first);
        let to = self.groups.partition_point(|group| group.first < first + rows);
        &self.groups[from..to]
    }

    /// The quads of a group, `[inner / 4][rows of the group]`.
    pub(super) fn quads(&self, group: Group) -> &[[i8; QUAD]] {
        let width = self.inner.div_ceil(QUAD);
        &self.codes[group.first * width..][..group.rows * width]
    }
}

impl Kernels {
    /// Quantises activations for products of 8 bits, see [`q8`](crate::q8).
    ///
    /// # Shapes
    /// - `values`: `[rows, inner]`; there may be no rows.
    ///
    /// # Errors
    /// If `inner` is 0 or too large, or does not divide the number of values.
    pub fn q8_rows(self, values: &[f32], inner: usize) -> Result<Q8Rows, KernelError> {
        self.q8_rows_of(values, inner, None)
    }

    /// As [`Self::q8_rows`], of activations that are multiplied by `columns` first.
    ///
    /// # Shapes
    /// - `values`: `[rows, inner]`
    /// - `columns`: `[inner]`
    ///
    /// # Errors
    /// As [`Self::q8_rows`].
    pub fn q8_scaled_rows(self, values: &[f32], columns: &[f32]) -> Result<Q8Rows, KernelError> {
        self.q8_rows_of(values, columns.len(), Some(columns))
    }

    fn q8_rows_of(
        self,
        values: &[f32],
        inner: usize,
        columns: Option<&[f32]>,
    ) -> Result<Q8Rows, KernelError> {
        sizes::width(inner)?;
        let rows = values.len() / inner;
        sizes::length("the slice of activations", values.len(), rows * inner)?;
        let quads = inner.div_ceil(QUAD);
        let groups = groups(rows, self.rows_together());
        let mut codes = vec![[0; QUAD]; rows * quads];
        let (mut scales, mut sums) = (vec![0.0; rows], vec![0; rows]);
        let mut outliers = vec![Vec::new(); rows];
        let mut left = (
            codes.as_mut_slice(),
            scales.as_mut_slice(),
            sums.as_mut_slice(),
            outliers.as_mut_slice(),
        );
        let mut parts = Vec::with_capacity(groups.len());
        for group in &groups {
            let (codes, scales, sums, outliers) = left;
            let (codes, other_codes) = codes.split_at_mut(group.rows * quads);
            let (scales, other_scales) = scales.split_at_mut(group.rows);
            let (sums, other_sums) = sums.split_at_mut(group.rows);
            let (outliers, other_outliers) = outliers.split_at_mut(group.rows);
            let values = &values[group.first * inner..][..group.rows * inner];
            parts.push(Part { values, columns, codes, scales, sums, outliers });
            left = (other_codes, other_scales, other_sums, other_outliers);
        }
        parts.into_par_iter().for_each(|part| simd::run(self.level(), part));
        let has_outliers = outliers.iter().map(|row| !row.is_empty()).collect();
        let of_group = |group: &Group| outliers::columns(&outliers[group.first..][..group.rows]);
        let outliers = groups.iter().map(of_group).collect();
        Ok(Q8Rows { rows, inner, groups, codes, scales, sums, has_outliers, outliers })
    }

    /// Rows that the kernels of this level multiply together.
    fn rows_together(self) -> usize {
        struct Rows;
        impl Job for Rows {
            type Output = usize;

            #[inline(always)]
            fn run<S: Simd>(self, _: S) -> usize {
                S::ROWS
            }
        }
        simd::run(self.level(), Rows)
    }
}

/// Groups of at most `most` rows.
fn groups(rows: usize, most: usize) -> Vec<Group> {
    let mut groups = Vec::with_capacity(rows / most + 3);
    let mut first = 0;
    while first < rows {
        let together = simd::group(rows - first, most);
        groups.push(Group { number: groups.len(), first, rows: together });
        first += together;
    }
    groups
}

/// Quantises the rows of one group.
struct Part<'a> {
    values: &'a [f32],
    columns: Option<&'a [f32]>,
    codes: &'a mut [[i8; QUAD]],
    scales: &'a mut [f32],
    sums: &'a mut [i32],
    outliers: &'a mut [Vec<Outlier>],
}

impl Job for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let rows = self.scales.len();
        let inner = self.values.len() / rows;
        let mut row_codes = vec![[0; QUAD]; inner.div_ceil(QUAD)];
        let mut scaled = vec![0.0; if self.columns.is_some() { inner } else { 0 }];
        for (r, mut values) in self.values.chunks_exact(inner).enumerate() {
            if let Some(columns) = self.columns {
                for (to, (value, column)) in scaled.iter_mut().zip(values.iter().zip(columns)) {
                    *to = value * column;
                }
                values = &scaled;
            }
            let codes = &mut row_codes.as_flattened_mut()[..inner];
            (self.scales[r], self.outliers[r]) = outliers::quantize(values, codes);
            self.sums[r] = row_codes.as_flattened().iter().map(|&code| i32::from(code)).sum();
            for (to, &quad) in self.codes.iter_mut().skip(r).step_by(rows).zip(&row_codes) {
                *to = quad;
            }
        }
    }
}
