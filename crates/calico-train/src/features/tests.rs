use std::fs;
use std::path::{Path, PathBuf};

use calico_data::loader::{BadReason, open_picture};
use calico_data::{ImageRecord, Split};
use calico_model::checkpoint::{tensor_specs, untrained_tokenizer};
use calico_model::correspondence::CemInput;
use calico_model::model::ImageFeatures;
use calico_model::preprocess::ImageTensors;
use calico_model::{Calico, CalicoConfig, Preset};
use calico_nn::weights::{Random, WeightSource};
use calico_testkit::Synthetic;
use candle_core::{DType, Device, Tensor};

use super::*;
use crate::TrainError;
use crate::parameters::Parameters;
use crate::recipe::{FeaturesConfig, StoredFeatures};

/// The tiny model with some of it trained, and pictures.
struct Setting {
    scratch: tempfile::TempDir,
    config: CalicoConfig,
    parameters: Parameters,
}

impl Setting {
    fn new(trains: &dyn Fn(&str) -> bool) -> Self {
        Self::of(trains, &Synthetic::default())
    }

    fn of(trains: &dyn Fn(&str) -> bool, weights: &dyn WeightSource) -> Self {
        Self::with(Preset::Tiny.config().unwrap(), trains, weights)
    }

    fn with(
        config: CalicoConfig,
        trains: &dyn Fn(&str) -> bool,
        weights: &dyn WeightSource,
    ) -> Self {
        let specs = tensor_specs(&config).unwrap();
        let parameters = Parameters::new(specs, weights, trains, DType::F32, &Device::Cpu).unwrap();
        Self { scratch: tempfile::tempdir().unwrap(), config, parameters }
    }

    fn model(&self) -> Calico {
        let tokens = untrained_tokenizer(&self.config).unwrap().special();
        Calico::load(&self.config, tokens, &self.parameters.tracked(), &Device::Cpu).unwrap()
    }

    fn folder(&self) -> PathBuf {
        self.scratch.path().join("features")
    }

    fn store(&self, stored: Option<StoredFeatures>) -> FeatureStore {
        let features = stored.map(|stored| FeaturesConfig { folder: self.folder(), stored });
        FeatureStore::new(
            &self.config,
            Tower::of(&self.config),
            &self.parameters,
            features.as_ref(),
        )
        .unwrap()
    }

    /// A picture of stripes, 40 rows and 60 columns.
    fn picture(&self, seed: u8) -> (ImageRecord, PathBuf) {
        let path = self.scratch.path().join(format!("{seed}.bmp"));
        let values = (0..40 * 60 * 3).map(|at: u32| (at * (7 + 3 * u32::from(seed)) / 5) as u8);
        fs::write(&path, bitmap(60, 40, &values.collect::<Vec<_>>())).unwrap();
        let image = ImageRecord {
            image_id: format!("own/{seed}"),
            source: "own".into(),
            file_name: format!("{seed}.bmp"),
            width: 60,
            height: 40,
            sha256: Some(format!("{seed:064x}")),
            split: Split::Train,
            seen: Vec::new(),
        };
        (image, path)
    }

    fn run(&self, store: &FeatureStore, pictures: &[(ImageRecord, PathBuf)]) -> ImageFeatures {
        store.features(&self.model(), &read(store, pictures).0).unwrap()
    }

    /// The kept files with their bytes, in order.
    fn kept(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let folders = fs::read_dir(self.folder()).unwrap().map(|entry| entry.unwrap().path());
        let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap());
        let mut files: Vec<_> = files
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }
}

/// Pictures, and what was wrong with kept features of them.
fn read(
    store: &FeatureStore,
    pictures: &[(ImageRecord, PathBuf)],
) -> (Vec<PreparedPicture>, Vec<String>) {
    let mut batch = store.gather();
    let pictures: Vec<_> = pictures.iter().map(|(image, path)| (image, path.clone())).collect();
    batch.add_all(&pictures).unwrap();
    let warnings = batch.take_warnings();
    (batch.into_pictures().unwrap(), warnings)
}

