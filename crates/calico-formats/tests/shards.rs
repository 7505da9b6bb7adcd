//! Models in several files, and folders with more in them than a model.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod expected;

use std::fs;
use std::path::{Path, PathBuf};

use calico_formats::{Element, FormatError, Problem, SetError, ShardedFiles, gguf};
use expected::{assert_tensors, data, document};
use tempfile::TempDir;

const INDEX: &str = "model.safetensors.index.json";

/// A folder with files of one-byte tensors.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file of safetensors, whatever its name says.
    fn file(self, name: &str, tensors: &[(&str, u8)]) -> Self {
        let infos = tensors.iter().enumerate().map(|(at, (tensor, _))| {
            format!(r#""{tensor}":{{"dtype":"U8","shape":[1],"data_offsets":[{at},{}]}}"#, at + 1)
        });
        let header = format!("{{{}}}", infos.collect::<Vec<_>>().join(","));
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(tensors.iter().map(|(_, value)| value));
        fs::write(self.path(name), bytes).unwrap();
        self
    }

    fn text(self, name: &str, text: &str) -> Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    fn index(self, name: &str, files: &[(&str, &str)]) -> Self {
        let map = files.iter().map(|(tensor, file)| format!("{tensor:?}:{file:?}"));
        let map = map.collect::<Vec<_>>().join(",");
        self.text(name, &format!(r#"{{"metadata":{{}},"weight_map":{{{map}}}}}"#))
    }

    fn gguf(self, name: &str, parts: Option<u32>, tensors: &[&str]) -> Self {
        let mut metadata =
            vec![("general.architecture".to_owned(), gguf::Value::Text("llama".to_owned()))];
        metadata.extend(parts.map(|parts| ("split.count".to_owned(), gguf::Value::U32(parts))));
        let plan = |name: &&str| gguf::Plan {
            name: (*name).to_owned(),
            element: Element::Int(1),
            shape: vec![1],
        };
        let plans: Vec<_> = tensors.iter().map(plan).collect();
        let target = fs::File::create(self.path(name)).unwrap();
        let mut writer = gguf::Writer::new(target, &metadata, &plans).unwrap();
        for tensor in tensors {
            writer.write(tensor, &[7]).unwrap();
        }
        writer.finish().unwrap();
        self
    }

    fn open(&self) -> Result<ShardedFiles, SetError> {
        ShardedFiles::open(self.0.path())
    }

    fn open_file(&self, name: &str) -> Result<ShardedFiles, SetError> {
        ShardedFiles::open(&self.path(name))
    }

    fn problems(&self) -> Vec<Problem> {
        problems(self.open())
    }
}

fn problems(opened: Result<ShardedFiles, SetError>) -> Vec<Problem> {
    match opened.unwrap_err() {
        SetError::Set { problems, .. } => problems,
        other => panic!("{other}"),
    }
}

fn names(set: &ShardedFiles) -> Vec<&str> {
    set.files().iter().map(|file| file.path().file_name().unwrap().to_str().unwrap()).collect()
}

fn tensors(set: &ShardedFiles) -> Vec<(&str, u8)> {
    set.tensors().map(|(name, _)| (name, set.read(name).unwrap()[0])).collect()
}

#[test]
fn a_set_that_others_wrote_is_read_bit_for_bit_from_its_folder_index_or_one_file() {
    let folder = data("safetensors/sharded");
    let places = [PathBuf::new(), INDEX.into(), "model-00002-of-00002.safetensors".into()];
    for place in places {
        let set = ShardedFiles::open(&folder.join(place)).unwrap();
        let read = |(name, tensor)| (name, tensor, set.read(name).unwrap());
        let found: Vec<_> = set.tensors().map(read).collect();
        assert_tensors(&document("safetensors/sharded.json"), &found);
        assert_eq!(set.files().len(), 2);
        assert!(set.doubled().is_empty());
    }
}

#[test]
fn a_single_file_is_a_set_of_one() {
    let folder = Folder::new().file("weights.pth", &[("a", 1), ("b", 2)]).text("config.json", "{}");
    for set in [folder.open().unwrap(), folder.open_file("weights.pth").unwrap()] {
        assert_eq!(tensors(&set), [("a", 1), ("b", 2)]);
        assert_eq!(set.path(), folder.path("weights.pth"));
    }
    let set = folder.open().unwrap();
    assert!(set.tensor("c").is_none());
    let error = set.read("c").unwrap_err();
    assert!(matches!(error, FormatError::NoTensor { .. }), "{error:?}");
}

#[test]
fn what_a_training_leaves_beside_a_model_is_passed_over() {
    let folder = Folder::new()
        .file("pytorch_model.bin", &[("a", 1)])
        .text("optimizer.pt", "no model")
        .text("scheduler.pt", "no model")
        .text("training_args.bin", "no model")
        .text("rng_state_0.pth", "no model")
        .text("flax_model.msgpack.index.json", "no index of ours");
    fs::create_dir(folder.path("folder.safetensors")).unwrap();
    assert_eq!(names(&folder.open().unwrap()), ["pytorch_model.bin"]);
}

#[test]
fn of_the_usual_names_safetensors_come_first_whole_or_in_several_files() {
    let bin = [("a", "pytorch_model-00001-of-00001.bin")];
    let both = || {
        Folder::new()
            .index("pytorch_model.bin.index.json", &bin)
            .file("pytorch_model-00001-of-00001.bin", &[("a", 1)])
            .file("mm_projector.bin", &[("p", 3)])
    };
    assert_eq!(names(&both().open().unwrap()), ["pytorch_model-00001-of-00001.bin"]);
    let whole = both().file("model.safetensors", &[("a", 2)]);
    assert_eq!(names(&whole.open().unwrap()), ["model.safetensors"]);
    let sharded = both()
        .index(INDEX, &[("a", "model-00001-of-00001.safetensors")])
        .file("model-00001-of-00001.safetensors", &[("a", 2)]);
    assert_eq!(names(&sharded.open().unwrap()), ["model-00001-of-00001.safetensors"]);
}

#[test]
fn several_models_in_a_folder_are_listed() {
    let folder = Folder::new()
        .file("ema.safetensors", &[("a", 1)])
        .file("last.pth", &[("a", 2)])
        .file("part-00001-of-00002.bin", &[("a", 3)])
        .file("part-00002-of-00002.bin", &[("b", 3)]);
    let error = folder.open().unwrap_err();
    let SetError::Several { names, .. } = &error else { panic!("{error}") };
    assert_eq!(names, &["ema.safetensors", "last.pth", "part-00001-of-00002.bin"]);
    assert!(error.to_string().contains("name the file to read"), "{error}");
    assert_eq!(tensors(&folder.open_file("last.pth").unwrap()), [("a", 2)]);
}

#[test]
fn sets_of_different_sizes_are_listed_once_each() {
    let folder = ["1-of-00002", "1-of-00003", "2-of-00002", "2-of-00003", "3-of-00003"]
        .into_iter()
        .fold(Folder::new(), |folder, part| folder.file(&format!("part-0000{part}.bin"), &[]));
    let SetError::Several { names, .. } = folder.open().unwrap_err() else { panic!() };
    assert_eq!(names, ["part-00001-of-00002.bin", "part-00001-of-00003.bin"]);
}

#[test]
fn a_whole_model_beside_an_index_of_the_same_name_is_several() {
    let folder = Folder::new()
        .file("model.safetensors", &[("a", 1)])
        .index(INDEX, &[("a", "model-00001-of-00001.safetensors")])
        .file("model-00001-of-00001.safetensors", &[("a", 2)]);
    let error = folder.open().unwrap_err();
    assert!(matches!(error, SetError::Several { .. }), "{error}");
    assert_eq!(tensors(&folder.open_file(INDEX).unwrap()), [("a", 2)]);
}

#[test]
fn a_folder_without_a_model_or_no_folder_at_all_is_an_error() {
    let folder = Folder::new().text("config.json", "{}");
    let error = folder.open().unwrap_err();
    assert!(matches!(error, SetError::NoModel { .. }), "{error}");
    let error = folder.open_file("nothing").unwrap_err();
    assert!(matches!(error, SetError::File(FormatError::Io { .. })), "{error}");
    let error = folder.open_file("config.json").unwrap_err();
    assert!(matches!(error, SetError::File(FormatError::NotThis { .. })), "{error}");
}

#[test]
fn numbered_files_need_no_index() {
    let folder = Folder::new()
        .file("pytorch_model-00001-of-00003.bin", &[("a", 1)])
        .file("pytorch_model-00002-of-00003.bin", &[("b", 2)])
        .file("pytorch_model-00003-of-00003.bin", &[("c", 3)]);
    assert_eq!(tensors(&folder.open().unwrap()), [("a", 1), ("b", 2), ("c", 3)]);
}

#[test]
fn sets_are_counted_from_zero_or_with_two_digits_too() {
    for set in
        [["a-00000-of-00002.bin", "a-00001-of-00002.bin"], ["b-01-of-02.bin", "b-02-of-02.bin"]]
    {
        let folder = Folder::new().file(set[0], &[("a", 1)]).file(set[1], &[("b", 2)]);
        assert_eq!(names(&folder.open().unwrap()), set);
    }
}

#[test]
fn all_missing_and_broken_files_are_listed_at_once() {
    let folder = Folder::new()
        .file("model-00002-of-00004.safetensors", &[("a", 1)])
        .text("model-00003-of-00004.safetensors", "{}");
    let problems = folder.problems();
    let missing = |problem: &Problem, name: &str| {
        assert!(matches!(problem, Problem::Missing { file } if file == name), "{problem}");
    };
    assert_eq!(problems.len(), 3, "{problems:?}");
    missing(&problems[0], "model-00001-of-00004.safetensors");
    assert!(matches!(problems[1], Problem::Unreadable { error: FormatError::NotThis { .. } }));
    missing(&problems[2], "model-00004-of-00004.safetensors");
    let text = folder.open().unwrap_err().to_string();
    assert!(
        text.contains("has 3 problems:\n  `model-00001-of-00004.safetensors` is missing"),
        "{text}"
    );
}

#[test]
fn numbers_that_count_nothing_are_part_of_a_name() {
    for name in [
        "a-00000-of-00001.bin",
        "a-00002-of-00001.bin",
        "a-1-of-2.bin",
        "a-00001-of-0000x.bin",
        "a-00001-of-+0001.bin",
        "of.bin",
    ] {
        let folder = Folder::new().file(name, &[("a", 1)]);
        assert_eq!(names(&folder.open().unwrap()), [name]);
    }
    let folder = Folder::new().file("a-00001-of-99999.bin", &[("a", 1)]);
    assert!(matches!(folder.problems()[..], [Problem::TooMany { found: 99_999, .. }]));
}

#[test]
fn an_index_that_leaves_its_folder_is_refused_before_anything_is_opened() {
    let outside = Folder::new().file("secret.safetensors", &[("a", 1)]);
    let absolute = outside.path("secret.safetensors");
    for file in [
        absolute.to_str().unwrap(),
        "../secret.safetensors",
        "..",
        ".",
        "",
        "below/secret.safetensors",
        "./secret.safetensors",
        "secret.safetensors/",
        "..\\secret.safetensors",
        "C:secret.safetensors",
    ] {
        let folder = Folder::new().file("b", &[("b", 1)]).index(INDEX, &[("a", file), ("b", "b")]);
        let problems = problems(folder.open_file(INDEX));
        let [Problem::Outside { tensor, file: named }] = &problems[..] else {
            panic!("{file}: {problems:?}")
        };
        assert_eq!((tensor.as_str(), named.as_str()), ("a", file));
    }
}

#[test]
fn tensors_that_lie_elsewhere_than_the_index_says_are_listed() {
    let folder = Folder::new()
        .index(INDEX, &[("a", "one"), ("b", "one"), ("c", "two"), ("d", "two"), ("e", "gone")])
        .file("one", &[("a", 1), ("c", 3)])
        .file("two", &[("b", 2), ("unlisted", 9)]);
    let problems = folder.problems();
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "`gone` is missing: download it, or copy it along",
            "tensor `b` lies in `two`, expected it in `one`",
            "tensor `c` lies in `one`, expected it in `two`",
            "tensor `d` lies in no file, expected it in `two`",
        ]
    );
}

