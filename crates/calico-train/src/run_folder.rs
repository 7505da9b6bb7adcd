//! The folder of a run: whose it is, and that only one process trains in it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::whole_folder::{self, is_leftover};
use crate::{Recipe, TrainError};

const LOCK: &str = ".lock";
const IDENTITY: &str = "run.json";
const RECIPE: &str = "recipe.toml";
/// Folder of the checkpoints.
pub(crate) const CHECKPOINTS: &str = "checkpoints";
/// The longest identity that is read, in bytes.
const MAX_IDENTITY: u64 = 1 << 20;

/// What a run was begun with. A run goes on only with the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunIdentity {
    /// Always [`RunIdentity::FORMAT`].
    pub format: String,
    /// Name of the recipe.
    pub recipe: String,
    /// Digest of everything in it that changes what is computed.
    pub recipe_digest: String,
    /// Digest of the model that the run began with.
    pub model_digest: String,
    /// Digest of the data set.
    pub data_digest: String,
}

impl RunIdentity {
    /// The form of this file.
    pub const FORMAT: &'static str = "calico.run/1";

    /// In what another identity differs; `None` if in nothing.
    fn difference(&self, found: &Self, path: &Path, recipe: &Recipe) -> Option<String> {
        if self.recipe_digest != found.recipe_digest {
            return Some(if self.recipe == found.recipe {
                let changed = changed_settings(path, recipe);
                format!("its recipe {:?} has other settings{changed}", found.recipe)
            } else {
                format!("its recipe is {:?}, not {:?}", found.recipe, self.recipe)
            });
        }
        let differs = |what: &str| Some(format!("it began with another {what}"));
        if self.model_digest != found.model_digest {
            return differs("model");
        }
        if self.data_digest != found.data_digest {
            return differs("data set");
        }
        (self.format != found.format).then(|| format!("it is of the form {:?}", found.format))
    }
}

/// A locked run folder.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Unlocked when it is closed.
    _lock: File,
}

impl RunFolder {
    /// Opens the folder of a new run, or of one that goes on.
    ///
    /// # Errors
    /// If it holds something else, or another process trains in it. Nothing is changed then.
    pub fn open(path: &Path, identity: &RunIdentity, recipe: &Recipe) -> Result<Self, TrainError> {
        let other = |reason: String| TrainError::OtherRun { path: path.to_owned(), reason };
        let no_run = |reason: String| TrainError::NoRun { path: path.to_owned(), reason };
        if path.is_dir() {
            match known_identity(path)? {
                // Before its first checkpoint a run has nothing to lose.
                Some(found) if has_checkpoint(path) => {
                    if let Some(reason) = identity.difference(&found, path, recipe) {
                        return Err(other(reason));
                    }
                }
                None if holds_something(path)? => {
                    return Err(no_run(format!("it is not empty and has no {IDENTITY}")));
                }
                Some(_) | None => {}
            }
        } else if path.exists() {
            return Err(no_run("it is a file".into()));
        }
        let write = |path: &Path| {
            let path = path.to_owned();
            move |source| TrainError::Write { path, source }
        };
        fs::create_dir_all(path).map_err(write(path))?;
        let lock = path.join(LOCK);
        let file =
            OpenOptions::new().create(true).append(true).open(&lock).map_err(write(&lock))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(TrainError::Busy { path: path.to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(write(&lock)(source)),
        }
        let folder = Self { path: path.to_owned(), _lock: file };
        // What a killed process of this run left half written; nobody else is here.
        for place in ["", "best", "curves", "samples"] {
            whole_folder::recover(&path.join(place))?;
        }
        folder.write(RECIPE, recipe.to_toml()?.as_bytes())?;
        let text = serde_json::to_string_pretty(identity)
            .map_err(|error| TrainError::Internal(error.to_string()))?;
        folder.write(IDENTITY, format!("{text}\n").as_bytes())?;
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes a file if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<(), TrainError> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(TrainError::Write { path, source })
            }
            _ => Ok(()),
        }
    }

    /// Writes a file, all or nothing.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, TrainError> {
        let path = self.path.join(name);
        let folder = path.parent().unwrap_or(&self.path);
        let save = || {
            fs::create_dir_all(folder)?;
            let mut builder = tempfile::Builder::new();
            builder.prefix(".calico-");
            // What stays has the rights of an ordinary file, not those of a temporary one.
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                builder.permissions(fs::Permissions::from_mode(0o666));
            }
            let mut file = builder.tempfile_in(folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|failed| failed.error)?;
            Ok(())
        };
        save().map_err(|source| TrainError::Write { path: path.clone(), source })?;
        Ok(path)
    }
}

