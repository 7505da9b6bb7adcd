use std::fs::File;
use std::io::{BufReader, IsTerminal as _};
use std::path::Path;

use calico_data::Dataset;
use calico_eval::baselines::Comparison;
use calico_eval::predictions::DataIdentity;
use calico_eval::report::{self, Pictures, Report};
use calico_eval::{
    Assign, EvalError, EvalOptions, Evaluation, Mode, PartObjects, Scorer, Truths, suite_folder,
};
use calico_result::terminal;

use super::baselines::{Asked, baselines};
use super::encoder::Encoder;
use super::predict::Exam;
use crate::args::{AssignChoice, ModeChoice, ObjectsChoice, ScoreArgs};
use crate::commands::data::with_roots;
use crate::failure::Failure;
use crate::output::Output;
use crate::stream;

/// The name of the predictions in the output folder.
const PREDICTIONS: &str = "predictions.jsonl";

/// The most warnings about pictures that are shown.
const MOST_WARNINGS: usize = 10;

/// How many of the best and of the worst predictions of each sub-task are drawn.
const EXAMPLES: usize = 4;

/// Scores a model, or a predictions file.
pub(crate) fn score(args: &ScoreArgs) -> Result<(), Failure> {
    let dataset = with_roots(open(args)?, &args.root)?;
    // Whatever is wrong with the encoders shows before the long work.
    let sentences = args.sentence_encoder.as_deref().map(Encoder::open).transpose()?;
    let labels = args.bert.as_deref().map(Encoder::open).transpose()?;
    let split = args.split.into();
    let truths = Truths::read(&dataset, split)?;
    let identity = DataIdentity::new(&dataset, split, &truths);
    if let Some(out) = &args.out {
        Output::check(out)?;
    }
    let output = args.out.as_deref().map(Output::create).transpose()?;

    let exam = Exam { dataset: &dataset, split, identity: &identity };
    let (path, mut model) = match (&args.predictions, &output) {
        (Some(path), _) => (path.clone(), None),
        (None, Some(output)) => {
            let (mut model, name) = Exam::examinee(args.model.as_deref())?;
            let path = output.folder.path().join(PREDICTIONS);
            exam.answer(&mut model, name.clone(), &path)?;
            (path, Some((model, name)))
        }
        // The argument parser asks for one of them.
        (None, None) => {
            return Err(Failure::bad_input("expected --out DIR, or --predictions FILE"));
        }
    };
    let mut scorer = Scorer::new(options(args));
    if let Some(encoder) = &labels {
        scorer = scorer.with_label_encoder(encoder);
    }
    if let Some(encoder) = &sentences {
        scorer = scorer.with_sentence_encoder(encoder);
    }
    let evaluation = evaluate(&path, &truths, &mut scorer, EXAMPLES)?;
    let name = model.as_ref().map(|(_, name)| name.clone());
    let mut report = Report::new(&evaluation, &scorer, identity.clone(), name);
    report.suite.clone_from(&args.suite);
    if args.baselines {
        let asked = model.as_mut().zip(output.as_ref()).map(|((model, name), output)| Asked {
            model,
            name,
            out: output.folder.path(),
        });
        let (rows, absent) = baselines(args, &exam, &truths, &mut scorer, asked)?;
        report.baselines = Comparison::new(&report.all, rows);
        report.warnings.extend(absent);
    }
    if let Some(output) = &output {
        let gallery = &evaluation.gallery;
        let (pictures, warnings) = Pictures::of(&dataset, split, gallery, args.embed);
        for warning in warnings.iter().take(MOST_WARNINGS) {
            stream::tell(&format!("warning: {}", terminal::harmless(warning)));
        }
        report::write(&report, gallery, &pictures, &output.folder)?;
    }
    print(args, &report)
}

/// The data set to score: the one that was named, or a suite of it.
fn open(args: &ScoreArgs) -> Result<Dataset, Failure> {
    let missing = || Failure::bad_input("no data set was given; expected --data DIR");
    let folder = args.data.as_deref().ok_or_else(missing)?;
    match &args.suite {
        Some(name) => Ok(Dataset::open(&suite_folder(folder, name)?)?),
        None => Ok(Dataset::open(folder)?),
    }
}

/// Scores a predictions file.
pub(super) fn evaluate(
    path: &Path,
    truths: &Truths,
    scorer: &mut Scorer<'_>,
    examples: usize,
) -> Result<Evaluation, EvalError> {
    let file =
        File::open(path).map_err(|source| EvalError::Read { path: path.to_owned(), source })?;
    Evaluation::of_file(path, BufReader::new(file), truths, scorer, examples)
}

pub(super) fn options(args: &ScoreArgs) -> EvalOptions {
    EvalOptions {
        mode: match args.mode {
            ModeChoice::Glamm => Mode::Glamm,
            ModeChoice::Strict => Mode::Strict,
        },
        assign: match args.assign {
            AssignChoice::Greedy => Assign::Greedy,
            AssignChoice::Hungarian => Assign::Hungarian,
        },
        objects: match args.objects {
            ObjectsChoice::Count => PartObjects::Count,
            ObjectsChoice::SetAside => PartObjects::SetAside,
        },
    }
}

fn print(args: &ScoreArgs, report: &Report) -> Result<(), Failure> {
    if args.json {
        stream::print(&report.to_json()?)?;
    } else {
        stream::print(&report::terminal(report))?;
    }
    if args.json {
        for warning in &report.warnings {
            stream::tell(&format!("warning: {}", terminal::harmless(warning)));
        }
    }
    if let Some(out) = args.out.as_deref().filter(|_| std::io::stderr().is_terminal()) {
        stream::tell(&format!("the scores and their page are in {}", out.display()));
    }
    Ok(())
}