#[test]
fn a_tensor_in_two_files_is_doubled_and_read_from_the_one_that_the_index_names() {
    let folder = Folder::new()
        .file("one-00001-of-00002.bin", &[("a", 1), ("b", 1)])
        .file("one-00002-of-00002.bin", &[("a", 2), ("c", 2)]);
    let set = folder.open().unwrap();
    assert_eq!(set.doubled(), ["a"]);
    assert_eq!(tensors(&set), [("a", 1), ("b", 1), ("c", 2)]);
    let (first, second) = ("one-00001-of-00002.bin", "one-00002-of-00002.bin");
    let folder = folder.index("one.bin.index.json", &[("a", second), ("b", first), ("c", second)]);
    let set = folder.open().unwrap();
    assert_eq!(set.doubled(), ["a"]);
    assert_eq!(tensors(&set), [("a", 2), ("b", 1), ("c", 2)]);
}

#[test]
fn a_name_that_one_file_repeats_is_doubled_in_the_set() {
    let folder = Folder::new().file("model.safetensors", &[("a", 1), ("b", 1), ("a", 2)]);
    assert_eq!(folder.open().unwrap().doubled(), ["a"]);
}

#[test]
fn a_tensor_that_the_index_leaves_out_is_there_nonetheless() {
    let folder = Folder::new().index(INDEX, &[("a", "one")]).file("one", &[("a", 1), ("b", 2)]);
    assert_eq!(tensors(&folder.open().unwrap()), [("a", 1), ("b", 2)]);
}

