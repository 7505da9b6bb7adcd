//! Models are pulled from a hub on this machine.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../../calico-hub/tests/support/mod.rs"]
mod hub;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use hub::{COMMIT, FakeHub, Reply, large, model, small};
use serde_json::Value;
use tempfile::TempDir;

/// What the program did.
struct Done {
    code: i32,
    stdout: String,
    stderr: String,
}

/// The program with a cache of its own, and nothing of what this machine says about hubs.
fn pull(scratch: &Path, endpoint: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_calico"));
    command.args(["model", "pull"]).args(args).current_dir(scratch).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_uppercase();
        if text.starts_with("HF_") || text.ends_with("_PROXY") || text.contains("HUB") {
            command.env_remove(name);
        }
    }
    for name in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "TRANSFORMERS_OFFLINE"] {
        command.env_remove(name);
    }
    command.env("HF_HOME", "home").env("HF_ENDPOINT", endpoint).env("HF_TOKEN", "hf_secret");
    command
}

fn done(mut command: Command) -> Done {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let done = Done {
        code: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    };
    for text in [&done.stdout, &done.stderr] {
        assert!(!text.contains("hf_secret") && !text.contains("panicked"), "{text}");
    }
    done
}

fn run(scratch: &TempDir, hub: &FakeHub, args: &[&str]) -> Done {
    done(pull(scratch.path(), &hub.address, args))
}

