//! A hub on this machine: it lists files, hands them out with ranges, and misbehaves on demand.

#![allow(dead_code, unreachable_pub, reason = "every test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// The commit of every repository here.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What was asked.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// With the query.
    pub path: String,
    /// Names in small letters.
    pub headers: BTreeMap<String, String>,
    /// How many requests with this path came before.
    pub earlier: usize,
}

impl Request {
    /// The first byte that is asked for.
    pub fn from(&self) -> usize {
        let range = self.headers.get("range").and_then(|range| range.strip_prefix("bytes="));
        range.map_or(0, |range| range.trim_end_matches('-').parse().unwrap())
    }

    pub fn is_for(&self, name: &str) -> bool {
        self.path.ends_with(name)
    }
}

/// What is answered.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Announced instead of the length of the body.
    pub announced: Option<usize>,
    /// No length is announced: the body ends with the connection.
    pub is_open: bool,
    /// The connection is cut after so many bytes of the body.
    pub cut_after: Option<usize>,
    /// The body comes byte by byte, with such a pause after each.
    pub trickles: Option<Duration>,
    /// The connection stays open and silent after the body, until the client leaves.
    pub hangs: bool,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn json(value: &Value) -> Self {
        Self::new(200, value.to_string())
    }

    pub fn redirect(location: impl Into<String>) -> Self {
        Self::new(302, "").with("Location", location)
    }

    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.cut_after = Some(bytes);
        self
    }

    /// A file, or the part of it that is asked for.
    pub fn file(request: &Request, bytes: &[u8]) -> Self {
        let from = request.from();
        if from == 0 {
            return Self::new(200, bytes);
        }
        let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
        Self::new(206, &bytes[from..]).with("Content-Range", range)
    }
}

/// Decides what is answered: nothing leaves it to the hub.
type Rule = dyn Fn(&Request) -> Option<Reply> + Send + Sync;

/// A repository `org/name` behind `http://127.0.0.1`.
pub struct FakeHub {
    pub address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// A file of the repository. Large ones are known by their SHA-256, and lie elsewhere.
#[derive(Debug, Clone)]
pub struct File {
    pub bytes: Vec<u8>,
    pub is_large: bool,
}

pub fn small(bytes: impl Into<Vec<u8>>) -> File {
    File { bytes: bytes.into(), is_large: false }
}

pub fn large(bytes: impl Into<Vec<u8>>) -> File {
    File { bytes: bytes.into(), is_large: true }
}

impl File {
    pub fn sha256(&self) -> String {
        format!("{:x}", Sha256::digest(&self.bytes))
    }

    pub fn git(&self) -> String {
        let hash = Sha1::new_with_prefix(format!("blob {}\0", self.bytes.len()));
        format!("{:x}", hash.chain_update(&self.bytes).finalize())
    }

    pub fn etag(&self) -> String {
        if self.is_large { self.sha256() } else { self.git() }
    }

    fn listed(&self, name: &str) -> Value {
        let size = self.bytes.len();
        let mut listed = json!({ "rfilename": name, "size": size, "blobId": self.git() });
        if self.is_large {
            listed["lfs"] = json!({ "sha256": self.sha256(), "size": size, "pointerSize": 134 });
        }
        listed
    }
}

pub type Files = BTreeMap<String, File>;

/// A model with weights in two forms, and much that no model needs.
pub fn model() -> Files {
    let weights: Vec<u8> = (0..200_000_u32).map(|number| (number * 7 % 251) as u8).collect();
    let card = "---\nlicense: cc-by-4.0\n---\n# A model\n";
    [
        ("README.md", small(card)),
        ("config.json", small("{\"width\": 3}")),
        ("tokenizer.json", small("{}")),
        ("model.safetensors", large(weights.clone())),
        ("pytorch_model.bin", large([weights, vec![1]].concat())),
        ("flax_model.msgpack", large("flax")),
        ("onnx/model.onnx", large("onnx")),
    ]
    .into_iter()
    .map(|(name, file)| (name.to_owned(), file))
    .collect()
}

/// The hub's answer about a revision.
pub fn listing(files: &Files) -> Value {
    let siblings: Vec<Value> = files.iter().map(|(name, file)| file.listed(name)).collect();
    json!({ "sha": COMMIT, "siblings": siblings, "tags": ["license:mit"], "gated": false })
}

impl FakeHub {
    pub fn new(files: Files) -> Self {
        Self::with_rule(files, |_| None)
    }

