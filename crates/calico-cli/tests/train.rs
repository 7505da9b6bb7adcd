//! `calico train` as a user meets it: killed, misused, out of space.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../calico-train/tests/drawn/mod.rs"]
mod drawn;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

const RECIPE: &str = "
name = 'small'
seed = 3
[model]
preset = 'tiny'
from_scratch = true
[validation]
every = 25
pairs = 1
max_new_tokens = 5
pictures = 1
[checkpoint]
every = 3
[[stages]]
name = 'encoders'
objective = 'labels'
train = ['eva', 'dino', 'sam.encoder']
steps = 30
batch = 2
accumulate = 1
warmup = 2
[[stages]]
name = 'joint'
train = ['*']
steps = 60
batch = 1
accumulate = 2
warmup = 2
lora_dropout = 0.1
recompute = true
";

fn calico(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_calico"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    calico(arguments).output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A recipe and its data set in a folder.
fn set_up(place: &Path, recipe: &str) -> [String; 2] {
    let path = place.join("recipe.toml");
    fs::write(&path, recipe).unwrap();
    let data = place.join("data");
    if !data.exists() {
        drawn::write(&data, 8);
    }
    [path, data].map(|path| path.to_str().unwrap().to_owned())
}

/// Every file whose bytes must not depend on clocks and interruptions.
fn files(run: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![run.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && name != "events" {
                folders.push(path);
            } else if path.is_file() && name != "timings.jsonl" {
                found.insert(path.strip_prefix(run).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn a_run_that_is_killed_ten_times_ends_as_one_that_was_never_stopped() {
    let place = tempfile::tempdir().unwrap();
    let [recipe, data] = set_up(place.path(), RECIPE);
    let whole = place.path().join("whole");
    let arguments = |out: &Path| {
        let out = out.to_str().unwrap().to_owned();
        ["train".to_owned(), recipe.clone(), "--data".into(), data.clone(), "--out".into(), out]
    };
    let start = Instant::now();
    let trained = calico(&[]).args(arguments(&whole)).output().unwrap();
    assert!(trained.status.success(), "{}", told(&trained));
    let took = start.elapsed();

    let killed = place.path().join("killed");
    let mut kills = 0;
    // Odd moments between 1 and 9 % of what a whole run takes, the same in every test run; the
    // machine makes different steps of them.
    for moment in (1..).map(|n: u32| took * (100 + n * 347 % 800) / 10_000) {
        let mut child = calico(&[])
            .args(arguments(&killed))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(moment);
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        if kills == 10 {
            break;
        }
    }
    assert_eq!(kills, 10, "the run ended before it was killed ten times");
    let trained = calico(&[]).args(arguments(&killed)).output().unwrap();
    assert!(trained.status.success(), "{}", told(&trained));
    let (whole, killed) = (files(&whole), files(&killed));
    assert_eq!(whole.keys().collect::<Vec<_>>(), killed.keys().collect::<Vec<_>>());
    for (name, bytes) in &whole {
        assert!(*bytes == killed[name], "{} differs", name.display());
    }
}

#[test]
fn the_papers_training_has_the_papers_number_of_trained_values() {
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes/adapters.toml");
    let recipe = recipe.to_str().unwrap();
    let planned = run(&["train", recipe, "--plan"]);
    assert!(planned.status.success(), "{}", told(&planned));
    let text = String::from_utf8(planned.stdout).unwrap();
    assert!(text.contains("29,141,220 trainable values"), "{text}");
    let planned = run(&["train", recipe, "--plan", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&planned.stdout).unwrap();
    assert_eq!(json["name"], "adapters");
}

#[test]
fn every_recipe_of_the_repository_can_be_planned() {
    let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
    for entry in fs::read_dir(recipes).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let planned = run(&["train", path.to_str().unwrap(), "--plan"]);
        assert!(planned.status.success(), "{}: {}", path.display(), told(&planned));
    }
}

#[test]
fn a_wrong_recipe_is_told_as_a_whole_and_nothing_is_written() {
    let place = tempfile::tempdir().unwrap();
    let cases: [(&str, &str, &[&str]); 7] = [
        ("seed = 3", "seed = 'x'\ncolour = 'red'", &["seed", "colour"]),
        ("steps = 30", "steps = -1\nbatsh = 2", &["stages.0.steps", "stages.0.batsh"]),
        ("warmup = 2", "warmup = 999\nlearning_rate = 0.0", &["warmup", "learning_rate"]),
        ("train = ['*']", "train = ['eva.nothing', 'lorra']", &["eva.nothing", "lorra"]),
        ("preset = 'tiny'", "preset = 'huge'", &["huge", "tiny"]),
        ("from_scratch = true", "", &["--model DIR"]),
        ("[model]", "[model", &["TOML"]),
    ];
    for (from, to, words) in cases {
        let [recipe, data] = set_up(place.path(), &RECIPE.replace(from, to));
        let out = place.path().join("run");
        let ended = run(&["train", &recipe, "--data", &data, "--out", out.to_str().unwrap()]);
        assert_eq!(ended.status.code(), Some(2), "{to}: {}", told(&ended));
        for word in words {
            assert!(told(&ended).contains(word), "{to}: {}", told(&ended));
        }
        assert!(!out.exists(), "{to}");
    }
}

#[test]
fn missing_data_and_models_are_named() {
    let place = tempfile::tempdir().unwrap();
    let [recipe, data] = set_up(place.path(), RECIPE);
    let out = place.path().join("run").to_str().unwrap().to_owned();
    for (arguments, word) in [
        (vec!["train", &recipe, "--out", &out], "--data DIR"),
        (vec!["train", &recipe, "--data", "nowhere", "--out", &out], "nowhere"),
        (vec!["train", &recipe, "--data", &data, "--model", "nothing", "--out", &out], "nothing"),
        (vec!["train", "no.toml", "--data", &data, "--out", &out], "no.toml"),
    ] {
        let ended = run(&arguments);
        assert_eq!(ended.status.code(), Some(2), "{word}: {}", told(&ended));
        assert!(told(&ended).contains(word), "{word}: {}", told(&ended));
        assert!(!Path::new(&out).exists(), "{word}");
    }
}

#[test]
fn a_run_of_another_recipe_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let short = RECIPE.replace("steps = 30", "steps = 2").replace("steps = 60", "steps = 2");
    let [recipe, data] = set_up(place.path(), &short);
    let out = place.path().join("run");
    let arguments = ["train", &recipe, "--data", &data, "--out", out.to_str().unwrap()];
    let trained = run(&arguments);
    assert!(trained.status.success(), "{}", told(&trained));
    let before = files(&out);
    set_up(place.path(), &short.replace("seed = 3", "seed = 4"));
    let ended = run(&arguments);
    assert_eq!(ended.status.code(), Some(2), "{}", told(&ended));
    assert!(told(&ended).contains("seed: 3 in the run, 4 now"), "{}", told(&ended));
    assert!(before == files(&out));
}

/// Files cannot grow beyond a limit: what a full disk does to a program.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_run_and_loses_nothing() {
    let place = tempfile::tempdir().unwrap();
    let short = RECIPE.replace("steps = 30", "steps = 6").replace("steps = 60", "steps = 6");
    let [recipe, data] = set_up(place.path(), &short);
    let (whole, full) = (place.path().join("whole"), place.path().join("full"));
    let arguments =
        |out: &Path| format!("train {recipe} --data {data} --out {}", out.to_str().unwrap());
    let shell = |limit: &str, out: &Path| {
        let calico = env!("CARGO_BIN_EXE_calico");
        let script = format!("trap '' XFSZ; {limit} exec {calico} {}", arguments(out));
        Command::new("bash").args(["-c", &script]).output().unwrap()
    };
    // Blocks of 1024 bytes: the trained values of a checkpoint take more.
    let ended = shell("ulimit -f 1000;", &full);
    assert_eq!(ended.status.code(), Some(2), "{}", told(&ended));
    assert!(told(&ended).contains("make room"), "{}", told(&ended));
    for out in [&full, &whole] {
        let trained = shell("", out);
        assert!(trained.status.success(), "{}", told(&trained));
    }
    assert!(files(&full) == files(&whole));
}
