use std::cell::Cell;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::Ordering;

use calico_hub::origin_of;
use calico_import::assembly::{
    Assembly, ImportError, Maps, Report, Request, Role, Source, Unused, imported_tokenizer,
};
use calico_import::{Copies, NameMap};
use calico_nn::weights::checkpoint::StoredTensor;
use calico_result::terminal;
use indicatif::{DecimalBytes, HumanCount};

use super::model_inspect::maps;
use crate::args::{Brought, ModelImportArgs};
use crate::failure::Failure;
use crate::progress::bytes_bar;
use crate::stream;
use crate::watching::stop_flag;

/// Makes a model folder out of the files of others.
pub(crate) fn run(args: &ModelImportArgs) -> Result<(), Failure> {
    if let Some(of) = args.idle_licence() {
        return Err(Failure::bad_input(format!(
            "found a licence for {of}, but no such file; bring one in, or leave `--licence {of}=…` out"
        )));
    }
    let sources = sources(args)?;
    let config = args.config()?;
    let rows = config.llm.vocab_size;
    let tokenizer = imported_tokenizer(args.tokenizer.as_deref(), &sources, rows);
    let unused = if args.lenient { Unused::LeftOut } else { Unused::Refused };
    let (fresh, seed, stored) = (args.fresh.clone(), args.seed, args.stored());
    let assembly = Assembly::plan(Request { config, sources, fresh, seed, stored, unused });
    let (assembly, tokenizer) = match (assembly, tokenizer) {
        (Ok(assembly), Ok(tokenizer)) => (assembly, tokenizer),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => return Err(error.into()),
        (Err(of_files), Err(of_tokenizer)) => {
            return Err(Failure::bad_input(format!("{of_files}\n{of_tokenizer}")));
        }
    };
    let report = assembly.report(&tokenizer.added);
    let tensors = assembly.tensors();
    if let Some(out) = args.out.as_deref().filter(|_| !args.dry_run) {
        write(&assembly, &tensors, &tokenizer.json, out)?;
        stream::print(&text(&report, "made", &format!(" {}", out.display()), &tensors))?;
    } else {
        let told = text(&report, "would make", "", &tensors);
        stream::print(&format!("{told}headers were compared; values are read by the import\n"))?;
    }
    for warning in &report.warnings {
        stream::tell(&format!("warning: {}", terminal::harmless(warning)));
    }
    Ok(())
}

fn sources(args: &ModelImportArgs) -> Result<Vec<Source>, Failure> {
    let known = NameMap::built_in();
    let chosen = args.map.as_deref().map(maps::read).transpose()?;
    let copies = if args.allow_copies { Copies::Allowed } else { Copies::Never };
    let files = args.files();
    let has_whole = files.iter().any(|file| file.role == Role::Whole);
    let open = |file: &Brought<'_>| -> Result<Source, ImportError> {
        let chosen = chosen.as_ref().filter(|_| !has_whole || file.role == Role::Whole);
        let source = Source::open(file.role, file.path, Maps { known: &known, chosen, copies })?;
        // A snapshot of the hub's cache bears the name of a commit, not that of the model.
        Ok(source.stated(origin_of(file.path), file.licence.map(str::to_owned)))
    };
    let (mut sources, mut wrong) = (Vec::new(), Vec::new());
    let is_same = |a: &ImportError, b: &ImportError| a.to_string() == b.to_string();
    for opened in files.iter().map(open) {
        match opened {
            Ok(source) => sources.push(source),
            // A file that is brought in for two modules is told once.
            Err(error) if wrong.iter().any(|other| is_same(other, &error)) => {}
            Err(error) => wrong.push(error),
        }
    }
    match (wrong.pop(), wrong.as_slice()) {
        (None, _) => Ok(sources),
        (Some(error), []) => Err(error.into()),
        (Some(last), others) => {
            let all = others.iter().chain([&last]).map(|error| format!("\n  {error}"));
            let told: String = all.collect();
            Err(Failure::bad_input(format!("several files cannot be used:{told}")))
        }
    }
}

fn write(
    assembly: &Assembly,
    tensors: &[StoredTensor],
    tokenizer: &str,
    out: &Path,
) -> Result<(), Failure> {
    let total: usize = tensors.iter().map(StoredTensor::bytes).sum();
    let (bar, number, stop) = (bytes_bar(total as u64), Cell::new(0), stop_flag());
    let written = assembly.write(out, tokenizer, |tensor| {
        if stop.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        number.set(number.get() + 1);
        bar.set_message(format!("{}/{} {}", number.get(), tensors.len(), tensor.name));
        bar.inc(tensor.bytes() as u64);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    Ok(written?)
}

/// What comes from where.
fn text(report: &Report, verb: &str, folder: &str, tensors: &[StoredTensor]) -> String {
    let modules = |modules: &std::collections::BTreeMap<String, usize>| {
        let parts: Vec<String> =
            modules.iter().map(|(module, tensors)| format!("{module} {tensors}")).collect();
        parts.join(", ")
    };
    let mut text = String::new();
    for brought in &report.brought {
        let _ = writeln!(text, "{}", terminal::harmless(&brought.file));
        let guess = if brought.certain { "" } else { " (a guess)" };
        let _ = writeln!(text, "  {:8}{}{guess}", "is", brought.family);
        let _ = writeln!(text, "  {:8}{}", "brings", modules(&brought.modules));
        if brought.left > 0 {
            let _ = writeln!(text, "  {:8}{} tensors", "leaves", brought.left);
        }
    }
    if !report.fresh.is_empty() {
        let _ = writeln!(text, "untrained\n  {:8}{}", "", modules(&report.fresh));
    }
    let bytes: usize = tensors.iter().map(StoredTensor::bytes).sum();
    let _ = writeln!(
        text,
        "{verb}{}: {} parameters in {} tensors, {}",
        terminal::harmless(folder),
        HumanCount(report.parameters),
        HumanCount(tensors.len() as u64),
        DecimalBytes(bytes as u64),
    );
    text
}
