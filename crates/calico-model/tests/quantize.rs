//! Models of fewer bits: what becomes of each matrix, and what is refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use calico_model::checkpoint::init;
use calico_model::provenance::Provenance;
use calico_model::quantize::{Progress, Quantization, QuantizeReport, quantize};
use calico_model::{ModelError, ModelFolder, Preset, Segmenter};
use calico_nn::quantized::{Matrix, MatrixFormat};
use calico_nn::weights::checkpoint::{CheckpointSource, FileTensor as _, StoredForm, StoredType};
use calico_nn::weights::{Init, TensorSpec, WeightSource as _};
use candle_core::Device;

const BOTH: Quantization =
    Quantization { llm: Some(MatrixFormat::Q4K), vision: Some(MatrixFormat::Q8) };

/// An untrained model of a preset.
fn model(folder: &Path, preset: Preset) -> ModelFolder {
    let path = folder.join("model");
    let config = preset.config().unwrap();
    init(&path, &config, 3, StoredType::Bf16, |_| ControlFlow::Continue(())).unwrap();
    ModelFolder::open(&path).unwrap()
}

fn made(model: &ModelFolder, wanted: Quantization, out: &Path) -> QuantizeReport {
    quantize(model, wanted, out, |_| ControlFlow::Continue(())).unwrap()
}

/// A linear layer of the language model.
fn gate(config: &calico_model::CalicoConfig) -> TensorSpec {
    TensorSpec {
        name: "llm.model.layers.0.mlp.gate_proj.weight".into(),
        shape: vec![config.llm.mlp_hidden, config.llm.width],
        init: Init::Zeros,
    }
}

#[test]
fn a_matrix_is_multiplied_where_it_lies_and_equal_runs_give_equal_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), Preset::Mini);
    let outs = ["a", "b"].map(|name| folder.path().join(name));
    let report = made(&model, BOTH, &outs[0]);
    assert_eq!(report, made(&model, BOTH, &outs[1]));
    for name in ["model.safetensors", "sources.json", "config.json", "tokenizer.json"] {
        let bytes = outs.each_ref().map(|out| fs::read(out.join(name)).unwrap());
        assert!(bytes[0] == bytes[1], "{name}");
    }
    let small = ModelFolder::open(&outs[0]).unwrap();
    let values = [&small, &model].map(|it| it.forms().unwrap().values().sum::<u64>());
    assert_eq!(values[0], values[1]);
    let bytes = [&small, &model].map(|it| it.weight_bytes().unwrap());
    assert!(bytes[0] < bytes[1] / 2, "{bytes:?}");
    let provenance = [&model, &small].map(|it| Provenance::of_folder(it.path()).unwrap().unwrap());
    for (module, before) in &provenance[0].modules {
        assert_eq!(provenance[1].modules[module].origins, before.origins);
    }
    assert_ne!(provenance[0].modules["llm"].sha256, provenance[1].modules["llm"].sha256);
    assert_eq!(provenance[0].modules["cem"].sha256, provenance[1].modules["cem"].sha256);
    assert_ne!(small.weights_digest(|_| true), model.weights_digest(|_| true));

    let spec = gate(&small.config);
    let source = CheckpointSource::new(small.checkpoint, Device::Cpu);
    let Matrix::Quantized(matrix) = source.matrix(&spec).unwrap() else { panic!("not quantised") };
    assert_eq!(matrix.format(), MatrixFormat::Q4K);
    // Asked for its numbers, the source gives those that the codes stand for.
    let numbers = source.tensor(&spec).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(numbers, matrix.dequantize().unwrap());
    let before = CheckpointSource::new(model.checkpoint, Device::Cpu).tensor(&spec).unwrap();
    let before = before.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let error = numbers.iter().zip(&before).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
    let scale = before.iter().map(|b| b.powi(2)).sum::<f32>();
    assert!(error < 0.01 * scale, "{error} of {scale}");
}

#[test]
fn what_does_not_fit_falls_back_and_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), Preset::Tiny);
    let report = made(&model, BOTH, &folder.path().join("small"));
    // No inner width of the tiny language model is a multiple of 256.
    assert_eq!(report.fallbacks.len(), 7 * model.config.llm.depth + 1);
    let first = &report.fallbacks[0];
    assert_eq!(first.wanted, MatrixFormat::Q4K);
    assert_eq!(first.stored, StoredForm::Quantized(MatrixFormat::Q8));
    assert!(first.reason.contains("256"), "{}", first.reason);
    assert!(!report.forms.contains_key(&StoredForm::Quantized(MatrixFormat::Q4K)));
    Segmenter::open(folder.path().join("small")).unwrap();
}