/// A picture file without compression; its rows are multiples of four bytes.
fn bitmap(width: u32, height: u32, values: &[u8]) -> Vec<u8> {
    assert_eq!(values.len() as u32, width * height * 3);
    let mut bytes = b"BM".to_vec();
    let header =
        [54 + values.len() as u32, 0, 54, 40, width, height, 1 | 24 << 16, 0, 0, 0, 0, 0, 0];
    bytes.extend(header.iter().flat_map(|number| number.to_le_bytes()));
    bytes.extend(values);
    bytes
}

fn frozen(_: &str) -> bool {
    false
}

fn tensors(features: &ImageFeatures) -> Vec<&Tensor> {
    let ImageFeatures { raw, normed, semantic, sam, .. } = features;
    [Some(raw), Some(normed), semantic.as_ref(), Some(sam)].into_iter().flatten().collect()
}

fn bits(features: &ImageFeatures) -> Vec<Vec<u32>> {
    let bits = |tensor: &&Tensor| {
        let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        values.iter().map(|value| value.to_bits()).collect()
    };
    tensors(features).iter().map(bits).collect()
}

#[test]
fn features_that_are_found_equal_those_that_were_kept_bit_for_bit() {
    for stored in [StoredFeatures::F32, StoredFeatures::Bf16] {
        let setting = Setting::new(&frozen);
        let pictures = [setting.picture(1), setting.picture(2)];
        let first = setting.run(&setting.store(Some(stored)), &pictures);
        let kept = setting.kept();
        assert_eq!(kept.len(), 6);
        let store = setting.store(Some(stored));
        let [one, two] = pictures;
        assert_eq!(bits(&setting.run(&store, &[one, two])), bits(&first));
        assert!(store.take_warnings().is_empty());
        assert!(setting.kept() == kept);
    }
}

#[test]
fn keeping_in_f32_changes_nothing_and_in_bf16_rounds() {
    let setting = Setting::new(&frozen);
    let pictures = [setting.picture(1)];
    let plain = setting.run(&setting.store(None), &pictures);
    let exact = setting.run(&setting.store(Some(StoredFeatures::F32)), &pictures);
    assert_eq!(bits(&plain), bits(&exact));
    let rounded = setting.run(&setting.store(Some(StoredFeatures::Bf16)), &pictures);
    assert_ne!(bits(&plain), bits(&rounded));
    for (plain, rounded) in tensors(&plain).iter().zip(tensors(&rounded)) {
        let expected = plain.to_dtype(DType::BF16).unwrap().to_dtype(DType::F32).unwrap();
        let difference = (expected - rounded).unwrap().abs().unwrap().max_all().unwrap();
        assert_eq!(difference.to_scalar::<f32>().unwrap().to_bits(), 0);
    }
}

#[test]
fn features_are_those_of_the_model_whichever_it_reads() {
    for input in [CemInput::PreLn, CemInput::PostLn] {
        let mut config = Preset::Tiny.config().unwrap();
        config.cem.input = input;
        let setting = Setting::with(config, &frozen, &Synthetic::default());
        let (image, path) = setting.picture(1);
        let frame = open_picture(&image, &path).unwrap();
        let sizes = setting.config.input_sizes();
        let pixels = ImageTensors::new(&frame, sizes, &Device::Cpu).unwrap();
        let mut expected = setting.model().features(&[pixels]).unwrap();
        if input == CemInput::PostLn {
            expected.raw = expected.normed.clone();
        }
        let pictures = [(image, path)];
        for _ in 0..2 {
            let found = setting.run(&setting.store(Some(StoredFeatures::F32)), &pictures);
            assert_eq!(bits(&found), bits(&expected), "{input:?}");
            assert_eq!(found.letterboxes, expected.letterboxes);
        }
        assert_eq!(setting.kept().len(), 3);
    }
}

#[test]
fn what_a_frozen_encoder_says_does_not_depend_on_the_rest_of_the_batch() {
    let setting = Setting::new(&frozen);
    let pictures = [setting.picture(1), setting.picture(2), setting.picture(3)];
    let together = bits(&setting.run(&setting.store(None), &pictures));
    let alone = bits(&setting.run(&setting.store(None), &pictures[1..2]));
    for (together, alone) in together.iter().zip(&alone) {
        assert_eq!(together[alone.len()..2 * alone.len()], *alone);
    }
}

