use std::fmt;

/// A test of one ability, a data set of its own below `suites/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    /// One picture with two objects, asked about once with a partner for each: what is common
    /// depends on the partner.
    Context,
    /// All parts of an object look alike, and it is seen from anywhere: a part is known by its
    /// place on the object alone.
    Correspondence,
    /// Classes whose parts training never compares, in colours and textures that it never shows.
    Unseen,
    /// Pictures that share nothing, or whose objects have no part of their own.
    Nothing,
    /// Groups of three pictures.
    Three,
}

impl Suite {
    /// All suites.
    pub const ALL: [Self; 5] =
        [Self::Context, Self::Correspondence, Self::Unseen, Self::Nothing, Self::Three];

    /// The name of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Context => "context",
            Self::Correspondence => "correspondence",
            Self::Unseen => "unseen",
            Self::Nothing => "nothing",
            Self::Three => "three",
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}
