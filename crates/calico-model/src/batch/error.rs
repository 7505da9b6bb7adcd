use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use crate::SegmentError;

/// Why a list or a folder cannot be worked on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// It cannot be read.
    #[error(
        "cannot read {path:?}: {source}; expected a list in JSON Lines, or a folder of pictures",
        path = path.display()
    )]
    Read {
        /// The list or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// It is no text in UTF-8: a picture, perhaps.
    #[error(
        "{path:?} is no text in UTF-8; expected a list in JSON Lines, or a folder of pictures",
        path = path.display()
    )]
    NoText {
        /// The file.
        path: PathBuf,
    },

    /// There is nothing to do.
    #[error("found nothing to do in {path:?}, expected {expected}", path = path.display())]
    Empty {
        /// The list or folder.
        path: PathBuf,
        /// What would be something.
        expected: &'static str,
    },

    /// It has faults; all are listed, up to a limit.
    #[error("{path:?} has faults:{}", listed(faults, *more), path = path.display())]
    Faulty {
        /// The list or folder.
        path: PathBuf,
        /// The first faults, in order.
        faults: Vec<ListFault>,
        /// How many follow.
        more: usize,
    },
}

/// What is wrong, and where.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct ListFault {
    /// The line, or the entry of a folder.
    pub place: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong with a line of a list, or an entry of a folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It is no JSON, or has other fields.
    #[error("{0}; expected an object like {{\"images\": [\"a.jpg\", \"b.jpg\"]}}")]
    Malformed(String),
    /// It is something else, which begins so.
    #[error("found {0:?}, expected an object like {{\"images\": [\"a.jpg\", \"b.jpg\"]}}")]
    NoObject(String),
    /// It is too long to be read.
    #[error("found more than {most} bytes, expected less for one item; nothing behind it was read")]
    TooLong {
        /// The limit.
        most: usize,
    },
    /// There is no image.
    #[error("`images` is empty, expected one image or more, and two or more to compare")]
    NoImages,
    /// The name of an image is empty.
    #[error("the name of image {image} is empty, expected the path of an image file")]
    NoName {
        /// The image, from 1.
        image: usize,
    },
    /// The id does not do.
    #[error("the id {id:?} {reason}; choose another one")]
    Id {
        /// The id.
        id: String,
        /// Why not.
        reason: String,
    },
    /// Something before has the same id.
    #[error("the id {id:?} is that of {first}, too; choose another one")]
    RepeatedId {
        /// The id.
        id: String,
        /// Where it was before.
        first: String,
    },
    /// More than one question.
    #[error("found {}, expected one of them at most", .found.join(" and "))]
    Questions {
        /// The fields that ask one.
        found: Vec<&'static str>,
    },
    /// There is no such task.
    #[error("found the task {found:?}, expected common-objects, common-parts, unique-parts or all")]
    Task {
        /// What was found.
        found: String,
    },
    /// A file has a name that cannot be written into a list.
    #[error("its name, or that of a picture in it, is not Unicode; rename it")]
    Name,
    /// The question cannot be asked.
    #[error(transparent)]
    Question(#[from] SegmentError),
}

/// One fault per line.
fn listed(faults: &[ListFault], more: usize) -> String {
    let mut text = String::new();
    for fault in faults {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {fault}");
    }
    if more > 0 {
        let _ = write!(text, "\n  and {more} more");
    }
    text
}
