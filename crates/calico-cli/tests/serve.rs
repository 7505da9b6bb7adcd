//! The service as a program: its answers are those of the command, and it ends when it should.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../../calico-serve/tests/support/mod.rs"]
mod http;
mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use http::{PATIENCE, Reply, form, post_json};
use serde_json::{Value, json};
use support::{calico_in, calico_with, example};

/// A service in a process of its own, killed when it is dropped.
struct Running {
    child: Child,
    address: SocketAddr,
}

impl Running {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_calico"))
            .args(["serve", "--port", "0", "--log-level", "warn"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://").unwrap().parse().unwrap();
        Self { child, address }
    }

    fn open(&self, request: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.write_all(request);
        stream
    }

    fn send(&self, request: &[u8]) -> Reply {
        Reply::read(self.open(request))
    }

    fn get(&self, path: &str) -> Reply {
        self.send(
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
                .as_bytes(),
        )
    }

    /// Questions that wait, or were begun.
    #[cfg(unix)]
    fn taken_in(&self) -> f64 {
        let names = ["calico_queue_waiting ", "calico_queue_wait_seconds_count "];
        let text = self.get("/metrics").text();
        let counted = text.lines().filter(|line| names.iter().any(|name| line.starts_with(name)));
        counted.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    #[cfg(unix)]
    fn terminate(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits until the process has ended; its exit code.
    #[cfg(unix)]
    fn code(&mut self) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < PATIENCE);
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const LANTERNS: [&str; 2] = ["drawn/lanterns-1.jpg", "drawn/lanterns-2.jpg"];

/// A form about the two lanterns.
fn lanterns(fields: &[(&str, &str)]) -> Vec<u8> {
    let bytes = LANTERNS.map(|name| std::fs::read(example(name)).unwrap());
    let files = ["lanterns-1.jpg", "lanterns-2.jpg"];
    let mut all: Vec<(&str, Option<&str>, &[u8])> =
        files.iter().zip(&bytes).map(|(name, bytes)| ("image", Some(*name), &bytes[..])).collect();
    all.extend(fields.iter().map(|(name, text)| (*name, None, text.as_bytes())));
    form(&all, "")
}

#[test]
fn answers_are_those_of_the_command_to_the_byte() {
    let service = Running::start(&[]);
    let images = LANTERNS.map(example);
    let told = |args: &[&str]| {
        let all = [&["segment", &images[0], &images[1], "--json"], args].concat();
        calico_in(".".as_ref(), &all).ok()
    };
    let asked = |fields: &[(&str, &str)]| service.send(&lanterns(fields)).text();
    assert_eq!(asked(&[]), told(&[]));
    assert_eq!(asked(&[("task", "unique_parts")]), told(&["--task", "unique-parts"]));
    let sentence = "Both have <p> a ring </p> [SEG] (IMAGE1) [SEG] (IMAGE2).";
    assert_eq!(asked(&[("answer", sentence)]), told(&["--answer", sentence]));
    let drawn = [("temperature", "1"), ("seed", "7"), ("max_new_tokens", "9"), ("prompt", "What?")];
    let args = ["--temperature", "1", "--seed", "7", "--max-new-tokens", "9", "--prompt", "What?"];
    assert_eq!(asked(&drawn), told(&args));
}

#[test]
fn chats_and_events_end_with_the_same_result() {
    let service = Running::start(&[]);
    let whole = service.send(&lanterns(&[("task", "common_parts")])).json();
    let events = service.send(&lanterns(&[("task", "common_parts"), ("stream", "true")])).events();
    assert_eq!(events.last().unwrap(), &("result".to_owned(), whole.clone()));
    let text: String = events.iter().filter_map(|(_, data)| data["delta"].as_str()).collect();
    assert_eq!(text, whole["answers"][0]["text"].as_str().unwrap());
    let masks = events.iter().filter(|(name, _)| name == "mask").count();
    assert_eq!(masks, whole["answers"][0]["segments"].as_array().unwrap().len());

    let mut request = json!({
        "model": "mini", "messages": [{ "role": "user", "content": [] }],
        "calico": { "task": "common_parts" },
    });
    for name in LANTERNS {
        use base64::Engine as _;
        let bytes = std::fs::read(example(name)).unwrap();
        let data = base64::engine::general_purpose::STANDARD.encode(bytes);
        let url = format!("data:image/jpeg;base64,{data}");
        let part = json!({ "type": "image_url", "image_url": { "url": url } });
        request["messages"][0]["content"].as_array_mut().unwrap().push(part);
    }
    let chat = service.send(&post_json("/v1/chat/completions", &request)).json();
    assert_eq!(chat["calico"]["answers"], whole["answers"]);
    assert_eq!(chat["choices"][0]["message"]["content"], whole["answers"][0]["plain_text"]);
}

#[test]
fn known_images_are_counted_and_the_built_in_model_says_what_it_is() {
    let service = Running::start(&[]);
    service.send(&lanterns(&[]));
    service.send(&lanterns(&[("task", "common_parts")]));
    let text = service.get("/metrics").text();
    for line in ["calico_image_cache_hits_total 2", "calico_image_cache_misses_total 2"] {
        assert!(text.contains(line), "{line} is missing: {text}");
    }
    let facts: Value = service.get("/v1/models").json()["data"][0]["calico"].clone();
    assert_eq!(facts["is_built_in"], true);
    assert!(facts["notice"].as_str().unwrap().contains("drawn objects only"));
}

#[test]
#[cfg(unix)]
fn a_termination_under_load_loses_no_request_and_ends_well() {
    let patient = ["--drain-seconds", "600", "--receive-seconds", "600"];
    let mut service = Running::start(&[&["--workers", "1"], &patient[..]].concat());
    // One that goes on arriving, so that the service is not done before it is asked again.
    let request = lanterns(&[("task", "common_parts")]);
    let (first, rest) = request.split_at(request.len() - 1);
    let mut arriving = service.open(first);
    let under_way: Vec<TcpStream> = (0..24).map(|_| service.open(&request)).collect();
    let start = Instant::now();
    while service.taken_in() < 24.0 {
        assert!(start.elapsed() < PATIENCE);
    }
    service.terminate();
    while service.get("/readyz").status == 200 {
        assert!(start.elapsed() < PATIENCE);
    }
    service.send(&request).is_problem(503, "stopping");
    arriving.write_all(rest).unwrap();
    for stream in under_way.into_iter().chain([arriving]) {
        let reply = Reply::read(stream);
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    assert_eq!(service.code(), Some(0));
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let scratch = tempfile::tempdir().unwrap();
    let file = |text: &str| std::fs::write(scratch.path().join("calico.toml"), text).unwrap();
    // What is out of range is refused before anything starts: its name tells who won.
    let refused = |args: &[&str], variables: &[(&str, &str)]| {
        let all = [&["serve", "--config", "calico.toml"], args].concat();
        calico_with(scratch.path(), &all, variables).refused()
    };
    file("[limits]\nqueue = 0\nimages = 0\n");
    assert!(refused(&[], &[]).contains("queue is 0"));
    let variable = ("CALICO_QUEUE", "2000000");
    assert!(refused(&[], &[variable]).contains("queue is 2000000"));
    assert!(refused(&["--queue", "3000000"], &[variable]).contains("queue is 3000000"));
    assert!(refused(&["--queue", "3"], &[variable]).contains("images is 0"));
}

#[test]
fn what_cannot_be_served_is_refused_with_the_reason() {
    let scratch = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| calico_in(scratch.path(), &[&["serve"], args].concat()).refused();
    assert!(run(&["--config", "missing.toml"]).contains("missing.toml"));
    std::fs::write(scratch.path().join("a.toml"), "prot = 1").unwrap();
    assert!(run(&["--config", "a.toml"]).contains("prot"));
    assert!(run(&["--model", "nowhere"]).contains("nowhere"));
    assert!(run(&["--port", "0", "--allowed-origins", "here"]).contains("allowed_origins"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert!(run(&["--port", &port]).contains("cannot listen at"));
}

#[test]
fn the_example_of_settings_holds_the_defaults() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/calico.toml");
    let table: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    let limits: calico_serve::Limits = table["limits"].clone().try_into().unwrap();
    assert_eq!(limits, calico_serve::Limits::default());
    let access: calico_serve::Access = table["access"].clone().try_into().unwrap();
    assert_eq!(access, calico_serve::Access::default());
    // Every key is there: no key is known that the file lacks.
    let wrong = toml::from_str::<calico_serve::Limits>("wrong = 1").unwrap_err().to_string();
    let known = wrong.matches('`').count() / 2 - 1;
    assert_eq!(table["limits"].as_table().unwrap().len() + 1, known, "{wrong}");
}
