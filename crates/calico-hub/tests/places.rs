//! Caches that others write, too, or that cannot be written, and networks with a proxy.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "support/desk.rs"]
mod desk;
mod support;

use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _, copy};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use calico_hub::{Choice, HubError, Proxy, PullObserver, Secret};
use desk::{Desk, Witness, pull, pull_seen};
use support::{FakeHub, large, model};

const WEIGHTS: &str = "model.safetensors";

#[test]
fn what_cannot_be_noted_is_a_warning() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    // Files where folders should be: nobody can write there, whoever runs this.
    fs::create_dir_all(desk.folder()).unwrap();
    fs::write(desk.folder().join("trees"), "").unwrap();
    fs::write(desk.folder().join("refs"), "").unwrap();
    let mut witness = Witness::default();
    let settings = desk.settings(&hub.address);
    let pulled = pull_seen(settings, "org/name", &Choice::Model, &mut witness).unwrap();
    assert_eq!(pulled.files.len(), 4);
    let [trees, refs] = &witness.warnings[..] else { panic!("{:?}", witness.warnings) };
    assert!(trees.contains("list of files") && trees.contains("trees"), "{trees}");
    assert!(refs.contains("`main` will not be found") && refs.contains("refs"), "{refs}");
}

#[test]
fn a_cache_that_cannot_be_written_says_what_to_do() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    let mut settings = desk.settings(&hub.address);
    // Where not even the root user can make a folder.
    settings.cache = PathBuf::from("/proc/nothing/hub");
    let error = pull(settings, "org/name").unwrap_err();
    assert!(matches!(error, HubError::Io { .. } | HubError::DiskFull { .. }), "{error}");
    assert!(error.is_bad_input());
    let denied = HubError::Io {
        action: "write",
        path: "hub".into(),
        source: std::io::ErrorKind::PermissionDenied.into(),
    };
    assert_eq!(denied.to_string(), "cannot write hub (HF_HUB_CACHE names another folder)");
}

#[test]
fn files_with_the_same_bytes_are_counted_and_fetched_once() {
    let mut files = model();
    files.insert("again.safetensors".into(), large(files[WEIGHTS].bytes.clone()));
    let (hub, desk, mut witness) = (FakeHub::new(files), Desk::new(), Witness::default());
    let settings = desk.settings(&hub.address);
    let pulled = pull_seen(settings, "org/name", &Choice::Model, &mut witness).unwrap();
    assert_eq!(pulled.files.len(), 5);
    let total = pulled.files.iter().map(|file| file.bytes).sum::<u64>() - 200_000;
    assert_eq!(witness.begun, Some((4, total)));
    assert_eq!(witness.arrived.last(), Some(&total));
    assert_eq!(hub.requests_for("safetensors").len(), 1);
}

/// Somebody who does not heed the lock.
struct Intruder(PathBuf);

impl PullObserver for Intruder {
    fn arrived(&mut self, bytes: u64) {
        if bytes > 100_000 && self.0.exists() {
            let mut file = OpenOptions::new().append(true).open(&self.0).unwrap();
            file.write_all(&vec![0; 100_000]).unwrap();
        }
    }
}

#[test]
fn a_file_that_another_process_writes_too_never_becomes_a_blob() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    let blob = desk.folder().join("blobs").join(model()[WEIGHTS].etag());
    let mut intruder = Intruder(blob.with_extension("incomplete"));
    let settings = desk.settings(&hub.address);
    let pulled = pull_seen(settings, "org/name", &Choice::Model, &mut intruder);
    let error = pulled.unwrap_err();
    assert!(matches!(error, HubError::Io { .. }) && !blob.exists(), "{error}");
    // What is left is no use, and no obstacle.
    let pulled = desk.pull(&hub.address).unwrap();
    assert_eq!(fs::read(&pulled.files[2].path).unwrap(), model()[WEIGHTS].bytes);
}

#[cfg(unix)]
#[test]
fn a_blob_that_is_a_link_is_used_if_it_is_right_and_never_written_through() {
    use std::os::unix::fs::symlink;

    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    let store = desk.folder().with_extension("store");
    fs::create_dir_all(desk.folder().join("blobs")).unwrap();
    fs::create_dir_all(&store).unwrap();
    for (name, bytes) in [(WEIGHTS, &*model()[WEIGHTS].bytes), ("config.json", b"wrong")] {
        fs::write(store.join(name), bytes).unwrap();
        let blob = desk.folder().join("blobs").join(model()[name].etag());
        symlink(store.join(name), blob).unwrap();
    }
    let pulled = desk.pull(&hub.address).unwrap();
    assert!(hub.requests_for(WEIGHTS).is_empty());
    assert_eq!(hub.requests_for("config.json").len(), 1);
    assert_eq!(fs::read(&pulled.files[1].path).unwrap(), model()["config.json"].bytes);
    assert_eq!(fs::read(store.join("config.json")).unwrap(), b"wrong");
}

/// A proxy that leads every connection to one place. Gives its address, and what it was told.
fn proxy(target: &str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let (seen, target) = (Arc::clone(&told), target.trim_start_matches("http://").to_owned());
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let (seen, target) = (Arc::clone(&seen), target.clone());
            thread::spawn(move || tunnel(client, &target, &seen));
        }
    });
    (address, told)
}

fn tunnel(mut client: TcpStream, target: &str, seen: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    seen.lock().unwrap().push(head);
    let mut server = TcpStream::connect(target).ok()?;
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").ok()?;
    let mut to_server = server.try_clone().ok()?;
    thread::spawn(move || copy(&mut reader, &mut to_server));
    copy(&mut server, &mut client).ok()?;
    client.shutdown(std::net::Shutdown::Both).ok()
}

#[test]
fn a_proxy_stands_between_and_is_not_told_the_token() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    let (address, told) = proxy(&hub.address);
    let mut settings = desk.settings("http://hub.invalid");
    let address = Secret::new(format!("http://user:pass@{address}"));
    settings.proxy = Some(Proxy { address, exceptions: "elsewhere.example".into() });
    assert_eq!(pull(settings.clone(), "org/name").unwrap().files.len(), 4);
    assert_eq!(hub.requests()[0].headers["authorization"], "Bearer hf_secret");
    for head in told.lock().unwrap().iter() {
        assert!(head.starts_with("CONNECT hub.invalid:80 "), "{head}");
        assert!(head.to_lowercase().contains("proxy-authorization: basic dxnlcjpwyxnz"), "{head}");
        assert!(!head.contains("hf_secret"), "{head}");
    }
    // Who is excepted is reached without it.
    told.lock().unwrap().clear();
    let other = Desk::new();
    settings.endpoint.clone_from(&hub.address);
    settings.cache = other.settings("").cache;
    settings.proxy.as_mut().unwrap().exceptions = "127.0.0.1".into();
    pull(settings, "org/name").unwrap();
    assert!(told.lock().unwrap().is_empty());
}

#[test]
fn an_unusable_proxy_is_named_without_its_password() {
    let desk = Desk::new();
    for address in ["ftp://user:pass@proxy", "http://"] {
        let mut settings = desk.settings("http://127.0.0.1:1");
        let exceptions = String::new();
        settings.proxy = Some(Proxy { address: Secret::new(address), exceptions });
        let error = pull(settings, "org/name").unwrap_err();
        assert!(matches!(error, HubError::Setting { name: "HTTPS_PROXY", .. }), "{error}");
        assert!(!error.to_string().contains("pass@proxy"), "{error}");
    }
}
