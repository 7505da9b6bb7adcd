//! What may stand in a file, and how big a file may be.

use crate::tidy::Finding;
use crate::tree::{File, Tree};

/// Lines of a Rust file, outside of test folders.
const MAX_LINES: usize = 400;
/// Bytes of one golden, and of all of them.
const MAX_GOLDEN: u64 = 1 << 20;
const MAX_GOLDENS: u64 = 8 << 20;

/// Files that are excused from one rule, each with the reason.
type Excuses = &'static [(&'static str, &'static str)];
const LONG: Excuses = &[];
const MACHINE_PATHS: Excuses = &[];
const UNSAFE: Excuses = &[
    (
        "crates/calico-kernels/src/simd/avx2.rs",
        "calls instructions that not every machine has, with pointers to slices",
    ),
    (
        "crates/calico-kernels/src/simd/avx512.rs",
        "calls instructions that not every machine has, with pointers to slices",
    ),
    (
        "crates/calico-kernels/src/simd/neon.rs",
        "calls instructions that not every machine has, with pointers to slices",
    ),
    (
        "crates/calico-kernels/examples/products.rs",
        "the crate with which it compares takes pointers",
    ),
    (
        "crates/calico-nn/src/weights/checkpoint.rs",
        "maps weight files into memory and gives pages back, which the compiler cannot check",
    ),
    (
        "crates/calico-nn/src/process.rs",
        "sets environment variables and the allocator at the start of a program",
    ),
    (
        "crates/calico-nn/examples/training_step.rs",
        "settles the process before there is a second thread",
    ),
    (
        "crates/calico-nn/src/ops/product.rs",
        "hands slices whose sizes it has checked to the kernel of matrix products",
    ),
    ("crates/calico-cli/src/main.rs", "settles the process before there is a second thread"),
];

/// Words that must not trip over their own rule are put together from two pieces.
const TO_DO: &str = concat!("TO", "DO");
const FORBIDDEN_MARKS: [&str; 2] = [concat!("FIX", "ME"), concat!("to", "do!")];
const UNSAFE_WORD: &str = concat!("un", "safe");
const ROOTS: [&str; 6] = [
    concat!("/", "home/"),
    concat!("/", "root/"),
    concat!("/", "work/"),
    concat!("/", "tmp/"),
    concat!("/", "mnt/"),
    concat!("/", "Users/"),
];
const FOREIGN_PLACES: [&str; 2] = [concat!("../", "shared"), concat!("arti", "factory")];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = goldens(tree);
    for (path, file) in tree.iter() {
        let rust = has_extension(path, "rs");
        let mut by_line = |applies: bool, rule: fn(&str) -> Option<String>| {
            let lines = file.text.lines().enumerate().filter(|_| applies);
            let found = lines.filter_map(|(index, line)| Some((index + 1, rule(line)?)));
            findings.extend(found.map(|(line, text)| Finding::new(path, line, text)));
        };
        by_line(!excused(MACHINE_PATHS, path), machine_path);
        by_line(!path.starts_with("goldens/"), mark);
        by_line(rust && !excused(UNSAFE, path), unsafe_code);
        if rust {
            findings.extend(forwards(path, &file.text));
        }
        if rust && !excused(LONG, path) {
            findings.extend(length(path, &file.text));
        }
    }
    findings
}

pub(crate) fn has_extension(path: &str, extension: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, end)| end == extension)
}

/// Whether `text` holds `word` with neither letters, digits, `_` nor `-` around it.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    after_word(text, word).is_some()
}

/// What follows the first `word` in `text`.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(word)
        .map(|(at, _)| (&text[..at], &text[at + word.len()..]))
        .find(|(before, after)| !before.ends_with(inside) && !after.starts_with(inside))
        .map(|(_, after)| after)
}

fn excused(table: Excuses, path: &str) -> bool {
    table.iter().any(|(file, _)| *file == path)
}

fn machine_path(line: &str) -> Option<String> {
    // What precedes an absolute path neither names a folder nor stands for one.
    let inside = |c: char| c.is_alphanumeric() || "._-~})$/".contains(c);
    let absolute = |root: &&&str| {
        let mut places = line.match_indices(**root);
        places.any(|(at, _)| !line[..at].ends_with(inside))
    };
    let named = |place: &&&str| line.to_lowercase().contains(**place);
    let place = ROOTS.iter().find(absolute);
    let place = place.or_else(|| FOREIGN_PLACES.iter().find(named))?;
    Some(format!("names {place}, which other machines lack: use a path within the project"))
}

fn mark(line: &str) -> Option<String> {
    let nameless = after_word(line, TO_DO).is_some_and(|rest| {
        let name = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        name.is_none_or(|(name, _)| name.is_empty())
    });
    let forbidden = FORBIDDEN_MARKS.iter().any(|mark| has_word(line, mark));
    let advice = "finish the work, or say who will";
    (nameless || forbidden).then(|| format!("has a nameless mark, {advice}: {TO_DO}(name)"))
}

