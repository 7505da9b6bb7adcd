use calico_data::Split;
use calico_result::Task;

use crate::Suite;

/// What a case is to teach or to test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A question with something to name.
    Plain(Task),
    /// One picture and a partner for each of its two objects.
    Context,
    /// Parts that are known by their place alone.
    Correspondence(Task),
    /// Pairs of classes, colours and textures that training does not have.
    Unseen(Task),
    /// A question with nothing to name.
    Nothing {
        task: Task,
        /// Whether pictures that are asked about parts show one object each. Otherwise they show
        /// others besides, as plain ones do, so that the number of objects does not tell.
        is_alone: bool,
    },
    /// A question about three pictures.
    Three(Task),
}

impl Kind {
    /// The kind of the `number`-th case of a suite.
    pub(crate) fn of_suite(suite: Suite, number: u64) -> Self {
        let task = task(number);
        match suite {
            Suite::Context => Self::Context,
            Suite::Correspondence => Self::Correspondence(task),
            Suite::Unseen => Self::Unseen(task),
            // Each task has as many of both, but for one.
            Suite::Nothing => Self::Nothing {
                task,
                is_alone: (number / Task::ALL.len() as u64).is_multiple_of(2),
            },
            Suite::Three => Self::Three(task),
        }
    }

    /// The cases of a split of so many groups, each with its number among those of its kind.
    ///
    /// Whoever learns meets everything that suites ask, but for what is called unseen, and
    /// correspondence without colours as one of many cases. Questions about parts with nothing to
    /// name are learnt from pictures of one object alone: the built-in model was trained on them.
    pub(crate) fn of_split(split: Split, groups: u64) -> Vec<(Self, u64)> {
        let plain = (0..groups).map(|number| (Self::Plain(task(number)), number));
        if split != Split::Train {
            return plain.collect();
        }
        let share = |part: u64| 0..groups / part;
        plain
            .chain(share(3).map(|number| (Self::Context, number)))
            .chain(share(3).map(|number| {
                (Self::Nothing { task: nothing_task(number), is_alone: true }, number)
            }))
            .chain(share(12).map(|number| (Self::Three(task(number)), number)))
            .collect()
    }

    /// The first part of the names of its cases.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain(_) => "plain",
            Self::Context => Suite::Context.name(),
            Self::Correspondence(_) => Suite::Correspondence.name(),
            Self::Unseen(_) => Suite::Unseen.name(),
            Self::Nothing { .. } => Suite::Nothing.name(),
            Self::Three(_) => Suite::Three.name(),
        }
    }
}

/// Common objects have every other turn: context asks about twice as many that there are.
fn nothing_task(number: u64) -> Task {
    match number % 4 {
        1 => Task::CommonParts,
        3 => Task::UniqueParts,
        _ => Task::CommonObjects,
    }
}

/// The tasks take turns.
fn task(number: u64) -> Task {
    Task::ALL[(number % Task::ALL.len() as u64) as usize]
}
