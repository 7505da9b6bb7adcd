//! Choosing the next token.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Divides the logits; 0 takes the best token always.
    pub temperature: f64,
    /// Draws from the smallest set of tokens that together reach this probability.
    pub top_p: f64,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 0.0, top_p: 1.0, seed: 0 }
    }
}

/// Why no token can be chosen.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum SamplingError {
    /// A setting is out of range.
    #[error("{name} is {found}; expected {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        found: f64,
        /// The allowed range.
        expected: &'static str,
    },
    /// The model computed something that is not a number.
    #[error("the language model computed a score that is not finite; the weights are damaged")]
    NotFinite,
}

/// A seeded [`Sampling`].
#[derive(Debug, Clone)]
pub struct Sampler {
    sampling: Sampling,
    draws: ChaCha8Rng,
}

impl Sampler {
    /// Checks the settings.
    pub fn new(sampling: Sampling) -> Result<Self, SamplingError> {
        let Sampling { temperature, top_p, seed } = sampling;
        if !(temperature.is_finite() && (0.0..=100.0).contains(&temperature)) {
            let expected = "a number from 0 to 100";
            return Err(SamplingError::Setting {
                name: "temperature",
                found: temperature,
                expected,
            });
        }
        if !(top_p > 0.0 && top_p <= 1.0) {
            let expected = "a number above 0 and at most 1";
            return Err(SamplingError::Setting { name: "top-p", found: top_p, expected });
        }
        Ok(Self { sampling, draws: ChaCha8Rng::seed_from_u64(seed) })
    }

    /// The next token for the scores of all tokens. Equal scores prefer the lower id.
    pub fn choose(&mut self, logits: &[f32]) -> Result<u32, SamplingError> {
        if logits.is_empty() || logits.iter().any(|x| x.is_nan() || *x == f32::INFINITY) {
            return Err(SamplingError::NotFinite);
        }
        if self.sampling.temperature == 0.0 {
            return Ok(best(logits));
        }
        let probabilities = softmax(logits, self.sampling.temperature);
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]).then(a.cmp(&b)));
        let mut kept = 0.0;
        let mut count = 0;
        while count < order.len() && (count == 0 || kept < self.sampling.top_p) {
            kept += probabilities[order[count]];
            count += 1;
        }
        let unit = f64::from(self.draws.next_u32()) / (f64::from(u32::MAX) + 1.0);
        let mut left = unit * kept;
        for &token in &order[..count] {
            left -= probabilities[token];
            if left < 0.0 {
                return Ok(token as u32);
            }
        }
        Ok(order.first().map_or(0, |&token| token as u32))
    }
}

/// The token with the highest score.
fn best(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (token, score) in logits.iter().enumerate() {
        if *score > logits[best] {
            best = token;
        }
    }
    best as u32
}

/// Probabilities of all tokens.
fn softmax(logits: &[f32], temperature: f64) -> Vec<f64> {
    let highest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let exp: Vec<f64> =
        logits.iter().map(|&x| ((f64::from(x) - highest) / temperature).exp()).collect();
    let total: f64 = exp.iter().sum();
    exp.into_iter().map(|x| x / total).collect()
}

/// The probability of `token` under the unscaled scores.
pub fn probability(logits: &[f32], token: u32) -> f64 {
    softmax(logits, 1.0).get(token as usize).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampler(temperature: f64, top_p: f64, seed: u64) -> Sampler {
        Sampler::new(Sampling { temperature, top_p, seed }).unwrap()
    }

    #[test]
    fn zero_temperature_takes_the_best_and_breaks_ties_low() {
        assert_eq!(sampler(0.0, 1.0, 3).choose(&[0.0, 2.0, 2.0, 1.0]), Ok(1));
    }

    #[test]
    fn a_small_nucleus_holds_only_the_best() {
        let mut sampler = sampler(1.0, 0.5, 1);
        for _ in 0..100 {
            assert_eq!(sampler.choose(&[0.0, 3.0, 1.0]), Ok(1));
        }
    }

    #[test]
    fn draws_follow_the_probabilities_and_the_seed() {
        let logits = [0.0, 1.0, 2.0];
        let draw = |seed| {
            let mut sampler = sampler(1.0, 1.0, seed);
            (0..4000).map(|_| sampler.choose(&logits).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(draw(5), draw(5));
        assert_ne!(draw(5), draw(6));
        for (token, wanted) in softmax(&logits, 1.0).into_iter().enumerate() {
            let count = draw(5).iter().filter(|&&t| t as usize == token).count();
            assert!((count as f64 / 4000.0 - wanted).abs() < 0.03, "token {token}: {count}");
        }
    }

    #[test]
    fn bad_settings_and_bad_scores_are_refused() {
        for (temperature, top_p) in [(-1.0, 1.0), (f64::NAN, 1.0), (1.0, 0.0), (1.0, 1.5)] {
            assert!(Sampler::new(Sampling { temperature, top_p, seed: 0 }).is_err());
        }
        assert_eq!(sampler(0.0, 1.0, 0).choose(&[0.0, f32::NAN]), Err(SamplingError::NotFinite));
    }
}
