//! Reading JSON values whose kind the file may have got wrong.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A number as it was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    /// Without a fraction.
    Whole(i128),
    /// With one.
    Real(f64),
}

impl Number {
    pub(crate) fn real(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Real(value) => value,
        }
    }

    pub(crate) fn whole<T: TryFrom<i128>>(self) -> Option<T> {
        match self {
            Self::Whole(value) => T::try_from(value).ok(),
            Self::Real(_) => None,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => write!(f, "{value}"),
            Self::Real(value) => write!(f, "{value:?}"),
        }
    }
}

/// A type that can be made of any JSON value, so that a value of the wrong kind is a finding of
/// the reader and not the end of the file.
///
/// What a method does not take is read over without being kept, however deep it is nested.
pub(crate) trait AnyValue<'de>: Sized {
    /// From a value of a kind that has no meaning here; `found` names the kind.
    fn other(found: &'static str) -> Self;

    fn number(_: Number) -> Self {
        Self::other("a number")
    }

    fn text(_: &str) -> Self {
        Self::other("a text")
    }

    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        skip_list(&mut list)?;
        Ok(Self::other("a list"))
    }

    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::other("an object"))
    }
}

/// Reads one value of whatever kind.
pub(crate) fn read<'de, T: AnyValue<'de>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    from.deserialize_any(AnyVisitor(PhantomData))
}

/// Reads over the rest of a list.
pub(crate) fn skip_list<'de, A: SeqAccess<'de>>(list: &mut A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

struct AnyVisitor<T>(PhantomData<T>);

impl<'de, T: AnyValue<'de>> Visitor<'de> for AnyVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::other("a truth value"))
    }

    fn visit_i64<E>(self, value: i64) -> Result<T, E> {
        Ok(T::number(Number::Whole(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<T, E> {
        Ok(T::number(Number::Whole(value.into())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<T, E> {
        Ok(T::number(Number::Real(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<T, E> {
        Ok(T::text(value))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::other("null"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<T, A::Error> {
        T::object(object)
    }
}
