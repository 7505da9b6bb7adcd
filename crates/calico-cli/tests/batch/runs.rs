//! Killed, split, stopped, out of space.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;

use super::pairs::{BROKEN, arguments, batch, bitmap, desk, ids, lines, written};
use super::support::files;

fn count(results: &Path) -> usize {
    fs::read_to_string(results).map_or(0, |text| text.lines().count())
}

/// Waits until a process has written some results.
fn wait_for_lines(child: &mut Child, results: &Path, least: usize) {
    while count(results) < least {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_batch_that_is_killed_twice_ends_as_one_that_was_never_stopped() {
    let desk = desk(35);
    let done = batch(&desk, "whole", &[]);
    assert_eq!(done.code, 1, "{}", done.stderr);
    assert!(done.stderr.contains("30 of 35 items done, 5 failed"), "{}", done.stderr);
    assert!(done.stderr.contains("--retry-failed"), "{}", done.stderr);

    let results = desk.path().join("killed/results.jsonl");
    let model = desk.model();
    for least in [4, 16] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_calico"))
            .args(arguments(model.to_str().unwrap(), "killed"))
            .current_dir(desk.path())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for_lines(&mut child, &results, least);
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
        assert!(count(&results) < 30, "it was not killed while it worked");
    }
    let done = batch(&desk, "killed", &[]);
    assert!(done.stderr.contains("were ended by an earlier run"), "{}", done.stderr);
    assert_eq!(done.code, 1, "{}", done.stderr);
    assert!(written(&desk.path().join("killed")) == written(&desk.path().join("whole")));

    let mut found = ids(&results);
    let failures = lines(&desk.path().join("killed/failures.jsonl"));
    assert_eq!((found.len(), failures.len()), (30, 5));
    for (failure, (name, reason)) in failures.iter().zip(BROKEN) {
        assert_eq!((&failure["image"], &failure["images"][1]), (&json!(2), &json!(name)));
        assert!(failure["message"].as_str().unwrap().contains(reason), "{failure}");
        found.push(failure["id"].as_str().unwrap().to_owned());
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 35);
}

#[test]
fn parts_add_up_to_the_whole() {
    let desk = desk(13);
    batch(&desk, "whole", &[]);
    let model = desk.model();
    let start = |part: &str| {
        let arguments = arguments(model.to_str().unwrap(), "parts");
        Command::new(env!("CARGO_BIN_EXE_calico"))
            .args(arguments)
            .args(["--shard", part])
            .current_dir(desk.path())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    // All at once, into a folder that none of them has made before.
    let parts = ["1/3", "2/3", "3/3"].map(start);
    let codes = parts.map(|mut part| part.wait().unwrap().code());
    // Items 4 and 11, the first and the second of the broken ones, fall to the parts 1 and 2.
    assert_eq!(codes, [Some(1), Some(1), Some(0)]);
    let (whole, parts) = (written(&desk.path().join("whole")), written(&desk.path().join("parts")));
    assert_eq!(parts.len(), 6);
    for stem in ["results", "failures"] {
        let sorted = |files: &BTreeMap<String, Vec<u8>>| {
            let files = files.iter().filter(|(name, _)| name.starts_with(stem));
            let text: String = files.map(|(_, bytes)| str::from_utf8(bytes).unwrap()).collect();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&whole), sorted(&parts));
    }
    assert_eq!(ids(&desk.path().join("parts/results-3-of-3.jsonl"))[..2], ["pair 2", "pair 5"]);
    let told = batch(&desk, "parts", &[]).refused();
    assert!(told.contains("in 3 parts, not as a whole"), "{told}");
}

#[test]
fn what_failed_is_tried_again_only_on_request() {
    let desk = desk(12);
    assert_eq!(batch(&desk, "out", &[]).code, 1);
    let failures = desk.path().join("out/failures.jsonl");
    assert_eq!(ids(&failures), ["pair 3", "pair 10"]);
    desk.write("set/text.jpg", &bitmap([3, 3], [1, 2, 3]));
    let before = files(&desk.path().join("out"));
    let done = batch(&desk, "out", &[]);
    assert!(done.stderr.contains("10 of 12 items done, 2 failed\n"), "{}", done.stderr);
    assert_eq!(done.code, 1);
    assert!(files(&desk.path().join("out")) == before);
    let done = batch(&desk, "out", &["--retry-failed"]);
    assert!(done.stderr.contains("11 of 12 items done, 1 failed"), "{}", done.stderr);
    assert_eq!(ids(&failures), ["pair 3"]);
    desk.write("set/missing.png", &bitmap([3, 3], [1, 2, 3]));
    batch(&desk, "out", &["--retry-failed"]).ok();
    assert!(ids(&failures).is_empty());
    let mut found = ids(&desk.path().join("out/results.jsonl"));
    assert_eq!(found.last().unwrap(), "pair 3");
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 12);
    batch(&desk, "out", &[]).ok();
}

#[test]
fn only_one_process_writes_a_part() {
    let desk = desk(1);
    batch(&desk, "out", &[]).ok();
    let lock = fs::File::open(desk.path().join("out/.lock")).unwrap();
    lock.try_lock().unwrap();
    let told = batch(&desk, "out", &[]).refused();
    assert!(told.contains("another process"), "{told}");
    drop(lock);
    batch(&desk, "out", &[]).ok();
}

#[cfg(unix)]
#[test]
fn a_wish_to_stop_ends_the_item_under_way_and_the_next_run_goes_on() {
    let desk = desk(1);
    let line = |id: usize| json!({ "id": format!("{id}"), "images": ["0-0.bmp", "0-1.bmp"] });
    let list: String = (0..60).map(line).map(|line| line.to_string() + "\n").collect();
    desk.write("set/list.jsonl", list.as_bytes());
    let model = desk.model();
    let mut child = Command::new(env!("CARGO_BIN_EXE_calico"))
        .args(arguments(model.to_str().unwrap(), "out"))
        .current_dir(desk.path())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let results = desk.path().join("out/results.jsonl");
    wait_for_lines(&mut child, &results, 2);
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let ended = child.wait_with_output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("run the same command again to go on"), "{told}");
    let text = fs::read_to_string(&results).unwrap();
    assert!(text.ends_with('\n') && text.lines().count() < 60, "{told}");
    batch(&desk, "out", &[]).ok();
    let expected: Vec<String> = (0..60).map(|id| id.to_string()).collect();
    assert_eq!(ids(&results), expected);
}

/// Files cannot grow beyond a limit: what a full disk does to a program.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_run_and_loses_nothing() {
    let desk = desk(9);
    batch(&desk, "whole", &[]);
    let model = desk.model();
    let quoted: Vec<String> =
        arguments(model.to_str().unwrap(), "full").iter().map(|word| format!("'{word}'")).collect();
    let calico = env!("CARGO_BIN_EXE_calico");
    // Blocks of 1024 bytes: a few results take more.
    let script = format!("trap '' XFSZ; ulimit -f 4; exec {calico} {}", quoted.join(" "));
    let ended =
        Command::new("bash").args(["-c", &script]).current_dir(desk.path()).output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("make room"), "{told}");
    let text = fs::read_to_string(desk.path().join("full/results.jsonl")).unwrap();
    assert!(text.ends_with('\n') && text.lines().count() > 0, "{told}");
    assert_eq!(batch(&desk, "full", &[]).code, 1);
    assert!(written(&desk.path().join("full")) == written(&desk.path().join("whole")));
}
