//! Runs the program as a user does, on a small model made by itself.

#![allow(dead_code, unreachable_pub, reason = "every test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, Weak};

use serde_json::Value;
use tempfile::TempDir;

/// What the program did.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    /// The program succeeded; what it printed.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self.stdout
    }

    /// The program refused its input with one message, which is returned.
    #[track_caller]
    pub fn refused(self) -> String {
        assert_eq!(self.code, 2, "{self:?}");
        assert_eq!(self.stdout, "");
        assert!(self.stderr.starts_with("error: "), "{}", self.stderr);
        assert_eq!(self.stderr.matches("error:").count(), 1, "{}", self.stderr);
        for trace in ["panicked", "stack backtrace", "   0: ", ".rs:"] {
            assert!(!self.stderr.contains(trace), "{}", self.stderr);
        }
        self.stderr
    }
}

/// Runs the program in `folder`.
pub fn calico_in(folder: &Path, args: &[&str]) -> Done {
    calico_with(folder, args, &[])
}

/// As [`calico_in`], with variables of the environment.
pub fn calico_with(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Done {
    let output = Command::new(env!("CARGO_BIN_EXE_calico"))
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        // Users may have set these; neither help nor errors may change with them.
        .env("RUST_BACKTRACE", "1")
        .env_remove("COLUMNS")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done {
        code: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// The path of a photograph that comes with the repository.
pub fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    path.to_str().unwrap().to_owned()
}

/// An empty folder with a model beside it.
pub struct Desk {
    model: Arc<TempDir>,
    scratch: TempDir,
}

impl Desk {
    pub fn new() -> Self {
        Self { model: model(), scratch: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.scratch.path()
    }

    /// The folder of the model that all tests of a process share.
    pub fn model(&self) -> PathBuf {
        self.model.path().join("tiny")
    }

    pub fn run(&self, args: &[&str]) -> Done {
        calico_in(self.path(), args)
    }

    /// As [`Desk::run`], with variables of the environment.
    pub fn run_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Done {
        calico_with(self.path(), args, variables)
    }

    /// `calico segment --model …` with short answers.
    pub fn segment(&self, args: &[&str]) -> Done {
        let model = self.model();
        let start = ["segment", "--model", model.to_str().unwrap(), "--max-new-tokens", "6"];
        self.run(&[&start, args].concat())
    }

    /// What a model of this folder answers about two photographs, without its name.
    pub fn answer(&self, model: &str) -> Value {
        let [cat, rocket] = ["cat.jpg", "rocket.jpg"].map(example);
        let args = ["segment", &cat, &rocket, "--model", model, "--max-new-tokens", "4", "--json"];
        let mut json: Value = serde_json::from_str(&self.run(&args).ok()).unwrap();
        json["model"] = Value::Null;
        json
    }

    /// Writes a file; returns its name.
    pub fn write<'a>(&self, name: &'a str, bytes: &[u8]) -> &'a str {
        fs::write(self.path().join(name), bytes).unwrap();
        name
    }

    /// A copy of the model that may be damaged.
    pub fn model_copy(&self) -> PathBuf {
        let copy = self.path().join("model");
        fs::create_dir(&copy).unwrap();
        for (name, bytes) in files(&self.model()) {
            fs::write(copy.join(name), bytes).unwrap();
        }
        copy
    }
}

/// Made for the first test that needs it, removed after the last one that holds it.
fn model() -> Arc<TempDir> {
    static MODEL: Mutex<Weak<TempDir>> = Mutex::new(Weak::new());
    let mut shared = MODEL.lock().unwrap();
    if let Some(model) = shared.upgrade() {
        return model;
    }
    let model = Arc::new(tempfile::tempdir().unwrap());
    let args = ["model", "init", "--preset", "tiny", "--seed", "1", "--dtype", "f32", "tiny"];
    calico_in(model.path(), &args).ok();
    *shared = Arc::downgrade(&model);
    model
}

/// Every file below a folder, by its path from there.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            let inner = files(&path);
            found.extend(inner.into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        } else {
            found.insert(name, fs::read(path).unwrap());
        }
    }
    found
}
