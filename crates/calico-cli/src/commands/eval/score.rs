use std::fs::File;
use std::io::{BufReader, IsTerminal as _};
use std::path::{Path, PathBuf};

use calico_data::Dataset;
use calico_eval::predictions::{DataIdentity, Header};
use calico_eval::report::{self, Pictures, Report};
use calico_eval::{
    Assign, EvalError, EvalOptions, Evaluation, Mode, PartObjects, Predictor, Scorer, Truths,
};
use calico_model::SegmentOptions;
use calico_result::terminal;

use super::encoder::Encoder;
use super::exam::{Examinee, Watcher};
use crate::args::{AssignChoice, ModeChoice, ObjectsChoice, ScoreArgs};
use crate::commands::data::with_roots;
use crate::commands::segment::Source;
use crate::failure::Failure;
use crate::output::Output;
use crate::stream;
use crate::watching::{StageBar, stop_flag};

/// The name of the predictions in the output folder.
const PREDICTIONS: &str = "predictions.jsonl";

/// Pairs that a model may fail on before the run ends.
const MOST_FAILURES: usize = 20;

/// The most warnings about pictures that are shown.
const MOST_WARNINGS: usize = 10;

/// How many of the best and of the worst predictions of each sub-task are drawn.
const EXAMPLES: usize = 4;

/// Scores a model, or a predictions file.
pub(crate) fn score(args: &ScoreArgs) -> Result<(), Failure> {
    let missing = || Failure::bad_input("no data set was given; expected --data DIR");
    let dataset = Dataset::open(args.data.as_deref().ok_or_else(missing)?)?;
    let dataset = with_roots(dataset, &args.root)?;
    // Whatever is wrong with the encoders shows before the long work.
    let sentences = args.sentence_encoder.as_deref().map(Encoder::open).transpose()?;
    let labels = args.bert.as_deref().map(Encoder::open).transpose()?;
    let truths = Truths::read(&dataset, args.split.into())?;
    let identity = DataIdentity::new(&dataset, args.split.into(), &truths);
    if let Some(out) = &args.out {
        Output::check(out)?;
    }
    let output = args.out.as_deref().map(Output::create).transpose()?;

    let (path, model) = match (&args.predictions, &args.model, &output) {
        (Some(path), ..) => (path.clone(), None),
        (None, Some(model), Some(output)) => {
            predict(args, &dataset, model, &output.folder.path().join(PREDICTIONS), &identity)?
        }
        // The argument parser asks for one of them.
        _ => {
            return Err(Failure::bad_input(
                "expected --model DIR with --out, or --predictions FILE",
            ));
        }
    };
    let mut scorer = Scorer::new(options(args));
    if let Some(encoder) = &labels {
        scorer = scorer.with_label_encoder(encoder);
    }
    if let Some(encoder) = &sentences {
        scorer = scorer.with_sentence_encoder(encoder);
    }
    let file =
        File::open(&path).map_err(|source| EvalError::Read { path: path.clone(), source })?;
    let from = BufReader::new(file);
    let evaluation = Evaluation::of_file(&path, from, &truths, &mut scorer, EXAMPLES)?;
    let report = Report::new(&evaluation, &scorer, identity, model);
    if let Some(output) = &output {
        let gallery = &evaluation.gallery;
        let (pictures, warnings) = Pictures::of(&dataset, args.split.into(), gallery, args.embed);
        for warning in warnings.iter().take(MOST_WARNINGS) {
            stream::tell(&format!("warning: {}", terminal::harmless(warning)));
        }
        report::write(&report, gallery, &pictures, &output.folder)?;
    }
    print(args, &report)
}

fn options(args: &ScoreArgs) -> EvalOptions {
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

/// Lets a model answer what it has not answered yet; returns the file of its predictions, and
/// its name.
fn predict(
    args: &ScoreArgs,
    dataset: &Dataset,
    model: &Path,
    out: &Path,
    identity: &DataIdentity,
) -> Result<(PathBuf, Option<String>), Failure> {
    let segmenter = Source::open(model)?.load()?;
    let name = segmenter.identity().name.clone();
    let header = Header::new(Some(name.clone()), Some(identity.clone()));
    let split = args.split.into();
    let predictor = Predictor { dataset, split, header, most_failures: MOST_FAILURES };
    let mut model = Examinee { segmenter, options: SegmentOptions::default() };
    let bar = StageBar::new();
    let answered = predictor.run(out, &mut model, &mut Watcher(&bar), stop_flag());
    bar.finish();
    let progress = answered?;
    if !progress.is_complete() {
        return Err(Failure::found(format!(
            "stopped after {} of {} questions; run the same command again to go on",
            progress.done, progress.total
        )));
    }
    Ok((out.to_owned(), Some(name)))
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
