use super::global::Global;
use super::value::Kind;
use super::{Pickle, Problem, Storage, Tensor, Value};
use crate::limits;
use crate::torch::{SAVE_AGAIN, shown};

/// What a call stands for. Nothing is called: each of the few known globals has a rule here.
pub(super) fn reduce<'a>(
    pickle: &mut Pickle<'a>,
    callee: Value<'a>,
    arguments: Value<'a>,
) -> Result<Value<'a>, Problem> {
    let (Value::Global(global), Value::Sequence(Kind::Tuple, arguments)) = (callee, arguments)
    else {
        let (callee, arguments) = (pickle.describe(callee), pickle.describe(arguments));
        return Problem::broken(format!(
            "calls a {callee} with a {arguments}; expected a global and a tuple"
        ));
    };
    Ok(match (global, pickle.items(arguments)) {
        (Global::OrderedDict, []) => pickle.add_dict(),
        (Global::Size, &[Value::Sequence(_, index)]) => Value::Sequence(Kind::Tuple, index),
        (Global::Set, &[Value::Sequence(_, index)]) => Value::Sequence(Kind::Set, index),
        (Global::Set, []) => pickle.add_sequence(Kind::Set, Vec::new()),
        (Global::Encode, [Value::Str(_), Value::Str("latin1")]) => Value::Bytes(None),
        (Global::RebuildTensor | Global::RebuildTensorV2 | Global::RebuildTensorV3, _) => {
            match tensor(pickle, global, arguments)? {
                Some(tensor) => pickle.add_tensor(tensor),
                None => return unexpected(pickle, global, arguments),
            }
        }
        (Global::RebuildParameter, &[tensor @ Value::Tensor(_), _, _])
        | (Global::RebuildParameterWithState, &[tensor @ Value::Tensor(_), _, _, _]) => tensor,
        _ => return unexpected(pickle, global, arguments),
    })
}

fn unexpected<T>(pickle: &Pickle<'_>, global: Global, arguments: usize) -> Result<T, Problem> {
    let items = pickle.items(arguments).iter().take(8);
    let found: Vec<_> = items.map(|&item| pickle.describe(item)).collect();
    Problem::broken(format!("`{global}` cannot be made of ({})", found.join(", ")))
}

/// A tensor, if the arguments are those that its function takes.
fn tensor<'a>(
    pickle: &Pickle<'a>,
    global: Global,
    arguments: usize,
) -> Result<Option<Tensor<'a>>, Problem> {
    let &[
        Value::Storage(storage),
        Value::Int(offset),
        Value::Sequence(_, size),
        Value::Sequence(_, stride),
        ref rest @ ..,
    ] = pickle.items(arguments)
    else {
        return Ok(None);
    };
    // Whether gradients are wanted, and the hooks for them, change no values.
    let (dtype, metadata) = match (global, rest) {
        (Global::RebuildTensor, []) => (None, rest),
        (Global::RebuildTensorV2, [_, _, metadata @ ..]) => (None, metadata),
        (Global::RebuildTensorV3, [_, _, Value::Global(Global::Dtype(dtype)), metadata @ ..]) => {
            (Some(*dtype), metadata)
        }
        _ => return Ok(None),
    };
    check_metadata(pickle, metadata)?;
    let storage = pickle.storages.get(storage);
    Ok(storage.map(|&storage| Tensor { storage, dtype, offset, size, stride }))
}

/// Metadata says that values are to be negated or conjugated.
fn check_metadata(pickle: &Pickle<'_>, metadata: &[Value<'_>]) -> Result<(), Problem> {
    match metadata {
        [] | [Value::None] => Ok(()),
        &[Value::Dict(index)] if pickle.entries(index).is_empty() => Ok(()),
        _ => Err(Problem::Refused(format!(
            "a tensor comes with something to do to its values; {SAVE_AGAIN}"
        ))),
    }
}

/// A storage is written as what identifies it.
pub(super) fn storage<'a>(
    pickle: &mut Pickle<'a>,
    identity: Value<'a>,
) -> Result<Value<'a>, Problem> {
    let items = match identity {
        Value::Sequence(Kind::Tuple, index) => pickle.items(index),
        _ => &[],
    };
    let &[
        Value::Str("storage"),
        Value::Global(class),
        Value::Str(key),
        Value::Str(_),
        Value::Int(len),
    ] = items
    else {
        return Problem::broken(format!(
            "a persistent id is a {}; expected a storage's",
            pickle.describe(identity)
        ));
    };
    let dtype = match class {
        Global::Storage(dtype) => Some(dtype),
        Global::UntypedStorage => None,
        _ => return Problem::broken(format!("`{class}` is no class of storages")),
    };
    let Ok(len) = u64::try_from(len) else {
        return Problem::broken(format!("a storage has {len} values"));
    };
    if key.len() > limits::NAME_BYTES {
        let (start, bytes) = (shown(key), key.len());
        return Problem::broken(format!("the key of a storage, `{start}`, takes {bytes} bytes"));
    }
    Ok(pickle.add_storage(Storage { dtype, key, len }))
}
