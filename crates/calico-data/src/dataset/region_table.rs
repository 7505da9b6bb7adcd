use calico_image::Size;

use super::Region;
use super::text_pool::TextPool;
use crate::{DataError, RegionRecord};

/// The regions of a split, in memory: 72 bytes each, beside the text of its mask and the ids of
/// its annotations. Texts that repeat are kept once.
#[derive(Debug, Clone, Default)]
pub struct RegionTable {
    /// Sorted by id.
    rows: Vec<Row>,
    texts: TextPool,
    /// The masks, one after the other.
    counts: String,
    /// The ids of annotations, one after the other.
    raw_ids: Vec<i64>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    region_id: u32,
    /// Number of a text.
    image: u32,
    /// Number of a text.
    object: u32,
    /// Number of a text, or [`WHOLE`].
    part: u32,
    area: u32,
    bbox: [u32; 4],
    size: [u32; 2],
    counts_start: u64,
    counts_length: u32,
    raw_ids_start: u32,
    raw_ids_length: u32,
}

/// Stands for no part.
const WHOLE: u32 = u32::MAX;

impl RegionTable {
    /// Takes the rows of a table; a repeated id is an error.
    pub(crate) fn new(
        rows: impl Iterator<Item = Result<RegionRecord, DataError>>,
    ) -> Result<Self, DataError> {
        let mut table = Self::default();
        for row in rows {
            table.push(&row?);
        }
        let is_sorted = table.rows.is_sorted_by_key(|row| row.region_id);
        if !is_sorted {
            table.rows.sort_by_key(|row| row.region_id);
        }
        let repeated = table.rows.windows(2).find(|pair| pair[0].region_id == pair[1].region_id);
        match repeated {
            Some(pair) => {
                let id = pair[0].region_id.to_string();
                Err(DataError::RepeatedId { table: "regions", id })
            }
            None => Ok(table),
        }
    }

    /// Number of regions.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no region.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The region with an id.
    pub fn get(&self, region_id: u32) -> Option<Region<'_>> {
        let place = self.rows.binary_search_by_key(&region_id, |row| row.region_id).ok()?;
        self.rows.get(place).map(|row| self.region(row))
    }

    /// All regions, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = Region<'_>> {
        self.rows.iter().map(|row| self.region(row))
    }

    fn push(&mut self, record: &RegionRecord) {
        let part = record.part_label.as_deref().map(|label| self.texts.number(label));
        self.rows.push(Row {
            region_id: record.region_id,
            image: self.texts.number(&record.image_id),
            object: self.texts.number(&record.object_label),
            part: part.unwrap_or(WHOLE),
            area: record.area,
            bbox: record.bbox,
            size: record.rle.size,
            counts_start: self.counts.len() as u64,
            counts_length: record.rle.counts.len() as u32,
            raw_ids_start: self.raw_ids.len() as u32,
            raw_ids_length: record.raw_ids.len() as u32,
        });
        self.counts.push_str(&record.rle.counts);
        self.raw_ids.extend(&record.raw_ids);
    }

    fn region(&self, row: &Row) -> Region<'_> {
        let counts =
            row.counts_start as usize..row.counts_start as usize + row.counts_length as usize;
        let raw_ids =
            row.raw_ids_start as usize..row.raw_ids_start as usize + row.raw_ids_length as usize;
        Region {
            region_id: row.region_id,
            image_id: self.texts.text(row.image),
            object_label: self.texts.text(row.object),
            part_label: (row.part != WHOLE).then(|| self.texts.text(row.part)),
            raw_ids: self.raw_ids.get(raw_ids).unwrap_or_default(),
            area: row.area,
            bbox: row.bbox,
            size: Size::new(row.size[0], row.size[1]),
            counts: self.counts.get(counts).unwrap_or_default(),
        }
    }
}
