use crate::PairModel;

/// The model that is shown.
pub struct AskedModel<'a> {
    /// What answers.
    pub model: &'a mut dyn PairModel,
    /// Its name.
    pub name: String,
    /// What its readers must know, if there is such a thing.
    pub notice: Option<String>,
}
