use std::io::{Error, ErrorKind, Read, Result};
use std::time::{Duration, Instant};

/// Bytes in a second; a server that sends less is given up as a silent one is.
const LEAST: f64 = 1024.0;

/// It is looked at after so many times the silence that is allowed.
const WINDOW: u32 = 6;

/// Reads answers, and sees to it that they arrive at some speed: whoever sends a byte now and then
/// is never silent, and never done.
#[derive(Debug)]
pub(crate) struct Pace {
    window: Duration,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// For servers that may be silent for so long.
    pub(crate) fn new(silence: Duration) -> Self {
        Self { window: silence.saturating_mul(WINDOW), waited: Duration::ZERO, bytes: 0 }
    }

    /// Reads once. Only the time in here counts, not what is done with the bytes.
    pub(crate) fn read(&mut self, reader: &mut dyn Read, block: &mut [u8]) -> Result<usize> {
        let start = Instant::now();
        let read = reader.read(block)?;
        self.waited += start.elapsed();
        self.bytes += read as u64;
        if read == 0 || self.waited < self.window {
            return Ok(read);
        }
        let (seconds, bytes) = (self.waited.as_secs_f64(), self.bytes);
        if (bytes as f64) < LEAST * seconds {
            let slow = format!("only {bytes} bytes came in {seconds:.0} s");
            return Err(Error::new(ErrorKind::TimedOut, slow));
        }
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Gives so many bytes at once, after a pause.
    struct Server(usize, Duration);

    impl Read for Server {
        fn read(&mut self, block: &mut [u8]) -> Result<usize> {
            thread::sleep(self.1);
            Ok(self.0.min(block.len()))
        }
    }

    fn reads(bytes: usize) -> Result<usize> {
        let pause = Duration::from_millis(2);
        let (mut pace, mut server) = (Pace::new(pause), Server(bytes, pause));
        (0..50).try_fold(0, |sum, _| Ok(sum + pace.read(&mut server, &mut [0; 4096])?))
    }

    #[test]
    fn whoever_trickles_is_given_up_and_whoever_is_slow_is_not() {
        let error = reads(1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().starts_with("only "), "{error}");
        assert_eq!(reads(4096).unwrap(), 50 * 4096);
        assert_eq!(reads(0).unwrap(), 0);
    }
}