/// What the folder says of itself, if it does.
fn known_identity(folder: &Path) -> Result<Option<RunIdentity>, TrainError> {
    let path = folder.join(IDENTITY);
    let Ok(metadata) = fs::metadata(&path) else { return Ok(None) };
    let other = |reason: String| TrainError::OtherRun { path: folder.to_owned(), reason };
    if metadata.len() > MAX_IDENTITY {
        return Err(other(format!("its {IDENTITY} has {} bytes", metadata.len())));
    }
    let read = |source| TrainError::Read { path: path.clone(), source };
    let text = fs::read_to_string(&path).map_err(read)?;
    let identity = serde_json::from_str(&text);
    identity.map(Some).map_err(|error| other(format!("its {IDENTITY} is not readable ({error})")))
}

fn has_checkpoint(run: &Path) -> bool {
    let checkpoints = run.join(CHECKPOINTS);
    checkpoints.read_dir().is_ok_and(|mut entries| entries.next().is_some())
}

/// The settings in which a recipe differs from that of a run, as the end of a sentence.
fn changed_settings(run: &Path, recipe: &Recipe) -> String {
    let table = |text: String| text.parse::<toml::Table>().unwrap_or_default();
    let found = table(fs::read_to_string(run.join(RECIPE)).unwrap_or_default());
    let expected = table(recipe.to_toml().unwrap_or_default());
    let mut changed = Vec::new();
    compare("", &toml::Value::Table(found), &toml::Value::Table(expected), &mut changed);
    if changed.is_empty() { String::new() } else { format!(" ({})", changed.join("; ")) }
}

/// Whether a key may change.
fn is_free(key: &str) -> bool {
    let free = ["guard", "checkpoint", "data.folder", "data.roots", "features.folder"];
    // That it is the same model is told by its own digest.
    let of_model = ["model.folder", "model.config", "model.tokenizer"];
    let is_together = key.starts_with("stages.") && key.ends_with(".together");
    free.contains(&key) || of_model.contains(&key) || is_together
}

fn compare(key: &str, found: &toml::Value, now: &toml::Value, changed: &mut Vec<String>) {
    use toml::Value;
    if found == now || is_free(key) {
        return;
    }
    let below = |part: &str| if key.is_empty() { part.to_owned() } else { format!("{key}.{part}") };
    match (found, now) {
        (Value::Table(found), Value::Table(now)) => {
            let parts = found.keys().chain(now.keys().filter(|part| !found.contains_key(*part)));
            for part in parts {
                match (found.get(part), now.get(part)) {
                    (Some(found), Some(now)) => compare(&below(part), found, now, changed),
                    _ if is_free(&below(part)) => {}
                    (Some(_), None) => changed.push(format!("{} is gone", below(part))),
                    (None, _) => changed.push(format!("{} is new", below(part))),
                }
            }
        }
        (Value::Array(found), Value::Array(now)) if found.len() == now.len() => {
            for (at, (found, now)) in found.iter().zip(now).enumerate() {
                compare(&below(&at.to_string()), found, now, changed);
            }
        }
        _ => changed.push(format!("{key}: {found} in the run, {now} now")),
    }
}

