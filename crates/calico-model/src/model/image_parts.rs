//! An encoded image as named tensors, and back.

use calico_image::Letterbox;
use calico_vision::qformer::ImageKeysValues;
use candle_core::Tensor;

use super::{Calico, EncodedImage};
use crate::correspondence::VisualSource;

const VISUAL: &str = "visual";
const SAM: &str = "sam";
const TOKENS: &str = "tokens";

/// The keys and the values that a layer of the Q-Former sees.
fn names(layer: usize) -> [String; 2] {
    ["keys", "values"].map(|kind| format!("layers.{layer}.{kind}"))
}

impl EncodedImage {
    /// All tensors, by name.
    pub(crate) fn parts(&self) -> Vec<(String, &Tensor)> {
        let mut parts = vec![(VISUAL.to_owned(), &self.visual), (SAM.to_owned(), &self.sam)];
        match &self.source {
            VisualSource::Asked(keys_values) => {
                for (layer, tensors) in keys_values.tensors().into_iter().enumerate() {
                    parts.extend(names(layer).into_iter().zip(tensors));
                }
            }
            VisualSource::Tokens(tokens) => parts.push((TOKENS.to_owned(), tokens)),
            VisualSource::QueriesOnly => {}
        }
        parts
    }

    /// Bytes of all tensors.
    pub(crate) fn bytes(&self) -> usize {
        let of = |tensor: &Tensor| tensor.elem_count() * tensor.dtype().size_in_bytes();
        self.parts().into_iter().map(|(_, tensor)| of(tensor)).sum()
    }
}

impl Calico {
    /// An encoded image of the parts that it was taken apart into; none if one is missing or has
    /// another shape than this model gives it.
    pub(crate) fn encoded_of_parts(
        &self,
        letterbox: Letterbox,
        part: impl Fn(&str) -> Option<Tensor>,
    ) -> Option<EncodedImage> {
        let of_shape = |name: &str, shape: &[usize]| {
            part(name).filter(|tensor| tensor.dims() == shape)?.to_dtype(self.llm.dtype()).ok()
        };
        let config = &self.config;
        let ([queries, _], tokens) = (config.queries(), config.eva.num_tokens());
        let sam = &config.sam;
        let source = match &self.qformer {
            Some(_) if !config.cem.enabled => VisualSource::QueriesOnly,
            Some(_) => {
                let shape = [1, tokens, config.qformer.width];
                let looking = (0..config.qformer.depth)
                    .filter(|&layer| config.qformer.looks_at_image(layer))
                    .count();
                let layers = (0..looking).map(|layer| {
                    let [keys, values] = names(layer);
                    Some([of_shape(&keys, &shape)?, of_shape(&values, &shape)?])
                });
                let layers = layers.collect::<Option<Vec<_>>>()?;
                VisualSource::Asked(ImageKeysValues::of_tensors(&config.qformer, layers)?)
            }
            None => VisualSource::Tokens(of_shape(TOKENS, &[1, tokens, config.eva.width])?),
        };
        Some(EncodedImage {
            visual: of_shape(VISUAL, &[1, queries, config.llm.width])?,
            source,
            sam: of_shape(SAM, &[1, sam.width, sam.grid(), sam.grid()])?,
            letterbox,
        })
    }
}