#[test]
fn what_nobody_asked_for_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), Preset::Tiny);
    let out = folder.path().join("same");
    let report = made(&model, Quantization::default(), &out);
    assert_eq!(report.forms.keys().collect::<Vec<_>>(), [&StoredForm::Values(StoredType::Bf16)]);
    let same = ModelFolder::open(&out).unwrap();
    assert_eq!(same.weights_digest(|_| true), model.weights_digest(|_| true));
    let only = Quantization { vision: Some(MatrixFormat::Q8), ..Quantization::default() };
    made(&model, only, &folder.path().join("vision"));
    let vision = ModelFolder::open(&folder.path().join("vision")).unwrap();
    let is_kept = |name: &str| {
        ["llm.", "cem.", "cams.", "lora.", "sam.decoder.", "seg_proj.", "f_image."]
            .iter()
            .any(|module| name.starts_with(module))
    };
    assert_eq!(vision.weights_digest(is_kept), model.weights_digest(is_kept));
    let towers = ["eva.", "dino.", "sam.encoder.", "qformer."];
    for tower in towers {
        let codes = |name: &&str| name.starts_with(tower) && name.rsplit('.').next() == Some("q8");
        assert!(vision.checkpoint.names().any(|name| codes(&name)), "{tower}");
    }
}

#[test]
fn work_that_needs_the_weights_is_refused_and_so_is_doing_it_twice() {
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("small");
    made(&model(folder.path(), Preset::Tiny), BOTH, &small);
    let small = ModelFolder::open(&small).unwrap();
    let out = folder.path().join("again");
    let error = quantize(&small, BOTH, &out, |_| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(error, ModelError::Quantized { .. }) && error.is_bad_input());
    assert!(error.to_string().contains("the model that it was made from"), "{error}");
    let error = calico_model::adapters::merge(&small, None, &out, |_| ControlFlow::Continue(()));
    assert!(error.unwrap_err().to_string().contains("fewer bits"));
    assert!(!out.exists());
}

#[test]
fn stopping_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), Preset::Tiny);
    let out = folder.path().join("small");
    for stop_at in ["looking", "writing"] {
        let stopped = quantize(&model, BOTH, &out, |progress| match progress {
            Progress::Looking(_) if stop_at == "looking" => ControlFlow::Break(()),
            Progress::Writing { bytes, total, .. } if bytes < total => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
        assert!(matches!(stopped, Err(ModelError::Stopped)));
        let left = fs::read_dir(folder.path()).unwrap();
        assert_eq!(left.count(), 1, "only the model is there");
    }
}

#[test]
fn broken_parts_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), Preset::Tiny);
    let small = folder.path().join("small");
    made(&model, BOTH, &small);
    let file = small.join("model.safetensors");
    let whole = fs::read(&file).unwrap();
    let name = "eva.blocks.0.mlp.fc1.weight.q8";
    let changed = |from: &str, to: &str| {
        // The header keeps its length, so everything else stays where it is.
        assert_eq!(from.len(), to.len());
        let text = String::from_utf8_lossy(&whole[..]).find(from).unwrap();
        let mut bytes = whole.clone();
        bytes[text..text + from.len()].copy_from_slice(to.as_bytes());
        fs::write(&file, bytes).unwrap();
        ModelFolder::open(&small).unwrap_err().to_string()
    };
    let scales = changed(&format!("{name}_scales\""), &format!("{name}_scalez\""));
    assert!(scales.contains("missing (1)") && scales.contains("_scales"), "{scales}");
    assert!(scales.contains("unexpected (1)") && scales.contains("_scalez"), "{scales}");
    let other = changed(&format!("{name}\":"), &format!("{}9\":", &name[..name.len() - 1]));
    assert!(other.contains(".q9"), "{other}");
    fs::write(&file, &whole).unwrap();
    let part = ModelFolder::open(&small).unwrap();
    assert!(part.checkpoint.stored(name).is_none() && part.checkpoint.bytes(name).is_some());
    let specs = calico_model::checkpoint::tensor_specs(&part.config).unwrap();
    let kept = specs.iter().filter_map(|spec| part.checkpoint.stored(&spec.name));
    assert!(kept.map(|tensor| tensor.byte_len()).sum::<usize>() > 0);
}
