use std::fs;
use std::path::Path;

use super::*;
use crate::TableFormat;
use crate::example::{Example, tables};

fn options() -> ViewOptions {
    ViewOptions { split: Split::Test, task: None, source: None, samples: 2, seed: 1, embed: false }
}

/// The example as a data set, with or without the pictures.
fn dataset(folder: &Path, has_pictures: bool) -> Dataset {
    let example = Example::new(2);
    let set = folder.join("set");
    example.write(&set, &tables(TableFormat::JsonLines));
    let root = folder.join("pictures");
    for image in example.images.iter().filter(|_| has_pictures) {
        let path = root.join(&image.file_name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"\xff\xd8\xff not looked at").unwrap();
    }
    Dataset::open(&set).unwrap().with_root("paco_lvis", root)
}

#[test]
fn a_page_shows_as_many_samples_as_asked_with_all_their_masks() {
    let folder = tempfile::tempdir().unwrap();
    let page = view(&dataset(folder.path(), true), &options()).unwrap();
    assert_eq!((page.shown, page.matching, page.warnings.len()), (2, 6, 0));
    assert_eq!(page.html.matches("<figure>").count(), 4);
    assert_eq!(page.html.matches("href=\"file:///").count(), 4);
    assert!(page.html.matches("class=\"mask").count() >= 4);
}

#[test]
fn the_draw_depends_on_the_seed_and_on_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(folder.path(), true);
    let page = |seed| view(&dataset, &ViewOptions { seed, ..options() }).unwrap().html;
    assert_eq!(page(1), page(1));
    let pages: std::collections::BTreeSet<String> = (0..8).map(page).collect();
    assert!(pages.len() > 4, "{}", pages.len());
}

#[test]
fn only_what_was_asked_for_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(folder.path(), true);
    let task = Some(Task::UniqueParts);
    let page = view(&dataset, &ViewOptions { task, samples: 9, ..options() }).unwrap();
    assert_eq!((page.shown, page.matching), (2, 2));
    assert_eq!(page.html.matches("<b>Unique parts</b>").count(), 2);
    let source = Some("elsewhere".to_owned());
    let page = view(&dataset, &ViewOptions { source, ..options() }).unwrap();
    assert_eq!((page.shown, page.matching), (0, 0));
}

#[test]
fn pictures_can_be_copied_into_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let options = ViewOptions { embed: true, ..options() };
    let page = view(&dataset(folder.path(), true), &options).unwrap();
    assert_eq!(page.html.matches("href=\"data:image/jpeg;base64,").count(), 4);
    assert!(!page.html.contains("file://"));
}

#[test]
fn a_picture_that_is_not_there_is_told_and_its_masks_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let options = ViewOptions { embed: true, ..options() };
    let page = view(&dataset(folder.path(), false), &options).unwrap();
    assert_eq!(page.warnings.len(), 4);
    assert_eq!(page.html.matches("<figure>").count(), 4);
    assert!(!page.html.contains("<image"));
}

#[test]
fn samples_of_three_images_and_of_nothing_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let mut example = Example::new(1);
    example.add_three(Split::Train);
    example.say_nothing(0);
    example.write(folder.path(), &tables(TableFormat::Parquet));
    let dataset = Dataset::open(folder.path()).unwrap();
    let options = ViewOptions { split: Split::Train, samples: 9, ..options() };
    let page = view(&dataset, &options).unwrap();
    assert_eq!((page.shown, page.matching), (6, 6));
    assert_eq!(page.html.matches("<figure>").count(), 3 * 2 + 3 * 3);
    assert!(page.html.contains("There is no common object.") && page.html.contains("IMAGE3: "));
}
