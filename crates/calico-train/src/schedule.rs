//! The learning rate of each optimiser step.

use crate::recipe::{Decay, StageConfig};

/// The rate of optimiser step `step`, counted from 1 within its stage.
///
/// It rises in a straight line from 0, which is before the first step, to the highest rate at
/// step `warmup`, and then falls to the final rate, which is behind the last step: every step
/// moves something (`WarmupDecayLR` of `DeepSpeed`, as GLaMM uses it).
pub fn learning_rate(stage: &StageConfig, step: u64) -> f64 {
    let highest = stage.learning_rate;
    if step < stage.warmup {
        return highest * step as f64 / stage.warmup as f64;
    }
    let highest_at = stage.warmup.max(1);
    let falling = (stage.steps + 1).saturating_sub(highest_at).max(1);
    let gone = step.saturating_sub(highest_at).min(falling) as f64 / falling as f64;
    let left = match stage.decay {
        Decay::Constant => 1.0,
        Decay::Linear => 1.0 - gone,
        Decay::Cosine => f64::midpoint(1.0, (std::f64::consts::PI * gone).cos()),
    };
    highest * (stage.final_rate + (1.0 - stage.final_rate) * left)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "rounded values")]
mod tests {
    use super::*;
    use crate::recipe::Objective;

    fn stage(decay: Decay, final_rate: f64) -> StageConfig {
        StageConfig {
            name: "s".into(),
            objective: Objective::Grounding,
            train: vec!["*".into()],
            freeze: Vec::new(),
            steps: 9,
            batch: 1,
            accumulate: 1,
            together: 1,
            learning_rate: 1.0,
            warmup: 2,
            decay,
            final_rate,
            lora_dropout: 0.0,
            recompute: false,
        }
    }

    fn rates(stage: &StageConfig) -> Vec<f64> {
        (1..=9).map(|step| (learning_rate(stage, step) * 1e4).round() / 1e4).collect()
    }

    #[test]
    fn the_rate_rises_and_then_falls_in_a_straight_line() {
        let expected = [0.5, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125];
        assert_eq!(rates(&stage(Decay::Linear, 0.0)), expected);
    }

    #[test]
    fn the_rate_ends_where_it_should() {
        assert_eq!(rates(&stage(Decay::Constant, 0.0))[8], 1.0);
        let cosine = StageConfig { steps: 10, ..stage(Decay::Cosine, 0.1) };
        assert!((learning_rate(&cosine, 11) - 0.1).abs() < 1e-9);
        let cosine = rates(&stage(Decay::Cosine, 0.1));
        assert_eq!((cosine[1], cosine[5]), (1.0, 0.55));
        assert!(cosine.windows(2).skip(1).all(|pair| pair[0] > pair[1]));
    }

    #[test]
    fn a_stage_of_warm_up_alone_ends_at_the_highest_rate() {
        let stage = StageConfig { warmup: 9, ..stage(Decay::Linear, 0.0) };
        assert_eq!(rates(&stage)[8], 1.0);
    }

    #[test]
    fn a_single_step_is_made_at_the_highest_rate() {
        let stage = StageConfig { steps: 1, warmup: 0, ..stage(Decay::Linear, 0.0) };
        assert_eq!(learning_rate(&stage, 1), 1.0);
    }
}
