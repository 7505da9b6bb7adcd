use std::cell::Cell;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use calico_model::ModelFolder;
use calico_model::adapters::{self, AdapterError, Adapters, Written};
use indicatif::{DecimalBytes, HumanCount, ProgressBar};

use crate::args::{
    AdaptersApplyArgs, AdaptersArgs, AdaptersCommand, AdaptersExportArgs, AdaptersMergeArgs,
};
use crate::failure::Failure;
use crate::progress::bytes_bar;
use crate::stream;
use crate::watching::stop_flag;

/// Adapters as files.
pub(crate) fn run(args: &AdaptersArgs) -> Result<(), Failure> {
    match &args.command {
        AdaptersCommand::Export(args) => export(args),
        AdaptersCommand::Apply(args) => apply(args),
        AdaptersCommand::Merge(args) => merge(args),
    }
}

fn export(args: &AdaptersExportArgs) -> Result<(), Failure> {
    let model = ModelFolder::open(&args.model)?;
    let work = Work::new();
    let written = adapters::export(&model, &args.also, &args.out, |written| work.step(written));
    work.finish(written, &args.out)
}

fn apply(args: &AdaptersApplyArgs) -> Result<(), Failure> {
    let model = ModelFolder::open(&args.model)?;
    let adapters = Adapters::open(&args.adapters, &model, args.base.check())?;
    let work = Work::new();
    let written = adapters::apply(&model, &adapters, &args.out, |written| work.step(written));
    work.finish(written, &args.out)
}

fn merge(args: &AdaptersMergeArgs) -> Result<(), Failure> {
    let model = ModelFolder::open(&args.model)?;
    let open = |folder| Adapters::open(folder, &model, args.base.check());
    let adapters = args.adapters.as_deref().map(open).transpose()?;
    let work = Work::new();
    let written =
        adapters::merge(&model, adapters.as_ref(), &args.out, |written| work.step(written));
    work.finish(written, &args.out)
}

/// Counts what is written, and shows it.
struct Work {
    bar: ProgressBar,
    tensors: Cell<u64>,
    values: Cell<u64>,
    stop: &'static AtomicBool,
}

impl Work {
    fn new() -> Self {
        let (tensors, values) = (Cell::new(0), Cell::new(0));
        Self { bar: bytes_bar(0), tensors, values, stop: stop_flag() }
    }

    fn step(&self, written: Written<'_>) -> ControlFlow<()> {
        if self.stop.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        let Written { tensor, tensors, total_bytes } = written;
        self.tensors.set(self.tensors.get() + 1);
        self.values.set(self.values.get() + tensor.shape.iter().product::<usize>() as u64);
        self.bar.set_length(total_bytes);
        self.bar.set_message(format!("{}/{tensors} {}", self.tensors.get(), tensor.name));
        self.bar.inc(tensor.bytes() as u64);
        ControlFlow::Continue(())
    }

    fn finish(self, written: Result<(), AdapterError>, folder: &Path) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        written?;
        Ok(stream::print(&format!(
            "made {}: {} parameters in {} tensors, {}\n",
            folder.display(),
            HumanCount(self.values.get()),
            HumanCount(self.tensors.get()),
            DecimalBytes(self.bar.position()),
        ))?)
    }
}

impl From<AdapterError> for Failure {
    fn from(error: AdapterError) -> Self {
        match error {
            AdapterError::Model(error) => error.into(),
            // Everything else is about the adapters that the user gave.
            error => Self::bad_input(error.to_string()),
        }
    }
}
