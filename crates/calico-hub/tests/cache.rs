//! The cache is that of the hub, and what is in it is not asked for again.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "support/desk.rs"]
mod desk;
mod support;

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;

use calico_hub::{Choice, Hub, HubError};
use desk::{Desk, Witness, names, pull, pull_seen};
use support::{COMMIT, FakeHub, Reply, large, model, small};

const CHOSEN: [&str; 4] = ["README.md", "config.json", "model.safetensors", "tokenizer.json"];

#[test]
fn a_pull_brings_what_a_model_needs_and_says_what_it_is() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    let mut witness = Witness::default();
    let settings = desk.settings(&hub.address);
    let pulled = pull_seen(settings, "org/name", &Choice::Model, &mut witness).unwrap();
    assert_eq!(names(&pulled), CHOSEN);
    assert_eq!((&*pulled.commit, &*pulled.revision, pulled.left_out), (COMMIT, "main", 3));
    assert_eq!(pulled.snapshot, desk.folder().join("snapshots").join(COMMIT));
    // The card says more than the tags.
    assert_eq!(pulled.licence.unwrap().id, "cc-by-4.0");
    for file in &pulled.files {
        let expected = &model()[&file.name];
        assert_eq!(fs::read(&file.path).unwrap(), expected.bytes);
        assert_eq!((file.bytes, &file.sha256), (expected.bytes.len() as u64, &expected.sha256()));
        assert!(file.is_new && file.path == pulled.snapshot.join(&file.name));
    }
    let total = pulled.files.iter().map(|file| file.bytes).sum();
    assert_eq!(witness.begun, Some((4, total)));
    assert_eq!(witness.arrived.last(), Some(&total));
    assert!(witness.arrived.is_sorted() && witness.warnings.is_empty());
    assert_eq!(witness.files.last().unwrap(), "model.safetensors");
}

#[cfg(unix)]
#[test]
fn the_layout_is_that_of_the_hub() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    desk.pull(&hub.address).unwrap();
    let mut expected: Vec<String> = vec![
        "hub/models--org--name/refs/main".into(),
        format!("hub/models--org--name/trees/{COMMIT}.json"),
    ];
    for name in CHOSEN {
        let etag = model()[name].etag();
        expected.push(format!("hub/models--org--name/blobs/{etag}"));
        expected.push(format!("hub/models--org--name/snapshots/{COMMIT}/{name}"));
        expected.push(format!("hub/.locks/models--org--name/{etag}.lock"));
        let link = fs::read_link(desk.folder().join("snapshots").join(COMMIT).join(name)).unwrap();
        assert_eq!(link, Path::new(&format!("../../blobs/{etag}")));
    }
    expected.sort();
    assert_eq!(desk.files().into_keys().collect::<Vec<_>>(), expected);
    assert_eq!(fs::read_to_string(desk.folder().join("refs/main")).unwrap(), COMMIT);
}

#[test]
fn what_is_there_is_not_asked_for_again() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    let first = desk.pull(&hub.address).unwrap();
    let asked = hub.requests().len();
    let again = desk.pull(&hub.address).unwrap();
    assert_eq!(hub.requests().len(), asked + 1);
    assert!(again.files.iter().all(|file| !file.is_new));
    let digests = |pulled: &calico_hub::Pulled| {
        pulled.files.iter().map(|file| file.sha256.clone()).collect::<Vec<_>>()
    };
    assert_eq!(digests(&again), digests(&first));
    // A commit never changes: of a complete one, not even the list is asked for.
    let settings = desk.settings(&hub.address);
    assert_eq!(names(&pull(settings, &format!("org/name@{COMMIT}")).unwrap()), CHOSEN);
    assert_eq!(hub.requests().len(), asked + 1);
}

#[test]
fn a_commit_that_lacks_a_file_is_completed() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    desk.pull(&hub.address).unwrap();
    fs::remove_file(desk.folder().join("blobs").join(model()["config.json"].etag())).unwrap();
    let settings = desk.settings(&hub.address);
    let pulled = pull(settings, &format!("org/name@{COMMIT}")).unwrap();
    let new: Vec<_> =
        pulled.files.iter().filter(|file| file.is_new).map(|file| &*file.name).collect();
    assert_eq!(new, ["config.json"]);
    assert_eq!(fs::read(&pulled.files[1].path).unwrap(), b"{\"width\": 3}");
}

#[test]
fn branches_of_several_parts_have_their_reference() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    let settings = desk.settings(&hub.address);
    pull(settings, "org/name@refs/pr/1").unwrap();
    assert!(hub.requests()[0].path.contains("/revision/refs%2Fpr%2F1?blobs=true"));
    assert_eq!(fs::read_to_string(desk.folder().join("refs/refs/pr/1")).unwrap(), COMMIT);
}

