use serde::{Deserialize, Serialize};

/// A part of a training: what learns, from what, for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageConfig {
    /// What the stage is called.
    pub name: String,
    /// What is learnt.
    #[serde(default)]
    pub objective: Objective,
    /// Which tensors learn: names, or beginnings of names that end before a dot; `*` for all.
    pub train: Vec<String>,
    /// Which of them stay as they are after all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<String>,
    /// Optimiser steps.
    pub steps: u64,
    /// Samples that are read together.
    #[serde(default = "two")]
    pub batch: usize,
    /// Batches whose gradients are averaged before the optimiser moves.
    #[serde(default = "ten")]
    pub accumulate: usize,
    /// How many of these batches are computed at once, each on threads of its own; a divisor of
    /// `accumulate`. It changes no bit of what is computed.
    ///
    /// 0 is written nowhere and no number to train with: so it stands in digests, which are the
    /// same for every number.
    #[serde(default = "one", skip_serializing_if = "is_zero")]
    pub together: usize,
    /// Highest learning rate.
    #[serde(default = "published_rate")]
    pub learning_rate: f64,
    /// Optimiser steps in which the rate rises from 0 to the highest.
    #[serde(default = "hundred")]
    pub warmup: u64,
    /// How the rate falls after that.
    #[serde(default)]
    pub decay: Decay,
    /// The rate at the end, as a share of the highest.
    #[serde(default)]
    pub final_rate: f64,
    /// Dropout before the low-rank updates.
    #[serde(default)]
    pub lora_dropout: f64,
    /// Whether the layers of the language model are computed again in the backward pass instead
    /// of being kept.
    #[serde(default)]
    pub recompute: bool,
}

/// What is learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// To answer questions about groups of images in words and masks.
    #[default]
    Grounding,
    /// To tell the label of each patch of single images: teaches encoders that know nothing yet.
    Labels,
    /// To draw the mask of a label from a prompt of it that is learnt, too: teaches SAM before any
    /// word is known.
    LabelMasks,
}

/// How the learning rate falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// In a straight line (GLaMM, LISA).
    #[default]
    Linear,
    /// Along half a cosine.
    Cosine,
    /// Not at all.
    Constant,
}

impl StageConfig {
    /// Whether the tensor `name` learns in this stage.
    pub fn trains(&self, name: &str) -> bool {
        let listed = |list: &[String]| list.iter().any(|pattern| Self::fits(pattern, name));
        listed(&self.train) && !listed(&self.freeze)
    }

    /// Whether `pattern` is `name`, or ends where a part of it does.
    pub fn fits(pattern: &str, name: &str) -> bool {
        let ends = |rest: &str| rest.is_empty() || rest.starts_with('.') || pattern.ends_with('.');
        pattern == "*" || name.strip_prefix(pattern).is_some_and(ends)
    }
}

fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

fn two() -> usize {
    2
}

fn ten() -> usize {
    10
}

fn hundred() -> u64 {
    100
}

fn published_rate() -> f64 {
    4e-4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_takes_whole_parts_of_names() {
        for (pattern, name, taken) in [
            ("lora", "lora.layers.0.q.a", true),
            ("sam.decoder", "sam.decoder.iou_token.weight", true),
            ("sam.dec", "sam.decoder.iou_token.weight", false),
            ("query_tokens", "query_tokens", true),
            ("*", "anything", true),
            ("eva.", "eva.cls_token", true),
            ("", "eva.cls_token", false),
        ] {
            assert_eq!(StageConfig::fits(pattern, name), taken, "{pattern} {name}");
        }
    }
}
