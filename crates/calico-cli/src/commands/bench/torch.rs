use std::io;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use calico_model::CalicoConfig;
use calico_model::bench::{Workload, prompt_len};
use calico_model::budget::Request;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::args::TorchType;
use crate::failure::Failure;

/// The program of the other side; `tools/bench/README.md` says what it does.
const STAGES: &str = include_str!("../../../../../tools/bench/stages.py");

/// Lines of another program's complaint that are repeated.
const SHOWN: usize = 5;

/// What PyTorch needed for a module.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Peer {
    /// Median of all runs.
    pub(super) seconds: f64,
    pub(super) runs: usize,
    /// Version.
    pub(super) torch: String,
    /// Version.
    pub(super) transformers: String,
}

/// A Python that has torch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Torch<'a> {
    pub(super) python: &'a Path,
    pub(super) dtype: TorchType,
    pub(super) seconds: f64,
}

impl Torch<'_> {
    /// Measures a module of a configuration; a text says why it could not be measured.
    ///
    /// # Errors
    /// If there is no such program.
    pub(super) fn measure(
        self,
        workload: Workload,
        config: &CalicoConfig,
    ) -> Result<Result<Peer, String>, Failure> {
        let text = config.to_json().context("cannot write the configuration as JSON")?;
        let config_json: Value =
            serde_json::from_str(&text).context("cannot read the configuration again")?;
        let request = json!({
            "config": config_json,
            "stage": workload.name(),
            "dtype": self.dtype.name(),
            "seconds": self.seconds,
            "threads": std::thread::available_parallelism().map_or(1, usize::from),
            "prompt": prompt_len(config, Request::default()),
            "masks": Request::default().masks,
        });
        let python = self.python.display();
        let ran = Command::new(self.python).arg("-c").arg(STAGES).arg(request.to_string()).output();
        let ran = match ran {
            Ok(ran) => ran,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Failure::bad_input(format!("--torch: there is no program {python}")));
            }
            Err(error) => {
                return Err(Failure::bad_input(format!("--torch: cannot run {python}: {error}")));
            }
        };
        let answer = String::from_utf8_lossy(&ran.stdout);
        let last = answer.lines().last().unwrap_or_default();
        if let (true, Ok(peer)) = (ran.status.success(), serde_json::from_str(last)) {
            return Ok(Ok(peer));
        }
        let complaint = String::from_utf8_lossy(&ran.stderr);
        let lines: Vec<&str> = complaint.lines().collect();
        let end = lines[lines.len().saturating_sub(SHOWN)..].join("\n");
        // A process that was killed, for want of memory perhaps, has no code and says nothing.
        Ok(Err(format!(
            "{python} could not run {} ({}); it needs torch and transformers\n{end}",
            workload.name(),
            ran.status
        )))
    }
}