fn holds_something(folder: &Path) -> Result<bool, TrainError> {
    let read = |source| TrainError::Read { path: folder.to_owned(), source };
    let entries = fs::read_dir(folder).map_err(read)?;
    // A run that was killed at once may leave these behind.
    let ours = |name: &str| [LOCK, RECIPE].contains(&name) || is_leftover(name);
    Ok(entries.flatten().any(|entry| !ours(&entry.file_name().to_string_lossy())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Compute;

    fn recipe() -> Recipe {
        let text = "name = 'a'\n[model]\npreset = 'tiny'\n[[stages]]\nname = 's'\ntrain = ['*']\nsteps = 200";
        Recipe::parse(text, Path::new("r.toml")).unwrap()
    }

    fn identity(recipe: &str, digest: &str) -> RunIdentity {
        RunIdentity {
            format: RunIdentity::FORMAT.into(),
            recipe: recipe.into(),
            recipe_digest: digest.into(),
            model_digest: "m".into(),
            data_digest: "d".into(),
        }
    }

    #[test]
    fn a_run_goes_on_only_with_what_it_began_with() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("run");
        let begun = identity("a", "1");
        fs::create_dir_all(path.join("checkpoints/step-00000001")).unwrap();
        fs::write(path.join(RECIPE), "").unwrap();
        fs::write(path.join(IDENTITY), serde_json::to_string(&begun).unwrap()).unwrap();
        drop(RunFolder::open(&path, &begun, &recipe()).unwrap());
        drop(RunFolder::open(&path, &begun, &recipe()).unwrap());
        for (other, told) in [
            (identity("b", "2"), "\"a\", not \"b\""),
            (identity("a", "2"), "other settings"),
            (RunIdentity { model_digest: "x".into(), ..begun.clone() }, "another model"),
            (RunIdentity { data_digest: "x".into(), ..begun.clone() }, "another data set"),
        ] {
            let error = RunFolder::open(&path, &other, &recipe()).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_changed_setting_is_named_and_a_run_without_checkpoint_begins_anew() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("run");
        drop(RunFolder::open(&path, &identity("a", "1"), &recipe()).unwrap());
        let changed = Recipe { seed: 7, ..recipe() };
        drop(RunFolder::open(&path, &identity("a", "2"), &changed).unwrap());
        fs::create_dir_all(path.join("checkpoints/step-00000001")).unwrap();
        let error = RunFolder::open(&path, &identity("a", "1"), &recipe()).unwrap_err().to_string();
        assert!(error.contains("seed: 7 in the run, 0 now"), "{error}");
    }

    #[test]
    fn a_changed_setting_of_the_model_is_named_but_not_its_place() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("run");
        let begun = |folder: &str, keep: &[&str], compute| {
            let mut recipe = recipe();
            recipe.model.folder = Some(folder.into());
            recipe.model.keep = keep.iter().map(|&name| name.to_owned()).collect();
            recipe.model.compute = compute;
            recipe
        };
        let open = |recipe: &Recipe| {
            RunFolder::open(&path, &identity("a", &recipe.digest().unwrap()), recipe).map(drop)
        };
        open(&begun("here", &["eva"], Compute::Auto)).unwrap();
        fs::create_dir_all(path.join("checkpoints/step-00000001")).unwrap();
        open(&begun("there", &["eva"], Compute::Auto)).unwrap();
        for (recipe, told) in [
            (begun("else", &["eva", "sam"], Compute::Auto), "model.keep: [\"eva\"] in the run"),
            (begun("else", &[], Compute::Auto), "model.keep is gone"),
            (begun("else", &["eva"], Compute::F32), "model.compute: \"auto\" in the run"),
        ] {
            let error = open(&recipe).unwrap_err().to_string();
            assert!(error.contains(told) && !error.contains("model.folder"), "{error}");
        }
    }

    #[test]
    fn a_folder_of_something_else_is_left_alone() {
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join("letter.txt"), "dear").unwrap();
        let error = RunFolder::open(scratch.path(), &identity("a", "1"), &recipe()).unwrap_err();
        assert!(matches!(error, TrainError::NoRun { .. }), "{error}");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_one_process_trains_in_a_folder() {
        let scratch = tempfile::tempdir().unwrap();
        let _first = RunFolder::open(scratch.path(), &identity("a", "1"), &recipe()).unwrap();
        let second = RunFolder::open(scratch.path(), &identity("a", "1"), &recipe());
        assert!(matches!(second, Err(TrainError::Busy { .. })));
    }
}
