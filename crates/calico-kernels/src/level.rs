use std::ffi::OsString;
use std::fmt;
use std::str::FromStr;

use crate::simd;

/// A set of instructions, the slowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Plain Rust.
    Portable,
    /// The vectors that every 64-bit ARM processor has.
    Neon,
    /// AVX2 with F16C and FMA.
    Avx2,
    /// AVX-512 F, BW, VL and VNNI.
    Avx512,
}

impl Level {
    /// Every level, the slowest first.
    pub const ALL: [Self; 4] = [Self::Portable, Self::Neon, Self::Avx2, Self::Avx512];

    /// The environment variable by which a user lowers the level.
    pub const VARIABLE: &str = "CALICO_SIMD";

    /// The name by which a user chooses the level.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// Whether this machine has the instructions.
    pub fn is_available(self) -> bool {
        simd::is_available(self)
    }

    /// The levels of this machine, the slowest first.
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|level| level.is_available()).collect()
    }

    /// The highest level of this machine.
    pub fn detect() -> Self {
        Self::Avx512.lowered()
    }

    /// The highest level of this machine, but not above the one that the variable `CALICO_SIMD`
    /// names, which can only lower it. An empty value counts as none.
    ///
    /// `lookup` returns the value of a variable, as `std::env::var_os` does.
    ///
    /// # Errors
    /// If the value names no level.
    pub fn from_environment(
        lookup: impl FnOnce(&str) -> Option<OsString>,
    ) -> Result<Self, LevelError> {
        let Some(value) = lookup(Self::VARIABLE).filter(|value| !value.is_empty()) else {
            return Ok(Self::detect());
        };
        Ok(value.to_string_lossy().parse::<Self>()?.lowered())
    }

    /// The highest level of this machine that is not above this one.
    fn lowered(self) -> Self {
        let below = Self::ALL.into_iter().rev().filter(|level| *level <= self);
        below.into_iter().find(|level| level.is_available()).unwrap_or(Self::Portable)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Level {
    type Err = LevelError;

    fn from_str(name: &str) -> Result<Self, LevelError> {
        let known = Self::ALL.into_iter().find(|level| level.name() == name);
        known.ok_or_else(|| LevelError::Unknown { found: name.to_owned() })
    }
}

/// Why a level cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LevelError {
    /// Not the name of a level.
    #[error(
        "`{found}` is no set of instructions, choose portable, neon, avx2 or avx512 (CALICO_SIMD)"
    )]
    Unknown {
        /// What was found.
        found: String,
    },
    /// The machine lacks the instructions.
    #[error("this machine has no {asked}, its highest level is {highest}")]
    Missing {
        /// The level that was asked for.
        asked: Level,
        /// The highest that there is.
        highest: Level,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: &str) -> Result<Level, LevelError> {
        Level::from_environment(|name| (name == "CALICO_SIMD").then(|| value.into()))
    }

    #[test]
    fn the_variable_lowers_the_level_and_never_raises_it() {
        assert_eq!(with("portable"), Ok(Level::Portable));
        for level in Level::ALL {
            let chosen = with(level.name()).unwrap();
            assert!(chosen <= level && chosen.is_available());
        }
        assert_eq!(with("avx512"), Ok(Level::detect()));
    }

    #[test]
    fn without_the_variable_the_machine_decides() {
        assert_eq!(Level::from_environment(|_| None), Ok(Level::detect()));
        assert_eq!(with(""), Ok(Level::detect()));
        assert!(Level::available().contains(&Level::detect()));
    }

    #[test]
    fn a_wrong_value_is_named_with_the_right_ones() {
        let error = with("AVX").unwrap_err().to_string();
        assert!(error.contains("`AVX`") && error.contains("avx512"), "{error}");
    }
}
