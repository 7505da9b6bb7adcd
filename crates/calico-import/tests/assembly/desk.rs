//! Imports into scratch folders.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use calico_import::assembly::{
    Assembly, ImportError, ImportedTokenizer, Maps, Report, Request, Role, Source, Unused,
    imported_tokenizer,
};
use calico_import::{Copies, NameMap};
use calico_model::checkpoint::init;
use calico_model::{CalicoConfig, Preset};
use calico_nn::weights::checkpoint::{Checkpoint, StoredType};
use calico_testkit::Synthetic;
use tempfile::TempDir;

use crate::damaged::{Tensors, read, write};

/// A file that `tools/fixtures/import_models.py` wrote.
pub(crate) fn model(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(path)
}

/// What is to be imported.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) files: Vec<(Role, PathBuf)>,
    pub(crate) fresh: Vec<String>,
    pub(crate) config: CalicoConfig,
    pub(crate) stored: Option<StoredType>,
    pub(crate) unused: Unused,
    pub(crate) copies: Copies,
    pub(crate) tokenizer: Option<PathBuf>,
}

impl Wish {
    /// The preset `tiny` out of these files, with these modules untrained.
    pub(crate) fn new(files: &[(Role, PathBuf)], fresh: &[&str]) -> Self {
        Self {
            files: files.to_vec(),
            fresh: fresh.iter().map(ToString::to_string).collect(),
            config: Preset::Tiny.config().unwrap(),
            stored: None,
            unused: Unused::Refused,
            copies: Copies::Never,
            tokenizer: None,
        }
    }

    /// Plans the import; with it comes the tokenizer.
    pub(crate) fn planned(&self) -> Result<(Assembly, ImportedTokenizer), ImportError> {
        let known = NameMap::built_in();
        let maps = Maps { known: &known, chosen: None, copies: self.copies };
        let open = |(role, path): &(Role, PathBuf)| Source::open(*role, path, maps);
        let sources = self.files.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let config = self.config.clone();
        let rows = config.llm.vocab_size;
        let tokenizer = imported_tokenizer(self.tokenizer.as_deref(), &sources, rows);
        let (fresh, seed, stored) = (self.fresh.clone(), 5, self.stored);
        let request = Request { config, sources, fresh, seed, stored, unused: self.unused };
        Ok((Assembly::plan(request)?, tokenizer?))
    }

    /// Imports into a folder.
    pub(crate) fn granted(&self, out: &Path) -> Result<Report, ImportError> {
        let (assembly, tokenizer) = self.planned()?;
        assembly.write(out, &tokenizer.json, |_| ControlFlow::Continue(()))?;
        Ok(assembly.report(&tokenizer.added))
    }

    /// Imports; the checkpoint stays as long as the folder.
    #[track_caller]
    pub(crate) fn imported(&self) -> Imported {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("model");
        let report = self.granted(&out).unwrap_or_else(|error| panic!("{error}"));
        // What came out is a model: names, shapes, types and tokenizer fit each other.
        let opened = calico_model::ModelFolder::open(&out).unwrap();
        Imported { report, config: opened.config, checkpoint: opened.checkpoint, folder }
    }

    /// The message of a refusal, which leaves nothing.
    #[track_caller]
    pub(crate) fn refused(&self) -> String {
        let folder = tempfile::tempdir().unwrap();
        let error = self.granted(&folder.path().join("model")).unwrap_err();
        assert!(error.is_bad_input(), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "something was left");
        error.to_string()
    }
}

/// A model that was imported.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) report: Report,
    pub(crate) config: CalicoConfig,
    pub(crate) checkpoint: Checkpoint,
    folder: TempDir,
}

impl Imported {
    /// The folder of the model.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("model")
    }

    /// Proves that all tensors whose names begin so are the synthetic ones, halved and then
    /// stored as `stored`, to the bit. Returns how many there are.
    #[track_caller]
    pub(crate) fn assert_synthetic(&self, start: &str, stored: StoredType) -> usize {
        let names: Vec<&str> =
            self.checkpoint.names().filter(|name| name.starts_with(start)).collect();
        for name in &names {
            let tensor = self.checkpoint.stored(name).unwrap();
            assert_eq!(tensor.stored, stored, "{name}");
            let halves = StoredType::F16.encode(&Synthetic::values(name, &tensor.shape));
            let expected = stored.encode(&StoredType::F16.decode(&halves));
            assert!(self.checkpoint.bytes(name).unwrap() == expected, "{name} differs");
        }
        assert!(!names.is_empty(), "there is no {start}");
        names.len()
    }
}

/// A tiny model folder of ours.
#[derive(Debug)]
pub(crate) struct Whole {
    folder: TempDir,
}

impl Whole {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Preset::Tiny.config().unwrap();
        init(&folder.path().join("tiny"), &config, 7, StoredType::F32, |_| {
            ControlFlow::Continue(())
        })
        .unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("tiny")
    }

    pub(crate) fn changed(self, change: impl FnOnce(&mut Tensors)) -> Self {
        let path = self.path().join("model.safetensors");
        let mut tensors = read(&path);
        change(&mut tensors);
        write(&path, &tensors);
        self
    }

    pub(crate) fn wish(&self) -> Wish {
        Wish::new(&[(Role::Whole, self.path())], &[])
    }

    /// A copy without the tensors whose names begin so.
    pub(crate) fn without(&self, starts: &[&str]) -> Self {
        let mut tensors = read(&self.path().join("model.safetensors"));
        tensors.retain(|name, _| !starts.iter().any(|start| name.starts_with(start)));
        Self::new().changed(|all| *all = tensors)
    }
}

/// Proves that a message has all of these parts.
#[track_caller]
pub(crate) fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in:\n{message}");
    }
}
