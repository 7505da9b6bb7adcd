use std::collections::{BTreeSet, HashMap};

use crate::{EvalError, TextEncoder};

/// How many embeddings are remembered; a set of labels is far smaller, and a hostile file must
/// not fill the memory.
const REMEMBERED: usize = 1 << 16;

/// Cosines of labels, with each distinct label embedded once.
pub(crate) struct TextSimilarity<'a> {
    encoder: &'a dyn TextEncoder,
    known: HashMap<String, Vec<f32>>,
}

impl<'a> TextSimilarity<'a> {
    pub(crate) fn new(encoder: &'a dyn TextEncoder) -> Self {
        Self { encoder, known: HashMap::new() }
    }

    /// Embeds those of the labels that are new, all at once; [`cosine`](Self::cosine) then knows
    /// all of them.
    pub(crate) fn learn<'t>(
        &mut self,
        labels: impl IntoIterator<Item = &'t str>,
    ) -> Result<(), EvalError> {
        let labels: BTreeSet<&str> = labels.into_iter().collect();
        if self.known.len() + labels.len() > REMEMBERED {
            self.known.clear();
        }
        let fresh: Vec<&str> =
            labels.into_iter().filter(|label| !self.known.contains_key(*label)).collect();
        if fresh.is_empty() {
            return Ok(());
        }
        let vectors = self.encoder.embed(&fresh).map_err(EvalError::Encoder)?;
        let length = vectors.first().map_or(0, Vec::len);
        let is_sound = vectors.len() == fresh.len()
            && vectors.iter().all(|vector| vector.len() == length)
            && vectors.iter().flatten().all(|number| number.is_finite());
        if !is_sound {
            return Err(EvalError::Embeddings { texts: fresh.len(), vectors: vectors.len() });
        }
        self.known.extend(fresh.into_iter().map(str::to_owned).zip(vectors));
        Ok(())
    }

    /// The cosine of two learnt labels, −1 to 1; 0 where a vector is zero or not known.
    pub(crate) fn cosine(&self, a: &str, b: &str) -> f64 {
        let (Some(a), Some(b)) = (self.known.get(a), self.known.get(b)) else { return 0.0 };
        let product = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        let lengths = (product(a, a) * product(b, b)).sqrt();
        if lengths > 0.0 { (product(a, b) / lengths).clamp(-1.0, 1.0) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::EncoderError;

    /// Letters counted: `a`, `b`, others; remembers what it was asked.
    #[derive(Default)]
    struct Letters(RefCell<Vec<String>>);

    impl TextEncoder for Letters {
        fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
            self.0.borrow_mut().extend(texts.iter().map(|&text| text.to_owned()));
            let count = |text: &str, letter| text.matches(letter).count() as f32;
            Ok(texts.iter().map(|text| vec![count(text, 'a'), count(text, 'b')]).collect())
        }
    }

    #[test]
    fn each_label_is_embedded_once() {
        let encoder = Letters::default();
        let mut similarity = TextSimilarity::new(&encoder);
        similarity.learn(["ab", "a", "ab"]).unwrap();
        similarity.learn(["b", "a"]).unwrap();
        assert_eq!(*encoder.0.borrow(), ["a", "ab", "b"]);
        assert!((similarity.cosine("ab", "a") - 0.5_f64.sqrt()).abs() < 1e-12);
        assert!(similarity.cosine("a", "b").abs() < 1e-12);
    }

    #[test]
    fn a_label_without_direction_is_like_nothing() {
        let encoder = Letters::default();
        let mut similarity = TextSimilarity::new(&encoder);
        similarity.learn(["", "a"]).unwrap();
        assert!(similarity.cosine("", "a") == 0.0 && similarity.cosine("", "") == 0.0);
    }

    #[test]
    fn embeddings_that_do_not_fit_are_refused() {
        struct Broken(Vec<Vec<f32>>);
        impl TextEncoder for Broken {
            fn embed(&self, _: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
                Ok(self.0.clone())
            }
        }
        for vectors in [vec![], vec![vec![1.0], vec![1.0, 2.0]], vec![vec![1.0], vec![f32::NAN]]] {
            let encoder = Broken(vectors);
            let error = TextSimilarity::new(&encoder).learn(["a", "b"]);
            assert!(matches!(error, Err(EvalError::Embeddings { texts: 2, .. })));
        }
    }
}
