use super::pickle::{Pickle, Value};
use crate::FormatError;
use crate::source::Source;

/// What `DeepSpeed` calls the parts of an optimiser, or of a model, that one process holds.
const SHARD: &str = "zero_pp_rank_";
/// Keys under `optimizer_state_dict` whose values are flat pieces of many weights.
const PARTITIONS: [&str; 3] =
    ["single_partition_of_fp32_groups", "fp32_flat_groups", "partition_count"];

/// Refuses a shard before anything is read, because shards hold objects of `DeepSpeed`.
pub(super) fn check_file_name(source: &Source) -> Result<(), FormatError> {
    let name = source.path().file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let is_shard = name.contains(SHARD)
        && (name.ends_with("optim_states.pt") || name.ends_with("model_states.pt"));
    if is_shard { Err(refuse(source)) } else { Ok(()) }
}

/// Refuses a shard under whatever name.
pub(super) fn check(source: &Source, pickle: &Pickle<'_>) -> Result<(), FormatError> {
    let entry = |dict: Value<'_>, key| match dict {
        Value::Dict(id) => pickle.entry(id, key),
        _ => None,
    };
    let is_shard = entry(pickle.top, "optimizer_state_dict")
        .is_some_and(|state| PARTITIONS.iter().any(|key| entry(state, key).is_some()));
    if is_shard { Err(refuse(source)) } else { Ok(()) }
}

fn refuse(source: &Source) -> FormatError {
    let reason = "holds what one process keeps under ZeRO of DeepSpeed, pieces of weights; \
                  expected whole weights: consolidate the checkpoint first, with the script \
                  zero_to_fp32.py that DeepSpeed puts beside it";
    source.refused("header", reason)
}
