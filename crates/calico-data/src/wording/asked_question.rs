/// A question with the names of its templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedQuestion {
    /// A line that shows the images, and a line that asks.
    pub text: String,
    /// Id of the sentence that shows the images: `P1`.
    pub prefix: String,
    /// Id of the question: `CP3`.
    pub question: String,
}
