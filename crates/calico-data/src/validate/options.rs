/// How a data set is validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidateOptions {
    /// The most findings of a rule that are kept; all are counted.
    pub most_per_rule: usize,
    /// Whether the pictures are looked at.
    pub pictures: PictureRules,
}

impl Default for ValidateOptions {
    fn default() -> Self {
        Self { most_per_rule: 20, pictures: PictureRules::Skip }
    }
}

/// How closely the pictures are looked at; each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum PictureRules {
    /// Not at all.
    #[default]
    Skip,
    /// They are there, and their headers have the size of their records.
    Header,
    /// Their bytes have the hash of their records, where there is one.
    Bytes,
    /// They can be decoded.
    Decode,
}
