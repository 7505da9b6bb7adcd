use rayon::prelude::*;

use crate::kernel::{HALF, Kernel, accumulate, pixel};
use crate::{Filter, Frame, ImageError, Size};

/// The picture at another size, to the byte what `Image.resize` of Pillow 10 to 12 gives.
///
/// When shrinking, the filter is widened, so that every source pixel counts.
/// Rows are filtered before columns, with a rounding to 8 bits in between; a direction whose
/// length stays the same is left alone.
/// (Pillow 13 filters columns first where that is less work, which moves some bytes by one;
/// the published models were made with the order kept here.)
/// Fails if `size` has no pixels or does not fit into memory.
pub fn resize(frame: &Frame, size: Size, filter: Filter) -> Result<Frame, ImageError> {
    if size.is_empty() {
        return Err(ImageError::NoPixels { size });
    }
    let from = frame.size();
    if from.width == size.width && from.height == size.height {
        return Ok(frame.clone());
    }
    if from.height == size.height {
        return resize_rows(frame, size.width, filter);
    }
    if from.width == size.width {
        return resize_columns(frame, size.height, filter);
    }
    resize_columns(&resize_rows(frame, size.width, filter)?, size.height, filter)
}

/// Gives each row the length `width`.
fn resize_rows(frame: &Frame, width: u32, filter: Filter) -> Result<Frame, ImageError> {
    let from = frame.size();
    let size = Size::new(from.height, width);
    let mut pixels = black(size)?;
    let kernel = Kernel::new(filter, from.width, width);
    let windows = kernel.windows();
    pixels
        .par_chunks_exact_mut(width as usize * Frame::CHANNELS)
        .zip(frame.pixels().par_chunks_exact(from.width as usize * Frame::CHANNELS))
        .for_each(|(target, source)| {
            let source = source.as_chunks::<{ Frame::CHANNELS }>().0;
            let target = target.as_chunks_mut::<{ Frame::CHANNELS }>().0;
            for (target, window) in target.iter_mut().zip(&windows) {
                let mut sums = [HALF; Frame::CHANNELS];
                for (source, &weight) in source[window.start..].iter().zip(window.weights) {
                    for (sum, &value) in sums.iter_mut().zip(source) {
                        accumulate(sum, value, weight);
                    }
                }
                *target = sums.map(pixel);
            }
        });
    Frame::new(size, pixels)
}

/// Gives each column the length `height`.
fn resize_columns(frame: &Frame, height: u32, filter: Filter) -> Result<Frame, ImageError> {
    let from = frame.size();
    let size = Size::new(height, from.width);
    let mut pixels = black(size)?;
    let row = from.width as usize * Frame::CHANNELS;
    let kernel = Kernel::new(filter, from.height, height);
    pixels.par_chunks_exact_mut(row).zip(kernel.windows()).for_each_init(
        || vec![HALF; row],
        |sums, (target, window)| {
            sums.fill(HALF);
            let source = frame.pixels()[window.start * row..].chunks_exact(row);
            for (source, &weight) in source.zip(window.weights) {
                for (sum, &value) in sums.iter_mut().zip(source) {
                    accumulate(sum, value, weight);
                }
            }
            for (target, &sum) in target.iter_mut().zip(sums.iter()) {
                *target = pixel(sum);
            }
        },
    );
    Frame::new(size, pixels)
}

/// The bytes of a black picture, or an error where the allocator would abort.
fn black(size: Size) -> Result<Vec<u8>, ImageError> {
    let length = size.pixels().saturating_mul(Frame::CHANNELS as u64) as usize;
    let mut pixels = Vec::new();
    match pixels.try_reserve_exact(length) {
        Ok(()) => pixels.resize(length, 0),
        Err(_) => return Err(ImageError::OutOfMemory { size }),
    }
    Ok(pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_picture_stays_flat() {
        let frame = Frame::new(Size::new(5, 9), [10, 128, 255].repeat(45)).unwrap();
        for size in [Size::new(1, 1), Size::new(31, 2), Size::new(5, 9), Size::new(5, 30)] {
            let resized = resize(&frame, size, Filter::Bicubic).unwrap();
            assert_eq!(resized.size(), size);
            assert_eq!(resized.pixels(), [10, 128, 255].repeat(size.pixels() as usize));
        }
    }

    #[test]
    fn a_size_without_pixels_is_refused() {
        let frame = Frame::new(Size::new(1, 1), vec![0; 3]).unwrap();
        let error = resize(&frame, Size::new(0, 5), Filter::Bilinear).unwrap_err();
        assert!(matches!(error, ImageError::NoPixels { .. }));
    }

    #[test]
    fn a_size_beyond_all_memory_is_refused() {
        let error = black(Size::new(u32::MAX, u32::MAX)).unwrap_err();
        assert!(matches!(error, ImageError::OutOfMemory { .. }));
    }
}