#[test]
fn two_pulls_at_once_fetch_once() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    thread::scope(|scope| {
        let pulls: Vec<_> =
            (0..4).map(|_| scope.spawn(|| desk.pull(&hub.address).unwrap())).collect();
        for pulled in pulls {
            assert_eq!(names(&pulled.join().unwrap()), CHOSEN);
        }
    });
    for name in CHOSEN {
        assert_eq!(hub.requests_for(name).len(), 1, "{name}");
    }
    assert_eq!(desk.blobs().len(), CHOSEN.len());
}

#[test]
fn without_links_a_snapshot_holds_copies_and_counts_as_complete() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    let mut settings = desk.settings(&hub.address);
    settings.links = false;
    let pulled = pull(settings.clone(), "org/name").unwrap();
    for file in &pulled.files {
        assert!(fs::read_link(&file.path).is_err());
        assert_eq!(fs::read(&file.path).unwrap(), model()[&file.name].bytes);
    }
    // The Python client moves files there, and leaves no blob.
    fs::remove_dir_all(desk.folder().join("blobs")).unwrap();
    let asked = hub.requests().len();
    pull(settings, "org/name").unwrap();
    assert_eq!(hub.requests().len(), asked + 1);
    desk.offline().unwrap();
}

#[test]
fn a_blob_of_another_revision_is_used() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    let weights = &model()["model.safetensors"];
    fs::create_dir_all(desk.folder().join("blobs")).unwrap();
    fs::write(desk.folder().join("blobs").join(weights.etag()), &weights.bytes).unwrap();
    let pulled = desk.pull(&hub.address).unwrap();
    assert!(hub.requests_for("model.safetensors").is_empty());
    assert_eq!(fs::read(&pulled.files[2].path).unwrap(), weights.bytes);
}

#[test]
fn damage_is_found_when_it_is_looked_for() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    desk.pull(&hub.address).unwrap();
    let blob = desk.folder().join("blobs").join(model()["model.safetensors"].etag());
    let mut bytes = fs::read(&blob).unwrap();
    bytes[1000] ^= 1;
    fs::write(&blob, &bytes).unwrap();
    let mut settings = desk.settings(&hub.address);
    settings.verifies = true;
    settings.is_offline = true;
    let message = pull(settings.clone(), "org/name").unwrap_err().to_string();
    assert!(message.contains("model.safetensors (it is damaged)"), "{message}");
    settings.is_offline = false;
    let pulled = pull(settings, &format!("org/name@{COMMIT}")).unwrap();
    assert!(pulled.files[2].is_new);
    assert_eq!(fs::read(&pulled.files[2].path).unwrap(), model()["model.safetensors"].bytes);
}

#[test]
fn a_blob_of_the_wrong_size_is_fetched_anew() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    desk.pull(&hub.address).unwrap();
    let blob = desk.folder().join("blobs").join(model()["model.safetensors"].etag());
    fs::write(&blob, "short").unwrap();
    assert!(desk.pull(&hub.address).unwrap().files[2].is_new);
    assert_eq!(fs::read(&blob).unwrap(), model()["model.safetensors"].bytes);
}

#[test]
fn offline_the_cache_is_enough() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    let message = desk.offline().unwrap_err().to_string();
    assert!(message.contains("HF_HUB_OFFLINE") && message.contains("main"), "{message}");
    let online = desk.pull(&hub.address).unwrap();
    let mut offline = desk.offline().unwrap();
    for file in &mut offline.files {
        assert!(!file.is_new);
        file.is_new = true;
    }
    assert_eq!(offline, online);
}

#[test]
fn offline_every_missing_file_is_listed_at_once() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    desk.pull(&hub.address).unwrap();
    for name in ["config.json", "model.safetensors"] {
        fs::remove_file(desk.folder().join("blobs").join(model()[name].etag())).unwrap();
    }
    let partial = format!("blobs/{}.incomplete", model()["model.safetensors"].etag());
    fs::write(desk.folder().join(partial), "1234").unwrap();
    let error = desk.offline().unwrap_err();
    let HubError::Missing { files, .. } = &error else { panic!("{error}") };
    let missing: Vec<_> = files.iter().map(|file| (&*file.name, &*file.reason)).collect();
    let expected =
        [("config.json", "12 bytes"), ("model.safetensors", "4 of 200000 bytes have arrived")];
    assert_eq!(missing, expected);
    assert!(error.to_string().starts_with("2 files of `org/name` are missing"), "{error}");
    assert!(error.is_bad_input());
}

