use std::collections::BTreeSet;

use calico_data::{Split, Stream};
use calico_result::Task;

use super::cast::{held_out, parts};
use super::{Group, Kind};
use crate::Suite;
use crate::classes::classes;
use crate::scene::{Role, Wanted};

const PARTS: [Task; 2] = [Task::CommonParts, Task::UniqueParts];

/// The objects of a case, not drawn yet.
fn chosen(kind: Kind, number: u64, pictures: usize) -> Group {
    let mut stream = Stream::new(4, kind.name(), &number.to_string());
    Group::choose(kind, (160, 0.3, pictures), &mut stream).unwrap()
}

/// The classes whose parts are compared.
fn compared(group: &Group) -> BTreeSet<&'static str> {
    let objects = group.pictures.iter().flatten().filter(|object| object.role == Role::Parts);
    objects.map(|object| object.class.label).collect()
}

fn pairs_held_out() -> Vec<BTreeSet<&'static str>> {
    let groups: BTreeSet<_> = classes().map(|class| class.group).collect();
    let pair = |group| held_out(group).unwrap().iter().map(|class| class.label).collect();
    groups.into_iter().map(pair).collect()
}

#[test]
fn no_question_about_parts_of_training_compares_classes_that_are_held_out() {
    let held_out = pairs_held_out();
    let mut across = 0;
    for (kind, number) in Kind::of_split(Split::Train, 1_200) {
        let group = chosen(kind, number, 2);
        if group.asks.iter().all(|ask| !PARTS.contains(&ask.task)) {
            continue;
        }
        let compared = compared(&group);
        assert!(!held_out.contains(&compared), "{kind:?}: {compared:?}");
        across += usize::from(compared.len() == 2);
    }
    assert!(across > 300, "{across} questions compare two classes");
    let mut found = BTreeSet::new();
    for number in 0..200 {
        for task in PARTS {
            found.insert(compared(&chosen(Kind::Unseen(task), number, 2)));
        }
    }
    assert_eq!(found, held_out.into_iter().collect());
}

#[test]
fn the_number_of_objects_tells_nothing_about_nothing_but_in_training() {
    let kinds = (0..36).map(|number| Kind::of_suite(Suite::Nothing, number));
    let count = |wanted: Task, alone: bool| {
        let is_one = |kind: &Kind| *kind == Kind::Nothing { task: wanted, is_alone: alone };
        kinds.clone().filter(is_one).count()
    };
    for task in Task::ALL {
        assert_eq!((count(task, true), count(task, false)), (6, 6), "{task:?}");
    }
    let trained = Kind::of_split(Split::Train, 120);
    let nothing = trained.iter().filter(|(kind, _)| matches!(kind, Kind::Nothing { .. }));
    assert_eq!(nothing.clone().count(), 40);
    for (kind, _) in nothing {
        assert!(matches!(kind, Kind::Nothing { is_alone: true, .. }), "{kind:?}");
    }
}

#[test]
fn beside_what_has_nothing_to_compare_stand_objects_that_cannot_be_compared_either() {
    let labels = |objects: &Vec<Wanted>| -> BTreeSet<&str> {
        objects.iter().flat_map(|object| parts(&object.figure)).collect()
    };
    for number in 0..150 {
        for task in PARTS {
            let alone = chosen(Kind::Nothing { task, is_alone: true }, number, 2);
            assert!(alone.pictures.iter().all(|objects| objects.len() == 1));
            let beside = chosen(Kind::Nothing { task, is_alone: false }, number, 2);
            let mut groups = BTreeSet::new();
            for objects in &beside.pictures {
                assert!((2..=3).contains(&objects.len()), "{} objects", objects.len());
                let others = objects.iter().filter(|object| object.role == Role::Distractor);
                for other in others.clone() {
                    assert!(groups.insert(other.class.group), "{:?} twice", other.class.group);
                }
                assert_eq!(others.count() + 1, objects.len());
            }
            let compared = compared(&beside);
            assert!(classes().all(|class| {
                !(compared.contains(class.label) && groups.contains(&class.group))
            }));
            if task == Task::CommonParts {
                let [first, second] = [0, 1].map(|at| labels(&beside.pictures[at]));
                assert!(first.is_disjoint(&second), "{first:?} {second:?}");
            }
        }
    }
}