#[test]
fn indexes_that_are_none_are_refused() {
    let index = |text: &str| Folder::new().text(INDEX, text).open().unwrap_err();
    for text in [
        "",
        "[]",
        "{}",
        r#"{"weight_map":[]}"#,
        r#"{"weight_map":{"a":1}}"#,
        r#"{"weight_map":{"a":"b"}"#,
        r#"{"weight_map":{},"weight_map":{}}"#,
        "\u{feff}{}",
    ] {
        let error = index(text);
        assert!(matches!(error, SetError::File(FormatError::Broken { .. })), "{text}: {error}");
    }
    let SetError::Set { problems, .. } = index(r#"{"weight_map":{}}"#) else { panic!() };
    assert!(matches!(problems[..], [Problem::NoFiles]));
    let SetError::Set { problems, .. } = index(r#"{"weight_map":{"a":"x","a":"x"}}"#) else {
        panic!()
    };
    assert!(matches!(&problems[..], [Problem::Twice { .. }, Problem::Missing { .. }]));
}

#[test]
fn an_index_larger_than_that_of_any_model_is_refused() {
    let folder = Folder::new();
    fs::File::create(folder.path(INDEX)).unwrap().set_len((32 << 20) + 1).unwrap();
    let error = folder.open().unwrap_err();
    assert!(matches!(error, SetError::File(FormatError::Refused { .. })), "{error}");
}

#[test]
fn parts_of_gguf_belong_together() {
    let folder = Folder::new().gguf("llama-00001-of-00002.gguf", Some(2), &["a"]).gguf(
        "llama-00002-of-00002.gguf",
        Some(2),
        &["b"],
    );
    for set in [folder.open(), folder.open_file("llama-00001-of-00002.gguf")] {
        assert_eq!(tensors(&set.unwrap()), [("a", 7), ("b", 7)]);
    }
}

#[test]
fn a_part_of_gguf_that_stands_alone_says_so() {
    let folder = Folder::new().gguf("renamed.gguf", Some(3), &["a"]);
    let problems = folder.problems();
    assert_eq!(problems[0].to_string(), "`renamed.gguf` is one of 3 parts, found 1");
    let joined = Folder::new().gguf("joined.gguf", Some(0), &["a"]);
    assert_eq!(tensors(&joined.open().unwrap()), [("a", 7)]);
}

#[test]
fn many_problems_are_counted_and_some_are_shown() {
    let folder = Folder::new().file("a-00001-of-00100.bin", &[("a", 1)]);
    let error = folder.open().unwrap_err().to_string();
    assert!(error.contains("has 99 problems:") && error.ends_with("… and 79 more"), "{error}");
}

#[cfg(unix)]
#[test]
fn the_links_of_a_hub_s_cache_are_followed() {
    let blobs = Folder::new().file("0123abcd", &[("a", 1)]);
    let snapshot = Folder::new();
    let link = |from: &Path, to: &str| std::os::unix::fs::symlink(from, snapshot.path(to)).unwrap();
    link(&blobs.path("0123abcd"), "model.safetensors");
    link(&blobs.path("nothing"), "left.safetensors");
    assert_eq!(tensors(&snapshot.open().unwrap()), [("a", 1)]);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let refused = ShardedFiles::open(&path).unwrap_err();
    let cause = std::error::Error::source(&refused).map(ToString::to_string).unwrap_or_default();
    let told = format!("{refused}: {cause}");
    assert!(told.contains("not a regular file"), "{told}");
    assert!(calico_formats::read_small(&path, 10).is_err());
}
