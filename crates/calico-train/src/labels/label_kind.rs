/// Of what a patch is told the class: of the object that it shows, or of the part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LabelKind {
    /// The object; its parts count as the object.
    Object,
    /// The part; of an object outside of its parts, none.
    Part,
}

impl LabelKind {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Object, Self::Part];

    /// What its heads are called in names of tensors.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Object => "objects",
            Self::Part => "parts",
        }
    }
}
