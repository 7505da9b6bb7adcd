//! The baselines of `--baselines`.

use std::path::Path;

use calico_eval::baselines::{
    Baseline, BaselineName, Basis, FixedAnswers, PARTNER_SEED, PartnerReplaced, nearest_colour,
    text_only,
};
use calico_eval::{EvalError, Scorer, Truths};

use super::exam::Examinee;
use super::predict::Exam;
use super::score::{evaluate, options};
use crate::args::ScoreArgs;
use crate::failure::Failure;

/// The name of the answers to replaced partners in the output folder.
const PARTNER_REPLACED: &str = "partner_replaced.jsonl";

/// The model to ask about replaced partners, its name, and the folder for what it says.
pub(super) struct Asked<'a> {
    pub(super) model: &'a mut Examinee,
    pub(super) name: &'a str,
    pub(super) out: &'a Path,
}

/// Scores all baselines that there can be, and tells in words which there cannot: without a model
/// to ask, or without another class to show, no partner is replaced.
pub(super) fn baselines(
    args: &ScoreArgs,
    exam: &Exam<'_>,
    truths: &Truths,
    scorer: &mut Scorer<'_>,
    asked: Option<Asked<'_>>,
) -> Result<(Vec<Baseline>, Vec<String>), Failure> {
    let basis = Basis::read(exam.dataset, exam.split, truths)?;
    let answers = FixedAnswers::fit(&basis, options(args).objects);
    let guesses = text_only(&answers, truths)?;
    let name = BaselineName::TextOnly;
    let mut guesser = Baseline::of_predictions(name, answers.reading(), &guesses, truths, scorer)?;
    guesser.answers = Some(answers.labels());
    let mut rows = vec![guesser];
    let replaced = match asked {
        Some(asked) => partner_replaced(exam, truths, scorer, asked)?,
        None => Err("it needs a model to ask, so leave out --predictions".to_owned()),
    };
    let mut absent = Vec::new();
    match replaced {
        Ok(row) => rows.push(row),
        Err(reason) => absent.push(format!("no baseline with replaced partners: {reason}")),
    }
    let (predictions, reading) = nearest_colour(exam.dataset, exam.split, truths, &basis)?;
    let name = BaselineName::NearestColour;
    rows.push(Baseline::of_predictions(name, reading, &predictions, truths, scorer)?);
    Ok((rows, absent))
}

/// The row, or why there can be none.
fn partner_replaced(
    exam: &Exam<'_>,
    truths: &Truths,
    scorer: &mut Scorer<'_>,
    asked: Asked<'_>,
) -> Result<Result<Baseline, String>, Failure> {
    let Asked { model, name, out } = asked;
    let model = PartnerReplaced::new(model, exam.dataset, exam.split, truths, PARTNER_SEED);
    let mut model = match model {
        Ok(model) => model,
        Err(error @ EvalError::NoOtherPartner { .. }) => return Ok(Err(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    let path = out.join(PARTNER_REPLACED);
    let name = format!("{name}, partner replaced with seed {PARTNER_SEED}");
    exam.answer(&mut model, name, &path)?;
    let evaluation = evaluate(&path, truths, scorer, 0)?;
    let reading = PartnerReplaced::reading(PARTNER_SEED);
    let name = BaselineName::PartnerReplaced;
    Ok(Ok(Baseline::of_evaluation(name, reading, &evaluation, scorer)))
}
