//! What is written: imports that are stopped, folders that are there already, and models for other
//! programs.

use std::cell::Cell;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use calico_formats::{BlockFormat, Element, TensorFile};
use calico_import::assembly::{ImportError, Role};
use calico_import::export::{ExportError, Exported, export_gguf, export_whole};
use calico_model::ModelFolder;
use calico_model::adapters::{merge, update};
use calico_model::checkpoint::tensor_specs;
use calico_model::provenance::{ModuleOrigin, PROVENANCE_FILE, Provenance};
use calico_model::quantize::{Quantization, quantize};
use calico_nn::quantized::MatrixFormat;
use calico_nn::weights::checkpoint::{Checkpoint, StoredType};

use crate::damaged::{read, write};
use crate::desk::Whole;

/// Names of what lies in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Lets so many tensors pass.
fn after(count: usize) -> impl Fn() -> ControlFlow<()> {
    let left = Cell::new(count);
    move || match left.get() {
        0 => ControlFlow::Break(()),
        more => {
            left.set(more - 1);
            ControlFlow::Continue(())
        }
    }
}

#[test]
fn an_import_that_is_stopped_leaves_nothing() {
    let whole = Whole::new();
    let (assembly, tokenizer) = whole.wish().planned().unwrap();
    for count in [0, 1, 100] {
        let folder = tempfile::tempdir().unwrap();
        let stop = after(count);
        let error = assembly.write(&folder.path().join("model"), &tokenizer.json, |_| stop());
        assert!(matches!(error, Err(ImportError::Stopped)), "{error:?}");
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }
}

#[test]
fn a_folder_that_holds_something_stays_as_it_is() {
    let whole = Whole::new();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine"), "x").unwrap();
    let error = whole.wish().granted(folder.path()).unwrap_err();
    assert!(error.is_bad_input() && error.to_string().contains("not empty"), "{error}");
    let opened = ModelFolder::open(&whole.path()).unwrap();
    let go_on = |_: Exported<'_>| ControlFlow::Continue(());
    let error = export_whole(&opened, folder.path(), go_on).unwrap_err();
    assert!(error.is_bad_input() && error.to_string().contains("not empty"), "{error}");
    assert_eq!(names(folder.path()), ["mine"]);
    // An empty one is taken.
    let empty = tempfile::tempdir().unwrap();
    whole.wish().granted(empty.path()).unwrap();
    assert!(names(empty.path()).contains(&"model.safetensors".to_owned()));
}

