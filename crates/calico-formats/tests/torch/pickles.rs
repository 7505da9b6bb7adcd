//! Pickles that ask for more than tensors, contradict themselves or mean to exhaust something.

use std::time::{Duration, Instant};

use calico_formats::{Element, TensorFile};
use proptest::prelude::*;

use crate::program::{PLAIN, Program};
use crate::zip::Zip;
use crate::{FLOATS, assert_says, broken, open, open_pickle, plain, refused};

/// What is asked for must be cheap, however it ends.
fn quickly<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    assert!(start.elapsed() < Duration::from_mins(1), "{:?}", start.elapsed());
    result
}

#[test]
fn a_plain_tensor_is_read() {
    let file = open_pickle(&plain()).unwrap();
    let tensor = &file.tensors()["x"];
    assert_eq!((tensor.element, tensor.shape.as_slice()), (Element::F32, [2, 2].as_slice()));
    assert_eq!(file.read("x").unwrap(), FLOATS);
}

#[test]
fn a_command_is_refused_by_name_and_place() {
    let pickle = Program::new().global("os", "system").text("true").raw([0x85]).raw("R").stop();
    let message = refused(open_pickle(&pickle));
    assert_says(&message, &["pickle at byte 2", "`os.system`", "torch.save(model.state_dict()"]);
}

