use std::io;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use calico_model::CalicoConfig;
use calico_model::bench::{PEAK_SIDE, Workload, prompt_len};
use calico_model::budget::Request;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::args::{BenchArgs, TorchType};
use crate::failure::Failure;

/// Lines of another program's complaint that are repeated.
const SHOWN: usize = 5;

/// What a peer needed for a module.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Times {
    /// Median of all runs.
    pub(super) seconds: f64,
    pub(super) runs: usize,
    /// What ran, with its version.
    pub(super) program: String,
}

/// Another program that runs the same modules, in a Python that has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer<'a> {
    pub(super) kind: Kind<'a>,
    python: &'a Path,
    seconds: f64,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind<'a> {
    Torch(TorchType),
    /// With the file that it reads.
    LlamaCpp(&'a str),
}

impl<'a> Peer<'a> {
    /// Those that were asked for.
    ///
    /// # Errors
    /// If the file for llama.cpp is not there, or its name cannot be told to another program.
    pub(super) fn all(args: &'a BenchArgs) -> Result<Vec<Self>, Failure> {
        let peer = |python, kind| Self { kind, python, seconds: args.seconds };
        let mut peers = Vec::new();
        if let Some(python) = &args.torch {
            peers.push(peer(python, Kind::Torch(args.torch_dtype)));
        }
        if let (Some(python), Some(file)) = (&args.llama_cpp, &args.gguf) {
            let refused =
                |why: &str| Failure::bad_input(format!("--gguf: {} {why}", file.display()));
            if !file.is_file() {
                return Err(refused("is not there; `calico model export --to gguf` writes one"));
            }
            let file = file.to_str().ok_or_else(|| refused("is not UTF-8; rename it"))?;
            peers.push(peer(python, Kind::LlamaCpp(file)));
        }
        Ok(peers)
    }

    pub(super) fn name(self) -> &'static str {
        match self.kind {
            Kind::Torch(_) => "PyTorch",
            Kind::LlamaCpp(_) => "llama.cpp",
        }
    }

    /// The name in JSON.
    pub(super) fn key(self) -> &'static str {
        match self.kind {
            Kind::Torch(_) => "torch",
            Kind::LlamaCpp(_) => "llama_cpp",
        }
    }

    /// Whether it can run a workload, of a language model that is `whole` or cut to the memory.
    pub(super) fn has(self, workload: Workload, whole: bool) -> bool {
        match self.kind {
            Kind::Torch(_) => {
                workload == Workload::MatrixPeak
                    || !workload.is_yardstick() && workload != Workload::Extraction
            }
            // A file cannot be cut.
            Kind::LlamaCpp(_) => workload.is_language() && whole,
        }
    }

    /// Measures a module of a configuration; a text says why it could not be measured.
    ///
    /// # Errors
    /// If there is no such program.
    pub(super) fn measure(
        self,
        workload: Workload,
        config: &CalicoConfig,
    ) -> Result<Result<Times, String>, Failure> {
        // `tools/bench/README.md` says what the programs do.
        let (option, script, needs, more) = match self.kind {
            Kind::Torch(dtype) => (
                "--torch",
                include_str!("../../../../../tools/bench/stages.py"),
                "torch and transformers",
                json!({ "dtype": dtype.name(), "side": PEAK_SIDE }),
            ),
            Kind::LlamaCpp(file) => (
                "--llama-cpp",
                include_str!("../../../../../tools/bench/llama_cpp.py"),
                "llama-cpp-python",
                json!({ "file": file }),
            ),
        };
        let text = config.to_json().context("cannot write the configuration as JSON")?;
        let config_json: Value =
            serde_json::from_str(&text).context("cannot read the configuration again")?;
        let mut request = json!({
            "config": config_json,
            "stage": workload.name(),
            "seconds": self.seconds,
            "threads": std::thread::available_parallelism().map_or(1, usize::from),
            "prompt": prompt_len(config, Request::default()),
            "masks": Request::default().masks,
        });
        if let (Value::Object(request), Value::Object(more)) = (&mut request, more) {
            request.extend(more);
        }
        let python = self.python.display();
        let ran = Command::new(self.python).arg("-c").arg(script).arg(request.to_string()).output();
        let ran = match ran {
            Ok(ran) => ran,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Failure::bad_input(format!("{option}: there is no program {python}")));
            }
            Err(error) => {
                return Err(Failure::bad_input(format!("{option}: cannot run {python}: {error}")));
            }
        };
        let answer = String::from_utf8_lossy(&ran.stdout);
        let last = answer.lines().last().unwrap_or_default();
        if let (true, Ok(times)) = (ran.status.success(), serde_json::from_str(last)) {
            return Ok(Ok(times));
        }
        let complaint = String::from_utf8_lossy(&ran.stderr);
        let lines: Vec<&str> = complaint.lines().collect();
        let end = lines[lines.len().saturating_sub(SHOWN)..].join("\n");
        // A process that was killed, for want of memory perhaps, has no code and says nothing.
        Ok(Err(format!(
            "{python} could not run {} ({}); it needs {needs}\n{end}",
            workload.name(),
            ran.status
        )))
    }
}
