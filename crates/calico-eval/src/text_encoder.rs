/// What an encoder may answer instead of embeddings.
pub type EncoderError = Box<dyn std::error::Error + Send + Sync>;

/// Turns labels into vectors whose cosines say how alike their meanings are.
///
/// It is asked for each distinct label once and for many at a time; the cosines are taken here.
pub trait TextEncoder {
    /// One vector per text, in order, all of the same length; they need not be normalised.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError>;
}
