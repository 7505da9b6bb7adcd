//! A service whose answers take their time, for tests of load: `slow SECONDS [QUEUE [WAIT]]`.
//!
//! It has no model: an answer is one word that comes at half of the time. What is tried with it is
//! waiting, going away and limits of time, as with a model of full size on a slow machine.

use std::env::args;
use std::error::Error;
use std::io::{Write as _, stdout};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use calico_image::DecodeOptions;
use calico_model::{Observer, Photograph, Question, SegmentError, SegmentOptions, Stage};
use calico_result::{Answer, ImageEntry, Model, Segmentation};
use calico_serve::{Engine, Limits, Server, Settings};

/// How often somebody who goes away is noticed, as between two tokens.
const STEP: Duration = Duration::from_millis(50);

const WORD: &str = "Slowly.";

#[derive(Debug)]
struct Slow {
    model: Model,
    takes: Duration,
}

impl Engine for Slow {
    fn identity(&self) -> &Model {
        &self.model
    }

    fn notice(&self) -> Option<&str> {
        Some("This is no model: it only takes its time.")
    }

    fn decode_options(&self) -> DecodeOptions {
        DecodeOptions::default()
    }

    fn check(&self, _: usize, _: &Question, _: &SegmentOptions) -> Result<(), SegmentError> {
        Ok(())
    }

    fn segment(
        &self,
        photographs: &[Photograph],
        _: &Question,
        _: &SegmentOptions,
        observer: &mut dyn Observer,
    ) -> Result<Segmentation, SegmentError> {
        let start = Instant::now();
        observer.stage(Stage::Language { task: None });
        let mut has_spoken = false;
        while start.elapsed() < self.takes {
            if !observer.goes_on() {
                return Err(SegmentError::Stopped);
            }
            if start.elapsed() > self.takes / 2 && !has_spoken {
                has_spoken = true;
                let _ = observer.text(WORD);
            }
            sleep(STEP);
        }
        let entries = photographs.iter().zip(1..).map(|(photograph, index)| {
            ImageEntry::new(index, photograph.name.as_ref(), photograph.frame.size())
        });
        let mut result = Segmentation::new(self.model.clone(), entries.collect());
        result.answers.push(Answer::new(None, "", WORD, Vec::new()));
        Ok(result)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let numbers: Vec<u64> = args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    let number = |at: usize, default| numbers.get(at).copied().unwrap_or(default);
    let defaults = Limits::default();
    let limits = Limits {
        queue: number(1, defaults.queue as u64) as usize,
        wait_seconds: number(2, defaults.wait_seconds),
        ..defaults
    };
    let settings = Settings { limits, ..Settings::default() };
    let server = Server::bind(([127, 0, 0, 1], 0).into(), settings)?;
    writeln!(stdout(), "http://{}", server.address())?;
    let stopper = server.stopper();
    ctrlc::set_handler(move || stopper.stop())?;
    let model = Model { name: "slow".into(), preset: None };
    server.run(Arc::new(Slow { model, takes: Duration::from_secs(number(0, 20)) }))?;
    Ok(())
}
