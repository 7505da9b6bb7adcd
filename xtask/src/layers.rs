//! Which crate may use which, ours and foreign.

use serde_json::Value;

use crate::sources::has_word;
use crate::tidy::Finding;
use crate::tree::Tree;

/// A crate uses only crates of lower layers; crates of one layer are strangers.
const LAYERS: &[(&str, &[&str])] = &[
    ("L0", &["calico-kernels", "calico-image", "calico-formats"]),
    ("L1", &["calico-nn"]),
    (
        "L2",
        &["calico-vision", "calico-language", "calico-annotation", "calico-result", "calico-hub"],
    ),
    ("L3", &["calico-model", "calico-data"]),
    ("L4", &["calico-eval", "calico-synth", "calico-mini", "calico-import"]),
    ("L5", &["calico-train", "calico-serve"]),
    ("L6", &["calico-cli"]),
];

/// Used by tests only, and itself built on the tensors of one crate.
const TESTKIT: &str = "calico-testkit";
const TESTKIT_USES: &[&str] = &["calico-nn"];

/// Uses none of our crates and is used by none.
const XTASK: &str = "xtask";

/// Foreign crates that only some of ours may use, in their tests as well.
const FLOORS: &[(&str, &[&str])] = &[
    ("candle-core", TENSORS),
    ("candle-nn", TENSORS),
    ("tokenizers", &["calico-language", "calico-formats"]),
    ("ab_glyph", &["calico-result"]),
    ("tiny-skia", &["calico-result", "calico-synth"]),
    ("zip", &["calico-result"]),
    ("quick-xml", &["calico-annotation"]),
    // The hub, and images that a service fetches.
    ("ureq", &["calico-hub", "calico-serve"]),
    ("axum", &["calico-serve"]),
    ("tokio", &["calico-serve"]),
    ("arrow-array", &["calico-data"]),
    ("arrow-schema", &["calico-data"]),
    ("parquet", &["calico-data"]),
    ("clap", &["calico-cli", XTASK]),
    ("anyhow", &["calico-cli", XTASK]),
];
const TENSORS: &[&str] = &[
    "calico-nn",
    "calico-vision",
    "calico-language",
    "calico-model",
    "calico-import",
    "calico-train",
    TESTKIT,
];

/// A crate of this workspace.
#[derive(Debug)]
pub(crate) struct Package<'a> {
    name: &'a str,
    /// Path of its Cargo.toml from the root.
    manifest: &'a str,
    /// Name of each dependency, and whether it serves tests only.
    dependencies: Vec<(&'a str, bool)>,
}

/// Reads the answer of `cargo metadata --no-deps` for the workspace at `root`.
pub(crate) fn packages<'a>(metadata: &'a Value, root: &str) -> Vec<Package<'a>> {
    let list = |value: &'a Value| value.as_array().into_iter().flatten();
    let text = |value: &'a Value| value.as_str().unwrap_or_default();
    list(&metadata["packages"])
        .map(|package| Package {
            name: text(&package["name"]),
            manifest: text(&package["manifest_path"])
                .trim_start_matches(root)
                .trim_start_matches('/'),
            dependencies: list(&package["dependencies"])
                .map(|used| (text(&used["name"]), used["kind"] == "dev"))
                .collect(),
        })
        .collect()
}

/// Every crate has a layer and stays in it, and has its place in ARCHITECTURE.md.
pub(crate) fn check(packages: &[Package<'_>], tree: &Tree) -> Vec<Finding> {
    let map = tree.text("ARCHITECTURE.md").unwrap_or_default();
    let mut findings = Vec::new();
    for package in packages {
        let (user, manifest) = (package.name, package.manifest);
        if !has_word(map, user) {
            let text = format!("does not name {user}, say what it is for");
            findings.push(Finding::new("ARCHITECTURE.md", 1, text));
        }
        if layer(user).is_none() && ![TESTKIT, XTASK].contains(&user) {
            let text = format!("{user} has no layer, add it to LAYERS of xtask/src/layers.rs");
            findings.push(Finding::new(manifest, 1, text));
            continue;
        }
        for &(used, dev) in &package.dependencies {
            let problem = if packages.iter().any(|ours| ours.name == used) {
                our_problem(user, used, dev)
            } else {
                foreign_problem(user, used)
            };
            findings.extend(problem.map(|text| {
                let line = declaration(tree.text(manifest).unwrap_or_default(), used);
                Finding::new(manifest, line, text)
            }));
        }
    }
    findings
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|(_, names)| names.contains(&name))
}