#[test]
fn the_folder_is_printed_and_the_rest_is_told() {
    let (hub, scratch) = (FakeHub::new(model()), tempfile::tempdir().unwrap());
    let first = run(&scratch, &hub, &["org/name"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let folder = format!("home/hub/models--org--name/snapshots/{COMMIT}");
    assert_eq!(first.stdout, format!("{folder}\n"));
    for words in [
        "fetching 4 files, 200.05 kB",
        "model.safetensors (200.00 kB)",
        "cc-by-4.0",
        "3 not chosen",
    ] {
        assert!(first.stderr.contains(words), "{words:?} is missing: {}", first.stderr);
    }
    let weights = fs::read(scratch.path().join(folder).join("model.safetensors")).unwrap();
    assert_eq!(weights, model()["model.safetensors"].bytes);
    assert_eq!(hub.requests()[0].headers["authorization"], "Bearer hf_secret");
    let again = run(&scratch, &hub, &["org/name"]);
    assert!(again.stderr.contains("0 B were downloaded now"), "{}", again.stderr);
}

#[test]
fn json_tells_sizes_digests_and_terms() {
    let (hub, scratch) = (FakeHub::new(model()), tempfile::tempdir().unwrap());
    let args = ["org/name@main", "--json", "--include", "*.safetensors", "--include", "onnx/"];
    let done = run(&scratch, &hub, &args);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let json: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((&json["commit"], &json["license"]["id"]), (&COMMIT.into(), &"mit".into()));
    let names: Vec<_> =
        json["files"].as_array().unwrap().iter().map(|file| &file["name"]).collect();
    assert_eq!(names, ["model.safetensors", "onnx/model.onnx"]);
    let file = &json["files"][0];
    assert_eq!(file["sha256"], model()["model.safetensors"].sha256());
    assert_eq!((&file["bytes"], &file["downloaded"]), (&200_000.into(), &true.into()));
    assert!(
        Path::new(file["path"].as_str().unwrap()).starts_with(json["snapshot"].as_str().unwrap())
    );
}

#[test]
fn offline_takes_the_cache_and_lists_all_that_is_missing() {
    let (hub, scratch) = (FakeHub::new(model()), tempfile::tempdir().unwrap());
    let nothing = run(&scratch, &hub, &["org/name", "--offline"]);
    assert_eq!((nothing.code, &*nothing.stdout), (2, ""));
    run(&scratch, &hub, &["org/name", "--cache", "elsewhere"]);
    let asked = hub.requests().len();
    let offline = run(&scratch, &hub, &["org/name", "--offline", "--cache", "elsewhere"]);
    assert_eq!(offline.code, 0, "{}", offline.stderr);
    let mut by_variable = pull(scratch.path(), &hub.address, &["org/name", "--cache", "elsewhere"]);
    by_variable.env("HF_HUB_OFFLINE", "1");
    assert_eq!(done(by_variable).stdout, offline.stdout);
    assert_eq!(hub.requests().len(), asked);
    let blobs = scratch.path().join("elsewhere/models--org--name/blobs");
    for name in ["tokenizer.json", "model.safetensors"] {
        fs::remove_file(blobs.join(model()[name].etag())).unwrap();
    }
    let lacks = run(&scratch, &hub, &["org/name", "--offline", "--cache", "elsewhere"]);
    assert_eq!((lacks.code, &*lacks.stdout), (2, ""));
    for line in
        ["2 files of `org/name` are missing", "\n  model.safetensors (", "\n  tokenizer.json ("]
    {
        assert!(lacks.stderr.contains(line), "{line:?} is missing: {}", lacks.stderr);
    }
}

#[test]
fn what_the_user_can_correct_is_bad_input_and_what_the_server_did_is_a_failure() {
    let (hub, scratch) = (FakeHub::new(model()), tempfile::tempdir().unwrap());
    for (args, words) in [
        (&["../name"][..], "org/name"),
        (&["org/name@a..b"], "branch"),
        (&["org/name@v9"], "no revision `v9`"),
        (&["org/other"], "shows no model"),
        (&["org/name", "--include", "*.xyz"], "*.xyz"),
    ] {
        let refused = run(&scratch, &hub, args);
        assert_eq!((refused.code, &*refused.stdout), (2, ""), "{}", refused.stderr);
        assert!(refused.stderr.to_lowercase().contains(words), "{}", refused.stderr);
    }
    let mut bad = pull(scratch.path(), "no address", &["org/name"]);
    bad.env("HF_HUB_DOWNLOAD_TIMEOUT", "1");
    assert_eq!(done(bad).code, 2);
    let wrong = FakeHub::with_rule(model(), |request| {
        request.is_for("config.json").then(|| Reply::file(request, b"{\"width\": 4}"))
    });
    let failed = run(&scratch, &wrong, &["org/name"]);
    assert_eq!((failed.code, &*failed.stdout), (1, ""));
    assert!(failed.stderr.contains("digest"), "{}", failed.stderr);
    let nobody = done(pull(scratch.path(), "http://127.0.0.1:1", &["org/name"]));
    assert_eq!(nobody.code, 1);
    assert!(nobody.stderr.contains("cannot reach"), "{}", nobody.stderr);
}

#[test]
fn shards_that_an_index_names_and_nobody_has_are_listed() {
    let mut files = model();
    let index = "{\"weight_map\": {\"a\": \"1.safetensors\", \"b\": \"2.safetensors\"}}";
    files.retain(|name, _| !name.contains("model."));
    files.insert("model.safetensors.index.json".into(), small(index));
    files.insert("0.safetensors".into(), large("zero"));
    let (hub, scratch) = (FakeHub::new(files), tempfile::tempdir().unwrap());
    let lacks = run(&scratch, &hub, &["org/name"]);
    assert_eq!(lacks.code, 2);
    for line in ["\n  1.safetensors (named by", "\n  2.safetensors (named by"] {
        assert!(lacks.stderr.contains(line), "{line:?} is missing: {}", lacks.stderr);
    }
}

/// Files cannot grow beyond a limit: what a full disk does to a program.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_nothing() {
    let (hub, scratch) = (FakeHub::new(model()), tempfile::tempdir().unwrap());
    let limited = pull(scratch.path(), &hub.address, &["org/name"]);
    let mut shell = Command::new("bash");
    let script = "trap '' XFSZ; ulimit -f 100; exec \"$0\" model pull org/name";
    shell.args(["-c", script]).arg(limited.get_program()).current_dir(scratch.path());
    for (name, value) in limited.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let full = done(shell);
    assert_eq!((full.code, &*full.stdout), (2, ""), "{}", full.stderr);
    assert!(full.stderr.contains("make room"), "{}", full.stderr);
    assert_eq!(run(&scratch, &hub, &["org/name"]).code, 0);
    assert_eq!(hub.requests_for("model.safetensors")[1].from(), 100 * 1024);
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_has_arrived_and_the_same_command_goes_on() {
    let weights = || model()["model.safetensors"].bytes.clone();
    let hub = FakeHub::with_rule(model(), move |request| {
        let from = request.from();
        let reply = Reply::file(request, &weights());
        let part = weights()[from..from.max(100_000)].to_vec();
        let half = Reply { announced: Some(200_000 - from), body: part, hangs: true, ..reply };
        request.is_for("model.safetensors").then_some(half)
    });
    let scratch = tempfile::tempdir().unwrap();
    let mut command = pull(scratch.path(), &hub.address, &["org/name"]);
    command.env("HF_HUB_DOWNLOAD_TIMEOUT", "0.3").stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let blob = scratch
        .path()
        .join("home/hub/models--org--name/blobs")
        .join(model()["model.safetensors"].etag());
    let partial = blob.with_extension("incomplete");
    while fs::metadata(&partial).map_or(0, |there| there.len()) < 100_000 {
        std::thread::yield_now();
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("the same command goes on"), "{stderr}");
    assert_eq!(fs::metadata(&partial).unwrap().len(), 100_000);
    let honest = FakeHub::new(model());
    assert_eq!(run(&scratch, &honest, &["org/name"]).code, 0);
    assert_eq!(honest.requests_for("model.safetensors")[0].from(), 100_000);
}

#[test]
fn what_was_pulled_becomes_a_model_that_knows_its_origin() {
    let scratch = tempfile::tempdir().unwrap();
    let mut init = Command::new(env!("CARGO_BIN_EXE_calico"));
    init.args(["model", "init", "--preset", "tiny", "published"]).current_dir(scratch.path());
    assert!(init.status().unwrap().success());
    let read = |name: &str| fs::read(scratch.path().join(name)).unwrap();
    let published = |name: &str| read(&format!("published/{name}"));
    let files = [
        ("README.md".to_owned(), small("---\nlicense: cc-by-4.0\n---\n")),
        ("config.json".to_owned(), small(published("config.json"))),
        ("tokenizer.json".to_owned(), small(published("tokenizer.json"))),
        ("model.safetensors".to_owned(), large(published("model.safetensors"))),
    ];
    let hub = FakeHub::new(files.into());
    let full = run(&scratch, &hub, &["org/name", "--out", "published"]);
    assert_eq!((full.code, hub.requests().len()), (2, 0), "{}", full.stderr);
    // The card is not among the files, but the hub states the licence all the same.
    let chosen = ["--include", "*.json", "--include", "*.safetensors"];
    let made = run(&scratch, &hub, &[&["org/name", "--out", "model"], &chosen[..]].concat());
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(made.stdout.contains("made model: "), "{}", made.stdout);
    assert!(read("model/model.safetensors") == published("model.safetensors"));
    let sources = String::from_utf8(read("model/sources.json")).unwrap();
    for words in [&format!("org/name@{COMMIT}"), "\"licence\": \"mit\""] {
        assert!(sources.contains(words), "{words} is missing: {sources}");
    }
}
