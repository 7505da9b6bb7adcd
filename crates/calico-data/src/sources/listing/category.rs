use serde::Deserialize;

/// A category record.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CocoCategory {
    /// The id that the annotations use.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Own data: the word for answers, where it differs from the name.
    #[serde(default)]
    pub label: Option<String>,
}
