//! A training step of the whole model, as [`Tape`] sees it.
//!
//! Each function here walks through a module as its `forward` does. What differs between the two
//! shows in the tests: arithmetic is compared with [`calico_model::budget`], memory with what a
//! process took.

mod correspondence;
mod language;
mod layers;
mod masks;
mod vision;

use calico_model::CalicoConfig;
use calico_model::correspondence::CemInput;

use super::SampleShape;
use super::tape::{Tape, Value};
use correspondence::{Source, extract, keys_values, pass, queries};
use layers::{Size, copy, linear};

use crate::label_masks::MASKS_PER_PICTURE;
use crate::labels::LabelKind;
use crate::lessons::{LABEL_HEADS, LABEL_PROMPTS};

/// What one batch holds.
#[derive(Debug, Clone)]
pub(super) struct Batch<'a> {
    pub(super) config: &'a CalicoConfig,
    pub(super) shape: SampleShape,
    pub(super) samples: u64,
    /// Objects and parts that a patch can show, for the objective `labels`.
    pub(super) classes: [u64; 2],
    /// Labels with a prompt, and those of a picture, for the objective `label_masks`.
    pub(super) labels: [u64; 2],
    pub(super) recompute: bool,
    pub(super) lora_dropout: f64,
    /// Whether features of frozen encoders are read from disk.
    pub(super) is_cached: bool,
}

impl Batch<'_> {
    /// Images of all samples, of which each is a group.
    pub(super) fn pictures(&self) -> u64 {
        self.samples * self.shape.images as u64
    }

    /// Positions of one sample in the language model.
    pub(super) fn positions(&self) -> u64 {
        let SampleShape { images, text_tokens, answer_tokens, .. } = self.shape;
        (text_tokens + images * self.config.tokens_per_image() + answer_tokens) as u64
    }
}

/// What the encoders say of the pictures of a batch.
struct Features {
    raw: Option<Value>,
    normed: Value,
    semantic: Option<Value>,
    sam: Value,
}

/// The loss of answering questions about groups of images in words and masks.
pub(super) fn grounding<'a>(
    tape: &Tape<'a>,
    batch: &Batch<'a>,
    learns: &dyn Fn(&str) -> bool,
) -> Value {
    let config = batch.config;
    let features = features(tape, batch, learns);
    let pictures = batch.pictures();
    let (visual, source) = relate(tape, batch, &features);
    let positions = batch.positions();
    let embeddings = language::embeddings(tape, batch, &visual, positions);
    drop(visual);
    let states = language::states(tape, batch, embeddings, &source, positions);
    let wide = config.llm.width as u64;

    let answers = batch.samples * (batch.shape.answer_tokens as u64 + 1);
    let predicting = tape.within("llm.", || tape.apply(&[&states], answers * wide));
    let logits = language::logits(tape, config, &predicting);
    let mut losses = vec![tape.within("losses", || {
        // Scores are compared in f32.
        let wide = 4 / tape.width();
        let logits = if wide > 1 { tape.apply(&[&logits], logits.len * wide) } else { logits };
        tape.apply(&[&logits], answers)
    })];

    let count = batch.samples * batch.shape.masks as u64;
    if count > 0 && pictures > 0 {
        let segs = tape.within("llm.", || tape.apply(&[&states], count * wide));
        let prompts = masks::project(tape, config, &segs);
        let embedding = features.sam.len / pictures;
        for picture in 0..pictures {
            // As evenly over the pictures as it goes.
            let own = count / pictures + u64::from(picture < count % pictures);
            let embedding = tape.part(&features.sam, embedding);
            losses.extend(masks::losses(tape, batch, [&prompts, &embedding], own));
        }
    }
    let losses: Vec<&Value> = losses.iter().collect();
    tape.within("losses", || tape.same(&losses, 1))
}

/// Encoders: frozen ones one picture at a time, trained ones all pictures at once. What of them
/// is on disk costs no arithmetic.
fn features(tape: &Tape<'_>, batch: &Batch<'_>, learns: &dyn Fn(&str) -> bool) -> Features {
    let (config, pictures) = (batch.config, batch.pictures());
    let eva_len = pictures * (config.eva.num_tokens() * config.eva.width) as u64;
    let reads_raw = config.uses_dino() && config.cem.input == CemInput::PreLn;
    let (raw, normed) = if learns("eva.") || learns("ln_vision.") {
        let [raw, normed] = vision::eva(tape, config, pictures);
        (reads_raw.then_some(raw), normed)
    } else {
        if !batch.is_cached {
            (0..pictures).for_each(|_| drop(vision::eva(tape, config, 1)));
        }
        // What is kept of it is kept for its reader.
        tape.within("cem.", || (reads_raw.then(|| tape.constant(eva_len)), tape.constant(eva_len)))
    };
    let semantic = config.uses_dino().then(|| {
        if learns("dino.") {
            return vision::dino(tape, config, pictures);
        }
        if !batch.is_cached {
            (0..pictures).for_each(|_| drop(vision::dino(tape, config, 1)));
        }
        let dino = &config.dino;
        let kept = if dino.keep_prefix_tokens { dino.num_prefix_tokens() } else { 0 };
        let tokens = kept + dino.grid().iter().product::<usize>();
        let len = pictures * (tokens * dino.width) as u64;
        tape.within("cem.", || tape.constant(len))
    });
    Features { raw, normed, semantic, sam: sam_features(tape, batch, learns, pictures) }
}

