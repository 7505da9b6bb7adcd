use std::fmt;

use serde::{Serialize, Serializer};

/// Who drew a region, spelled in files as [`name`](Self::name) says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A person, or a data set that is taken for the truth.
    #[default]
    Human,
    /// A model.
    Prediction,
}

impl Origin {
    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Prediction => "prediction",
        }
    }

    /// The origin of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Human, Self::Prediction].into_iter().find(|origin| origin.name() == name)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
