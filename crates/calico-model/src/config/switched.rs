//! A section that can be switched off.

use std::ops::{Deref, DerefMut};

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// The keys of `T` and one more, `enabled` (left out: true).
///
/// (serde's `flatten` would accept unknown keys.)
#[derive(Debug, Clone, PartialEq)]
pub struct Switched<T> {
    /// Whether the section is in force.
    pub enabled: bool,
    /// The section.
    pub section: T,
}

impl<T> Deref for Switched<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.section
    }
}

impl<T> DerefMut for Switched<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.section
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Switched<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut keys = Map::deserialize(deserializer)?;
        let enabled = match keys.remove("enabled") {
            None => true,
            Some(Value::Bool(enabled)) => enabled,
            Some(other) => {
                return Err(D::Error::custom(format!(
                    "enabled: expected true or false, found {other}"
                )));
            }
        };
        let section = T::deserialize(Value::Object(keys)).map_err(D::Error::custom)?;
        Ok(Self { enabled, section })
    }
}

impl<T: Serialize> Serialize for Switched<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Value::Object(section) =
            serde_json::to_value(&self.section).map_err(S::Error::custom)?
        else {
            return Err(S::Error::custom("a section that can be switched off must have keys"));
        };
        let mut keys = Map::new();
        keys.insert("enabled".into(), self.enabled.into());
        keys.extend(section);
        keys.serialize(serializer)
    }
}