/// What SAM's encoder says of pictures.
fn sam_features(
    tape: &Tape<'_>,
    batch: &Batch<'_>,
    learns: &dyn Fn(&str) -> bool,
    pictures: u64,
) -> Value {
    let config = batch.config;
    if learns("sam.encoder.") {
        return vision::sam(tape, config, pictures);
    }
    if !batch.is_cached {
        (0..pictures).for_each(|_| drop(vision::sam(tape, config, 1)));
    }
    let cells = config.sam.grid() * config.sam.grid();
    let len = pictures * (cells * config.sam.width) as u64;
    tape.within("sam.decoder.", || tape.constant(len))
}

/// The loss of drawing the masks of labels of single images from prompts of a table.
pub(super) fn label_masks<'a>(
    tape: &Tape<'a>,
    batch: &Batch<'a>,
    learns: &dyn Fn(&str) -> bool,
) -> Value {
    let (config, pictures) = (batch.config, batch.samples);
    let sam = sam_features(tape, batch, learns, pictures);
    let (width, [labels, shown]) = (config.sam.width as u64, batch.labels);
    let count = shown.min(MASKS_PER_PICTURE as u64);
    let prompts = tape.within("losses", || {
        let table = tape.trained(LABEL_PROMPTS, labels * width);
        tape.apply(&table.iter().collect::<Vec<_>>(), pictures * count * width)
    });
    let mut losses = Vec::new();
    for _ in 0..pictures {
        let embedding = tape.part(&sam, sam.len / pictures.max(1));
        losses.extend(masks::losses(tape, batch, [&prompts, &embedding], count));
    }
    let losses: Vec<&Value> = losses.iter().collect();
    tape.within("losses", || tape.same(&losses, 1))
}

/// The loss of telling the label of each patch of single images: every encoder that learns runs
/// on its own, with a linear layer to classes.
pub(super) fn labels(tape: &Tape<'_>, batch: &Batch<'_>, learns: &dyn Fn(&str) -> bool) -> Value {
    let (config, pictures) = (batch.config, batch.samples);
    let mut losses = Vec::new();
    if learns("eva.") || learns("ln_vision.") {
        let [_, tokens] = vision::eva(tape, config, pictures);
        let patches = config.eva.grid() * config.eva.grid();
        losses.extend(label_losses(tape, batch, ("eva", patches, config.eva.width), &tokens));
    }
    if config.uses_dino() && learns("dino.") {
        let tokens = vision::dino(tape, config, pictures);
        let patches = config.dino.grid().iter().product();
        losses.extend(label_losses(tape, batch, ("dino", patches, config.dino.width), &tokens));
    }
    if learns("sam.encoder.") {
        let tokens = vision::sam(tape, config, pictures);
        let patches = config.sam.grid() * config.sam.grid();
        losses.extend(label_losses(tape, batch, ("sam", patches, config.sam.width), &tokens));
    }
    let losses: Vec<&Value> = losses.iter().collect();
    tape.within("losses", || tape.same(&losses, 1))
}

/// For objects and for parts: scores of all classes at every patch, in f32, and the shares of the
/// classes there.
fn label_losses(
    tape: &Tape<'_>,
    batch: &Batch<'_>,
    (name, patches, width): (&str, usize, usize),
    tokens: &Value,
) -> Vec<Value> {
    let rows = batch.samples * patches as u64;
    let tokens = tape.within("losses", || {
        let tokens = tape.part(tokens, rows * width as u64);
        copy(tape, &tokens)
    });
    let loss = |(kind, classes): (LabelKind, u64)| {
        let at = format!("{LABEL_HEADS}{name}.{}", kind.name());
        let logits = linear(tape, &at, &tokens, Size::new(width, classes as usize));
        let wide = 4 / tape.width();
        let logits = if wide > 1 { tape.apply(&[&logits], logits.len * wide) } else { logits };
        // First picture by picture, then together.
        let shares = tape.constant_of(logits.len, 4);
        drop(tape.constant_of(logits.len, 4));
        tape.apply(&[&logits, &shares], 1)
    };
    let kinds = LabelKind::ALL.into_iter().zip(batch.classes).filter(|(_, classes)| *classes > 1);
    tape.within("losses", || kinds.map(loss).collect())
}

/// The first look at the images, and what the adapters will see of them.
fn relate(tape: &Tape<'_>, batch: &Batch<'_>, features: &Features) -> (Value, Source) {
    let (config, pictures) = (batch.config, batch.pictures());
    let [_, width] = config.queries();
    let first = if config.qformer.enabled {
        let seen = keys_values(tape, config, &features.normed);
        pass(tape, config, &queries(tape, config), &seen, pictures)
    } else {
        features.normed.clone()
    };
    let visual = tape
        .within("f_image.", || linear(tape, "f_image", &first, Size::new(width, config.llm.width)));
    drop(first);
    let extracted = || match &features.semantic {
        Some(semantic) => {
            let global = features.raw.as_ref().unwrap_or(&features.normed);
            extract(tape, config, [global, semantic], pictures)
        }
        None => features.normed.clone(),
    };
    let source = match (config.qformer.enabled, config.cem.enabled) {
        (true, false) => Source::Queries,
        (true, true) => Source::Asked(keys_values(tape, config, &extracted())),
        (false, _) => Source::Tokens(extracted()),
    };
    (visual, source)
}
