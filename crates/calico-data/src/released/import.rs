use std::collections::BTreeMap;
use std::path::PathBuf;

use calico_result::OutputFolder;
use serde_json::Value;

use super::findings::{Findings, Matter, Refusal};
use super::release::{Document, documents, list_other_files};
use super::released_map::{SampleList, Shape};
use super::reports::{no_samples, write_reports, wrong_shape};
use super::sample_reader::SampleReader;
use super::split_writer::SplitWriter;
use super::store::Store;
use super::{DocumentRecord, ImportSummary, Outline, ReleasedMap, document, unknown_keys};
use crate::build::{Destination, hex};
use crate::sources::Watch;
use crate::wording::Wording;
use crate::{DataError, Split, Tables};

/// More held out first: an image stays in the first of these splits that shows it.
const SPLITS: [Split; 3] = [Split::Test, Split::Dev, Split::Train];

/// What is imported, and how.
#[derive(Debug, Clone)]
pub struct ReleasedInput {
    /// The folder of the release.
    pub root: PathBuf,
    /// What its documents look like.
    pub map: ReleasedMap,
    /// Chooses among our templates, where the map lets texts be rendered.
    pub seed: u64,
    /// Where the pictures of each source are; they are not opened.
    pub roots: BTreeMap<String, PathBuf>,
    /// How the tables are written.
    pub tables: Tables,
}

/// Imports released documents as a data set, and returns what its `import.json` says.
///
/// # Errors
///
/// [`DataError::Released`] if no document is there, one has none of its lists, or no sample is
/// understood; [`DataError::Json`] if one is no JSON or passes a limit; [`DataError::Stopped`] if
/// `watch` says so. In each case an earlier data set is still there.
pub fn import(
    input: &ReleasedInput,
    destination: &Destination,
    watch: &Watch<'_>,
) -> Result<ImportSummary, DataError> {
    let (wording, mut findings) = (Wording::embedded()?, Findings::default());
    let documents = documents(input, &mut findings)?;
    list_other_files(&input.root, &documents, &mut findings)?;
    let total = documents.iter().map(|document| document.bytes * document.passes()).sum();
    let mut importer = Importer {
        input,
        documents: &documents,
        store: Store::new(&input.map.sources, &input.map.labels),
        findings,
        understood: vec![DocumentRecord::default(); documents.len()],
        wording: &wording,
        watch,
        done: 0,
        total,
    };
    let mut summary = ImportSummary {
        format: ImportSummary::FORMAT.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: input.seed,
        documents: BTreeMap::new(),
        splits: BTreeMap::new(),
        not_understood: Vec::new(),
        map: input.map.clone(),
    };
    importer.outlines()?;
    importer.records()?;
    let (scratch, folder) = destination.scratch()?;
    importer.samples(&folder, &mut summary)?;
    let names = documents.iter().map(|document| document.name.to_owned());
    summary.documents = names.zip(importer.understood).collect();
    summary.not_understood = importer.findings.into_list();
    if summary.splits.is_empty() {
        return Err(no_samples(&summary.not_understood).into());
    }
    write_reports(&folder, &summary, input)?;
    watch.check()?;
    destination.put(&scratch)?;
    Ok(summary)
}

struct Importer<'a> {
    input: &'a ReleasedInput,
    documents: &'a [Document<'a>],
    store: Store<'a>,
    findings: Findings,
    /// By document.
    understood: Vec<DocumentRecord>,
    wording: &'a Wording,
    watch: &'a Watch<'a>,
    /// Bytes read, and to read in all.
    done: u64,
    total: u64,
}

