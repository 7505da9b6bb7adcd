//! The objects of `SynthParts`: twenty-four classes in eight groups.
//!
//! Classes of a group are comparable: they share some parts and differ in others, and many parts
//! (handle, leg, wheel, head, seat, blade) occur in several groups.

mod aircraft;
mod animals;
mod lamps;
mod seating;
mod tables;
mod tools;
mod vehicles;
mod vessels;

use crate::{Figure, Pose};

/// A kind of object.
#[derive(Debug, Clone, Copy)]
pub struct Class {
    /// Its label, in lower case.
    pub label: &'static str,
    /// The group within which it is compared.
    pub group: Group,
    /// The labels of all parts that it can have.
    pub parts: &'static [&'static str],
    /// Draws one of its kind; each call gives another one.
    pub draw: fn(&mut Pose<'_>) -> Figure,
}

/// Classes that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Chair, stool, bench.
    Seating,
    /// Table, dresser, cabinet.
    Tables,
    /// Mug, teapot, bottle.
    Vessels,
    /// Hammer, axe, shovel.
    Tools,
    /// Car, bus, bicycle.
    Vehicles,
    /// Dog, bird, fish.
    Animals,
    /// Airplane, helicopter, rocket.
    Aircraft,
    /// Lamp, fan, lantern.
    Lamps,
}

/// All classes, group by group.
pub fn classes() -> impl Iterator<Item = &'static Class> {
    [
        seating::CLASSES,
        tables::CLASSES,
        vessels::CLASSES,
        tools::CLASSES,
        vehicles::CLASSES,
        animals::CLASSES,
        aircraft::CLASSES,
        lamps::CLASSES,
    ]
    .into_iter()
    .flatten()
}
