//! Writes into a folder what a made-up run of 3000 steps would: metrics, event files of a run
//! that was resumed after step 1500, curves and the report. For looking at, and for
//! `tools/roundtrip/tensorboard_events.py`.

use std::error::Error;
use std::path::PathBuf;

use calico_image::{Frame, Mask, Size};
use calico_result::{
    Answer, ImageEntry, Model, Role, Scores, Segment, SegmentOrigin, Segmentation, Task,
    create_output_folder,
};
use calico_train::watch::report::{self, ReportInput, SamplePicture};
use calico_train::watch::{
    EventFile, METRICS_NAME, MetricsFile, MetricsRow, TrainRow, ValidationRow, samples,
};

const STEPS: u64 = 3000;
const DENSE_STEPS: u64 = 900;
const RESUMED_AFTER: u64 = 1500;

fn main() -> Result<(), Box<dyn Error>> {
    let path = PathBuf::from(std::env::args().nth(1).ok_or("expected the name of a folder")?);
    let folder = create_output_folder(&path)?;
    let rows = rows();
    let mut metrics = MetricsFile::open_at(&path.join(METRICS_NAME), 0)?;
    rows.iter().try_for_each(|row| metrics.append(row))?;
    metrics.sync()?;

    let png = samples::draw_prediction(&result(0.3), &result(0.0), &frames()?)?;
    let picture = PathBuf::from("samples").join("step3000_1.png");
    folder.subfolder("samples")?.write("step3000_1.png", &png)?;
    let time = |step: u64| 1_700_000_000.0 + step as f64;
    let events = path.join("tensorboard");
    let mut first = EventFile::create(&events, "example", time(0))?;
    // The run that is stopped gets 100 steps further, with other numbers.
    for row in rows.iter().filter(|row| row.step() <= RESUMED_AFTER) {
        first.row(time(row.step()), row)?;
    }
    for step in RESUMED_AFTER + 1..=RESUMED_AFTER + 100 {
        first.scalars(time(step), step, &[("train/loss", 99.0)])?;
    }
    first.sync()?;
    let later = 200;
    let mut second =
        EventFile::resume(&events, "example", time(RESUMED_AFTER + later), RESUMED_AFTER + 1)?;
    for row in rows.iter().filter(|row| row.step() > RESUMED_AFTER) {
        second.row(time(row.step() + later), row)?;
    }
    second.image(time(STEPS + later), STEPS, "samples/1", &png)?;
    second.sync()?;

    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let caption = samples::caption(&result(0.3), &result(0.0));
    report::write(
        &path,
        &ReportInput {
            title: "A made-up run",
            recipe_toml: "name = \"made up\"\n\n[[stage]]\nname = \"dense\"\nsteps = 900\n",
            summary: vec![
                fact("model", "tiny"),
                fact("steps", "3,000 of 3,000"),
                fact("best", "miou 61.2 at step 2,750"),
            ],
            rows: &rows,
            samples: vec![SamplePicture { step: STEPS, caption, file: picture }],
        },
    )?;
    Ok(())
}

/// Two stages, with a validation every 250 steps of the second.
fn rows() -> Vec<MetricsRow> {
    let mut rows = Vec::new();
    for step in 1..=STEPS {
        let is_dense = step <= DENSE_STEPS;
        let own = if is_dense { step } else { step - DENSE_STEPS };
        let falling = (-(own as f64) / 350.0).exp();
        let part = |start: f64, end: f64, salt: u64| {
            (end + (start - end) * falling) * (0.75 + 0.5 * noise(step, salt))
        };
        let text = part(6.0, 0.9, 1);
        let (mask, dice) = (part(0.9, 0.35, 2), part(0.98, 0.5, 3));
        let labels = part(3.4, 1.1, 4);
        let stage = if is_dense { "dense" } else { "joint" }.to_owned();
        let joint = |value: f64| (!is_dense).then_some(value);
        let warm = (own as f64 / 100.0).min(1.0);
        let share = own as f64 / if is_dense { DENSE_STEPS } else { STEPS - DENSE_STEPS } as f64;
        rows.push(MetricsRow::Train(TrainRow {
            stage: stage.clone(),
            step,
            epoch: own as f64 / 500.0,
            loss: if is_dense { labels } else { text + 2.0 * mask + 0.5 * dice },
            text_loss: joint(text),
            mask_loss: joint(mask),
            dice_loss: joint(dice),
            iou_loss: None,
            label_loss: is_dense.then_some(labels),
            label_prompt_loss: None,
            gradient_norm: part(12.0, 0.6, 5) * (1.0 + 3.0 * noise(step, 6).powi(8)),
            learning_rate: 4e-4 * warm * (1.0 - share),
            tokens: 900,
            masks: 12,
            samples: 8,
        }));
        if !is_dense && step % 250 == 0 {
            rows.push(validation(stage, step, 1.0 - falling));
        }
    }
    rows
}

