//! `calico segment` on real photographs.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::Path;

use calico_result::{Segmentation, Status, Task};
use support::{Desk, example, files};

/// Height and width of the upright photographs; the pixels of the rocket are stored lying.
const EXAMPLES: [(&str, [u32; 2]); 4] = [
    ("cat.jpg", [300, 451]),
    ("rocket.jpg", [427, 320]),
    ("coffee.jpg", [400, 600]),
    ("astronaut.png", [280, 280]),
];

/// As many photographs as asked for, the first one again behind the last.
fn examples(count: usize) -> Vec<String> {
    EXAMPLES.iter().cycle().take(count).map(|(name, _)| example(name)).collect()
}

fn words(images: &[String]) -> Vec<&str> {
    images.iter().map(String::as_str).collect()
}

fn read(folder: &Path) -> Segmentation {
    Segmentation::read(&folder.join("result.json")).unwrap()
}

/// Two phrases, each grounded in every image.
fn sentence(images: usize) -> String {
    let tags: Vec<String> = (1..=images).map(|image| format!("[SEG] (IMAGE{image})")).collect();
    let tags = tags.join(" ");
    format!("They share <p> a handle </p> {tags} and <p> the rim </p> {tags}.")
}

#[test]
fn a_grounded_sentence_has_one_upright_mask_per_tag() {
    for count in [1, 2, 3, 5] {
        let desk = Desk::new();
        let images = examples(count);
        let sentence = sentence(count);
        let args = ["--answer", &sentence, "--out", "out"];
        desk.segment(&[&words(&images), args.as_slice()].concat()).ok();
        let result = read(&desk.path().join("out"));
        assert_eq!(result.answers.len(), 1);
        assert_eq!(result.segments().count(), 2 * count);
        for (segment, image) in result.segments().zip((1..=count).cycle()) {
            assert_eq!(segment.image as usize, image);
            let [height, width] = EXAMPLES[(image - 1) % EXAMPLES.len()].1;
            let size = segment.decode_mask().unwrap().size();
            assert_eq!([size.height, size.width], [height, width], "image {image}");
            assert_eq!(segment.scores.phrase_token_probability, None);
        }
    }
}

#[test]
fn everything_that_was_asked_for_is_written() {
    let desk = Desk::new();
    let images = examples(2);
    let sentence = sentence(2);
    let options = ["--answer", &sentence, "--out", "a/b", "--export", "svg,coco,npz,masks,svg"];
    desk.segment(&[&words(&images), options.as_slice(), &["--timings"]].concat()).ok();
    let found = files(&desk.path().join("a/b"));
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    for name in [
        "result.json",
        "timings.json",
        "sheet.png",
        "image1_overlay.png",
        "image2_overlay.png",
        "coco.json",
        "image1.npz",
        "image2.svg",
        "masks/legend.json",
        "masks/image2_labels.png",
    ] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    assert!(found.keys().all(|name| !name.contains("tmp")), "{names:?}");
}

#[test]
fn without_a_question_all_three_are_asked_in_order() {
    let desk = Desk::new();
    let images = examples(2);
    let done = desk.segment(&[&words(&images), ["--out", "out"].as_slice()].concat());
    let titles = ["Common objects\n", "Common parts\n", "Unique parts\n"];
    let places: Vec<_> = titles.iter().map(|title| done.stdout.find(title)).collect();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{}", done.stdout);
    done.ok();
    let tasks: Vec<_> = read(&desk.path().join("out")).answers.iter().map(|a| a.task).collect();
    assert_eq!(tasks, Task::ALL.map(Some));
}

#[test]
fn an_answer_without_a_mask_is_no_failure() {
    let desk = Desk::new();
    let images = examples(2);
    let args = ["--task", "common-parts", "--out", "out", "--export", "coco,masks,npz,svg"];
    let text = desk.segment(&[&words(&images), args.as_slice()].concat()).ok();
    let result = read(&desk.path().join("out"));
    assert_eq!(result.answers[0].status, Status::NoSegments);
    assert!(text.contains("no masks"), "{text}");
}

