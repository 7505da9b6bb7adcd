use std::collections::BTreeSet;

use calico_data::Stream;

use crate::classes::{Class, Group, classes};
use crate::scene::{Role, Wanted};
use crate::{Figure, Pose};

/// Chooses objects.
pub(super) struct Cast<'a> {
    pub(super) stream: &'a mut Stream,
}

impl Cast<'_> {
    /// A class that fits, each equally likely.
    pub(super) fn class(&mut self, fits: impl Fn(&Class) -> bool) -> Option<&'static Class> {
        let choices: Vec<&'static Class> = classes().filter(|class| fits(class)).collect();
        self.stream.pick(&choices).copied()
    }

    /// Two classes of a group; `is_held_out`: those whose parts training never compares.
    pub(super) fn pair(&mut self, is_held_out: bool) -> Option<[&'static Class; 2]> {
        let first = self.class(|_| true)?;
        if is_held_out {
            let mut pair = held_out(first.group)?;
            if self.stream.happens(5_000) {
                pair.reverse();
            }
            return Some(pair);
        }
        if self.stream.happens(5_000) {
            return Some([first; 2]);
        }
        let second = self.class(|class| {
            let both = [first.label, class.label];
            let is_out = held_out(first.group)
                .is_some_and(|pair| pair.iter().all(|class| both.contains(&class.label)));
            class.group == first.group && class.label != first.label && !is_out
        })?;
        Some([first, second])
    }

    /// One of a class, of a size in a range.
    pub(super) fn object(&mut self, class: &'static Class, reach: [f32; 2], role: Role) -> Wanted {
        let figure = (class.draw)(&mut Pose::new(self.stream));
        Wanted { class, figure, reach, role }
    }

    /// Some objects of classes that fit, each of another group, which no later one is of.
    pub(super) fn distractors(
        &mut self,
        count: u64,
        reach: [f32; 2],
        taken: &mut BTreeSet<Group>,
    ) -> Vec<Wanted> {
        let mut objects = Vec::new();
        for _ in 0..count {
            if let Some(class) = self.class(|class| !taken.contains(&class.group)) {
                taken.insert(class.group);
                objects.push(self.object(class, reach, Role::Distractor));
            }
        }
        objects
    }
}

/// The pair of classes of a group whose parts no question of a train split compares. That they have
/// no object in common may well be asked there.
pub(super) fn held_out(group: Group) -> Option<[&'static Class; 2]> {
    let mut members = classes().filter(|class| class.group == group).skip(1);
    Some([members.next()?, members.next()?])
}

/// The parts that a figure has.
pub(super) fn parts(figure: &Figure) -> BTreeSet<&'static str> {
    figure.pieces.iter().map(|piece| piece.part).collect()
}
