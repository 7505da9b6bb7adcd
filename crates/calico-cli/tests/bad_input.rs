//! Every bad input ends with exit code 2, one message, and nothing written.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::time::{Duration, Instant};

use support::{Desk, example, files};

/// Runs `calico segment … --out out` with two good photographs; it must refuse and write nothing.
#[track_caller]
fn refuses(desk: &Desk, args: &[&str]) -> String {
    let images = [example("cat.jpg"), example("rocket.jpg")];
    refuses_images(desk, &[&images[0], &images[1]], args)
}

#[track_caller]
fn refuses_images(desk: &Desk, images: &[&str], args: &[&str]) -> String {
    let before = files(desk.path());
    let message = desk.segment(&[images, args, &["--out", "out"]].concat()).refused();
    assert!(!desk.path().join("out").exists(), "the output folder was made");
    assert!(files(desk.path()) == before, "something was written");
    message
}

#[track_caller]
fn says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{word:?} is missing: {message}");
    }
}

#[test]
fn no_image() {
    says(&refuses_images(&Desk::new(), &[], &[]), &["<IMAGE>"]);
}

#[test]
fn a_file_that_is_no_image() {
    let desk = Desk::new();
    let good = example("cat.jpg");
    let photograph = fs::read(&good).unwrap();
    desk.write("text.jpg", b"These are words, not pixels.\n");
    desk.write("empty.png", b"");
    desk.write("half.jpg", &photograph[..photograph.len() / 2]);
    fs::create_dir(desk.path().join("folder")).unwrap();
    for (name, reason) in [
        ("missing.png", "does not exist"),
        ("folder", "not a regular file"),
        ("text.jpg", "no known image signature"),
        ("empty.png", "no bytes"),
        ("half.jpg", "ends too early"),
    ] {
        says(&refuses_images(&desk, &[&good, name], &[]), &[name, reason]);
    }
}

#[test]
fn a_header_of_three_billion_pixels() {
    let desk = Desk::new();
    // The signature and IHDR: 60,000 x 60,000 pixels of 8-bit RGB, with its checksum.
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    png.extend(60_000u32.to_be_bytes().repeat(2));
    png.extend([8, 2, 0, 0, 0]);
    png.extend(crc32(&png[12..]).to_be_bytes());
    png.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82");
    desk.write("huge.png", &png);
    let start = Instant::now();
    says(&refuses_images(&desk, &["huge.png"], &[]), &["huge.png", "60000"]);
    assert!(start.elapsed() < Duration::from_secs(20));
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn more_than_the_context_holds() {
    let desk = Desk::new();
    let long = "word ".repeat(500);
    says(&refuses(&desk, &["--prompt", &long]), &["context", "2048", "fewer"]);
    let image = example("astronaut.png");
    let many = vec![image.as_str(); 300];
    says(&refuses_images(&desk, &many, &["--task", "common-parts"]), &["300 images", "2048"]);
    let answer = format!("{long} <p> a handle </p> [SEG] (IMAGE1)");
    says(&refuses(&desk, &["--answer", &answer]), &["context"]);
}

#[test]
fn a_prompt_for_another_number_of_images() {
    let desk = Desk::new();
    for (prompt, found) in [("<image> alone", "1"), ("<image><image><image> three", "3")] {
        says(&refuses(&desk, &["--prompt", prompt]), &[found, "<image>", "2 images"]);
    }
    says(&refuses(&desk, &["--prompt", "  "]), &["empty"]);
}

#[test]
fn an_answer_that_leaves_the_grammar() {
    let desk = Desk::new();
    for answer in [
        "",
        "no tags at all",
        "<p> a handle [SEG] (IMAGE1)",
        "<p> a handle </p> [SEG]",
        "a handle </p> [SEG] (IMAGE1)",
        "[SEG] (IMAGE1)",
        "<p> a <p> handle </p> </p> [SEG] (IMAGE1)",
        "<p> a handle </p> [SEG] (IMAGE1) </s>",
    ] {
        says(&refuses(&desk, &["--answer", answer]), &["the answer to ground"]);
    }
    for number in ["0", "3", "99999999999999999999"] {
        let answer = format!("<p> a handle </p> [SEG] (IMAGE{number})");
        says(&refuses(&desk, &["--answer", &answer]), &[number, "1 to 2"]);
    }
}

#[test]
fn settings_out_of_range() {
    let desk = Desk::new();
    for args in [
        ["--temperature", "-1"],
        ["--temperature", "warm"],
        ["--temperature", "NaN"],
        ["--top-p", "0"],
        ["--top-p", "1.5"],
        ["--max-new-tokens", "-1"],
        ["--seed", "-1"],
        ["--task", "parts"],
        ["--export", "coco,xml"],
        ["--colour", "red"],
    ] {
        refuses(&desk, &args);
    }
    let (model, image) = (desk.model(), example("cat.jpg"));
    let zero = ["segment", "--model", model.to_str().unwrap(), &image, "--max-new-tokens", "0"];
    says(&desk.run(&zero).refused(), &["token limit"]);
}

#[test]
fn questions_that_exclude_each_other() {
    let desk = Desk::new();
    let questions = [["--task", "all"], ["--prompt", "What?"], ["--answer", "This."]];
    for (number, one) in questions.iter().enumerate() {
        for other in &questions[..number] {
            says(&refuses(&desk, &[one.as_slice(), other].concat()), &["cannot be used with"]);
        }
    }
}

#[test]
fn an_output_folder_that_cannot_be() {
    let desk = Desk::new();
    desk.write("file", b"x");
    let image = example("cat.jpg");
    for out in ["file", "file/below", "file/far/below"] {
        let message = desk.segment(&[&image, "--out", out]).refused();
        says(&message, &["file", "folder"]);
    }
    says(&desk.segment(&[&image, "--export", "coco"]).refused(), &["--out"]);
    assert_eq!(files(desk.path()).len(), 1);
}

#[cfg(unix)]
#[test]
fn an_output_folder_without_the_right_to_write() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    let locked = desk.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(locked.join("probe"), "x").is_ok() {
        eprintln!("skipped: this user may write everywhere");
        return;
    }
    for out in ["locked", "locked/below"] {
        let message = desk.segment(&[&example("cat.jpg"), "--out", out]).refused();
        says(&message, &["locked", "may write"]);
        assert_eq!(fs::read_dir(&locked).unwrap().count(), 0);
    }
}
