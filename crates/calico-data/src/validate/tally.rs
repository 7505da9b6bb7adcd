use std::collections::{BTreeMap, HashSet};

use calico_result::Task;
use sha2::{Digest as _, Sha256};

use super::findings::{Findings, TableFindings};
use super::split_images::SplitImages;
use super::{CheckedRows, Rule};
use crate::build::BuildRecord;
use crate::tables::Table;
use crate::{BuildConfig, SampleRecord, Split};

/// What is counted over all samples.
#[derive(Default)]
pub(super) struct Tally {
    /// The first 16 bytes of the SHA-256 of every sample id.
    ids: HashSet<[u8; 16]>,
}

/// What is counted over the samples of a split.
pub(super) struct SplitTally {
    /// By image: samples that show it.
    uses: Vec<u32>,
    cells: BTreeMap<(String, Task), u64>,
}

impl SplitTally {
    pub(super) fn new(images: &SplitImages) -> Self {
        Self { uses: vec![0; images.records.len()], cells: BTreeMap::new() }
    }

    pub(super) fn count(
        &mut self,
        sample: &SampleRecord,
        images: &SplitImages,
        tally: &mut Tally,
        findings: &mut TableFindings,
    ) {
        let hash = Sha256::digest(&sample.sample_id);
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        if !tally.ids.insert(id) {
            let expected = "it once in the data set";
            findings.add(Rule::SampleIdUnique, &sample.sample_id, "the id again", expected);
        }
        for image_id in &sample.image_ids {
            let place = images.place(image_id);
            if let Some(uses) = place.and_then(|place| self.uses.get_mut(place as usize)) {
                *uses += 1;
            }
        }
        match self.cells.get_mut(&(sample.source.clone(), sample.subtask)) {
            Some(count) => *count += 1,
            None => {
                self.cells.insert((sample.source.clone(), sample.subtask), 1);
            }
        }
    }

    /// Looks at what was counted.
    pub(super) fn check(
        &self,
        images: &SplitImages,
        rows: CheckedRows,
        build: Option<&BuildRecord>,
        findings: &mut Findings,
    ) {
        let mut samples = TableFindings::new(images.split, Table::Samples);
        if images.split == Split::Test {
            self.check_balance(build.map(|build| &build.config), &mut samples);
        }
        findings.take(samples);
        let Some(build) = build else { return };
        let most = match images.split {
            Split::Test => build.config.test.max_uses,
            Split::Train | Split::Dev => build.config.pairs.max_uses,
        };
        let mut of_images = TableFindings::new(images.split, Table::Images);
        for (image, uses) in images.records.iter().zip(&self.uses) {
            if *uses > most {
                let found = format!("{uses} samples that show it");
                of_images.add(Rule::ImageUses, &image.image_id, found, format!("at most {most}"));
            }
        }
        findings.take(of_images);
        let said = build.splits.get(&images.split);
        let counts = [
            (Table::Images, rows.images, said.map(|said| said.images)),
            (Table::Regions, rows.regions, said.map(|said| said.regions)),
            (Table::Samples, rows.samples, said.map(|said| said.samples)),
        ];
        for (table, found, said) in counts {
            let said = said.unwrap_or(0);
            if found != said {
                let mut counted = TableFindings::new(images.split, table);
                counted.add(Rule::BuildCounts, &"rows", found, format!("{said} as in build.json"));
                findings.take(counted);
            }
        }
    }

    fn check_balance(&self, config: Option<&BuildConfig>, findings: &mut TableFindings) {
        let Some(least) = self.cells.values().min() else { return };
        let most = config.map_or(u64::MAX, |config| u64::from(config.test.pairs_per_cell));
        for ((source, subtask), count) in &self.cells {
            if count != least || *count > most {
                let row = format!("{source} {subtask}");
                let expected = format!("{} as in the smallest cell", least.min(&most));
                findings.add(Rule::TestBalance, &row, format!("{count} samples"), expected);
            }
        }
    }
}