impl Importer<'_> {
    /// Looks at every document.
    fn outlines(&mut self) -> Result<(), DataError> {
        for (document, understood) in self.documents.iter().zip(&mut self.understood) {
            let outline =
                Outline::read(&document.path, &mut on_bytes(self.watch, self.done, self.total))?;
            self.done += document.bytes;
            let mut missing = Vec::new();
            let lists = document.shape.named_lists();
            for (key, list) in &lists {
                let place = if list.is_empty() { Some(&outline) } else { outline.keys.get(*list) };
                let is_list = |place: &&Outline| place.types.keys().eq([&"list"]);
                if !place.as_ref().is_some_and(is_list) {
                    missing.push((*key, *list));
                }
            }
            if missing.len() == lists.len()
                || missing.iter().any(|(_, list)| outline.keys.contains_key(*list))
            {
                return Err(wrong_shape(document, &outline, &missing).into());
            }
            for (key, list) in missing {
                let what = format!("the list {list:?} of shapes.{}.{key}", document.map.shape);
                self.findings.add(document.name, Matter::Absent, &Refusal::new(what, ""));
            }
            unknown_keys::list(document.name, &outline, document.shape, &mut self.findings);
            understood.sha256 = hex(&outline.sha256);
        }
        Ok(())
    }

    /// Reads categories and images, and then annotations.
    fn records(&mut self) -> Result<(), DataError> {
        for (number, document) in (0..).zip(self.documents) {
            let Shape { categories, images, .. } = document.shape;
            let source = document.map.source.as_deref();
            let lists = categories.iter().map(|it| it.list.as_str());
            let lists = lists.chain(images.iter().map(|it| it.list.as_str())).collect::<Vec<_>>();
            self.read(number, &lists, &mut |reading, list, _, record| {
                if let Some(keys) = categories.as_ref().filter(|it| it.list == list) {
                    let added = reading.store.add_category(number, keys, record);
                    reading.understood.categories += u64::from(added.is_ok());
                    reading.note(Matter::Category, added.err());
                }
                if let Some(keys) = images.as_ref().filter(|it| it.list == list) {
                    let added = reading.store.add_image(number, keys, source, record);
                    reading.understood.images += u64::from(added.is_ok());
                    reading.note(Matter::Image, added.err());
                }
            })?;
        }
        for (number, document) in (0..).zip(self.documents) {
            let Some(keys) = &document.shape.annotations else { continue };
            self.read(number, &[&keys.list], &mut |reading, _, _, record| {
                let added = reading.store.add_annotation(number, keys, record);
                reading.understood.annotations += u64::from(added.is_ok());
                reading.note(Matter::Mask, added.unwrap_or_else(Some));
            })?;
        }
        Ok(())
    }

    /// Reads the samples and writes the tables.
    fn samples(
        &mut self,
        folder: &OutputFolder,
        summary: &mut ImportSummary,
    ) -> Result<(), DataError> {
        let mut next_region = 0;
        for split in SPLITS {
            let mut writer = SplitWriter::new(folder, split, next_region)?;
            for (number, document) in (0..).zip(self.documents) {
                if document.map.split == split && !document.shape.samples.is_empty() {
                    self.samples_of(number, document, &mut writer)?;
                }
            }
            next_region = writer.finish(&self.store, &self.input.tables)?;
            if writer.counts.images > 0 {
                summary.splits.insert(split, writer.counts);
            }
        }
        Ok(())
    }

    fn samples_of(
        &mut self,
        number: u16,
        document: &Document<'_>,
        writer: &mut SplitWriter,
    ) -> Result<(), DataError> {
        // A document that lists no images shows those of the others of its split.
        let of_split = |has_list: &dyn Fn(&Shape) -> bool| -> Vec<u16> {
            let numbered = (0..).zip(self.documents);
            let listing = numbered.filter(|(_, other)| {
                let split = document.map.split;
                (other.map.split == split || other.map.also_for.contains(&split))
                    && has_list(other.shape)
            });
            let all = listing.map(|(number, _)| number).collect();
            if has_list(document.shape) { vec![number] } else { all }
        };
        let images_in = of_split(&|shape| shape.images.is_some());
        let annotations_in = of_split(&|shape| shape.annotations.is_some());
        let (map, seed, wording) = (&self.input.map, self.input.seed, self.wording);
        let name = document.name.strip_suffix(".json").unwrap_or(document.name);
        let reader = |list| SampleReader {
            map,
            list,
            split: document.map.split,
            name,
            document: number,
            images_in: &images_in,
            annotations_in: &annotations_in,
            wording,
            seed,
        };
        let samples = &document.shape.samples;
        let lists: Vec<&str> = samples.iter().map(|it| it.list.as_str()).collect();
        let mut failure = None;
        self.read(number, &lists, &mut |reading, list, at, record| {
            for keys in samples.iter().filter(|it: &&SampleList| it.list == list) {
                match reader(keys).read(reading.store, at, record) {
                    Err(refusal) => reading.note(Matter::Sample, Some(refusal)),
                    Ok(mut sample) => {
                        reading.understood.samples += 1;
                        for note in std::mem::take(&mut sample.notes) {
                            reading.note(Matter::Mask, Some(note));
                        }
                        if failure.is_none() {
                            failure = writer.add(sample, reading.store).err();
                        }
                    }
                }
            }
        })?;
        failure.map_or(Ok(()), Err)
    }

    /// Reads some lists of a document.
    fn read(
        &mut self,
        number: u16,
        lists: &[&str],
        visit: &mut dyn FnMut(&mut Reading<'_, '_>, &str, u64, &Value),
    ) -> Result<(), DataError> {
        let Self { store, findings, understood, watch, done, total, .. } = self;
        let (document, understood) =
            (&self.documents[usize::from(number)], &mut understood[usize::from(number)]);
        if lists.is_empty() {
            return Ok(());
        }
        let mut on_bytes = on_bytes(watch, *done, *total);
        let mut reading = Reading { name: document.name, store, findings, understood };
        document::stream(&document.path, lists, &mut on_bytes, &mut |list, at, record| {
            visit(&mut reading, list, at, &record);
        })?;
        *done += document.bytes;
        Ok(())
    }
}

/// What the records of a document are added to.
struct Reading<'a, 'b> {
    name: &'a str,
    store: &'a mut Store<'b>,
    findings: &'a mut Findings,
    understood: &'a mut DocumentRecord,
}

impl Reading<'_, '_> {
    fn note(&mut self, matter: Matter, refusal: Option<Refusal>) {
        if let Some(refusal) = refusal {
            self.findings.add(self.name, matter, &refusal);
        }
    }
}

fn on_bytes<'a>(watch: &'a Watch<'_>, done: u64, total: u64) -> impl FnMut(u64) -> bool + 'a {
    move |bytes| {
        watch.report((done + bytes).min(total), total);
        !watch.is_stopped()
    }
}
