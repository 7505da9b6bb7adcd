//! From JSON, as a stream: what is not understood is read over without being kept.

use calico_image::Size;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess};

use crate::any_value::{self, AnyValue, Number};
use crate::limits::{MAX_COMPRESSED_BYTES, MAX_POLYGON_NUMBERS, MAX_POLYGONS, MAX_RUNS};
use crate::{Segmentation, SegmentationError};

impl<'de> Deserialize<'de> for Segmentation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        any_value::read(deserializer)
    }
}

impl<'de> AnyValue<'de> for Segmentation {
    fn other(found: &'static str) -> Self {
        Self::Unreadable(form(found))
    }

    fn list<A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        let polygons = collect(list, MAX_POLYGONS, "polygons", |_, Part(polygon)| polygon)?;
        Ok(polygons.map_or_else(Self::Unreadable, Self::Polygons))
    }

    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        let mut size: Result<[u32; 2], _> = Err(form("an object without `size`"));
        let mut counts: Result<Counts, _> = Err(form("an object without `counts`"));
        while let Some(key) = object.next_key()? {
            match key {
                Key::Size => Part(size) = object.next_value()?,
                Key::Counts => Part(counts) = object.next_value()?,
                Key::Other => drop(object.next_value::<IgnoredAny>()?),
            }
        }
        Ok(match (size, counts) {
            (Err(error), _) | (_, Err(error)) => Self::Unreadable(error),
            (Ok([height, width]), Ok(counts)) => counts.with_size(Size::new(height, width)),
        })
    }
}

/// The keys that matter.
#[derive(serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Key {
    Size,
    Counts,
    #[serde(other)]
    Other,
}

/// A piece of the value, or what is wrong with it.
struct Part<T>(Result<T, SegmentationError>);

impl<'de, T> Deserialize<'de> for Part<T>
where
    Self: AnyValue<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        any_value::read(deserializer)
    }
}

/// The numbers of a polygon.
impl<'de> AnyValue<'de> for Part<Vec<f64>> {
    fn other(_: &'static str) -> Self {
        Self(Err(form("a list of other things than polygons")))
    }

    fn list<A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        let number = |_, Part(number): Part<Number>| Ok(number?.real());
        collect(list, MAX_POLYGON_NUMBERS, "numbers in a polygon", number).map(Self)
    }
}

/// A number of a list.
impl AnyValue<'_> for Part<Number> {
    fn other(found: &'static str) -> Self {
        Self(Err(form(found)))
    }

    fn number(number: Number) -> Self {
        Self(Ok(number))
    }
}

/// Height and width.
impl<'de> AnyValue<'de> for Part<[u32; 2]> {
    fn other(_: &'static str) -> Self {
        Self(Err(form("a `size` that is not a list of height and width")))
    }

    fn list<A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        let side = |_, Part(number): Part<Number>| {
            number?.whole().ok_or(form("a side that is not a whole number of 32 bits"))
        };
        let sides = collect(list, 2, "sides of a mask", side)?;
        Ok(sides.map_or_else(
            |error| Self(Err(error)),
            |sides| sides.try_into().map_or_else(|_| Self::other(""), |sides| Self(Ok(sides))),
        ))
    }
}

/// Runs as numbers or as text.
enum Counts {
    Runs(Vec<u32>),
    Text(String),
}

impl Counts {
    fn with_size(self, size: Size) -> Segmentation {
        match self {
            Self::Runs(counts) => Segmentation::Runs { size, counts },
            Self::Text(counts) => Segmentation::Compressed { size, counts },
        }
    }
}

impl<'de> AnyValue<'de> for Part<Counts> {
    fn other(_: &'static str) -> Self {
        Self(Err(form("`counts` that are neither a list nor a text")))
    }

    fn text(text: &str) -> Self {
        if text.len() > MAX_COMPRESSED_BYTES {
            let (what, max) = ("a run-length string with bytes", MAX_COMPRESSED_BYTES as u64);
            return Self(Err(SegmentationError::Limit { what, max }));
        }
        Self(Ok(Counts::Text(text.to_owned())))
    }

    fn list<A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        let runs = collect(list, MAX_RUNS, "runs", |index, Part(number): Part<Number>| {
            let number = number?;
            let bad = || SegmentationError::RunNumber { index, found: number.to_string() };
            number.whole().ok_or_else(bad)
        })?;
        Ok(Self(runs.map(Counts::Runs)))
    }
}

fn form(found: &'static str) -> SegmentationError {
    SegmentationError::Form { found }
}

/// Collects a list whose elements `accept` turns into values, with their positions.
/// From the first fault on, or beyond `max` elements, the rest is read over.
fn collect<'de, A, T, V>(
    mut list: A,
    max: usize,
    what: &'static str,
    accept: impl Fn(usize, T) -> Result<V, SegmentationError>,
) -> Result<Result<Vec<V>, SegmentationError>, A::Error>
where
    A: SeqAccess<'de>,
    T: Deserialize<'de>,
{
    let mut values = Vec::new();
    while let Some(element) = list.next_element()? {
        let value = if values.len() < max {
            accept(values.len(), element)
        } else {
            Err(SegmentationError::Limit { what, max: max as u64 })
        };
        match value {
            Ok(value) => values.push(value),
            Err(error) => {
                drop(values);
                any_value::skip_list(&mut list)?;
                return Ok(Err(error));
            }
        }
    }
    Ok(Ok(values))
}
