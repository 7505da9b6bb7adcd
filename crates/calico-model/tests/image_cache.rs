//! Images that are known are not encoded again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use calico_image::{Frame, Size};
use calico_model::{
    ImageCache, ModelError, Observer, Photograph, Preset, Question, SegmentOptions, Segmenter,
    Stage,
};
use calico_result::Segmentation;

/// Counts the images that SAM looks at, and those that could not be kept.
#[derive(Default)]
struct Looks {
    looks: usize,
    not_kept: Vec<usize>,
}

impl Observer for Looks {
    fn stage(&mut self, stage: Stage) {
        self.looks += usize::from(matches!(stage, Stage::SamEncoder { .. }));
    }

    fn not_kept(&mut self, image: usize, error: &ModelError) {
        assert!(matches!(error, ModelError::Io { .. }), "{error}");
        self.not_kept.push(image);
    }
}

fn photograph(seed: u32) -> Photograph {
    let samples = (0..48 * 64 * 3).map(|i: u32| ((i / 7 * seed) ^ (i >> 5)) as u8);
    let frame = Frame::new(Size::new(48, 64), samples.collect()).unwrap();
    Photograph { name: format!("{seed}.png"), frame }
}

fn segmenter(seed: u64, images: ImageCache) -> Segmenter {
    Segmenter::untrained(Preset::Tiny, seed).unwrap().with_images(images)
}

/// Asks about images, and says how many of them were looked at.
fn ask(segmenter: &Segmenter, seeds: &[u32]) -> (Segmentation, usize) {
    let (result, looks) = watched(segmenter, seeds);
    assert_eq!(looks.not_kept, [0; 0]);
    (result, looks.looks)
}

fn watched(segmenter: &Segmenter, seeds: &[u32]) -> (Segmentation, Looks) {
    let photographs: Vec<_> = seeds.iter().map(|&seed| photograph(seed)).collect();
    let answer = "Both show <p> a cup </p> [SEG] (IMAGE1) [SEG] (IMAGE2).";
    let question = Question::Answer(answer.into());
    let mut looks = Looks::default();
    let options = SegmentOptions::default();
    let result = segmenter.segment(&photographs, &question, &options, &mut looks).unwrap();
    (result, looks)
}

fn in_folder(folder: &Path, model: &str) -> ImageCache {
    ImageCache::default().with_folder(folder, model).unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let below = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    below(folder).iter().flat_map(|model| below(model)).collect()
}

#[test]
fn a_second_question_looks_at_new_images_only_and_gets_the_same_answer() {
    let segmenter = segmenter(1, ImageCache::default());
    let (first, looks) = ask(&segmenter, &[3, 5]);
    assert_eq!(looks, 2);
    assert_eq!(ask(&segmenter, &[3, 5]), (first, 0));
    assert_eq!(ask(&segmenter, &[5, 7]).1, 1);
    // The same image twice is one.
    assert_eq!(ask(&segmenter, &[11, 11]).1, 1);
}

#[test]
fn what_does_not_fit_is_let_go_the_oldest_first() {
    let none = segmenter(1, ImageCache::in_memory(0));
    assert_eq!((ask(&none, &[3, 5]).1, ask(&none, &[3, 5]).1), (2, 2));
    // Room for two images of the tiny model.
    let probe = tempfile::tempdir().unwrap();
    ask(&segmenter(1, in_folder(probe.path(), "a")), &[3, 3]);
    let bytes = fs::metadata(&files(probe.path())[0]).unwrap().len() as usize;
    let two = segmenter(1, ImageCache::in_memory(5 * bytes / 2));
    ask(&two, &[3, 5]);
    ask(&two, &[3, 7]); // 5 goes
    assert_eq!(ask(&two, &[3, 7]).1, 0);
    assert_eq!(ask(&two, &[7, 5]).1, 1);
}

#[test]
fn a_folder_serves_later_runs_of_the_same_model() {
    let folder = tempfile::tempdir().unwrap();
    let (first, looks) = ask(&segmenter(1, in_folder(folder.path(), "one")), &[3, 5]);
    assert_eq!((looks, files(folder.path()).len()), (2, 2));
    let again = segmenter(1, in_folder(folder.path(), "one"));
    assert_eq!(ask(&again, &[3, 5]), (first, 0));
    let other = segmenter(2, in_folder(folder.path(), "two"));
    assert_eq!(ask(&other, &[3, 5]).1, 2);
    assert_eq!(files(folder.path()).len(), 4);
}

#[test]
fn a_broken_file_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = ask(&segmenter(1, in_folder(folder.path(), "one")), &[3, 5]);
    let [a, b] = [0, 1].map(|index| files(folder.path())[index].clone());
    let whole = fs::read(&a).unwrap();
    fs::write(&a, &whole[..whole.len() / 2]).unwrap();
    let mut poisoned = fs::read(&b).unwrap();
    let end = poisoned.len();
    poisoned[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&b, poisoned).unwrap();
    let again = ask(&segmenter(1, in_folder(folder.path(), "one")), &[3, 5]);
    assert_eq!(again, (first, 2));
    assert_eq!(fs::read(&a).unwrap(), whole);
}

#[test]
fn an_image_that_cannot_be_kept_is_told_and_a_folder_that_cannot_be_made_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let cache = in_folder(folder.path(), "one");
    let own = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    fs::remove_dir(&own).unwrap();
    fs::write(&own, "in the way").unwrap();
    let (result, looks) = watched(&segmenter(1, cache), &[3, 5]);
    assert_eq!((looks.looks, looks.not_kept), (2, vec![1, 2]));
    assert_eq!(result, ask(&segmenter(1, ImageCache::default()), &[3, 5]).0);
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(ImageCache::default().with_folder(&file, "one").is_err());
}
