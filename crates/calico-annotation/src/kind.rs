use std::fmt;

use serde::{Serialize, Serializer};

/// What a region shows, spelled in files as [`name`](Self::name) says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A whole object.
    Object,
    /// A part of an object.
    Part,
    /// A part that the compared objects share.
    CommonPart,
    /// A part that only one of the compared objects has.
    UniquePart,
    /// Anything else.
    #[default]
    Other,
}

impl Kind {
    /// Every kind, in the order in which files list them.
    pub const ALL: [Self; 5] =
        [Self::Object, Self::Part, Self::CommonPart, Self::UniquePart, Self::Other];

    /// The name in files, with underscores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Part => "part",
            Self::CommonPart => "common_part",
            Self::UniquePart => "unique_part",
            Self::Other => "other",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it is a part of an object.
    pub const fn is_part(self) -> bool {
        matches!(self, Self::Part | Self::CommonPart | Self::UniquePart)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_under_its_name() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(Kind::from_name("Part"), None);
    }
}
