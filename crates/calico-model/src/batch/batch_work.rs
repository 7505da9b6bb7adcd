use std::any::Any;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use calico_image::Frame;
use calico_result::batch::{BatchError, BatchFolder, FailureLine, Progress, ResultLine};
use calico_result::{ExportFormat, OutputFolder, ResultError, Segmentation, export, pictures};

use super::BatchItem;
use crate::{
    Observer, Photograph, Question, SegmentError, SegmentOptions, Segmenter, one_line,
    panic_message,
};

/// What is done with every item.
#[derive(Debug, Clone, Copy)]
pub struct BatchWork<'a> {
    /// The model.
    pub segmenter: &'a Segmenter,
    /// What to ask about items that say nothing of it.
    pub question: &'a Question,
    /// How answers are written.
    pub options: &'a SegmentOptions,
    /// Whether the masks of every item are drawn.
    pub pictures: bool,
    /// Into which formats every item is exported.
    pub exports: &'a [ExportFormat],
}

/// Sees a batch while it is worked on. Every method does nothing by default.
pub trait BatchObserver: Observer {
    /// An item begins.
    fn begins(&mut self, item: &BatchItem) {
        let _ = item;
    }

    /// An item has ended, with a failure or without, and that is on disk.
    fn ended(&mut self, item: &BatchItem, failure: Option<&FailureLine>, progress: Progress) {
        let _ = (item, failure, progress);
    }
}

/// Sees nothing.
impl BatchObserver for () {}

/// Why an item has no result.
#[derive(Debug)]
enum ItemError {
    /// It alone is at fault, or the image with this number in it, from 1.
    Failed { image: Option<usize>, message: String },
    /// Nothing can be written any more.
    Ends(ResultError),
}

impl BatchWork<'_> {
    /// Works on the items that are open, in their order, until all have ended or `stop` becomes
    /// true; an item that has begun then is ended first.
    ///
    /// An item that fails is written down, and the next one begins; so is one in which the
    /// program fails itself. A file that cannot be written ends the run.
    pub fn run<'i>(
        &self,
        items: impl IntoIterator<Item = &'i BatchItem>,
        folder: &mut BatchFolder,
        observer: &mut dyn BatchObserver,
        stop: &AtomicBool,
    ) -> Result<(), BatchError> {
        let mut answer =
            |item: &BatchItem, folder: &BatchFolder, observer: &mut dyn BatchObserver| {
                self.answer(item, folder, observer)
            };
        drive(&mut items.into_iter(), folder, &mut answer, observer, stop)
    }

    fn answer(
        &self,
        item: &BatchItem,
        folder: &BatchFolder,
        observer: &mut dyn BatchObserver,
    ) -> Result<Segmentation, ItemError> {
        let mut photographs = Vec::with_capacity(item.paths.len());
        for (path, image) in item.paths.iter().zip(1..) {
            let decoded = Photograph::open(path, &self.segmenter.config().decode_options());
            photographs.push(decoded.map_err(|error| failed(Some(image), &error))?);
        }
        let question = item.question.as_ref().unwrap_or(self.question);
        let result = self
            .segmenter
            .segment(&photographs, question, self.options, observer)
            .map_err(|error| failed(image_at_fault(&error), &error))?;
        result.validate().map_err(|error| failed(None, &error))?;
        if self.pictures || !self.exports.is_empty() {
            let frames: Vec<Frame> = photographs.into_iter().map(|shown| shown.frame).collect();
            let folder = folder.item_folder(item.line, &item.id).map_err(ItemError::of_file)?;
            self.write_files(&result, &frames, &folder).map_err(ItemError::of_file)?;
        }
        Ok(result)
    }

    fn write_files(
        &self,
        result: &Segmentation,
        frames: &[Frame],
        folder: &OutputFolder,
    ) -> Result<(), ResultError> {
        result.write(folder)?;
        if self.pictures {
            pictures::write(result, frames, folder)?;
        }
        for &format in self.exports {
            export::write(result, format, folder)?;
        }
        Ok(())
    }
}

impl ItemError {
    /// A file of an item could not be made, or not be written.
    fn of_file(error: ResultError) -> Self {
        match error {
            ResultError::Write { .. }
            | ResultError::Remove { .. }
            | ResultError::FolderNotWritable { .. }
            | ResultError::FolderIsFile { .. } => Self::Ends(error),
            error => failed(None, &error),
        }
    }
}

/// Answers an item.
type Answer<'a> = dyn FnMut(&BatchItem, &BatchFolder, &mut dyn BatchObserver) -> Result<Segmentation, ItemError>
    + 'a;

/// Lets every open item be answered, and writes down what became of it.
fn drive(
    items: &mut dyn Iterator<Item = &BatchItem>,
    folder: &mut BatchFolder,
    answer: &mut Answer<'_>,
    observer: &mut dyn BatchObserver,
    stop: &AtomicBool,
) -> Result<(), BatchError> {
    for item in items {
        if !folder.is_open(&item.id) {
            continue;
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
        observer.begins(item);
        // What the program fails in is thrown away as a whole, so nothing broken is used again.
        let answered = catch_unwind(AssertUnwindSafe(|| answer(item, folder, observer)));
        let answered = answered.unwrap_or_else(|panic| Err(broken(panic.as_ref())));
        let (id, line, images) = (item.id.clone(), item.line, item.images.clone());
        match answered {
            Ok(result) => {
                folder.add_result(&ResultLine { id, line, images, result })?;
                observer.ended(item, None, folder.progress());
            }
            Err(ItemError::Failed { image, message }) => {
                let failure = FailureLine { id, line, images, image, message };
                folder.add_failure(&failure)?;
                observer.ended(item, Some(&failure), folder.progress());
            }
            Err(ItemError::Ends(error)) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The image that an error is about, from 1.
fn image_at_fault(error: &SegmentError) -> Option<usize> {
    match *error {
        SegmentError::Preprocess { image, .. } => Some(image),
        SegmentError::Model { stage, .. } | SegmentError::NotFinite { stage } => stage.image(),
        _ => None,
    }
}

/// A failure with the message of an error and of what caused it.
fn failed(image: Option<usize>, error: &(dyn Error + 'static)) -> ItemError {
    ItemError::Failed { image, message: one_line(error) }
}

/// The failure of the program itself.
fn broken(panic: &(dyn Any + Send)) -> ItemError {
    let told = panic_message(panic).unwrap_or("it did not say why");
    let message = format!("calico itself failed ({told}); report this with the images, please");
    ItemError::Failed { image: None, message }
}

#[cfg(test)]
mod tests;
