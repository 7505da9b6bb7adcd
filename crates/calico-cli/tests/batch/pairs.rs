//! Pairs of small pictures, some of them broken, as a list.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::support::{Desk, Done, example, files};

/// A sentence about both images of a pair, so that every item has masks.
pub(crate) const ANSWER: &str = "They share <p> a handle </p> [SEG] (IMAGE1) [SEG] (IMAGE2).";

/// What is wrong with broken pictures, and what the message says.
pub(crate) const BROKEN: [(&str, &str); 5] = [
    ("missing.png", "does not exist"),
    ("text.jpg", "no known image signature"),
    ("empty.png", "no bytes"),
    ("half.jpg", "ends too early"),
    ("huge.bmp", "60000"),
];

/// A picture of a few pixels in a colour, as a Windows bitmap.
pub(crate) fn bitmap([width, height]: [u32; 2], color: [u8; 3]) -> Vec<u8> {
    let mut bytes = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    bytes.extend([width, height].iter().flat_map(|side| side.to_le_bytes()));
    bytes.extend(b"\x01\0\x18\0");
    bytes.resize(54, 0);
    let rows = if width < 100 { height } else { 0 };
    for _ in 0..rows {
        let row = color.repeat(width as usize);
        bytes.extend(&row);
        bytes.resize(bytes.len() + (4 - row.len() % 4) % 4, 0);
    }
    bytes
}

/// A folder with `count` pairs of pictures and a list of them; some of the pictures are broken.
pub(crate) fn desk(count: usize) -> Desk {
    let desk = Desk::new();
    fs::create_dir(desk.path().join("set")).unwrap();
    desk.write("set/text.jpg", b"These are words, not pixels.\n");
    desk.write("set/empty.png", b"");
    let photograph = fs::read(example("cat.jpg")).unwrap();
    desk.write("set/half.jpg", &photograph[..photograph.len() / 2]);
    desk.write("set/huge.bmp", &bitmap([60_000, 60_000], [0; 3]));
    let mut list = String::new();
    for number in 0..count {
        let names = [0, 1].map(|image: usize| format!("{number}-{image}.bmp"));
        for (name, image) in names.iter().zip([0, 1]) {
            let color = [(number * 7) as u8, 90 * image, 60];
            let path = format!("set/{name}");
            desk.write(&path, &bitmap([6, 5], color));
        }
        let second = match number % 7 {
            3 => BROKEN.get(number / 7).map_or(names[1].as_str(), |(name, _)| name),
            _ => &names[1],
        };
        let line = json!({ "id": format!("pair {number}"), "images": [names[0], second] });
        list.push_str(&line.to_string());
        list.push('\n');
    }
    desk.write("set/list.jsonl", list.as_bytes());
    desk
}

pub(crate) fn arguments<'a>(model: &'a str, out: &'a str) -> Vec<&'a str> {
    let what = ["--batch", "set/list.jsonl", "--answer", ANSWER, "--out", out];
    [&["segment", "--model", model, "--max-new-tokens", "6"][..], &what].concat()
}

pub(crate) fn batch(desk: &Desk, out: &str, more: &[&str]) -> Done {
    let model = desk.model();
    desk.run(&[&arguments(model.to_str().unwrap(), out)[..], more].concat())
}

pub(crate) fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn ids(path: &Path) -> Vec<String> {
    lines(path).iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

/// The results and failures of a folder, by file.
pub(crate) fn written(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = files(folder);
    found.retain(|name, _| name.contains(".jsonl"));
    found
}