#[test]
fn a_language_model_goes_to_gguf_and_back_to_the_bit() {
    let whole = Whole::new();
    let opened = ModelFolder::open(&whole.path()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("llm.gguf");
    // A file of this name was once taken for scratch.
    fs::write(folder.path().join("llm.rights"), "mine").unwrap();
    export_gguf(&opened, &out, |tensor| {
        assert!(tensor.total > 1 << 19);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(names(folder.path()).len(), 2);
    let file = TensorFile::open(&out).unwrap();
    assert_eq!(file.tensors().len(), 3 + 9 * 6);
    assert_eq!(file.tensors()["blk.0.attn_norm.weight"].element, Element::F32);
    let rest = whole.without(&["llm."]);
    let mut wish = rest.wish();
    wish.files.push((Role::Language, out.clone()));
    wish.tokenizer = Some(whole.path().join("tokenizer.json"));
    let back = read(&wish.imported().path().join("model.safetensors"));
    assert!(back == read(&whole.path().join("model.safetensors")));
    let error = export_gguf(&opened, &out, |_| ControlFlow::Continue(())).unwrap_err();
    assert!(error.to_string().contains("llm.gguf exists; expected a new file"), "{error}");
}

#[test]
fn what_would_be_refused_on_its_way_back_is_not_written() {
    for name in ["llm.model.norm.weight", "lora.layers.0.q.a"] {
        let whole = Whole::new();
        let path = whole.path().join("model.safetensors");
        let mut tensors = read(&path);
        let (_, _, bytes) = tensors.get_mut(name).unwrap();
        bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        write(&path, &tensors);
        let opened = ModelFolder::open(&whole.path()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let go_on = |_: Exported<'_>| ControlFlow::Continue(());
        for told in [
            export_whole(&opened, &out, go_on).unwrap_err().to_string(),
            export_gguf(&opened, &out, go_on).unwrap_err().to_string(),
            merge(&opened, None, &out, |_| ControlFlow::Continue(())).unwrap_err().to_string(),
        ] {
            assert!(told.contains(&format!("{name} holds NaN or infinity")), "{told}");
        }
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }
}

#[test]
fn a_licence_goes_to_gguf_and_back() {
    let whole = Whole::new();
    let mut said = Provenance::default();
    let (source, licence) = ("vicuna".to_owned(), "llama2".to_owned());
    said.add("llm", ModuleOrigin { source, licence, family: None });
    fs::write(whole.path().join(PROVENANCE_FILE), said.to_json()).unwrap();
    let opened = ModelFolder::open(&whole.path()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("llm.gguf");
    export_gguf(&opened, &out, |_| ControlFlow::Continue(())).unwrap();
    let file = TensorFile::open(&out).unwrap();
    assert_eq!(file.notes()["general.license"], "llama2");
    assert_eq!(file.notes()["calico.sources"], "vicuna");
    let rest = whole.without(&["llm."]);
    let mut wish = rest.wish();
    wish.files.push((Role::Language, out));
    wish.tokenizer = Some(whole.path().join("tokenizer.json"));
    let back = Provenance::of_folder(&wish.imported().path()).unwrap().unwrap();
    assert_eq!(back.modules["llm"].origins[0].licence, "llama2");
}

#[test]
fn an_export_that_is_stopped_leaves_nothing() {
    let whole = Whole::new();
    let opened = ModelFolder::open(&whole.path()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (stop, stop_too) = (after(5), after(5));
    let error = export_gguf(&opened, &folder.path().join("llm.gguf"), |_| stop()).unwrap_err();
    assert!(matches!(error, ExportError::Stopped), "{error}");
    let error = export_whole(&opened, &folder.path().join("one"), |_| stop_too()).unwrap_err();
    assert!(matches!(error, ExportError::Stopped), "{error}");
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn a_file_for_others_has_the_rights_of_an_ordinary_one() {
    use std::os::unix::fs::PermissionsExt as _;

    let whole = Whole::new();
    let opened = ModelFolder::open(&whole.path()).unwrap();
    let out = whole.path().join("llm.gguf");
    export_gguf(&opened, &out, |_| ControlFlow::Continue(())).unwrap();
    let ordinary = whole.path().join("ordinary");
    fs::write(&ordinary, "x").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&out), mode(&ordinary));
}

#[test]
fn the_report_counts_parameters_as_the_budget_does() {
    let whole = Whole::new();
    let (assembly, _) = whole.wish().planned().unwrap();
    let request = calico_model::budget::Request::default();
    let modules = calico_model::budget::modules(assembly.config(), request).unwrap();
    let expected: u64 = modules.iter().map(|module| module.parameters).sum();
    assert_eq!(assembly.report(&[]).parameters, expected);
    let all: usize = assembly.tensors().iter().map(|it| it.shape.iter().product::<usize>()).sum();
    assert_eq!(all as u64 - expected, 32, "SAM's random positions");
}

/// The model with 8 bits in its language model.
fn in_8_bits(whole: &Whole) -> ModelFolder {
    let out = whole.path().join("small");
    let opened = ModelFolder::open(&whole.path()).unwrap();
    let wanted = Quantization { llm: Some(MatrixFormat::Q8Blocks), vision: None };
    quantize(&opened, wanted, &out, |_| ControlFlow::Continue(())).unwrap();
    ModelFolder::open(&out).unwrap()
}

/// Exports the language model, imports it again as f32, and returns its tensors.
fn there_and_back(whole: &Whole, model: &ModelFolder) -> Checkpoint {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("llm.gguf");
    export_gguf(model, &out, |_| ControlFlow::Continue(())).unwrap();
    let kinds = TensorFile::open(&out).unwrap();
    let element = |name: &str| kinds.tensors()[name].element;
    assert_eq!(element("blk.0.attn_q.weight"), Element::Block(BlockFormat::Q8_0));
    // 112 values are no whole number of blocks of 32.
    assert_eq!(element("blk.0.ffn_down.weight"), Element::F32);
    let rest = whole.without(&["llm."]);
    let mut wish = rest.wish();
    wish.files.push((Role::Language, out));
    wish.tokenizer = Some(whole.path().join("tokenizer.json"));
    wish.stored = Some(StoredType::F32);
    wish.imported().checkpoint
}

/// The matrices of the language model that have fewer bits, and their numbers.
fn matrices(model: &ModelFolder) -> Vec<(String, Vec<f32>)> {
    let specs = tensor_specs(&model.config).unwrap().into_iter();
    let numbers = specs.filter_map(|spec| {
        let matrix = model.checkpoint.quantized(&spec)?;
        Some((spec.name, matrix.dequantize().unwrap()))
    });
    let all: Vec<_> = numbers.collect();
    assert!(all.len() > 40, "only {} matrices", all.len());
    all
}

#[test]
fn a_quantised_language_model_goes_to_gguf_with_the_numbers_that_it_computes_with() {
    let whole = Whole::new();
    let small = in_8_bits(&whole);
    let back = there_and_back(&whole, &small);
    for (name, expected) in matrices(&small) {
        assert!(StoredType::F32.decode(back.bytes(&name).unwrap()) == expected, "{name} differs");
    }
    let error = export_whole(&small, &whole.path().join("one"), |_| ControlFlow::Continue(()));
    assert!(error.unwrap_err().to_string().contains("fewer bits"));
}

#[test]
fn updates_of_a_quantised_language_model_are_part_of_its_gguf() {
    let changed = "lora.layers.1.q.b";
    let whole = Whole::new().changed(|tensors| {
        let (_, _, bytes) = tensors.get_mut(changed).unwrap();
        bytes.as_chunks_mut().0.fill(0.5_f32.to_le_bytes());
    });
    let small = in_8_bits(&whole);
    let back = there_and_back(&whole, &small);
    for (name, expected) in matrices(&small) {
        let found = StoredType::F32.decode(back.bytes(&name).unwrap());
        if name != "llm.model.layers.1.self_attn.q_proj.weight" {
            assert!(found == expected, "{name} differs");
            continue;
        }
        let mut updated = expected.clone();
        update(&small, &name).unwrap().unwrap().add_to(&mut updated);
        let largest = updated.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        for ((found, updated), before) in found.iter().zip(&updated).zip(&expected) {
            assert!((found - updated).abs() <= largest / 127.0, "{found} for {updated}");
            assert!((found - before).abs() > 0.0 || (updated - before).abs() < largest / 127.0);
        }
        assert!(found != expected, "{name} has no update");
    }
}

#[test]
fn an_update_beyond_the_format_is_told_with_its_matrix() {
    for factor in [1e30_f32, 1e38] {
        let whole = Whole::new().changed(|tensors| {
            let (_, _, bytes) = tensors.get_mut("lora.layers.1.q.b").unwrap();
            bytes.as_chunks_mut().0.fill(factor.to_le_bytes());
        });
        let (small, out) = (in_8_bits(&whole), whole.path().join("llm.gguf"));
        let error = export_gguf(&small, &out, |_| ControlFlow::Continue(())).unwrap_err();
        let told = error.to_string();
        assert!(error.is_bad_input() && told.contains("exceeds what Q8_0 holds"), "{told}");
        assert!(told.contains("layers.1.self_attn.q_proj.weight") && !out.exists(), "{told}");
    }
}