#[test]
fn other_weights_or_other_bytes_are_kept_under_other_names() {
    /// The synthetic weights with one value of DINOv2 changed.
    struct Changed;
    impl WeightSource for Changed {
        fn tensor(&self, spec: &calico_nn::weights::TensorSpec) -> candle_core::Result<Tensor> {
            let tensor = Synthetic::default().tensor(spec)?;
            if spec.name == "dino.norm.bias" { tensor + 1e-6 } else { Ok(tensor) }
        }
    }
    let setting = Setting::new(&frozen);
    let (mut image, path) = setting.picture(1);
    image.sha256 = None;
    let pictures = [(image, path)];
    let run = |setting: &Setting| {
        setting.run(&setting.store(Some(StoredFeatures::Bf16)), &pictures);
    };
    run(&setting);
    assert_eq!(setting.kept().len(), 3);
    let mut bytes = fs::read(&pictures[0].1).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&pictures[0].1, bytes).unwrap();
    run(&setting);
    assert_eq!(setting.kept().len(), 6);
    let changed = Setting { scratch: setting.scratch, ..Setting::of(&frozen, &Changed) };
    run(&changed);
    assert_eq!(changed.kept().len(), 7, "only DINOv2 has other weights");
    changed.run(&changed.store(Some(StoredFeatures::F32)), &pictures);
    assert_eq!(changed.kept().len(), 10, "another type has other values");
}

#[test]
fn damaged_files_are_told_computed_again_and_replaced() {
    let setting = Setting::new(&frozen);
    let pictures = [setting.picture(1)];
    let first = setting.run(&setting.store(Some(StoredFeatures::Bf16)), &pictures);
    let sound = setting.kept();
    let damages: [fn(&Path, &[u8]); 3] = [
        |path, bytes| fs::write(path, &bytes[..bytes.len() / 2]).unwrap(),
        |path, _| fs::write(path, "something else").unwrap(),
        |path, bytes| {
            let mut bytes = bytes.to_vec();
            *bytes.last_mut().unwrap() ^= 0x40;
            fs::write(path, bytes).unwrap();
        },
    ];
    for damage in damages {
        for (path, bytes) in &sound {
            damage(path, bytes);
        }
        let store = setting.store(Some(StoredFeatures::Bf16));
        let (found, warnings) = read(&store, &pictures);
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert_eq!(bits(&store.features(&setting.model(), &found).unwrap()), bits(&first));
        assert_eq!(setting.kept(), sound);
    }
}

#[test]
fn damaged_features_are_told_when_the_sample_cannot_be_used_either() {
    let setting = Setting::new(&frozen);
    let sound = setting.picture(1);
    setting.run(&setting.store(Some(StoredFeatures::F32)), std::slice::from_ref(&sound));
    for (path, bytes) in setting.kept() {
        fs::write(path, &bytes[1..]).unwrap();
    }
    let (mut wrong, wrong_path) = setting.picture(2);
    wrong.width = 61;
    let mut too_wide = sound.0.clone();
    too_wide.width = 61;
    // A sibling is at fault, or the picture itself.
    let siblings = vec![(&sound.0, sound.1.clone()), (&wrong, wrong_path)];
    for sample in [siblings, vec![(&too_wide, sound.1.clone())]] {
        let mut batch = setting.store(Some(StoredFeatures::F32)).gather();
        let refused = batch.add_all(&sample);
        assert!(matches!(refused, Err(BadReason::Size { .. })), "{refused:?}");
        let warnings = batch.take_warnings();
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert!(warnings.iter().all(|line| line.contains("own/1 are damaged")), "{warnings:?}");
        assert!(batch.take_warnings().is_empty());
    }
}

#[test]
fn features_that_were_kept_since_a_picture_was_read_are_read() {
    let setting = Setting::new(&frozen);
    let store = setting.store(Some(StoredFeatures::Bf16));
    let pictures = [setting.picture(1)];
    // Two batches ahead with the same picture; neither finds anything.
    let [(first, _), (second, _)] = [read(&store, &pictures), read(&store, &pictures)];
    let expected = bits(&store.features(&setting.model(), &first).unwrap());
    // A model of other weights would say something else.
    let changed = Setting::of(&frozen, &Random::new(3, Device::Cpu)).model();
    assert_eq!(bits(&store.features(&changed, &second).unwrap()), expected);
    fs::remove_dir_all(setting.folder()).unwrap();
    assert_ne!(bits(&store.features(&changed, &second).unwrap()), expected);
}

