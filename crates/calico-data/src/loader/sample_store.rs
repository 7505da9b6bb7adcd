use std::sync::Arc;

use rayon::prelude::*;

use super::selection::SampleCell;
use super::{Loader, LoaderOptions, Selection};
use crate::tables::TableFile;
use crate::{DataError, Dataset, SampleRecord, Split, SplitTables};

/// The selected samples of a split: images and regions in memory, samples in their files.
///
/// Clones share everything, so that many loaders can read at once.
#[derive(Clone)]
pub struct SampleStore(Arc<Store>);

pub(super) struct Store {
    pub(super) dataset: Dataset,
    pub(super) tables: SplitTables,
    files: Vec<TableFile>,
    blocks: Vec<BlockRows>,
    /// By block: number of selected rows.
    pub(super) rows: Vec<u32>,
}

/// A block of a file.
struct BlockRows {
    file: u32,
    block: u32,
    /// The selected rows; `None` for all.
    selected: Option<Vec<u16>>,
}

impl SampleStore {
    /// Reads the images and regions of a split, and finds the selected samples.
    pub fn open(dataset: &Dataset, split: Split, selection: &Selection) -> Result<Self, DataError> {
        let files = dataset.table_files::<SampleRecord>(split)?;
        let places: Vec<(u32, u32)> = (0..)
            .zip(&files)
            .flat_map(|(file, table)| (0..table.block_count() as u32).map(move |b| (file, b)))
            .collect();
        let block = |(file, block): (u32, u32)| {
            let table = &files[file as usize];
            let selected = (!selection.is_all())
                .then(|| selected(table, block as usize, selection))
                .transpose()?;
            let rows = selected
                .as_ref()
                .map_or_else(|| table.block_rows(block as usize), |rows| rows.len() as u32);
            Ok((BlockRows { file, block, selected }, rows))
        };
        let blocks: Result<Vec<_>, DataError> = places.into_par_iter().map(block).collect();
        let (blocks, rows) = blocks?.into_iter().unzip();
        let tables = dataset.split(split)?;
        let dataset = dataset.clone();
        Ok(Self(Arc::new(Store { dataset, tables, files, blocks, rows })))
    }

    /// Number of selected samples.
    pub fn len(&self) -> u64 {
        self.0.rows.iter().map(|&rows| u64::from(rows)).sum()
    }

    /// Whether no sample is selected.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The images and regions of the split.
    pub fn tables(&self) -> &SplitTables {
        &self.0.tables
    }

    /// The data set.
    pub fn dataset(&self) -> &Dataset {
        &self.0.dataset
    }

    /// Goes through the samples.
    ///
    /// # Errors
    ///
    /// If there is no such shard.
    pub fn loader(&self, options: LoaderOptions) -> Result<Loader, DataError> {
        Loader::new(Arc::clone(&self.0), options)
    }
}

impl Store {
    /// Reads the selected rows of a block.
    pub(super) fn read(&self, block: u32) -> Result<Vec<SampleRecord>, DataError> {
        let Some(place) = self.blocks.get(block as usize) else { return Ok(Vec::new()) };
        let Some(file) = self.files.get(place.file as usize) else { return Ok(Vec::new()) };
        let rows = file.read::<SampleRecord>(place.block as usize)?;
        let Some(selected) = &place.selected else { return Ok(rows) };
        let mut rows: Vec<Option<SampleRecord>> = rows.into_iter().map(Some).collect();
        let taken = selected.iter().filter_map(|&row| rows.get_mut(usize::from(row))?.take());
        Ok(taken.collect())
    }
}

fn selected(file: &TableFile, block: usize, selection: &Selection) -> Result<Vec<u16>, DataError> {
    let cells: Vec<SampleCell> = file.read(block)?;
    // A block has less rows than 16 bits can count.
    let numbered = (0..=u16::MAX).zip(&cells);
    Ok(numbered.filter(|(_, cell)| selection.takes(cell)).map(|(row, _)| row).collect())
}