fn validation(stage: String, step: u64, learned: f64) -> MetricsRow {
    let mut scores = std::collections::BTreeMap::new();
    for (at, name) in ["ap50", "miou", "recall", "ss", "s_iou"].into_iter().enumerate() {
        for (of, group) in
            ["", "common_objects/", "common_parts/", "unique_parts/"].iter().enumerate()
        {
            let best = 70.0 - 6.0 * at as f64 - 8.0 * of as f64;
            let score = best * learned * (0.95 + 0.1 * noise(step, (7 + at * 4 + of) as u64));
            scores.insert(format!("{group}{name}"), score);
        }
    }
    MetricsRow::Validation(ValidationRow { stage, step, pairs: 200, scores })
}

/// A number from 0 to 1 that looks like chance.
fn noise(step: u64, salt: u64) -> f64 {
    let mut bits = (step << 8 | salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (bits >> 40) as f64 / f64::from(1 << 24)
}

const SIDE: u32 = 240;

fn frames() -> Result<Vec<Frame>, Box<dyn Error>> {
    let frame = |shade: u32| {
        let value = |at: u32| (90 + at % SIDE * shade / SIDE) as u8;
        let pixels = (0..SIDE * SIDE).flat_map(|at| [value(at), value(at / SIDE), 120]).collect();
        Frame::new(Size::new(SIDE, SIDE), pixels)
    };
    Ok(vec![frame(90)?, frame(150)?])
}

/// A disc with a lid in each image, moved to the right by a share of its radius.
fn result(moved: f64) -> Segmentation {
    let size = Size::new(SIDE, SIDE);
    let name = |index: u32| format!("{index}.png");
    let entry = |index| ImageEntry::new(index, name(index).as_ref(), size);
    let model = Model { name: "made-up".to_owned(), preset: None };
    let mut result = Segmentation::new(model, vec![entry(1), entry(2)]);
    let disc = |from_row: u32, to_row: u32| {
        let inside = |at: u32| {
            let (row, column) = (at / SIDE, at % SIDE);
            let (y, x) = (f64::from(row) - 120.0, f64::from(column) - 120.0 - 80.0 * moved);
            (from_row..to_row).contains(&row) && x.hypot(y) < 80.0
        };
        Mask::new(size, (0..SIDE * SIDE).map(inside).collect())
            .unwrap_or_else(|_| Mask::empty(size))
    };
    let mut segments = Vec::new();
    for (group, phrase, rows) in [(1, "the body", (90, 240)), (2, "the lid", (0, 90))] {
        for image in [1, 2] {
            let id = segments.len() as u32 + 1;
            let phrase = phrase.to_owned();
            let role = Role::CommonPart;
            let origin = SegmentOrigin { id, phrase, image, role, group, parent: None };
            segments.push(Segment::new(
                origin,
                &disc(rows.0, rows.1),
                Scores::new(None, None, 0.9),
            ));
        }
    }
    let text = "Both have <p> the body </p> [SEG] (IMAGE1) [SEG] (IMAGE2) and \
                <p> the lid </p> [SEG] (IMAGE1) [SEG] (IMAGE2).";
    let question = "Which parts do the objects of these images have in common?";
    result.answers.push(Answer::new(Some(Task::CommonParts), question, text, segments));
    result
}
