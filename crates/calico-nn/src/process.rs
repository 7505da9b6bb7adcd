//! What a program does once, at its start, so that tensors are computed fast; and its memory.

use std::sync::OnceLock;

use calico_kernels::{Kernels, Level, LevelError};

/// Variables that candle and rayon read.
const THREADS: &str = "RAYON_NUM_THREADS";
const CANDLE_THREADS: &str = "CANDLE_NUM_THREADS";

static KERNELS: OnceLock<Kernels> = OnceLock::new();

/// The kernels of quantised products and of attention: the fastest of this machine, unless
/// [`settle_level`] was told to use fewer instructions.
pub fn kernels() -> Kernels {
    *KERNELS.get_or_init(Kernels::detect)
}

/// Settles the instructions that the kernels use, as the variable `CALICO_SIMD` asks; says which.
///
/// Whoever has computed something before has settled it already.
///
/// # Errors
/// If the variable names no level.
pub fn settle_level() -> Result<Level, LevelError> {
    let asked = Kernels::at(Level::from_environment(|name| std::env::var_os(name))?)?;
    Ok(KERNELS.get_or_init(|| asked).level())
}

/// Settles how many threads compute, and that freed memory is kept for the next tensor.
///
/// - candle would read the system's table of processors anew before every matrix product, which
///   doubles the time of a small model: the number of cores is written down once.
/// - candle's own workers spin while they wait, and take a core from those that compute.
/// - The allocator of glibc would give the memory of every large tensor back to the system and
///   take it again page by page, which costs a quarter of a training step.
///
/// Variables that are set already stay as they are.
///
/// # Safety
/// It sets environment variables: no other thread may run yet.
#[expect(unsafe_code, reason = "environment and allocator belong to the whole process")]
pub unsafe fn settle() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let is_count = |value: String| value.parse::<usize>().is_ok_and(|count| count > 0);
    for (name, count) in [(THREADS, cores), (CANDLE_THREADS, 1)] {
        if !std::env::var(name).is_ok_and(is_count) {
            // SAFETY: the caller promises that no other thread runs.
            unsafe { std::env::set_var(name, count.to_string()) };
        }
    }
    keep_memory();
}

/// Tensors of up to 32 MiB come from memory that is kept, of which 256 MiB may be free.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a setting of the C library")]
fn keep_memory() {
    const LARGEST_KEPT: libc::c_int = 32 << 20;
    const MOST_FREE: libc::c_int = 256 << 20;
    // SAFETY: both calls only change numbers of the allocator; it ignores what it cannot use.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGEST_KEPT);
        libc::mallopt(libc::M_TRIM_THRESHOLD, MOST_FREE);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn keep_memory() {}

/// Bytes that can be taken without pushing other programs out, where the system says.
pub fn available_bytes() -> Option<u64> {
    kibibytes("/proc/meminfo", "MemAvailable:")
}

/// The most memory that this process has held so far, in bytes, where the system says.
pub fn peak_bytes() -> Option<u64> {
    kibibytes("/proc/self/status", "VmHWM:")
}

/// The memory that this process holds, in bytes, where the system says.
pub fn resident_bytes() -> Option<u64> {
    kibibytes("/proc/self/status", "VmRSS:")
}

/// The value of `key` in one of Linux's tables, in bytes; other systems have no such file.
fn kibibytes(table: &str, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(table).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let value: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(value * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_says_what_is_free_and_what_is_held() {
        for bytes in [available_bytes(), peak_bytes(), resident_bytes()] {
            assert!(bytes.is_some_and(|bytes| bytes > 1 << 20));
        }
        assert!(resident_bytes() <= peak_bytes());
    }
}