    /// Where `rule` answers something, that is sent instead.
    pub fn with_rule(
        files: Files,
        rule: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        Self::serve(Arc::new(move |request: &Request| {
            rule(request).or_else(|| Some(answer(&files, request)))
        }))
    }

    /// A server of its own, to which a hub may redirect.
    pub fn elsewhere(rule: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::serve(Arc::new(move |request: &Request| Some(rule(request))))
    }

    fn serve(rule: Arc<Rule>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (rule, seen) = (Arc::clone(&rule), Arc::clone(&seen));
                thread::spawn(move || exchange(&stream, &rule, &seen));
            }
        });
        Self { address, requests }
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The requests for a file so far.
    pub fn requests_for(&self, name: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.is_for(name)).collect()
    }
}

/// One request and its answer.
fn exchange(stream: &TcpStream, rule: &Arc<Rule>, seen: &Mutex<Vec<Request>>) -> Option<()> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers = lines.take_while(|line| !line.is_empty()).filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_lowercase(), value.trim().to_owned()))
    });
    let mut request = Request { method, path, headers: headers.collect(), earlier: 0 };
    {
        let mut seen = seen.lock().unwrap();
        request.earlier = seen.iter().filter(|earlier| earlier.path == request.path).count();
        seen.push(request.clone());
    }
    let reply = rule(&request)?;
    let mut head = format!("HTTP/1.1 {} Said\r\nConnection: close\r\n", reply.status);
    if !reply.is_open {
        let length = reply.announced.unwrap_or(reply.body.len());
        let _ = write!(head, "Content-Length: {length}\r\n");
    }
    for (name, value) in &reply.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    let mut writer = stream;
    writer.write_all(head.as_bytes()).ok()?;
    if request.method != "HEAD" {
        let end = reply.cut_after.unwrap_or(reply.body.len()).min(reply.body.len());
        let body = &reply.body[..end];
        for part in body.chunks(if reply.trickles.is_some() { 1 } else { body.len().max(1) }) {
            writer.write_all(part).ok()?;
            thread::sleep(reply.trickles.unwrap_or_default());
        }
    }
    if reply.hangs {
        // Ends when the client closes its side.
        let _ = BufReader::new(stream).lines().next();
    }
    Some(())
}

/// What an honest hub answers.
fn answer(files: &Files, request: &Request) -> Reply {
    let path = request.path.trim_start_matches("/mirror");
    if path.starts_with("/api/models/org/name/revision/") {
        let revision = path.trim_start_matches("/api/models/org/name/revision/");
        let known = ["main", "refs%2Fpr%2F1", COMMIT];
        if !known.contains(&revision.trim_end_matches("?blobs=true")) {
            return Reply::new(404, "{\"error\": \"Invalid rev id\"}")
                .with("X-Error-Code", "RevisionNotFound");
        }
        return Reply::json(&listing(files));
    }
    let name = path.strip_prefix(&format!("/org/name/resolve/{COMMIT}/"));
    match name.and_then(|name| files.get(name)) {
        Some(file) => Reply::file(request, &file.bytes)
            .with("X-Linked-Etag", format!("\"{}\"", file.etag()))
            .with("X-Linked-Size", file.bytes.len().to_string())
            .with("X-Repo-Commit", COMMIT),
        None => Reply::new(404, "Entry not found").with("X-Error-Code", "EntryNotFound"),
    }
}
