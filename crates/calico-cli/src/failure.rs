//! Why a command ended early, and what the shell and the user hear of it.

use std::process::ExitCode;

use calico_annotation::AnnotationError;
use calico_data::DataError;
use calico_data::build::BuildError;
use calico_eval::EvalError;
use calico_formats::{FormatError, SetError};
use calico_hub::HubError;
use calico_import::MapError;
use calico_import::assembly::ImportError;
use calico_language::BertError;
use calico_model::batch::ListError;
use calico_model::{ConfigError, ModelError, SegmentError};
use calico_result::batch::BatchError;
use calico_result::{ResultError, terminal};
use calico_serve::ServeError;
use calico_synth::SynthError;
use calico_train::TrainError;

use crate::stream;

/// The exit code of everything that the user can correct.
const BAD_INPUT: u8 = 2;

/// Where the list of calls begins that tensor errors carry when `RUST_BACKTRACE` is set.
const FIRST_CALL: &str = "\n   0: ";

/// An error, and whose fault it is.
#[derive(Debug)]
pub(crate) struct Failure {
    error: anyhow::Error,
    is_bad_input: bool,
}

impl Failure {
    /// The user's input is at fault, as the message says.
    pub(crate) fn bad_input(message: impl Into<String>) -> Self {
        Self { error: anyhow::Error::msg(message.into()), is_bad_input: true }
    }

    /// The work was done, and what it found is a failure: exit code 1.
    pub(crate) fn found(message: impl Into<String>) -> Self {
        Self { error: anyhow::Error::msg(message.into()), is_bad_input: false }
    }

    /// The machine is at fault, or something nobody thought of: exit code 1.
    pub(crate) fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self { error: error.into(), is_bad_input: false }
    }

    /// Tells the user, once, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        stream::tell(&format!("error: {}", self.message()));
        if self.is_bad_input { ExitCode::from(BAD_INPUT) } else { ExitCode::FAILURE }
    }

    /// The error and its causes, without the calls that led there and without a cause that the
    /// message before it quotes already.
    fn message(&self) -> String {
        let mut message = String::new();
        for cause in self.error.chain() {
            let cause = cause.to_string();
            let cause = cause.split(FIRST_CALL).next().unwrap_or_default().trim_end();
            if message.contains(cause) {
                continue;
            }
            if !message.is_empty() {
                message.push_str(": ");
            }
            message.push_str(cause);
        }
        message.lines().map(terminal::harmless).collect::<Vec<_>>().join("\n")
    }
}

impl From<SegmentError> for Failure {
    fn from(error: SegmentError) -> Self {
        Self { is_bad_input: error.is_bad_input(), error: error.into() }
    }
}

impl From<SynthError> for Failure {
    fn from(error: SynthError) -> Self {
        match error {
            SynthError::Data(error) => error.into(),
            SynthError::Write(error) => error.into(),
            error => Self {
                is_bad_input: matches!(error, SynthError::Option { .. } | SynthError::Size { .. }),
                error: error.into(),
            },
        }
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self { is_bad_input: error.is_bad_input(), error: error.into() }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        ModelError::from(error).into()
    }
}

impl From<ResultError> for Failure {
    fn from(error: ResultError) -> Self {
        let is_bad_input = matches!(
            error,
            ResultError::FolderIsFile { .. }
                | ResultError::Foreign { .. }
                | ResultError::FolderNotWritable { .. }
                | ResultError::Read { .. }
                | ResultError::Malformed { .. }
                | ResultError::Schema { .. }
                | ResultError::Inconsistent { .. }
                | ResultError::Mask { .. }
        );
        Self { is_bad_input, error: error.into() }
    }
}

impl From<ListError> for Failure {
    fn from(error: ListError) -> Self {
        Self { is_bad_input: true, error: error.into() }
    }
}

impl From<BatchError> for Failure {
    fn from(error: BatchError) -> Self {
        Self { is_bad_input: error.is_bad_input(), error: error.into() }
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        let is_bad_input = match &error {
            // The sources are what they are: the program did its work and says so.
            DataError::Build(
                BuildError::Strict { .. } | BuildError::Skipped { .. } | BuildError::Leak { .. },
            )
            | DataError::Write(_)
            | DataError::Remove { .. }
            | DataError::Stopped => false,
            _ => true,
        };
        Self { is_bad_input, error: error.into() }
    }
}

impl From<EvalError> for Failure {
    fn from(error: EvalError) -> Self {
        match error {
            EvalError::Data(error) => error.into(),
            EvalError::Result(error) => error.into(),
            error => {
                let is_bad_input = !matches!(
                    error,
                    EvalError::Write { .. }
                        | EvalError::Encoder(_)
                        | EvalError::Embeddings { .. }
                        | EvalError::TooManyFailures { .. }
                );
                Self { is_bad_input, error: error.into() }
            }
        }
    }
}

impl From<FormatError> for Failure {
    fn from(error: FormatError) -> Self {
        Self { is_bad_input: true, error: error.into() }
    }
}

impl From<SetError> for Failure {
    fn from(error: SetError) -> Self {
        Self { is_bad_input: true, error: error.into() }
    }
}

impl From<MapError> for Failure {
    fn from(error: MapError) -> Self {
        Self { is_bad_input: true, error: error.into() }
    }
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        Self { is_bad_input: error.is_bad_input(), error: error.into() }
    }
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Self {
        Self { is_bad_input: error.is_bad_input(), error: error.into() }
    }
}

impl From<BertError> for Failure {
    fn from(error: BertError) -> Self {
        Self { is_bad_input: true, error: error.into() }
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        let is_bad_input = !matches!(error, ServeError::Start(_));
        Self { is_bad_input, error: error.into() }
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        Self { is_bad_input: error.is_bad_input(), error: error.into() }
    }
}

impl From<AnnotationError> for Failure {
    fn from(error: AnnotationError) -> Self {
        Self { is_bad_input: true, error: error.into() }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { is_bad_input: false, error }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::{Context as _, anyhow};

    use super::*;

    fn message(error: anyhow::Error) -> String {
        Failure::from(error).message()
    }

    #[test]
    fn causes_follow_each_other_on_one_line() {
        let error = Err::<(), _>(io::Error::other("no space")).context("cannot write a.txt");
        let error = error.context("saving failed").unwrap_err();
        assert_eq!(message(error), "saving failed: cannot write a.txt: no space");
    }

    #[test]
    fn a_cause_is_named_once() {
        let source = io::Error::other("no space");
        let error = ResultError::Write { path: "a.txt".into(), source };
        let message = message(error.into());
        assert_eq!(message.matches("no space").count(), 1, "{message}");
    }

    #[test]
    fn calls_are_not_shown() {
        let error = anyhow!("shape mismatch\n   0: candle_core::error::Error::bt\n   1: main");
        assert_eq!(message(error.context("SAM failed")), "SAM failed: shape mismatch");
    }

    #[test]
    fn names_of_files_cannot_drive_the_terminal() {
        assert!(!message(anyhow!("\u{1b}[2J.png is\nno file")).contains('\u{1b}'));
    }
}
