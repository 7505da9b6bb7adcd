use std::cell::Cell;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use calico_import::export::{ExportError, Exported, Tokens, export_gguf, export_whole};
use calico_model::ModelFolder;
use calico_result::terminal;
use indicatif::{DecimalBytes, HumanCount};

use crate::args::{ExportFormat, ModelExportArgs};
use crate::failure::Failure;
use crate::progress::bytes_bar;
use crate::stream;
use crate::watching::stop_flag;

/// Writes a model for other programs.
pub(crate) fn run(args: &ModelExportArgs) -> Result<(), Failure> {
    let model = ModelFolder::open(&args.model)?;
    let (bar, number, stop) = (bytes_bar(0), Cell::new(0u64), stop_flag());
    let on_tensor = |tensor: Exported<'_>| {
        if stop.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        number.set(number.get() + 1);
        bar.set_length(tensor.total);
        bar.set_message(tensor.name.to_owned());
        bar.inc(tensor.bytes);
        ControlFlow::Continue(())
    };
    let tokens = match args.to {
        ExportFormat::Gguf => Some(export_gguf(&model, &args.out, on_tensor)),
        ExportFormat::Safetensors => export_whole(&model, &args.out, on_tensor).err().map(Err),
    };
    bar.finish_and_clear();
    let tokens = tokens.transpose()?;
    let out = terminal::harmless(&args.out.display().to_string());
    let (tensors, bytes) = (HumanCount(number.get()), DecimalBytes(bar.position()));
    stream::print(&format!("made {out}: {tensors} tensors, {bytes}\n"))?;
    match tokens {
        Some(Tokens::Llama { is_exact: false, .. }) => stream::tell(
            "warning: readers of GGUF merge pieces by score alone and may cut some texts otherwise \
             than this model",
        ),
        Some(Tokens::None) => stream::tell(
            "warning: the tokenizer of this model has no form that GGUF knows, so the file has \
             none: readers have to be given ids",
        ),
        Some(Tokens::Llama { is_exact: true, .. }) | None => {}
    }
    Ok(())
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Model(error) => error.into(),
            ExportError::Adapters(error) => error.into(),
            error if error.is_bad_input() => Self::bad_input(error.to_string()),
            error => Self::failed(error),
        }
    }
}
