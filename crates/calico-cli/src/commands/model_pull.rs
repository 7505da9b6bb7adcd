use std::env;

use calico_hub::{Hub, Licence, PullObserver, Pulled, Settings};
use calico_model::NewFolder;
use calico_result::terminal;
use indicatif::{DecimalBytes, HumanCount, ProgressBar};
use serde_json::{Value, json};

use super::model_import;
use crate::args::{ModelImportArgs, PullArgs};
use crate::failure::Failure;
use crate::progress::download_bar;
use crate::stream;
use crate::watching::stop_flag;

/// Downloads a model into the hub's cache; prints its folder, or imports it.
pub(crate) fn pull(args: &PullArgs) -> Result<(), Failure> {
    let mut settings = Settings::from_environment(|name| env::var_os(name))?;
    settings.is_offline |= args.offline;
    settings.verifies = args.verify;
    if let Some(cache) = &args.cache {
        settings.cache.clone_from(cache);
    }
    if let Some(out) = &args.out {
        NewFolder::check(out)?;
    }
    let mut watcher = Watcher { bar: download_bar() };
    let pulled = Hub::new(settings).pull(&args.source, &args.choice(), &mut watcher, stop_flag());
    watcher.bar.finish_and_clear();
    let pulled = pulled?;
    if args.json {
        return Ok(stream::print(&format!("{:#}\n", json(&pulled)))?);
    }
    stream::tell(&summary(&pulled));
    if let Some(out) = &args.out {
        let licence = pulled.licence.map(Licence::in_one_name);
        return model_import::run(&ModelImportArgs::whole(pulled.snapshot, out.clone(), licence));
    }
    let folder = terminal::harmless(&pulled.snapshot.display().to_string());
    Ok(stream::print(&format!("{folder}\n"))?)
}

fn json(pulled: &Pulled) -> Value {
    let files: Vec<Value> = pulled
        .files
        .iter()
        .map(|file| {
            json!({
                "name": file.name,
                "path": file.path.to_string_lossy(),
                "bytes": file.bytes,
                "sha256": file.sha256,
                "downloaded": file.is_new,
            })
        })
        .collect();
    let license = pulled
        .licence
        .as_ref()
        .map(|licence| json!({ "id": licence.id, "name": licence.name, "link": licence.link }));
    json!({
        "repository": pulled.repository,
        "revision": pulled.revision,
        "commit": pulled.commit,
        "snapshot": pulled.snapshot.to_string_lossy(),
        "license": license,
        "left_out": pulled.left_out,
        "files": files,
    })
}

/// What was pulled, in a few lines.
fn summary(pulled: &Pulled) -> String {
    let bytes = |is_new: bool| {
        let files = pulled.files.iter().filter(|file| file.is_new || !is_new);
        DecimalBytes(files.map(|file| file.bytes).sum())
    };
    let left_out = match pulled.left_out {
        0 => String::new(),
        count => format!(", {} not chosen", HumanCount(count as u64)),
    };
    let licence = match &pulled.licence {
        Some(Licence { id, name, link }) => {
            let more: Vec<&str> = [name, link].into_iter().flatten().map(String::as_str).collect();
            let more =
                if more.is_empty() { String::new() } else { format!(" ({})", more.join(", ")) };
            format!("{id}{more}, as its card says")
        }
        None => "none is stated: ask its authors before you use it".into(),
    };
    let text = format!(
        "{} at {}\nfiles    {} ({}, of which {} were downloaded now{left_out})\nlicence  {licence}",
        pulled.repository,
        pulled.commit,
        HumanCount(pulled.files.len() as u64),
        bytes(false),
        bytes(true),
    );
    text.lines().map(terminal::harmless).collect::<Vec<_>>().join("\n")
}

/// Shows a pull on the terminal.
struct Watcher {
    bar: ProgressBar,
}

impl Watcher {
    /// A line that stays, above the bar where there is one.
    fn tell(&self, line: &str) {
        let line = terminal::harmless(line);
        if self.bar.is_hidden() { stream::tell(&line) } else { self.bar.println(line) }
    }
}

impl PullObserver for Watcher {
    fn begins(&mut self, files: usize, bytes: u64) {
        self.bar.set_length(bytes);
        self.bar.reset_eta();
        if files > 0 {
            let noun = if files == 1 { "file" } else { "files" };
            self.tell(&format!("fetching {files} {noun}, {}", DecimalBytes(bytes)));
        }
    }

    fn file(&mut self, name: &str, bytes: u64) {
        let line = terminal::harmless(&format!("{name} ({})", DecimalBytes(bytes)));
        if self.bar.is_hidden() { stream::tell(&line) } else { self.bar.set_message(line) }
    }

    fn arrived(&mut self, bytes: u64) {
        self.bar.set_position(bytes);
    }

    fn warns(&mut self, warning: &str) {
        self.tell(&format!("warning: {warning}"));
    }
}
