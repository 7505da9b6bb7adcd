use std::fmt;

use super::{Dtype, Problem};
use crate::torch::{SAVE_AGAIN, shown};

/// Something defined outside of a pickle, of the few that weights are made of.
///
/// These are names, not functions: [`rebuild`](super::rebuild) says what each stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::torch) enum Global {
    OrderedDict,
    Size,
    Set,
    Encode,
    RebuildTensor,
    RebuildTensorV2,
    RebuildTensorV3,
    RebuildParameter,
    RebuildParameterWithState,
    UntypedStorage,
    Storage(&'static Dtype),
    Dtype(&'static Dtype),
}

impl Global {
    pub(super) fn named(module: &str, name: &str) -> Result<Self, Problem> {
        Self::known(module, name).ok_or_else(|| {
            let hint = if module.starts_with("deepspeed.") {
                "; a shard of an optimiser has to be consolidated first, with zero_to_fp32.py"
            } else {
                ""
            };
            let global = format!("{}.{}", shown(module), shown(name));
            Problem::Refused(format!(
                "asks for `{global}`, but only tensors are built from a file; {SAVE_AGAIN}{hint}"
            ))
        })
    }

    fn known(module: &str, name: &str) -> Option<Self> {
        let known = KNOWN.iter().find(|it| (it.0, it.1) == (module, name));
        match known {
            Some(&(_, _, global)) => Some(global),
            None if module == "torch" => match name.strip_suffix("Storage") {
                Some(class) => Dtype::of_storage(class).map(Self::Storage),
                None => Dtype::named(name).map(Self::Dtype),
            },
            None => None,
        }
    }
}

/// By module and name.
static KNOWN: [(&str, &str, Global); 14] = [
    ("collections", "OrderedDict", Global::OrderedDict),
    ("builtins", "set", Global::Set),
    ("builtins", "frozenset", Global::Set),
    // What Python 2 calls the same module is written in protocol 2, and so are bytes.
    ("__builtin__", "set", Global::Set),
    ("__builtin__", "frozenset", Global::Set),
    ("_codecs", "encode", Global::Encode),
    ("torch", "Size", Global::Size),
    ("torch._utils", "_rebuild_tensor", Global::RebuildTensor),
    ("torch._utils", "_rebuild_tensor_v2", Global::RebuildTensorV2),
    ("torch._utils", "_rebuild_tensor_v3", Global::RebuildTensorV3),
    ("torch._utils", "_rebuild_parameter", Global::RebuildParameter),
    ("torch._utils", "_rebuild_parameter_with_state", Global::RebuildParameterWithState),
    ("torch", "UntypedStorage", Global::UntypedStorage),
    ("torch.storage", "UntypedStorage", Global::UntypedStorage),
];

impl fmt::Display for Global {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage(dtype) => write!(f, "torch storage of {}", dtype.name),
            Self::Dtype(dtype) => write!(f, "torch.{}", dtype.name),
            other => match KNOWN.iter().find(|(_, _, global)| global == other) {
                Some((module, name, _)) => write!(f, "{module}.{name}"),
                None => write!(f, "{other:?}"),
            },
        }
    }
}