#[test]
fn equal_runs_give_equal_bytes() {
    let runs = [(); 2].map(|()| {
        let desk = Desk::new();
        let images = examples(3);
        let sentence = sentence(3);
        let all = ["--export", "coco,masks,npz,svg"];
        let given = ["--answer", &sentence, "--out", "given"];
        let drawn = ["--temperature", "1", "--top-p", "0.9", "--seed", "7", "--out", "drawn"];
        desk.segment(&[&words(&images), given.as_slice(), &all].concat()).ok();
        let printed = desk.segment(&[&words(&images), drawn.as_slice(), &all].concat()).ok();
        (printed, files(desk.path()))
    });
    assert!(runs[0].1.len() > 20);
    assert!(runs[0] == runs[1]);
}

#[test]
fn json_stands_alone_on_standard_output() {
    let desk = Desk::new();
    let images = examples(1);
    let args = ["--json", "--timings", "--prompt", "What is <image> this?", "--out", "out"];
    let done = desk.segment(&[&words(&images), args.as_slice()].concat());
    assert!(done.stderr.contains("warning: there is one image only"), "{}", done.stderr);
    assert!(done.stderr.contains("in all"), "{}", done.stderr);
    let text = done.ok();
    let result = Segmentation::from_json(&text).unwrap();
    assert_eq!(result, read(&desk.path().join("out")));
    assert_eq!(result.answers[0].prompt, "What is <image> this?");
}

#[test]
fn times_are_told_only_on_request() {
    let desk = Desk::new();
    let images = examples(1);
    let sentence = sentence(1);
    let args = [&words(&images), ["--answer", &sentence, "--out", "out"].as_slice()].concat();
    let done = desk.segment(&args);
    assert_eq!(done.stderr.lines().count(), 1, "only the warning: {}", done.stderr);
    assert!(!desk.path().join("out/timings.json").exists());
    desk.segment(&[args.as_slice(), &["--timings"]].concat()).ok();
    let timings = std::fs::read(desk.path().join("out/timings.json")).unwrap();
    let timings: serde_json::Value = serde_json::from_slice(&timings).unwrap();
    let stages = timings["stages"].as_array().unwrap();
    for stage in ["open_model", "decode", "eva_clip", "dinov2", "sam_encoder", "language"] {
        assert!(stages.iter().any(|entry| entry["stage"] == stage), "{stage}");
    }
    assert!(timings["total_seconds"].as_f64().unwrap() >= 0.0);
}

#[test]
fn without_out_nothing_is_written() {
    let desk = Desk::new();
    let images = examples(2);
    let sentence = sentence(2);
    let text = desk.segment(&[&words(&images), ["--answer", &sentence].as_slice()].concat()).ok();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "They share a handle and the rim.");
    assert_eq!(lines.len(), 5);
    assert!(
        lines[1].starts_with("  handle  image 1") && lines[1].ends_with("% of the image"),
        "{}",
        lines[1]
    );
    assert!(!text.contains('\u{1b}'));
    assert!(files(desk.path()).is_empty());
}

#[test]
fn an_image_of_one_pixel_works() {
    let desk = Desk::new();
    // A white pixel as a Windows bitmap: header, one row of blue, green, red, and padding.
    let mut bitmap =
        b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18".to_vec();
    bitmap.resize(54, 0);
    bitmap.extend([255, 255, 255, 0]);
    let name = desk.write("dot.bmp", &bitmap);
    let args = ["--answer", "<p> a dot </p> [SEG] (IMAGE1)", "--out", "out"];
    let all = ["--export", "coco,masks,npz,svg"];
    desk.segment(&[&[name], args.as_slice(), &all].concat()).ok();
    let size = read(&desk.path().join("out")).segments().next().unwrap().mask.size;
    assert_eq!(size, [1, 1]);
}

#[test]
fn a_file_name_cannot_drive_the_terminal() {
    let desk = Desk::new();
    let name = "a\u{1b}[2Jb.png";
    std::fs::copy(example("astronaut.png"), desk.path().join(name)).unwrap();
    let done = desk.segment(&[name, "--timings"]);
    assert!(!done.stderr.contains('\u{1b}') && !done.stdout.contains('\u{1b}'));
    done.ok();
}