#[test]
fn a_snapshot_of_another_client_is_enough_and_its_gaps_are_listed() {
    let desk = Desk::new();
    let snapshot = desk.folder().join("snapshots").join(COMMIT);
    fs::create_dir_all(&snapshot).unwrap();
    fs::create_dir_all(desk.folder().join("refs")).unwrap();
    fs::write(desk.folder().join("refs/main"), COMMIT).unwrap();
    let index = "{\"weight_map\": {\"a\": \"1.safetensors\", \"b\": \"2.safetensors\", \"c\": \"3.safetensors\"}}";
    for (name, text) in [
        ("model.safetensors.index.json", index),
        ("1.safetensors", "one"),
        ("README.md", "---\nlicense: mit\n---\n"),
    ] {
        fs::write(snapshot.join(name), text).unwrap();
    }
    let message = desk.offline().unwrap_err().to_string();
    assert!(
        message.contains("2 files") && message.contains("2.safetensors (named by"),
        "{message}"
    );
    for name in ["2.safetensors", "3.safetensors"] {
        fs::write(snapshot.join(name), "more").unwrap();
    }
    let pulled = desk.offline().unwrap();
    assert_eq!(pulled.files.len(), 5);
    #[cfg(unix)]
    {
        // What no hub would list is passed over.
        fs::write(snapshot.join("a\\b.json"), "{}").unwrap();
        assert_eq!(desk.offline().unwrap().files.len(), 5);
    }
    assert_eq!(pulled.files[0].sha256, small("one").sha256());
    assert_eq!(pulled.licence.unwrap().id, "mit");
}

#[test]
fn missing_shards_are_listed_before_any_weights_are_fetched() {
    let index = "{\"weight_map\": {\"a\": \"1.safetensors\", \"b\": \"2.safetensors\", \"c\": \"3.safetensors\"}}";
    let mut files = model();
    files.remove("model.safetensors");
    files.remove("pytorch_model.bin");
    files.insert("model.safetensors.index.json".into(), small(index));
    files.insert("2.safetensors".into(), large("two"));
    let (hub, desk) = (FakeHub::new(files), Desk::new());
    let message = desk.pull(&hub.address).unwrap_err().to_string();
    for name in ["1.safetensors", "3.safetensors", COMMIT] {
        assert!(message.contains(name), "{message}");
    }
    assert!(hub.requests_for("/2.safetensors").is_empty());
    assert!(!desk.folder().join("refs/main").exists());
}

#[test]
fn patterns_choose_and_those_without_a_match_are_named() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    let matching = |patterns: &[&str]| {
        let choice = Choice::Matching(patterns.iter().map(ToString::to_string).collect());
        pull_seen(desk.settings(&hub.address), "org/name", &choice, &mut ())
    };
    let pulled = matching(&["onnx/", "*.msgpack"]).unwrap();
    assert_eq!(names(&pulled), ["flax_model.msgpack", "onnx/model.onnx"]);
    assert_eq!(fs::read(pulled.snapshot.join("onnx/model.onnx")).unwrap(), b"onnx");
    // Without the card, the hub's own words count.
    assert_eq!(pulled.licence.unwrap().id, "mit");
    let message = matching(&["*.json", "*.xyz"]).unwrap_err().to_string();
    assert!(message.contains("\"*.xyz\"") && message.contains("tokenizer.json"), "{message}");
}

#[test]
fn a_mirror_that_lists_names_only_is_asked_for_the_rest() {
    let bare = |request: &support::Request| {
        let files = model();
        let mut listing = support::listing(&files);
        for sibling in listing["siblings"].as_array_mut().unwrap() {
            let name = sibling["rfilename"].clone();
            *sibling = serde_json::json!({ "rfilename": name });
        }
        request.path.starts_with("/mirror/api").then(|| Reply::json(&listing))
    };
    let (hub, desk) = (FakeHub::with_rule(model(), bare), Desk::new());
    let pulled = desk.pull(&format!("{}/mirror", hub.address)).unwrap();
    assert_eq!(names(&pulled), CHOSEN);
    assert_eq!(hub.requests().iter().filter(|request| request.method == "HEAD").count(), 4);
    assert!(hub.requests().iter().all(|request| request.path.starts_with("/mirror/")));
    // What is not known of all files is not written down, and the snapshot is enough.
    assert!(!desk.folder().join("trees").exists());
    assert_eq!(names(&desk.offline().unwrap()), CHOSEN);
}

#[test]
fn a_wish_to_stop_is_heard_before_anything_is_asked() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    let (stop, source) = (AtomicBool::new(true), "org/name".parse().unwrap());
    let hub_here = Hub::new(desk.settings(&hub.address));
    let stopped = hub_here.pull(&source, &Choice::Model, &mut (), &stop);
    assert!(matches!(stopped, Err(HubError::Stopped)));
    assert!(hub.requests().is_empty() && desk.files().is_empty());
}
