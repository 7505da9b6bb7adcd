//! Memory that requests hold: taken before it is used, given back when it is not.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::{Kind, Problem};

/// What one permit stands for, so that a count of 32 bits is enough.
const UNIT: u64 = 1024;

/// Memory for the requests of everybody.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    free: Arc<Semaphore>,
    units: usize,
}

/// Memory that is taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Share(OwnedSemaphorePermit);

impl Memory {
    pub(crate) fn new(bytes: usize) -> Self {
        let units = (bytes as u64).div_ceil(UNIT).min(u64::from(u32::MAX)) as usize;
        Self { free: Arc::new(Semaphore::new(units)), units }
    }

    /// Takes so many bytes, if they are free.
    pub(crate) fn take(&self, bytes: u64) -> Result<Share, Problem> {
        self.take_beside(0, bytes)
    }

    /// Takes so many bytes more for whoever has a share. What could never be had together is too
    /// large: waiting for it would be waiting for oneself.
    pub(crate) fn grow(&self, share: &mut Share, bytes: u64) -> Result<(), Problem> {
        let more = self.take_beside(share.0.num_permits() as u64, bytes)?;
        share.join(more);
        Ok(())
    }

    /// Takes memory for somebody who has so many units already.
    fn take_beside(&self, has: u64, bytes: u64) -> Result<Share, Problem> {
        let units = bytes.div_ceil(UNIT);
        if has.saturating_add(units) > self.units as u64 {
            let needs = has.saturating_add(units).saturating_mul(UNIT);
            let most = self.units as u64 * UNIT;
            let detail = format!(
                "the request needs {needs} bytes of memory, and the service has {most} for all \
                 requests together; send fewer or smaller pictures"
            );
            return Err(Problem::new(Kind::TooLarge, detail));
        }
        let permit = Arc::clone(&self.free).try_acquire_many_owned(units as u32);
        permit.map(Share).map_err(|_taken| {
            let detail = "other requests take all the memory that the service has for them; ask \
                          again in a moment";
            Problem::new(Kind::Memory, detail).retry_after(1)
        })
    }

    /// Bytes that are taken.
    pub(crate) fn taken(&self) -> u64 {
        (self.units - self.free.available_permits()) as u64 * UNIT
    }
}

impl Share {
    /// One share that is as large as both.
    pub(crate) fn join(&mut self, other: Self) {
        self.0.merge(other.0);
    }

    /// Takes a part of it out, as far as it has so much.
    pub(crate) fn split(&mut self, bytes: u64) -> Option<Self> {
        self.0.split(bytes.div_ceil(UNIT) as usize).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back() {
        let memory = Memory::new(10 << 10);
        let mut first = memory.take(4 << 10).unwrap();
        first.join(memory.take(4 << 10).unwrap());
        assert_eq!(memory.taken(), 8 << 10);
        assert_eq!(memory.take(3 << 10).unwrap_err().kind, Kind::Memory);
        drop(first);
        assert_eq!(memory.taken(), 0);
        drop(memory.take(10 << 10).unwrap());
    }

    #[test]
    fn a_share_is_given_back_in_parts() {
        let memory = Memory::new(10 << 10);
        let mut share = memory.take(6 << 10).unwrap();
        let part = share.split(4 << 10).unwrap();
        drop(share);
        assert_eq!(memory.taken(), 4 << 10);
        drop(part);
        assert_eq!(memory.taken(), 0);
    }

    #[test]
    fn what_can_never_be_had_is_too_large() {
        let memory = Memory::new(3 << 10);
        assert_eq!(memory.take(4 << 10).unwrap_err().kind, Kind::TooLarge);
        let mut share = memory.take(2 << 10).unwrap();
        assert_eq!(memory.grow(&mut share, 2 << 10).unwrap_err().kind, Kind::TooLarge);
        assert_eq!(memory.take(2 << 10).unwrap_err().kind, Kind::Memory);
        memory.grow(&mut share, 1 << 10).unwrap();
        assert_eq!(Memory::new(usize::MAX).take(u64::MAX).unwrap_err().kind, Kind::TooLarge);
    }
}
