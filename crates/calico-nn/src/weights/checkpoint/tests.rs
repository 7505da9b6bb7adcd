use super::*;
use crate::weights::{Init, Random};

fn specs() -> Vec<TensorSpec> {
    [("a.weight", vec![3, 4]), ("b", vec![5]), ("c", vec![2, 2, 2])]
        .into_iter()
        .map(|(name, shape)| TensorSpec { name: name.into(), shape, init: Init::Uniform(1.0) })
        .collect()
}

fn written(stored: StoredType, shard_bytes: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let random = Random::new(7, Device::Cpu);
    write(folder.path(), &specs(), stored, shard_bytes, |spec| random.values(spec)).unwrap();
    folder
}

fn read(folder: &Path, spec: &TensorSpec) -> Vec<f32> {
    let source = CheckpointSource::new(Checkpoint::open(folder).unwrap(), Device::Cpu);
    let tensor = source.tensor(spec).unwrap();
    source.finish().unwrap();
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn what_is_written_is_read_whole_and_sharded() {
    let random = Random::new(7, Device::Cpu);
    for (stored, tolerance) in
        [(StoredType::F32, 0.0), (StoredType::Bf16, 4e-3), (StoredType::F16, 5e-4)]
    {
        for shard_bytes in [usize::MAX, 30] {
            let folder = written(stored, shard_bytes);
            Checkpoint::open(folder.path()).unwrap().verify(&specs()).unwrap();
            assert_eq!(folder.path().join(INDEX_FILE).exists(), shard_bytes == 30);
            for spec in specs() {
                for (got, want) in read(folder.path(), &spec).iter().zip(random.values(&spec)) {
                    assert!((got - want).abs() <= tolerance, "{stored:?}: {got} {want}");
                }
            }
        }
    }
}

#[test]
fn every_difference_is_reported_at_once() {
    let folder = written(StoredType::F32, usize::MAX);
    let mut wanted = specs();
    wanted[0].shape = vec![4, 3];
    wanted[1].name = "renamed".into();
    let error = Checkpoint::open(folder.path()).unwrap().verify(&wanted).unwrap_err();
    let CheckpointError::Mismatch(mismatch) = error else { panic!("{error}") };
    assert_eq!(mismatch.missing, ["renamed"]);
    assert_eq!(mismatch.unexpected, ["b"]);
    assert_eq!(mismatch.misshaped, [("a.weight".into(), vec![4, 3], vec![3, 4])]);
}

#[test]
fn tensors_that_nobody_uses_can_be_left_out() {
    let folder = written(StoredType::F32, usize::MAX);
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    assert_eq!(checkpoint.names().collect::<Vec<_>>(), ["a.weight", "b", "c"]);
    let checkpoint = checkpoint.without(|name| name == "b");
    checkpoint.verify(&[specs()[0].clone(), specs()[2].clone()]).unwrap();
    assert!(checkpoint.verify(&specs()).unwrap_err().to_string().contains("\n    b"));
}

#[test]
fn not_a_number_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let bad = |spec: &TensorSpec| {
        let value = if spec.name == "b" { f32::NAN } else { 0.0 };
        vec![value; spec.len()]
    };
    write(folder.path(), &specs(), StoredType::Bf16, usize::MAX, bad).unwrap();
    let source = CheckpointSource::new(Checkpoint::open(folder.path()).unwrap(), Device::Cpu);
    for spec in specs() {
        source.tensor(&spec).unwrap();
    }
    assert!(source.finish().unwrap_err().to_string().contains("\n    b"));
}

#[test]
fn an_index_cannot_point_outside_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["../x.safetensors", "/x.safetensors", "a/b", ".."] {
        let index = serde_json::json!({ "weight_map": { "a": file } });
        std::fs::write(folder.path().join(INDEX_FILE), index.to_string()).unwrap();
        let error = Checkpoint::open(folder.path()).unwrap_err();
        assert!(matches!(error, CheckpointError::Index { .. }), "{file}: {error}");
    }
}

