use std::cell::Cell;

/// How much memory is held, and the most that ever was, in bytes.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    live: Cell<u64>,
    peak: Cell<u64>,
}

impl Ledger {
    pub(super) fn take(&self, bytes: u64) {
        let live = self.live.get().saturating_add(bytes);
        self.live.set(live);
        self.peak.set(self.peak.get().max(live));
    }

    pub(super) fn give_back(&self, bytes: u64) {
        self.live.set(self.live.get().saturating_sub(bytes));
    }

    pub(super) fn peak(&self) -> u64 {
        self.peak.get()
    }
}
