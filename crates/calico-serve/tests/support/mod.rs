//! A service whose engine does what its prompts say, and a client that sends bytes.

#![allow(dead_code, unreachable_pub, reason = "every test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use calico_image::{DecodeOptions, Mask};
use calico_model::{Observer, Photograph, Question, SegmentError, SegmentOptions, Stage};
use calico_result::{
    Answer, ImageEntry, Model, Role, Scores, Segment, SegmentOrigin, Segmentation,
};
use calico_serve::{Engine, ServeError, Server, Settings, Stopper};
use serde_json::Value;

/// How long a test waits for what must happen, on a machine with much else to do.
pub const PATIENCE: Duration = Duration::from_mins(3);

/// A picture of one grey pixel.
pub const PICTURE: &[u8] = &[
    0x42, 0x4d, 0x3a, 0, 0, 0, 0, 0, 0, 0, 0x36, 0, 0, 0, 0x28, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1,
    0, 0x18, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 0,
];

/// Does what prompts say: `wait` until it is cancelled, `hold` until it is released, `panic`,
/// `fail`; any other prompt is the answer, word by word.
#[derive(Debug)]
pub struct Obedient {
    model: Model,
    /// Answers that were begun, and that were stopped before their end.
    pub begun: AtomicUsize,
    pub stopped: AtomicUsize,
    pub is_released: AtomicBool,
}

impl Engine for Obedient {
    fn identity(&self) -> &Model {
        &self.model
    }

    fn notice(&self) -> Option<&str> {
        Some("It does what it is told.")
    }

    fn decode_options(&self) -> DecodeOptions {
        DecodeOptions::default()
    }

    fn check(
        &self,
        images: usize,
        _: &Question,
        options: &SegmentOptions,
    ) -> Result<(), SegmentError> {
        match (images, options.max_new_tokens) {
            (0, _) => Err(SegmentError::NoImages),
            (_, 0) => Err(SegmentError::NoTokens),
            _ => Ok(()),
        }
    }

    fn segment(
        &self,
        photographs: &[Photograph],
        question: &Question,
        options: &SegmentOptions,
        observer: &mut dyn Observer,
    ) -> Result<Segmentation, SegmentError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let prompt = match question {
            Question::Prompt(prompt) | Question::Answer(prompt) => prompt.as_str(),
            _ => "Both have <p> a pixel </p> [SEG] (IMAGE1) .",
        };
        observer.stage(Stage::Language { task: None });
        match prompt {
            "panic" => panic!("as it was told"),
            "fail" => return Err(SegmentError::NotFinite { stage: Stage::Masks { task: None } }),
            "hold" => {
                while !self.is_released.load(Ordering::SeqCst) && observer.goes_on() {
                    thread::sleep(Duration::from_millis(5));
                }
            }
            "wait" => {
                while observer.goes_on() {
                    thread::sleep(Duration::from_millis(5));
                }
                self.stopped.fetch_add(1, Ordering::SeqCst);
                return Err(SegmentError::Stopped);
            }
            _ => {}
        }
        observer.prompt(7);
        let words: Vec<&str> = prompt.split(' ').collect();
        let written = words.len().min(options.max_new_tokens);
        for count in 1..=written {
            let _ = observer.text(&words[..count].join(" "));
        }
        Ok(self.result(photographs, prompt, observer))
    }
}

impl Obedient {
    fn result(
        &self,
        photographs: &[Photograph],
        text: &str,
        observer: &mut dyn Observer,
    ) -> Segmentation {
        let entries = photographs.iter().zip(1..).map(|(photograph, index)| {
            ImageEntry::new(index, photograph.name.as_ref(), photograph.frame.size())
        });
        let mut result = Segmentation::new(self.model.clone(), entries.collect());
        let size = photographs[0].frame.size();
        let mask = Mask::new(size, vec![true; size.pixels() as usize]).unwrap();
        let phrase = "a pixel".to_owned();
        let role = Role::Object;
        let origin = SegmentOrigin { id: 1, phrase, image: 1, role, group: 1, parent: None };
        let segment = Segment::new(origin, &mask, Scores::new(Some(0.9), None, 0.8));
        observer.mask(&segment);
        let answer = Answer::new(None, "?", text, vec![segment]);
        observer.answered(&answer);
        result.answers.push(answer);
        result
    }
}

/// A service that runs until it is dropped.
pub struct Service {
    pub address: SocketAddr,
    pub engine: Arc<Obedient>,
    stopper: Stopper,
    thread: Option<JoinHandle<Result<usize, ServeError>>>,
}