#[test]
fn a_truncated_file_is_refused() {
    let folder = written(StoredType::F32, usize::MAX);
    let path = folder.path().join(SINGLE_FILE);
    let whole = std::fs::read(&path).unwrap();
    for len in [0, 4, 8, 40, whole.len() - 1] {
        std::fs::write(&path, &whole[..len]).unwrap();
        assert!(Checkpoint::open(folder.path()).is_err(), "{len} bytes were accepted");
    }
}

#[test]
fn a_file_in_memory_is_checked_and_read_as_one_on_disk() {
    for stored in [StoredType::F32, StoredType::Bf16, StoredType::F16] {
        let folder = written(stored, usize::MAX);
        let whole = std::fs::read(folder.path().join(SINGLE_FILE)).unwrap();
        let of = |len| Checkpoint::from_bytes(folder.path(), whole[..len].to_vec().into());
        for len in [0, 4, 8, 40, whole.len() - 1] {
            std::fs::write(folder.path().join("cut.safetensors"), &whole[..len]).unwrap();
            let cut = Checkpoint::open_file(&folder.path().join("cut.safetensors")).unwrap_err();
            let message = cut.to_string().replace("cut.safetensors", SINGLE_FILE);
            assert_eq!(of(len).unwrap_err().to_string(), message, "{len} bytes");
        }
        let mut wanted = specs();
        wanted[0].shape = vec![4, 3];
        wanted[1].name = "renamed".into();
        let on_disk = Checkpoint::open(folder.path()).unwrap();
        let message = on_disk.verify(&wanted).unwrap_err().to_string();
        let in_memory = of(whole.len()).unwrap();
        assert_eq!(in_memory.verify(&wanted).unwrap_err().to_string(), message);
        assert_eq!(in_memory.file_bytes(), on_disk.file_bytes());
        let source = CheckpointSource::new(in_memory, Device::Cpu);
        for spec in specs() {
            let tensor = source.tensor(&spec).unwrap();
            let values: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
            assert_eq!(values, read(folder.path(), &spec));
        }
        source.finish().unwrap();
    }
}

#[test]
fn a_file_of_any_name_keeps_the_bytes_and_the_type_of_each_tensor() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.safetensors");
    let tensor = |name: &str, stored| StoredTensor { name: name.into(), shape: vec![2], stored };
    let tensors = [tensor("a", StoredType::Bf16), tensor("b", StoredType::F32)];
    let bytes = |tensor: &StoredTensor| tensor.stored.encode(&[1.5, -3.0]);
    let give = |tensor: &StoredTensor| Ok::<_, CheckpointError>(bytes(tensor).into());
    write_stored_file(&path, &tensors, &[("format", "pt")], give).unwrap();
    let file = Checkpoint::open_file(&path).unwrap();
    for tensor in tensors {
        assert_eq!(file.stored(&tensor.name), Some(tensor.clone()));
        assert_eq!(file.bytes(&tensor.name), Some(bytes(&tensor).as_slice()));
    }
    assert_eq!((file.stored("c"), file.bytes("c")), (None, None));
}

#[test]
fn a_tensor_that_cannot_be_had_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let tensors = ["a", "b", "c"].map(|name| StoredTensor {
        name: name.into(),
        shape: vec![1],
        stored: StoredType::F32,
    });
    let asked = std::cell::Cell::new(0);
    let give = |tensor: &StoredTensor| {
        asked.set(asked.get() + 1);
        if tensor.name == "b" {
            return Err(CheckpointError::NoWeights("b".into()));
        }
        Ok(vec![0; 4].into())
    };
    let error = write_stored(folder.path(), &tensors, usize::MAX, give).unwrap_err();
    assert!(matches!(error, CheckpointError::NoWeights(_)), "{error}");
    assert_eq!(asked.get(), 2);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
