use super::*;

fn all(_: &str) -> bool {
    true
}

fn none(_: &str) -> bool {
    false
}

#[test]
fn values_without_gradients_are_given_back() {
    let tape = Tape::new(&none, 4, true);
    let x = tape.constant(100);
    let y = tape.apply(&[&x], 50);
    drop(x);
    let z = tape.apply(&[&y], 50);
    drop(y);
    assert_eq!((tape.peak(), tape.kept().len()), (600, 0));
    tape.backward(&z);
    assert_eq!((tape.peak(), tape.gradient_bytes()), (600, 0));
}

#[test]
fn operands_and_results_are_kept_where_something_learns_before() {
    let tape = Tape::new(&all, 4, true);
    let weight = tape.trained("w", 10).unwrap();
    let x = tape.within("a", || tape.constant(100));
    let y = tape.within("b", || tape.apply(&[&x, &weight], 50));
    let view = tape.part(&y, 20);
    let z = tape.within("c", || tape.apply(&[&view], 1));
    drop((x, y, view));
    assert_eq!(
        tape.kept().into_iter().collect::<Vec<_>>(),
        [("", 0), ("a", 400), ("b", 200), ("c", 4)]
    );
    tape.backward(&z);
    assert_eq!(tape.gradient_bytes(), 40);
}

#[test]
fn the_backward_pass_counts_what_gradients_reach() {
    let tape = Tape::new(&all, 4, true);
    let weight = tape.trained("w", 10).unwrap();
    let x = tape.constant(100);
    let y = tape.within("b", || tape.product(&[&x, &weight], 50, 7.0));
    tape.within("b", || tape.product(&[&y], 50, 100.0)); // Leads nowhere.
    tape.within("b", || tape.count(3.0));
    tape.backward(&y);
    let counted = tape.arithmetic()["b"];
    assert_eq!(counted, Arithmetic { forward: 3.0, backward: 7.0, recomputed: 0.0 });
}

#[test]
fn a_stretch_that_is_computed_again_keeps_its_ends_only() {
    let kept = |is_again: bool| {
        let tape = Tape::new(&all, 4, true);
        let x = tape.constant(100);
        let run = |tape: &Tape<'_>, x: &Value| {
            tape.count(1.0);
            let weight = tape.trained("w", 10).unwrap();
            let inner = tape.product(&[x, &weight], 1000, 2.0);
            tape.apply(&[&inner], 100)
        };
        let y = if is_again { tape.again(&x, Rc::new(run)) } else { run(&tape, &x) };
        let kept: u64 = tape.kept().values().sum();
        tape.backward(&y);
        assert_eq!(tape.gradient_bytes(), 40);
        (kept, tape.arithmetic()[""])
    };
    let whole = Arithmetic { forward: 1.0, backward: 2.0, recomputed: 0.0 };
    assert_eq!(kept(false), (4800, whole));
    assert_eq!(kept(true), (800, Arithmetic { recomputed: 1.0, ..whole }));
}
