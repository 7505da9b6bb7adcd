//! What is written: imports that are stopped, folders that are there already, and models for other
//! programs.

use std::cell::Cell;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use calico_formats::{Element, TensorFile};
use calico_import::assembly::{ImportError, Role};
use calico_import::export::{ExportError, export_gguf, export_whole};
use calico_model::ModelFolder;
use calico_model::adapters::merge;
use calico_model::provenance::{ModuleOrigin, PROVENANCE_FILE, Provenance};

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
    let go_on = |_: &_, _| ControlFlow::Continue(());
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
    export_gguf(&opened, &out, |_, total| {
        assert!(total > 1 << 19);
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
    let error = export_gguf(&opened, &out, |_, _| ControlFlow::Continue(())).unwrap_err();
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
        let go_on = |_: &_, _| ControlFlow::Continue(());
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
    export_gguf(&opened, &out, |_, _| ControlFlow::Continue(())).unwrap();
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
    let error = export_gguf(&opened, &folder.path().join("llm.gguf"), |_, _| stop()).unwrap_err();
    assert!(matches!(error, ExportError::Stopped), "{error}");
    let error = export_whole(&opened, &folder.path().join("one"), |_, _| stop_too()).unwrap_err();
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
    export_gguf(&opened, &out, |_, _| ControlFlow::Continue(())).unwrap();
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
