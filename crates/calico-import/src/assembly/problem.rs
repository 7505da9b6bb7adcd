//! Everything that can be wrong with an import.

use calico_formats::Element;
use calico_nn::weights::checkpoint::StoredType;

use super::role::is_table;
use crate::group::gathered;
use crate::listed::listed;

/// One thing that is wrong with the files of an import.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ImportProblem {
    /// The model needs tensors that no file holds.
    #[error(
        "{module}: missing{} bring a file that holds {} in with {}{}{}",
        gathered(.names),
        if .names.len() == 1 { "it" } else { "them" },
        .options.join(" or "),
        if *.may_be_fresh { format!(", or begin untrained with `--fresh {module}`") } else { String::new() },
        of_copy(.copy.as_ref()),
    )]
    Missing {
        /// The module.
        module: String,
        /// Names of ours.
        names: Vec<String>,
        /// Options that take a file with them.
        options: Vec<&'static str>,
        /// Whether they may be drawn.
        may_be_fresh: bool,
        /// A file, and a tensor in it of which copies would fill some of the places.
        copy: Option<(String, String)>,
    },
    /// A tensor has another shape than the model.
    #[error(
        "{ours} has the shape {found:?} in {file} ({tensor}); expected {expected:?}: {}",
        of_size(.ours)
    )]
    Shape {
        /// Name of ours.
        ours: String,
        /// Name in the file, of its first part.
        tensor: String,
        /// The file.
        file: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape in the model.
        expected: Vec<usize>,
    },
    /// The map says nothing of some names.
    #[error(
        "{file} holds {} that the map `{map}` does not know:{}\n  give a map that knows them \
         (`calico model inspect` writes one to begin with), or leave them out with `--lenient`",
        tensors(*.count), listed(.groups)
    )]
    Unknown {
        /// The file.
        file: String,
        /// The map.
        map: String,
        /// Number of tensors.
        count: usize,
        /// Their names, those that differ in numbers only as one.
        groups: Vec<String>,
    },
    /// A file holds more of a module than the model has.
    #[error(
        "{file} holds {} for which the model has no place:{} choose a configuration that \
         has, or leave them out with `--lenient`",
        tensors(.names.len()), gathered(.names)
    )]
    Surplus {
        /// The file.
        file: String,
        /// Names that they would have in the model.
        names: Vec<String>,
    },
    /// A file gives one name to several tensors.
    #[error(
        "{file} holds {name} more than once; expected one tensor of each name: save the model \
         again, or leave out the file of the set that should not be there"
    )]
    Doubled {
        /// The file.
        file: String,
        /// The name.
        name: String,
    },
    /// Two files hold a tensor, with other values.
    #[error(
        "{first} and {second} disagree on {ours}; leave one of the files out, or bring it in for \
         the modules that you want of it"
    )]
    Disagree {
        /// Name of ours.
        ours: String,
        /// One file.
        first: String,
        /// The other.
        second: String,
    },
    /// A tensor holds NaN or infinity.
    #[error(
        "{tensor} in {file} holds NaN or infinity; expected finite values: download the file \
         again, or take an earlier checkpoint"
    )]
    NotFinite {
        /// The file.
        file: String,
        /// Name in the file.
        tensor: String,
    },
    /// Values are too large for the type in which they would be stored.
    #[error(
        "{tensor} in {file} holds values beyond the range of {stored}; expected smaller ones{}",
        if *.stored == StoredType::F16 { ", or another type: import with `--dtype bf16`" } else { "" }
    )]
    OutOfRange {
        /// The type.
        stored: StoredType,
        /// The file.
        file: String,
        /// Name in the file.
        tensor: String,
    },
    /// A tensor that should repeat another does not.
    #[error(
        "{repeated} and {used} in {file} should be equal, but their values differ; save the model \
         again with the program that trained it, so that both hold what was trained"
    )]
    Unequal {
        /// The file.
        file: String,
        /// The one that is used.
        used: String,
        /// The one that should repeat it.
        repeated: String,
    },
    /// Rows without a place in the model are not zero.
    #[error(
        "{tensor} in {file} should be zero in rows {first} to {last}, which the model does not \
         have, but reaches {largest:e}; take a model whose keys have no bias, such as the \
         original"
    )]
    NotZero {
        /// The file.
        file: String,
        /// Name in the file.
        tensor: String,
        /// First of the rows.
        first: usize,
        /// Last of the rows.
        last: usize,
        /// The largest value, without sign.
        largest: f64,
    },
    /// A weight is stored in a way that this program does not read.
    #[error(
        "{tensor} in {file} holds values of {element}; expected floats: save the model in f16 or \
         bf16"
    )]
    Element {
        /// The file.
        file: String,
        /// Name in the file.
        tensor: String,
        /// Type of its values.
        element: Element,
    },
    /// What a file says of its model is not what the configuration says.
    #[error("{file} says {key} = {found}; expected {expected}")]
    Setting {
        /// The file.
        file: String,
        /// The key.
        key: String,
        /// Its value.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// A file is brought in for a module that it does not hold.
    #[error(
        "{file} ({title}) holds nothing that {option} asks for; it holds {holds}{}",
        brought(.options)
    )]
    Useless {
        /// The file.
        file: String,
        /// Whose files the map is about.
        title: String,
        /// The option.
        option: &'static str,
        /// The modules that it holds.
        holds: String,
        /// Options that ask for some of them.
        options: Vec<&'static str>,
    },
    /// A module that is to start untrained is brought by a file.
    #[error(
        "--fresh {module}: {file} brings it whole; leave {module} out of that option, or bring the \
         file in for other modules only"
    )]
    NotFresh {
        /// What was asked for.
        module: String,
        /// The file.
        file: String,
    },
    /// A module that is to start untrained is not part of the model.
    #[error("--fresh {module}: the model has no such module; it has {}", .known.join(", "))]
    NoSuchModule {
        /// What was asked for.
        module: String,
        /// The modules of the model.
        known: Vec<String>,
    },
}