#[test]
fn code_is_refused_whatever_it_is_called() {
    for (module, name) in [
        ("builtins", "eval"),
        ("__builtin__", "exec"),
        ("posix", "system"),
        ("torch", "load"),
        ("torch.hub", "load"),
        ("torch._utils", "_rebuild_qtensor"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("collections", "OrderedDict.__init__"),
    ] {
        let pickle = Program::new().global(module, name).raw(")R").stop();
        assert_says(&refused(open_pickle(&pickle)), &[&format!("`{module}.{name}`")]);
    }
}

#[test]
fn a_global_whose_name_comes_from_the_memo_is_refused() {
    let pickle = Program::new()
        .text("system")
        .raw("q\x00")
        .text("os")
        .raw("q\x01")
        .raw(b"h\x01h\x00\x93")
        .raw(")R")
        .stop();
    assert_says(&refused(open_pickle(&pickle)), &["`os.system`"]);
}

#[test]
fn a_call_within_the_arguments_of_a_known_one_is_refused() {
    let pickle = Program::new()
        .global("torch._utils", "_rebuild_parameter")
        .raw("(")
        .global("os", "system")
        .text("true")
        .raw([0x85])
        .raw("RtR")
        .stop();
    assert_says(&refused(open_pickle(&pickle)), &["`os.system`"]);
}

#[test]
fn every_other_instruction_is_refused() {
    // NEWOBJ, NEWOBJ_EX, INST, OBJ, PERSID, EXT1, NEXT_BUFFER, DUP, POP, STRING, LONG4.
    for opcode in [0x81, 0x92, b'i', b'o', b'P', 0x82, 0x97, b'2', b'0', b'S', 0x8b] {
        let message = refused(open_pickle(&Program::new().raw([opcode]).stop()));
        assert_says(&message, &["pickle at byte 2", &format!("{opcode:#04x}")]);
    }
}

#[test]
fn a_call_of_a_value_is_broken() {
    for callee in [&b"N"[..], b"}", b"]", b")"] {
        let message = broken(open_pickle(&Program::new().raw(callee).raw(")R").stop()));
        assert_says(&message, &["expected a global and a tuple"]);
    }
}

#[test]
fn known_globals_take_no_other_arguments() {
    for (module, name) in [
        ("torch", "Size"),
        ("torch", "float32"),
        ("torch", "FloatStorage"),
        ("torch._utils", "_rebuild_tensor"),
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch._utils", "_rebuild_tensor_v3"),
        ("torch._utils", "_rebuild_parameter"),
        ("_codecs", "encode"),
    ] {
        for arguments in [&b")"[..], b"N\x85", b"}N\x86", b"(NNNNNNNNNNNNt"] {
            let pickle = Program::new().global(module, name).raw(arguments).raw("R").stop();
            assert_says(&broken(open_pickle(&pickle)), &["cannot be made of ("]);
        }
    }
}

/// Sixty levels, each of which holds the one below twice: 2^60 ways to the value on the stack.
fn doubled_sixty_times(program: Program) -> Program {
    (0..60).fold(program, |program, level| program.raw([b'q', level, b'h', level, 0x86]))
}

#[test]
fn values_that_are_met_in_more_ways_than_can_be_followed_are_refused() {
    let pickle = doubled_sixty_times(Program::new().raw("]")).stop();
    assert_says(&quickly(|| refused(open_pickle(&pickle))), &["leads to more than"]);
    let pickle = doubled_sixty_times(Program::new().tensor(&PLAIN)).stop();
    assert_says(&quickly(|| broken(open_pickle(&pickle))), &["more than 262144 tensors"]);
}

#[test]
fn what_nothing_is_taken_from_may_be_met_in_as_many_ways_as_it_likes() {
    let model = Program::new().raw("}").text("model").raw("}").text("x").tensor(&PLAIN).raw("ss");
    let pickle = doubled_sixty_times(model.text("optimizer").raw("]")).raw("s").stop();
    let file = quickly(|| open_pickle(&pickle)).unwrap();
    assert_eq!(file.tensors().len(), 1);
    assert_eq!(file.notes()["optimizer"], "tuple of 2 entries");
}

#[test]
fn deep_nesting_is_refused_and_dropped_without_recursion() {
    let deep = |around: Program| {
        let deep = 1_000_000;
        around.raw(vec![b']'; deep]).raw(vec![b'a'; deep - 1])
    };
    let message = quickly(|| refused(open_pickle(&deep(Program::new()).stop())));
    assert_says(&message, &["nests more than 64 deep"]);

    // Where nothing is taken from, it does not matter.
    let model = Program::new().raw("}").text("model").raw("}").text("x").tensor(&PLAIN).raw("ss");
    let pickle = deep(model.text("optimizer")).raw("s").stop();
    let file = quickly(|| open_pickle(&pickle)).unwrap();
    assert_eq!(file.tensors().len(), 1);
    assert_eq!(file.notes()["optimizer"], "list of 1 entry");
}

#[test]
fn a_container_within_itself_is_refused() {
    let list = Program::new().raw("]q\x00h\x00a").stop();
    assert_says(&refused(open_pickle(&list)), &["nests more than 64 deep"]);
    let dict = Program::new().raw("}q\x00").text("x").raw("h\x00s").stop();
    assert_says(&refused(open_pickle(&dict)), &["nests more than 64 deep"]);
}

#[test]
fn too_many_instructions_are_refused() {
    let pickle = Program::new().raw(vec![b'N'; 5_000_000]).stop();
    assert_says(&quickly(|| refused(open_pickle(&pickle))), &["instructions"]);
}

#[test]
fn a_stack_that_lacks_values_is_broken() {
    for instructions in [
        &b""[..],
        b"t",
        b"R",
        b"a",
        b"e",
        b"s",
        b"u",
        b"b",
        b"Q",
        b"q\x00",
        b"\x94",
        b"h\x00",
        b"\x93",
        b"\x85",
        b"\x90",
        b"N(.",
        b"NN",
        b"N(q\x00",
        b"](a",
        b"}(Nu",
        b"NNa",
        b"N(NNu",
        b"](\x90",
    ] {
        broken(open_pickle(&Program::new().raw(instructions).stop()));
    }
}

#[test]
fn a_pickle_that_ends_early_is_broken_wherever_it_ends() {
    let pickle = plain();
    for len in 0..pickle.len() {
        broken(open_pickle(&pickle[..len]));
    }
}

#[test]
fn lengths_beyond_the_pickle_take_no_memory() {
    for instructions in [
        &b"X\xff\xff\xff\xff"[..],
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x96\x00\x00\x00\x00\x00\x00\x00\x10",
        b"\x8a\xff",
        b"cos",
    ] {
        broken(open_pickle(&Program::new().raw(instructions).stop()));
    }
}

#[test]
fn other_protocols_and_texts_are_broken() {
    assert_says(&broken(open_pickle(b"(dp0\n.")), &["protocol 2 to 5"]);
    assert_says(&broken(open_pickle(b"\x80\x06}.")), &["protocol 2 to 5"]);
    let latin = Program::new().raw(b"X\x01\0\0\0\xe9").stop();
    assert_says(&broken(open_pickle(&latin)), &["utf-8"]);
}

#[test]
fn what_a_message_shows_of_a_file_is_short_and_harmless() {
    let name = format!("\u{1b}[31m{}", "x".repeat(10_000));
    let message = refused(open_pickle(&Program::new().global("os", &name).stop()));
    assert!(message.len() < 1000 && !message.contains('\u{1b}'), "{message}");
}

/// Instructions as they come in files, and some that do not.
fn instructions() -> impl Strategy<Value = Vec<u8>> {
    let simple = b"N()]}tesuaRbQ.\x85\x86\x87\x88\x89\x93\x94\x8f\x90\x910";
    let index = 0u8..4;
    prop_oneof![
        4 => prop::sample::select(simple.to_vec()).prop_map(|opcode| vec![opcode]),
        2 => (prop::sample::select(vec![b'q', b'h', b'K']), index).prop_map(|(op, at)| vec![op, at]),
        1 => any::<i64>().prop_map(|int| Program::new().int(int).stop()[2..12].to_vec()),
        1 => prop::sample::select(vec!["storage", "0", "cpu", "model", "latin1", "torch", "Size"])
            .prop_map(|text| [&[0x8c, text.len() as u8], text.as_bytes()].concat()),
        2 => prop::sample::select(vec![
            "ccollections\nOrderedDict\n",
            "ctorch\nFloatStorage\n",
            "ctorch\nSize\n",
            "ctorch._utils\n_rebuild_tensor_v2\n",
            "ctorch._utils\n_rebuild_parameter\n",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => Just({
            let tensor = Program::new().tensor(&PLAIN).stop();
            tensor[2..tensor.len() - 1].to_vec()
        }),
    ]
}

fn read_all(file: &TensorFile) {
    for name in file.tensors().keys() {
        file.read(name).unwrap();
    }
}

proptest! {
    #[test]
    fn whatever_a_pickle_says_nothing_panics(
        program in prop::collection::vec(instructions(), 0..40),
    ) {
        let pickle = Program::new().raw(program.concat()).stop();
        if let Ok(file) = open_pickle(&pickle) {
            read_all(&file);
        }
    }

    #[test]
    fn whatever_changes_in_a_pickle_nothing_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut pickle = plain();
        for (at, byte) in changes {
            let at = at.index(pickle.len());
            pickle[at] = byte;
        }
        if let Ok(file) = open(Zip::of(&pickle, &[("0", &FLOATS)]).finish()) {
            read_all(&file);
        }
    }
}
