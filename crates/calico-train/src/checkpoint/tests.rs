use super::*;

fn tensor(values: &[f32]) -> Tensor {
    Tensor::new(values, &Device::Cpu).unwrap()
}

fn named(values: &[f32]) -> BTreeMap<String, Tensor> {
    BTreeMap::from([("lora.a".to_owned(), tensor(values))])
}

fn moments() -> BTreeMap<String, Moments> {
    let moments = Moments { first: tensor(&[0.1, 0.2]), second: tensor(&[0.3, 0.4]) };
    BTreeMap::from([("lora.a".to_owned(), moments)])
}

fn state(step: u64) -> State {
    State { step, metrics_bytes: 17, ..State::start() }
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.to_vec1().unwrap()
}

#[test]
fn a_checkpoint_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path().join("checkpoints")).unwrap();
    assert!(checkpoints.newest(&Device::Cpu).unwrap().is_none());
    checkpoints.save(&state(5), &named(&[1.5, f32::MIN_POSITIVE]), &moments(), 2).unwrap();
    let read = checkpoints.newest(&Device::Cpu).unwrap().unwrap();
    assert_eq!(State { digests: BTreeMap::new(), ..read.state }, state(5));
    assert_eq!(values(&read.parameters["lora.a"]), [1.5, f32::MIN_POSITIVE]);
    assert_eq!(values(&read.moments["lora.a"].first), [0.1, 0.2]);
    assert_eq!(values(&read.moments["lora.a"].second), [0.3, 0.4]);
}

#[test]
fn the_newest_are_kept_and_the_same_step_can_be_saved_again() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path().to_owned()).unwrap();
    for step in [1, 2, 10, 10] {
        checkpoints.save(&state(step), &named(&[step as f32]), &moments(), 2).unwrap();
    }
    assert_eq!(checkpoints.list().unwrap().into_keys().collect::<Vec<_>>(), [2, 10]);
    let names = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 2, "nothing unfinished may be left");
}

#[test]
fn what_a_killed_run_left_half_done_is_not_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path().to_owned()).unwrap();
    checkpoints.save(&state(1), &named(&[1.0]), &moments(), 2).unwrap();
    let half = folder.path().join(".unfinished-step-00000002");
    fs::create_dir(&half).unwrap();
    fs::write(half.join(PARAMETERS), "half").unwrap();
    assert_eq!(checkpoints.newest(&Device::Cpu).unwrap().unwrap().state.step, 1);
    Checkpoints::new(folder.path().to_owned()).unwrap();
    assert!(!half.exists());
}

#[test]
fn a_damaged_checkpoint_is_named_and_never_used() {
    for (file, damage) in [(PARAMETERS, "cut"), (OPTIMIZER, "gone"), (STATE, "text")] {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(folder.path().to_owned()).unwrap();
        let path = checkpoints.save(&state(1), &named(&[1.0]), &moments(), 2).unwrap().join(file);
        match damage {
            "cut" => {
                let bytes = fs::read(&path).unwrap();
                fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
            }
            "gone" => fs::remove_file(&path).unwrap(),
            _ => fs::write(&path, "{}").unwrap(),
        }
        let error = checkpoints.newest(&Device::Cpu).unwrap_err().to_string();
        assert!(error.contains(file) && error.contains("step-00000001"), "{error}");
    }
}