fn our_problem(user: &str, used: &str, dev: bool) -> Option<String> {
    if used == TESTKIT && layer(user).is_some() {
        let advice = "move it to [dev-dependencies]";
        return (!dev).then(|| format!("{TESTKIT} serves tests only, {advice}"));
    }
    if user == TESTKIT {
        let advice = "take values instead of its types";
        return (!TESTKIT_USES.contains(&used)).then(|| format!("{user} uses {used}, {advice}"));
    }
    let (Some(high), Some(low)) = (layer(user), layer(used)) else {
        return Some(format!("{user} uses {used}, chores stand apart: remove it"));
    };
    let (above, below) = (LAYERS[high].0, LAYERS[low].0);
    (low >= high).then(|| {
        format!("{user} ({above}) uses {used} ({below}), move what they share to a lower layer")
    })
}

fn foreign_problem(user: &str, used: &str) -> Option<String> {
    let (_, homes) = FLOORS.iter().find(|(name, _)| *name == used)?;
    let homes = (!homes.contains(&user)).then(|| homes.join(", "))?;
    Some(format!("{user} uses {used}, leave that to {homes}"))
}

/// The line of a manifest that declares a dependency, or the first.
fn declaration(manifest: &str, name: &str) -> usize {
    let declares =
        |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
    manifest.lines().position(declares).unwrap_or(0) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_use_lower_layers_only() {
        assert_eq!(our_problem("calico-vision", "calico-nn", false), None);
        for used in ["calico-vision", "calico-language", "calico-model"] {
            let problem = our_problem("calico-vision", used, true).unwrap();
            assert!(problem.contains("lower layer"), "{problem}");
        }
        assert!(our_problem("xtask", "calico-nn", false).is_some());
        assert!(our_problem("calico-cli", "xtask", true).is_some());
    }

    #[test]
    fn the_testkit_serves_tests_and_knows_one_crate() {
        assert_eq!(our_problem("calico-model", TESTKIT, true), None);
        assert!(our_problem("calico-model", TESTKIT, false).is_some());
        assert_eq!(our_problem(TESTKIT, "calico-nn", false), None);
        assert!(our_problem(TESTKIT, "calico-model", true).is_some());
    }

    #[test]
    fn foreign_crates_stay_on_their_floor() {
        assert_eq!(foreign_problem("calico-nn", "candle-core"), None);
        assert_eq!(foreign_problem("calico-image", "rayon"), None);
        assert!(foreign_problem("calico-result", "candle-core").is_some());
    }

    #[test]
    fn findings_point_at_the_declaration() {
        let metadata = serde_json::json!({ "packages": [
            { "name": "calico-image", "manifest_path": "/r/image/Cargo.toml",
              "dependencies": [{ "name": "clap", "kind": null }] },
            { "name": "newcomer", "manifest_path": "/r/newcomer/Cargo.toml", "dependencies": [] },
        ]});
        let manifest = "[dependencies]\nclap_complete = \"4\"\nclap.workspace = true\n";
        let map = "`calico-image`: pixels";
        let tree = Tree::of(&[("image/Cargo.toml", manifest), ("ARCHITECTURE.md", map)]);
        let found = check(&packages(&metadata, "/r"), &tree);
        let shown: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), 3);
        assert!(shown[0].starts_with("image/Cargo.toml:3: calico-image uses clap"));
        assert!(shown[1].starts_with("ARCHITECTURE.md:1: does not name newcomer"));
        assert!(shown[2].starts_with("newcomer/Cargo.toml:1: newcomer has no layer"));
    }
}