fn unsafe_code(line: &str) -> Option<String> {
    let code = line.split("//").next().unwrap_or_default();
    let advice = "write it in safe Rust, or list the file in UNSAFE of xtask/src/sources.rs";
    has_word(code, UNSAFE_WORD).then(|| format!("uses {UNSAFE_WORD} code, {advice}"))
}

fn length(path: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    let test = path.contains("/tests/") || path.ends_with("/tests.rs");
    let text = format!("has {lines} lines (at most {MAX_LINES}), split it by its nouns");
    (!test && lines > MAX_LINES).then(|| Finding::new(path, MAX_LINES + 1, text))
}

/// Every public forward says which shapes it takes and returns.
fn forwards(path: &str, text: &str) -> Vec<Finding> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_forward = |line: &&str| {
        let name = line.strip_prefix("pub fn ").unwrap_or_default();
        let name = name.split(['(', '<']).next().unwrap_or_default();
        ["forward", "forward_on_grid"].contains(&name)
    };
    let documented = |index: usize| {
        let above = lines[..index].iter().rev();
        let mut item = above.take_while(|line| {
            line.starts_with("//") || !(line.is_empty() || line.ends_with(['{', '}', ';']))
        });
        item.any(|line| *line == "/// # Shapes")
    };
    let bare = (0..lines.len()).filter(|&i| is_forward(&lines[i]) && !documented(i));
    let text = "is a forward without `# Shapes`, list those of its arguments and result";
    bare.map(|i| Finding::new(path, i + 1, text)).collect()
}

fn goldens(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut total = 0;
    for (path, &File { bytes, .. }) in tree.iter() {
        if path.starts_with("goldens/") {
            total += bytes;
            findings.extend(too_big(path, bytes, MAX_GOLDEN));
        }
    }
    findings.extend(too_big("goldens", total, MAX_GOLDENS));
    findings
}

fn too_big(path: &str, bytes: u64, limit: u64) -> Option<Finding> {
    let text = format!("has {bytes} bytes (less than {limit}), shrink or drop cases");
    (bytes >= limit).then(|| Finding::new(path, 1, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_paths_and_foreign_places_are_found() {
        for root in ROOTS {
            assert!(machine_path(&format!("open(\"{root}me\")")).is_some());
            assert_eq!(machine_path(&format!("see docs{root} and ~{root}x")), None);
        }
        let host = FOREIGN_PLACES[1].to_uppercase();
        assert!(machine_path(&format!("https://{host}.example.org")).is_some());
        assert!(machine_path(FOREIGN_PLACES[0]).is_some());
    }

    #[test]
    fn marks_carry_a_name() {
        assert_eq!(mark(&format!("// {TO_DO}(ada): later")), None);
        for text in [TO_DO, &format!("{TO_DO}()"), &format!("{TO_DO}: later")] {
            assert!(mark(text).is_some(), "{text}");
        }
        for text in FORBIDDEN_MARKS {
            assert!(mark(&format!("{text}(1)")).is_some(), "{text}");
        }
    }

    #[test]
    fn long_files_are_found_outside_of_tests() {
        let text = "\n".repeat(MAX_LINES + 1);
        assert!(length("crates/a/src/lib.rs", &text).is_some());
        assert_eq!(length("crates/a/tests/parity.rs", &text), None);
        assert_eq!(length("crates/a/src/lib.rs", &text[1..]), None);
    }

    #[test]
    fn code_is_told_from_words_about_it() {
        assert!(unsafe_code(&format!("let map = {UNSAFE_WORD} {{ read() }};")).is_some());
        assert_eq!(unsafe_code(&format!("let x = 1; // {UNSAFE_WORD}")), None);
        assert_eq!(unsafe_code(&format!("{UNSAFE_WORD}_code = 1")), None);
    }

    #[test]
    fn forwards_without_shapes_are_found() {
        let good = "impl A {\n/// x\n///\n/// # Shapes\n/// - `x`: {\n#[inline]\npub fn forward(";
        assert_eq!(forwards("a", good), []);
        let bad = "/// # Shapes\npub fn forward_on_grid<T>(\n) {}\n\n/// x\npub fn forward(";
        assert_eq!(forwards("a", bad).len(), 1);
        assert_eq!(forwards("a", "pub fn forward_all(\nfn forward("), []);
    }

    #[test]
    fn big_goldens_are_found() {
        let mut tree = Tree::of(&[("goldens/a", ""), ("crates/b", "")]);
        assert_eq!(goldens(&tree), []);
        for file in tree.0.values_mut() {
            file.bytes = MAX_GOLDENS;
        }
        assert_eq!(goldens(&tree).len(), 2);
    }

    #[test]
    fn rules_apply_where_they_should_and_point_at_lines() {
        let bad = format!("\n// {TO_DO}\n{UNSAFE_WORD} {{}}\n");
        let (excused, _) = UNSAFE[0];
        let files = [("a.rs", bad.as_str()), (excused, &bad), ("a.md", &bad), ("goldens/a", &bad)];
        let found: Vec<_> = check(&Tree::of(&files)).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 4, "{found:#?}");
        assert!(found[1].starts_with("a.rs:2: has a nameless mark"));
        assert!(found[2].starts_with("a.rs:3: uses"));
    }
}
