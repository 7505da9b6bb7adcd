/// Sees a pull while it goes on. Every method does nothing by default.
pub trait PullObserver {
    /// It is known what is to come: so many files, and so many bytes of them, what earlier pulls
    /// have left of them included.
    fn begins(&mut self, files: usize, bytes: u64) {
        let _ = (files, bytes);
    }

    /// A file of so many bytes begins to arrive.
    fn file(&mut self, name: &str, bytes: u64) {
        let _ = (name, bytes);
    }

    /// So many bytes of all that is to come are here. Less than before if a file begins anew.
    fn arrived(&mut self, bytes: u64) {
        let _ = bytes;
    }

    /// Something is not as it should be, but the pull goes on: a cut connection, a busy server,
    /// another process that has the file.
    fn warns(&mut self, warning: &str) {
        let _ = warning;
    }
}

/// Sees nothing.
impl PullObserver for () {}