#[test]
fn an_encoder_that_learns_is_never_kept_and_gradients_reach_it() {
    let setting = Setting::new(&|name| name == "ln_vision.bias" || name == "sam.encoder.pos_embed");
    let pictures = [setting.picture(1), setting.picture(2)];
    let features = setting.run(&setting.store(Some(StoredFeatures::F32)), &pictures);
    assert_eq!(setting.kept().len(), 2, "DINOv2 alone is frozen");
    let sums = tensors(&features).into_iter().map(|tensor| tensor.sum_all().unwrap());
    let loss = sums.reduce(|a, b| (a + b).unwrap()).unwrap();
    let gradients = loss.backward().unwrap();
    for (name, var) in setting.parameters.trained() {
        assert!(gradients.get(var.as_tensor()).is_some(), "{name}");
    }
}

#[test]
fn a_picture_that_is_there_already_keeps_its_number() {
    let setting = Setting::new(&|name| name.starts_with("dino."));
    let pictures = [setting.picture(1), setting.picture(2)];
    let [(first, first_path), (second, second_path)] = &pictures;
    let store = setting.store(None);
    let mut batch = store.gather();
    let [a, b] = [(first, first_path.clone()), (second, second_path.clone())];
    assert_eq!(batch.add_all(&[a.clone(), b.clone()]).unwrap(), [0, 1]);
    assert_eq!(batch.add_all(&[b.clone(), b, a]).unwrap(), [1, 1, 0]);
    let pictures = batch.into_pictures().unwrap();
    let features = store.features(&setting.model(), &pictures).unwrap();
    assert!(tensors(&features).iter().all(|tensor| tensor.dim(0).unwrap() == 2));
}

#[test]
fn a_sample_with_a_bad_picture_leaves_the_batch_as_it_was() {
    let setting = Setting::new(&frozen);
    let (image, path) = setting.picture(1);
    let (mut larger, larger_path) = setting.picture(2);
    larger.width = 61;
    let store = setting.store(None);
    let mut batch = store.gather();
    let size = batch.add_all(&[(&image, path.clone()), (&larger, larger_path)]);
    assert!(matches!(size, Err(BadReason::Size { .. })), "{size:?}");
    let (mut absent, _) = setting.picture(3);
    absent.sha256 = None;
    let missing = setting.scratch.path().join("missing.bmp");
    for kept in [None, Some(StoredFeatures::F32)] {
        let mut batch = setting.store(kept).gather();
        let missing = batch.add_all(&[(&absent, missing.clone())]);
        assert!(matches!(missing, Err(BadReason::Picture(_))), "{missing:?}");
    }
    assert_eq!(batch.add_all(&[(&image, path)]).unwrap(), [0]);
    let pictures = batch.into_pictures().unwrap();
    let features = store.features(&setting.model(), &pictures).unwrap();
    assert!(tensors(&features).iter().all(|tensor| tensor.dim(0).unwrap() == 1));
}

#[test]
fn training_goes_on_when_nothing_can_be_kept_any_more() {
    let setting = Setting::new(&frozen);
    let pictures = [setting.picture(1), setting.picture(2)];
    let store = setting.store(Some(StoredFeatures::Bf16));
    fs::remove_dir_all(setting.folder()).unwrap();
    fs::write(setting.folder(), "in the way").unwrap();
    let features = setting.run(&store, &pictures);
    // Six files were to be kept, but one failure is told.
    assert_eq!(store.take_warnings().len(), 1);
    fs::remove_file(setting.folder()).unwrap();
    let sound = setting.run(&setting.store(Some(StoredFeatures::Bf16)), &pictures);
    assert_eq!(bits(&features), bits(&sound));
}

#[test]
fn a_folder_that_cannot_be_made_is_told_before_the_training() {
    let setting = Setting::new(&frozen);
    fs::write(setting.folder(), "in the way").unwrap();
    let features = FeaturesConfig { folder: setting.folder(), stored: StoredFeatures::F32 };
    let error = FeatureStore::new(
        &setting.config,
        Tower::of(&setting.config),
        &setting.parameters,
        Some(&features),
    );
    let error = error.unwrap_err();
    assert!(matches!(error, TrainError::Write { .. }) && error.is_bad_input(), "{error}");
}