impl Service {
    pub fn start(settings: Settings) -> Self {
        Self::start_at([127, 0, 0, 1], settings)
    }

    pub fn start_at(host: [u8; 4], settings: Settings) -> Self {
        let server = Server::bind((host, 0).into(), settings).unwrap();
        let stopper = server.stopper();
        let address = ([127, 0, 0, 1], server.address().port()).into();
        let model = Model { name: "obedient".into(), preset: None };
        let (begun, stopped) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let is_released = AtomicBool::new(false);
        let engine = Arc::new(Obedient { model, begun, stopped, is_released });
        let same = Arc::clone(&engine);
        let thread = Some(thread::spawn(move || server.run(same)));
        Self { address, engine, stopper, thread }
    }

    /// Tells the service to stop.
    pub fn stop(&self) {
        self.stopper.stop();
    }

    /// Waits until the service has ended; the number of questions that it left.
    pub fn ended(mut self) -> usize {
        self.thread.take().unwrap().join().unwrap().unwrap()
    }

    /// Sends a request and reads the whole response.
    pub fn send(&self, request: &[u8]) -> Reply {
        Reply::read(self.open(request))
    }

    /// Sends a request.
    pub fn open(&self, request: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // Whoever refuses a request may close before its end.
        let _ = stream.write_all(request);
        stream
    }

    pub fn get(&self, path: &str) -> Reply {
        self.send(
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
                .as_bytes(),
        )
    }

    /// Asks about the picture.
    pub fn ask(&self, prompt: &str) -> Reply {
        self.send(&question(prompt))
    }

    /// The value of a measure; one with labels that were not seen yet is 0.
    pub fn measure(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        assert!(line.is_some() || name.contains('{'), "{name} is missing: {text}");
        line.map_or(0.0, |line| line.parse().unwrap())
    }

    /// Waits until a measure has a value.
    pub fn wait_for(&self, name: &str, value: f64) {
        let start = Instant::now();
        while (self.measure(name) - value).abs() > 0.1 {
            assert!(start.elapsed() < PATIENCE, "{name} is {}", self.measure(name));
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A response.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case.
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        // A connection that is closed with bytes unread is reset after the response.
        let _ = stream.read_to_end(&mut bytes);
        Self::parse(&bytes)
    }

    pub fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("{:?}", String::from_utf8_lossy(bytes)));
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = bytes[end + 4..].to_vec();
        let body = if head.contains("transfer-encoding: chunked") { joined(&body) } else { body };
        Self { status, head, body }
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1);
        lines
            .filter_map(|line| line.split_once(": "))
            .find_map(|(key, v)| (key == name).then_some(v))
    }

    /// The response is a problem of this kind.
    #[track_caller]
    pub fn is_problem(&self, status: u16, kind: &str) {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.json()["type"], format!("/docs#{kind}"), "{}", self.text());
        assert!(self.json()["detail"].as_str().unwrap().len() > 10, "{}", self.text());
    }

    /// Names and data of the events.
    pub fn events(&self) -> Vec<(String, Value)> {
        let text = self.text();
        let event = |block: &str| {
            let line = |key: &str| block.lines().find_map(|line| line.strip_prefix(key));
            let data = line("data: ")?;
            let value = serde_json::from_str(data).unwrap_or_else(|_| data.into());
            Some((line("event: ").unwrap_or_default().to_owned(), value))
        };
        text.split("\n\n").filter_map(event).collect()
    }
}

/// The pieces of a body that came in pieces.
fn joined(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let Some(end) = body.windows(2).position(|two| two == b"\r\n") else { return whole };
        let size = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return whole;
        }
        whole.extend_from_slice(&body[end + 2..end + 2 + size]);
        body = &body[end + 4 + size..];
    }
}

/// A request with a body.
pub fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\
         {headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

pub fn post_json(path: &str, body: &Value) -> Vec<u8> {
    post(path, "content-type: application/json\r\n", body.to_string().as_bytes())
}

/// A form with the picture and a prompt.
pub fn question(prompt: &str) -> Vec<u8> {
    form(&[("image", Some("a.bmp"), PICTURE), ("prompt", None, prompt.as_bytes())], "")
}

/// A form: names, names of files, contents.
pub fn form(fields: &[(&str, Option<&str>, &[u8])], headers: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, content) in fields {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        let head = format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    post(
        "/v1/segment",
        &format!("content-type: multipart/form-data; boundary=b\r\n{headers}"),
        &body,
    )
}

/// Closes a connection as somebody does who leaves.
pub fn leave(stream: &TcpStream) {
    stream.shutdown(Shutdown::Both).unwrap();
}
