/// An answer with the name of its template, and the masks in the order of its `[SEG]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenAnswer {
    /// The text, in the grammar of [`answer_text`](crate::answer_text).
    pub text: String,
    /// Id of its template: `CP3`.
    pub template: String,
    /// The numbers of the regions.
    pub slots: Vec<u32>,
    /// The image of each region, from 1.
    pub images: Vec<u8>,
}
