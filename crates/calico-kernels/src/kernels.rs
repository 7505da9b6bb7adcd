use crate::level::{Level, LevelError};

/// The kernels of one level: everything that multiplies goes through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernels {
    level: Level,
}

impl Kernels {
    /// The kernels of the highest level of this machine.
    pub fn detect() -> Self {
        Self { level: Level::detect() }
    }

    /// The kernels of one level.
    ///
    /// # Errors
    /// If this machine lacks its instructions.
    pub fn at(level: Level) -> Result<Self, LevelError> {
        if level.is_available() {
            return Ok(Self { level });
        }
        Err(LevelError::Missing { asked: level, highest: Level::detect() })
    }

    /// The level.
    pub fn level(self) -> Level {
        self.level
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_the_machine_lacks_is_refused() {
        for level in Level::ALL {
            assert_eq!(Kernels::at(level).is_ok(), level.is_available());
        }
        // No machine has the vectors of two families of processors.
        let both = [Level::Neon, Level::Avx2].map(Kernels::at);
        assert!(both.iter().any(Result::is_err));
    }
}
