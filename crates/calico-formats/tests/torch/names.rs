//! Names of tensors, and what lies beside them.

use calico_formats::TensorFile;

use crate::program::{PLAIN, Program};
use crate::{assert_says, broken, not_this, open_pickle, refused};

fn names(file: &TensorFile) -> Vec<&str> {
    file.tensors().keys().map(String::as_str).collect()
}

/// A dict under the key that comes next, with one tensor.
fn with_tensor(program: Program, key: &str, name: &str) -> Program {
    program.text(key).raw("}").text(name).tensor(&PLAIN).raw("ss")
}

#[test]
fn a_wrapper_is_no_part_of_names() {
    for wrapper in ["model", "state_dict", "module"] {
        let pickle = with_tensor(Program::new().raw("}"), wrapper, "a.b");
        let pickle = with_tensor(pickle, "ema", "a.b").text("epoch").int(3).raw("s").stop();
        let file = open_pickle(&pickle).unwrap();
        assert_eq!(names(&file), ["a.b"]);
        assert_eq!(file.notes()["ema"], "dict of 1 entry");
        assert_eq!(file.notes()["epoch"], "int 3");
    }
}

#[test]
fn of_several_wrappers_the_first_counts_that_holds_tensors() {
    let pickle = Program::new().raw("}").text("model").raw("}s");
    let pickle = with_tensor(with_tensor(pickle, "module", "b"), "state_dict", "a").stop();
    let file = open_pickle(&pickle).unwrap();
    assert_eq!(names(&file), ["a"]);
    assert_eq!(file.notes()["module"], "dict of 1 entry");
    assert_eq!(file.notes()["model"], "dict of 0 entries");
}

#[test]
fn without_a_wrapper_keys_are_joined() {
    let pickle = with_tensor(Program::new().raw("}"), "teacher", "x");
    let pickle = with_tensor(pickle, "student", "x").text("step").raw("Ns").stop();
    let file = open_pickle(&pickle).unwrap();
    assert_eq!(names(&file), ["student.x", "teacher.x"]);
    assert_eq!(file.notes()["step"], "None");
}

#[test]
fn a_wrapper_that_is_a_tensor_is_one() {
    let file = open_pickle(&Program::of_tensor("model", &PLAIN)).unwrap();
    assert_eq!(names(&file), ["model"]);
}

#[test]
fn a_name_that_comes_twice_is_listed() {
    let pickle = Program::new().raw("}(").text("x").tensor(&PLAIN).text("x").tensor(&PLAIN);
    let file = open_pickle(&pickle.raw("u").stop()).unwrap();
    assert_eq!(names(&file), ["x"]);
    assert_eq!(file.doubled(), ["x"]);
}

#[test]
fn keys_that_are_no_names_are_refused() {
    for key in [&b"N"[..], b")", b"G????????", b"\x88"] {
        let pickle = Program::new().raw("}").raw(key).tensor(&PLAIN).raw("s").stop();
        assert_says(&refused(open_pickle(&pickle)), &["expected a text or an integer"]);
    }
}

#[test]
fn a_key_that_is_no_name_may_stand_beside_tensors() {
    let pickle = Program::new().raw("}").text("x").tensor(&PLAIN).raw("s").raw(b"\x88NsN").int(3);
    let file = open_pickle(&pickle.raw("s").stop()).unwrap();
    assert_eq!(names(&file), ["x"]);
    assert_eq!(file.notes()["bool True"], "None");
    assert_eq!(file.notes()["None"], "int 3");
}

#[test]
fn a_name_without_bounds_is_broken() {
    let long = "x".repeat(2000);
    assert_says(
        &broken(open_pickle(&Program::of_tensor(&long, &PLAIN))),
        &["more than 1024 bytes"],
    );
    let key = "x".repeat(600);
    let pickle = with_tensor(Program::new().raw("}"), &key, &key).stop();
    assert_says(&broken(open_pickle(&pickle)), &["more than 1024 bytes"]);
}

#[test]
fn a_file_of_something_else_is_told() {
    let message = not_this(open_pickle(&Program::new().int(5).stop()));
    assert_says(&message, &["holds int 5", "a dict of tensors"]);
    assert!(names(&open_pickle(&Program::new().raw("}").stop()).unwrap()).is_empty());
}