impl ImportProblem {
    /// Where a problem stands in a list: what explains others comes first, and what may be there
    /// for every tensor comes last, so that it pushes nothing else off the end.
    pub(super) fn rank(&self) -> usize {
        match self {
            Self::Useless { .. } => 0,
            Self::NoSuchModule { .. } | Self::NotFresh { .. } | Self::Setting { .. } => 1,
            Self::Missing { .. } => 2,
            Self::Unknown { .. } | Self::Surplus { .. } => 3,
            Self::Element { .. } | Self::Shape { .. } | Self::Doubled { .. } => 4,
            Self::Unequal { .. } | Self::NotZero { .. } => 5,
            Self::NotFinite { .. } | Self::OutOfRange { .. } => 6,
            Self::Disagree { .. } => 7,
        }
    }
}

/// What to do about a tensor of another size.
fn of_size(ours: &str) -> &'static str {
    if ours.starts_with("lora.") {
        "the updates were made for another model; take those of this one"
    } else if is_table(ours) {
        "take a language model with this vocabulary, or choose a configuration of that size"
    } else {
        "take a file of that size, or choose a configuration of this one"
    }
}

/// What leave to copy would do.
fn of_copy(copy: Option<&(String, String)>) -> String {
    let Some((file, tensor)) = copy else { return String::new() };
    format!(", or let copies of {tensor} in {file} stand there with `--allow-copies`")
}

/// How to bring in what a file holds.
fn brought(options: &[&str]) -> String {
    if options.is_empty() {
        return "; name another file".into();
    }
    format!("; name another file, or bring this one in with {}", options.join(" or "))
}

fn tensors(count: usize) -> String {
    if count == 1 { "1 tensor".into() } else { format!("{count} tensors") }
}
